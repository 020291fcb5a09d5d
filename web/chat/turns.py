"""Unanswered messages get answered: leased, looked up, asked of Rasa, replied to.

Rule: one running turn per conversation, one request to Rasa per turn, no transaction meanwhile.
A turn writes its replies once: with them it is marked done, and only by the worker whose fence is
the turn's newest. What goes wrong on the way still ends in a reply with a person offered.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import structlog
from sqlalchemy import bindparam, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from search.answer import Found, Outcome
from search.several import ask_all
from web.chat import conversations, leases
from web.chat.free_workers import Given
from web.chat.leases import Work
from web.chat.overload import Effort, effort
from web.chat.rasa import Failure, Item, RasaUnavailable
from web.chat.replies import (
    Hand,
    Plan,
    Question,
    Reply,
    desk_chosen,
    fallback,
    from_items,
    too_busy,
    way_out,
    without_search,
)
from web.chat.stream import Subscription
from web.chat.tokens import ConversationNotFound
from web.db import DatabaseBusy, wake
from web.desk import handoffs
from web.errors import place_of
from web.models import (
    AnsweredBy,
    Author,
    Conversation,
    Shown,
    Turn,
    TurnState,
)
from web.services import Services

IDLE_LOOK_S = 5.0  # only a safety net: a turn to do rings the bell

Made = TypeVar("Made")

logger = structlog.get_logger()


class Bell(Subscription):
    """Lets one worker look into the queue for each commit that left a turn there."""

    def __init__(self, services: Services) -> None:
        super().__init__(services.hub, frozenset({"turns"}))
        self._workers = services.free_workers
        services.hub.add(self)

    def tell(self, topic: str) -> None:
        self._workers.ring()


class Workers:
    """A few threads that answer turns until told to stop."""

    def __init__(
        self, services: Services, context: Callable[[], AbstractContextManager[Any]], count: int = 6
    ) -> None:
        self.services = services
        self._context = context
        self._bell = Bell(services)
        self._threads = [
            threading.Thread(target=self._work, name=f"turns-{number}", daemon=True)
            for number in range(count)
        ]

    def start(self) -> None:
        with self.services.database.transaction() as session:
            leases.recover(session, self.services, at_start=True)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self.services.free_workers.close()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=5)
        self._bell.close()

    def _work(self) -> None:
        self.services.publisher.wait_until_searchable(30.0)
        given: Given | None = None
        while given is not None or not self.services.stopping.is_set():
            try:
                self._answer_what_there_is(given)
            except (SQLAlchemyError, DatabaseBusy) as error:
                logger.warning("turn.database", error=type(error).__name__)
                self.services.stopping.wait(0.5)
            except Exception as error:
                # A worker that died would be missed by every later patient.
                logger.error("worker.failed", error=type(error).__name__, at=place_of(error))
                self.services.stopping.wait(0.5)
            given = self.services.free_workers.wait(IDLE_LOOK_S)

    def _answer_what_there_is(self, given: Given | None) -> None:
        if given is not None:
            with self._context():
                answer(self.services, given.work, given.is_stored)
        while not self.services.stopping.is_set() and self.do_one():
            pass

    def do_one(self) -> bool:
        """Answer the oldest turn that may run. Returns False when there is none."""
        owner = self.services.free_workers.owner
        with self._context():
            with self.services.database.transaction(durable=False) as session:
                work = leases.take(session, self.services, owner)
            if work is None:
                return False
            answer(self.services, work)
            return True


# Answering ---------------------------------------------------------------------------------------


def answer(services: Services, work: Work, is_stored: Callable[[], bool] = lambda: True) -> None:
    """Look the question up, ask Rasa, write the replies.

    is_stored: waits until the message is on the disk; where it is not, nobody is told anything.
    """
    started, metrics = time.monotonic(), services.metrics
    structlog.contextvars.bind_contextvars(request=work.request_id)
    metrics.took("wait", work.waited_s)
    doing = effort(work.waited_s, work.fence)
    if doing is not Effort.ALL:
        services.overload.note()
        metrics.shed("rasa" if doing is Effort.ARTICLES else "search")
    with metrics.timed("search"):
        found = _guarded("search.failed", work, lambda: _search(services, work, doing))
    if not is_stored():
        logger.info("turn.not_stored", turn=work.turn_id, conversation=work.conversation_id)
        return
    plan = _guarded("turn.failed", work, lambda: _plan(services, work, found, doing))
    if plan is None:
        plan = without_search(services.settings, work.question.lang)
    with metrics.timed("store"):
        wrote = _finish_somehow(services, work, plan, found)
    metrics.took("turn", work.waited_s + time.monotonic() - started)
    if wrote:
        shown, by = plan.shown(work.is_waiting), plan.answered_by
        metrics.turn_done(shown.value, by.value if by else None, plan.failure)
    logger.info(
        "turn.done" if wrote else "turn.discarded",
        turn=work.turn_id,
        conversation=work.conversation_id,
        fence=work.fence,
        outcome=plan.outcome.value if plan.outcome else None,
        engine=str(found.engine) if found else None,
        answered_by=plan.answered_by.value if plan.answered_by else None,
        failure=plan.failure,
        replies=len(plan.steps),
        ms=round((time.monotonic() - started) * 1000, 1),
    )


def _guarded(event: str, work: Work, act: Callable[[], Made | None]) -> Made | None:
    """Return what act makes; None when it fails in a way nobody foresaw.

    The patient is answered and offered a person all the same. The text of an exception may hold
    what they wrote: only its type and place are kept.
    """
    try:
        return act()
    except Exception as error:
        kind = type(error).__name__
        logger.error(event, turn=work.turn_id, error=kind, at=place_of(error))
        return None


def _search(services: Services, work: Work, doing: Effort) -> Found | None:
    index, question = services.publisher.index, work.question
    if index is None or question.desk or question.way or doing is Effort.NOTHING:
        return None
    return ask_all(
        index,
        services.publisher.encoder,
        question.text,
        previous=question.previous,
        lang=question.lang,
    )


def _plan(services: Services, work: Work, found: Found | None, doing: Effort) -> Plan:
    if work.question.way is not None:
        return way_out(work.question.way, work.question)
    index, settings = services.publisher.index, services.settings
    if work.question.desk is not None:
        return desk_chosen(work.question.desk, work.question, settings)
    question = work.question.in_language_of(found, settings)
    if doing is Effort.NOTHING:
        return too_busy(question, settings)
    try:
        if doing is Effort.ARTICLES:
            raise RasaUnavailable(Failure.BUSY)
        items = _ask_rasa(services, work, question, found)
        return from_items(items, question, found, index, settings)
    except RasaUnavailable as error:
        return fallback(error.why, question, found, index, settings, work.misses, work.is_waiting)


def _ask_rasa(
    services: Services, work: Work, question: Question, found: Found | None
) -> tuple[Item, ...]:
    outcome = question.outcome(found)
    vector = None if found is None or found.vector is None else found.vector
    metadata = {
        "vector": None if vector is None else [round(float(number), 6) for number in vector],
        "kb": outcome.value,
        "misses": work.misses,
        "lang": question.lang,
        "open": work.is_open,
        "waiting": work.is_waiting,
    }
    text = None if question.picked else question.text
    with services.metrics.timed("rasa"):
        return services.rasa.ask(work.sender, text, metadata, request_id=work.request_id)


# Replying ----------------------------------------------------------------------------------------


def finish(services: Services, work: Work, plan: Plan, found: Found | None) -> bool:
    """Write the replies and mark the turn done, together. Returns False when it was not ours.

    On the disk before the panel shows them: a power cut must not let one number stand for two
    replies, nor ask for a person twice.
    """
    with services.database.transaction() as session:
        # The conversation first: whoever needs both rows locks them in this order.
        try:
            conversation, has_agent = conversations.with_agent(session, work.conversation_id)
        except ConversationNotFound:
            return False
        if not _close(session, services, work, plan, found):
            return False
        wake(session, work.conversation_id)
        if conversation.ended_at or has_agent:
            session.get_one(Turn, work.turn_id, populate_existing=True).state = TurnState.SILENCED
            return True
        for position, step in enumerate(plan.steps):
            _write(session, work, position, step)
        _count(conversation, plan, work.is_waiting)
        return True


def _finish_somehow(services: Services, work: Work, plan: Plan, found: Found | None) -> bool:
    """Finish; should a reply itself not be storable, with the one that always is."""
    try:
        return finish(services, work, plan, found)
    except (SQLAlchemyError, DatabaseBusy):
        raise  # the turn is taken up again when its lease has run out
    except Exception as error:
        kind = type(error).__name__
        logger.error("turn.reply_failed", turn=work.turn_id, error=kind, at=place_of(error))
        return finish(services, work, without_search(services.settings, work.question.lang), found)


def _close(
    session: Session, services: Services, work: Work, plan: Plan, found: Found | None
) -> bool:
    values = {
        "of": work.turn_id,
        "lease": work.fence,
        "outcome": plan.outcome.value if plan.outcome else None,
        "shown": plan.shown(work.is_waiting),
        "confidence": found.confidence if found else None,
        "engine": str(found.engine) if found else None,
        "answered_by": plan.answered_by,
        "done_at": services.clock(),
    }
    return bool(session.connection().execute(_CLOSE, values).rowcount)


# Made once: putting a statement together costs more than running it.
_TURN = Turn.metadata.tables["turn"]
_FIGURES = ("outcome", "shown", "confidence", "engine", "answered_by", "done_at")
_CLOSE = (
    update(_TURN)
    .where(
        _TURN.c.id == bindparam("of"),
        _TURN.c.fence == bindparam("lease"),
        _TURN.c.state == TurnState.RUNNING,
    )
    .values(
        state=TurnState.DONE,
        lease_owner=None,
        lease_until=None,
        **{name: bindparam(name) for name in _FIGURES},
    )
)


def _write(session: Session, work: Work, position: int, step: Reply | Hand) -> None:
    if isinstance(step, Hand):
        handoffs.request(session, work.conversation_id, step.reason, topic=step.topic)
        return
    conversations.append(
        session,
        work.conversation_id,
        author=Author.BOT,
        kind=step.kind,
        text=step.text,
        payload=dict(step.payload),
        turn_id=work.turn_id,
        reply_position=position,
    )


def _count(conversation: Conversation, plan: Plan, is_waiting: bool) -> None:
    """A failed turn may still hold Rasa's lock on the tracker, so the next one gets a new one.

    A hello finds nothing either, and is no miss: what was shown decides.
    """
    if plan.answered_by is None:
        return
    if plan.answered_by is AnsweredBy.FALLBACK:
        conversations.begin_segment(conversation)
    else:
        conversation.segment_turns += 1
    if any(isinstance(step, Hand) for step in plan.steps):
        conversation.misses = 0
    elif plan.shown(is_waiting) is Shown.NONE:
        conversation.misses += 1
    elif plan.outcome not in (None, Outcome.NONE):
        conversation.misses = 0
