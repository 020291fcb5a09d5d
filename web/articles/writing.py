"""What an author does with an article: write, ask for review, publish, withdraw, restore, discard.

Rule: the file is the truth for what is published, and nothing else is written to the folder.
Nothing is saved that was made from an older version than the newest one, nothing is published that
`proofreading` stops, and each act stands in the audit log or did not happen.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from sqlalchemy.orm import Session

from web.articles import (
    article_files,
    drafts,
    editing,
    front_matter,
    proofreading,
    revisions,
    translations,
)
from web.articles.article_files import ArticleChanged
from web.articles.drafts import Draft
from web.articles.editing import PUBLISHED, Checked, subject_of
from web.articles.revisions import RevisionGone, Written
from web.articles.work import Work
from web.models import Origin, Revision, RevisionState
from web.privacy import audit
from web.privacy.audit import Act
from web.services import Services

WITHDRAWN = "withdrawn"
MAX_TWINS = 50
# A reviewer's approval fills these in where the author left them empty.
FILLED_BY_APPROVAL = ("reviewed_by", "reviewed_on")

logger = structlog.get_logger()


class NotReady(Exception):
    """Something found in the draft stops it."""


class OwnWork(Exception):
    """Who wrote it may not approve it."""


@dataclass(frozen=True)
class Seen:
    """What a form was made from: the digest of the file and the number of the newest revision."""

    digest: str
    number: int


@dataclass(frozen=True)
class Saved:
    id: str
    state: RevisionState
    is_live: bool = False


@dataclass(frozen=True)
class Wish:
    """What an author says of a change, beside the text. follows: of a translation, that it says
    what the original says now."""

    is_substance: bool = False
    follows: bool = False


def save(
    services: Services,
    work: Work,
    draft: Draft,
    seen: Seen,
    *,
    staff_id: int,
    submit: bool = False,
    wish: Wish | None = None,
) -> Saved:
    """Keep a draft for staff, or give it to a reviewer. Raises NotReady, ArticleChanged."""
    checked = editing.check(services.settings, work.opened, draft, PUBLISHED, services.clock())
    if checked.article is None or (submit and not _is_fit_for_review(checked)):
        raise NotReady(work.opened.id)
    name = work.opened.id or _free_name(services, draft)
    _check_seen(work, seen)
    state = RevisionState.IN_REVIEW if submit else RevisionState.DRAFT
    act = Act.ARTICLE_SUBMITTED if submit else Act.ARTICLE_SAVED
    with services.database.transaction() as session:
        written = _written(session, name, checked, seen, staff_id, wish or Wish())
        _check_newest(session, name, seen)
        revisions.add(session, written, state, services.clock())
        record(session, services, act, name, staff_id)
    return Saved(name, state)


def publish(
    services: Services,
    work: Work,
    draft: Draft,
    seen: Seen,
    *,
    staff_id: int,
    wish: Wish | None = None,
) -> Saved:
    """Publish one's own draft at once, where one person may. Raises as `save` does, and OwnWork.

    article_files.ArticleNotWritten when the disk refuses; then nothing has changed.
    """
    if services.settings.review.two_people:
        raise OwnWork(work.opened.id)
    checked = editing.check(services.settings, work.opened, draft, PUBLISHED, services.clock())
    if not checked.is_ready:
        raise NotReady(work.opened.id)
    name = work.opened.id or _free_name(services, draft)
    _check_seen(work, seen)
    with services.publisher.writing(name, checked.content, seen.digest):
        with services.database.transaction() as session:
            written = _written(session, name, checked, seen, staff_id, wish or Wish())
            _check_newest(session, name, seen)
            row = revisions.add(session, written, RevisionState.DRAFT, services.clock())
            revisions.move(row, RevisionState.PUBLISHED, services.clock(), staff_id)
            record(session, services, Act.ARTICLE_PUBLISHED, name, staff_id)
    return Saved(name, RevisionState.PUBLISHED, make_live(services, name))


def withdraw(services: Services, work: Work, *, replaces: str, staff_id: int | None) -> Saved:
    """Take an article from patients at once; its words stay. staff_id None: its day has come.

    Raises ArticleChanged, article_files.ArticleNotWritten.
    """
    if work.file is None:
        raise ArticleChanged(work.opened.id)
    name = work.opened.id
    content = work.file.document.with_values({"status": WITHDRAWN}).to_bytes()
    act = Act.ARTICLE_EXPIRED if staff_id is None else Act.ARTICLE_WITHDRAWN
    before = work.in_folder
    source = before.source_number if before else None
    with services.publisher.writing(name, content, replaces):
        with services.database.transaction() as session:
            written = Written(name, content, replaces, staff_id, source_number=source)
            revisions.add_in_folder(session, written, RevisionState.WITHDRAWN, services.clock())
            record(session, services, act, name, staff_id)
    return Saved(name, RevisionState.WITHDRAWN, make_live(services, name))


def restore(services: Services, work: Work, number: int, *, staff_id: int) -> Saved:
    """Make an old revision the draft; nothing is published by it. Raises RevisionGone."""
    name = work.opened.id
    with services.database.transaction() as session:
        old = revisions.find(session, name, number)
        if old is None:
            raise RevisionGone(name)
        content = _as_published(old.content)
        digest = work.file.digest if work.file else ""
        written = Written(
            name, content, digest, staff_id, Origin.RESTORED, source_number=old.source_number
        )
        revisions.add(session, written, RevisionState.DRAFT, services.clock())
        record(session, services, Act.ARTICLE_RESTORED, name, staff_id)
    return Saved(name, RevisionState.DRAFT)


def _as_published(content: str) -> bytes:
    """A withdrawn text comes back as one that can be published."""
    document = front_matter.read(content.encode())
    if document.value("status") in ("", PUBLISHED):
        return content.encode()
    return document.with_values({"status": PUBLISHED}).to_bytes()


def discard(services: Services, article_id: str, number: int, *, staff_id: int) -> None:
    """Put a draft aside; it stays among the revisions. Raises RevisionGone."""
    with services.database.transaction() as session:
        row = open_revision(session, article_id, number)
        revisions.move(row, RevisionState.DISCARDED, services.clock())
        record(session, services, Act.ARTICLE_DISCARDED, article_id, staff_id)


# Shared ------------------------------------------------------------------------------------------


def open_revision(session: Session, article_id: str, number: int) -> Revision:
    """Raises RevisionGone when this is not the open one (any more)."""
    row = revisions.open_of(session, article_id)
    if row is None or row.number != number:
        raise RevisionGone(article_id)
    return row


def _is_fit_for_review(checked: Checked) -> bool:
    """Everything is in order but what the reviewer's approval fills in."""
    problems = (place.problem for place in checked.places)
    return proofreading.is_ready(
        problem for problem in problems if problem.field not in FILLED_BY_APPROVAL
    )


def _check_seen(work: Work, seen: Seen) -> None:
    now = work.file.digest if work.file else ""
    if (now, work.number) != (seen.digest, seen.number):
        raise ArticleChanged(work.opened.id)


def _check_newest(session: Session, name: str, seen: Seen) -> None:
    """Again, now that nobody else can write."""
    if revisions.newest_number(session, name) != seen.number:
        raise ArticleChanged(name)


def _written(
    session: Session, name: str, checked: Checked, seen: Seen, staff_id: int, wish: Wish
) -> Written:
    assert checked.article is not None
    source = _source_number(session, name, checked.article.translation_of, follows=wish.follows)
    return Written(
        name,
        checked.content,
        seen.digest,
        staff_id,
        is_substance=wish.is_substance,
        source_number=source,
    )


def _source_number(session: Session, name: str, origin: str, *, follows: bool) -> int | None:
    """Return the revision of the original that a translation says."""
    if not origin:
        return None
    before = revisions.open_of(session, name) or revisions.in_folder(session, name)
    if before is not None and before.source_number is not None and not follows:
        return before.source_number
    row = revisions.in_folder(session, origin)
    return row.number if row else None


def record(session: Session, services: Services, act: Act, name: str, staff_id: int | None) -> None:
    audit.record(session, act, subject_of(name), staff_id=staff_id, at=services.clock())


def make_live(services: Services, name: str) -> bool:
    """Let the chat use the file now. Tells whether patients can be shown the article."""
    translations.withhold(services)
    try:
        services.publisher.refresh()
    except Exception as error:
        # The file is written: the publisher's own thread tries again in a second.
        logger.error("index.build_failed", error=type(error).__name__)
    index = services.publisher.index
    return index is not None and name in index.articles


def _free_name(services: Services, draft: Draft) -> str:
    name = drafts.name_for(draft)
    names = [name, *(f"{name}-{number}" for number in range(2, MAX_TWINS))]
    folder = services.settings.articles_dir
    with services.database.reading() as session:
        return next(
            (
                each
                for each in names
                if not article_files.exists(folder, each)
                and not revisions.newest_number(session, each)
            ),
            name,
        )
