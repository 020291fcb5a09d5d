"""What staff write to each other about a conversation.

Rule: a note is no row of the log, and nothing that makes what a patient gets reads this table: a
test walks every way out. Who is mentioned finds it at the top of their inbox until they have
opened the conversation.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from web.db import wake
from web.models import NoteMention, Role, RoleName, Staff, StaffNote

MAX_CHARACTERS = 2000


class NoteEmpty(ValueError):
    """There are no words in it."""


@dataclass(frozen=True)
class Shown:
    note: StaffNote
    author: str


@dataclass(frozen=True)
class Mentioned:
    """A note that names somebody who has not seen it."""

    note_id: str
    conversation_id: str
    author: str


def write(
    session: Session, conversation_id: str, staff_id: int, text: str, at: datetime
) -> StaffNote:
    """Keep a note and tell whom it mentions. Raises NoteEmpty."""
    text = text.replace("\r\n", "\n").strip()[:MAX_CHARACTERS]
    if not text:
        raise NoteEmpty
    note = StaffNote(
        id=secrets.token_urlsafe(12),
        conversation_id=conversation_id,
        staff_id=staff_id,
        created_at=at,
    )
    note.text = text
    session.add(note)
    session.flush()
    for colleague in _named_in(text, colleagues(session, staff_id)):
        session.add(NoteMention(note_id=note.id, staff_id=colleague.id))
    session.flush()
    wake(session, conversation_id, "console")
    return note


def colleagues(session: Session, staff_id: int) -> list[Staff]:
    """Return the other agents, by name: those who can open a conversation."""
    is_agent = Staff.roles.any(Role.name == RoleName.AGENT.value)
    query = select(Staff).where(Staff.active, Staff.id != staff_id, is_agent)
    return list(session.scalars(query.order_by(Staff.name, Staff.id)))


def _named_in(text: str, people: list[Staff]) -> list[Staff]:
    """Return who is mentioned, `@Bea` or `@ana maria`; of Ana and Ana Maria, whose name it is."""
    by_name: dict[str, list[Staff]] = {}
    for person in people:
        by_name.setdefault(person.name.casefold(), []).append(person)
    if not by_name:
        return []
    longest_first = sorted(by_name, key=len, reverse=True)
    mention = re.compile(rf"(?<!\w)@({'|'.join(map(re.escape, longest_first))})(?!\w)")
    names = dict.fromkeys(mention.findall(text.casefold()))
    return [person for name in names for person in by_name[name]]


def of_conversation(session: Session, conversation_id: str) -> list[Shown]:
    """Return all notes, oldest first."""
    query = (
        select(StaffNote, Staff.name)
        .join(Staff, Staff.id == StaffNote.staff_id)
        .where(StaffNote.conversation_id == conversation_id)
        .order_by(StaffNote.created_at, StaffNote.id)
    )
    return [Shown(*row) for row in session.execute(query)]


def unread(session: Session, staff_id: int) -> list[Mentioned]:
    """Return the notes that mention this person and wait to be seen, oldest first."""
    query = (
        select(StaffNote.id, StaffNote.conversation_id, Staff.name)
        .join(NoteMention, NoteMention.note_id == StaffNote.id)
        .join(Staff, Staff.id == StaffNote.staff_id)
        .where(NoteMention.staff_id == staff_id, NoteMention.read_at.is_(None))
        .order_by(StaffNote.created_at, StaffNote.id)
    )
    return [Mentioned(*row) for row in session.execute(query)]


def seen(session: Session, conversation_id: str, staff_id: int, at: datetime) -> None:
    """This person has the conversation's notes before them."""
    here = select(StaffNote.id).where(StaffNote.conversation_id == conversation_id)
    changed = session.execute(
        update(NoteMention)
        .where(
            NoteMention.staff_id == staff_id,
            NoteMention.read_at.is_(None),
            NoteMention.note_id.in_(here),
        )
        .values(read_at=at)
        .returning(NoteMention.note_id)
        .execution_options(synchronize_session=False)
    ).all()
    if changed:
        wake(session, "console")
