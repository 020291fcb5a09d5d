"""What the desk promises, tried at the size of a clinic's worst day."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trying
from hypothesis import strategies as st
from sqlalchemy import select

from benchmarks import waits
from tests.web.staff_desk import Desk
from web.background import SWEEP_S
from web.chat import leases, receiving, screening, turns
from web.chat.acts import Typed
from web.chat.replies import without_search
from web.desk import handoffs
from web.models import Author, Conversation, Handoff, HandoffState, Kind, Role, RoleName, Staff

AGENTS_RACING = 4
RACES = 1000
VANISHING = 200


def add_agents(desk: Desk, count: int) -> list[int]:
    """Without a password each, which would take long to hash."""
    desk.agent("Zero")  # makes the role
    with desk.open() as session:
        role = session.scalars(select(Role).where(Role.name == RoleName.AGENT.value)).one()
        people = [
            Staff(
                email=f"agent{n}@harborstreet.example",
                name=f"Agent {n}",
                fs_uniquifier=f"agent {n}",
                created_at=desk.clock(),
                last_seen_at=desk.clock(),
                roles=[role],
            )
            for n in range(count)
        ]
        session.add_all(people)
        session.flush()
        return [each.id for each in people]


def add_handoffs(desk: Desk, count: int, holders: list[int] | None = None) -> list[int]:
    at = desk.clock()
    with desk.open() as session:
        for n in range(count):
            conversation = Conversation(
                id=f"conversation-{n}",
                token_hash=f"{n:064}",
                site="demo",
                lang="en",
                address_hash="a" * 64,
                created_at=at,
                last_message_at=at,
                last_seen_at=at,
            )
            session.add(conversation)
        session.flush()
        made = [
            Handoff(
                conversation_id=f"conversation-{n}",
                state=HandoffState.CLAIMED if holders else HandoffState.REQUESTED,
                reason="asked",
                requested_at=at,
                claimed_at=at if holders else None,
                staff_id=holders[n] if holders else None,
            )
            for n in range(count)
        ]
        session.add_all(made)
        session.flush()
        return [each.id for each in made]


@pytest.mark.faults
def test_of_a_thousand_races_each_has_one_winner_and_the_others_are_told_who(desk: Desk) -> None:
    agents, wanted = add_agents(desk, AGENTS_RACING), add_handoffs(desk, RACES)
    names = {staff_id: f"Agent {n}" for n, staff_id in enumerate(agents)}
    gate = threading.Barrier(AGENTS_RACING)
    outcomes: dict[int, list[str]] = {handoff_id: [] for handoff_id in wanted}
    faults: list[Exception] = []

    def race(staff_id: int) -> None:
        for handoff_id in wanted:
            gate.wait()
            try:
                with desk.open() as session:
                    handoffs.claim(session, handoff_id, staff_id)
                outcomes[handoff_id].append("won")
            except handoffs.HandoffAlreadyClaimed as error:
                outcomes[handoff_id].append(error.name)
            except Exception as error:
                faults.append(error)

    racers = [threading.Thread(target=race, args=(staff_id,)) for staff_id in agents]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert faults == []
    with desk.reading() as session:
        owners = dict(session.execute(select(Handoff.id, Handoff.staff_id)).all())
    for handoff_id, said in outcomes.items():
        told = Counter(said)
        assert told.pop("won") == 1
        assert told == {names[owners[handoff_id]]: AGENTS_RACING - 1}
    assert len({owners[handoff_id] for handoff_id in wanted}) > 1, "nobody raced"


def test_two_hundred_agents_who_vanish_leave_nobody_waiting_longer_than_a_minute(
    desk: Desk,
) -> None:
    agents = add_agents(desk, VANISHING)
    wanted = add_handoffs(desk, VANISHING, agents)
    gone_at = desk.clock()
    while desk.clock() - gone_at < timedelta(seconds=60):
        desk.clock.passes(seconds=SWEEP_S)
        desk.sweep()
    for handoff_id in wanted:
        handoff = desk.handoff(handoff_id)
        assert handoff.state is HandoffState.REQUESTED
        assert "agent_gone" in desk.lines(handoff.conversation_id)


def test_the_wait_shown_is_the_wait_there_is(tmp_path: Path) -> None:
    """`./clinic bench waits` tries several whole days; here is a short one."""
    day = waits.simulate(tmp_path, chats=80, seed=1)
    assert day.shown >= 30
    assert len(day.waited) >= 15, "too quiet a day tells nothing"
    assert day.share >= 0.8, day


# The bot and the person --------------------------------------------------------------------------

STEPS = ("write", "ask", "lease", "finish", "claim", "speak", "return", "resolve", "vanish", "end")
GIVEN_BACK = ("agent_gone", "agent_resolved", "agent_returned")


class Talk:
    """One conversation on which anything may happen in any order."""

    def __init__(self, desk: Desk, staff_id: int) -> None:
        self.desk, self.staff_id = desk, staff_id
        self.id = desk.patient("hello")
        self.running: list[leases.Work] = []
        self.written = 0

    def write(self) -> None:
        self.written += 1
        seen = screening.screened(self.desk.settings, "where do I park", "en")
        with self.desk.app.app_context():
            receiving.receive(
                self.desk.services,
                self.id,
                f"client-{self.written}",
                Typed("where do I park"),
                seen,
            )

    def ask(self) -> None:
        self.desk.ask(self.id)

    def lease(self) -> None:
        with self.desk.open() as session:
            work = leases.take(session, self.desk.services, "tester")
        if work is not None:
            self.running.append(work)

    def finish(self) -> None:
        if self.running:
            plan = without_search(self.desk.settings, "en")
            with self.desk.app.app_context():
                turns.finish(self.desk.services, self.running.pop(), plan, None)

    def claim(self) -> None:
        self._agent(lambda session, handoff: handoffs.claim(session, handoff.id, self.staff_id))

    def speak(self) -> None:
        self._agent(
            lambda session, handoff: handoffs.write(
                session, handoff.id, self.staff_id, client_id=str(time.monotonic_ns()), text="hi"
            )
        )

    def give_back(self) -> None:
        self._agent(
            lambda session, handoff: handoffs.return_to_bot(session, handoff.id, self.staff_id)
        )

    def resolve(self) -> None:
        self._agent(lambda session, handoff: handoffs.resolve(session, handoff.id, self.staff_id))

    def vanish(self) -> None:
        with self.desk.open() as session:
            handoffs.requeue_absent(session, self.desk.clock() + timedelta(minutes=5))

    def end(self) -> None:
        """The patient gives up the place in the queue."""
        with self.desk.open() as session:
            handoff = handoffs.open_handoff(session, self.id)
            if handoff is not None and handoff.state in handoffs.WAITING:
                handoffs.abandon(session, self.id)

    def _agent(self, act: object) -> None:
        with self.desk.open() as session:
            handoff = handoffs.open_handoff(session, self.id)
            if handoff is None:
                return
            try:
                act(session, handoff)  # type: ignore[operator]
            except (handoffs.HandoffNotYours, handoffs.HandoffClosed):
                session.rollback()


@pytest.fixture(scope="module")
def long_lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = Desk(tmp_path_factory.mktemp("talks"))
    yield desk
    desk.close()


@trying(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(st.sampled_from(STEPS), min_size=3, max_size=16))
def test_the_bot_is_silent_with_a_person_and_answers_after(
    long_lived: Desk, steps: list[str]
) -> None:
    with long_lived.reading() as session:
        known = session.scalar(select(Staff.id).order_by(Staff.id))
    staff_id = known or long_lived.agent("Ana").id
    with long_lived.open() as session:
        handoffs.presence.seen(session, staff_id, long_lived.clock())
    talk = Talk(long_lived, staff_id)
    for step in steps:
        getattr(talk, "give_back" if step == "return" else step)()
    assert_silence(long_lived, talk.id)
    talk.give_back()
    while talk.running:
        talk.finish()
    talk.write()
    asked = long_lived.log(talk.id)[-1].n
    while True:
        talk.lease()
        if not talk.running:
            break
        talk.finish()
    after = [row for row in long_lived.log(talk.id) if row.n > asked]
    assert any(row.author is Author.BOT for row in after), "given back, and no answer came"
    assert_silence(long_lived, talk.id)


def assert_silence(desk: Desk, conversation_id: str) -> None:
    has_person = False
    for row in desk.log(conversation_id):
        line = row.payload.get("line")
        has_person = line == "agent_joined" or (has_person and line not in GIVEN_BACK)
        if row.author is Author.BOT and row.kind is not Kind.DANGER:
            assert not has_person, f"the bot spoke in row {row.n}"
