"""How often each article was shown in the chat lately, and to people of which language.

Rule: counts alone. They are made from the log and kept some minutes: a list of articles must not
open every message again each time somebody looks at it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from web.config import Settings
from web.db import Database
from web.insights import reading, sums
from web.insights.reading import ConversationRow, Period

DAYS = 30
KEPT_S = 300.0


@dataclass(frozen=True)
class Used:
    """Of one article: how often it was shown, how often called helpful or not, and in which
    language the people wrote."""

    times: int = 0
    helpful_yes: int = 0
    helpful_no: int = 0
    langs: Mapping[str, int] = field(default_factory=dict)


class Usage:
    """The counts of the last days, made anew after some minutes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: tuple[float, Mapping[str, Used]] = (float("-inf"), {})

    def get(self, database: Database, settings: Settings, period: Period) -> Mapping[str, Used]:
        at, found = self._kept
        if self._clock() - at > KEPT_S:
            with database.reading() as session:
                found = counted(reading.read(session, period, settings.calendar.zone))
            self._kept = (self._clock(), found)
        return found


def counted(rows: tuple[ConversationRow, ...]) -> dict[str, Used]:
    langs: dict[str, Counter[str]] = {}
    for row in rows:
        for turn in row.turns:
            langs.setdefault(turn.article, Counter())[row.lang] += 1
    return {
        each.id: Used(each.times, each.helpful_yes, each.helpful_no, langs[each.id])
        for each in sums.articles(rows)
    }


def last_days(today: date) -> Period:
    return Period(today - timedelta(days=DAYS - 1), today)
