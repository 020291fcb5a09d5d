"""Make the index of some articles, anew or from the one before.

Rule: what belongs to an article that stays as it is is taken over, not made again. One change among
ten thousand articles is quick so, and the first after a start no slower than the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from search.articles import Article
from search.contents import Index, means
from search.embedded import KINDS, VectorStore
from search.encoder import Encoder
from search.lexical import Lexical
from search.moves import Rows, rearranged, sources, starts_of
from search.passages import Passage, split
from search.prepared import passage_terms, texts_of, words_in

LEXICAL_RECIPE = "lexical"

Cut = tuple[Article, tuple[Passage, ...]]


def assemble(
    articles: Mapping[str, Article], encoder: Encoder | None, previous: Index | None = None
) -> Index:
    before = previous or _empty()
    origin = _origin(before, articles)
    fresh = _cut(articles, origin)
    lengths = np.array([len(passages) for _, passages in fresh], dtype=np.int64)
    spans = starts_of(rearranged(np.diff(before.spans), origin, lengths))
    source = sources(origin, before.spans, spans)
    terms = [passage_terms(one, article) for article, passages in fresh for one in passages]
    index = replace(
        before,
        articles=articles,
        passages=_passages(before, source, fresh),
        spans=spans,
        built_at=datetime.now(UTC),
        lexical=before.lexical.followed(source, terms),
        vocabulary=before.vocabulary.followed(_words(_gone(before, origin)), _words(fresh)),
    )
    return _with_vectors(index, encoder, before, origin, fresh).warm()


def _with_vectors(
    index: Index, encoder: Encoder | None, before: Index, origin: Rows, fresh: Sequence[Cut]
) -> Index:
    recipe = encoder.recipe if encoder else LEXICAL_RECIPE
    if before.recipe != recipe:  # another model: what was read and cut stays, no vector does
        before, origin = _empty(), np.full(len(origin), -1, dtype=np.int64)
        fresh = [
            (article, index.passages_of(number))
            for number, article in enumerate(index.articles.values())
        ]
        index = replace(index, recipe=recipe, thresholds={}, learnt_from=frozenset())
    if encoder is None:
        return replace(index, store=VectorStore(), centres=_empty().centres)
    passages = sources(origin, before.spans, index.spans)
    asked = sources(origin, before.question_spans, index.question_spans)
    kinds = dict(zip(KINDS, (origin, passages, passages, asked), strict=True))
    store = before.store.followed(kinds, _texts(fresh), encoder)
    middles = means(
        store.kinds["bodies"].vectors[passages < 0],
        starts_of([len(cut) for _, cut in fresh]),
    )
    return replace(index, store=store, centres=rearranged(before.centres, origin, middles))


def _empty() -> Index:
    return Index(
        articles={},
        passages=(),
        spans=starts_of([]),
        recipe=LEXICAL_RECIPE,
        built_at=datetime.min.replace(tzinfo=UTC),
        store=VectorStore(),
        centres=means(VectorStore().kinds["bodies"].vectors, starts_of([])),
        lexical=Lexical.empty(),
    )


def _origin(before: Index, articles: Mapping[str, Article]) -> Rows:
    """Return the number each article had before, -1 where it is new or was edited."""
    numbers = {name: number for number, name in enumerate(before.names)}
    found = [
        numbers[name] if name in numbers and _is_same(before.articles[name], article) else -1
        for name, article in articles.items()
    ]
    return np.array(found, dtype=np.int64)


def _is_same(one: Article, other: Article) -> bool:
    return one is other or one == other


def _cut(articles: Mapping[str, Article], origin: Rows) -> list[Cut]:
    every = list(articles.values())
    fresh = [every[number] for number in np.flatnonzero(origin < 0).tolist()]
    return [(article, split(article)) for article in fresh]


def _passages(before: Index, source: Rows, fresh: Sequence[Cut]) -> tuple[Passage, ...]:
    new = (passage for _, passages in fresh for passage in passages)
    return tuple(before.passages[row] if row >= 0 else next(new) for row in source.tolist())


def _gone(before: Index, origin: Rows) -> list[Cut]:
    """Return the articles that do not stay as they were."""
    stays = np.zeros(len(before.names), dtype=bool)
    stays[origin[origin >= 0]] = True
    every = list(before.articles.values())
    gone = np.flatnonzero(~stays).tolist()
    return [(every[number], before.passages_of(number)) for number in gone]


def _texts(cuts: Iterable[Cut]) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for article, passages in cuts:
        for kind, some in texts_of(article, passages).items():
            texts[kind] += some
    return texts


def _words(cuts: Iterable[Cut]) -> Counter[str]:
    return Counter(word for article, passages in cuts for word in words_in(article, passages))
