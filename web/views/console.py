"""The console: where agents see who waits, read everything said before, answer, and hand back.

Rule: every page and every act works as a plain page; the script only saves the reload. Agents see
conversations that were handed to people, and opening one is written down.
"""

from __future__ import annotations

from contextlib import suppress
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
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_security import current_user
from sqlalchemy.exc import OperationalError

from web import auth, security
from web.chat.stream import LOOKING
from web.db import DatabaseBusy
from web.desk import (
    canned_replies,
    handoff_cards,
    handoff_transfers,
    handoffs,
    notes,
    presence,
    snooze,
)
from web.desk.handoff_transfers import TransferGone, TransferImpossible
from web.desk.handoffs import HandoffAlreadyClaimed, HandoffClosed, HandoffNotFound, HandoffNotYours
from web.desk.snooze import SnoozeImpossible
from web.models import Conversation, Handoff, HandoffState, RoleName
from web.privacy import audit
from web.privacy.audit import Act
from web.services import services
from web.views import _answering, _desk
from web.views._desk_stream import News, pages_of

blueprint = Blueprint("console", __name__, url_prefix="/console")
auth.guard(blueprint, RoleName.AGENT)

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
    # One sign lost while the database is locked does no harm: the next comes within 15 s.
    with suppress(DatabaseBusy, OperationalError):
        with services().database.transaction(durable=False) as session:
            presence.seen(session, current_user.id, services().clock())


# Pages -------------------------------------------------------------------------------------------


@blueprint.get("/")
def inbox_page() -> ResponseReturnValue:
    with services().database.reading() as session:
        page = _desk.inbox_values(session)
    return render_template("console/inbox.html", **page)


@blueprint.get("/conversations/<conversation_id>")
def conversation_page(conversation_id: str) -> ResponseReturnValue:
    with services().database.transaction() as session:
        card = handoff_cards.card(session, conversation_id) or abort(404)
        subject = f"conversation:{conversation_id}"
        audit.record(session, Act.TRANSCRIPT_OPENED, subject, staff_id=current_user.id)
        handoffs.opened(session, card.entry.handoff, current_user.id)
        notes.seen(session, conversation_id, current_user.id, services().clock())
        page = _desk.conversation_page(session, card)
        page |= _answering.suggested_values(session, card)
    return render_template("console/conversation.html", **_answering.suggested(page))


# Acts on a handoff -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Refusal:
    """Why an act did not happen, in words for the agent."""

    code: str
    message: str
    status: int = 409


def _refusal(error: Exception) -> Refusal:
    if isinstance(error, HandoffAlreadyClaimed):
        when = _desk.clock_text(error.at)
        return Refusal("already_claimed", f"{error.name} claimed this conversation at {when}.")
    if isinstance(error, HandoffClosed):
        return Refusal("closed", CLOSED_TEXTS.get(error.state, "This is done already."))
    if isinstance(error, TransferGone):
        return Refusal("transfer_gone", "This was answered or taken back already.")
    if isinstance(error, TransferImpossible):
        return Refusal("nobody", "Choose a colleague or a desk.", 422)
    if isinstance(error, SnoozeImpossible):
        return Refusal("bad_time", "Choose a time within the next 30 days.", 422)
    if isinstance(error, HandoffNotYours):
        who = f"{error.name} has this conversation now." if error.name else "It is in the queue."
        return Refusal("not_yours", f"You do not have this conversation any more. {who}")
    return Refusal("not_found", "This conversation is gone.", 404)


def refused(error: Exception) -> ResponseReturnValue:
    refusal = _refusal(error)
    if auth.wants_json():
        body = {"code": refusal.code, "message": refusal.message}
        return jsonify(error=body), refusal.status
    flash(refusal.message, "error")
    return redirect(back())


def tell_refusals(of: Blueprint) -> None:
    """Let a blueprint's refused acts be told in words."""
    handoff = (HandoffAlreadyClaimed, HandoffClosed, HandoffNotYours, HandoffNotFound)
    for error in (*handoff, TransferGone, TransferImpossible, SnoozeImpossible):
        of.register_error_handler(error, refused)


tell_refusals(blueprint)


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


@blueprint.post("/handoffs/<int:handoff_id>/transfer")
def transfer(handoff_id: int) -> ResponseReturnValue:
    target, note = field("target"), field("note")
    with services().database.transaction() as session:
        handoff_transfers.ask(session, handoff_id, current_user.id, target, note)
        handoff = handoffs.get(session, handoff_id)
    return _done(handoff)


def field(name: str) -> str:
    source: Any = (request.get_json(silent=True) or {}) if request.is_json else request.form
    value = source.get(name) or ""
    return value if isinstance(value, str) else ""


ANSWERS = {
    "accept": handoff_transfers.accept,
    "decline": handoff_transfers.decline,
    "withdraw": handoff_transfers.withdraw,
}


@blueprint.post("/transfers/<int:transfer_id>/<any(accept,decline,withdraw):answer>")
def answer_transfer(transfer_id: int, answer: str) -> ResponseReturnValue:
    with services().database.transaction() as session:
        handoff = ANSWERS[answer](session, transfer_id, current_user.id)
    return _done(handoff)


@blueprint.post("/handoffs/<int:handoff_id>/return")
def give_back(handoff_id: int) -> ResponseReturnValue:
    with services().database.transaction() as session:
        handoff = handoffs.return_to_bot(session, handoff_id, current_user.id)
    return _done(handoff)


@blueprint.post("/handoffs/<int:handoff_id>/snooze")
def snooze_one(handoff_id: int) -> ResponseReturnValue:
    try:
        until = snooze.Until(field("until"))
    except ValueError:
        abort(400)
    with services().database.transaction() as session:
        handoff = snooze.snooze(session, handoff_id, current_user.id, until, field("time"))
    return _done(handoff)


@blueprint.post("/handoffs/<int:handoff_id>/bring-back")
def bring_back(handoff_id: int) -> ResponseReturnValue:
    with services().database.transaction() as session:
        handoff = snooze.bring_back(session, handoff_id, current_user.id)
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
        return wrong("empty", "Type a message first.")
    if len(text) > services().settings.limits.max_message_characters:
        return wrong("message_too_long", "This message is too long. Send it in parts.")
    if open_ones := canned_replies.variables_in(text):
        return wrong("variable_open", f"Not sent. Fill this in first: {', '.join(open_ones)}.")
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


def wrong(code: str, message: str) -> ResponseReturnValue:
    if auth.wants_json():
        return jsonify(error={"code": code, "message": message}), 422
    flash(message, "error")
    return redirect(back())


def _done(handoff: Handoff) -> ResponseReturnValue:
    if auth.wants_json():
        return jsonify(state=handoff.state.value)
    return redirect(url_for(".conversation_page", conversation_id=handoff.conversation_id))


def back() -> str:
    """Return the conversation the form came from, else the inbox; never a foreign address."""
    conversation_id = request.form.get("conversation", "")
    if not conversation_id:
        return url_for("console.inbox_page")
    return url_for("console.conversation_page", conversation_id=conversation_id)


@blueprint.post("/conversations/<conversation_id>/block")
def block(conversation_id: str) -> ResponseReturnValue:
    hours = request.form.get("hours", type=int)
    what = request.form.get("what")
    if hours not in BLOCK_HOURS or what not in ("conversation", "address"):
        abort(400)
    with services().database.transaction() as session:
        handoff_cards.card(session, conversation_id) or abort(404)
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
    return redirect(back())


@blueprint.post("/ping")
@auth.passive
def ping() -> ResponseReturnValue:
    """The browser answers a beat of the stream: somebody's console is really there.

    {"active": true} when a key or the pointer moved since: only that keeps the session alive.
    {"reading": id} when a conversation is in sight: what it says counts as read.
    """
    said = request.get_json(silent=True) or {}
    if said.get("active") is True:
        auth.keep_active()
    if isinstance(said.get("reading"), str):
        with services().database.transaction(durable=False) as session:
            handoff = handoffs.open_handoff(session, said["reading"])
            if handoff is not None and _desk.is_mine(handoff):
                handoffs.opened(session, handoff, current_user.id)
            notes.seen(session, said["reading"], current_user.id, services().clock())
        if handoff is not None:
            services().typing.mark(said["reading"], f"{LOOKING}{current_user.id}")
    return jsonify(idle_left_s=int(auth.idle_left_s()))


@blueprint.post("/conversations/<conversation_id>/typing")
@auth.passive
def typing(conversation_id: str) -> ResponseReturnValue:
    with services().database.reading() as session:
        handoff = handoffs.open_handoff(session, conversation_id)
    if handoff is not None and _desk.is_mine(handoff):
        services().typing.mark(conversation_id, "agent")
    return "", 204


# The stream --------------------------------------------------------------------------------------


@blueprint.get("/stream")
@auth.passive
def stream() -> ResponseReturnValue:
    """News for the open pages of one browser: its inbox each, and its conversation's rows."""
    pages = pages_of(request.args, request.headers.get("Last-Event-ID"))
    talks = {page.conversation_id for page in pages if page.conversation_id is not None}
    with services().database.reading() as session:
        known = [each for each in talks if handoff_cards.card(session, each)]
    # A page of one that is gone, or was never handed to people, is told so; others go on.
    subscription = services().hub.subscribe(["console", *known])
    events = News(pages).events(subscription)
    headers = {"X-Accel-Buffering": "no"}
    response = Response(events, mimetype="text/event-stream", headers=headers)
    response.call_on_close(subscription.close)  # also when not one event was asked for
    return response
