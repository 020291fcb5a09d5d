"""The log of one conversation as events: by stream, or by long poll.

Rule: rows come in the order of `n`, each once per connection, starting after the last one the panel
has. The database is read briefly and let go before anything is sent or waited for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import bindparam, exists, select
from sqlalchemy.orm import Session

from web.chat import conversations, leases
from web.chat.messages import message_event
from web.chat.stream import HEARTBEAT, HEARTBEAT_S, TooManyStreams, sse
from web.desk import handoffs
from web.models import Conversation, Handoff, Message
from web.services import Services
from web.services import services as services_here
from web.wording import say

MAX_ROWS = 500
ANNOUNCE_EVERY_S = 15.0
# Where no answer is due, what woke us is mostly the patient's own message, which their panel shows
# already: the turn that it began goes first. What comes meanwhile is sent with it.
BREATH_S = 0.006
NOBODY_ASKED = handoffs.HandoffStatus("bot")
Context = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Snapshot:
    lang: str
    rows: Sequence[Message]
    state: dict[str, Any]


def snapshot(services: Services, conversation_id: str, after: int) -> Snapshot | None:
    """Return what came after row `after`; None when the conversation is gone."""
    services.seen.mark(conversation_id, services.clock())
    with services.database.reading() as session:
        found = session.execute(_STANDING, {"id": conversation_id}).first()
        if found is None:
            return None
        rows = conversations.log(session, conversation_id, after)[:MAX_ROWS]
        conversation, working, has_handoff = found
        # Most have never asked for a person: spare them what only those need.
        status = NOBODY_ASKED
        if has_handoff or conversation.ended_at is not None:
            status = handoffs.status(session, conversation_id)
        return Snapshot(conversation.lang, rows, _state(services, conversation, status, working))


_STANDING = select(
    Conversation,
    leases.unfinished(Conversation.id),
    exists().where(Handoff.conversation_id == Conversation.id),
).where(Conversation.id == bindparam("id"))


def state_of(session: Session, services: Services, conversation: Conversation) -> dict[str, Any]:
    """Return the state event: who has the conversation, and what the patient may expect."""
    status = handoffs.status(session, conversation.id)
    return _state(services, conversation, status, leases.is_working(session, conversation.id))


def _state(
    services: Services, conversation: Conversation, status: handoffs.HandoffStatus, working: bool
) -> dict[str, Any]:
    return {
        "status": status.status,
        "working": bool(working),
        "agent": status.agent,
        "agent_typing": services.typing.is_typing(conversation.id, "agent"),
        "survey": status.survey,
        "text": _status_line(status, conversation.lang),
    }


def _status_line(status: handoffs.HandoffStatus, lang: str) -> str:
    key = f"state.{status.status}"
    if status.status == "waiting" and status.nobody_here:
        key = "state.waiting_nobody"
    elif status.status == "waiting" and status.position == 1:
        key = "state.waiting_first"
    said = say(lang, key, position=status.position, name=status.agent)
    if status.status != "waiting" or status.nobody_here:
        return said
    return f"{said} {_wait_line(status.wait_min, lang)}".strip()


def _wait_line(wait_min: tuple[int, int] | None, lang: str) -> str:
    """Say how long it may take; the clinic's own promise where it was not measured enough."""
    if wait_min is None:
        promised = services_here().settings.waiting.promise_min
        return say(lang, "wait.promise", high=promised) if promised else ""
    low, high = wait_min
    if low:
        return say(lang, "wait.about", low=low, high=high)
    return say(lang, "wait.up_to_one" if high == 1 else "wait.up_to", high=high)


def events(
    services: Services, context: Context, conversation_id: str, after: int
) -> Iterator[bytes]:
    """Yield the stream until the conversation is gone or the process stops.

    context: makes the application's context, which is entered for each look at the log and left
    before anything is sent: it holds what must not stay open for as long as a panel does.
    """
    state: dict[str, Any] | None = None
    sent_at = told_at = time.monotonic()
    with services.hub.subscribe([conversation_id]) as subscription:
        while not services.hub.is_closed:
            with context():
                now = snapshot(services, conversation_id, after)
                told_ago_s = time.monotonic() - told_at
                if now is not None and state is not None and is_held(state, now.state, told_ago_s):
                    now = replace(now, state=state)
                pieces = _pieces(now, state) if now is not None else []
            if now is None:
                return
            if pieces:
                yield b"".join(pieces)  # one write, one packet
            told_at = told_at if now.state == state else time.monotonic()
            state, after = now.state, max([after, *(row.n for row in now.rows)])
            sent_at = time.monotonic() if pieces else sent_at
            if len(now.rows) == MAX_ROWS:
                continue
            if subscription.wait(_patience_s(services, conversation_id)) and not state["working"]:
                services.stopping.wait(BREATH_S)
            if time.monotonic() - sent_at >= HEARTBEAT_S * 0.99:
                yield HEARTBEAT
                sent_at = time.monotonic()


def is_held(before: dict[str, Any], now: dict[str, Any], told_ago_s: float) -> bool:
    """Tell whether a new place in the queue is told later: a screen reader reads it out."""
    if now["status"] != "waiting" or told_ago_s >= ANNOUNCE_EVERY_S:
        return False
    return {**before, "text": ""} == {**now, "text": ""}


def _pieces(now: Snapshot, state_before: dict[str, Any] | None) -> list[bytes]:
    rows = [sse("message", message_event(row, lang=now.lang), row.n) for row in now.rows]
    return rows if now.state == state_before else [*rows, sse("state", now.state)]


def _patience_s(services: Services, conversation_id: str) -> float:
    """Wait for a wake-up no longer than a heartbeat, or than somebody's typing lasts."""
    left_s = services.typing.left_s(conversation_id)
    return HEARTBEAT_S if left_s is None else min(HEARTBEAT_S, left_s + 0.05)


def poll(
    services: Services, conversation_id: str, after: int, wait_s: float
) -> dict[str, Any] | None:
    """Return rows after `after` and the state, waiting for something to happen at most wait_s."""
    with services.hub.subscribe([conversation_id]) as subscription:
        now = snapshot(services, conversation_id, after)
        if now is not None and not now.rows and wait_s > 0:
            subscription.wait(wait_s)
            now = snapshot(services, conversation_id, after)
    if now is None:
        return None
    messages = [message_event(row, lang=now.lang) for row in now.rows]
    return {"messages": messages, "state": now.state}


def capped_poll(
    services: Services, conversation_id: str, after: int, wait_s: float
) -> dict[str, Any] | None:
    """Poll; without waiting where too many wait already."""
    try:
        with services.polls.one():
            return poll(services, conversation_id, after, wait_s)
    except TooManyStreams:
        return poll(services, conversation_id, after, 0.0)
