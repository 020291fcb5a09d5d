"""What a reviewer does with an article: approve it, now or for its day, send it back, comment.

Rule: who wrote a text does not approve it (`[review] two_people`), and nothing is approved that
`proofreading` stops.
"""

from __future__ import annotations

from dataclasses import replace

from web.articles import drafts, editing, front_matter, revisions
from web.articles.editing import PUBLISHED
from web.articles.revisions import RevisionGone
from web.articles.work import opened_of
from web.articles.writing import NotReady, OwnWork, Saved, make_live, open_revision, record
from web.models import Revision, RevisionState
from web.privacy.audit import Act
from web.services import Services

MAX_COMMENT = 2_000


class CommentMissing(Exception):
    """Who sends a draft back says why."""


def approve(services: Services, article_id: str, number: int, *, staff_id: int, name: str) -> Saved:
    """Publish what somebody else wrote, now or on its day.

    Raises RevisionGone, OwnWork, NotReady, ArticleChanged, article_files.ArticleNotWritten.
    """
    with services.database.reading() as session:
        row = open_revision(session, article_id, number)
    if row.state is not RevisionState.IN_REVIEW:
        raise RevisionGone(article_id)
    if row.author_id == staff_id and services.settings.review.two_people:
        raise OwnWork(article_id)
    content = _vouched_for(services, row, name)
    check_ready(services, row, content)
    if row.publish_on and row.publish_on > services.today():
        return _schedule(services, row, content, staff_id)
    return publish_row(services, row, content, staff_id)


def _vouched_for(services: Services, row: Revision, name: str) -> bytes:
    """Put the reviewer's name and the day where the author left them empty."""
    document = front_matter.read(row.content.encode())
    values = {"reviewed_by": name, "reviewed_on": services.today().isoformat()}
    empty = {key: value for key, value in values.items() if not document.value(key)}
    return document.with_values(empty).to_bytes() if empty else row.content.encode()


def check_ready(services: Services, row: Revision, content: bytes) -> None:
    opened = replace(opened_of(row), document=front_matter.read(content))
    draft = drafts.of_document(opened.document)
    checked = editing.check(services.settings, opened, draft, PUBLISHED, services.clock())
    if not checked.is_ready:
        raise NotReady(row.article_id)


def _schedule(services: Services, row: Revision, content: bytes, staff_id: int) -> Saved:
    with services.database.transaction() as session:
        row = open_revision(session, row.article_id, row.number)
        revisions.set_content(row, content)
        revisions.move(row, RevisionState.SCHEDULED, services.clock(), staff_id)
        record(session, services, Act.ARTICLE_APPROVED, row.article_id, staff_id)
    return Saved(row.article_id, RevisionState.SCHEDULED)


def publish_row(
    services: Services, row: Revision, content: bytes, approver_id: int | None
) -> Saved:
    """approver_id: None where somebody approved it before and its day has come."""
    name = row.article_id
    with services.publisher.writing(name, content, row.base_digest):
        with services.database.transaction() as session:
            row = open_revision(session, name, row.number)
            revisions.set_content(row, content)
            revisions.move(row, RevisionState.PUBLISHED, services.clock(), approver_id)
            record(session, services, Act.ARTICLE_PUBLISHED, name, approver_id)
    return Saved(name, RevisionState.PUBLISHED, make_live(services, name))


def send_back(
    services: Services, article_id: str, number: int, text: str, *, staff_id: int
) -> None:
    """Return a draft to its author, who is told why. Raises CommentMissing, RevisionGone."""
    if not text.strip():
        raise CommentMissing(article_id)
    with services.database.transaction() as session:
        row = open_revision(session, article_id, number)
        revisions.move(row, RevisionState.DRAFT, services.clock())
        revisions.say(session, row, text.strip()[:MAX_COMMENT], staff_id, services.clock())
        record(session, services, Act.ARTICLE_RETURNED, article_id, staff_id)


def comment(services: Services, article_id: str, number: int, text: str, *, staff_id: int) -> None:
    """Raises CommentMissing, RevisionGone."""
    if not text.strip():
        raise CommentMissing(article_id)
    with services.database.transaction() as session:
        row = revisions.find(session, article_id, number)
        if row is None:
            raise RevisionGone(article_id)
        revisions.say(session, row, text.strip()[:MAX_COMMENT], staff_id, services.clock())
        record(session, services, Act.ARTICLE_COMMENTED, article_id, staff_id)
