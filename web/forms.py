"""A form card of the log, sent.

Rule: what is typed into a form goes to the people who answer it and nowhere else: not through Rasa,
not into the log. Sent twice with the same client_id it is kept once.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from web import handoffs
from web.conversations import locked, open_one
from web.models import Kind, Message


def leave_message(
    session: Session, conversation_id: str, client_id: str, fields: dict[str, str]
) -> None:
    """Keep the contact form; the same client_id again changes nothing. Raises ContactInvalid."""
    locked(session, conversation_id)
    form = _last_form(session, conversation_id)
    if form is not None and form.payload.get("client_id") == client_id:
        return
    open_one(session, conversation_id)
    handoffs.leave_message(session, conversation_id, fields)
    if form is not None:
        form.payload = {**form.payload, "sent": True, "client_id": client_id}


def _last_form(session: Session, conversation_id: str) -> Message | None:
    query = (
        select(Message)
        .where(Message.conversation_id == conversation_id, Message.kind == Kind.FORM)
        .order_by(Message.n.desc())
        .limit(1)
    )
    return session.scalar(query)
