"""The console's acts of answering: send a passage, judge one, write a note.

Rule: as in the console, each act works as a plain form, and the script only saves the reload. Only
who has the conversation sends; a note may come from any agent.
"""

from __future__ import annotations

from flask import Blueprint, abort, flash, jsonify, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_security import current_user

from web import auth
from web.desk import canned_replies, handoff_cards, handoffs, notes, suggestions
from web.desk.notes import NoteEmpty
from web.desk.suggestions import PassageGone
from web.models import RoleName
from web.services import services
from web.views import _answering
from web.views.console import back, field, sign_of_life, tell_refusals, wrong

blueprint = Blueprint("answering", __name__, url_prefix="/console")
auth.guard(blueprint, RoleName.AGENT)
blueprint.before_request(sign_of_life)
tell_refusals(blueprint)

CLIENT_ID_CHARACTERS = range(8, 65)


@blueprint.get("/conversations/<conversation_id>/suggestions")
@auth.passive
def suggest(conversation_id: str) -> ResponseReturnValue:
    """Return passages for the patient's last words, or for the agent's own (`q`)."""
    with services().database.reading() as session:
        card = handoff_cards.card(session, conversation_id) or abort(404)
        values = _answering.suggested_values(session, card)
    return jsonify(html=_answering.suggested_html(values))


@blueprint.get("/handoffs/<int:handoff_id>/replies")
@auth.passive
def replies(handoff_id: int) -> ResponseReturnValue:
    """Return the canned replies as they would be inserted here."""
    with services().database.reading() as session:
        handoff = handoffs.get(session, handoff_id)
        settings, staff_id = services().settings, current_user.id
        found = canned_replies.ready(session, settings, handoff, staff_id)
    return jsonify(replies=[{"key": each.key, "text": each.text} for each in found])


@blueprint.post("/handoffs/<int:handoff_id>/passages")
def send_passage(handoff_id: int) -> ResponseReturnValue:
    client_id = field("client_id")
    if len(client_id) not in CLIENT_ID_CHARACTERS:
        abort(400)
    try:
        with services().database.transaction() as session:
            row = suggestions.send(
                services(),
                session,
                handoff_id,
                current_user.id,
                client_id=client_id,
                article=field("article"),
                anchor=field("anchor"),
                heading=field("heading"),
            )
    except PassageGone:
        return wrong("passage_gone", "This article was changed or withdrawn. Search again.")
    services().typing.clear(row.conversation_id, "agent")
    if auth.wants_json():
        return jsonify(n=row.n, client_id=row.client_id), 201
    return redirect(url_for("console.conversation_page", conversation_id=row.conversation_id))


@blueprint.post("/handoffs/<int:handoff_id>/unhelpful")
def unhelpful(handoff_id: int) -> ResponseReturnValue:
    """Keep that a suggested article does not answer what was asked."""
    n, article = field("n"), field("article")
    if not n.isascii() or not n.isdigit() or len(n) > 9 or not 0 < len(article) <= 300:
        abort(400)
    with services().database.transaction() as session:
        suggestions.call_unhelpful(
            session,
            services().settings,
            handoffs.get(session, handoff_id),
            current_user.id,
            n=int(n),
            words=field("words"),
            article=article,
        )
    if auth.wants_json():
        return jsonify(kept=True)
    flash("Kept for the editors.", "success")
    return redirect(back())


@blueprint.post("/conversations/<conversation_id>/notes")
def write_note(conversation_id: str) -> ResponseReturnValue:
    """Write to colleagues; the patient never gets it."""
    try:
        with services().database.transaction() as session:
            handoff_cards.card(session, conversation_id) or abort(404)
            at, text = services().clock(), field("text")
            note = notes.write(session, conversation_id, current_user.id, text, at)
    except NoteEmpty:
        return wrong("empty", "Type a note first.")
    if auth.wants_json():
        return jsonify(id=note.id), 201
    page = url_for("console.conversation_page", conversation_id=conversation_id)
    return redirect(f"{page}#note-{note.id}")


@blueprint.get("/colleagues")
@auth.passive
def colleagues() -> ResponseReturnValue:
    """Return who can be mentioned."""
    with services().database.reading() as session:
        people = notes.colleagues(session, current_user.id)
    return jsonify(colleagues=[person.name for person in people])
