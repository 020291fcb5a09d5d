"""What an index holds.

Rule: an index is never changed, only followed by another (`search.assembly`). Everything but
articles, passages, vectors and words is derived from them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from search.articles import Article
from search.embedded import VectorStore
from search.encoder import Vectors
from search.lexical import Lexical
from search.moves import Rows, starts_of
from search.passages import Passage
from search.spelling import Vocabulary
from search.thresholds import UNLEARNT, Thresholds
from search.vectors import Nearest


@dataclass(frozen=True)
class Index:
    articles: Mapping[str, Article]
    passages: tuple[Passage, ...]
    """Those of one article stand together, articles in their order."""
    spans: Rows
    """Where the passages of each article start; one more at the end."""
    recipe: str
    built_at: datetime
    store: VectorStore
    """Empty when built without an encoder."""
    centres: Vectors
    """The mean of each article's passages: what it is about as a whole."""
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
        return np.repeat(np.arange(len(self.names), dtype=np.int32), np.diff(self.spans))

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
        counts = np.diff(self.question_spans)
        return np.repeat(np.arange(len(counts), dtype=np.int32), counts)

    @cached_property
    def question_spans(self) -> Rows:
        """Where the sample questions of each article start; one more at the end."""
        return starts_of([len(article.questions) for article in self.articles.values()])

    @cached_property
    def titles(self) -> Nearest:
        return self.store.near("titles")

    @cached_property
    def headings(self) -> Vectors:
        return self.store.kinds["headings"].vectors

    @cached_property
    def bodies(self) -> Nearest:
        return self.store.near("bodies")

    @cached_property
    def questions(self) -> Nearest:
        return self.store.near("questions")

    def passages_of(self, number: int) -> tuple[Passage, ...]:
        start, end = self.spans[number : number + 2].tolist()
        return self.passages[start:end]

    def has_term(self, term: str, number: int) -> bool:
        """Tell whether the term stands in a passage of the article."""
        owners = self.lexical.passages_of(term)
        at = int(owners.searchsorted(self.spans[number]))
        return at < len(owners) and bool(owners[at] < self.spans[number + 1])

    def thresholds_for(self, lang: str) -> Thresholds:
        return self.thresholds.get(lang, UNLEARNT)

    def warm(self) -> Index:
        """Make now what is otherwise made at the first question."""
        _ = self.owner, self.languages, self.translated, self.asked, self.vocabulary.by_shape
        _ = self.lexical.weights
        if self.store.size:
            _ = self.titles, self.headings, self.bodies, self.questions
        return self


def spans_of(names: Iterable[str], passages: Iterable[Passage]) -> Rows:
    counts = Counter(passage.article for passage in passages)
    return starts_of([counts[name] for name in names])


def means(vectors: Vectors, spans: Rows) -> Vectors:
    """Return the mean of each stretch of rows."""
    if not len(vectors):
        return vectors
    sums = np.add.reduceat(vectors, spans[:-1], axis=0)
    return np.asarray(sums / np.diff(spans)[:, None], dtype=np.float32)
