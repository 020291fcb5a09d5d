"""What editors do: revisions, what is typed but not saved, gaps; what readers say of a page."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import (
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from web.db import Base, UtcDateTime
from web.models.columns import enum_of, nothing
from web.privacy.sealing import Letter, Sealed, SealedRow, part


class ArticleVote(SealedRow, Base):
    """One form "Was this helpful?" that was sent from an article's page; see help_feedback.py."""

    __tablename__ = "article_vote"

    form_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    article_id: Mapped[str] = mapped_column(String(300))
    revision: Mapped[str] = mapped_column(String(16))  # the beginning of the text's digest
    helpful: Mapped[bool]
    voted_on: Mapped[date]  # the day alone: an hour could tell who it was
    sealed: Mapped[Letter | None] = mapped_column(Sealed)

    comment = part[str | None](nothing)  # masked

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
    state: Mapped[RevisionState] = mapped_column(enum_of(RevisionState))
    origin: Mapped[Origin] = mapped_column(enum_of(Origin))
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
    state: Mapped[GapState] = mapped_column(enum_of(GapState), index=True)
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
