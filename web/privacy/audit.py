"""Who did what, to which conversation or account.

Rule: entries are added, never changed and never removed. An entry holds ids and one word for the
act; never an address, an e-mail or a word of a patient. Each carries a digest of itself and of the
one before, so that an entry changed, put in or taken out afterwards breaks the chain; the newest
digest, written down elsewhere (`./clinic doctor` says it), shows a chain cut short or made anew.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import event, select
from sqlalchemy.orm import Session

from web.db import alone, utc_now
from web.models import AuditEntry

TO_WRITE = "audit"


class Act(StrEnum):
    SIGNED_IN = "signed_in"
    SIGN_IN_FAILED = "sign_in_failed"
    SIGNED_OUT = "signed_out"
    PASSWORD_CHANGED = "password_changed"
    SECOND_FACTOR_CHANGED = "second_factor_changed"
    SECOND_FACTOR_RESET = "second_factor_reset"
    SESSIONS_ENDED = "sessions_ended"
    TRANSCRIPT_OPENED = "transcript_opened"
    ORIGINAL_SHOWN = "original_shown"
    CLAIMED = "claimed"
    RESOLVED = "resolved"
    RETURNED = "returned"
    TRANSFER_ASKED = "transfer_asked"
    TRANSFER_ACCEPTED = "transfer_accepted"
    MESSAGE_DONE = "message_done"
    BLOCKED = "blocked"
    ARTICLE_SAVED = "article_saved"
    ARTICLE_PUBLISHED = "article_published"
    ARTICLE_WITHDRAWN = "article_withdrawn"
    ARTICLE_SUBMITTED = "article_submitted"
    ARTICLE_APPROVED = "article_approved"  # for a day to come
    ARTICLE_RETURNED = "article_returned"
    ARTICLE_COMMENTED = "article_commented"
    ARTICLE_RESTORED = "article_restored"
    ARTICLE_DISCARDED = "article_discarded"
    ARTICLE_EXPIRED = "article_expired"
    ARTICLE_CHANGED_OUTSIDE = "article_changed_outside"
    ARTICLE_IMPORTED = "article_imported"
    ARTICLES_EXPORTED = "articles_exported"
    PICTURE_ADDED = "picture_added"
    PICTURE_REMOVED = "picture_removed"
    INSIGHTS_EXPORTED = "insights_exported"
    ACCOUNT_ADDED = "account_added"
    ACCOUNT_DISABLED = "account_disabled"


class AuditIsAppendOnly(Exception):
    """An audit entry was about to be changed or removed."""


def record(
    session: Session, act: Act, subject: str, *, staff_id: int | None, at: datetime | None = None
) -> None:
    """Add an entry, written with the transaction's commit.

    subject: what it was done to, e.g. `conversation:Zk3…` or `staff:4`.
    """
    entry = AuditEntry(at=at or utc_now(), staff_id=staff_id, act=act.value, subject=subject)
    session.info.setdefault(TO_WRITE, []).append(entry)


@event.listens_for(Session, "before_commit")
def _write(session: Session) -> None:
    """Put the entries behind the newest one: each stands on the one before.

    On PostgreSQL whoever writes entries is alone. So it is the last that a transaction does: one
    that still wanted a row could wait for it for ever, from somebody who waits to write entries.
    """
    entries: list[AuditEntry] = session.info.pop(TO_WRITE, [])
    if not entries:
        return
    session.flush()
    alone(session, "audit")
    newest = select(AuditEntry.digest).order_by(AuditEntry.id.desc()).limit(1)
    before = session.scalar(newest) or ""
    for entry in entries:
        before = entry.digest = _digest(before, entry)
        session.add(entry)
        session.flush()


def entries(session: Session, subject: str | None = None) -> list[AuditEntry]:
    """Return entries oldest first, of one subject or of all."""
    query = select(AuditEntry).order_by(AuditEntry.id)
    if subject is not None:
        query = query.where(AuditEntry.subject == subject)
    return list(session.scalars(query))


# The chain ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Chain:
    """broken_at: the id of the first entry that does not follow from the one before it."""

    entries: int
    newest: str
    broken_at: int | None = None


def check(session: Session) -> Chain:
    """Follow the chain from its first entry."""
    before, count = "", 0
    query = select(AuditEntry).order_by(AuditEntry.id).execution_options(yield_per=1000)
    with closing(session.scalars(query)) as rows:  # PostgreSQL keeps a cursor open for them
        for entry in rows:
            if entry.digest != _digest(before, entry):
                return Chain(count, before, broken_at=entry.id)
            before, count = entry.digest, count + 1
    return Chain(count, before)


def _digest(before: str, entry: AuditEntry) -> str:
    at = entry.at.astimezone(UTC).isoformat()
    said = json.dumps([before, at, entry.staff_id, entry.act, entry.subject])
    return hashlib.sha256(said.encode()).hexdigest()


@event.listens_for(AuditEntry, "before_update")
@event.listens_for(AuditEntry, "before_delete")
def _refuse(_mapper: Any, _connection: Any, entry: AuditEntry) -> None:
    raise AuditIsAppendOnly(f"audit entry {entry.id}")
