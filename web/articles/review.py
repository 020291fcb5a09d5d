"""What people do with an article: write, ask for review, approve, send back, publish, withdraw.

Rule: the file is the truth for what is published, and nothing else is written to the folder. Who
wrote a text does not approve it (`[review] two_people`). Nothing is saved that was made from an
older version than the newest one, nothing is published that `proofreading` stops, and each act
stands in the audit log or did not happen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import structlog
from sqlalchemy.orm import Session

from web.articles import (
    article_files,
    drafts,
    editing,
    front_matter,
    hosts,
    proofreading,
    revisions,
    translations,
)
from web.articles.article_files import ArticleChanged, ArticleNotFound
from web.articles.drafts import Draft
from web.articles.editing import PUBLISHED, Checked, NotEditable, Opened, subject_of
from web.articles.revisions import Found, RevisionGone, Written
from web.config import Settings
from web.models import Origin, Revision, RevisionState
from web.privacy import audit
from web.privacy.audit import Act
from web.services import Services

WITHDRAWN = "withdrawn"
MAX_TWINS = 50
MAX_COMMENT = 2_000
# A folder of hundreds at once would keep patients from writing for seconds.
TAKEN_UP_AT_ONCE = 10
PATIENTS_FIRST_S = 0.02
# A reviewer's approval fills these in where the author left them empty.
FILLED_BY_APPROVAL = ("reviewed_by", "reviewed_on")

logger = structlog.get_logger()


class NotReady(Exception):
    """Something found in the draft stops it."""


class OwnWork(Exception):
    """Who wrote it may not approve it."""


class CommentMissing(Exception):
    """Who sends a draft back says why."""


@dataclass(frozen=True)
class Work:
    """An article as somebody finds it.

    opened: the open revision where there is one, else the file. number: of the newest revision.
    file: what the folder holds, None where it holds none.
    """

    opened: Opened
    number: int
    open: Revision | None
    in_folder: Revision | None
    file: Opened | None

    @property
    def is_overtaken(self) -> bool:
        """The file is another one than the open revision was made from."""
        return self.open is not None and self.opened.digest != (
            self.file.digest if self.file else ""
        )

    @property
    def changed_outside(self) -> Revision | None:
        """What the folder holds, where nobody of us wrote it; the first one seen is just there."""
        row = self.in_folder
        return row if row and row.origin is Origin.OUTSIDE and row.number > 1 else None


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


# Opening -----------------------------------------------------------------------------------------


def open_work(services: Services, article_id: str, *, lost: bool = False) -> Work:
    """Raises ArticleNotFound, NotEditable.

    lost: take a file that was removed while somebody wrote for an empty one.
    """
    settings = services.settings
    take_up(services, [article_id])
    with services.database.reading() as session:
        row = revisions.open_of(session, article_id)
        here = revisions.in_folder(session, article_id)
        number = revisions.newest_number(session, article_id)
    try:
        file: Opened | None = editing.open_article(settings, article_id)
    except ArticleNotFound:
        if row is None and not lost:
            raise
        file = None
    if row is not None:
        opened = opened_of(row)
    else:
        opened = file or editing.open_or_lost(settings, article_id)
    return Work(opened, number, row, here, file)


def opened_of(row: Revision) -> Opened:
    """Return a revision as an article in fields."""
    document = front_matter.read(row.content.encode())
    draft = drafts.of_document(document)
    return Opened(row.article_id, document, draft, row.base_digest)


def new_work(settings: Settings, topic: str, lang: str, kind: str = "") -> Work:
    return Work(editing.new_article(settings, topic, lang, kind), 0, None, None, None)


# Writing -----------------------------------------------------------------------------------------


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
        _record(session, services, act, name, staff_id)
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
            _record(session, services, Act.ARTICLE_PUBLISHED, name, staff_id)
    return Saved(name, RevisionState.PUBLISHED, _make_live(services, name))


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
            _record(session, services, act, name, staff_id)
    return Saved(name, RevisionState.WITHDRAWN, _make_live(services, name))


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
        _record(session, services, Act.ARTICLE_RESTORED, name, staff_id)
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
        row = _open(session, article_id, number)
        revisions.move(row, RevisionState.DISCARDED, services.clock())
        _record(session, services, Act.ARTICLE_DISCARDED, article_id, staff_id)


# Review ------------------------------------------------------------------------------------------


def approve(services: Services, article_id: str, number: int, *, staff_id: int, name: str) -> Saved:
    """Publish what somebody else wrote, now or on its day.

    Raises RevisionGone, OwnWork, NotReady, ArticleChanged, article_files.ArticleNotWritten.
    """
    with services.database.reading() as session:
        row = _open(session, article_id, number)
    if row.state is not RevisionState.IN_REVIEW:
        raise RevisionGone(article_id)
    if row.author_id == staff_id and services.settings.review.two_people:
        raise OwnWork(article_id)
    content = _vouched_for(services, row, name)
    _check_ready(services, row, content)
    if row.publish_on and row.publish_on > services.today():
        return _schedule(services, row, content, staff_id)
    return _publish_row(services, row, content, staff_id)


def _vouched_for(services: Services, row: Revision, name: str) -> bytes:
    """Put the reviewer's name and the day where the author left them empty."""
    document = front_matter.read(row.content.encode())
    values = {"reviewed_by": name, "reviewed_on": services.today().isoformat()}
    empty = {key: value for key, value in values.items() if not document.value(key)}
    return document.with_values(empty).to_bytes() if empty else row.content.encode()


def _check_ready(services: Services, row: Revision, content: bytes) -> None:
    opened = replace(opened_of(row), document=front_matter.read(content))
    draft = drafts.of_document(opened.document)
    checked = editing.check(services.settings, opened, draft, PUBLISHED, services.clock())
    if not checked.is_ready:
        raise NotReady(row.article_id)


def _schedule(services: Services, row: Revision, content: bytes, staff_id: int) -> Saved:
    with services.database.transaction() as session:
        row = _open(session, row.article_id, row.number)
        revisions.set_content(row, content)
        revisions.move(row, RevisionState.SCHEDULED, services.clock(), staff_id)
        _record(session, services, Act.ARTICLE_APPROVED, row.article_id, staff_id)
    return Saved(row.article_id, RevisionState.SCHEDULED)


def _publish_row(
    services: Services, row: Revision, content: bytes, approver_id: int | None
) -> Saved:
    """approver_id: None where somebody approved it before and its day has come."""
    name = row.article_id
    with services.publisher.writing(name, content, row.base_digest):
        with services.database.transaction() as session:
            row = _open(session, name, row.number)
            revisions.set_content(row, content)
            revisions.move(row, RevisionState.PUBLISHED, services.clock(), approver_id)
            _record(session, services, Act.ARTICLE_PUBLISHED, name, approver_id)
    return Saved(name, RevisionState.PUBLISHED, _make_live(services, name))


def send_back(
    services: Services, article_id: str, number: int, text: str, *, staff_id: int
) -> None:
    """Return a draft to its author, who is told why. Raises CommentMissing, RevisionGone."""
    if not text.strip():
        raise CommentMissing(article_id)
    with services.database.transaction() as session:
        row = _open(session, article_id, number)
        revisions.move(row, RevisionState.DRAFT, services.clock())
        revisions.say(session, row, text.strip()[:MAX_COMMENT], staff_id, services.clock())
        _record(session, services, Act.ARTICLE_RETURNED, article_id, staff_id)


def comment(services: Services, article_id: str, number: int, text: str, *, staff_id: int) -> None:
    """Raises CommentMissing, RevisionGone."""
    if not text.strip():
        raise CommentMissing(article_id)
    with services.database.transaction() as session:
        row = revisions.find(session, article_id, number)
        if row is None:
            raise RevisionGone(article_id)
        revisions.say(session, row, text.strip()[:MAX_COMMENT], staff_id, services.clock())
        _record(session, services, Act.ARTICLE_COMMENTED, article_id, staff_id)


def _open(session: Session, article_id: str, number: int) -> Revision:
    row = revisions.open_of(session, article_id)
    if row is None or row.number != number:
        raise RevisionGone(article_id)
    return row


# By itself ---------------------------------------------------------------------------------------


def take_up(services: Services, article_ids: list[str] | None = None) -> int:
    """Keep as revisions what was changed in the folder by hand or by git. Returns how many.

    article_ids: only these; None for all of the folder.
    """
    files = list(_files(services.settings, article_ids))
    with services.database.reading() as session:
        known = revisions.known_digests(session, article_ids)
    new = [each for each in files if known.get(each.article_id) != each.digest]
    if services.bus is not None:  # another host may have published since
        with services.database.reading() as session:
            new = hosts.changed_here(session, new)
    if not new:
        return 0
    new.sort(key=lambda each: bool(each.translation_of))  # originals first: see revisions.take_up
    for start in range(0, len(new), TAKEN_UP_AT_ONCE):
        services.stopping.wait(PATIENTS_FIRST_S if start else 0)
        with services.database.transaction() as session:
            some = new[start : start + TAKEN_UP_AT_ONCE]
            for row in revisions.take_up(session, some, services.clock()):
                if row.number > 1:
                    _record(session, services, Act.ARTICLE_CHANGED_OUTSIDE, row.article_id, None)
    return len(new)


def _files(settings: Settings, article_ids: list[str] | None) -> list[Found]:
    if article_ids is None:
        found = article_files.entries(settings.articles_dir)
    else:
        found = article_files.some_entries(settings.articles_dir, article_ids)
    return [
        Found(entry.id, entry.text.encode(), entry.article.translation_of)
        for entry in found
        if entry.article is not None
    ]


def publish_due(services: Services) -> int:
    """Publish what was approved for a day that has come. Returns how many were."""
    with services.database.reading() as session:
        rows = revisions.due(session, services.today())
    done = 0
    for row in rows:
        try:
            _check_ready(services, row, row.content.encode())
            _publish_row(services, row, row.content.encode(), None)
            done += 1
        except (NotReady, ArticleChanged, article_files.ArticleNotWritten, RevisionGone) as error:
            _back_to_review(services, row, error)
    return done


def _back_to_review(services: Services, row: Revision, error: Exception) -> None:
    """What cannot be published on its day waits for a person, and says so in the list."""
    logger.warning("article.not_published_on_its_day", error=type(error).__name__)
    if isinstance(error, article_files.ArticleNotWritten):
        return  # the disk: tried again at the next sweep
    with services.database.transaction() as session:
        row = _open(session, row.article_id, row.number)
        revisions.move(row, RevisionState.IN_REVIEW, services.clock())
        _record(session, services, Act.ARTICLE_RETURNED, row.article_id, None)


def withdraw_expired(services: Services) -> int:
    """Withdraw what has passed its last day; the index left it out at midnight already."""
    today, done = services.today(), 0
    for entry in article_files.entries(services.settings.articles_dir):
        article = entry.article
        if article is None or article.status != PUBLISHED or article.expires_on is None:
            continue
        if article.expires_on > today:
            continue
        try:
            work = open_work(services, entry.id)
            digest = work.file.digest if work.file else ""
            withdraw(services, work, replaces=digest, staff_id=None)
            done += 1
        except (ArticleChanged, ArticleNotFound, NotEditable, article_files.ArticleNotWritten):
            logger.warning("article.not_withdrawn_on_its_day")
    return done


# Shared ------------------------------------------------------------------------------------------


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


def _record(
    session: Session, services: Services, act: Act, name: str, staff_id: int | None
) -> None:
    audit.record(session, act, subject_of(name), staff_id=staff_id, at=services.clock())


def _make_live(services: Services, name: str) -> bool:
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
