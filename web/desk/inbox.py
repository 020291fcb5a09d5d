"""The inbox of one agent: its boxes, the lines in each, and what calls for an answer.

Rule: reads only. Every list says its order and takes a fixed number of queries, however long it is
and however much is stored: which lines are shown is decided first, what they say is read after.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session, aliased

from web.desk import desks, handoff_transfers, presence, snooze, wrap_up
from web.desk.waiting import WAITING, reference
from web.models import (
    OPEN_HANDOFF_STATES,
    Author,
    Conversation,
    Handoff,
    HandoffState,
    Kind,
    Message,
    Staff,
    Transfer,
    WrapUp,
)
from web.services import services

CLOSED_SHOWN = 50
OPEN_SHOWN = 200
EXCERPT_CHARACTERS = 140


class Box(StrEnum):
    WAITING = "waiting"
    MINE = "mine"
    SNOOZED = "snoozed"
    ALL = "all"  # whatever is open, with anybody or nobody
    MESSAGES = "messages"
    CALLBACKS = "callbacks"
    FOLLOW_UP = "follow_up"  # somebody said when to come back to it
    CLOSED = "closed"


@dataclass(frozen=True)
class Viewer:
    """Whose inbox it is, and where they work; no desks means all of them."""

    staff: Staff
    desks: frozenset[str]

    def fits(self, desk_id: str | None, lang: str) -> bool:
        return desks.fits(self.staff, self.desks, desk_id, lang)


@dataclass(frozen=True)
class Only:
    """What a list is narrowed to."""

    desk: str | None = None
    lang: str | None = None

    @property
    def conditions(self) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = []
        if self.desk is not None:
            found.append(Handoff.desk == self.desk)
        if self.lang is not None:
            found.append(Conversation.lang == self.lang)
        return found


EVERYTHING = Only()


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
    def is_waiting(self) -> bool:
        return self.handoff.state in WAITING

    @property
    def is_unread(self) -> bool:
        """Nobody has looked at who waits; or the patient wrote after its agent looked last."""
        if self.is_waiting:
            return self.handoff.opened_at is None
        is_claimed = self.handoff.state is HandoffState.CLAIMED
        return (
            is_claimed and self.last_author is Author.PATIENT and self.last_n > self.handoff.read_n
        )

    @property
    def name(self) -> str:
        left = (self.handoff.contact or {}).get("name")
        return str(left) if left else f"Patient {reference(self.conversation.id)}"


def viewer(session: Session, staff_id: int) -> Viewer:
    staff = session.get_one(Staff, staff_id)
    return Viewer(staff, desks.of_staff(session, [staff_id])[staff_id])


def counts(session: Session, staff_id: int, only: Only = EVERYTHING) -> dict[Box, int]:
    """Return how many are in each box."""
    to_call = and_(_in_box(Box.CALLBACKS, staff_id), Handoff.answered_at.is_(None))
    counted = {box: to_call if box is Box.CALLBACKS else _in_box(box, staff_id) for box in Box}
    columns = [func.count(case((condition, 1))) for condition in counted.values()]
    query = select(*columns).select_from(Handoff)
    if only != EVERYTHING:
        query = query.join(Conversation, Conversation.id == Handoff.conversation_id)
    row = session.execute(query.where(*only.conditions)).one()
    return dict(zip(Box, row, strict=True))


def entries(session: Session, box: Box, who: Viewer, only: Only = EVERYTHING) -> list[Entry]:
    """Return a box's lines: urgent first, then one's own desks', then the oldest.

    Closed ones: latest first, not more than CLOSED_SHOWN.
    """
    wanted = _ids(box, who, only)
    rows = session.execute(_entries().where(Handoff.id.in_(select(wanted.subquery()))))
    found = {entry.handoff.id: entry for entry in map(_entry, rows)}
    return [found[handoff_id] for handoff_id in session.scalars(wanted) if handoff_id in found]


def entry_of(session: Session, conversation_id: str) -> Entry | None:
    """Return the line of a conversation's latest handoff; None when it never had one."""
    query = _entries().where(Handoff.conversation_id == conversation_id)
    row = session.execute(query.order_by(Handoff.id.desc()).limit(1)).first()
    return _entry(row) if row is not None else None


def _ids(box: Box, who: Viewer, only: Only) -> Select[int]:
    query = (
        select(Handoff.id)
        .join(Conversation, Conversation.id == Handoff.conversation_id)
        .where(_in_box(box, who.staff.id), *only.conditions)
    )
    if box is Box.CALLBACKS:
        # Open ones by their time; below them what was kept, latest first.
        done = Handoff.answered_at.is_not(None)
        times = (case((~done, Handoff.callback_at)), Handoff.callback_at.desc(), Handoff.id)
        return query.order_by(done, *times).limit(OPEN_SHOWN)
    if box is Box.FOLLOW_UP:
        query = query.join(WrapUp, WrapUp.handoff_id == Handoff.id)
        return query.order_by(WrapUp.follow_up_on, Handoff.id).limit(OPEN_SHOWN)
    if box is Box.CLOSED:
        return query.order_by(Handoff.closed_at.desc(), Handoff.id.desc()).limit(CLOSED_SHOWN)
    if box is Box.SNOOZED:  # what comes back first on top, what waits for its patient last
        soonest = (Handoff.snoozed_until.is_(None), Handoff.snoozed_until, Handoff.id)
        return query.order_by(*soonest).limit(OPEN_SHOWN)
    query = query.order_by(Handoff.urgent.desc())
    if who.desks:
        own = or_(Handoff.desk.is_(None), Handoff.desk.in_(who.desks))
        query = query.order_by(own.desc())
    return query.order_by(Handoff.requested_at, Handoff.id).limit(OPEN_SHOWN)


def concerning(session: Session, who: Viewer, at: datetime) -> list[Handoff]:
    """Return those in the queue that are to call this agent: urgent first, then the oldest.

    Danger calls everyone; a conversation for whose desk nobody is here calls whoever is.
    """
    absent_after_s = services().settings.limits.agent_absent_after_s
    here = presence.present_agents(session, at, absent_after_s)
    own = desks.of_staff(session, [staff.id for staff in here])
    waiting = (
        select(Handoff, Conversation.lang)
        .join(Conversation, Conversation.id == Handoff.conversation_id)
        .where(Handoff.state.in_(WAITING), ~Handoff.practice)
        .order_by(Handoff.urgent.desc(), Handoff.requested_at, Handoff.id)
    )

    def is_mine(handoff: Handoff, lang: str) -> bool:
        if handoff.urgent or handoff.offered_to_id == who.staff.id or who.fits(handoff.desk, lang):
            return True
        return not any(desks.fits(each, own[each.id], handoff.desk, lang) for each in here)

    return [handoff for handoff, lang in session.execute(waiting) if is_mine(handoff, lang)]


@dataclass(frozen=True)
class Asked:
    """Somebody asks to take a conversation over."""

    transfer: Transfer
    conversation_id: str
    sender: str


def asked(session: Session, who: Viewer) -> list[Asked]:
    """Return the transfers this agent may answer, oldest first."""
    found = handoff_transfers.open_ones().where(
        handoff_transfers.may_answer(who.staff.id, who.desks)
    )
    query = found.add_columns(Handoff.conversation_id, Staff.name).join(
        Staff, Staff.id == Transfer.from_id
    )
    return [Asked(*row) for row in session.execute(query)]


def box_of(handoff: Handoff, staff_id: int) -> Box:
    if handoff.state in WAITING:
        return Box.WAITING
    if handoff.state is HandoffState.CLAIMED:
        if handoff.snoozed_at is not None and handoff.staff_id == staff_id:
            return Box.SNOOZED
        return Box.MINE if handoff.staff_id == staff_id else Box.ALL
    is_left = handoff.state is HandoffState.MESSAGE_LEFT
    if is_left and handoff.callback_at is not None:
        return Box.CALLBACKS
    if is_left and handoff.answered_at is None:
        return Box.MESSAGES if handoff.snoozed_at is None else Box.SNOOZED
    return Box.CLOSED


def _in_box(box: Box, staff_id: int) -> ColumnElement[bool]:
    return and_(_of_box(box, staff_id), ~Handoff.practice)


def _of_box(box: Box, staff_id: int) -> ColumnElement[bool]:
    claimed = Handoff.state == HandoffState.CLAIMED
    left = Handoff.state == HandoffState.MESSAGE_LEFT
    awake = Handoff.snoozed_at.is_(None)
    match box:
        case Box.WAITING:
            return Handoff.state.in_(WAITING)
        case Box.MINE:
            return and_(claimed, Handoff.staff_id == staff_id, awake)
        case Box.SNOOZED:
            return snooze.is_snoozed(staff_id)
        case Box.ALL:
            return Handoff.state.in_(OPEN_HANDOFF_STATES)
        case Box.MESSAGES:
            return and_(left, Handoff.answered_at.is_(None), Handoff.callback_at.is_(None), awake)
        case Box.CALLBACKS:
            return and_(left, Handoff.callback_at.is_not(None))
        case Box.FOLLOW_UP:
            return Handoff.id.in_(select(WrapUp.handoff_id).where(wrap_up.is_open()))
        case Box.CLOSED:
            over = (HandoffState.RESOLVED, HandoffState.RETURNED, HandoffState.ABANDONED)
            return or_(Handoff.state.in_(over), and_(left, Handoff.answered_at.is_not(None)))


def _entries() -> Any:
    """Select what the lines say. Which row is the last is looked up per line, by an index."""
    spoken = aliased(Message)
    last = (
        select(spoken.n)
        .where(
            spoken.conversation_id == Handoff.conversation_id,
            spoken.author.in_((Author.PATIENT, Author.AGENT)),
            spoken.kind == Kind.TEXT,
        )
        .order_by(spoken.n.desc())
        .limit(1)
        .correlate(Handoff)
        .scalar_subquery()
    )
    is_last = and_(Message.conversation_id == Handoff.conversation_id, Message.n == last)
    return (
        select(Handoff, Conversation, Staff.name, Message)
        .join(Conversation, Conversation.id == Handoff.conversation_id)
        .outerjoin(Staff, Staff.id == Handoff.staff_id)
        .outerjoin(Message, is_last)
    )


def _entry(row: Any) -> Entry:
    handoff, conversation, agent, last = row
    if last is None:
        return Entry(handoff, conversation, agent, "", None, 0)
    return Entry(handoff, conversation, agent, _excerpt(last.text), last.author, last.n)


def _excerpt(text: str) -> str:
    line = " ".join(text.split())
    if len(line) <= EXCERPT_CHARACTERS:
        return line
    return line[:EXCERPT_CHARACTERS].rsplit(" ", 1)[0] + " …"
