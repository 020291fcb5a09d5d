"""What was masked in a patient's words, shown to an agent who asks for it.

Rule: one press of a button shows one text, and who did it, when and to what is written down with
it, or nothing is shown. Only conversations that were handed to people; never to the patient.
"""

from __future__ import annotations

from flask import Blueprint, abort, jsonify, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_security import current_user

from web import auth
from web.desk import handoff_cards
from web.models import RoleName
from web.privacy import audit
from web.privacy.audit import Act
from web.services import services
from web.views import _desk

blueprint = Blueprint("originals", __name__, url_prefix="/console")
auth.guard(blueprint, RoleName.AGENT, RoleName.MANAGER)


@blueprint.post("/conversations/<conversation_id>/originals/<int:n>")
def show(conversation_id: str, n: int) -> ResponseReturnValue:
    """Show row n, or the contact form, as it was typed."""
    with services().database.transaction() as session:
        card = handoff_cards.card(session, conversation_id) or abort(404)
        original = handoff_cards.original(session, card, n) or abort(404)
        subject = f"message:{conversation_id}:{n}"
        audit.record(session, Act.ORIGINAL_SHOWN, subject, staff_id=current_user.id)
        if auth.wants_json():
            return jsonify(original=original)
        page = _desk.conversation_page(session, card, shown_n=n)
    return render_template("console/conversation.html", **page)


@blueprint.get("/conversations/<conversation_id>/originals/<int:n>")
def show_again(conversation_id: str, n: int) -> ResponseReturnValue:
    """A reload, or a sign-in in between: nothing is shown without a press of the button."""
    return redirect(url_for("console.conversation_page", conversation_id=conversation_id))
