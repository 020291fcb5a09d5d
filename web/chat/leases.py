"""Which worker answers which turn, and what it needs to know for it.

Rule: a turn is leased, with a fence that grows with each lease; a conversation has one running turn
at most. All that answering needs is read with the lease, so that nothing is open afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import (
    ColumnElement,
    Select,
    SQLColumnExpression,
    bindparam,
    exists,
    func,
    select,
    update,
)
from sqlalchemy.orm import Session, aliased

from web.chat import conversations
from web.chat.replies import Question
from web.db import wake
from web.desk import handoffs
from web.models import (
    Author,
    Conversation,
    Handoff,
    HandoffState,
    Message,
    Turn,
    TurnState,
)
from web.services import Services

# A turn takes 3.5 s at most; a host that is cut off keeps a patient waiting no longer than this.
LEASE = timedelta(seconds=10)
SEGMENT_TURNS = 20
FOLLOW_UP_WITHIN = timedelta(minutes=15)
MOST_WITHOUT_WORDS = 5  # picks and cards put aside, between a question and the one before it

logger = structlog.get_logger()


@dataclass(frozen=True)
class Work:
    """All that answering one turn needs, read while it was leased."""

    turn_id: int
    fence: int
    conversation_id: str
    sender: str
    question: Question
    misses: int
    is_open: bool
    is_waiting: bool
    request_id: str | None = None  # of the request that brought the message
    waited_s: float = 0.0  # for a worker, not for the turn before it


def take(session: Session, services: Services, owner: str) -> Work | None:
    """Lease the oldest turn. A turn whose conversation has an agent by now is not for the bot."""
    while True:
        found = session.execute(_TAKEABLE).first()
        if found is None:
            return None
        turn, conversation, message, claimed, waiting, before_at = found
        if not claimed:
            could_begin_at = max(turn.created_at, before_at or turn.created_at)
            waited_s = max(0.0, (services.clock() - could_begin_at).total_seconds())
            work = lease(session, services, turn, conversation, message, bool(waiting), owner)
            return replace(work, waited_s=waited_s)
        turn.state, turn.done_at = TurnState.SILENCED, services.clock()
        wake(session, turn.conversation_id)
        session.flush()


def _takeable() -> Select[Turn, Conversation, Message, bool, bool, datetime | None]:
    """Select the oldest turn that has no unfinished one before it, and what it needs.

    A turn that another worker is just leasing still looks waiting to us, so what comes after it is
    left alone: no conversation has two turns running, and they run in order.
    """
    other, handoff = aliased(Turn), aliased(Handoff)
    before = exists().where(
        other.conversation_id == Turn.conversation_id,
        other.n < Turn.n,
        other.state.in_((TurnState.WAITING, TurnState.RUNNING)),
    )

    answered_before = select(func.max(other.done_at)).where(
        other.conversation_id == Turn.conversation_id, other.n < Turn.n
    )

    def handed(*states: HandoffState) -> ColumnElement[bool]:
        own = handoff.conversation_id == Turn.conversation_id
        return exists().where(own, handoff.state.in_(states))

    return (
        select(
            Turn,
            Conversation,
            Message,
            handed(HandoffState.CLAIMED),
            handed(HandoffState.REQUESTED, HandoffState.OFFERED),
            answered_before.scalar_subquery(),
        )
        .join(Conversation, Conversation.id == Turn.conversation_id)
        .join(Message, (Message.conversation_id == Turn.conversation_id) & (Message.n == Turn.n))
        .where(Turn.state == TurnState.WAITING, ~before)
        .order_by(Turn.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=Turn)
    )


# Made once: putting a statement together costs more than running it.
_TAKEABLE = _takeable()


def lease(
    session: Session,
    services: Services,
    turn: Turn,
    conversation: Conversation,
    message: Message,
    is_waiting: bool,
    owner: str,
) -> Work:
    """Let the turn run; nothing of its conversation may be running or wait before it."""
    now = services.clock()
    turn.state = TurnState.RUNNING
    turn.lease_owner = owner
    turn.lease_until = now + LEASE
    turn.fence += 1
    # A turn that ran before may still hold Rasa's lock on its tracker, or stand in it already.
    if turn.fence > 1 or conversation.segment_turns >= SEGMENT_TURNS:
        conversations.begin_segment(conversation)
    session.flush()
    return Work(
        turn_id=turn.id,
        fence=turn.fence,
        conversation_id=conversation.id,
        sender=f"{conversation.id}.{conversation.segment}",
        question=read_question(session, conversation, message),
        misses=conversation.misses,
        is_open=services.staffed.get(lambda: handoffs.is_staffed(session, now)),
        is_waiting=is_waiting,
        request_id=turn.request_id,
    )


def recover(session: Session, services: Services, *, at_start: bool = False) -> int:
    """Put turns back whose worker is gone. Returns how many.

    at_start: with SQLite no other process answers, so whatever is running is a dead one's.
    """
    gone = Turn.lease_until < services.clock()
    if at_start and services.database.is_sqlite:
        gone = Turn.state == TurnState.RUNNING
    ids = session.scalars(
        update(Turn)
        .where(Turn.state == TurnState.RUNNING, gone)
        .values(state=TurnState.WAITING, lease_owner=None, lease_until=None)
        .returning(Turn.id)
        .execution_options(synchronize_session=False)
    ).all()
    if ids:
        wake(session, "turns")
        logger.warning("turn.recovered", turns=len(ids))
    return len(ids)


def is_working(session: Session, conversation_id: str) -> bool:
    """Tell whether the patient still waits for the bot."""
    return bool(session.scalar(_UNFINISHED, {"id": conversation_id}))


def unfinished(conversation_id: SQLColumnExpression[str]) -> ColumnElement[bool]:
    states = (TurnState.WAITING, TurnState.RUNNING)
    return exists().where(Turn.conversation_id == conversation_id, Turn.state.in_(states))


_UNFINISHED = select(unfinished(bindparam("id")))


# The question ------------------------------------------------------------------------------------


def read_question(session: Session, conversation: Conversation, message: Message) -> Question:
    """Read what a row asks: its own words, or those of the row it refers to."""
    if "desk" in message.payload:
        chosen = message.payload["desk"]
        return Question(message.n, message.text, None, conversation.lang, desk=chosen)
    if "way" in message.payload:
        way = message.payload["way"]
        return Question(message.n, message.text, None, conversation.lang, way=way)
    picked: str | None = None
    asked = message
    while "of" in asked.payload or "continue" in asked.payload:
        if "of" in asked.payload:
            picked = asked.payload["choice"] if picked is None else picked
            choices = _row(session, conversation.id, asked.payload["of"])
            asked = _row(session, conversation.id, choices.payload["asked_n"])
        else:
            asked = _row(session, conversation.id, asked.payload["continue"])
    return Question(
        n=asked.n,
        text=asked.text,
        previous=_previous(session, asked),
        lang=conversation.lang,
        picked=picked or None,
        none_of_these=picked == "",
    )


def _row(session: Session, conversation_id: str, n: int) -> Message:
    query = select(Message).where(Message.conversation_id == conversation_id, Message.n == n)
    return session.scalars(query).one()


def _previous(session: Session, asked: Message) -> str | None:
    """Return the question before, if it is fresh: "and for children?" builds on it."""
    if asked.n == 1:
        return None
    since = asked.created_at - FOLLOW_UP_WITHIN
    values = {"id": asked.conversation_id, "n": asked.n, "since": since}
    rows = session.scalars(_ROWS_BEFORE, values)
    return next((row.text for row in rows if row.text), None)


_ROWS_BEFORE = (
    select(Message)
    .where(
        Message.conversation_id == bindparam("id"),
        Message.n < bindparam("n"),
        Message.author == Author.PATIENT,
        Message.created_at > bindparam("since"),
    )
    .order_by(Message.n.desc())
    .limit(MOST_WITHOUT_WORDS + 1)
)
