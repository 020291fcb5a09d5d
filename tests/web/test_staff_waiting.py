"""Waiting, honestly: a range from what was measured, ways out, and calls at a promised time."""

from __future__ import annotations

import heapq
import random
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import mean
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests.conftest import Patient, Search, words
from tests.fakes import FakeRasa
from tests.web.staff_desk import MONDAY_MORNING, Desk
from web.background import Background
from web.chat import conversations, feed, messages
from web.chat.contact import ContactInvalid
from web.chat.messages import message_html, message_text
from web.desk import callbacks, estimates, handoffs, inbox, presence
from web.models import Handoff, HandoffState, Staff
from web.sections import Callbacks, Waiting
from web.services import of

CONTACT = {"name": "Pat", "phone": "503 555 0123", "message": "Please call me about my bill."}
ZONE = ZoneInfo("America/Los_Angeles")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(
        tmp_path,
        waiting=Waiting(min_measured=5, promise_min=10),
        callbacks=Callbacks(window_min=60, per_window=2, notice_min=30),
    )
    yield desk
    desk.close()


# The range ---------------------------------------------------------------------------------------


def handled(desk: Desk, staff: Staff, *minutes: float, desk_id: str = "front") -> None:
    patients = [desk.patient() for _ in minutes]
    with desk.open() as session:
        for pat, took in zip(patients, minutes, strict=True):
            begun = desk.clock() - timedelta(hours=1)
            ended = begun + timedelta(minutes=took)
            times = {"requested_at": begun, "claimed_at": begun, "closed_at": ended}
            state = HandoffState.RESOLVED
            made = Handoff(conversation_id=pat, state=state, reason="asked", desk=desk_id, **times)
            made.staff_id = staff.id
            session.add(made)


def told(desk: Desk, conversation_id: str, lang: str = "en") -> str:
    with desk.reading() as session:
        return feed._status_line(handoffs.status(session, conversation_id), lang)


def test_before_enough_was_measured_only_the_clinics_promise_is_told(desk: Desk) -> None:
    ana = desk.agent()
    handled(desk, ana, 5, 5, 5, 5)
    pat = desk.conversation_of(desk.waiting())
    assert told(desk, pat) == (
        "You are next in line for a person. Somebody usually answers within 10 minutes."
    )


def test_without_a_promise_no_time_is_told(tmp_path: Path) -> None:
    desk = Desk(tmp_path, waiting=Waiting(promise_min=0))
    desk.agent()
    assert told(desk, desk.conversation_of(desk.waiting())) == "You are next in line for a person."
    desk.close()


def test_enough_handled_chats_make_a_range_that_moves_with_the_place(desk: Desk) -> None:
    ana = desk.agent()
    handled(desk, ana, 4, 5, 6, 7, 10)
    first, second, third = (desk.conversation_of(desk.waiting()) for _ in range(3))
    assert told(desk, first).endswith("It may take up to 10 minutes.")
    assert told(desk, second).endswith("It may take about 6 to 19 minutes.")
    assert told(desk, third, "es").endswith("Puede tardar entre 12 y 29 minutos.")
    desk.agent("Bea")
    assert told(desk, second).endswith("It may take up to 10 minutes."), "two answer twice as fast"


def test_another_desks_chats_do_not_count(desk: Desk) -> None:
    handled(desk, desk.agent(), 4, 5, 6, 7, 8, desk_id="billing")
    pat = desk.conversation_of(desk.waiting())
    assert told(desk, pat).endswith("Somebody usually answers within 10 minutes.")


def test_with_nobody_there_no_time_is_told(desk: Desk) -> None:
    ana = desk.agent()
    handled(desk, ana, 4, 5, 6, 7, 8)
    pat = desk.conversation_of(desk.waiting())
    desk.clock.passes(minutes=2)
    desk.sweep()
    assert "minutes" not in told(desk, pat)


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_on_a_simulated_day_the_true_wait_lies_in_the_range(seed: int) -> None:
    """200 chats, three agents, as busy as a desk gets; only those who had to wait are told."""
    chance = random.Random(seed)
    free_at = [0.0] * 3
    past = [chance.lognormvariate(1.6, 0.5) * 60 for _ in range(estimates.MEASURED)]
    asked_s, hits, starts = 0.0, [], []
    for _ in range(200):
        asked_s += chance.expovariate(1 / 115)
        place = sum(start > asked_s for start in starts) + 1
        started = max(asked_s, heapq.heappop(free_at))
        took = chance.lognormvariate(1.6, 0.5) * 60
        heapq.heappush(free_at, started + took)
        starts.append(started)
        if started > asked_s:
            low, high = estimates.wait_range(place, past[-estimates.MEASURED :], 3)
            hits.append(low * 60 <= started - asked_s <= high * 60)
        past.append(took)
    assert len(hits) > 40
    assert mean(hits) >= 0.8


WAITING = {"status": "waiting", "working": False, "text": "You are number 3 in line."}


def test_who_waits_is_told_beforehand_what_loses_the_place(desk: Desk) -> None:
    desk.agent()
    pat = desk.patient("hello")
    desk.ask(pat)
    said = message_text(desk.log(pat)[-1], "en", desk.services.settings)
    assert "after 10 minutes away, you lose your place" in said
    for minutes, is_lost in ((9, False), (2, True)):
        desk.clock.passes(minutes=minutes)
        with desk.app.app_context():
            Background(desk.app).sweep()
        assert ("patient_gone" in desk.lines(pat)) is is_lost


@pytest.mark.parametrize(
    ("before", "now", "ago_s", "is_held"),
    [
        (WAITING, {**WAITING, "text": "You are number 2 in line."}, 14.9, True),
        (WAITING, {**WAITING, "text": "You are number 2 in line."}, 15.0, False),
        (WAITING, {**WAITING, "working": True}, 1.0, False),
        (WAITING, {**WAITING, "status": "agent", "text": "With Ana."}, 1.0, False),
        ({**WAITING, "status": "bot"}, WAITING, 1.0, False),
    ],
)
def test_a_place_in_the_queue_is_told_at_most_every_15_s(
    before: dict[str, Any], now: dict[str, Any], ago_s: float, is_held: bool
) -> None:
    assert feed.is_held(before, now, ago_s) is is_held


# Ways out ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "said", "lead"),
    [
        ("way:message", "Leave a message", "Please write to us here."),
        ("way:callback", "Call me back", "Choose a time, and we call you."),
    ],
)
def test_who_waits_can_leave_the_queue_without_giving_up(
    app: Flask,
    pat: Patient,
    staff: Callable[[str], Staff],
    answer_all: Callable[[], int],
    rasa: FakeRasa,
    search: Search,
    choice: str,
    said: str,
    lead: str,
) -> None:
    ana = staff("Ana")
    with app.app_context(), of(app).database.transaction() as session:
        presence.seen(session, ana.id, of(app).clock())
    assert pat.post("/handoff").status_code == 202
    [queued] = pat.log()
    assert f'data-choice="{choice}"' in queued["html"]
    for _ in range(2):
        answer = pat.post("/messages", {"client_id": "c-1", "choice": choice, "n": queued["n"]})
        assert answer.status_code == 202
    assert answer_all() == 1
    mine, text, form = pat.log(after=queued["n"])
    assert words(mine["html"]) == said
    assert words(text["html"]).startswith(lead)
    assert form["kind"] == "form"
    assert pat.state()["status"] == "waiting", "the place is kept until the form is sent"
    assert search.asked == []
    sent = pat.post("/forms", {"client_id": "f-1", "form": "contact", "fields": CONTACT})
    assert sent.status_code == 202
    assert pat.state()["status"] == "message_left"


# Promised calls ----------------------------------------------------------------------------------


def local(window: callbacks.Window) -> str:
    return window.begins.astimezone(ZONE).strftime("%a %d %H:%M")


def test_windows_lie_in_the_opening_hours_holidays_and_half_days_included(desk: Desk) -> None:
    """Closed at noon; Thursday is Thanksgiving; 24 December ends at 12:00."""
    cal = desk.settings.calendar
    wednesday = datetime(2026, 11, 25, 19, 30, tzinfo=ZONE)
    found = [local(each) for each in callbacks.windows(cal, wednesday, 60, 30)]
    assert found[:6] == [
        *("Fri 27 08:00", "Fri 27 09:00", "Fri 27 10:00", "Fri 27 11:00"),
        *("Fri 27 13:00", "Fri 27 14:00"),
    ]
    eve = datetime(2026, 12, 24, 9, 40, tzinfo=ZONE)
    assert [local(each) for each in callbacks.windows(cal, eve, 60, 30)][:2] == [
        "Thu 24 11:00",
        "Sat 26 09:00",
    ]


def test_a_window_that_does_not_fit_is_not_promised(desk: Desk) -> None:
    cal = desk.settings.calendar
    found = [local(each) for each in callbacks.windows(cal, MONDAY_MORNING, 150, 0)]
    assert found[:2] == ["Mon 23 13:00", "Mon 23 15:30"]


def test_on_the_day_the_clocks_change_the_hour_on_the_wall_counts(desk: Desk) -> None:
    cal = desk.settings.calendar
    before = datetime(2026, 10, 31, 20, 0, tzinfo=ZONE)
    first = next(callbacks.windows(cal, before, 60, 0))
    assert local(first) == "Mon 02 08:00"
    assert first.begins == datetime(2026, 11, 2, 16, 0, tzinfo=UTC)


def leave(desk: Desk, window: str | None, **fields: str) -> str:
    pat = desk.patient()
    typed = {**CONTACT, **fields, **({"window": window} if window else {})}
    with desk.open() as session:
        handoffs.leave_message(session, pat, typed)
    return pat


def next_windows(desk: Desk) -> list[str]:
    found = callbacks.offered(desk.settings, desk.clock())
    return [each.begins.isoformat() for each in found]


def test_a_call_is_promised_shown_next_morning_and_done(desk: Desk) -> None:
    """Asked on Monday night; the console shows it planned, due, overdue and done."""
    client = desk.sign_in(desk.agent())
    desk.clock.now = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)
    pat = leave(desk, next_windows(desk)[0])
    assert desk.log(pat)[-1].payload == {
        "line": "callback_promised",
        "begins": "2026-11-24T16:00:00+00:00",
        "ends": "2026-11-24T17:00:00+00:00",
    }
    client = desk.sign_in(desk.agent("Bea"))
    told: list[str] = []
    for hour in (6, 16, 17):
        desk.clock.now = datetime(2026, 11, 24, hour, 0, tzinfo=UTC)
        page = client.get("/console/?box=callbacks")
        told += [each for each in ("Call: ", "Call now: ", "Overdue: ") if f">{each}" in page]
    assert told == ["Call: ", "Call now: ", "Overdue: "]
    assert "today at 8 am to 9 am" in page
    with desk.reading() as session:
        handoff = handoffs.latest(session, pat)
        assert handoff is not None
    with desk.services.hub.subscribe(["console"]) as open_console:
        client.call(f"/console/handoffs/{handoff.id}/done")
        assert open_console.wait(0.0) == {"console"}
    assert ">Called: " in client.get("/console/?box=callbacks")
    with desk.reading() as session:
        assert inbox.counts(session, handoff.staff_id or 0)[inbox.Box.CALLBACKS] == 0


def test_no_more_calls_are_promised_than_can_be_kept(desk: Desk) -> None:
    first, second, *_ = next_windows(desk)
    leave(desk, first)
    leave(desk, first)
    with pytest.raises(ContactInvalid) as refused:
        leave(desk, first)
    assert refused.value.fields == {"window": "window_taken"}
    leave(desk, second)


@pytest.mark.parametrize(
    ("window", "fields", "wanted"),
    [
        ("2026-11-26T18:00:00+00:00", {}, {"window": "window_taken"}),  # Thanksgiving
        ("2020-01-06T18:00:00+00:00", {}, {"window": "window_taken"}),
        ("soon", {}, {"window": "window_taken"}),
        ("first", {"phone": "", "email": "pat@home.example"}, {"phone": "phone_missing"}),
    ],
)
def test_a_time_that_cannot_be_kept_is_refused_beside_its_field(
    desk: Desk, window: str, fields: dict[str, str], wanted: dict[str, str]
) -> None:
    wanted_window = next_windows(desk)[0] if window == "first" else window
    with pytest.raises(ContactInvalid) as refused:
        leave(desk, wanted_window, **fields)
    assert refused.value.fields == wanted


def test_without_a_time_it_is_a_message_as_before(desk: Desk) -> None:
    pat = leave(desk, None)
    assert desk.lines(pat) == ["message_left"]
    with desk.reading() as session:
        counts = inbox.counts(session, 0)
    assert (counts[inbox.Box.MESSAGES], counts[inbox.Box.CALLBACKS]) == (1, 0)


@pytest.mark.parametrize(("per_window", "is_asked"), [(2, True), (0, False)])
def test_the_form_offers_times_only_where_the_clinic_promises_some(
    tmp_path: Path, per_window: int, is_asked: bool
) -> None:
    desk = Desk(tmp_path, callbacks=Callbacks(per_window=per_window))
    pat = desk.patient()
    desk.ask(pat)
    with desk.app.test_request_context():
        html: Any = message_html(desk.log(pat)[-1], lang="es")
    assert ('name="window"' in html) is is_asked
    assert ('name="preferred_time"' in html) is not is_asked
    assert ("hoy a las 13:00, hasta las 14:00" in html) is is_asked
    desk.close()


def test_a_booked_out_time_is_not_offered_in_the_form(desk: Desk) -> None:
    desk.clock.now = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)
    first, second = next_windows(desk)[:2]
    for _ in range(2):
        leave(desk, first)
    pat = desk.patient()
    desk.ask(pat, "callback")
    with desk.reading() as session:
        form = desk_form(desk, session, pat)
    assert first not in form
    assert form.count("<option") >= callbacks.WINDOWS_OFFERED
    assert second in form
    last = re.findall(r'value="(2026[^"]+)"', form)[-1]
    leave(desk, last)  # beyond the twelve that were there without bookings


def desk_form(desk: Desk, session: Session, conversation_id: str) -> str:
    row = conversations.log(session, conversation_id)[-1]
    return messages.message_html(row, lang="en")
