"""The people who answer and write, how they sign in, and what is theirs alone."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from flask import current_app
from flask_security.core import RoleMixin, UserMixin
from sqlalchemy import (
    JSON,
    Column,
    ForeignKey,
    String,
    Table,
)
from sqlalchemy.ext.mutable import MutableList
from sqlalchemy.orm import Mapped, mapped_column, relationship

from web.db import Base, UtcDateTime
from web.models.columns import nothing
from web.privacy.sealing import Letter, Sealed, SealedRow, part


class RoleName(StrEnum):
    AGENT = "agent"
    EDITOR = "editor"
    REVIEWER = "reviewer"
    MANAGER = "manager"
    PRIVACY = "privacy_officer"


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

    tf_totp_secret = part[str | None](nothing)
    tf_last_counter = part[int | None](nothing)  # of the newest code that was used
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
