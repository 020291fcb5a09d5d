"""The accounts of staff: made, closed, signed out everywhere.

Rule: the operator alone makes and closes them (`python -m web.cli staff add`): no registration, no
e-mail. Each act stands in the audit log.
"""

from __future__ import annotations

import secrets

from flask_security import hash_password
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from web.accounts import sessions
from web.db import utc_now
from web.desk import presence
from web.models import Role, RoleName, Staff
from web.privacy import audit
from web.privacy.audit import Act

PASSWORD_MIN_LENGTH = 12


class StaffExists(Exception):
    """There is an account with this e-mail already."""


def add_staff(
    db_session: Session, email: str, name: str, roles: list[RoleName], password: str
) -> Staff:
    """Make an account; needs an application context for the hash. Raises StaffExists."""
    email = email.strip().lower()
    if db_session.scalar(select(Staff.id).where(func.lower(Staff.email) == email)) is not None:
        raise StaffExists(email)
    staff = Staff(
        email=email,
        name=name.strip(),
        password=hash_password(password),
        fs_uniquifier=secrets.token_hex(32),
        created_at=utc_now(),
        roles=[_role(db_session, role) for role in roles],
    )
    db_session.add(staff)
    db_session.flush()
    audit.record(db_session, Act.ACCOUNT_ADDED, f"staff:{staff.id}", staff_id=None)
    return staff


def _role(db_session: Session, name: RoleName) -> Role:
    role = db_session.scalar(select(Role).where(Role.name == name.value))
    if role is None:
        role = Role(name=name.value)
        db_session.add(role)
    return role


def disable_staff(db_session: Session, staff: Staff) -> None:
    """Close an account and end its sessions everywhere."""
    staff.active = False
    staff.last_seen_at = None
    end_sessions(db_session, staff)
    audit.record(db_session, Act.ACCOUNT_DISABLED, f"staff:{staff.id}", staff_id=None)


def end_sessions(db_session: Session, staff: Staff) -> int:
    """Sign somebody out everywhere. Returns how many sessions that were."""
    staff.fs_uniquifier = secrets.token_hex(32)
    presence.left(db_session, staff.id)
    audit.record(db_session, Act.SESSIONS_ENDED, f"staff:{staff.id}", staff_id=None)
    return sessions.end_all(db_session, staff.id)


def reset_second_factor(db_session: Session, staff: Staff) -> None:
    """Take the second step away: the phone is lost and the recovery codes are too."""
    staff.tf_primary_method = None
    staff.tf_totp_secret = None
    staff.tf_last_counter = None
    staff.mf_recovery_codes = []
    audit.record(db_session, Act.SECOND_FACTOR_RESET, f"staff:{staff.id}", staff_id=None)
    end_sessions(db_session, staff)
