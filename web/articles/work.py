"""An article as somebody finds it who wants to work on it: its open revision, else its file."""

from __future__ import annotations

from dataclasses import dataclass

from web.articles import drafts, editing, front_matter, outside, revisions
from web.articles.article_files import ArticleNotFound
from web.articles.editing import Opened
from web.config import Settings
from web.models import Origin, Revision
from web.services import Services


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


def open_work(services: Services, article_id: str, *, lost: bool = False) -> Work:
    """Raises ArticleNotFound, NotEditable.

    lost: take a file that was removed while somebody wrote for an empty one.
    """
    settings = services.settings
    outside.take_up(services, [article_id])
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
