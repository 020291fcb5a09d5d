"""When the clinic is open and when people answer the chat, as facts and as words.

Rule: pure. Everything is worked out from a `Calendar` and a moment passed in; nothing is read from
the clock, a file or the database. Periods are wall-clock times in the clinic's own zone, so that a
day on which the clocks change still opens at eight. At 12:00 a morning that ends at 12:00 is over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

DAY_MIN = 24 * 60
LOOK_AHEAD_DAYS = 370  # a clinic closed for longer than a year has no next opening worth naming
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_PERIOD = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")


@dataclass(frozen=True, order=True)
class Period:
    """Minutes after local midnight; `ends` is not part of the period and may be 1440 (24:00)."""

    begins: int
    ends: int

    def holds(self, minute: int) -> bool:
        return self.begins <= minute < self.ends


@dataclass(frozen=True)
class Holiday:
    """A day that differs from its weekday: closed, or open only in `periods` (a half day)."""

    on: date
    names: Mapping[str, str] = field(default_factory=dict)
    periods: tuple[Period, ...] = ()

    def name(self, lang: str) -> str:
        return self.names.get(lang) or next(iter(self.names.values()), "")


@dataclass(frozen=True)
class Calendar:
    """`week`: one tuple of periods per weekday, Monday first, each in order and without overlap."""

    zone: ZoneInfo
    week: tuple[tuple[Period, ...], ...]
    holidays: tuple[Holiday, ...] = ()

    def periods(self, on: date) -> tuple[Period, ...]:
        holiday = next((holiday for holiday in self.holidays if holiday.on == on), None)
        return self.week[on.weekday()] if holiday is None else holiday.periods

    def moment(self, on: date, minute: int) -> datetime:
        midnight = datetime.combine(on + timedelta(days=minute // DAY_MIN), time())
        return (midnight + timedelta(minutes=minute % DAY_MIN)).replace(tzinfo=self.zone)


def parse_periods(texts: Iterable[str]) -> tuple[Period, ...]:
    """Read `["08:00-12:00", "13:00-24:00"]`. Raises ValueError saying what is wrong and why."""
    periods = sorted(_parse_period(text) for text in texts)
    for before, after in pairwise(periods):
        if after.begins < before.ends:
            raise ValueError(f"the periods {_digits(before)} and {_digits(after)} overlap")
    return tuple(periods)


def _parse_period(text: str) -> Period:
    found = _PERIOD.fullmatch(text.strip())
    if found is None:
        raise ValueError(f'"{text}" is not a period like "08:00-12:00"')
    hour, minute, end_hour, end_minute = (int(digits) for digits in found.groups())
    if minute > 59 or end_minute > 59:
        raise ValueError(f'"{text}" has a minute above 59')
    period = Period(hour * 60 + minute, end_hour * 60 + end_minute)
    if period.ends > DAY_MIN:
        raise ValueError(f'"{text}" ends after 24:00')
    if period.begins >= period.ends:
        raise ValueError(f'"{text}" ends before it begins; write a night as two periods')
    return period


def _digits(period: Period) -> str:
    begins, ends = divmod(period.begins, 60), divmod(period.ends, 60)
    return f"{begins[0]:02}:{begins[1]:02}-{ends[0]:02}:{ends[1]:02}"


def calendar(
    timezone: str,
    week: Mapping[str, Sequence[str]],
    holidays: Iterable[Holiday] = (),
) -> Calendar:
    """Make a calendar from `clinic.toml`'s tables: weekday → periods. An absent day is closed."""
    days = tuple(parse_periods(week.get(day, ())) for day in WEEKDAYS)
    return Calendar(ZoneInfo(timezone), days, tuple(sorted(holidays, key=lambda day: day.on)))


def always(timezone: str) -> Calendar:
    """Return a calendar that is open at every hour, on holidays too."""
    return Calendar(ZoneInfo(timezone), ((Period(0, DAY_MIN),),) * len(WEEKDAYS))


def within(chat: Calendar, clinic: Calendar) -> Calendar:
    """Give the chat the clinic's holidays; on a half day its usual hours and that day's hold."""
    holidays = tuple(
        Holiday(day.on, day.names, _common(chat.week[day.on.weekday()], day.periods))
        for day in clinic.holidays
    )
    return Calendar(chat.zone, chat.week, holidays)


def _common(usual: Sequence[Period], special: Sequence[Period]) -> tuple[Period, ...]:
    pairs = ((max(a.begins, b.begins), min(a.ends, b.ends)) for a in usual for b in special)
    return tuple(sorted(Period(begins, ends) for begins, ends in pairs if begins < ends))


def is_open(cal: Calendar, at: datetime) -> bool:
    local = at.astimezone(cal.zone)
    minute = local.hour * 60 + local.minute
    return any(period.holds(minute) for period in cal.periods(local.date()))


def next_opening(cal: Calendar, at: datetime) -> datetime | None:
    """Return when the next period begins after `at`; None when a whole year holds none."""
    at = at.astimezone(UTC)
    today = at.astimezone(cal.zone).date()
    for day in (today + timedelta(days=ahead) for ahead in range(LOOK_AHEAD_DAYS)):
        for period in cal.periods(day):
            if (moment := cal.moment(day, period.begins)) > at:
                return moment
    return None


def closes_at(cal: Calendar, at: datetime) -> datetime | None:
    """Return when the period that holds `at` ends; None when it is closed then."""
    local = at.astimezone(cal.zone)
    minute = local.hour * 60 + local.minute
    ends = [period.ends for period in cal.periods(local.date()) if period.holds(minute)]
    return cal.moment(local.date(), ends[0]) if ends else None


def past_holidays(cal: Calendar, at: datetime) -> tuple[Holiday, ...]:
    """Return the holidays that are over: the operator has likely not entered next year's."""
    today = at.astimezone(cal.zone).date()
    return tuple(holiday for holiday in cal.holidays if holiday.on < today)


@dataclass(frozen=True)
class _Words:
    days: tuple[str, ...]
    months: tuple[str, ...]
    join: str
    span: str  # of days: Monday to Thursday
    period: str
    closed: str
    closed_on: str
    today: str
    tomorrow: str
    at: str
    day_at: str  # within a week
    date_at: str
    date: str
    plain_date: str
    always: str


_ENGLISH = _Words(
    days=tuple(day.capitalize() for day in WEEKDAYS),
    months=tuple(
        "January February March April May June July August September October November "
        "December".split()
    ),
    join=" and ",
    span="{0} to {1}",
    period="{0} to {1}",
    closed="closed",
    closed_on="closed on {0}",
    today="today",
    tomorrow="tomorrow",
    at="at {0}",
    day_at="on {day} {at}",
    date_at="on {date} {at}",
    date="{day}, {month} {number}, {year}",
    plain_date="{month} {number}, {year}",
    always="at any hour, every day",
)
_SPANISH = _Words(
    days=("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
    months=tuple(
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre "
        "diciembre".split()
    ),
    join=" y ",
    span="{0} a {1}",
    period="de {0} a {1}",
    closed="cerrado",
    closed_on="cerrado el {0}",
    today="hoy",
    tomorrow="mañana",
    at="a las {0}",
    day_at="el {day} {at}",
    date_at="el {date} {at}",
    date="{day}, {number} de {month} de {year}",
    plain_date="{number} de {month} de {year}",
    always="a cualquier hora, todos los días",
)


def _words(lang: str) -> _Words:
    return _SPANISH if lang == "es" else _ENGLISH


def time_text(minute: int, lang: str) -> str:
    """Write a time of day: 13:30 is "1:30 pm" in English and "13:30" in Spanish."""
    hour, rest = divmod(minute, 60)
    if lang == "es":
        return f"{hour}:{rest:02}"
    if rest == 0 and hour in (12, 0, 24):
        return "noon" if hour == 12 else "midnight"
    digits = f"{hour % 12 or 12}" + (f":{rest:02}" if rest else "")
    return f"{digits} {'am' if hour % 24 < 12 else 'pm'}"


def moment_text(cal: Calendar, moment: datetime, lang: str) -> str:
    """Write the clock time of a moment in the clinic's zone."""
    local = moment.astimezone(cal.zone)
    return time_text(local.hour * 60 + local.minute, lang)


def date_text(on: date, lang: str, *, weekday: bool = True) -> str:
    words = _words(lang)
    return (words.date if weekday else words.plain_date).format(
        day=words.days[on.weekday()],
        month=words.months[on.month - 1],
        number=on.day,
        year=on.year,
    )


def periods_text(periods: Sequence[Period], lang: str) -> str:
    words = _words(lang)
    if not periods:
        return words.closed
    return words.join.join(
        words.period.format(time_text(period.begins, lang), time_text(period.ends, lang))
        for period in periods
    )


def week_text(cal: Calendar, lang: str) -> str:
    """Write a usual week, one clause per kind of day, to stand inside a sentence."""
    words = _words(lang)
    if cal.week == always(cal.zone.key).week:
        return words.always
    kinds: dict[tuple[Period, ...], list[int]] = {}
    for day, periods in enumerate(cal.week):
        kinds.setdefault(periods, []).append(day)
    closed = kinds.pop((), [])
    clauses = [f"{_days(days, words)} {periods_text(p, lang)}" for p, days in kinds.items()]
    if closed:
        clauses.append(words.closed_on.format(_days(closed, words)))
    return "; ".join(clauses)


def _days(days: Sequence[int], words: _Words) -> str:
    """Name weekdays: three or more in a row as a span."""
    runs: list[list[int]] = []
    for day in days:
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    names: list[str] = []
    for run in runs:
        if len(run) > 2:
            names.append(words.span.format(words.days[run[0]], words.days[run[-1]]))
        else:
            names += [words.days[day] for day in run]
    return words.join.join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def holidays_text(cal: Calendar, lang: str, at: datetime) -> str:
    """Write the holidays from the day of `at` on, soonest first; empty when there are none."""
    today = at.astimezone(cal.zone).date()
    return "; ".join(
        f"{date_text(day.on, lang)}"
        + (f" ({name})" if (name := day.name(lang)) else "")
        + f": {periods_text(day.periods, lang)}"
        for day in cal.holidays
        if day.on >= today
    )


def opening_text(cal: Calendar, at: datetime, lang: str) -> str:
    """Say when it opens next: "today at 1 pm", "on Monday at 8:30 am"; empty if never."""
    opening = next_opening(cal, at)
    return "" if opening is None else when_text(cal, opening, at, lang)


def when_text(cal: Calendar, moment: datetime, at: datetime, lang: str) -> str:
    """Say when `moment` is, as one says it at `at`."""
    words = _words(lang)
    local, today = moment.astimezone(cal.zone), at.astimezone(cal.zone).date()
    clock = words.at.format(moment_text(cal, moment, lang))
    if lang == "es" and local.hour == 1:
        clock = clock.replace("a las", "a la")
    ahead = (local.date() - today).days
    if ahead in (0, 1):
        return f"{words.today if ahead == 0 else words.tomorrow} {clock}"
    if 1 < ahead < 7:
        return words.day_at.format(day=words.days[local.weekday()], at=clock)
    return words.date_at.format(date=date_text(local.date(), lang), at=clock)
