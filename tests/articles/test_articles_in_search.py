"""The shipped articles as search sees them: all indexed, no two alike, each found by lay words."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from search.answer import ask
from search.encoder import Encoder, load_encoder
from search.index import ArticleStatus, Index, assemble, build
from search.passages import split

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / "kb_articles"


def test_all_are_indexed_and_staff_articles_are_left_out() -> None:
    index, reports = build(FOLDER, None)
    assert [r.article for r in reports if r.status is ArticleStatus.ERROR] == []
    skipped = {r.article for r in reports if r.status is ArticleStatus.SKIPPED}
    on_disk = {p.relative_to(FOLDER).with_suffix("").as_posix() for p in FOLDER.rglob("*.md")}
    assert skipped == {article for article in on_disk if "/staff/" in article}
    assert set(index.articles) == on_disk - skipped
    assert {article.audience for article in index.articles.values()} == {"public"}


def test_agents_can_search_the_staff_articles() -> None:
    index, _ = build(FOLDER, None, audience="staff")
    assert sum("/staff/" in article for article in index.articles) >= 3


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder(REPOSITORY / "var" / "models")


@pytest.fixture(scope="module")
def bare_index(encoder: Encoder) -> Index:
    """The articles without their sample questions: what is left must find them."""
    index, _ = build(FOLDER, None)
    bare = {name: replace(article, questions=()) for name, article in index.articles.items()}
    return assemble(bare, encoder)


@pytest.mark.model
def test_no_article_says_the_same_as_another(encoder: Encoder) -> None:
    index, _ = build(FOLDER, None)
    for lang in ("en", "es"):
        articles = [article for article in index.articles.values() if article.lang == lang]
        texts = [
            "\n".join([a.title, a.summary, *(f"{p.heading}\n{p.text}" for p in split(a))])
            for a in articles
        ]
        vectors = encoder.encode(texts)
        likeness = np.triu(vectors @ vectors.T, k=1)
        first, second = np.unravel_index(likeness.argmax(), likeness.shape)
        assert likeness.max() <= 0.9, (articles[first].id, articles[second].id)


@pytest.mark.model
def test_the_words_of_patients_stand_in_the_articles(encoder: Encoder, bare_index: Index) -> None:
    """Without its own sample questions, an article is still among the first three for most of them.

    Measured in November 2026: 0.89 in English, 0.83 in Spanish. The model is an English one; in
    Spanish the share was 0.73 before the texts took up the words people use. The writers knew
    these questions, so the figures flatter: they guard against loss and say little of strangers.
    """
    index, _ = build(FOLDER, None)
    asked: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for article in index.articles.values():
        for question in article.questions:
            passages = ask(bare_index, encoder, question, lang=article.lang).passages
            asked[article.lang] += 1
            found[article.lang] += (
                article.id in list(dict.fromkeys(p.article for p in passages))[:3]
            )
    assert found["en"] / asked["en"] >= 0.8
    assert found["es"] / asked["es"] >= 0.75
