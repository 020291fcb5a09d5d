"""Who did what, to which conversation or account.

Rule: entries are added, never changed and never removed. An entry holds ids and one word for the
act; never an address, an e-mail or a word of a patient.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import event, select
from sqlalchemy.orm import Session

from web.db import utc_now
from web.models import AuditEntry


class Act(StrEnum):
    SIGNED_IN = "signed_in"
    SIGN_IN_FAILED = "sign_in_failed"
    SIGNED_OUT = "signed_out"
    PASSWORD_CHANGED = "password_changed"
    TRANSCRIPT_OPENED = "transcript_opened"
    CLAIMED = "claimed"
    RESOLVED = "resolved"
    RETURNED = "returned"
    MESSAGE_DONE = "message_done"
    BLOCKED = "blocked"
    ARTICLE_SAVED = "article_saved"
    ARTICLE_PUBLISHED = "article_published"
    ARTICLE_WITHDRAWN = "article_withdrawn"
    INSIGHTS_EXPORTED = "insights_exported"
    ACCOUNT_ADDED = "account_added"
    ACCOUNT_DISABLED = "account_disabled"


class AuditIsAppendOnly(Exception):
    """An audit entry was about to be changed or removed."""


def record(
    session: Session, act: Act, subject: str, *, staff_id: int | None, at: datetime | None = None
) -> AuditEntry:
    """Add an entry. `subject`: what it was done to, e.g. `conversation:Zk3…` or `staff:4`."""
    entry = AuditEntry(at=at or utc_now(), staff_id=staff_id, act=act.value, subject=subject)
    session.add(entry)
    return entry


def entries(session: Session, subject: str | None = None) -> list[AuditEntry]:
    """Return entries oldest first, of one subject or of all."""
    query = select(AuditEntry).order_by(AuditEntry.id)
    if subject is not None:
        query = query.where(AuditEntry.subject == subject)
    return list(session.scalars(query))


@event.listens_for(AuditEntry, "before_update")
@event.listens_for(AuditEntry, "before_delete")
def _refuse(_mapper: Any, _connection: Any, entry: AuditEntry) -> None:
    raise AuditIsAppendOnly(f"audit entry {entry.id}")
