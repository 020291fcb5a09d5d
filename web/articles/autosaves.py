"""What somebody typed and did not save yet, kept for them alone.

Rule: one for each person and article, sealed, and gone once it is saved or a month old. It is no
revision: nobody else can read it, others only learn that somebody is writing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from web.models import Autosave, Staff

KEPT_DAYS = 30
WRITING_FOR = timedelta(minutes=5)  # so long after the last key somebody counts as writing
FIELDS_LEFT_OUT = ("csrf_token", "article", "action")


def keep(
    session: Session, staff_id: int, article_id: str, form: Mapping[str, str], at: datetime
) -> None:
    number = form.get("number", "0")
    row = find(session, staff_id, article_id)
    if row is None:
        row = Autosave(staff_id=staff_id, article_id=article_id, number=0, saved_at=at)
        session.add(row)
    row.number = int(number) if number.isdecimal() and len(number) < 9 else 0
    row.saved_at = at
    row.form = {key: text for key, text in form.items() if key not in FIELDS_LEFT_OUT}


def find(session: Session, staff_id: int, article_id: str) -> Autosave | None:
    return session.get(Autosave, (staff_id, article_id))


def drop(session: Session, staff_id: int, article_id: str) -> None:
    query = delete(Autosave).where(Autosave.staff_id == staff_id, Autosave.article_id == article_id)
    session.execute(query)


def others_writing(session: Session, staff_id: int, article_id: str, at: datetime) -> list[str]:
    """Return the names of the others who are at the same article now."""
    if not article_id:
        return []
    query = (
        select(Staff.name)
        .join(Autosave, Autosave.staff_id == Staff.id)
        .where(
            Autosave.article_id == article_id,
            Autosave.staff_id != staff_id,
            Autosave.saved_at > at - WRITING_FOR,
        )
        .order_by(Staff.name)
    )
    return list(session.scalars(query))


def forget_old(session: Session, at: datetime) -> None:
    session.execute(delete(Autosave).where(Autosave.saved_at < at - timedelta(days=KEPT_DAYS)))
