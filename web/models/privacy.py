"""Keys, shared secrets and the audit log."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    ForeignKey,
    LargeBinary,
    String,
)
from sqlalchemy.orm import Mapped, mapped_column

from web.db import Base, UtcDateTime
from web.privacy.sealing import Letter, Sealed, SealedRow, part


class SealingKey(Base):
    """A key that rows may be sealed with. The key itself is not here: see keys.py.

    proof: a known text sealed with it; the ring's key of this id must open it.
    """

    __tablename__ = "sealing_key"

    id: Mapped[str] = mapped_column(String(8), primary_key=True)
    proof: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SharedSecret(SealedRow, Base):
    """What all hosts of a database have in common besides the keys of words; see vault.py."""

    __tablename__ = "shared_secret"

    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    sealed: Mapped[Letter | None] = mapped_column(Sealed)

    value = part[str](str)

    def place(self) -> str:
        return f"shared_secret {self.name}"


class AuditEntry(Base):
    """Who did what to which conversation or account. Append-only."""

    __tablename__ = "audit_entry"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    act: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(80))
    # SHA-256 over the entry before and this one: see audit.py.
    digest: Mapped[str] = mapped_column(String(64))
