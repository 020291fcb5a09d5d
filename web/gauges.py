"""What `/metrics` reads at the moment it is asked: queues, people, streams, articles.

Rule: one short read of the database; where that fails the other figures are there all the same.
"""

from __future__ import annotations

import time
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from web.articles import article_files
from web.metrics import one, open_files, resident_bytes
from web.models import OPEN_HANDOFF_STATES, Handoff, Turn, TurnState
from web.services import Services

Figures = dict[str, tuple[str, dict[str, float]]]


def gauges(services: Services) -> Figures:
    readiness = services.publisher.readiness
    here: Figures = {
        "front_desk_streams_open": ("Open chat panels on this host", one(services.streams.open)),
        "front_desk_polls_open": ("Waiting long polls on this host", one(services.polls.open)),
        "front_desk_memory_bytes": ("Resident memory of the web process", one(resident_bytes())),
        "front_desk_open_files": ("Open files and connections", one(open_files())),
        "front_desk_index_ready": ("1 where questions are answered", _flag(readiness.index)),
        "front_desk_index_age_seconds": ("Since the index was stored", one(_index_age_s(services))),
        "front_desk_articles_overdue": ("Past their review date", one(_overdue(services))),
    }
    try:
        with services.database.reading() as session:
            return {**here, **_queues(session, services.clock())}
    except SQLAlchemyError:
        return {**here, "front_desk_database_up": ("1 where it answers", one(0))}


def _flag(state: str) -> dict[str, float]:
    return one(state in ("ok", "words"))


def _queues(session: Session, now: datetime) -> Figures:
    states = (TurnState.WAITING, TurnState.RUNNING)
    turns = dict.fromkeys((state.value for state in states), 0.0)
    query = select(Turn.state, func.count()).where(Turn.state.in_(states)).group_by(Turn.state)
    turns |= {state.value: float(count) for state, count in session.execute(query)}
    oldest = session.scalar(select(func.min(Turn.created_at)).where(Turn.state.in_(states)))
    people = dict.fromkeys((state.value for state in OPEN_HANDOFF_STATES), 0.0)
    waiting = select(Handoff.state, func.count()).where(
        Handoff.state.in_(OPEN_HANDOFF_STATES), ~Handoff.practice
    )
    rows = session.execute(waiting.group_by(Handoff.state))
    people |= {state.value: float(count) for state, count in rows}
    longest = session.scalar(
        select(func.min(Handoff.requested_at)).where(
            Handoff.state.in_(OPEN_HANDOFF_STATES),
            Handoff.claimed_at.is_(None),
            ~Handoff.practice,
        )
    )
    return {
        "front_desk_database_up": ("1 where it answers", one(1)),
        "front_desk_turns_open": ("Messages not answered yet", turns),
        "front_desk_oldest_turn_seconds": ("Of those, the oldest", one(_age_s(oldest, now))),
        "front_desk_handoffs_open": ("People waiting, offered or with an agent", people),
        "front_desk_longest_wait_seconds": ("Waiting for a person", one(_age_s(longest, now))),
    }


def _age_s(at: datetime | None, now: datetime) -> float:
    return max(0.0, (now - at).total_seconds()) if at is not None else 0.0


def _index_age_s(services: Services) -> float:
    try:
        return max(0.0, time.time() - (services.settings.index_dir / "current").stat().st_mtime)
    except OSError:
        return -1.0


def _overdue(services: Services) -> int:
    today = services.clock().astimezone(services.settings.calendar.zone).date()
    try:
        found = article_files.entries(services.settings.articles_dir)
    except OSError:
        return -1
    dates = (entry.article.review_by for entry in found if entry.article is not None)
    return sum(1 for date in dates if date and str(date) < today.isoformat())
