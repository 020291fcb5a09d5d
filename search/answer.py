"""From a question to an answer, choices or none.

Rule: the clinic's own words or nothing: no text is made here, only found, and a wrong answer is
worse than none. Any text gets an outcome; none raises.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from search.confidence import about, listed, right
from search.encoder import Encoder, Vectors
from search.followup import joined
from search.index import Index
from search.language import notice_language
from search.passages import Passage
from search.ranking import Ranked, rank
from search.shown import best_piece
from search.signals import Numbers, many_words, signals
from search.text import LATIN, terms_of, words_of
from search.thresholds import Thresholds
from search.views import views_of

MAX_PASSAGES = 10
MIN_ARTICLES = 3
MAX_CHOICES = 3
# An article this far behind the first is hardly ever the one (1 % on public sets).
BEHIND = 0.2
# Lowest P(right among three) of a list: a third of the near misses get none so, 2 % of the others.
LISTED = 0.07
# What is asked in an article's own words needs no more, however near other articles are.
WORD_FOR_WORD = 0.5
MAX_CHARACTERS = 10_000
FEW_TERMS, MANY_TERMS = 3, 12
# Words alone are a weaker witness: without vectors an answer needs more.
BY_WORDS = Thresholds(0.9, 0.85, 0.5)

_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\ufffd]+"
)


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
    """Of the question itself, without what was asked before it."""
    also: tuple[Found, ...] = ()
    """What answers the other questions of the same message: see `search.several`."""

    @property
    def choices(self) -> tuple[str, ...]:
        """The articles worth offering, best first: at most three, none far behind the first."""
        return _choices(self.passages)


@dataclass(frozen=True)
class _Attempt:
    text: str
    ranked: Ranked
    outcome: Outcome
    confidence: float
    vector: Vectors | None


def ask(
    index: Index,
    encoder: Encoder | None,
    question: str,
    *,
    previous: str | None = None,
    lang: str | None = None,
) -> Found:
    """Search the index.

    previous: what was asked before, used where the question says little without it.
    lang: the language to take where the words do not tell.
    """
    if encoder is not None and encoder.recipe != index.recipe:
        encoder = None
    asked = _cleaned(question)
    mended = index.vocabulary.mend(asked, notice_language(asked, lang or "en"))
    noticed = notice_language(mended.text, lang or "en")
    attempt = _attempt(index, encoder, mended.text, noticed)
    vector = attempt.vector
    whole = joined(mended.text, _cleaned(previous)) if previous else None
    if whole is not None:
        together = _attempt(index, encoder, whole, notice_language(whole, noticed))
        attempt = max(attempt, together, key=lambda one: one.confidence)
    outcome = attempt.outcome
    if mended.is_guess and outcome is Outcome.ANSWER:
        outcome = Outcome.CHOICES
    passages = _listed(index, attempt.ranked)
    return Found(
        question=question,
        understood=attempt.text,
        lang=noticed,
        outcome=outcome,
        confidence=round(attempt.confidence, 4),
        shown=_shown(index, outcome, passages, attempt, noticed),
        passages=passages,
        engine=Engine.FULL if encoder else Engine.LEXICAL,
        recipe=index.recipe,
        vector=vector,
    )


def _attempt(index: Index, encoder: Encoder | None, text: str, lang: str) -> _Attempt:
    views = views_of(text, lang, encoder)
    ranked = rank(index, views, lang)
    words = words_of(text)
    by_meaning = encoder is not None
    thresholds = index.thresholds_for(lang) if by_meaning else BY_WORDS
    values = signals(index, ranked, words, lang)
    outcome, confidence = Outcome.NONE, 0.0
    if len(ranked) and LATIN.search(text):
        confidence = right(values, by_meaning=by_meaning)
        enough = needed(values, thresholds)
        if by_meaning and _is_word_for_word(index, ranked, words):
            enough = min(enough, WORD_FOR_WORD)
        if confidence >= enough and _is_own_language(index, ranked, lang):
            outcome = Outcome.ANSWER
        elif is_listed(values, thresholds, by_meaning=by_meaning):
            outcome = Outcome.CHOICES
    return _Attempt(text, ranked, outcome, confidence, views[0].vector)


def needed(values: Numbers, thresholds: Thresholds) -> float:
    """Return the P(right) an answer needs, more with few words: near misses look just like it."""
    many = (many_words(values) - FEW_TERMS) / (MANY_TERMS - FEW_TERMS)
    share = min(1.0, max(0.0, many))
    return (1 - share) * thresholds.answer_few + share * thresholds.answer_many


def is_listed(values: Numbers, thresholds: Thresholds, *, by_meaning: bool) -> bool:
    """Tell whether a list of choices is worth reading."""
    if about(values, by_meaning=by_meaning) < thresholds.choices:
        return False
    return listed(values, by_meaning=by_meaning) >= LISTED


def _cleaned(text: str) -> str:
    return " ".join(_INVISIBLE.sub(" ", text[:MAX_CHARACTERS]).split())


def _is_word_for_word(index: Index, ranked: Ranked, words: list[str]) -> bool:
    """Tell whether the very title, heading or a sample question of the first passage was typed."""
    passage = index.passages[int(ranked.passages[0])]
    article = index.articles[passage.article]
    texts = (article.title, passage.heading, *article.questions)
    return any(words == words_of(text) for text in texts)


def _is_own_language(index: Index, ranked: Ranked, lang: str) -> bool:
    return bool(index.languages[ranked.articles[0]] == lang)


def _shown(
    index: Index,
    outcome: Outcome,
    passages: tuple[PassageFound, ...],
    attempt: _Attempt,
    lang: str,
) -> str:
    if outcome is Outcome.ANSWER:
        asked = set(terms_of(attempt.text, lang))
        return best_piece(passages[0].text, lang, asked, index.lexical.rarity_of)
    if outcome is Outcome.CHOICES:
        return "\n".join(index.articles[name].title for name in _choices(passages))
    return ""


def _choices(passages: tuple[PassageFound, ...]) -> tuple[str, ...]:
    near = [passage for passage in passages if passage.score >= passages[0].score - BEHIND]
    return tuple(dict.fromkeys(passage.article for passage in near))[:MAX_CHOICES]


def _listed(index: Index, ranked: Ranked) -> tuple[PassageFound, ...]:
    """Return the best passages, of at least three articles where there are as many."""
    firsts: dict[int, int] = {}
    for row, article in enumerate(ranked.articles.tolist()):
        firsts.setdefault(article, row)
        if len(firsts) == MIN_ARTICLES:
            break
    needed = firsts.values()
    others = (row for row in range(len(ranked)) if row not in needed)
    rows = sorted([*needed, *islice(others, MAX_PASSAGES - len(needed))])
    return tuple(
        _found(index.passages[int(ranked.passages[row])], float(ranked.scores[row])) for row in rows
    )


def _found(passage: Passage, score: float) -> PassageFound:
    return PassageFound(
        passage.article, passage.heading, passage.anchor, round(score, 4), passage.text
    )
