"""What two do at the same moment. On PostgreSQL each locks rows, and nobody the whole database."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from tests import postgresql
from tests.web.staff_desk import MONDAY_NIGHT, Desk
from web.chat import conversations
from web.chat.contact import ContactInvalid
from web.desk import callbacks, handoffs
from web.models import Author, Conversation, HandoffState, Kind, Staff
from web.privacy import audit

pytestmark = pytest.mark.skipif(not postgresql.SERVER, reason="SQLite lets one write at a time")

CONTACT = {"name": "Pat", "phone": "503-555-0148", "message": "Please call"}


class Other:
    """Somebody else, who acts while this test has a transaction open."""

    def __init__(self, desk: Desk, pool: ThreadPoolExecutor) -> None:
        self.desk, self.pool = desk, pool

    def does(self, act: Any, *arguments: Any, **named: Any) -> Future[Any]:
        def do() -> Any:
            with self.desk.open() as session:
                return act(session, *arguments, **named)

        return self.pool.submit(do)

    def waits(self, act: Future[Any]) -> bool:
        """Return, when it is done or stands before a lock, whether it is that."""
        engine = create_engine(self.desk.settings.database)
        query = text(
            "select 1 from pg_locks join pg_stat_activity using (pid)"
            " where not granted and datname = current_database()"
        )
        with engine.connect() as connection:
            while not (act.done() or connection.scalar(query)):
                time.sleep(0.02)
        engine.dispose()
        return not act.done()


@pytest.fixture
def other(desk: Desk) -> Iterator[Other]:
    with ThreadPoolExecutor(1) as pool:
        yield Other(desk, pool)


def test_a_danger_and_a_claim_do_not_wait_for_each_other(
    desk: Desk, ana: Staff, other: Other
) -> None:
    handoff_id = desk.waiting()
    pat = desk.conversation_of(handoff_id)
    with desk.open() as session:
        conversations.locked(session, pat)  # as for any message of the patient's
        claim = other.does(handoffs.claim, handoff_id, ana.id)
        assert other.waits(claim)
        handoffs.request(session, pat, "danger", urgent=True)
    assert claim.result().state is HandoffState.CLAIMED
    assert desk.handoff(handoff_id).urgent


def test_who_notes_an_act_holds_nobody_up(desk: Desk, ana: Staff, other: Other) -> None:
    """A page of a conversation notes that it was opened, and then marks it as seen."""
    handoff_id = desk.waiting()
    pat = desk.conversation_of(handoff_id)
    with desk.open() as session:
        handoff = handoffs.get(session, handoff_id)
        subject = f"conversation:{pat}"
        audit.record(session, audit.Act.TRANSCRIPT_OPENED, subject, staff_id=ana.id)
        claim = other.does(handoffs.claim, handoff_id, ana.id)
        assert not other.waits(claim)
        handoffs.opened(session, handoff, ana.id)
    assert claim.result().staff_id == ana.id
    with desk.reading() as session:
        acts = [entry.act for entry in audit.entries(session, subject)]
        assert audit.check(session).broken_at is None
    assert acts == ["claimed", "transcript_opened"], "in the order in which they came about"


def test_a_row_is_added_after_what_others_said_meanwhile(desk: Desk, other: Other) -> None:
    pat = desk.patient("one")
    with desk.open() as session:
        conversation = session.get_one(Conversation, pat)
        other.does(say, pat, "two").result()
        say(session, pat, "three")
        assert conversation.last_n == 3
    assert [(row.n, row.text) for row in desk.log(pat)] == [(1, "one"), (2, "two"), (3, "three")]


def say(session: Session, pat: str, words: str) -> None:
    conversations.append(session, pat, author=Author.PATIENT, kind=Kind.TEXT, text=words)


def test_what_was_changed_is_not_read_over_when_the_row_is_locked(desk: Desk) -> None:
    pat = desk.patient("one")
    with desk.open() as session:
        conversation = session.get_one(Conversation, pat)
        conversation.misses = 2
        say(session, pat, "two")
    with desk.reading() as session:
        assert session.get_one(Conversation, pat).misses == 2


def test_an_agent_writes_nothing_into_a_chat_that_was_just_closed(
    desk: Desk, ana: Staff, other: Other
) -> None:
    handoff_id = desk.waiting()
    with desk.open() as session:
        handoffs.claim(session, handoff_id, ana.id)
    with desk.open() as session:
        handoffs.resolve(session, handoff_id, ana.id)
        late = other.does(handoffs.write, handoff_id, ana.id, client_id="a", text="And also")
        assert other.waits(late)
    with pytest.raises(handoffs.HandoffClosed):
        late.result()
    assert desk.lines(desk.conversation_of(handoff_id))[-1] == "agent_resolved"


def test_nobody_is_told_that_nobody_is_here_when_somebody_just_came(
    desk: Desk, ana: Staff, other: Other
) -> None:
    handoff_id = desk.waiting()
    desk.clock.passes(hours=1)
    with desk.open() as session:
        handoffs.claim(session, handoff_id, ana.id)
        sweep = other.does(handoffs.requeue_absent, desk.clock())
        assert other.waits(sweep)
    sweep.result()
    assert desk.lines(desk.conversation_of(handoff_id))[-1] == "agent_joined"


def test_the_last_call_that_can_be_kept_is_promised_once(desk: Desk, other: Other) -> None:
    desk.clock.now = MONDAY_NIGHT
    window = callbacks.offered(desk.settings, desk.clock())[0].begins.isoformat()
    pats = [desk.patient() for _ in range(desk.settings.callbacks.per_window + 1)]
    for pat in pats[2:]:
        with desk.open() as session:
            handoffs.leave_message(session, pat, {**CONTACT, "window": window})
    with desk.open() as session:
        handoffs.leave_message(session, pats[0], {**CONTACT, "window": window})
        late = other.does(handoffs.leave_message, pats[1], {**CONTACT, "window": window})
        assert other.waits(late)
    with pytest.raises(ContactInvalid) as refused:
        late.result()
    assert refused.value.fields == {"window": "window_taken"}
