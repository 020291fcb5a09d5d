"""From a question to an answer, choices or none.

Rule: the clinic's own words or nothing: no text is made here, only found, and a wrong answer is worse than none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from search.encoder import Encoder, Vectors
from search.index import Index
from search.language import notice_language
from search.passages import Passage
from search.ranking import Ranked, rank
from search.text import terms_of

SHOWN_WORDS = 80
MAX_PASSAGES = 10
MIN_ARTICLES = 3
MAX_CHOICES = 3
MAX_CHARACTERS = 10_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]+")


class Outcome(StrEnum):
    ANSWER = "answer"
    CHOICES = "choices"
    NONE = "none"


class Engine(StrEnum):
    FULL = "full"
    LEXICAL = "lexical"


@dataclass(frozen=True)
class PassageFound:
    article: str
    heading: str
    anchor: str
    score: float
    text: str


@dataclass(frozen=True)
class Found:
    question: str
    understood: str
    lang: str
    outcome: Outcome
    confidence: float
    shown: str
    passages: tuple[PassageFound, ...]
    engine: Engine
    recipe: str
    vector: Vectors | None


def ask(
    index: Index,
    encoder: Encoder | None,
    question: str,
    *,
    previous: str | None = None,
    lang: str | None = None,
) -> Found:
    """Search the index. lang: the language to take where the words do not tell. Never raises on text."""
    understood = " ".join(_CONTROL.sub(" ", question[:MAX_CHARACTERS]).split())
    lang = notice_language(understood, lang or "en")
    if encoder is not None and encoder.recipe != index.recipe:
        encoder = None
    vector = encoder.encode([understood])[0] if encoder else None
    ranked = rank(index, vector, terms_of(understood, lang), lang)
    confidence = min(1.0, max(0.0, float(ranked.scores[0]))) if len(ranked) else 0.0
    outcome = Outcome.NONE
    if confidence >= index.thresholds.answer:
        outcome = Outcome.ANSWER
    elif confidence >= index.thresholds.choices:
        outcome = Outcome.CHOICES
    passages = _listed(index, ranked)
    shown = ""
    if outcome is Outcome.ANSWER:
        shown = " ".join(passages[0].text.split()[:SHOWN_WORDS])
    elif outcome is Outcome.CHOICES:
        titles = dict.fromkeys(index.articles[p.article].title for p in passages)
        shown = "\n".join(list(titles)[:MAX_CHOICES])
    engine = Engine.FULL if encoder else Engine.LEXICAL
    return Found(
        question,
        understood,
        lang,
        outcome,
        confidence,
        shown,
        passages,
        engine,
        index.recipe,
        vector,
    )


def _listed(index: Index, ranked: Ranked) -> tuple[PassageFound, ...]:
    """Return the best passages, of at least three articles where there are as many."""
    order = list(range(len(ranked)))
    firsts = list({int(ranked.articles[row]): row for row in reversed(order)}.values())[::-1]
    wanted = set(sorted(firsts)[:MIN_ARTICLES])
    for row in order:
        if len(wanted) == MAX_PASSAGES:
            break
        wanted.add(row)
    return tuple(
        _found(index.passages[ranked.passages[row]], float(ranked.scores[row]))
        for row in sorted(wanted)
    )


def _found(passage: Passage, score: float) -> PassageFound:
    return PassageFound(
        passage.article, passage.heading, passage.anchor, round(score, 4), passage.text
    )
