"""The revisions of an article: each saved version, who wrote it, who approved it, what was said.

Rule: a row's words never change once it is published, and none is ever removed. One revision of an
article is open at most: the draft, or what waits for a reviewer or for its day. What the folder
holds is the newest row that is published or withdrawn; a file that differs was changed by somebody
outside, and is taken up as a row of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from web.articles import article_files, drafts
from web.models import (
    OPEN_REVISION_STATES,
    Origin,
    ReviewComment,
    Revision,
    RevisionState,
    Staff,
)

IN_FOLDER = (RevisionState.PUBLISHED, RevisionState.WITHDRAWN)
# States a revision goes to from which; nothing else happens to one.
STEPS = {
    RevisionState.DRAFT: (RevisionState.IN_REVIEW, RevisionState.SCHEDULED),
    RevisionState.IN_REVIEW: (RevisionState.DRAFT, RevisionState.SCHEDULED),
    RevisionState.SCHEDULED: (RevisionState.IN_REVIEW,),
    RevisionState.PUBLISHED: OPEN_REVISION_STATES,
    RevisionState.REPLACED: OPEN_REVISION_STATES,
    RevisionState.DISCARDED: OPEN_REVISION_STATES,
}


class RevisionGone(Exception):
    """Somebody else took the next step already."""


@dataclass(frozen=True)
class Written:
    """A version to be kept. base_digest: of the file it was made from, "" for a new article."""

    article_id: str
    content: bytes
    base_digest: str
    author_id: int | None
    origin: Origin = Origin.EDITOR
    is_substance: bool = False
    source_number: int | None = None


@dataclass(frozen=True)
class Found:
    """A file as it stands in the folder."""

    article_id: str
    content: bytes
    translation_of: str = ""

    @property
    def digest(self) -> str:
        return article_files.digest_of(self.content)


@dataclass(frozen=True)
class Told:
    """A comment, with who said it of which revision."""

    number: int
    name: str
    text: str
    at: datetime


# Looking -----------------------------------------------------------------------------------------


def history(session: Session, article_id: str) -> list[Revision]:
    """Return all of them, newest first."""
    query = select(Revision).where(Revision.article_id == article_id)
    return list(session.scalars(query.order_by(Revision.number.desc())))


def find(session: Session, article_id: str, number: int) -> Revision | None:
    query = select(Revision).where(Revision.article_id == article_id, Revision.number == number)
    return session.scalar(query)


def newest_number(session: Session, article_id: str) -> int:
    """Return 0 where there is none yet."""
    query = select(func.max(Revision.number)).where(Revision.article_id == article_id)
    return session.scalar(query) or 0


def open_of(session: Session, article_id: str) -> Revision | None:
    query = select(Revision).where(
        Revision.article_id == article_id, Revision.state.in_(OPEN_REVISION_STATES)
    )
    return session.scalar(query)


def all_open(session: Session) -> list[Revision]:
    query = select(Revision).where(Revision.state.in_(OPEN_REVISION_STATES))
    return list(session.scalars(query.order_by(Revision.created_at, Revision.id)))


def count_in_review(session: Session) -> int:
    query = select(func.count(Revision.id)).where(Revision.state == RevisionState.IN_REVIEW)
    return session.scalar(query) or 0


def in_folder(session: Session, article_id: str) -> Revision | None:
    """Return what the folder holds as far as is known."""
    query = select(Revision).where(Revision.article_id == article_id, Revision.state.in_(IN_FOLDER))
    return session.scalar(query.order_by(Revision.number.desc()).limit(1))


def known_digests(session: Session, article_ids: Sequence[str] | None = None) -> dict[str, str]:
    """Return article → the digest of its newest revision in the folder; of all, or of these."""
    query = select(Revision.article_id, Revision.digest).where(Revision.state.in_(IN_FOLDER))
    if article_ids is not None:
        query = query.where(Revision.article_id.in_(article_ids))
    rows = session.execute(query.order_by(Revision.number))
    return {row.article_id: row.digest for row in rows}


def names(session: Session, ids: Iterable[int | None]) -> Mapping[int, str]:
    query = select(Staff.id, Staff.name).where(Staff.id.in_({each for each in ids if each}))
    return {row.id: row.name for row in session.execute(query)}


# Writing -----------------------------------------------------------------------------------------


def add(session: Session, written: Written, state: RevisionState, at: datetime) -> Revision:
    """Keep a version; the open one, if there is any, is replaced by it."""
    if (before := open_of(session, written.article_id)) is not None:
        _move(before, RevisionState.REPLACED, at)
        session.flush()
    return add_in_folder(session, written, state, at)


def add_in_folder(
    session: Session, written: Written, state: RevisionState, at: datetime
) -> Revision:
    """Keep a version beside an open one."""
    text = written.content.decode()
    row = Revision(
        article_id=written.article_id,
        number=newest_number(session, written.article_id) + 1,
        state=state,
        origin=written.origin,
        content=text,
        digest=article_files.digest_of(written.content),
        base_digest=written.base_digest,
        is_substance=written.is_substance,
        source_number=written.source_number,
        publish_on=drafts.publish_on(text),
        author_id=written.author_id,
        created_at=at,
    )
    session.add(row)
    session.flush()
    return row


def move(row: Revision, state: RevisionState, at: datetime, by: int | None = None) -> None:
    """Take the next step. `by`: who approved it. Raises RevisionGone where there is no such one."""
    if row.state not in STEPS[state]:
        raise RevisionGone(f"{row.state} → {state}")
    _move(row, state, at)
    if by is not None:
        row.approver_id = by


def _move(row: Revision, state: RevisionState, at: datetime) -> None:
    row.state = state
    row.decided_at = at


def set_content(row: Revision, content: bytes) -> None:
    """Write down what a reviewer's name adds, just before it is published."""
    if row.state not in OPEN_REVISION_STATES:
        raise RevisionGone(str(row.state))
    row.content, row.digest = content.decode(), article_files.digest_of(content)


def take_up(session: Session, files: Iterable[Found], at: datetime) -> list[Revision]:
    """Keep the files that are not as we knew them. Returns the rows that were made.

    A translation whose file changed outside may or may not have followed its original: it keeps the
    number it had. One seen for the first time is taken for a translation of what is there.
    """
    files, made = list(files), []
    known = known_digests(session, [each.article_id for each in files])
    wanted = [each for each in files if known.get(each.article_id) != each.digest]
    for each in sorted(wanted, key=lambda one: bool(one.translation_of)):
        before = in_folder(session, each.article_id)
        source = before.source_number if before else _current(session, each.translation_of)
        written = Written(each.article_id, each.content, "", None, Origin.OUTSIDE, False, source)
        row = add_in_folder(session, written, RevisionState.PUBLISHED, at)
        row.decided_at = at
        made.append(row)
    return made


def _current(session: Session, article_id: str) -> int | None:
    row = in_folder(session, article_id) if article_id else None
    return row.number if row else None


def due(session: Session, today: date) -> Sequence[Revision]:
    """Return what was approved for a day that has come."""
    query = select(Revision).where(
        Revision.state == RevisionState.SCHEDULED, Revision.publish_on <= today
    )
    return session.scalars(query.order_by(Revision.publish_on, Revision.id)).all()


# Comments ----------------------------------------------------------------------------------------


def say(session: Session, row: Revision, text: str, staff_id: int, at: datetime) -> None:
    comment = ReviewComment(article_id=row.article_id, number=row.number, staff_id=staff_id, at=at)
    comment.text = text
    session.add(comment)


def said(session: Session, article_id: str) -> list[Told]:
    """Return the comments, oldest first."""
    query = (
        select(ReviewComment, Staff.name)
        .join(Staff, Staff.id == ReviewComment.staff_id)
        .where(ReviewComment.article_id == article_id)
        .order_by(ReviewComment.id)
    )
    return [Told(row.number, name, row.text, row.at) for row, name in session.execute(query)]
