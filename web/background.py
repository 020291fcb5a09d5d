"""What runs beside the requests: turn workers, the publisher, and a sweep each few seconds.

Rule: started by the server's worker process, never at import; each part survives a database that is
busy or full and goes on when it is back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from safety import danger
from safety.identifiers import mask
from web.articles import hosts
from web.articles.sweeping import Sweeper
from web.chat import conversations, leases, screening, turns
from web.chat.messages import LEFT_AFTER
from web.db import DatabaseBusy, alone
from web.desk import handoff_offers, handoffs, practice, snooze
from web.errors import place_of
from web.models import Author, Conversation, Handoff, HandoffState, Kind, Staff, Turn
from web.privacy import retention
from web.services import Services, of

SWEEP_S = 5.0
PREPARE_AFTER_S = 3.0  # a second of work, which the first answer should not wait for
RETENTION_EVERY_S = 600.0
# Between hosts, at most; no sign of life and no lease lies further ahead.
CLOCKS_DIFFER = timedelta(seconds=30)

logger = structlog.get_logger()


class Background:
    """on_warm: called once, when what is read at first use is loaded, or could not be."""

    def __init__(self, app: Flask, on_warm: Callable[[], None] = lambda: None) -> None:
        self.app = app
        self._on_warm = on_warm
        self.services = of(app)
        self.workers = turns.Workers(self.services, app.app_context)
        self._sweeper = threading.Thread(target=self._sweep_on, name="sweeper", daemon=True)
        self._warmer = threading.Thread(target=self._warm, name="warmer", daemon=True)
        self._since_retention_s = RETENTION_EVERY_S
        self._articles = Sweeper(self.services)

    def start(self) -> None:
        self._warmer.start()
        if self.services.bus is not None:
            self.services.bus.start()
            hosts.Follower(self.services, self.app.app_context).start()
        self.services.publisher.start()
        self.workers.start()
        self._sweeper.start()

    def stop(self) -> None:
        """Let what is running end; what is not done is taken up at the next start."""
        self.services.stopping.set()
        self.services.hub.close()
        self.workers.stop()
        self.services.publisher.stop()
        if self.services.bus is not None:
            self.services.bus.stop()

    def _sweep_on(self) -> None:
        while not self.services.stopping.wait(SWEEP_S):
            with self.app.app_context():
                for part in (self.sweep, self._articles.sweep, self._practise, self._forget):
                    _survived(part)

    def _warm(self) -> None:
        try:
            self._load()
        finally:
            self._on_warm()
        if not self.services.stopping.wait(PREPARE_AFTER_S):
            self._prepare_phrases()

    def _load(self) -> None:
        """Load what is read at first use: the first patient should not wait a second for it."""
        settings = self.services.settings
        for lang in settings.clinic.languages:
            screening.screened(settings, "warm up", lang)
            settings.facts(lang)
        mask("warm up", settings.own_numbers)
        self.services.rasa.is_ready()
        with self.app.app_context():
            self.app.jinja_env.get_template("messages/_message.html")

    def _prepare_phrases(self) -> None:
        """Else each is compiled when a message first has its rare word, and that waits for it."""
        try:
            danger.prepare()
        except Exception as error:  # damaged: the screen goes on with what it has
            logger.error("danger.phrases", error=type(error).__name__)

    def sweep(self) -> None:
        services = self.services
        services.typing.sweep()
        with services.database.transaction(durable=False) as session:
            _write_down_seen(session, services)
        with services.database.transaction(durable=False) as session:
            if not alone(session, "sweep", wait=False):
                return  # another host is at it
            _after_a_step_back(session, services.clock())
            leases.recover(session, services)
            handoffs.requeue_absent(session)
            handoff_offers.offer_due(session, services.clock())
            handoffs.raise_alarms(session)
            handoffs.wake_due_calls(session, services.clock())
            snooze.wake_due(session, services.clock())
            _give_up_left(session, services)

    def _practise(self) -> None:
        practice.play(self.services)

    def _forget(self) -> None:
        self._since_retention_s += SWEEP_S
        if self._since_retention_s >= RETENTION_EVERY_S:
            self._since_retention_s = 0.0
            retention.forget_old(self.services)
        elif self.services.database.has_traces:
            self.services.database.wipe_traces()


def _survived(part: Callable[[], None]) -> None:
    """Do one part of the sweep; what goes wrong in it stops neither the others nor the next time.

    Without a sweep no turn that was left is taken up, and nothing is forgotten.
    """
    try:
        part()
    except (SQLAlchemyError, DatabaseBusy) as error:
        logger.warning("sweep.database", error=type(error).__name__)
    except Exception as error:
        logger.error("sweep.failed", error=type(error).__name__, at=place_of(error))


def _write_down_seen(session: Session, services: Services) -> None:
    for conversation_id, at in services.seen.take().items():
        session.execute(
            update(Conversation).where(Conversation.id == conversation_id).values(last_seen_at=at)
        )


def _after_a_step_back(session: Session, at: datetime) -> None:
    """Where the clock was set back, what was noted before must not wait for it to catch up.

    Else an agent who left counts as there for hours, and a dead worker's turn as running.
    """
    ahead = at + CLOCKS_DIFFER
    for column in (Staff.last_seen_at, Turn.lease_until, Handoff.offered_at):
        session.execute(
            update(column.class_)
            .where(column > ahead)
            .values({column: at})
            .execution_options(synchronize_session=False)
        )


def _give_up_left(session: Session, services: Services) -> None:
    """Who left without a word does not hold a place in the queue; what they wrote stays."""
    query = (
        select(Conversation.id)
        .join(Handoff, Handoff.conversation_id == Conversation.id)
        .where(
            Handoff.state.in_((HandoffState.REQUESTED, HandoffState.OFFERED)),
            ~Handoff.practice,
            Conversation.last_seen_at < services.clock() - LEFT_AFTER,
            Conversation.last_message_at < services.clock() - LEFT_AFTER,
        )
        .order_by(Conversation.id)
    )
    for conversation_id in session.scalars(query).all():
        handoffs.abandon(session, conversation_id)
        conversations.append(
            session,
            conversation_id,
            author=Author.SYSTEM,
            kind=Kind.HANDOFF,
            payload={"line": "patient_gone"},
        )
