"""The tables. The message log is the truth: every screen shows its rows in the order of `n`.

Rule: only `conversations.py` writes messages, only `leases.py` and `turns.py` move turns,
only `handoffs.py` and its parts move handoffs. States are enums, checked by the database. What
people wrote stands in `sealed` columns and nowhere else (see sealing.py); its parts are declared
with `part`.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from flask import current_app
from flask_security.core import RoleMixin, UserMixin
from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    Enum,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.ext.mutable import MutableList
from sqlalchemy.orm import Mapped, mapped_column, relationship

from web.db import Base, UtcDateTime
from web.privacy.sealing import Letter, Sealed, SealedRow, part


def _nothing() -> None:
    return None


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


class RoleName(StrEnum):
    AGENT = "agent"
    EDITOR = "editor"
    REVIEWER = "reviewer"
    MANAGER = "manager"
    PRIVACY = "privacy_officer"


def _enum(values: type[StrEnum]) -> Enum:
    return Enum(
        values,
        native_enum=False,
        create_constraint=True,
        length=20,
        values_callable=lambda states: [state.value for state in states],
    )


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

    page_url = part[str | None](_nothing)
    rating_comment = part[str | None](_nothing)  # masked

    __table_args__ = (CheckConstraint("rating between 1 and 5", name="rating"),)

    def place(self) -> str:
        return f"conversation {self.id}"


class Message(SealedRow, Base):
    """One line of a conversation. `n` counts from 1 in each conversation, without gaps."""

    __tablename__ = "message"

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversation.id", ondelete="cascade"))
    n: Mapped[int]
    author: Mapped[Author] = mapped_column(_enum(Author))
    kind: Mapped[Kind] = mapped_column(_enum(Kind))
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
    original = part[str | None](_nothing)  # as typed, where something was masked

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
    state: Mapped[TurnState] = mapped_column(_enum(TurnState))
    lease_owner: Mapped[str | None] = mapped_column(String(80))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    fence: Mapped[int] = mapped_column(default=0)
    outcome: Mapped[str | None] = mapped_column(String(10))  # answer | choices | none
    shown: Mapped[str | None] = mapped_column(String(10))  # Shown; None in turns of old versions
    confidence: Mapped[float | None]
    engine: Mapped[str | None] = mapped_column(String(10))  # full | lexical
    answered_by: Mapped[AnsweredBy | None] = mapped_column(_enum(AnsweredBy))
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


class Handoff(SealedRow, Base):
    __tablename__ = "handoff"

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[str] = mapped_column(
        ForeignKey("conversation.id", ondelete="cascade"), index=True
    )
    state: Mapped[HandoffState] = mapped_column(_enum(HandoffState))
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

    contact = part[dict[str, Any] | None](_nothing)  # what the patient left in the contact form
    original = part[dict[str, str] | None](_nothing)  # its fields as typed, where masked

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
    state: Mapped[TransferState] = mapped_column(_enum(TransferState))
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


class CannedReply(SealedRow, Base):
    """A reply agents need often, in one language; its variables are filled in when it is used."""

    __tablename__ = "canned_reply"

    key: Mapped[str] = mapped_column(String(40), primary_key=True)
    lang: Mapped[str] = mapped_column(String(8), primary_key=True)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))  # None: shipped
    sealed: Mapped[Letter | None] = mapped_column(Sealed)

    text = part[str](str)

    def place(self) -> str:
        return f"canned_reply {self.key} {self.lang}"


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


class CheckIn(SealedRow, Base):
    """How somebody's week was: sealed, and shown to nobody but them."""

    __tablename__ = "check_in"

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    week_of: Mapped[date] = mapped_column(primary_key=True)  # its Monday
    sealed: Mapped[Letter | None] = mapped_column(Sealed)

    answers = part[dict[str, str]](dict)
    words = part[str](str)

    def place(self) -> str:
        return f"check_in {self.staff_id} {self.week_of}"


class PracticeRun(Base):
    """Somebody practises a scene. Once it is over, the scene and the day are what is kept."""

    __tablename__ = "practice_run"

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    scene: Mapped[str] = mapped_column(String(40))
    conversation_id: Mapped[str | None] = mapped_column(
        ForeignKey("conversation.id", ondelete="set null"), index=True
    )
    beat: Mapped[str] = mapped_column(String(40))
    beat_at: Mapped[datetime] = mapped_column(UtcDateTime)
    beat_n: Mapped[int] = mapped_column(default=0)  # the last row of the log when it began
    seen: Mapped[list[str]] = mapped_column(JSON, default=list)  # what the agent did, for feedback
    began_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Block(Base):
    """A conversation or network address that may not write.

    key: a conversation's id, or the keyed hash of an address.
    """

    __tablename__ = "block"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    until_at: Mapped[datetime] = mapped_column(UtcDateTime)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ArticleVote(SealedRow, Base):
    """One form "Was this helpful?" that was sent from an article's page; see help_feedback.py."""

    __tablename__ = "article_vote"

    form_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    article_id: Mapped[str] = mapped_column(String(300))
    revision: Mapped[str] = mapped_column(String(16))  # the beginning of the text's digest
    helpful: Mapped[bool]
    voted_on: Mapped[date]  # the day alone: an hour could tell who it was
    sealed: Mapped[Letter | None] = mapped_column(Sealed)

    comment = part[str | None](_nothing)  # masked

    __table_args__ = (Index("ix_article_vote_voted_on", "voted_on", "article_id"),)

    def place(self) -> str:
        return f"article_vote {self.form_hash}"


class RevisionState(StrEnum):
    DRAFT = "draft"
    IN_REVIEW = "in_review"
    SCHEDULED = "scheduled"  # approved, and published on its day
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"
    REPLACED = "replaced"  # a later draft took its place
    DISCARDED = "discarded"


OPEN_REVISION_STATES = (RevisionState.DRAFT, RevisionState.IN_REVIEW, RevisionState.SCHEDULED)


class Origin(StrEnum):
    EDITOR = "editor"
    OUTSIDE = "outside"  # somebody changed the file
    RESTORED = "restored"
    IMPORTED = "imported"


class Revision(Base):
    """One saved version of an article, the whole file. Only `revisions.py` makes and moves them.

    Articles are public text, so the words are not sealed; drafts are for staff alone all the same.
    """

    __tablename__ = "revision"

    id: Mapped[int] = mapped_column(primary_key=True)
    article_id: Mapped[str] = mapped_column(String(300))
    number: Mapped[int]  # counts from 1 in each article
    state: Mapped[RevisionState] = mapped_column(_enum(RevisionState))
    origin: Mapped[Origin] = mapped_column(_enum(Origin))
    content: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))
    base_digest: Mapped[str] = mapped_column(String(64))  # of the file it was made from, or ""
    # The author says that the meaning changed: translations wait until they have followed.
    is_substance: Mapped[bool] = mapped_column(default=False)
    # Of a translation: the number of the original's revision that it says.
    source_number: Mapped[int | None]
    publish_on: Mapped[date | None]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    approver_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        UniqueConstraint("article_id", "number"),
        Index("ix_revision_state", "state", "publish_on"),
        Index(
            "uq_revision_open",
            "article_id",
            unique=True,
            sqlite_where=text("state in ('draft', 'in_review', 'scheduled')"),
            postgresql_where=text("state in ('draft', 'in_review', 'scheduled')"),
        ),
    )


class ReviewComment(SealedRow, Base):
    """What staff say to each other about a revision."""

    __tablename__ = "review_comment"

    id: Mapped[int] = mapped_column(primary_key=True)
    article_id: Mapped[str] = mapped_column(String(300), index=True)
    number: Mapped[int]  # of the revision
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    sealed: Mapped[Letter | None] = mapped_column(Sealed)

    text = part[str](str)

    def place(self) -> str:
        return f"review_comment {self.article_id}"


class Autosave(SealedRow, Base):
    """What somebody typed into an article's form and did not save yet. article_id: "" for a new."""

    __tablename__ = "autosave"

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    article_id: Mapped[str] = mapped_column(String(300), primary_key=True)
    number: Mapped[int]  # the revision it was begun from
    saved_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    sealed: Mapped[Letter | None] = mapped_column(Sealed)

    form = part[dict[str, str]](dict)

    def place(self) -> str:
        return f"autosave {self.staff_id} {self.article_id}"


class GapState(StrEnum):
    BEGUN = "begun"  # somebody writes an article, or adds to one
    CLOSED = "closed"  # patients can be shown that article
    DISMISSED = "dismissed"  # needs no article


class Gap(Base):
    """Questions of one meaning that found no answer, taken up by an editor; see gaps.py."""

    __tablename__ = "gap"

    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[GapState] = mapped_column(_enum(GapState), index=True)
    article_id: Mapped[str] = mapped_column(String(300))  # "" until the draft is saved
    begun_by_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    begun_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class GapQuestion(Base):
    """One question of a gap: a row of the log, so it goes when its conversation goes."""

    __tablename__ = "gap_question"

    gap_id: Mapped[int] = mapped_column(ForeignKey("gap.id", ondelete="cascade"), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(
        ForeignKey("conversation.id", ondelete="cascade"), primary_key=True
    )
    n: Mapped[int] = mapped_column(primary_key=True)

    __table_args__ = (Index("ix_gap_question_conversation_id", "conversation_id", "n"),)


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


staff_roles = Table(
    "staff_roles",
    Base.metadata,
    Column("staff_id", ForeignKey("staff.id"), primary_key=True),
    Column("role_id", ForeignKey("role.id"), primary_key=True),
)


# Whoever belongs to no desk works at all of them. The desks themselves stand in clinic.toml.
staff_desk = Table(
    "staff_desk",
    Base.metadata,
    Column("staff_id", ForeignKey("staff.id", ondelete="cascade"), primary_key=True),
    Column("desk", String(40), primary_key=True),
)


class Role(Base, RoleMixin):
    __tablename__ = "role"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    description: Mapped[str | None] = mapped_column(String(255))
    permissions: Mapped[list[str] | None] = mapped_column(MutableList.as_mutable(JSON()))


class Staff(SealedRow, Base, UserMixin):
    """A named member of staff. The columns are the ones Flask-Security asks for, plus presence.

    The second factor is sealed: a stolen copy of the database signs nobody in.
    """

    __tablename__ = "staff"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(255), unique=True)
    name: Mapped[str] = mapped_column(String(80))  # what patients see: "Ana"
    password: Mapped[str | None] = mapped_column(String(255))
    active: Mapped[bool] = mapped_column(default=True)
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    tf_primary_method: Mapped[str | None] = mapped_column(String(64))
    sealed: Mapped[Letter | None] = mapped_column(Sealed)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # Presence is what the console's connection shows, not a toggle: present means seen within
    # agent_absent_after_s and not away.
    last_seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    is_away: Mapped[bool] = mapped_column(default=False)
    break_until: Mapped[datetime | None] = mapped_column(UtcDateTime)  # no new chats until then
    languages: Mapped[str | None] = mapped_column(String(40))  # "en es"; None: any

    roles: Mapped[list[Role]] = relationship(  # type: ignore[assignment]
        secondary=staff_roles, lazy="selectin"
    )

    tf_totp_secret = part[str | None](_nothing)
    tf_last_counter = part[int | None](_nothing)  # of the newest code that was used
    mf_recovery_codes = part[list[str]](list)  # each good for one sign-in

    def place(self) -> str:
        return f"staff {self.id}"

    def has_any_role(self, *names: str) -> bool:
        return any(role.name in names for role in self.roles)

    def check_tf_required_setup(self) -> bool:
        """Tell whether this person must have a second factor."""
        return self.has_any_role(*current_app.config["STAFF_TWO_FACTOR_ROLES"])

    def check_tf_required(
        self, tf_setup_methods: list[tuple[str, str]], tf_fresh: bool
    ) -> tuple[bool, list[tuple[str, str]]]:
        return bool(tf_setup_methods) or self.check_tf_required_setup(), tf_setup_methods


class StaffSession(Base):
    """A browser somebody is signed in with. key: a digest of what its cookie holds."""

    __tablename__ = "staff_session"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id", ondelete="cascade"), index=True)
    browser: Mapped[str] = mapped_column(String(60))  # "Firefox on Windows"
    began_at: Mapped[datetime] = mapped_column(UtcDateTime)
    active_at: Mapped[datetime] = mapped_column(UtcDateTime)  # the last act of a hand
