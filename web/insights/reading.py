"""What was asked, what was answered and how long people waited, over a span of days.

Rule: reads only, and reads once: the page and the CSV are made from the same rows, so they add up
to the same totals. A conversation counts on the day it began, with all that was said in it. Words
of patients appear for questions that got no answer, and only masked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from web.models import (
    AnsweredBy,
    Author,
    Conversation,
    Handoff,
    HandoffState,
    Kind,
    Message,
    Shown,
    Turn,
    TurnState,
)


@dataclass(frozen=True)
class Period:
    """Whole days at the clinic, the first and the last among them."""

    first: date
    last: date

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]

    def within(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Return the moments it begins and has ended; a day may have 23 or 25 hours."""
        begins = datetime.combine(self.first, time(), zone)
        return begins, datetime.combine(self.last + timedelta(days=1), time(), zone)


@dataclass(frozen=True)
class TurnRow:
    """One patient message that the assistant answered. `question`: only of a gap."""

    conversation_id: str
    n: int
    at: datetime  # in the clinic's zone
    lang: str
    shown: Shown
    outcome: str
    engine: str
    confidence: float | None
    is_fallback: bool
    article: str
    title: str
    helpful: bool | None
    question: str


@dataclass(frozen=True)
class HandoffRow:
    """`wait_s`: from the request to the agent; None while nobody came."""

    reason: str
    state: HandoffState
    wait_s: int | None


@dataclass(frozen=True)
class ConversationRow:
    id: str
    began_at: datetime  # in the clinic's zone
    lang: str
    site: str
    rating: int | None
    patient_messages: int
    turns: tuple[TurnRow, ...]
    handoffs: tuple[HandoffRow, ...]
    cards: tuple[str, ...]


def read(session: Session, period: Period, zone: ZoneInfo) -> tuple[ConversationRow, ...]:
    """Return the conversations of a period, the first one first. Seven queries, however many."""
    begins, ends = period.within(zone)
    of_period = (
        (Conversation.created_at >= begins)
        & (Conversation.created_at < ends)
        & ~Conversation.practice
        & (Conversation.last_n > 0)  # an open panel in which nobody said a word is none
    )
    found = session.execute(
        select(
            Conversation.id,
            Conversation.created_at,
            Conversation.lang,
            Conversation.site,
            Conversation.rating,
        )
        .where(of_period)
        .order_by(Conversation.created_at, Conversation.id)
    ).all()
    langs = {row.id: row.lang for row in found}
    cards = _cards(session, of_period)
    turns = _turns(session, of_period, langs, zone, in_danger=cards.keys())
    handoffs = _handoffs(session, of_period)
    messages = _patient_messages(session, of_period)
    return tuple(
        ConversationRow(
            id=row.id,
            began_at=row.created_at.astimezone(zone),
            lang=row.lang,
            site=row.site,
            rating=row.rating,
            patient_messages=messages.get(row.id, 0),
            turns=tuple(turns.get(row.id, ())),
            handoffs=tuple(handoffs.get(row.id, ())),
            cards=tuple(cards.get(row.id, ())),
        )
        for row in found
    )


def _turns(
    session: Session,
    of_period: ColumnElement[bool],
    langs: Mapping[str, str],
    zone: ZoneInfo,
    in_danger: Collection[str],
) -> dict[str, list[TurnRow]]:
    passages = _passages(session, of_period)
    questions = _questions(session, of_period)
    turns: dict[str, list[TurnRow]] = {}
    query = (
        select(
            Turn.id,
            Turn.conversation_id,
            Turn.n,
            Turn.created_at,
            Turn.state,
            Turn.outcome,
            Turn.shown,
            Turn.engine,
            Turn.confidence,
            Turn.answered_by,
        )
        .join(Conversation, Conversation.id == Turn.conversation_id)
        .where(of_period)
        .order_by(Turn.conversation_id, Turn.n)
    )
    for row in session.execute(query):
        shown = _shown(row.state, row.shown or row.outcome)
        # Nobody's words in danger are a gap to be read through.
        is_gap = shown is Shown.NONE and row.conversation_id not in in_danger
        article, title, helpful = passages.get(row.id, ("", "", None))
        turn = TurnRow(
            conversation_id=row.conversation_id,
            n=row.n,
            at=row.created_at.astimezone(zone),
            lang=langs[row.conversation_id],
            shown=shown,
            outcome=row.outcome or "",
            engine=row.engine or "",
            confidence=row.confidence,
            is_fallback=row.answered_by is AnsweredBy.FALLBACK,
            article=article,
            title=title,
            helpful=helpful,
            question=questions.get(row.id, "") if is_gap else "",
        )
        turns.setdefault(row.conversation_id, []).append(turn)
    return turns


def _shown(state: TurnState, kept: str | None) -> Shown:
    """Return what was shown; a turn an agent cut short, or one not done yet, showed nothing.

    kept: of a turn of an old version, what the search said.
    """
    if state is not TurnState.DONE:
        return Shown.OTHER
    return Shown(kept) if kept else Shown.NONE


def _passages(
    session: Session, of_period: ColumnElement[bool]
) -> dict[int, tuple[str, str, bool | None]]:
    """Return turn → the article it showed, its title, whether it helped."""
    query = (
        select(Message)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(of_period, Message.kind == Kind.PASSAGES, Message.turn_id.is_not(None))
        .order_by(Message.id.desc())  # of several, the first counts
    )
    found: dict[int, tuple[str, str, bool | None]] = {}
    for row in session.scalars(query):
        first: Mapping[str, str] = next(iter(row.payload.get("passages", ())), {})
        assert row.turn_id is not None
        found[row.turn_id] = (first.get("article", ""), first.get("title", ""), row.helpful)
    return found


def _questions(session: Session, of_period: ColumnElement[bool]) -> dict[int, str]:
    """Return turn → what was asked, masked; a pick from a list leads back to its question."""
    own, some = aliased(Turn), aliased(Turn)
    of_row = (own.conversation_id == Message.conversation_id) & (own.n == Message.n)
    of_conversation = some.conversation_id == Message.conversation_id
    query = (
        select(Message, own.id)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .outerjoin(own, of_row & or_(own.shown == Shown.NONE, own.shown.is_(None)))
        .where(
            of_period,
            or_(Message.author == Author.PATIENT, Message.kind == Kind.CHOICES),
            exists().where(of_conversation, or_(some.shown == Shown.NONE, some.shown.is_(None))),
        )
    )
    rows = session.execute(query).all()
    messages = {(row.conversation_id, row.n): row for row, _ in rows}
    return {turn: _asked(row, messages) for row, turn in rows if turn is not None}


def _asked(row: Message, messages: Mapping[tuple[str, int], Message]) -> str:
    """Follow a pick to its list and from there to the question; what went on after a card too."""
    at = row.conversation_id
    choices = messages.get((at, row.payload.get("of", 0)))
    asked_n = choices.payload.get("asked_n") if choices is not None else None
    asked = messages.get((at, asked_n or row.payload.get("continue", 0)))
    return (asked.text if asked is not None else "") or row.text


def _handoffs(session: Session, of_period: ColumnElement[bool]) -> dict[str, list[HandoffRow]]:
    query = (
        select(
            Handoff.conversation_id,
            Handoff.reason,
            Handoff.state,
            Handoff.requested_at,
            Handoff.claimed_at,
        )
        .join(Conversation, Conversation.id == Handoff.conversation_id)
        .where(of_period)
        .order_by(Handoff.id)
    )
    found: dict[str, list[HandoffRow]] = {}
    for conversation_id, reason, state, requested_at, claimed_at in session.execute(query):
        wait = round((claimed_at - requested_at).total_seconds()) if claimed_at else None
        found.setdefault(conversation_id, []).append(HandoffRow(reason, state, wait))
    return found


def _cards(session: Session, of_period: ColumnElement[bool]) -> dict[str, list[str]]:
    query = (
        select(Message)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(of_period, Message.kind == Kind.DANGER)
        .order_by(Message.id)
    )
    found: dict[str, list[str]] = {}
    for row in session.scalars(query):
        found.setdefault(row.conversation_id, []).append(row.payload["card"])
    return found


def _patient_messages(session: Session, of_period: ColumnElement[bool]) -> dict[str, int]:
    query = (
        select(Message.conversation_id, func.count())
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(of_period, Message.author == Author.PATIENT)
        .group_by(Message.conversation_id)
    )
    return {row[0]: row[1] for row in session.execute(query)}
