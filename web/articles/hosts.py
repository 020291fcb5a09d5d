"""Several hosts, one set of articles: on PostgreSQL what is published stands in the database.

Rule: each host writes out what another has published, within seconds, and its own publisher indexes
it. A file that was published once and is not any more is old, never a change; a file nobody ever
published was changed here by hand and is left for `outside.take_up`. What a host finds different
when it starts is old as well: it is kept in `var/replaced-articles`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from search.articles import ArticleInvalid
from web.articles import article_files
from web.articles.article_files import ArticleChanged, ArticleNotFound, ArticleNotWritten
from web.models import Revision, RevisionState
from web.services import Services

LOOK_S = 1.0
PUBLISHED = (RevisionState.PUBLISHED, RevisionState.WITHDRAWN)

logger = structlog.get_logger()


class _Named(Protocol):
    @property
    def article_id(self) -> str: ...
    @property
    def digest(self) -> str: ...


Named = TypeVar("Named", bound=_Named)


class Follower:
    """Follows what other hosts publish, in a thread of its own."""

    def __init__(
        self, services: Services, context: Callable[[], AbstractContextManager[Any]]
    ) -> None:
        self._services = services
        self._context = context
        self._seen: object = None
        self._thread = threading.Thread(target=self._follow, name="hosts", daemon=True)

    def start(self) -> None:
        """Put the folder right, then follow."""
        with self._context():
            write_out(self._services, keeps_changes=False)
        self._thread.start()

    def look(self) -> int:
        """Write out what is new. Returns how many files changed."""
        with self._services.database.reading() as session:
            newest = select(func.max(Revision.decided_at)).where(Revision.state.in_(PUBLISHED))
            mark = session.scalar(newest)
        if mark == self._seen:
            return 0
        count = write_out(self._services)
        self._seen = mark
        return count

    def _follow(self) -> None:
        while not self._services.stopping.wait(LOOK_S):
            try:
                with self._context():
                    self.look()
            except SQLAlchemyError as error:
                logger.warning("hosts.database", error=type(error).__name__)


def write_out(services: Services, *, keeps_changes: bool = True) -> int:
    """Bring the folder to what is published. Returns how many files were written.

    keeps_changes: leave files alone that nobody ever published.
    """
    with services.database.reading() as session:
        known = _digests(session)
        wanted = [
            (article, ours)
            for article, digests in known.items()
            if (ours := _digest_here(services, article)) != digests[-1]
            and (not keeps_changes or not ours or ours in digests)
        ]
        contents = {article: _newest(session, article) for article, _ in wanted}
    return sum(_write(services, article, contents[article], ours) for article, ours in wanted)


def changed_here(session: Session, files: Iterable[Named]) -> list[Named]:
    """Return the files that are nobody's old revision."""
    files = list(files)
    known = _digests(session) if files else {}
    return [each for each in files if each.digest not in known.get(each.article_id, ())]


def _digests(session: Session) -> dict[str, list[str]]:
    """Return article → the digests that stood in the folder, the present one last."""
    rows = session.execute(
        select(Revision.article_id, Revision.digest)
        .where(Revision.state.in_(PUBLISHED))
        .order_by(Revision.article_id, Revision.number)
    )
    found: dict[str, list[str]] = {}
    for article, digest in rows:
        found.setdefault(article, []).append(digest)
    return found


def _newest(session: Session, article: str) -> bytes:
    query = select(Revision.content).where(
        Revision.article_id == article, Revision.state.in_(PUBLISHED)
    )
    return session.scalars(query.order_by(Revision.number.desc()).limit(1)).one().encode()


def _digest_here(services: Services, article: str) -> str:
    try:
        return article_files.read(services.settings.articles_dir, article).digest
    except (ArticleNotFound, ArticleInvalid):
        return ""


def _write(services: Services, article: str, content: bytes, replaces: str) -> bool:
    folder = services.settings.articles_dir
    try:
        if replaces:
            _keep(services.settings.var_dir, article, article_files.read(folder, article).content)
        with services.publisher.writing(article, content, replaces):
            pass
    except (ArticleChanged, ArticleNotWritten, ArticleNotFound, ArticleInvalid, OSError) as error:
        logger.error("hosts.not_written", article=article, error=type(error).__name__)
        return False
    logger.info("hosts.written", article=article, bytes=len(content))
    return True


def _keep(var: Path, article: str, content: bytes) -> None:
    kept = var / "replaced-articles" / f"{article}.md"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(content)
