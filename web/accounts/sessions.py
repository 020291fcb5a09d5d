"""The browsers that staff are signed in with.

Rule: a cookie counts only while its row stands, so that a session can be seen and ended from
elsewhere, and is over on the server too when nobody has touched a key. The row holds a digest of
the cookie's token: who reads the database cannot sign in with it. No network address is kept.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from web.db import wake
from web.models import StaffSession

TOKEN = "session"  # where the cookie holds it
IDLE_LIMIT = timedelta(minutes=15)
LIMIT = timedelta(hours=12)
# A hand that moves all the time is written down this often.
ACTIVE_EVERY = timedelta(seconds=5)

# The first that stands in the browser's own words counts: Edge calls itself Chrome as well.
BROWSERS = (("Edg", "Edge"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
SYSTEMS = (
    *(("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows")),
    *(("Mac OS", "Mac"), ("CrOS", "ChromeOS"), ("Linux", "Linux")),
)


def begin(db_session: Session, staff_id: int, user_agent: str, at: datetime) -> str:
    """Start a session. Returns the token that its cookie holds."""
    over = (StaffSession.staff_id == staff_id) & ~_is_live(at)
    db_session.execute(delete(StaffSession).where(over))
    token = secrets.token_urlsafe(32)
    row = StaffSession(
        key=_key(token),
        staff_id=staff_id,
        browser=browser_name(user_agent),
        began_at=at,
        active_at=at,
    )
    db_session.add(row)
    return token


def find(db_session: Session, token: str | None, at: datetime) -> StaffSession | None:
    """Return the session of a cookie; None when it is over, idle or was ended."""
    if not token:
        return None
    return db_session.scalar(
        select(StaffSession).where(StaffSession.key == _key(token), _is_live(at))
    )


def of_staff(db_session: Session, staff_id: int, at: datetime) -> Sequence[StaffSession]:
    """Return a person's sessions, the one used last on top."""
    query = select(StaffSession).where(StaffSession.staff_id == staff_id, _is_live(at))
    return db_session.scalars(query.order_by(StaffSession.active_at.desc(), StaffSession.id)).all()


def idle_left(found: StaffSession, at: datetime) -> timedelta:
    return found.active_at + IDLE_LIMIT - at


def keep_active(db_session: Session, found: StaffSession, at: datetime) -> None:
    """Note that somebody is at the keyboard."""
    own = StaffSession.id == found.id
    db_session.execute(update(StaffSession).where(own).values(active_at=at))


def end(db_session: Session, token: str | None) -> None:
    """End the session of a cookie."""
    if token:
        _end(db_session, StaffSession.key == _key(token))


def end_one(db_session: Session, staff_id: int, session_id: int) -> bool:
    """End one of a person's own sessions. Returns whether there was such a one."""
    own = StaffSession.staff_id == staff_id
    return _end(db_session, own & (StaffSession.id == session_id)) > 0


def end_all(db_session: Session, staff_id: int, *, but: str | None = None) -> int:
    """End a person's sessions everywhere. but: the token of the one that goes on."""
    own = StaffSession.staff_id == staff_id
    return _end(db_session, own & (StaffSession.key != _key(but)) if but else own)


def browser_name(user_agent: str) -> str:
    """Return what a person calls it: "Firefox on Windows"."""
    browser = next((name for word, name in BROWSERS if word in user_agent), "A browser")
    system = next((name for word, name in SYSTEMS if word in user_agent), None)
    return f"{browser} on {system}" if system else browser


def _end(db_session: Session, which: ColumnElement[bool]) -> int:
    ended = delete(StaffSession).where(which).returning(StaffSession.id)
    count = len(db_session.scalars(ended).all())
    if count:
        wake(db_session, "console")  # its streams look again, and end
    return count


def _is_live(at: datetime) -> ColumnElement[bool]:
    return (StaffSession.active_at > at - IDLE_LIMIT) & (StaffSession.began_at > at - LIMIT)


def _key(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
