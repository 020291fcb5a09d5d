"""Opening hours: facts and words, with everything a real calendar does to them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from web.hours import (
    Calendar,
    Holiday,
    Period,
    calendar,
    closes_at,
    holidays_text,
    is_open,
    next_opening,
    opening_text,
    parse_periods,
    past_holidays,
    periods_text,
    time_text,
    week_text,
    within,
)

ZONE = ZoneInfo("America/Los_Angeles")
WEEK = {
    "monday": ["08:00-12:00", "13:00-18:00"],
    "tuesday": ["08:00-12:00", "13:00-18:00"],
    "wednesday": ["08:00-12:00", "13:00-20:00"],
    "thursday": ["08:00-12:00", "13:00-18:00"],
    "friday": ["08:00-12:00", "13:00-17:00"],
    "saturday": ["09:00-13:00"],
}
HOLIDAYS = [
    Holiday(date(2026, 11, 26), {"en": "Thanksgiving Day", "es": "Día de Acción de Gracias"}),
    Holiday(date(2026, 12, 24), {"en": "Christmas Eve"}, parse_periods(["08:00-12:00"])),
    Holiday(date(2026, 12, 25), {"en": "Christmas Day"}),
]


@pytest.fixture
def clinic() -> Calendar:
    return calendar("America/Los_Angeles", WEEK, HOLIDAYS)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-23T08:00:00", True),
        ("2026-11-23T07:59:59", False),
        ("2026-11-23T11:59:59", True),
        ("2026-11-23T12:00:00", False),  # lunch
        ("2026-11-23T12:59:59", False),
        ("2026-11-23T13:00:00", True),
        ("2026-11-23T17:59:59", True),
        ("2026-11-23T18:00:00", False),
        ("2026-11-22T10:00:00", False),  # Sunday
        ("2026-11-26T10:00:00", False),  # a holiday on a Thursday
        ("2026-12-24T10:00:00", True),  # a half day: the morning
        ("2026-12-24T14:00:00", False),  # and its afternoon
    ],
)
def test_it_knows_when_it_is_open(clinic: Calendar, moment: str, expected: bool) -> None:
    assert is_open(clinic, local(moment)) is expected


def test_it_takes_moments_of_any_zone(clinic: Calendar) -> None:
    assert is_open(clinic, datetime(2026, 11, 23, 17, 0, tzinfo=UTC))  # 9:00 in the clinic
    assert not is_open(clinic, datetime(2026, 11, 23, 9, 0, tzinfo=UTC))  # 1:00 in the clinic


@pytest.mark.parametrize(
    ("moment", "opening"),
    [
        ("2026-11-23T06:00", "2026-11-23T08:00"),
        ("2026-11-23T12:30", "2026-11-23T13:00"),
        ("2026-11-23T18:30", "2026-11-24T08:00"),
        ("2026-11-25T20:30", "2026-11-27T08:00"),  # over the holiday
        ("2026-11-28T13:00", "2026-11-30T08:00"),  # over the Sunday
        ("2026-12-24T12:00", "2026-12-26T09:00"),  # half day, holiday, then Saturday
        ("2026-11-23T09:00", "2026-11-23T13:00"),  # open now: the period after this one
    ],
)
def test_it_finds_the_next_opening(clinic: Calendar, moment: str, opening: str) -> None:
    assert next_opening(clinic, local(moment)) == local(opening)


def test_it_opens_at_eight_on_the_days_the_clocks_change() -> None:
    """On 8 March 2026 an hour is lost, on 1 November 2026 one comes twice; both are Sundays."""
    every_day = {day: ["08:00-12:00"] for day in (*WEEK, "sunday")}
    cal = calendar("America/Los_Angeles", every_day)
    spring, autumn = local("2026-03-07T20:00"), local("2026-10-31T20:00")
    for evening, hours_between in ((spring, 11), (autumn, 13)):
        opening = next_opening(cal, evening)
        assert opening is not None
        assert (opening.hour, opening.minute) == (8, 0)
        assert opening.astimezone(UTC) - evening.astimezone(UTC) == timedelta(hours=hours_between)
        assert is_open(cal, opening)
        assert not is_open(cal, opening.astimezone(UTC) - timedelta(seconds=1))


def test_a_period_may_last_to_the_end_of_the_day() -> None:
    cal = calendar("America/Los_Angeles", {"monday": ["20:00-24:00"], "tuesday": ["00:00-02:00"]})
    assert is_open(cal, local("2026-11-23T23:59:59"))
    assert is_open(cal, local("2026-11-24T00:00:00"))
    assert not is_open(cal, local("2026-11-24T02:00:00"))
    assert closes_at(cal, local("2026-11-23T23:00")) == local("2026-11-24T00:00")


def test_it_says_when_it_closes(clinic: Calendar) -> None:
    assert closes_at(clinic, local("2026-11-23T11:00")) == local("2026-11-23T12:00")
    assert closes_at(clinic, local("2026-11-23T12:30")) is None


def test_a_clinic_that_never_opens_has_no_next_opening() -> None:
    cal = calendar("America/Los_Angeles", {})
    assert next_opening(cal, local("2026-11-23T12:00")) is None
    assert opening_text(cal, local("2026-11-23T12:00"), "en") == ""


def test_the_chat_is_open_on_a_half_day_only_while_the_clinic_is(clinic: Calendar) -> None:
    own = calendar("America/Los_Angeles", {"thursday": ["08:30-12:00", "13:00-17:30"]})
    chat = within(own, clinic)
    assert chat.periods(date(2026, 12, 24)) == (Period(8 * 60 + 30, 12 * 60),)
    assert chat.periods(date(2026, 11, 26)) == ()
    assert chat.periods(date(2026, 12, 3)) == own.periods(date(2026, 12, 3))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("8-12", "is not a period"),
        ("08:00-25:00", "ends after 24:00"),
        ("18:00-08:00", "ends before it begins"),
        ("08:00-08:00", "ends before it begins"),
        ("08:75-12:00", "minute above 59"),
    ],
)
def test_a_wrong_period_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_periods([text])


def test_overlapping_periods_are_refused() -> None:
    with pytest.raises(ValueError, match=r"08:00-12:00 and 11:00-13:00 overlap"):
        parse_periods(["11:00-13:00", "08:00-12:00"])


def test_periods_are_put_in_order() -> None:
    assert parse_periods(["13:00-14:00", "08:00-12:00"]) == (Period(480, 720), Period(780, 840))


@pytest.mark.parametrize(
    ("minute", "english", "spanish"),
    [
        (8 * 60, "8 am", "8:00"),
        (8 * 60 + 30, "8:30 am", "8:30"),
        (12 * 60, "noon", "12:00"),
        (12 * 60 + 5, "12:05 pm", "12:05"),
        (13 * 60, "1 pm", "13:00"),
        (0, "midnight", "0:00"),
        (5, "12:05 am", "0:05"),
        (24 * 60, "midnight", "24:00"),
    ],
)
def test_times_are_told_as_people_of_the_language_do(
    minute: int, english: str, spanish: str
) -> None:
    assert (time_text(minute, "en"), time_text(minute, "es")) == (english, spanish)


def test_a_week_is_told_in_one_clause_per_kind_of_day(clinic: Calendar) -> None:
    assert week_text(clinic, "en") == (
        "Monday, Tuesday and Thursday 8 am to noon and 1 pm to 6 pm; "
        "Wednesday 8 am to noon and 1 pm to 8 pm; "
        "Friday 8 am to noon and 1 pm to 5 pm; "
        "Saturday 9 am to 1 pm; closed on Sunday"
    )
    assert week_text(clinic, "es").startswith(
        "lunes, martes y jueves de 8:00 a 12:00 y de 13:00 a 18:00; miércoles "
    )


def test_days_in_a_row_are_told_as_a_span() -> None:
    five = ("monday", "tuesday", "wednesday", "thursday", "friday")
    cal = calendar("America/Los_Angeles", {day: ["08:00-17:00"] for day in five})
    assert week_text(cal, "en") == "Monday to Friday 8 am to 5 pm; closed on Saturday and Sunday"
    assert week_text(cal, "es") == "lunes a viernes de 8:00 a 17:00; cerrado el sábado y domingo"


@pytest.mark.parametrize(
    ("moment", "english", "spanish"),
    [
        ("2026-11-23T12:30", "today at 1 pm", "hoy a las 13:00"),
        ("2026-11-23T19:00", "tomorrow at 8 am", "mañana a las 8:00"),
        ("2026-11-25T21:00", "on Friday at 8 am", "el viernes a las 8:00"),
        ("2026-11-28T14:00", "on Monday at 8 am", "el lunes a las 8:00"),
    ],
)
def test_the_next_opening_is_told_as_one_says_it(
    clinic: Calendar, moment: str, english: str, spanish: str
) -> None:
    at = local(moment)
    assert (opening_text(clinic, at, "en"), opening_text(clinic, at, "es")) == (english, spanish)


def test_an_opening_more_than_six_days_off_is_told_with_its_date() -> None:
    days_off = [Holiday(date(2026, 11, day)) for day in range(23, 30)]
    cal = calendar("America/Los_Angeles", {"monday": ["13:00-14:00"]}, days_off)
    at = local("2026-11-22T12:00")
    assert opening_text(cal, at, "en") == "on Monday, November 30, 2026 at 1 pm"
    assert opening_text(cal, at, "es") == "el lunes, 30 de noviembre de 2026 a las 13:00"


def test_one_o_clock_is_singular_in_spanish() -> None:
    cal = calendar("America/Los_Angeles", {"monday": ["01:30-02:00"]})
    assert opening_text(cal, local("2026-11-23T00:00"), "es") == "hoy a la 1:30"


def test_holidays_to_come_are_listed_and_past_ones_are_not(clinic: Calendar) -> None:
    at = local("2026-12-01T12:00")
    assert holidays_text(clinic, "en", at) == (
        "Thursday, December 24, 2026 (Christmas Eve): 8 am to noon; "
        "Friday, December 25, 2026 (Christmas Day): closed"
    )
    assert [day.on for day in past_holidays(clinic, at)] == [date(2026, 11, 26)]


def test_a_holiday_lasts_to_the_clinics_midnight_not_to_utcs(clinic: Calendar) -> None:
    late = local("2026-11-26T23:30")
    assert late.astimezone(UTC).date() == date(2026, 11, 27)
    assert holidays_text(clinic, "en", late).startswith("Thursday, November 26")


def test_a_closed_day_is_called_closed() -> None:
    assert (periods_text((), "en"), periods_text((), "es")) == ("closed", "cerrado")
