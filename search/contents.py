"""What an index holds.

Rule: an index is never changed, only replaced whole; a text that was embedded once is not embedded
again. Everything but articles, passages, vectors and words is derived from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from search.articles import Article
from search.counted import Counted
from search.encoder import Encoder, Vectors
from search.lexical import Lexical, index_counted
from search.passages import Passage
from search.prepared import TERMS, WORDS, Prepared, prepare, texts_of
from search.spelling import Vocabulary
from search.thresholds import UNLEARNT, Thresholds
from search.vectors import Nearest, VectorStore

LEXICAL_RECIPE = "lexical"


@dataclass(frozen=True)
class Index:
    articles: Mapping[str, Article]
    passages: tuple[Passage, ...]
    recipe: str
    built_at: datetime
    store: VectorStore
    """Every vector of the index by the text it stands for; empty when built without an encoder."""
    lexical: Lexical
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    thresholds: Mapping[str, Thresholds] = field(default_factory=dict)
    """By language."""
    learnt_from: frozenset[str] = field(default_factory=frozenset)
    """Digests of the articles the thresholds were learnt from."""

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(self.articles)

    @cached_property
    def owner(self) -> NDArray[np.int32]:
        """The number of the article each passage belongs to."""
        numbers = {name: number for number, name in enumerate(self.names)}
        return np.array([numbers[passage.article] for passage in self.passages], dtype=np.int32)

    @cached_property
    def spans(self) -> NDArray[np.int32]:
        """Where the passages of each article start; one more at the end."""
        return np.searchsorted(self.owner, np.arange(len(self.names) + 1)).astype(np.int32)

    @cached_property
    def languages(self) -> NDArray[np.str_]:
        return np.array([article.lang for article in self.articles.values()], dtype="<U2")

    @cached_property
    def translated(self) -> NDArray[np.bool_]:
        """Whether the same article stands here in another language, too."""
        origins = [article.translation_of for article in self.articles.values()]
        pairs = {name for name in origins if name in self.articles}
        return np.array(
            [
                name in pairs or origin in pairs
                for name, origin in zip(self.names, origins, strict=True)
            ],
            dtype=bool,
        )

    @cached_property
    def asked(self) -> NDArray[np.int32]:
        """The number of the article each sample question belongs to."""
        counts = [len(article.questions) for article in self.articles.values()]
        return np.repeat(np.arange(len(counts), dtype=np.int32), counts)

    @cached_property
    def titles(self) -> Nearest:
        return self.store.near([one.title for one in self._pieces])

    @cached_property
    def headings(self) -> Vectors:
        return self.store.take([key for one in self._pieces for key in one.headings])

    @cached_property
    def bodies(self) -> Nearest:
        return self.store.near([key for one in self._pieces for key in one.bodies])

    @cached_property
    def centres(self) -> Vectors:
        """The mean of each article's passages: what it is about as a whole."""
        if not len(self.bodies):
            return np.empty((0, 0), dtype=np.float32)
        counts = np.diff(self.spans)[:, None].astype(np.float32)
        sums = np.add.reduceat(self.bodies.vectors, self.spans[:-1], axis=0)
        return np.asarray(sums / counts, dtype=np.float32)

    @cached_property
    def questions(self) -> Nearest:
        return self.store.near([key for one in self._pieces for key in one.questions])

    @cached_property
    def _pieces(self) -> tuple[Prepared, ...]:
        return tuple(map(prepare, self.articles.values()))

    def has_term(self, term: str, number: int) -> bool:
        """Tell whether the term stands in a passage of the article."""
        owners = self.lexical.passages_of(term)
        at = int(owners.searchsorted(self.spans[number]))
        return at < len(owners) and bool(owners[at] < self.spans[number + 1])

    def thresholds_for(self, lang: str) -> Thresholds:
        return self.thresholds.get(lang, UNLEARNT)

    def warm(self) -> Index:
        """Make now what is otherwise made at the first question."""
        _ = self.owner, self.spans, self.languages, self.asked, self.vocabulary.by_shape
        if self.store.size:
            _ = self.titles, self.headings, self.bodies, self.questions, self.centres
        return self


def assemble(
    articles: Mapping[str, Article], encoder: Encoder | None, previous: Index | None = None
) -> Index:
    recipe = encoder.recipe if encoder else LEXICAL_RECIPE
    usable = previous if previous and previous.recipe == recipe else None
    old = usable.store if usable else VectorStore.empty()
    pieces = [prepare(article) for article in articles.values()]
    keys = dict.fromkeys(key for one in pieces for key in one.keys)
    return Index(
        articles=articles,
        passages=tuple(passage for one in pieces for passage in one.passages),
        recipe=recipe,
        built_at=datetime.now(UTC),
        store=old.grown(tuple(keys), partial(_texts, articles), encoder) if encoder else old,
        lexical=index_counted([terms for one in pieces for terms in one.terms], TERMS.names),
        vocabulary=Vocabulary(_added_up([one.words for one in pieces])),
        thresholds=usable.thresholds if usable else {},
        learnt_from=usable.learnt_from if usable else frozenset(),
    ).warm()


def _texts(articles: Mapping[str, Article], keys: Iterable[str]) -> dict[str, str]:
    """Return the texts of these keys."""
    wanted, texts = set(keys), dict[str, str]()
    for article in articles.values():
        if not wanted.isdisjoint(prepare(article).keys):
            texts.update(zip(prepare(article).keys, texts_of(article), strict=True))
    return texts


def _added_up(words: Sequence[Counted]) -> dict[str, int]:
    if not words:
        return {}
    numbers = np.concatenate([one.numbers for one in words])
    counts = np.concatenate([one.counts for one in words])
    sums = np.bincount(numbers, weights=counts)
    return {WORDS.names[number]: int(sums[number]) for number in np.flatnonzero(sums)}
