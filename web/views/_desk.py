"""What the console's pages and its stream show: read once, the same for both."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from flask import abort, request
from flask_security import current_user
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import Session

from web.chat import conversations, messages
from web.desk import (
    callbacks,
    desks,
    handoff_cards,
    handoff_transfers,
    hard_chats,
    inbox,
    notes,
    practice,
    wrap_up,
)
from web.desk.inbox import Box
from web.desk.scenes import scenes
from web.hours import date_text, is_open, moment_text, when_text
from web.models import Handoff, HandoffState, Staff, Transfer, TransferState
from web.services import services

CALLBACK_TEXTS = {"planned": "Call", "due": "Call now", "overdue": "Overdue", "done": "Called"}
LANG = "en"  # the console speaks English; patients' lines stay as they were said


def inbox_values(
    session: Session, handoff: Handoff | None = None, asked: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return what the list needs.

    handoff: the open one; its box shows unless another is asked. asked: the page's parameters, if
    they are not this request's.
    """
    asked = request.args if asked is None else asked
    only, who = _only(asked), inbox.viewer(session, current_user.id)
    counts = inbox.counts(session, current_user.id, only)
    box = _box(counts, handoff, asked)
    settings, now = services().settings, services().clock()
    entries = inbox.entries(session, box, who, only)
    return {
        "Box": Box,
        "box": box,
        "counts": counts,
        "entries": entries,
        "follow_ups": wrap_up.open_ones(session, [each.handoff.id for each in entries], now),
        "follow_ups_due": wrap_up.due(session, current_user.id, now),
        "short_day": short_day,
        "me": who.staff,
        "asked_of_me": inbox.asked(session, who),
        "mentions": notes.unread(session, current_user.id),
        "only": only,
        "narrowed": {name: value for name, value in vars(only).items() if value is not None},
        "desks": [(desk.id, desk_name(desk.id)) for desk in desks.known(settings)],
        "desk_name": desk_name,
        "callback_due": callback_due,
        "callback_text": callback_text,
        "snoozed_text": snoozed_text,
        "languages": settings.clinic.languages,
        "limits": settings.waiting,
        "now": now,
        "clock_text": clock_text,
        "is_open": is_open(settings.chat_calendar, now),
    }


def _only(asked: Mapping[str, str]) -> inbox.Only:
    """Read what the list is narrowed to; what the clinic does not have narrows nothing."""
    settings = services().settings
    desk, lang = asked.get("desk"), asked.get("lang")
    return inbox.Only(
        desk if desks.named(settings, desk) is not None else None,
        lang if lang in settings.clinic.languages else None,
    )


def callback_due(handoff: Handoff) -> str:
    return str(callbacks.due(handoff, services().clock()))


def callback_text(handoff: Handoff) -> str:
    """Say when a call was promised and how that stands: "Overdue: today at 9 am to 10 am"."""
    settings, now = services().settings, services().clock()
    assert handoff.callback_at is not None
    begins = when_text(settings.calendar, handoff.callback_at, now, LANG)
    ends = moment_text(settings.calendar, callbacks.ends_at(settings, handoff.callback_at), LANG)
    return f"{CALLBACK_TEXTS[callback_due(handoff)]}: {begins} to {ends}"


def snoozed_text(handoff: Handoff) -> str:
    """Say what it waits for: "until today at 3 pm"."""
    if handoff.snoozed_until is None:
        return "until the patient writes"
    settings = services().settings
    when = when_text(settings.calendar, handoff.snoozed_until, services().clock(), LANG)
    return f"until {when}"


def desk_name(desk_id: str | None) -> str:
    return desks.staff_name(services().settings, desk_id)


def _box(counts: dict[Box, int], handoff: Handoff | None, asked: Mapping[str, str]) -> Box:
    wanted = asked.get("box")
    if wanted == Box.WAITING and handoff is not None and is_mine(handoff):
        wanted = None  # just claimed out of the queue: go where it went
    if wanted is None and handoff is not None:
        return inbox.box_of(handoff, current_user.id)
    if wanted is None:
        return Box.MINE if counts[Box.MINE] and not counts[Box.WAITING] else Box.WAITING
    try:
        return Box(wanted)
    except ValueError:
        abort(404)


def conversation_values(session: Session, card: handoff_cards.Card) -> dict[str, Any]:
    handoff, conversation = card.entry.handoff, card.entry.conversation
    transfers = handoff_transfers.of_handoff(session, handoff.id)
    asked = next((row for row, _, _ in transfers if _stands(row, handoff)), None)
    may_answer = handoff_transfers.to_answer(session, current_user.id)
    targets = (
        handoff_transfers.targets(session, current_user.id, services().clock())
        if is_mine(handoff) and not handoff.practice
        else []
    )
    ended = _ending_values(session, handoff)
    return {
        **ended,
        # What decides which acts there are: when it changes, they are shown anew.
        "key": " ".join(
            str(each)
            for each in (
                *(handoff.id, handoff.state.value, handoff.staff_id, asked and asked.id),
                handoff.snoozed_at,
                *ended["ending_key"],
            )
        ),
        "transfers": transfers,
        "asked": asked,
        "may_answer": asked is not None and asked.id in [each.id for each in may_answer],
        "targets": targets,
        "card": card,
        "handoff": handoff,
        "conversation": conversation,
        "is_mine": is_mine(handoff),
        "notes": notes.of_conversation(session, conversation.id),
        "beside": _beside(session, card),
        "day_and_time": day_and_time,
        "desk_name": desk_name,
        "callback_due": callback_due,
        "callback_text": callback_text,
        "snoozed_text": snoozed_text,
        "patient_typing": services().typing.is_typing(conversation.id, "patient"),
        "new_client_id": secrets.token_hex,
        "max_message_characters": services().settings.limits.max_message_characters,
    }


def _ending_values(session: Session, handoff: Handoff) -> dict[str, Any]:
    """Return how a closed conversation ended, and what its agent may still write of it."""
    now, row = services().clock(), wrap_up.of_handoff(session, handoff.id)
    had_it = handoff.closed_at is not None and bool(handoff.staff_id == current_user.id)
    was_mine = had_it and not handoff.practice
    follow_up = wrap_up.open_ones(session, [handoff.id], now).get(handoff.id)
    is_hard = was_mine and hard_chats.is_hard_today(session, handoff, now)
    break_offered = was_mine and hard_chats.is_offered(session, handoff, now)
    return {
        "wrap_up": row,
        "wrap_up_codes": wrap_up.labels(services().settings),
        "wrap_up_name": wrap_up.code_name(services().settings, row.code if row else None),
        "wraps_until": wrap_up.busy_until(session, handoff, now) if was_mine else None,
        "was_mine": was_mine,
        "follow_up": follow_up,
        "today": wrap_up.today(now),
        "short_day": short_day,
        **_practice_values(session, handoff),
        "break_offered": break_offered,
        "may_say_hard": was_mine and handoff.state in hard_chats.OVER and not is_hard,
        "care": services().settings.care,
        "ending_key": [
            *(row and row.code, row and row.finished_at, follow_up and follow_up.on),
            *(is_hard, break_offered),
        ],
    }


def day_and_time(moment: datetime) -> str:
    day = date_text(moment.astimezone(services().settings.calendar.zone).date(), LANG)
    return f"{day}, {clock_text(moment)}"


def _beside(session: Session, card: handoff_cards.Card) -> str:
    """Say which colleagues are at this conversation, and whether its agent writes."""
    typing, conversation_id = services().typing, card.entry.conversation.id
    is_written = not is_mine(card.entry.handoff) and typing.is_typing(conversation_id, "agent")
    others = typing.lookers(conversation_id) - {current_user.id}
    query = select(Staff.name).where(Staff.id.in_(others)).order_by(Staff.name, Staff.id)
    names = list(session.scalars(query)) if others else []
    looking = f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} looking at this too."
    writing = f"{card.entry.agent or 'A colleague'} is writing …"
    return " ".join([looking] * bool(names) + [writing] * is_written)


def _practice_values(session: Session, handoff: Handoff) -> dict[str, Any]:
    """Return the scene that is practised in this conversation, if it is no patient's."""
    run = practice.of_conversation(session, handoff.conversation_id) if handoff.practice else None
    return {"practice_run": run, "practice_scene": scenes().get(run.scene) if run else None}


def _stands(row: Transfer, handoff: Handoff) -> bool:
    is_held = handoff.state is HandoffState.CLAIMED and handoff.staff_id == row.from_id
    return is_held and row.state is TransferState.ASKED


def is_mine(handoff: Handoff) -> bool:
    return handoff.state is HandoffState.CLAIMED and bool(handoff.staff_id == current_user.id)


def conversation_page(
    session: Session, card: handoff_cards.Card, shown_n: int | None = None
) -> dict[str, Any]:
    """Return what the page of a conversation needs. shown_n: the row to show as it was typed."""
    log = rows(session, card.entry.conversation.id, 0, shown_n)
    return {
        **inbox_values(session, card.entry.handoff),
        **conversation_values(session, card),
        # Rendered from the message template, which escapes what people wrote.
        "rows": [Markup(row["html"]) for row in log],
        "shown_n": shown_n,
    }


def rows(
    session: Session, conversation_id: str, after: int, shown_n: int | None = None
) -> list[dict[str, Any]]:
    """Return the log's rows above `after` as the stream's objects, with their HTML."""
    log = conversations.log(session, conversation_id, after)
    return [
        messages.message_event(row, lang=LANG, audience="staff", as_typed=row.n == shown_n)
        for row in log
    ]


def short_day(day: date) -> str:
    return f"{day:%a}, {day:%b} {day.day}"


def clock_text(moment: datetime) -> str:
    return moment_text(services().settings.chat_calendar, moment, LANG)
