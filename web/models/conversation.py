"""What a patient and the assistant say: conversations, their messages, the turns to do."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    CheckConstraint,
    Double,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from web.db import Base, UtcDateTime
from web.models.columns import enum_of, nothing
from web.privacy.sealing import Letter, Sealed, SealedRow, part


class Author(StrEnum):
    PATIENT = "patient"
    BOT = "bot"
    AGENT = "agent"
    SYSTEM = "system"


class Kind(StrEnum):
    TEXT = "text"
    PASSAGES = "passages"
    CHOICES = "choices"
    FORM = "form"
    HANDOFF = "handoff"
    DANGER = "danger"
    SYSTEM = "system"


class TurnState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    # An agent took the conversation while the turn ran: its replies were dropped.
    SILENCED = "silenced"


class AnsweredBy(StrEnum):
    RASA = "rasa"
    FALLBACK = "fallback"  # Rasa failed: answered from what search found


class Shown(StrEnum):
    """What a turn showed the patient, whatever the search said."""

    ANSWER = "answer"  # a passage
    CHOICES = "choices"
    NONE = "none"  # nothing was found: a person was offered or called
    OTHER = "other"  # a greeting, thanks, a wish for a person


class Conversation(SealedRow, Base):
    __tablename__ = "conversation"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    site: Mapped[str] = mapped_column(String(40))
    lang: Mapped[str] = mapped_column(String(8))
    desk: Mapped[str | None] = mapped_column(String(40))  # the reason the patient chose, if any
    # Keyed hash of the network address, for limits and blocks.
    address_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    last_message_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)  # the patient's stream or poll
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_n: Mapped[int] = mapped_column(default=0)
    # Rasa's memory is short on purpose: a new segment is a new, empty tracker (DESIGN 4).
    segment: Mapped[int] = mapped_column(default=1)
    segment_turns: Mapped[int] = mapped_column(default=0)
    misses: Mapped[int] = mapped_column(default=0)  # turns in a row that found nothing
    rating: Mapped[int | None]
    rated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Which privacy note the patient said yes to, and when.
    privacy_version: Mapped[str | None] = mapped_column(String(40))
    privacy_agreed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    practice: Mapped[bool] = mapped_column(default=False)  # a scene somebody practises; no patient
    sealed: Mapped[Letter | None] = mapped_column(Sealed)

    page_url = part[str | None](nothing)
    rating_comment = part[str | None](nothing)  # masked

    __table_args__ = (CheckConstraint("rating between 1 and 5", name="rating"),)

    def place(self) -> str:
        return f"conversation {self.id}"


class Message(SealedRow, Base):
    """One line of a conversation. `n` counts from 1 in each conversation, without gaps."""

    __tablename__ = "message"

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversation.id", ondelete="cascade"))
    n: Mapped[int]
    author: Mapped[Author] = mapped_column(enum_of(Author))
    kind: Mapped[Kind] = mapped_column(enum_of(Kind))
    sealed: Mapped[Letter | None] = mapped_column(Sealed)
    # The panel's or console's key: same key, same row.
    client_id: Mapped[str | None] = mapped_column(String(64))
    # Keyed hash of the raw text: same key, other text → 409.
    text_digest: Mapped[str | None] = mapped_column(String(64))
    turn_id: Mapped[int | None] = mapped_column(ForeignKey("turn.id", ondelete="cascade"))
    reply_position: Mapped[int | None]  # 0, 1, … among the replies of its turn
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    helpful: Mapped[bool | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    text = part[str](str)  # masked
    payload = part[dict[str, Any]](dict)
    original = part[str | None](nothing)  # as typed, where something was masked

    __table_args__ = (
        UniqueConstraint("conversation_id", "n"),
        UniqueConstraint("conversation_id", "client_id", name="uq_message_client_id"),
        UniqueConstraint("turn_id", "reply_position", name="uq_message_reply"),
    )

    def place(self) -> str:
        return message_place(self.conversation_id, self.n)


def message_place(conversation_id: str, n: int) -> str:
    """Return what a message's words are sealed for."""
    return f"message {conversation_id} {n}"


class Turn(Base):
    """One patient message to be answered, leased by a worker.

    `fence` counts the leases; a late worker finds a higher number than its own and is discarded.
    """

    __tablename__ = "turn"

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversation.id", ondelete="cascade"))
    n: Mapped[int]  # the number of the patient's message
    state: Mapped[TurnState] = mapped_column(enum_of(TurnState))
    lease_owner: Mapped[str | None] = mapped_column(String(80))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    fence: Mapped[int] = mapped_column(default=0)
    outcome: Mapped[str | None] = mapped_column(String(10))  # answer | choices | none
    shown: Mapped[str | None] = mapped_column(String(10))  # Shown; None in turns of old versions
    confidence: Mapped[float | None]
    engine: Mapped[str | None] = mapped_column(String(10))  # full | lexical
    answered_by: Mapped[AnsweredBy | None] = mapped_column(enum_of(AnsweredBy))
    request_id: Mapped[str | None] = mapped_column(String(64))  # brought the message
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        UniqueConstraint("conversation_id", "n"),
        Index("ix_turn_state", "state", "id"),
        Index(
            "uq_turn_running",
            "conversation_id",
            unique=True,
            sqlite_where=text("state = 'running'"),
            postgresql_where=text("state = 'running'"),
        ),
    )


class RateCount(Base):
    """What one address, conversation or account did lately, where hosts count together.

    key: a digest of whom and what. times: of each share taken, in seconds since 1970; limits.py
    alone reads and writes them. Empty on SQLite, where the one process counts in memory.
    """

    __tablename__ = "rate_count"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    times: Mapped[list[float]] = mapped_column(ARRAY(Double).with_variant(JSON(), "sqlite"))
    until_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Block(Base):
    """A conversation or network address that may not write.

    key: a conversation's id, or the keyed hash of an address.
    """

    __tablename__ = "block"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    until_at: Mapped[datetime] = mapped_column(UtcDateTime)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
