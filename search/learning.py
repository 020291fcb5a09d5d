"""Learn from a knowledge base which scores mean nothing in it.

Rule: thresholds come from questions whose right answer is known to be absent: sample questions,
else titles and headings, of an article that is left out for the moment, and the shipped questions
of other trades and of small talk. No question of a patient is used.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from search.confidence import about, right, version
from search.contents import Index
from search.embedded import key_of
from search.encoder import Encoder
from search.gloss import meant
from search.language import notice_language
from search.prepared import heading_text
from search.ranking import Ranked, View, rank
from search.signals import Numbers, signals
from search.text import terms_of, words_of
from search.thresholds import UNLEARNT, Thresholds

MAX_LEFT_OUT = 240
MIN_ARTICLES = 3
STALE_SHARE = 0.2
# A small knowledge base leaves out few questions; until there are this many, the prior counts with
# them.
PRIOR_QUESTIONS = 15
# Measured on bases the weights had not seen: what wrong articles reach when the right one is left
# out says how near the articles stand to each other, but with many twins too much of it. So it only
# moves the threshold between these two.
ANSWER_QUANTILE, ANSWER_RANGE = 0.95, (0.56, 0.94)
ANSWER_PRIOR = 0.6
ANSWER_MANY = 0.52
# A clinic may well answer one or two of the shipped far questions: not the very highest.
FAR_ANSWER_QUANTILE = 0.98
CHOICES_QUANTILE, CHOICES_RANGE = 0.97, (0.30, 0.65)


@dataclass(frozen=True)
class Asked:
    ranked: Ranked
    text: str
    lang: str
    without: int | None

    def signals(self, index: Index, thresholds: Thresholds) -> Numbers:
        words = words_of(self.text)
        return signals(index, self.ranked, words, self.lang, thresholds, without=self.without)


def is_stale(index: Index) -> bool:
    """Tell whether a fifth of the articles or more came, went or changed since the thresholds."""
    now = _digests(index)
    if any(learnt.learnt_with != version() for learnt in index.thresholds.values()):
        return True
    return len(now ^ index.learnt_from) > 2 * STALE_SHARE * max(1, len(now))


def learn(index: Index, encoder: Encoder) -> Index:
    """Return the index with thresholds of its own, language by language. Takes 0.5 to 3 s."""
    thresholds = {}
    if encoder.recipe == index.recipe:
        far = far_away()
        for lang, count in Counter(index.languages.tolist()).items():
            if count >= MIN_ARTICLES:
                texts = [text for text in far if notice_language(text) == lang]
                thresholds[lang] = _learn_language(index, lang, texts, encoder)
    return replace(index, thresholds=thresholds, learnt_from=_digests(index)).warm()


def _learn_language(index: Index, lang: str, far: list[str], encoder: Encoder) -> Thresholds:
    own = own_questions(index, lang)
    left_out = [leave_out(index, number, text) for number, text in own]
    thresholds = middle_of(left_out)
    wrong = [right(asked.signals(index, thresholds), by_meaning=True) for asked in left_out]
    far_signals = [ask_far(index, text, encoder).signals(index, thresholds) for text in far]
    far_right = [right(values, by_meaning=True) for values in far_signals]
    far_about = [about(values, by_meaning=True) for values in far_signals]
    thresholds = decide_answer(thresholds, wrong, floor=_quantile(far_right, FAR_ANSWER_QUANTILE))
    return decide_choices(replace(thresholds, is_learnt=True, learnt_with=version()), far_about)


def _quantile(values: list[float], share: float) -> float:
    return float(np.quantile(values, share)) if values else 0.0


def _digests(index: Index) -> frozenset[str]:
    return frozenset(article.digest for article in index.articles.values())


def own_questions(index: Index, lang: str) -> list[tuple[int, str]]:
    """Return (article number, text) in patients' words; an article more hardly moves the sample.

    Sample questions where the editor wrote some, else title and headings, which say less about what
    a wrong article may reach: they are nearer to each other than what patients type.
    """
    found = []
    for number, article in enumerate(index.articles.values()):
        if article.lang != lang:
            continue
        headings = [heading_text(passage, article) for passage in index.passages_of(number)]
        texts = dict.fromkeys(article.questions or (article.title, *headings))
        found += [(number, text) for text in texts]
    return sorted(found, key=lambda own: key_of(own[1]))[:MAX_LEFT_OUT]


def far_away() -> list[str]:
    text = Path(__file__).with_name("far_away.txt").read_text(encoding="utf-8")
    return [line for line in text.split("\n") if line and not line.startswith("#")]


def leave_out(index: Index, number: int, text: str) -> Asked:
    lang = str(index.languages[number])
    view = View(index.store.of(meant(text, lang)), tuple(terms_of(text, lang)))
    return Asked(rank(index, [view], lang, without=number), text, lang, number)


def ask_far(index: Index, text: str, encoder: Encoder) -> Asked:
    lang = notice_language(text)
    view = View(encoder.encode([meant(text, lang)])[0], tuple(terms_of(text, lang)))
    return Asked(rank(index, [view], lang), text, lang, None)


def middle_of(left_out: list[Asked]) -> Thresholds:
    scores = [float(asked.ranked.scores[0]) for asked in left_out if len(asked.ranked)]
    if not scores:
        return UNLEARNT
    middle = float(np.median(scores))
    spread = max(0.05, float(np.quantile(scores, 0.9)) - middle)
    return replace(UNLEARNT, middle=middle, spread=spread)


def decide_answer(careful: Thresholds, wrong: list[float], floor: float) -> Thresholds:
    """Set what an answer needs from the confidences that wrong passages got."""
    share = len(wrong) / (len(wrong) + PRIOR_QUESTIONS)
    reached = share * _quantile(wrong, ANSWER_QUANTILE) + (1 - share) * ANSWER_PRIOR
    low, high = ANSWER_RANGE
    return replace(
        careful,
        answer_few=max(floor, low + (high - low) * reached),
        answer_many=max(floor, ANSWER_MANY),
    )


def decide_choices(thresholds: Thresholds, far_about: list[float]) -> Thresholds:
    """Set what a list needs from the P(about) that questions of other trades got."""
    reached = _quantile(far_about, CHOICES_QUANTILE)
    return replace(thresholds, choices=within(reached, CHOICES_RANGE))


def within(value: float, limits: tuple[float, float]) -> float:
    return min(limits[1], max(limits[0], value))
