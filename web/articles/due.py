"""What happens to an article on its day, by itself: published as approved, withdrawn as expired.

Rule: what cannot be done on its day is not lost: it waits for a person, or for the next sweep.
"""

from __future__ import annotations

import structlog

from web.articles import article_files, revisions
from web.articles.article_files import ArticleChanged, ArticleNotFound
from web.articles.editing import PUBLISHED, NotEditable
from web.articles.review import check_ready, publish_row
from web.articles.revisions import RevisionGone
from web.articles.work import open_work
from web.articles.writing import NotReady, open_revision, record, withdraw
from web.models import Revision, RevisionState
from web.privacy.audit import Act
from web.services import Services

logger = structlog.get_logger()


def publish_due(services: Services) -> int:
    """Publish what was approved for a day that has come. Returns how many were."""
    with services.database.reading() as session:
        rows = revisions.due(session, services.today())
    done = 0
    for row in rows:
        try:
            check_ready(services, row, row.content.encode())
            publish_row(services, row, row.content.encode(), None)
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
        row = open_revision(session, row.article_id, row.number)
        revisions.move(row, RevisionState.IN_REVIEW, services.clock())
        record(session, services, Act.ARTICLE_RETURNED, row.article_id, None)


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
