"""The console's news: one stream per open page.

Rule: no database session and no request context is open while it waits: each look is made in a
context of its own, so the person is looked up anew, and one who may no longer look gets nothing. A
busy desk costs no more than a list a second: what the open conversation says comes at once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from flask import copy_current_request_context, render_template
from flask_security import current_user
from sqlalchemy.orm import Session

from web import auth
from web.chat.stream import Subscription, sse
from web.desk import handoffs, inbox
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


class News:
    """What one page has been told, and what it is to be told next. Made inside its request."""

    def __init__(self, conversation_id: str | None, after: int) -> None:
        self.conversation_id = conversation_id
        self.after = after
        self._services = services()
        self._look_as_asked = copy_current_request_context(self._look)
        self._sent: dict[str, Any] = {}
        self._list_at = 0.0
        self._list_is_due = True

    def events(self, subscription: Subscription) -> Iterator[bytes]:
        """Yield until the stream's life is over; the subscription is closed with it."""
        ends = time.monotonic() + STREAM_LIFE_S
        topics = {self.conversation_id or ""}
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
        if self.conversation_id is not None:
            typing_s = self._services.typing.left_s(self.conversation_id)
            times += [typing_s + 0.05] if typing_s is not None else []
        return max(0.0, min(times))

    def _look(self, topics: set[str]) -> list[bytes] | None:
        """Return what is new; None when this person may not look any more."""
        wants_list = self._list_is_due and time.monotonic() >= self._list_at + LIST_EVERY_S
        # An empty set: the wait ran out, perhaps because somebody stopped typing.
        wants_talk = self.conversation_id is not None and (
            not topics or self.conversation_id in topics
        )
        if not auth.is_signed_in():  # idle, ended from elsewhere, or the account was closed
            return None
        if not wants_list and not wants_talk:
            return []
        with self._services.database.reading() as session:
            news = self._talk(session) if wants_talk else []
            if wants_list:
                self._list_at, self._list_is_due = time.monotonic(), False
                news += self._changed("inbox", self._inbox(session))
        return news

    def _talk(self, session: Session) -> list[bytes]:
        assert self.conversation_id is not None
        card = inbox.card(session, self.conversation_id)
        if card is None:
            return [sse("gone", {})]
        news: list[bytes] = []
        for row in _desk.rows(session, self.conversation_id, self.after):
            news.append(sse("message", row, row["n"]))
            self.after = row["n"]
        return news + self._changed("state", self._state(session, card))

    def _changed(self, event: str, data: dict[str, Any]) -> list[bytes]:
        if self._sent.get(event) == data:
            return []
        self._sent[event] = data
        return [sse(event, data)]

    def _inbox(self, session: Session) -> dict[str, Any]:
        open_one = handoffs.latest(session, self.conversation_id) if self.conversation_id else None
        values = _desk.inbox_values(session, open_one)
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

    def _state(self, session: Session, card: inbox.Card) -> dict[str, Any]:
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
            "notes": render_template("console/_notes.html", **values),
        }
