"""What an article gives to an index: the texts to embed and the words to count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from search.articles import Article
from search.gloss import meant
from search.passages import Passage
from search.text import terms_of, words_of


def texts_of(article: Article, passages: Sequence[Passage]) -> dict[str, list[str]]:
    """Return what the model reads, by kind."""
    texts = {
        "titles": [article.title],
        "headings": [heading_text(passage, article) for passage in passages],
        "bodies": [body_text(passage, article) for passage in passages],
        "questions": list(article.questions),
    }
    return {kind: [meant(text, article.lang) for text in some] for kind, some in texts.items()}


def heading_text(passage: Passage, article: Article) -> str:
    """Return what the heading's vector stands for: a bare "Adults" needs what is above it."""
    return " > ".join(part for part in (passage.trail, passage.heading) if part) or article.title


def body_text(passage: Passage, article: Article) -> str:
    parts = [article.title, heading_text(passage, article), passage.text]
    if passage.position == 0 and article.summary not in passage.text:
        parts.insert(2, article.summary)
    return "\n".join(dict.fromkeys(part for part in parts if part))


def passage_terms(passage: Passage, article: Article) -> list[str]:
    return terms_of(body_text(passage, article), article.lang)


def words_in(article: Article, passages: Sequence[Passage]) -> Iterator[str]:
    """Yield the words of the whole article and of its sample questions."""
    yield from words_of(" ".join((article.title, article.summary, *article.questions)))
    for passage in passages:
        yield from words_of(f"{passage.heading} {passage.text}")
