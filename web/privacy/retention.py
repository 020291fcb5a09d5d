"""What is old is removed: by itself, a few rows at a time, without a trace in SQLite's files.

Rule: a conversation goes with all that hangs on it, some days after its last message. One whose
left message nobody has answered is kept longer, but not for ever. Of what readers said of an
article the words go and the counts stay. The audit log stays: it holds no words.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import ColumnElement, and_, delete, or_, select
from sqlalchemy.engine import make_url

from web import limits
from web.articles import help_feedback
from web.backup import DUMP
from web.db import Database, wake
from web.desk import check_ins, hard_chats, practice
from web.models import Block, Conversation, Handoff, HandoffState
from web.sections import Retention
from web.services import Services

BATCH = 200

logger = structlog.get_logger()


def forget_old(services: Services) -> int:
    """Remove what is past its time. Returns how many conversations."""
    now, database, days = services.clock(), services.database, services.settings.retention
    total = _forget_conversations(database, days, now)
    with database.transaction() as session:
        before = now - timedelta(days=days.conversation_days)
        help_feedback.forget_comments(session, before.date())
        session.execute(delete(Block).where(Block.until_at < now))
        hard_chats.forget(session, now)
        check_ins.forget(session, now)
        practice.forget(session, now)
    limits.forget_old(database)
    copies = _forget_copies(database, days, now)
    database.wipe_traces()
    if total or copies:
        logger.info("retention.forgot", conversations=total, copies=copies)
    return total


def _forget_conversations(database: Database, retention: Retention, now: datetime) -> int:
    query = (
        select(Conversation.id)
        .where(_is_over(retention, now))
        .order_by(Conversation.last_message_at)
        .limit(BATCH)
    )
    total = 0
    while True:
        with database.transaction() as session:
            ids = session.scalars(query).all()
            session.execute(delete(Conversation).where(Conversation.id.in_(ids)))
            if ids:
                wake(session, "console", *ids)
        total += len(ids)
        if len(ids) < BATCH:
            return total


def _is_over(retention: Retention, now: datetime) -> ColumnElement[bool]:
    days, longest = retention.conversation_days, retention.left_message_days
    unanswered = select(Handoff.conversation_id).where(
        Handoff.state == HandoffState.MESSAGE_LEFT, Handoff.answered_at.is_(None)
    )
    at = Conversation.last_message_at
    return or_(
        and_(at < now - timedelta(days=days), Conversation.id.not_in(unanswered)),
        at < now - timedelta(days=max(days, longest)),
    )


def _forget_copies(database: Database, retention: Retention, now: datetime) -> int:
    """Remove the copies that upgrades and restores left beside the database; backups are not ours.

    Returns how many.
    """
    file = Path(make_url(database.url).database or "")
    if not database.is_sqlite:
        if database.copies is None:
            return 0
        file = database.copies / DUMP
    before, removed = (now - timedelta(days=retention.conversation_days)).timestamp(), 0
    for copy in sorted(file.parent.glob(f"{file.name}.before-*")):
        if copy.stat().st_mtime < before:
            copy.unlink()
            removed += 1
    return removed
