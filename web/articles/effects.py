"""This edit changes these answers: questions asked of the articles as they are, and with the draft.

Rule: nothing is written, and nothing published is touched: the draft's index is made beside it and
thrown away. Both are asked the same way the chat asks. Only questions near the article are asked in
full, since the others cannot notice the change; when time is short, the latest questions of
patients come first, and what was left out is told.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from search.answer import Outcome, ask
from search.articles import Article
from search.assembly import assemble
from search.encoder import Encoder, Vectors
from search.evaluate import QuestionsInvalid, read_questions
from search.gloss import meant
from search.index import Index
from search.passages import split
from search.prepared import passage_terms, texts_of
from search.text import terms_of
from web.articles.vector_memory import Remembering

REGRESSION_FILE = "questions.tsv"  # in the folder of articles
NEIGHBOURS = 10
# Cosine of a question to title, heading, passage or sample question below which the article has
# not been among the choices of any question tried, unless they share a rare word.
NEAR = 0.3
RARE_SHARE = 0.05
WITHIN_S = 4.5


class Source(StrEnum):
    REGRESSION = "regression"  # the clinic's own, with the article each should get
    OWN = "own"  # the article's sample questions
    NEIGHBOUR = "neighbour"  # those of the articles nearest to it
    PATIENT = "patient"


@dataclass(frozen=True)
class Question:
    """wanted: the articles that answer it; None where nobody said."""

    text: str
    lang: str | None
    source: Source
    wanted: frozenset[str] | None = None


@dataclass(frozen=True)
class Answer:
    """What a patient would get. Of choices and of none, `article` is what came first."""

    outcome: Outcome
    article: str
    title: str
    heading: str
    shown: str

    @property
    def is_answer(self) -> bool:
        return self.outcome is Outcome.ANSWER


class Kind(StrEnum):
    GAINED = "gained"  # was not answered, would be
    OTHER = "other"  # would get another passage, or other words of it
    LOST = "lost"  # is answered, would not be


@dataclass(frozen=True)
class Change:
    kind: Kind
    question: Question
    before: Answer
    after: Answer

    @property
    def is_wrong(self) -> bool:
        """The clinic itself said that another article answers it, or none."""
        wanted = self.question.wanted
        return wanted is not None and self.after.is_answer and self.after.article not in wanted


@dataclass(frozen=True)
class Effects:
    """`tried`: of `known` questions, those there was time for."""

    changes: tuple[Change, ...]
    tried: int
    known: int

    def of(self, kind: Kind) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.kind is kind)


def effects(
    index: Index,
    draft: Index,
    encoder: Encoder | None,
    questions: Sequence[Question],
    article_id: str,
    *,
    within_s: float = WITHIN_S,
    began_at: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Effects:
    """Ask the questions of both; changes in the order of the questions.

    began_at: when somebody began to wait, where that was before this: making the draft's index
    of ten thousand articles takes a second.
    """
    ends_at = (clock() if began_at is None else began_at) + within_s
    may_notice = _Nearness(index, draft, article_id, encoder)
    changes, tried = [], 0
    with _read_ahead(encoder, questions):
        for question in questions:
            if clock() > ends_at:
                break
            tried += 1
            if may_notice(question):
                before = answer(index, encoder, question)
                after = answer(draft, encoder, question)
                kind = _kind(before, after)
                if kind is not None:
                    changes.append(Change(kind, question, before, after))
    return Effects(tuple(changes), tried, len(questions))


@contextmanager
def _read_ahead(encoder: Encoder | None, questions: Sequence[Question]) -> Iterator[None]:
    """Read every second question beside the work: two thirds of the time go into the model, which
    uses one core and lets the other work on."""
    is_over = threading.Event()

    def read() -> None:
        for question in questions[1::2]:
            if encoder is None or is_over.is_set():
                return
            encoder.encode([_read_as(question)])

    if not isinstance(encoder, Remembering):
        yield
        return
    reader = threading.Thread(target=read, name="effects-reader", daemon=True)
    reader.start()
    try:
        yield
    finally:
        is_over.set()
        reader.join()


def _read_as(question: Question) -> str:
    return meant(question.text, question.lang or "en")


def with_draft(
    index: Index, encoder: Encoder | None, article_id: str, article: Article | None
) -> Index:
    """Return the index as it would be. article: None when it would be shown to nobody."""
    articles = {name: each for name, each in index.articles.items() if name != article_id}
    if article is not None:
        articles[article_id] = article
    return assemble(dict(sorted(articles.items())), _own(encoder, index), index)


def answer(index: Index, encoder: Encoder | None, question: Question) -> Answer:
    found = ask(index, encoder, question.text, lang=question.lang)
    if not found.passages:
        return Answer(found.outcome, "", "", "", "")
    first = found.passages[0]
    title = index.articles[first.article].title
    return Answer(found.outcome, first.article, title, first.heading, found.shown)


def _kind(before: Answer, after: Answer) -> Kind | None:
    if after.is_answer and not before.is_answer:
        return Kind.GAINED
    if before.is_answer and not after.is_answer:
        return Kind.LOST
    is_same = (before.outcome, before.article, before.shown) == (
        after.outcome,
        after.article,
        after.shown,
    )
    return None if is_same or not before.is_answer else Kind.OTHER


# The questions -----------------------------------------------------------------------------------


def questions_for(
    index: Index, draft: Index, article_id: str, folder: Path, asked: Iterable[tuple[str, str]]
) -> list[Question]:
    """Return what is tried, each wording once, in this order.

    The clinic's own questions, the article's samples, those of its neighbours, and what patients
    asked (`asked`: text and language, the latest first).
    """
    found = [
        *regression(folder),
        *_samples(draft, [article_id], Source.OWN),
        *_samples(index, [article_id], Source.OWN),
        *_samples(draft, neighbours(draft, article_id), Source.NEIGHBOUR),
        *(Question(text, lang, Source.PATIENT) for text, lang in asked),
    ]
    once: dict[str, Question] = {}
    for question in found:
        once.setdefault(" ".join(question.text.casefold().split()), question)
    return list(once.values())


def regression(folder: Path) -> list[Question]:
    """Return the clinic's own questions; none where there is no such file, or it cannot be read."""
    try:
        rows = read_questions(folder / REGRESSION_FILE)
    except QuestionsInvalid:
        return []
    return [Question(text, None, Source.REGRESSION, wanted) for text, wanted in rows]


def _samples(index: Index, names: Iterable[str], source: Source) -> Iterator[Question]:
    for name in names:
        article = index.articles.get(name)
        for text in article.questions if article else ():
            yield Question(text, article.lang if article else None, source)


def neighbours(index: Index, article_id: str) -> list[str]:
    """Return the articles nearest in meaning, nearest first; none without vectors."""
    if article_id not in index.articles or not index.store.size:
        return []
    own = index.names.index(article_id)
    likeness = index.centres @ index.centres[own]
    order = [number for number in np.argsort(-likeness, kind="stable").tolist() if number != own]
    return [index.names[number] for number in order[:NEIGHBOURS]]


class _Nearness:
    """Tells which questions an article, old or new, may have a say in."""

    def __init__(
        self, index: Index, draft: Index, article_id: str, encoder: Encoder | None
    ) -> None:
        versions = [
            (one.articles[article_id], split(one.articles[article_id]))
            for one in (index, draft)
            if article_id in one.articles
        ]
        self._encoder = _own(encoder, index)
        texts = [
            text for version in versions for some in texts_of(*version).values() for text in some
        ]
        self._vectors = _encoded(texts, self._encoder)
        most = max(1, int(RARE_SHARE * len(draft.passages)))
        self._rare = {
            term
            for article, passages in versions
            for passage in passages
            for term in passage_terms(passage, article)
            if len(draft.lexical.passages_of(term)) <= most
        }

    def __call__(self, question: Question) -> bool:
        lang = question.lang or "en"
        if self._encoder is None or not self._rare.isdisjoint(terms_of(question.text, lang)):
            return True
        vector = self._encoder.encode([_read_as(question)])[0]
        return bool(len(self._vectors) and (self._vectors @ vector).max() >= NEAR)


def _encoded(texts: Sequence[str], encoder: Encoder | None) -> Vectors:
    return encoder.encode(texts) if encoder and texts else np.empty((0, 1), dtype=np.float32)


def _own(encoder: Encoder | None, index: Index) -> Encoder | None:
    """Return the encoder the index was made with; another one's vectors mean something else."""
    return encoder if encoder is not None and encoder.recipe == index.recipe else None
