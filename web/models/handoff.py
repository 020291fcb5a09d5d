"""From the bot to people: handoffs, transfers, and what agents keep beside a chat."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
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


class HandoffState(StrEnum):
    REQUESTED = "requested"
    OFFERED = "offered"
    CLAIMED = "claimed"
    RESOLVED = "resolved"
    RETURNED = "returned"  # given back to the bot
    ABANDONED = "abandoned"  # the patient left before anyone came
    MESSAGE_LEFT = "message_left"  # nobody was there: a message waits in the console


OPEN_HANDOFF_STATES = (
    HandoffState.REQUESTED,
    HandoffState.OFFERED,
    HandoffState.CLAIMED,
)


class Handoff(SealedRow, Base):
    __tablename__ = "handoff"

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[str] = mapped_column(
        ForeignKey("conversation.id", ondelete="cascade"), index=True
    )
    state: Mapped[HandoffState] = mapped_column(enum_of(HandoffState))
    # asked | failed_twice | abuse | callback | danger
    reason: Mapped[str] = mapped_column(String(20))
    practice: Mapped[bool] = mapped_column(default=False)  # as its conversation says
    urgent: Mapped[bool] = mapped_column(default=False)
    urgent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    alarm: Mapped[int] = mapped_column(default=0)  # how often staff were told again of a danger
    desk: Mapped[str | None] = mapped_column(String(40))  # an id of [[desks]]; None in old rows
    # Nobody claimed it in time: whom it is offered to, and who did not take it in this round.
    offered_to_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    offered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    passed_by: Mapped[list[int] | None] = mapped_column(JSON)
    offer_rounds: Mapped[int] = mapped_column(default=0)
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime)
    claimed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    opened_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # by the first agent who looked
    read_n: Mapped[int] = mapped_column(default=0)  # the last row its agent has seen
    # The last agent went away while the patient waited: they were told so and offered the form.
    nobody_told_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    sealed: Mapped[Letter | None] = mapped_column(Sealed)
    # A left message was dealt with.
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Set aside by an agent: until a time, or (without one) until the patient writes.
    snoozed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    snoozed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # When a call was promised, from then on for the clinic's window.
    callback_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)

    contact = part[dict[str, Any] | None](nothing)  # what the patient left in the contact form
    original = part[dict[str, str] | None](nothing)  # its fields as typed, where masked

    __table_args__ = (
        Index("ix_handoff_state", "state", "requested_at"),
        Index(
            "uq_handoff_open",
            "conversation_id",
            unique=True,
            sqlite_where=text("state in ('requested', 'offered', 'claimed')"),
            postgresql_where=text("state in ('requested', 'offered', 'claimed')"),
        ),
    )

    def place(self) -> str:
        return f"handoff {self.conversation_id}"


class TransferState(StrEnum):
    ASKED = "asked"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class Transfer(SealedRow, Base):
    """An agent asks another, or a desk, to take a chat over. The note is for staff alone."""

    __tablename__ = "transfer"

    id: Mapped[int] = mapped_column(primary_key=True)
    handoff_id: Mapped[int] = mapped_column(ForeignKey("handoff.id", ondelete="cascade"))
    state: Mapped[TransferState] = mapped_column(enum_of(TransferState))
    from_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    to_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    to_desk: Mapped[str | None] = mapped_column(String(40))
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    sealed: Mapped[Letter | None] = mapped_column(Sealed)

    note = part[str](str)

    __table_args__ = (
        Index(
            "uq_transfer_asked",
            "handoff_id",
            unique=True,
            sqlite_where=text("state = 'asked'"),
            postgresql_where=text("state = 'asked'"),
        ),
        Index("ix_transfer_handoff_id", "handoff_id"),
    )

    def place(self) -> str:
        return f"transfer {self.handoff_id}"


class UnhelpfulSuggestion(SealedRow, Base):
    """An agent says that an article does not answer a question: a gap for the editors."""

    __tablename__ = "unhelpful_suggestion"

    id: Mapped[int] = mapped_column(primary_key=True)
    handoff_id: Mapped[int] = mapped_column(ForeignKey("handoff.id", ondelete="cascade"))
    n: Mapped[int]  # the patient's message it was suggested for; 0: the agent searched
    article_id: Mapped[str] = mapped_column(String(300))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    sealed: Mapped[Letter | None] = mapped_column(Sealed)

    question = part[str](str)  # masked

    __table_args__ = (UniqueConstraint("handoff_id", "n", "article_id"),)

    def place(self) -> str:
        return f"unhelpful_suggestion {self.handoff_id} {self.n} {self.article_id}"


class StaffNote(SealedRow, Base):
    """What staff write to each other about a conversation. No row of the log, so no patient's."""

    __tablename__ = "staff_note"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(
        ForeignKey("conversation.id", ondelete="cascade"), index=True
    )
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sealed: Mapped[Letter | None] = mapped_column(Sealed)

    text = part[str](str)

    def place(self) -> str:
        return f"staff_note {self.conversation_id} {self.id}"


class NoteMention(Base):
    """A colleague named in a note, until they have seen it."""

    __tablename__ = "note_mention"

    note_id: Mapped[str] = mapped_column(
        ForeignKey("staff_note.id", ondelete="cascade"), primary_key=True
    )
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_note_mention_staff_id", "staff_id", "read_at"),)


class WrapUp(SealedRow, Base):
    """How a chat ended, as the agent who had it wrote down, for staff alone."""

    __tablename__ = "wrap_up"

    handoff_id: Mapped[int] = mapped_column(
        ForeignKey("handoff.id", ondelete="cascade"), primary_key=True
    )
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    code: Mapped[str | None] = mapped_column(String(40))  # an id of [[wrap_up]]
    follow_up_on: Mapped[date | None] = mapped_column(index=True)
    followed_up_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # The agent is ready for the next chat before the time is over.
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sealed: Mapped[Letter | None] = mapped_column(Sealed)

    tags = part[list[str]](list)
    note = part[str](str)

    def place(self) -> str:
        return f"wrap_up {self.handoff_id}"


class HardChat(Base):
    """A chat that was hard for who had it; kept for that day, to spread the load."""

    __tablename__ = "hard_chat"

    handoff_id: Mapped[int] = mapped_column(
        ForeignKey("handoff.id", ondelete="cascade"), primary_key=True
    )
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    # A break was offered and taken or not: no matter which.
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
