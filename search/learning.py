"""Learn from a knowledge base which scores mean nothing in it.

Rule: thresholds come from questions whose right answer is known to be absent: sample questions,
else titles and headings, of an article that is left out for the moment, and the shipped questions
of other trades and of small talk. No question of a patient is used.
"""

from __future__ import annotations

import math
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
from search.thresholds import Thresholds

MAX_LEFT_OUT = 240
MIN_ARTICLES = 3
STALE_SHARE = 0.2
# A small knowledge base leaves out few questions; until there are this many, the prior counts with
# them.
PRIOR_QUESTIONS = 15
# Measured on bases the weights had not seen: what wrong articles reach when the right one is left
# out says how near the articles stand to each other, but with many twins too much of it. So it only
# moves the threshold between these two.
ANSWER_QUANTILE, ANSWER_RANGE = 0.95, (0.56, 0.96)
ANSWER_PRIOR = 0.6
ANSWER_MANY = 0.52
# In a knowledge base about one topic everything is near to everything, and only near certainty will
# do. One of many topics has wrong articles reach this score, by the number of its articles.
USUAL_SCORE, USUAL_PER_DOUBLING = 0.45, 0.045
ONE_TOPIC_ABOVE = (0.07, 0.15)
ANSWER_ONE_TOPIC = 0.97
# A clinic may well answer one or two of the shipped far questions: not the very highest.
FAR_ANSWER_QUANTILE = 0.98
CHOICES_QUANTILE, CHOICES_RANGE = 0.97, (0.30, 0.80)


@dataclass(frozen=True)
class Asked:
    ranked: Ranked
    text: str
    lang: str
    without: int | None

    def signals(self, index: Index) -> Numbers:
        return signals(index, self.ranked, words_of(self.text), self.lang, without=self.without)


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
                thresholds[lang] = _learn_language(index, lang, count, texts, encoder)
    return replace(index, thresholds=thresholds, learnt_from=_digests(index)).warm()


def _learn_language(
    index: Index, lang: str, articles: int, far: list[str], encoder: Encoder
) -> Thresholds:
    own = own_questions(index, lang)
    left_out = [leave_out(index, number, text) for number, text in own]
    wrong = [right(asked.signals(index), by_meaning=True) for asked in left_out]
    far_signals = [ask_far(index, text, encoder).signals(index) for text in far]
    return decide(
        wrong,
        [right(values, by_meaning=True) for values in far_signals],
        [about(values, by_meaning=True) for values in far_signals],
        one_topic(left_out, articles),
    )


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


def one_topic(left_out: list[Asked], articles: int) -> float:
    """Return from 0 to 1 how sure it is that all articles are about one topic.

    Told by how near the best wrong article comes: the more articles, the nearer, and nearer by far
    where all say "COVID-19".
    """
    scores = [float(asked.ranked.scores[0]) for asked in left_out if len(asked.ranked)]
    usual = USUAL_SCORE + USUAL_PER_DOUBLING * math.log2(max(1, articles))
    low, high = ONE_TOPIC_ABOVE
    return within((_quantile(scores, 0.5) - usual - low) / (high - low), (0.0, 1.0))


def decide(
    wrong: list[float], far_right: list[float], far_about: list[float], one_topic: float
) -> Thresholds:
    """Return what an answer needs, and what a list of choices.

    wrong: the P(right) that wrong passages got. far_right, far_about: P(right) and P(about) of
    questions of other trades.
    """
    share = len(wrong) / (len(wrong) + PRIOR_QUESTIONS)
    reached = share * _quantile(wrong, ANSWER_QUANTILE) + (1 - share) * ANSWER_PRIOR
    low, high = ANSWER_RANGE
    needed = low + (high - low) * reached, ANSWER_MANY
    floor = _quantile(far_right, FAR_ANSWER_QUANTILE)
    few, many = ((1 - one_topic) * one + one_topic * ANSWER_ONE_TOPIC for one in needed)
    choices = within(_quantile(far_about, CHOICES_QUANTILE), CHOICES_RANGE)
    return Thresholds(max(few, floor), max(many, floor), choices, learnt_with=version())


def within(value: float, limits: tuple[float, float]) -> float:
    return min(limits[1], max(limits[0], value))
