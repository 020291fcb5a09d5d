"""The card of one conversation: why it came, what was asked, and what the patient was shown.

Rule: reads only, and only what was handed to people. What was masked is told by its kinds; how it
was typed comes from `original` alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from web.desk import inbox
from web.desk.inbox import Entry
from web.models import Author, Handoff, HandoffState, Kind, Message, Shown, Staff, Turn

QUESTIONS_SHOWN = 3


@dataclass(frozen=True)
class ShownArticle:
    """An article the patient was shown before the handoff. helpful: what they said, if they did."""

    article: str
    title: str
    helpful: bool | None


@dataclass(frozen=True)
class Earlier:
    """A talk with a person before this one, in the same conversation: whose token proves it.

    Conversations are told apart by their tokens alone. That two are the same patient's could only
    be guessed from a name or a number anybody can type, so it is not.
    """

    requested_at: datetime
    state: HandoffState
    agent: str | None


@dataclass(frozen=True)
class Card:
    """What an agent needs before the first word: why, what was asked, what was shown."""

    entry: Entry
    questions: tuple[str, ...]
    unknown: tuple[str, ...]  # what the assistant found nothing for
    shown: tuple[ShownArticle, ...]
    hidden: tuple[str, ...]  # kinds of identifiers that were masked
    earlier: tuple[Earlier, ...]


def card(session: Session, conversation_id: str) -> Card | None:
    """Return the card of a conversation's latest handoff; None when it never had one.

    An agent sees conversations that were handed to people, and no others.
    """
    entry = inbox.entry_of(session, conversation_id)
    if entry is None:
        return None
    return Card(
        entry,
        _questions(session, entry.handoff),
        _unknown(session, conversation_id),
        _shown(session, conversation_id),
        _hidden(session, conversation_id),
        _earlier(session, entry.handoff),
    )


def _earlier(session: Session, handoff: Handoff) -> tuple[Earlier, ...]:
    """Return the talks before this one, latest first."""
    query = (
        select(Handoff.requested_at, Handoff.state, Staff.name)
        .outerjoin(Staff, Staff.id == Handoff.staff_id)
        .where(Handoff.conversation_id == handoff.conversation_id, Handoff.id < handoff.id)
        .order_by(Handoff.id.desc())
    )
    return tuple(Earlier(*row) for row in session.execute(query))


def _questions(session: Session, handoff: Handoff) -> tuple[str, ...]:
    """Return the patient's last lines before the handoff, in their words, oldest first."""
    query = (
        select(Message)
        .where(
            Message.conversation_id == handoff.conversation_id,
            Message.author == Author.PATIENT,
            Message.kind == Kind.TEXT,
            Message.created_at <= handoff.requested_at,
        )
        .order_by(Message.n.desc())
        .limit(QUESTIONS_SHOWN)
    )
    return tuple(row.text for row in reversed(session.scalars(query).all()))


def _unknown(session: Session, conversation_id: str) -> tuple[str, ...]:
    """Return the questions for which the assistant found nothing, oldest first."""
    query = (
        select(Message)
        .join(
            Turn,
            and_(Turn.conversation_id == Message.conversation_id, Turn.n == Message.n),
        )
        .where(Turn.conversation_id == conversation_id, Turn.shown == Shown.NONE.value)
        .order_by(Message.n.desc())
        .limit(QUESTIONS_SHOWN)
    )
    return tuple(row.text for row in reversed(session.scalars(query).all()) if row.text)


def _shown(session: Session, conversation_id: str) -> tuple[ShownArticle, ...]:
    """Return the articles shown, in the order they were, each once with the last verdict."""
    query = (
        select(Message)
        .where(Message.conversation_id == conversation_id, Message.kind == Kind.PASSAGES)
        .order_by(Message.n)
    )
    shown: dict[str, ShownArticle] = {}
    for row in session.scalars(query):
        for passage in row.payload.get("passages", ())[:1]:
            article = str(passage["article"])
            shown[article] = ShownArticle(article, str(passage.get("title", article)), row.helpful)
    return tuple(shown.values())


def original(session: Session, card: Card, n: int) -> str | dict[str, str] | None:
    """Return row n as it was typed, 0 for the contact form; None where nothing was masked."""
    if n == 0:
        return card.entry.handoff.original
    of_row = (Message.conversation_id == card.entry.conversation.id) & (Message.n == n)
    row = session.scalar(select(Message).where(of_row))
    return row.original if row is not None else None


def _hidden(session: Session, conversation_id: str) -> tuple[str, ...]:
    """Return the kinds of identifiers the patient typed and we masked, by name."""
    query = select(Message).where(
        Message.conversation_id == conversation_id, Message.author == Author.PATIENT
    )
    rows = session.scalars(query)
    return tuple(sorted({kind for row in rows for kind in row.payload.get("masked", ())}))
