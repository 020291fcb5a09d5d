"""Which agents are really there.

Rule: presence is a sign of life from an open console, not a forgotten toggle. The toggle can only
take presence away: "I'm away" means no new chats come.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from web.db import wake
from web.models import Role, RoleName, Staff

# A vanished agent's chats must be back in the queue within agent_absent_after_s; the sweep that
# does it comes every few seconds, so absence is declared a little before. Of a console's signs of
# life, one each 15 s, three may still get lost.
SILENCE_SHARE = 0.8


def absent_since(at: datetime, absent_after_s: int) -> datetime:
    """Return the moment before which a last sign of life means absent."""
    return at - timedelta(seconds=absent_after_s * SILENCE_SHARE)


def seen(session: Session, staff_id: int, at: datetime) -> None:
    """Note a sign of life: the browser answered, not merely that a connection stands."""
    session.execute(update(Staff).where(Staff.id == staff_id).values(last_seen_at=at))


def left(session: Session, staff_id: int) -> None:
    """The agent signed out: their chats go back to the queue with the next sweep."""
    session.execute(update(Staff).where(Staff.id == staff_id).values(last_seen_at=None))
    wake(session, "console")


def set_away(session: Session, staff_id: int, is_away: bool) -> None:
    session.execute(update(Staff).where(Staff.id == staff_id).values(is_away=is_away))
    wake(session, "console")


def present_agents(session: Session, at: datetime, absent_after_s: int) -> Sequence[Staff]:
    """Return agents who can take a chat now, by name."""
    query = (
        select(Staff)
        .where(
            Staff.active,
            ~Staff.is_away,
            or_(Staff.break_until.is_(None), Staff.break_until <= at),
            Staff.last_seen_at > absent_since(at, absent_after_s),
            Staff.roles.any(Role.name == RoleName.AGENT.value),
        )
        .order_by(Staff.name, Staff.id)
    )
    return session.scalars(query).all()


def is_absent(since: datetime) -> ColumnElement[bool]:
    """Tell of an agent who has a chat: their console gave no sign. Being "away" does not matter."""
    return or_(~Staff.active, Staff.last_seen_at.is_(None), Staff.last_seen_at <= since)
