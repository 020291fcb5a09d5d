"""A form card of the log, sent.

Rule: what is typed into a form goes to the people who answer it and nowhere else: not through Rasa,
not into the log. Sent twice with the same client_id it is kept once.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from web.chat.contact import ContactInvalid
from web.chat.conversations import append_card, locked, open_one
from web.chat.screening import Screened
from web.desk import handoffs
from web.models import Kind, Message
from web.services import Services


def leave_message(
    services: Services,
    conversation_id: str,
    client_id: str,
    fields: dict[str, str],
    seen: Screened,
) -> None:
    """Keep the contact form; the same client_id again changes nothing.

    seen: what the danger screen says of its words. Its card comes into the log also when the form
    cannot be taken yet. Raises ContactInvalid.
    """
    try:
        with services.database.transaction() as session:
            _keep(session, conversation_id, client_id, fields)
    except ContactInvalid:
        with services.database.transaction() as session:
            show_card(session, conversation_id, seen, client_id)
        raise


def _keep(session: Session, conversation_id: str, client_id: str, fields: dict[str, str]) -> None:
    locked(session, conversation_id)
    form = handoffs.last_form(session, conversation_id)
    if form is not None and form.payload.get("client_id") == client_id:
        return
    open_one(session, conversation_id)
    handoffs.leave_message(session, conversation_id, fields)
    if form is not None:
        form.payload = {**form.payload, "sent": True, "client_id": client_id}


def show_card(
    session: Session, conversation_id: str, seen: Screened, client_id: str | None = None
) -> None:
    """Put the card of words that are in no message into the log, and tell staff.

    Words of a form that cannot be taken yet, or of a rating, may be a cry for help as well. A form
    sent again with the same client_id shows it once.
    """
    conversation = locked(session, conversation_id)
    if seen.card is None or (client_id and client_id in _shown_for(session, conversation_id)):
        return
    append_card(session, conversation_id, seen, of=conversation.last_n, client_id=client_id)
    if conversation.ended_at is None:
        handoffs.request(session, conversation_id, "danger", urgent=True)


def _shown_for(session: Session, conversation_id: str) -> set[str | None]:
    cards = select(Message).where(
        Message.conversation_id == conversation_id, Message.kind == Kind.DANGER
    )
    return {card.payload.get("client_id") for card in session.scalars(cards)}
