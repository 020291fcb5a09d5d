"""Which agents are really there.

Rule: presence is a sign of life from an open console, not a forgotten toggle. The toggle can only
take presence away: "I'm away" means no new chats come.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from web.db import wake
from web.models import Role, RoleName, Staff


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
            Staff.last_seen_at > at - timedelta(seconds=absent_after_s),
            Staff.roles.any(Role.name == RoleName.AGENT.value),
        )
        .order_by(Staff.name, Staff.id)
    )
    return session.scalars(query).all()


def is_there(staff: Staff, at: datetime, absent_after_s: int) -> bool:
    """Tell whether the agent's console gave a sign of life lately; "away" does not matter here."""
    if not staff.active or staff.last_seen_at is None:
        return False
    return staff.last_seen_at > at - timedelta(seconds=absent_after_s)
