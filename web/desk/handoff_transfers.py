"""From one agent to another person or desk, with a note.

Rule: the patient is never without an agent: the one who asks keeps the conversation until the other
side accepts. The note is for staff; it is no row of the log, so no patient is ever shown it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from web.db import wake
from web.desk import desks, presence
from web.desk.handoff_steps import (
    Line,
    get,
    held_by,
    lock,
    move,
    not_held,
    note,
    now,
    say,
    settings,
)
from web.desk.snooze import AWAKE
from web.desk.waiting import agent_name
from web.models import Handoff, HandoffState, Role, RoleName, Staff, Transfer, TransferState
from web.privacy.audit import Act

NOTE_CHARACTERS = 1000


class TransferImpossible(ValueError):
    """There is nobody to give it to: no such agent or desk, or oneself."""


class TransferGone(Exception):
    """It was accepted, declined or taken back in the meantime."""


@dataclass(frozen=True)
class Target:
    """Who may be asked: `key` is `staff:4` or `desk:billing`."""

    key: str
    name: str
    is_here: bool


def targets(session: Session, staff_id: int, at: datetime) -> list[Target]:
    """Return the other agents by name, then the desks in the clinic's order."""
    own = settings()
    here = {
        each.id for each in presence.present_agents(session, at, own.limits.agent_absent_after_s)
    }
    agents = select(Staff).where(
        Staff.active, Staff.id != staff_id, Staff.roles.any(Role.name == RoleName.AGENT.value)
    )
    people = session.scalars(agents.order_by(Staff.name, Staff.id))
    found = [Target(f"staff:{each.id}", each.name, each.id in here) for each in people]
    places = own.desks if len(own.desks) > 1 else ()
    return [
        *found,
        *(Target(f"desk:{each.id}", desks.staff_name(own, each.id), True) for each in places),
    ]


def ask(
    session: Session,
    handoff_id: int,
    staff_id: int,
    target: str,
    text: str,
    at: datetime | None = None,
) -> Transfer:
    """Ask another side to take over; what was asked before is taken back.

    Raises HandoffNotYours, HandoffClosed, TransferImpossible.
    """
    at, handoff = at or now(), get(session, handoff_id)
    if handoff.state is not HandoffState.CLAIMED or handoff.staff_id != staff_id:
        raise not_held(session, handoff)
    if handoff.practice:
        raise TransferImpossible("practice")
    to_id, to_desk = _read(session, target, staff_id)
    _close(session, Transfer.handoff_id == handoff_id, TransferState.WITHDRAWN, staff_id, at)
    transfer = Transfer(
        handoff_id=handoff_id,
        state=TransferState.ASKED,
        from_id=staff_id,
        to_id=to_id,
        to_desk=to_desk,
        note=text.strip()[:NOTE_CHARACTERS],
        asked_at=at,
    )
    session.add(transfer)
    session.flush()
    note(session, Act.TRANSFER_ASKED, handoff, staff_id, at)
    wake(session, "console", handoff.conversation_id)
    return transfer


def _read(session: Session, target: str, staff_id: int) -> tuple[int | None, str | None]:
    kind, _, key = target.partition(":")
    if kind == "desk" and desks.named(settings(), key) is not None:
        return None, key
    is_id = kind == "staff" and key.isascii() and key.isdigit() and len(key) < 10
    staff = session.get(Staff, int(key)) if is_id else None
    if staff is None or staff.id == staff_id or not staff.active:
        raise TransferImpossible(kind)
    if not staff.has_any_role(RoleName.AGENT.value):
        raise TransferImpossible(kind)
    return staff.id, None


def accept(
    session: Session, transfer_id: int, staff_id: int, at: datetime | None = None
) -> Handoff:
    """Take the conversation over; the patient reads who it is now.

    Raises TransferGone, HandoffNotYours, HandoffClosed.
    """
    at = at or now()
    transfer = _own(session, transfer_id, staff_id)
    lock(session, transfer.handoff_id)
    if not _close(session, Transfer.id == transfer_id, TransferState.ACCEPTED, staff_id, at):
        raise TransferGone(transfer_id)
    values: dict[str, Any] = {"staff_id": staff_id, "claimed_at": at, **AWAKE}
    if transfer.to_desk is not None:
        values["desk"] = transfer.to_desk
    moved = move(session, transfer.handoff_id, held_by(transfer.from_id), **values)
    handoff = get(session, transfer.handoff_id)
    if not moved:
        raise not_held(session, handoff)
    presence.seen(session, staff_id, at)
    names = {"name": agent_name(session, transfer.from_id), "to": agent_name(session, staff_id)}
    say(session, handoff.conversation_id, Line.TRANSFERRED, **names)
    note(session, Act.TRANSFER_ACCEPTED, handoff, staff_id, at)
    return handoff


def decline(
    session: Session, transfer_id: int, staff_id: int, at: datetime | None = None
) -> Handoff:
    """Say no; who asked is told and keeps the conversation. Raises TransferGone."""
    transfer = _own(session, transfer_id, staff_id)
    return _end(session, transfer, staff_id, TransferState.DECLINED, at)


def withdraw(
    session: Session, transfer_id: int, staff_id: int, at: datetime | None = None
) -> Handoff:
    """Take the question back. Raises TransferGone."""
    transfer = session.get(Transfer, transfer_id)
    if transfer is None or transfer.from_id != staff_id:
        raise TransferGone(transfer_id)
    return _end(session, transfer, staff_id, TransferState.WITHDRAWN, at)


def _end(
    session: Session,
    transfer: Transfer,
    staff_id: int,
    state: TransferState,
    at: datetime | None,
) -> Handoff:
    if not _close(session, Transfer.id == transfer.id, state, staff_id, at or now()):
        raise TransferGone(transfer.id)
    handoff = get(session, transfer.handoff_id)
    wake(session, "console", handoff.conversation_id)
    return handoff


def _close(
    session: Session,
    which: ColumnElement[bool],
    state: TransferState,
    staff_id: int,
    at: datetime,
) -> bool:
    closed = session.scalars(
        update(Transfer)
        .where(which, Transfer.state == TransferState.ASKED)
        .values(state=state, answered_at=at, answered_by_id=staff_id)
        .returning(Transfer.id)
        .execution_options(synchronize_session=False)
    ).all()
    return bool(closed)


def _own(session: Session, transfer_id: int, staff_id: int) -> Transfer:
    own = desks.of_staff(session, [staff_id])[staff_id]
    query = open_ones().where(Transfer.id == transfer_id, may_answer(staff_id, own))
    transfer: Transfer | None = session.scalar(query)
    if transfer is None:
        raise TransferGone(transfer_id)
    return transfer


# What is open ------------------------------------------------------------------------------------


def may_answer(staff_id: int, own: Collection[str]) -> ColumnElement[bool]:
    """Tell of a transfer that this agent may answer. own: their desks."""
    of_desk = Transfer.to_desk.in_(own) if own else Transfer.to_desk.is_not(None)
    return and_(Transfer.from_id != staff_id, or_(Transfer.to_id == staff_id, of_desk))


def open_ones() -> Any:
    """Select what is asked and still stands: its sender has the conversation."""
    return (
        select(Transfer)
        .join(Handoff, Handoff.id == Transfer.handoff_id)
        .where(
            Transfer.state == TransferState.ASKED,
            Handoff.state == HandoffState.CLAIMED,
            Handoff.staff_id == Transfer.from_id,
        )
        .order_by(Transfer.id)
    )


def to_answer(session: Session, staff_id: int) -> list[Transfer]:
    """Return what others ask this agent, oldest first."""
    own = desks.of_staff(session, [staff_id])[staff_id]
    return list(session.scalars(open_ones().where(may_answer(staff_id, own))))


def of_handoff(session: Session, handoff_id: int) -> Sequence[tuple[Transfer, str, str]]:
    """Return all there were, oldest first, with the names of both sides."""
    query = select(Transfer).where(Transfer.handoff_id == handoff_id).order_by(Transfer.id)
    rows = session.scalars(query).all()
    wanted = {each for row in rows for each in (row.from_id, row.to_id) if each is not None}
    people = session.scalars(select(Staff).where(Staff.id.in_(wanted)))
    names = {staff.id: staff.name for staff in people}
    return [
        (row, names[row.from_id], names.get(row.to_id or 0, "") or desk_name(row)) for row in rows
    ]


def desk_name(transfer: Transfer) -> str:
    return desks.staff_name(settings(), transfer.to_desk)
