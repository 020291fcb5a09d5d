"""The console's news: one stream per browser, for all its open pages.

Rule: no database session and no request context is open while it waits: each look is made in a
context of its own, so the person is looked up anew, and one who may no longer look gets nothing. A
busy desk costs no more than a list a second: what the open conversation says comes at once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from flask import copy_current_request_context, render_template
from flask_security import current_user
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from web import auth
from web.chat.intake import row_number
from web.chat.stream import Subscription, sse
from web.desk import handoff_cards, handoffs, inbox
from web.desk.inbox import Box
from web.models import Author
from web.services import services
from web.views import _desk

# A stream ends after a minute and the browser opens it again: what it holds is never old. A session
# that was ended or went idle stops getting news with the next beat at the latest.
STREAM_LIFE_S = 60.0
BEAT_S = 15.0
RETRY_MS = 1000
LIST_EVERY_S = 1.0
MAX_PAGES = 20  # tabs of one browser

Event = tuple[str, dict[str, Any]]


class News:
    """What the open pages of one browser are to be told next. Made inside its request."""

    def __init__(self, pages: Sequence[Page]) -> None:
        self.pages = pages
        self._services = services()
        self._look_as_asked = copy_current_request_context(self._look)
        self._list_at = 0.0
        self._list_is_due = True

    def events(self, subscription: Subscription) -> Iterator[bytes]:
        """Yield until the stream's life is over; the subscription is closed with it."""
        ends = time.monotonic() + STREAM_LIFE_S
        topics = {page.conversation_id or "" for page in self.pages}
        beat_at = time.monotonic() + BEAT_S
        with subscription:
            yield f"retry: {RETRY_MS}\n\n".encode()
            while time.monotonic() < ends and not self._services.stopping.is_set():
                news = self._look_as_asked(topics)
                if news is None:
                    return
                yield from news
                topics = subscription.wait(self._wait_s(min(beat_at, ends)))
                self._list_is_due = self._list_is_due or "console" in topics
                if time.monotonic() >= beat_at:
                    beat_at = time.monotonic() + BEAT_S
                    yield sse("beat", {})

    def _wait_s(self, until: float) -> float:
        times = [until - time.monotonic()]
        if self._list_is_due:
            times.append(self._list_at + LIST_EVERY_S - time.monotonic())
        for page in self.pages:
            typing_s = self._services.typing.left_s(page.conversation_id or "")
            times += [typing_s + 0.05] if typing_s is not None else []
        return max(0.0, min(times))

    def _look(self, topics: set[str]) -> list[bytes] | None:
        """Return what is new; None when this person may not look any more."""
        wants_list = self._list_is_due and time.monotonic() >= self._list_at + LIST_EVERY_S
        # An empty set: the wait ran out, perhaps because somebody stopped typing.
        talking = [page for page in self.pages if page.is_meant(topics)]
        if not auth.is_signed_in():  # idle, ended from elsewhere, or the account was closed
            return None
        if not wants_list and not talking:
            return []
        places = [page.after for page in self.pages]
        with self._services.database.reading() as session:
            news = [each for page in talking for each in page.talk(session)]
            if wants_list:
                self._list_at, self._list_is_due = time.monotonic(), False
                news += [each for page in self.pages for each in page.listed(session)]
        return [_sse(event, data, places) for event, data in news]


def _sse(event: str, data: dict[str, Any], places: list[int]) -> bytes:
    """Say also where each page is now: a stream that breaks off goes on from there."""
    if event == "message":
        places[data["page"]] = data["n"]
    return sse(event, data, ".".join(map(str, places)))


def pages_of(asked: MultiDict[str, str], last_id: str | None) -> list[Page]:
    """Return the pages a stream is asked for: each `page` is one's own parameters.

    Without any, the request's parameters are those of the only page. last_id: where each was when
    the stream broke off.
    """
    texts = asked.getlist("page")[:MAX_PAGES]
    each = [dict(parse_qsl(text)) for text in texts] or [asked.to_dict()]
    places = (last_id or "").split(".")
    known = places if len(places) == len(each) else [""] * len(each)
    return [
        Page(number, parameters, row_number(place) if place else None)
        for number, (parameters, place) in enumerate(zip(each, known, strict=True))
    ]


class Page:
    """One open page, and what it has been told. Its number in the stream goes with each event."""

    def __init__(self, number: int, asked: Mapping[str, str], after: int | None) -> None:
        self.number = number
        self.asked = asked
        self.conversation_id = asked.get("conversation")
        self.after = row_number(asked.get("after")) if after is None else after
        self._services = services()
        self._sent: dict[str, Any] = {}

    def is_meant(self, topics: set[str]) -> bool:
        return self.conversation_id is not None and (not topics or self.conversation_id in topics)

    def talk(self, session: Session) -> list[Event]:
        assert self.conversation_id is not None
        card = handoff_cards.card(session, self.conversation_id)
        if card is None:
            return [("gone", {"page": self.number})]
        news: list[Event] = []
        for row in _desk.rows(session, self.conversation_id, self.after):
            news.append(("message", {**row, "page": self.number}))
            self.after = row["n"]
        return news + self._changed("state", self._state(session, card))

    def listed(self, session: Session) -> list[Event]:
        return self._changed("inbox", self._inbox(session))

    def _changed(self, event: str, data: dict[str, Any]) -> list[Event]:
        if self._sent.get(event) == data:
            return []
        self._sent[event] = data
        return [(event, {**data, "page": self.number})]

    def _inbox(self, session: Session) -> dict[str, Any]:
        open_one = handoffs.latest(session, self.conversation_id) if self.conversation_id else None
        values = _desk.inbox_values(session, open_one, self.asked)
        conversation = {"conversation": {"id": self.conversation_id}}
        who = inbox.viewer(session, current_user.id)
        mine = inbox.entries(session, Box.MINE, who)
        waiting = inbox.concerning(session, who, self._services.clock())
        return {
            # Without `now` the list holds clock times only, so that it stays the same until
            # something happens; the script turns them into "4 min".
            "html": render_template(
                "console/_inbox.html", **{**values, **conversation, "now": None}
            ),
            "waiting": len(waiting),
            "waiting_ids": [handoff.id for handoff in waiting],
            "urgent_ids": [handoff.id for handoff in waiting if handoff.urgent],
            "alarms": {handoff.id: handoff.alarm for handoff in waiting if handoff.alarm},
            "transfer_ids": [each.transfer.id for each in values["asked_of_me"]],
            "mention_ids": [each.note_id for each in values["mentions"]],
            "offered_ids": [each.id for each in waiting if each.offered_to_id == who.staff.id],
            "spoke": {
                entry.conversation.id: entry.last_n
                for entry in mine
                if entry.last_author is Author.PATIENT
            },
        }

    def _state(self, session: Session, card: handoff_cards.Card) -> dict[str, Any]:
        values = {
            **_desk.conversation_values(session, card),
            "clock_text": _desk.clock_text,
            "now": None,
        }
        return {
            "key": values["key"],
            "card": render_template("console/_card.html", **values),
            "actions": render_template("console/_actions.html", **values),
            "typing": values["patient_typing"],
            "beside": values["beside"],
            "notes": render_template("console/_notes.html", **values),
        }
