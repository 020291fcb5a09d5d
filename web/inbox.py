"""What the console shows: the lists of the inbox, and the card of one conversation.

Rule: reads only. Every list says its order and takes a fixed number of queries, however long it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import Session

from web.models import Author, Conversation, Handoff, HandoffState, Kind, Message, Staff
from web.waiting import WAITING, reference

CLOSED_SHOWN = 50
QUESTIONS_SHOWN = 3
EXCERPT_CHARACTERS = 140


class Box(StrEnum):
    WAITING = "waiting"
    MINE = "mine"
    OTHERS = "others"
    MESSAGES = "messages"
    CLOSED = "closed"


@dataclass(frozen=True)
class Entry:
    """One line of the inbox. `since`: waiting, claimed or closed since then, by its state."""

    handoff: Handoff
    conversation: Conversation
    agent: str | None
    last_line: str
    last_author: Author | None
    last_n: int  # the number of that line, 0 when nobody spoke

    @property
    def since(self) -> datetime:
        handoff = self.handoff
        if handoff.state in WAITING:
            return handoff.requested_at
        return handoff.closed_at or handoff.claimed_at or handoff.requested_at

    @property
    def name(self) -> str:
        left = (self.handoff.contact or {}).get("name")
        return str(left) if left else f"Patient {reference(self.conversation.id)}"


@dataclass(frozen=True)
class Shown:
    """An article the patient was shown before the handoff. helpful: what they said, if they did."""

    article: str
    title: str
    helpful: bool | None


@dataclass(frozen=True)
class Card:
    """What an agent needs before the first word: why, what was asked, what was shown."""

    entry: Entry
    questions: tuple[str, ...]
    shown: tuple[Shown, ...]
    hidden: tuple[str, ...]  # kinds of identifiers that were masked


def counts(session: Session, staff_id: int) -> dict[Box, int]:
    """Return how many are in each box; closed ones are not counted."""
    boxes = [box for box in Box if box is not Box.CLOSED]
    columns = [func.count(case((_in_box(box, staff_id), 1))) for box in boxes]
    row = session.execute(select(*columns)).one()
    return dict(zip(boxes, row, strict=True))


def entries(session: Session, box: Box, staff_id: int) -> list[Entry]:
    """Return a box's lines: urgent and oldest first; closed ones latest first."""
    order: Sequence[Any] = (Handoff.urgent.desc(), Handoff.requested_at, Handoff.id)
    query = _entries().where(_in_box(box, staff_id))
    if box is Box.CLOSED:
        query = query.order_by(Handoff.closed_at.desc(), Handoff.id.desc()).limit(CLOSED_SHOWN)
    else:
        query = query.order_by(*order)
    return [_entry(row) for row in session.execute(query)]


def box_of(handoff: Handoff, staff_id: int) -> Box:
    if handoff.state in WAITING:
        return Box.WAITING
    if handoff.state is HandoffState.CLAIMED:
        return Box.MINE if handoff.staff_id == staff_id else Box.OTHERS
    is_left = handoff.state is HandoffState.MESSAGE_LEFT and handoff.answered_at is None
    return Box.MESSAGES if is_left else Box.CLOSED


def _in_box(box: Box, staff_id: int) -> ColumnElement[bool]:
    claimed = Handoff.state == HandoffState.CLAIMED
    left = Handoff.state == HandoffState.MESSAGE_LEFT
    match box:
        case Box.WAITING:
            return Handoff.state.in_(WAITING)
        case Box.MINE:
            return and_(claimed, Handoff.staff_id == staff_id)
        case Box.OTHERS:
            return and_(claimed, Handoff.staff_id != staff_id)
        case Box.MESSAGES:
            return and_(left, Handoff.answered_at.is_(None))
        case Box.CLOSED:
            over = (HandoffState.RESOLVED, HandoffState.RETURNED, HandoffState.ABANDONED)
            return or_(Handoff.state.in_(over), and_(left, Handoff.answered_at.is_not(None)))


def _entries() -> Any:
    spoken = (
        select(Message.conversation_id, func.max(Message.n).label("n"))
        .where(Message.author.in_((Author.PATIENT, Author.AGENT)), Message.kind == Kind.TEXT)
        .group_by(Message.conversation_id)
        .subquery()
    )
    return (
        select(Handoff, Conversation, Staff.name, Message.text, Message.author, Message.n)
        .join(Conversation, Conversation.id == Handoff.conversation_id)
        .outerjoin(Staff, Staff.id == Handoff.staff_id)
        .outerjoin(spoken, spoken.c.conversation_id == Handoff.conversation_id)
        .outerjoin(
            Message,
            and_(Message.conversation_id == Handoff.conversation_id, Message.n == spoken.c.n),
        )
    )


def _entry(row: Any) -> Entry:
    handoff, conversation, agent, text, author, n = row
    return Entry(handoff, conversation, agent, _excerpt(text or ""), author, n or 0)


def _excerpt(text: str) -> str:
    line = " ".join(text.split())
    if len(line) <= EXCERPT_CHARACTERS:
        return line
    return line[:EXCERPT_CHARACTERS].rsplit(" ", 1)[0] + " …"


def card(session: Session, conversation_id: str) -> Card | None:
    """Return the card of a conversation's latest handoff; None when it never had one.

    An agent sees conversations that were handed to people, and no others.
    """
    query = (
        _entries()
        .where(Handoff.conversation_id == conversation_id)
        .order_by(Handoff.id.desc())
        .limit(1)
    )
    row = session.execute(query).first()
    if row is None:
        return None
    entry = _entry(row)
    return Card(
        entry,
        _questions(session, entry.handoff),
        _shown(session, conversation_id),
        _hidden(session, conversation_id),
    )


def _questions(session: Session, handoff: Handoff) -> tuple[str, ...]:
    """Return the patient's last lines before the handoff, in their words, oldest first."""
    query = (
        select(Message.text)
        .where(
            Message.conversation_id == handoff.conversation_id,
            Message.author == Author.PATIENT,
            Message.kind == Kind.TEXT,
            Message.created_at <= handoff.requested_at,
        )
        .order_by(Message.n.desc())
        .limit(QUESTIONS_SHOWN)
    )
    return tuple(reversed(session.scalars(query).all()))


def _shown(session: Session, conversation_id: str) -> tuple[Shown, ...]:
    """Return the articles shown, in the order they were, each once with the last verdict."""
    query = (
        select(Message.payload, Message.helpful)
        .where(Message.conversation_id == conversation_id, Message.kind == Kind.PASSAGES)
        .order_by(Message.n)
    )
    shown: dict[str, Shown] = {}
    for payload, helpful in session.execute(query):
        for passage in payload.get("passages", ())[:1]:
            article = str(passage["article"])
            shown[article] = Shown(article, str(passage.get("title", article)), helpful)
    return tuple(shown.values())


def _hidden(session: Session, conversation_id: str) -> tuple[str, ...]:
    """Return the kinds of identifiers the patient typed and we masked, by name."""
    query = select(Message.payload).where(
        Message.conversation_id == conversation_id, Message.author == Author.PATIENT
    )
    return tuple(sorted({kind for row in session.scalars(query) for kind in row.get("masked", ())}))
