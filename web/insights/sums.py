"""Insights added up: totals, by language, day and hour, and what was not answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from statistics import median

from web.insights.reading import ConversationRow, Period, TurnRow
from web.models import HandoffState, Shown

CARDS = ("911", "988", "violence", "poison")
SCORES = (1, 2, 3, 4, 5)
HOURS = range(24)
# Punctuation around a question makes no other question of it.
EDGES = " \t\n.,;:!?¡¿\"'“”«»()…-"


@dataclass(frozen=True)
class Totals:
    """Numbers over some conversations. Counts, but for the waits (seconds)."""

    conversations: int
    patient_messages: int
    turns: int
    answered: int
    choices: int
    none: int
    other: int
    fallback: int
    helpful_yes: int
    helpful_no: int
    handed_off: int
    handoffs: int
    claimed: int
    abandoned: int
    messages_left: int
    wait_median_s: float | None
    wait_longest_s: int | None
    danger_cards: int
    ratings: int
    rating_mean: float | None

    @property
    def answered_share(self) -> float | None:
        """Of the questions that looked for an answer; small talk does not."""
        asked = self.answered + self.choices + self.none
        return self.answered / asked if asked else None


@dataclass(frozen=True)
class Unanswered:
    """One wording. `langs` and `patients` over all who used it."""

    question: str
    times: int
    patients: int
    langs: tuple[str, ...]
    last_at: datetime


@dataclass(frozen=True)
class ArticleShown:
    id: str
    title: str
    times: int
    helpful_yes: int
    helpful_no: int


def totals(rows: Sequence[ConversationRow]) -> Totals:
    turns = [turn for row in rows for turn in row.turns]
    handoffs = [handoff for row in rows for handoff in row.handoffs]
    shown = Counter(turn.shown for turn in turns)
    helpful = Counter(turn.helpful for turn in turns)
    states = Counter(handoff.state for handoff in handoffs)
    waits = [handoff.wait_s for handoff in handoffs if handoff.wait_s is not None]
    ratings = [row.rating for row in rows if row.rating is not None]
    return Totals(
        conversations=len(rows),
        patient_messages=sum(row.patient_messages for row in rows),
        turns=len(turns),
        answered=shown[Shown.ANSWER],
        choices=shown[Shown.CHOICES],
        none=shown[Shown.NONE],
        other=shown[Shown.OTHER],
        fallback=sum(turn.is_fallback for turn in turns),
        helpful_yes=helpful[True],
        helpful_no=helpful[False],
        handed_off=sum(bool(row.handoffs) for row in rows),
        handoffs=len(handoffs),
        claimed=len(waits),
        abandoned=states[HandoffState.ABANDONED],
        messages_left=states[HandoffState.MESSAGE_LEFT],
        wait_median_s=median(waits) if waits else None,
        wait_longest_s=max(waits, default=None),
        danger_cards=sum(len(row.cards) for row in rows),
        ratings=len(ratings),
        rating_mean=sum(ratings) / len(ratings) if ratings else None,
    )


def by_lang(rows: Sequence[ConversationRow]) -> dict[str, Totals]:
    """Return language → totals, the most spoken first."""
    langs = Counter(row.lang for row in rows)
    ordered = sorted(langs, key=lambda lang: (-langs[lang], lang))
    return {lang: totals([row for row in rows if row.lang == lang]) for lang in ordered}


def by_day(rows: Sequence[ConversationRow], period: Period) -> dict[date, int]:
    counts = Counter(row.began_at.date() for row in rows)
    return {day: counts[day] for day in period.days}


def by_hour(rows: Sequence[ConversationRow]) -> dict[int, int]:
    """Return hour of the day → turns asked in it."""
    counts = Counter(turn.at.hour for row in rows for turn in row.turns)
    return {hour: counts[hour] for hour in HOURS}


def by_card(rows: Sequence[ConversationRow]) -> dict[str, int]:
    counts = Counter(card for row in rows for card in row.cards)
    return {card: counts[card] for card in (*CARDS, *sorted(set(counts) - set(CARDS)))}


def by_score(rows: Sequence[ConversationRow]) -> dict[int, int]:
    counts = Counter(row.rating for row in rows)
    return {score: counts[score] for score in SCORES}


def unanswered(rows: Iterable[ConversationRow]) -> list[Unanswered]:
    """Return what was asked in vain, one entry a wording, the latest asked first."""
    groups: dict[str, list[TurnRow]] = {}
    for row in rows:
        for turn in row.turns:
            if turn.shown is Shown.NONE and (key := wording(turn.question)):
                groups.setdefault(key, []).append(turn)
    found = [_unanswered(turns) for turns in groups.values()]
    return sorted(found, key=lambda each: (each.last_at, each.question), reverse=True)


def wording(question: str) -> str:
    """Return what makes two questions one: their words, but for case, spaces and punctuation."""
    return " ".join(question.casefold().split()).strip(EDGES)


def _unanswered(turns: Sequence[TurnRow]) -> Unanswered:
    latest = max(turns, key=lambda turn: turn.at)
    return Unanswered(
        question=" ".join(latest.question.split()),
        times=len(turns),
        patients=len({turn.conversation_id for turn in turns}),
        langs=tuple(sorted({turn.lang for turn in turns})),
        last_at=latest.at,
    )


def articles(rows: Iterable[ConversationRow]) -> list[ArticleShown]:
    """Return the articles that were shown, the most shown first."""
    shown: dict[str, list[TurnRow]] = {}
    for row in rows:
        for turn in row.turns:
            if turn.article:
                shown.setdefault(turn.article, []).append(turn)
    found = [_article(article, turns) for article, turns in shown.items()]
    return sorted(found, key=lambda each: (-each.times, each.id))


def _article(article: str, turns: Sequence[TurnRow]) -> ArticleShown:
    helpful = Counter(turn.helpful for turn in turns)
    title = max(turns, key=lambda turn: turn.at).title
    return ArticleShown(article, title, len(turns), helpful[True], helpful[False])


def helped_least(found: Iterable[ArticleShown]) -> list[ArticleShown]:
    """Return those somebody called unhelpful, the one with most such verdicts first."""
    rated = [each for each in found if each.helpful_no]
    return sorted(rated, key=lambda each: (-each.helpful_no, each.helpful_yes, each.id))
