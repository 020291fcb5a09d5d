"""How a chat ended, written down by the agent who had it; and the chats to come back to.

Rule: works as a plain form; what was typed is kept with whichever button was pressed.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, flash, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import current_user

from web import auth
from web.desk import wrap_up
from web.desk.handoffs import HandoffClosed, HandoffNotFound
from web.desk.wrap_up import Ending, WrapUpInvalid, WrapUpNotYours
from web.models import Handoff, RoleName
from web.services import services

blueprint = Blueprint("endings", __name__, url_prefix="/console/handoffs")
auth.guard(blueprint, RoleName.AGENT)


@blueprint.post("/<int:handoff_id>/wrap-up")
def wrap_up_chat(handoff_id: int) -> ResponseReturnValue:
    said, at = _fields(), services().clock()
    with services().database.transaction() as session:
        row = wrap_up.keep(session, handoff_id, current_user.id, _ending(said), at)
        if said.get("ready"):
            wrap_up.finish(session, row, at)
        handoff = session.get_one(Handoff, handoff_id)
    return _done(handoff, "Kept.")


@blueprint.post("/<int:handoff_id>/followed-up")
def followed_up(handoff_id: int) -> ResponseReturnValue:
    with services().database.transaction() as session:
        handoff = wrap_up.follow_up_done(session, handoff_id, services().clock())
    return _done(handoff, "Marked as done.")


def _fields() -> dict[str, str]:
    source: Any = (request.get_json(silent=True) or {}) if request.is_json else request.form
    return {name: value.strip() for name, value in source.items() if isinstance(value, str)}


def _ending(said: dict[str, str]) -> Ending:
    try:
        day = date.fromisoformat(said["follow_up_on"]) if said.get("follow_up_on") else None
    except ValueError:
        raise WrapUpInvalid("Write the day like 2026-11-30.") from None
    tags = wrap_up.read_tags(said.get("tags", ""))
    return Ending(said.get("code") or None, tags, said.get("note", ""), day)


def _done(handoff: Handoff, text: str) -> ResponseReturnValue:
    if auth.wants_json():
        return jsonify(state=handoff.state.value)
    flash(text, "success")
    return redirect(url_for("console.conversation_page", conversation_id=handoff.conversation_id))


@blueprint.errorhandler(WrapUpNotYours)
@blueprint.errorhandler(WrapUpInvalid)
@blueprint.errorhandler(HandoffClosed)
@blueprint.errorhandler(HandoffNotFound)
def refused(error: Exception) -> ResponseReturnValue:
    code, message, status = _refusal(error)
    if auth.wants_json():
        return jsonify(error={"code": code, "message": message}), status
    flash(message, "error")
    return redirect(_back())


def _refusal(error: Exception) -> tuple[str, str, int]:
    if isinstance(error, WrapUpInvalid):
        return "invalid", str(error), 422
    if isinstance(error, WrapUpNotYours):
        who = f"{error.name} had it" if error.name else "nobody had it"
        return "not_yours", f"Only who closed a conversation can write this; {who}.", 409
    if isinstance(error, HandoffClosed):
        return "closed", "A colleague has come back to this already.", 409
    return "not_found", "This conversation is gone.", 404


def _back() -> str:
    conversation_id = request.form.get("conversation", "")
    if not conversation_id:
        return url_for("console.inbox_page")
    return url_for("console.conversation_page", conversation_id=conversation_id)
