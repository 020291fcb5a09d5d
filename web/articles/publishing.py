"""The current index: what patients may be shown, kept true to the folder of articles.

Rule: the only one who writes articles and changes the index. A question always finds a whole index:
a new one is built beside it and swapped in. What is damaged is reported and harms no other; what
cannot be read at all leaves the last good index in place. Nothing here blocks the port: threads do
it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import structlog

from search import learning
from search.answer import ask
from search.encoder import Encoder, ModelMissing, load_encoder
from search.index import ArticleReport, ArticleStatus, Index, build
from search.storage import IndexDamaged, IndexMissing, load, save
from web.articles import article_files
from web.config import Settings
from web.db import utc_now

# The day is part of it: some facts depend on it, and articles begin and end on one.
Signature = tuple[date, frozenset[str], tuple[tuple[str, int, int], ...]]

logger = structlog.get_logger()


@dataclass(frozen=True)
class Readiness:
    index: str  # ok | loading | empty
    encoder: str  # ok | loading | missing


class Publisher:
    """Holds the index and the encoder. `start` begins to watch the folder."""

    def __init__(
        self,
        settings: Settings,
        load_model: Callable[[Path], Encoder] = load_encoder,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.index: Index | None = None
        self.encoder: Encoder | None = None
        self.reports: tuple[ArticleReport, ...] = ()
        self._load_model = load_model
        self._searchable = threading.Event()
        self._model_tried = threading.Event()
        self._stopping = threading.Event()
        self._one_at_a_time = threading.Lock()
        self._one_writer = threading.Lock()
        self._signature: Signature | None = None
        self._withheld: frozenset[str] = frozenset()
        self._threads: list[threading.Thread] = []

    @property
    def readiness(self) -> Readiness:
        index = "empty" if self.index is None or not self.index.articles else self._by()
        encoder = "ok" if self.encoder is not None else "missing"
        return Readiness(
            index if self._searchable.is_set() else "loading",
            encoder if self._model_tried.is_set() else "loading",
        )

    def _by(self) -> str:
        """Return "words" while the vectors are on their way: answers are fewer until they come."""
        has_all = self.encoder is not None and not self._model_is_new()
        cannot_have = self.encoder is None and self._model_tried.is_set()
        return "ok" if has_all or cannot_have else "words"

    def start(self) -> None:
        for work in (self.load_encoder, self._watch):
            thread = threading.Thread(target=work, name=f"publisher-{work.__name__}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=5)

    def wait_until_searchable(self, timeout_s: float) -> bool:
        return self._searchable.wait(timeout_s)

    def load_encoder(self) -> None:
        try:
            self.encoder = self._load_model(self.settings.models_dir)
            logger.info("encoder.loaded", recipe=self.encoder.recipe)
        except (ModelMissing, OSError, ImportError) as error:
            logger.error("encoder.missing", error=type(error).__name__, mend=str(error))
        finally:
            self._model_tried.set()

    def _warm(self) -> None:
        """Ask once: what is made at the first question is made now."""
        if self.index is not None:
            ask(self.index, self.encoder, "warm up")

    def load_stored(self) -> None:
        """Take up the index of the last run, if there is a whole one."""
        try:
            self.index = load(self.settings.index_dir)
            logger.info("index.loaded", articles=len(self.index.articles))
            self._searchable.set()
        except IndexMissing:
            logger.info("index.missing")
        except (IndexDamaged, OSError, ValueError, KeyError, TypeError) as error:
            logger.warning("index.damaged", error=type(error).__name__)

    def refresh(self) -> bool:
        """Look at the folder; build and swap the index where it changed. Returns whether it did."""
        with self._one_at_a_time:
            today, withheld = self._today(), self._withheld
            files = _files_of(self.settings.articles_dir)
            if files is None:
                self._folder_gone()
                return False
            signature = (today, withheld, files)
            if signature == self._signature and not self._model_is_new():
                return False
            changed = self._build(today, withheld)
            self._signature = signature
            self._searchable.set()
            if changed:
                self._warm()
            return changed

    @contextmanager
    def writing(self, article_id: str, content: bytes, replaces: str) -> Iterator[None]:
        """Write an article's file; it stays when the block ends well. `refresh` makes it count.

        replaces: the digest of the file it was made from, "" for a new one. Raises
        article_files.ArticleChanged, article_files.ArticleNotWritten.
        """
        folder = self.settings.articles_dir
        with (
            self._one_writer,
            article_files.replaced(folder, article_id, content, replaces=replaces),
        ):
            yield

    def withhold(self, articles: Collection[str]) -> None:
        """Keep these from patients, whatever their files say. `refresh` makes it count."""
        self._withheld = frozenset(articles)

    def _today(self) -> date:
        return self.clock().astimezone(self.settings.calendar.zone).date()

    def _watch(self) -> None:
        self.load_stored()
        if self.index is not None:
            self._model_tried.wait()  # made anew without it, the stored vectors would be lost
        while not self._stopping.is_set():
            try:
                self.refresh()
            except Exception as error:
                # One article nobody foresaw must not end publishing for all others.
                logger.error("index.build_failed", error=type(error).__name__)
            self._stopping.wait(self.settings.knowledge_base.rescan_s)

    def _model_is_new(self) -> bool:
        """The encoder has loaded since the index was built, or is another one."""
        return (
            self.index is not None
            and self.encoder is not None
            and self.index.recipe != self.encoder.recipe
        )

    def _build(self, today: date, withheld: Collection[str]) -> bool:
        started = time.monotonic()
        before = self.index
        index, reports = build(
            self.settings.articles_dir,
            self._encoder_to_use(),
            previous=before,
            facts=self.facts(),
            skip_demo=not self.settings.demo,
            learn=False,
            today=today,
            withheld=withheld,
        )
        self._report(reports)
        if before is not None and _is_same(before, index):
            return False
        self.index = index
        self._searchable.set()
        took_ms = round((time.monotonic() - started) * 1000)
        counts = {status.value: _count(reports, status) for status in ArticleStatus}
        logger.info("index.built", ms=took_ms, passages=len(index.passages), **counts)
        index = self._learn(index)
        if self._model_tried.is_set() and not self._model_is_new():
            self._save(index)  # not one that is made again in a moment, with vectors
        return True

    def _learn(self, index: Index) -> Index:
        """Learn thresholds anew where much changed; the index serves meanwhile."""
        if self.encoder is None or index.recipe != self.encoder.recipe:
            return index
        if not learning.is_stale(index):
            return index
        started = time.monotonic()
        learnt = learning.learn(index, self.encoder)
        self.index = learnt
        logger.info("index.learnt", ms=round((time.monotonic() - started) * 1000))
        return learnt

    def _encoder_to_use(self) -> Encoder | None:
        """Without an index yet the words alone serve at once; the vectors follow."""
        return None if self.index is None else self.encoder

    def facts(self) -> Mapping[str, str]:
        """Return the facts for texts of the first language, and `es:clinic.hours` for another's."""
        settings, now = self.settings, self.clock()
        facts = settings.facts(settings.default_lang, now)
        for lang in settings.clinic.languages:
            facts |= {f"{lang}:{name}": text for name, text in settings.facts(lang, now).items()}
        return facts

    def _save(self, index: Index) -> None:
        try:
            save(index, self.settings.index_dir)
        except OSError as error:
            # The index in memory serves; the next start builds it again.
            logger.error("index.not_saved", error=type(error).__name__, errno=error.errno)

    def _report(self, reports: Sequence[ArticleReport]) -> None:
        known = set(self.reports)
        for report in reports:
            if report.status is ArticleStatus.ERROR and report not in known:
                logger.error(
                    "article.damaged",
                    article=report.article,
                    line=report.line,
                    reason=report.reason,
                )
        self.reports = tuple(reports)

    def _folder_gone(self) -> None:
        if self._signature is not None or self.index is None:
            logger.error("articles.folder_missing")
        self._signature = None
        self._searchable.set()


def _files_of(folder: Path) -> tuple[tuple[str, int, int], ...] | None:
    """Return what tells a change: names, times, sizes.

    None when the folder cannot be read or holds nothing, as with a drive that is not mounted.
    """
    try:
        if not folder.is_dir():
            return None
        files = tuple(sorted(_look(path) for path in folder.rglob("*.md")))
    except OSError:
        return None
    return files or None


def _look(path: Path) -> tuple[str, int, int]:
    try:
        found = path.stat()
    except OSError:  # a link that leads nowhere, or removed a moment ago
        return str(path), 0, 0
    return str(path), found.st_mtime_ns, found.st_size


def _is_same(before: Index, after: Index) -> bool:
    return before.recipe == after.recipe and before.articles == after.articles


def _count(reports: Sequence[ArticleReport], status: ArticleStatus) -> int:
    return sum(report.status is status for report in reports)
