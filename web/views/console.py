"""The console: where agents see who waits, read everything said before, answer, and hand back.

Rule: every page and every act works as a plain page; the script only saves the reload. Agents see
conversations that were handed to people, and opening one is written down.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    flash,
    jsonify,
    redirect,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_security import current_user
from markupsafe import Markup
from sqlalchemy.orm import Session

from web import audit, auth, conversations, handoffs, inbox, messages, presence, security
from web.audit import Act
from web.handoffs import HandoffAlreadyClaimed, HandoffClosed, HandoffNotFound, HandoffNotYours
from web.hours import is_open, moment_text
from web.inbox import Box
from web.models import Author, Conversation, Handoff, HandoffState, RoleName, Staff
from web.services import services
from web.stream import Subscription, sse

blueprint = Blueprint("console", __name__, url_prefix="/console")
auth.guard(blueprint, RoleName.AGENT)

# A stream ends after a minute and the browser opens it again: so a session that was ended, or went
# idle, stops getting news within a minute.
STREAM_LIFE_S = 60.0
BEAT_S = 15.0
RETRY_MS = 1000
INBOX_PAUSE_S = 0.5  # at most two lists a second, however busy the desk
LANG = "en"  # the console speaks English; patients' lines stay as they were said
BLOCK_HOURS = (1, 24, 168)

CLOSED_TEXTS = {
    HandoffState.RESOLVED: "This conversation is resolved.",
    HandoffState.RETURNED: "This conversation was given back to the assistant.",
    HandoffState.ABANDONED: "The patient left this conversation.",
    HandoffState.MESSAGE_LEFT: "The patient left a message instead of waiting.",
}


@blueprint.before_request
def sign_of_life() -> None:
    """Whatever the console asks for shows that it is open; the guard above let nobody else in."""
    with services().database.transaction(durable=False) as session:
        presence.seen(session, current_user.id, services().clock())


# Pages -------------------------------------------------------------------------------------------


@blueprint.get("/")
def inbox_page() -> ResponseReturnValue:
    with services().database.reading() as session:
        page = _inbox(session)
    return render_template("console/inbox.html", **page)


@blueprint.get("/conversations/<conversation_id>")
def conversation_page(conversation_id: str) -> ResponseReturnValue:
    with services().database.transaction() as session:
        card = inbox.card(session, conversation_id) or abort(404)
        subject = f"conversation:{conversation_id}"
        audit.record(session, Act.TRANSCRIPT_OPENED, subject, staff_id=current_user.id)
        page = {
            **_inbox(session),
            **_conversation(session, card),
            # Rendered from the message template, which escapes what people wrote.
            "rows": [Markup(row["html"]) for row in _rows(session, conversation_id, after=0)],
        }
    return render_template("console/conversation.html", **page)


def _inbox(session: Session) -> dict[str, Any]:
    try:
        box = Box(request.args.get("box", Box.WAITING))
    except ValueError:
        abort(404)
    counts = inbox.counts(session, current_user.id)
    if "box" not in request.args and not counts[Box.WAITING] and counts[Box.MINE]:
        box = Box.MINE
    return {
        "Box": Box,
        "box": box,
        "counts": counts,
        "entries": inbox.entries(session, box, current_user.id),
        "me": session.get_one(Staff, current_user.id),
        "now": services().clock(),
        "reference": inbox.reference,
        "clock_text": _clock_text,
        "is_open": is_open(services().settings.chat_calendar, services().clock()),
    }


def _conversation(session: Session, card: inbox.Card) -> dict[str, Any]:
    handoff = card.entry.handoff
    return {
        "card": card,
        "handoff": handoff,
        "conversation": card.entry.conversation,
        "state": HandoffState,
        "is_mine": _is_mine(handoff),
        "patient_typing": services().typing.is_typing(card.entry.conversation.id, "patient"),
        "new_client_id": secrets.token_hex,
        "max_message_characters": services().settings.limits.max_message_characters,
    }


def _is_mine(handoff: Handoff) -> bool:
    return handoff.state is HandoffState.CLAIMED and handoff.staff_id == current_user.id


def _rows(session: Session, conversation_id: str, after: int) -> list[dict[str, Any]]:
    rows = conversations.log(session, conversation_id, after)
    return [messages.message_event(row, lang=LANG, audience="staff") for row in rows]


def _clock_text(moment: Any) -> str:
    return moment_text(services().settings.chat_calendar, moment, LANG)


# Acts on a handoff -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Refusal:
    """Why an act did not happen, in words for the agent."""

    code: str
    message: str
    status: int = 409


def _refusal(error: Exception) -> Refusal:
    if isinstance(error, HandoffAlreadyClaimed):
        when = _clock_text(error.at)
        return Refusal("already_claimed", f"{error.name} claimed this conversation at {when}.")
    if isinstance(error, HandoffClosed):
        return Refusal("closed", CLOSED_TEXTS.get(error.state, "This is done already."))
    if isinstance(error, HandoffNotYours):
        who = f"{error.name} has this conversation now." if error.name else "It is in the queue."
        return Refusal("not_yours", f"You do not have this conversation any more. {who}")
    return Refusal("not_found", "This conversation is gone.", 404)


EXPECTED = (HandoffAlreadyClaimed, HandoffClosed, HandoffNotYours, HandoffNotFound)


@blueprint.errorhandler(HandoffAlreadyClaimed)
@blueprint.errorhandler(HandoffClosed)
@blueprint.errorhandler(HandoffNotYours)
@blueprint.errorhandler(HandoffNotFound)
def refused(error: Exception) -> ResponseReturnValue:
    refusal = _refusal(error)
    if auth.wants_json():
        body = {"code": refusal.code, "message": refusal.message}
        return jsonify(error=body), refusal.status
    flash(refusal.message, "error")
    return redirect(_back())


@blueprint.post("/handoffs/<int:handoff_id>/claim")
def claim(handoff_id: int) -> ResponseReturnValue:
    with services().database.transaction() as session:
        handoff = handoffs.claim(session, handoff_id, current_user.id)
    return _done(handoff)


@blueprint.post("/handoffs/<int:handoff_id>/resolve")
def resolve(handoff_id: int) -> ResponseReturnValue:
    with services().database.transaction() as session:
        handoff = handoffs.resolve(session, handoff_id, current_user.id)
    return _done(handoff)


@blueprint.post("/handoffs/<int:handoff_id>/return")
def give_back(handoff_id: int) -> ResponseReturnValue:
    with services().database.transaction() as session:
        handoff = handoffs.return_to_bot(session, handoff_id, current_user.id)
    return _done(handoff)


@blueprint.post("/handoffs/<int:handoff_id>/done")
def message_done(handoff_id: int) -> ResponseReturnValue:
    with services().database.transaction() as session:
        handoff = handoffs.mark_done(session, handoff_id, current_user.id)
    flash("Marked as done.", "success")
    return _done(handoff)


@blueprint.post("/handoffs/<int:handoff_id>/messages")
def write(handoff_id: int) -> ResponseReturnValue:
    text, client_id = _typed()
    if not text:
        return _wrong("empty", "Type a message first.")
    if len(text) > services().settings.limits.max_message_characters:
        return _wrong("message_too_long", "This message is too long. Send it in parts.")
    with services().database.transaction() as session:
        row = handoffs.write(session, handoff_id, current_user.id, client_id=client_id, text=text)
    services().typing.clear(row.conversation_id, "agent")
    if auth.wants_json():
        return jsonify(n=row.n, client_id=row.client_id), 201
    return redirect(url_for(".conversation_page", conversation_id=row.conversation_id))


def _typed() -> tuple[str, str]:
    source: Any = (request.get_json(silent=True) or {}) if request.is_json else request.form
    text, client_id = source.get("text"), source.get("client_id")
    if not isinstance(text, str) or not isinstance(client_id, str):
        abort(400)
    if not 8 <= len(client_id) <= 64:
        abort(400)
    return text.replace("\r\n", "\n").strip(), client_id


def _wrong(code: str, message: str) -> ResponseReturnValue:
    if auth.wants_json():
        return jsonify(error={"code": code, "message": message}), 422
    flash(message, "error")
    return redirect(_back())


def _done(handoff: Handoff) -> ResponseReturnValue:
    if auth.wants_json():
        return jsonify(state=handoff.state.value)
    return redirect(url_for(".conversation_page", conversation_id=handoff.conversation_id))


def _back() -> str:
    """Return the conversation the form came from, else the inbox; never a foreign address."""
    conversation_id = request.form.get("conversation", "")
    if not conversation_id:
        return url_for(".inbox_page")
    return url_for(".conversation_page", conversation_id=conversation_id)


@blueprint.post("/conversations/<conversation_id>/block")
def block(conversation_id: str) -> ResponseReturnValue:
    hours = request.form.get("hours", type=int)
    what = request.form.get("what")
    if hours not in BLOCK_HOURS or what not in ("conversation", "address"):
        abort(400)
    with services().database.transaction() as session:
        inbox.card(session, conversation_id) or abort(404)
        conversation = session.get_one(Conversation, conversation_id)
        security.block(
            session,
            conversation,
            address=what == "address",
            hours=hours,
            staff_id=current_user.id,
            at=services().clock(),
        )
        subject = f"conversation:{conversation_id}"
        audit.record(session, Act.BLOCKED, subject, staff_id=current_user.id)
    flash("Blocked. They still get the emergency numbers and the clinic's phone.", "success")
    return redirect(url_for(".conversation_page", conversation_id=conversation_id))


# Presence and typing -----------------------------------------------------------------------------


@blueprint.post("/away")
def away() -> ResponseReturnValue:
    with services().database.transaction() as session:
        presence.set_away(session, current_user.id, request.form.get("away") == "1")
    return redirect(_back())


@blueprint.post("/ping")
@auth.passive
def ping() -> ResponseReturnValue:
    """The browser answers a beat of the stream: somebody's console is really there.

    {"active": true} when a key or the pointer moved since: only that keeps the session alive.
    """
    if (request.get_json(silent=True) or {}).get("active") is True:
        auth.keep_active()
    return jsonify(idle_left_s=int(auth.idle_left_s()))


@blueprint.post("/conversations/<conversation_id>/typing")
@auth.passive
def typing(conversation_id: str) -> ResponseReturnValue:
    with services().database.reading() as session:
        handoff = handoffs.open_handoff(session, conversation_id)
    if handoff is not None and _is_mine(handoff):
        services().typing.mark(conversation_id, "agent")
    return "", 204


# The stream --------------------------------------------------------------------------------------


@blueprint.get("/stream")
@auth.passive
def stream() -> ResponseReturnValue:
    """News for one open page: its inbox, and its conversation's rows from the last one it has."""
    conversation_id = request.args.get("conversation")
    after = request.headers.get("Last-Event-ID", type=int)
    if after is None:
        after = request.args.get("after", 0, type=int)
    if conversation_id is not None:
        with services().database.reading() as session:
            inbox.card(session, conversation_id) or abort(404)
    topics = ["console", *([conversation_id] if conversation_id else [])]
    subscription = services().hub.subscribe(topics)
    events = _events(subscription, conversation_id, after)
    return Response(
        stream_with_context(events),
        mimetype="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


def _events(subscription: Subscription, conversation_id: str | None, after: int) -> Iterator[bytes]:
    ends = time.monotonic() + STREAM_LIFE_S
    sent: dict[str, Any] = {}
    with subscription:
        yield f"retry: {RETRY_MS}\n\n".encode()
        while True:
            with services().database.reading() as session:
                news, after = _news(session, conversation_id, after, sent)
            yield from news
            left = ends - time.monotonic()
            if left <= 0 or services().stopping.is_set():
                return
            if not subscription.wait(min(BEAT_S, left, _typing_left_s(conversation_id))):
                yield sse("beat", {})
            time.sleep(INBOX_PAUSE_S if not conversation_id else 0.05)


def _typing_left_s(conversation_id: str | None) -> float:
    left = services().typing.left_s(conversation_id) if conversation_id else None
    return BEAT_S if left is None else left + 0.05


def _news(
    session: Session, conversation_id: str | None, after: int, sent: dict[str, Any]
) -> tuple[list[bytes], int]:
    """Return the events since, leaving out what is as it was; and the last row's number."""
    news: list[bytes] = []
    page = _inbox(session)
    _add(news, sent, "inbox", _inbox_event(session, page))
    if conversation_id is None:
        return news, after
    card = inbox.card(session, conversation_id)
    if card is None:
        return [*news, sse("gone", {})], after
    for row in _rows(session, conversation_id, after):
        news.append(sse("message", row, row["n"]))
        after = row["n"]
    _add(news, sent, "state", _state_event(page, session, card))
    return news, after


def _add(news: list[bytes], sent: dict[str, Any], event: str, data: dict[str, Any]) -> None:
    if sent.get(event) != data:
        sent[event] = data
        news.append(sse(event, data))


def _inbox_event(session: Session, page: dict[str, Any]) -> dict[str, Any]:
    waiting = handoffs.queue(session)
    mine = inbox.entries(session, Box.MINE, current_user.id)
    # Without `now` the list holds clock times only, so that it is the same until something happens;
    # the script turns them into "4 min".
    return {
        "html": render_template("console/_inbox.html", **{**page, "now": None}),
        "waiting": page["counts"][Box.WAITING],
        "mine": page["counts"][Box.MINE],
        "messages": page["counts"][Box.MESSAGES],
        "waiting_ids": [handoff.id for handoff in waiting],
        "urgent_ids": [handoff.id for handoff in waiting if handoff.urgent],
        "spoke": {
            entry.conversation.id: entry.last_n
            for entry in mine
            if entry.last_author is Author.PATIENT
        },
    }


def _state_event(page: dict[str, Any], session: Session, card: inbox.Card) -> dict[str, Any]:
    values = {**page, **_conversation(session, card)}
    handoff = card.entry.handoff
    return {
        "key": f"{handoff.id} {handoff.state.value} {handoff.staff_id}",
        "card": render_template("console/_card.html", **values),
        "actions": render_template("console/_actions.html", **values),
        "typing": values["patient_typing"],
        "ended": card.entry.conversation.ended_at is not None,
    }
