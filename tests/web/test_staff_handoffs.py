"""Handoffs: into the queue or to the contact form, claimed once, given up, taken back."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.web.staff_desk import MONDAY_MORNING, MONDAY_NIGHT, Desk
from web.chat import conversations, receiving, screening
from web.chat.acts import Typed
from web.chat.contact import ContactInvalid
from web.chat.turns import Workers
from web.desk import handoff_watch, handoffs, presence
from web.desk.handoffs import HandoffAlreadyClaimed, HandoffClosed, HandoffNotFound, HandoffNotYours
from web.models import (
    Author,
    Conversation,
    HandoffState,
    Kind,
    Role,
    RoleName,
    Staff,
    Turn,
)
from web.privacy import audit

CONTACT = {"name": "Pat", "phone": "503 555 0123", "message": "Please call me about my bill."}


# Asking ------------------------------------------------------------------------------------------


def test_it_works(desk: Desk) -> None:
    """Asked for, claimed, answered, resolved, and the patient may rate it."""
    ana = desk.agent()
    pat = desk.patient()
    assert desk.status(pat).status == "bot"
    assert desk.ask(pat).position == 1
    with desk.open() as session:
        handoff = handoffs.claim(session, handoffs.queue(session)[0].id, ana.id)
    assert desk.status(pat).status == "agent"
    assert desk.status(pat).agent == "Ana"
    with desk.open() as session:
        row = handoffs.write(session, handoff.id, ana.id, client_id="k" * 16, text="Yes, there is.")
    assert (row.author, row.payload["speaker"]) == (Author.AGENT, "Ana")
    with desk.open() as session:
        handoffs.resolve(session, handoff.id, ana.id)
    after = desk.status(pat)
    assert (after.status, after.survey) == ("bot", "person")
    assert desk.lines(pat) == ["queued", "agent_joined", "agent_resolved"]


def test_everybody_is_told_their_place(desk: Desk) -> None:
    desk.agent()
    first, second, third = desk.patient(), desk.patient(), desk.patient()
    places = []
    for patient in (first, second, third):
        places.append(desk.ask(patient).position)
        desk.clock.passes(seconds=5)
    assert places == [1, 2, 3]
    assert desk.log(third)[-1].payload == {"line": "queued", "position": 3}
    with desk.open() as session:
        handoffs.abandon(session, first)
    assert [desk.status(each).position for each in (second, third)] == [1, 2]


def test_the_urgent_come_first_and_then_the_oldest(desk: Desk) -> None:
    desk.agent()
    old, newer, urgent = desk.patient(), desk.patient(), desk.patient()
    for patient, how in ((old, {}), (newer, {}), (urgent, {"urgent": True})):
        desk.ask(patient, **how)
        desk.clock.passes(seconds=5)
    with desk.open() as session:
        order = [handoff.conversation_id for handoff in handoffs.queue(session)]
    assert order == [urgent, old, newer]


def test_asking_again_keeps_the_place(desk: Desk) -> None:
    desk.agent()
    pat, other = desk.patient(), desk.patient()
    desk.ask(pat)
    desk.clock.passes(seconds=5)
    desk.ask(other)
    assert desk.ask(pat).position == 1
    with desk.open() as session:
        assert len(handoffs.queue(session)) == 2


def test_a_danger_makes_a_waiting_conversation_urgent(desk: Desk) -> None:
    desk.agent()
    first, second = desk.patient(), desk.patient()
    desk.ask(first)
    desk.clock.passes(seconds=5)
    desk.ask(second)
    assert desk.ask(second, "danger", urgent=True).position == 1
    assert desk.lines(second) == ["queued"]  # the card has spoken; nothing is added to it


@pytest.mark.parametrize("why", ["hours", "nobody", "away", "not an agent", "closed account"])
def test_nobody_there_means_a_form_and_no_promise(desk: Desk, why: str) -> None:
    ana = desk.agent() if why != "nobody" else desk.add("Ana", RoleName.AGENT)
    with desk.open() as session:
        if why == "hours":
            desk.clock.now = MONDAY_NIGHT
            presence.seen(session, ana.id, MONDAY_NIGHT)
        if why == "away":
            presence.set_away(session, ana.id, True)
        if why == "closed account":
            session.merge(ana).active = False
        if why == "not an agent":
            session.merge(ana).roles.clear()
    pat = desk.patient()
    assert desk.ask(pat).status == "bot"
    assert desk.lines(pat) == ["nobody_here"]
    form = desk.log(pat)[-1]
    assert (form.kind, form.payload["form"]) == (Kind.FORM, "contact")
    with desk.open() as session:
        assert handoffs.queue(session) == []


def test_the_line_says_when_people_are_back(desk: Desk) -> None:
    desk.clock.now = MONDAY_NIGHT
    pat = desk.patient()
    desk.ask(pat)
    [line] = [row for row in desk.log(pat) if "line" in row.payload]
    assert line.payload["opens_at"] == "2026-11-24T08:30:00-08:00"


def test_a_form_in_front_of_the_patient_is_not_shown_twice(desk: Desk) -> None:
    pat = desk.patient()
    desk.ask(pat)
    before = len(desk.log(pat))
    desk.ask(pat)
    assert len(desk.log(pat)) == before
    desk.say(pat, "Hello?")
    desk.ask(pat)
    assert desk.log(pat)[-1].kind is Kind.FORM


def test_who_wants_to_be_called_gets_the_form_though_people_are_there(desk: Desk) -> None:
    desk.agent()
    pat = desk.patient()
    assert desk.ask(pat, "callback").status == "bot"
    assert desk.lines(pat) == ["leave_number"]
    assert desk.log(pat)[-1].payload["reason"] == "callback"


def test_a_danger_with_nobody_there_says_so_and_asks_for_no_form(desk: Desk) -> None:
    pat = desk.patient()
    desk.ask(pat, "danger", urgent=True)
    assert desk.lines(pat) == ["nobody_at_desk"]
    assert all(row.kind is not Kind.FORM for row in desk.log(pat))


# Leaving a message -------------------------------------------------------------------------------


def test_a_left_message_waits_in_the_console_until_it_is_answered(desk: Desk) -> None:
    pat = desk.patient()
    desk.ask(pat)
    with desk.open() as session:
        handoff = handoffs.leave_message(session, pat, CONTACT)
    assert (handoff.state, handoff.contact) == (HandoffState.MESSAGE_LEFT, CONTACT)
    assert desk.status(pat).status == "message_left"
    ana = desk.agent()
    with desk.open() as session:
        handoffs.mark_done(session, handoff.id, ana.id)
    assert desk.status(pat).status == "bot"
    with pytest.raises(HandoffClosed), desk.open() as session:
        handoffs.mark_done(session, handoff.id, ana.id)


def test_the_reason_of_the_form_is_kept(desk: Desk) -> None:
    pat = desk.patient()
    desk.ask(pat, "callback")
    with desk.open() as session:
        assert handoffs.leave_message(session, pat, CONTACT).reason == "callback"


def test_a_message_left_while_waiting_gives_up_the_place(desk: Desk) -> None:
    desk.agent()
    pat = desk.patient()
    desk.ask(pat)
    with desk.open() as session:
        handoffs.leave_message(session, pat, CONTACT)
        assert handoffs.queue(session) == []
    assert desk.status(pat).status == "message_left"


def test_a_message_left_while_an_agent_has_the_chat_is_shown_to_the_agent(desk: Desk) -> None:
    ana = desk.agent()
    waiting = desk.waiting()
    with desk.open() as session:
        handoffs.claim(session, waiting, ana.id)
        handoffs.leave_message(session, desk.conversation_of(waiting), CONTACT)
    assert desk.handoff(waiting).state is HandoffState.CLAIMED
    assert desk.handoff(waiting).contact == CONTACT


@pytest.mark.parametrize("is_staffed", [True, False])
def test_danger_in_a_form_gets_its_card_and_is_urgent(desk: Desk, is_staffed: bool) -> None:
    pat = desk.patient()
    desk.ask(pat)
    if is_staffed:
        desk.agent()
    with desk.open() as session:
        cry = {**CONTACT, "message": "I want to kill myself tonight"}
        left = handoffs.leave_message(session, pat, cry)
    assert left.urgent
    [card] = [row for row in desk.log(pat) if row.kind is Kind.DANGER]
    assert card.payload["card"] == "988"
    assert desk.lines(pat)[-1] == ("queued" if is_staffed else "nobody_at_desk")
    assert desk.status(pat).status == ("waiting" if is_staffed else "message_left")


def test_a_wrong_form_changes_nothing(desk: Desk) -> None:
    pat = desk.patient()
    desk.ask(pat)
    before = len(desk.log(pat))
    with pytest.raises(ContactInvalid) as refusal, desk.open() as session:
        handoffs.leave_message(session, pat, {"name": "Pat", "message": "Call me"})
    assert refusal.value.fields == {"phone": "reach_missing"}
    assert len(desk.log(pat)) == before


# Claiming ----------------------------------------------------------------------------------------


@dataclass
class Race:
    """What became of agents who claim at the same moment."""

    won: list[int] = field(default_factory=list)
    told: list[HandoffAlreadyClaimed] = field(default_factory=list)
    other: list[BaseException] = field(default_factory=list)

    def claim(self, desk: Desk, handoff_id: int, staff_id: int, start: threading.Barrier) -> None:
        start.wait()
        try:
            with desk.open() as session:
                handoffs.claim(session, handoff_id, staff_id)
        except HandoffAlreadyClaimed as refusal:
            self.told.append(refusal)
        except BaseException as error:
            self.other.append(error)
        else:
            self.won.append(staff_id)

    def run(self, desk: Desk, handoff_id: int, agents: list[Staff]) -> None:
        start = threading.Barrier(len(agents))
        threads = [
            threading.Thread(target=self.claim, args=(desk, handoff_id, agent.id, start))
            for agent in agents
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)


def test_of_many_who_claim_one_wins_and_the_others_are_told_who(desk: Desk) -> None:
    agents = [desk.agent(name) for name in "Ana Bea Cai Dov Eva Fay Gus Hal Ida Jon".split()]
    for _ in range(8):
        waiting, race = desk.waiting(), Race()
        race.run(desk, waiting, agents)
        assert race.other == []
        assert len(race.won) == 1
        assert race.won == [desk.handoff(waiting).staff_id]
        [winner] = [agent.name for agent in agents if agent.id in race.won]
        assert [refusal.name for refusal in race.told] == [winner] * (len(agents) - 1)
        assert {refusal.at for refusal in race.told} == {desk.clock.now}
        assert desk.lines(desk.conversation_of(waiting)).count("agent_joined") == 1


def test_claiming_ones_own_again_changes_nothing(desk: Desk) -> None:
    ana = desk.agent()
    waiting = desk.waiting()
    for _ in range(2):
        with desk.open() as session:
            handoffs.claim(session, waiting, ana.id)
    assert desk.lines(desk.conversation_of(waiting)) == ["queued", "agent_joined"]


def test_what_is_over_cannot_be_claimed(desk: Desk) -> None:
    ana = desk.agent()
    waiting = desk.waiting()
    over = desk.conversation_of(waiting)
    with desk.open() as session:
        handoffs.abandon(session, over)
    with pytest.raises(HandoffClosed) as refusal, desk.open() as session:
        handoffs.claim(session, waiting, ana.id)
    assert refusal.value.state is HandoffState.ABANDONED
    with pytest.raises(HandoffNotFound), desk.open() as session:
        handoffs.claim(session, 999_999, ana.id)


@pytest.mark.parametrize("act", ["resolve", "return_to_bot", "write"])
def test_only_the_agent_who_has_it_may_act(desk: Desk, act: str) -> None:
    ana, bea = desk.agent("Ana"), desk.agent("Bea")
    waiting = desk.waiting()
    how = {"client_id": "k" * 16, "text": "Hello"} if act == "write" else {}
    with pytest.raises(HandoffNotYours) as refusal, desk.open() as session:
        getattr(handoffs, act)(session, waiting, ana.id, **how)
    assert refusal.value.name is None
    with desk.open() as session:
        handoffs.claim(session, waiting, ana.id)
    with pytest.raises(HandoffNotYours) as refusal, desk.open() as session:
        getattr(handoffs, act)(session, waiting, bea.id, **how)
    assert refusal.value.name == "Ana"
    with desk.open() as session:
        getattr(handoffs, act)(session, waiting, ana.id, **how)


def test_the_same_message_sent_again_is_one_row(desk: Desk) -> None:
    ana = desk.agent()
    waiting = desk.waiting()
    numbers = set()
    with desk.open() as session:
        handoffs.claim(session, waiting, ana.id)
    for _ in range(3):
        with desk.open() as session:
            row = handoffs.write(session, waiting, ana.id, client_id="k" * 16, text="Hello")
            numbers.add(row.n)
    assert len(numbers) == 1


# The bot is silent, and then it is not -----------------------------------------------------------


def post(desk: Desk, conversation_id: str, client_id: str, text: str) -> None:
    seen = screening.screened(desk.settings, text, "en")
    with desk.app.app_context():
        receiving.receive(desk.services, conversation_id, client_id, Typed(text), seen)


def answer_all(desk: Desk) -> None:
    workers = Workers(desk.services, desk.app.app_context)
    with desk.app.app_context():
        while workers.do_one():
            pass


@pytest.mark.parametrize("end", ["resolve", "return_to_bot"])
def test_the_bot_is_silent_while_an_agent_has_the_chat_and_answers_afterwards(
    desk: Desk, end: str
) -> None:
    ana = desk.agent()
    waiting = desk.waiting()
    pat = desk.conversation_of(waiting)

    def bot_lines() -> int:
        answer_all(desk)
        return sum(row.author is Author.BOT for row in desk.log(pat))

    post(desk, pat, "a" * 16, "Where can I park a van?")
    assert bot_lines() == 1  # while waiting the bot still answers
    with desk.open() as session:
        handoffs.claim(session, waiting, ana.id)
    post(desk, pat, "b" * 16, "And where is the entrance?")
    assert bot_lines() == 1
    segment = segment_of(desk, pat)
    with desk.open() as session:
        getattr(handoffs, end)(session, waiting, ana.id)
    assert segment_of(desk, pat) == segment + 1
    post(desk, pat, "c" * 16, "Is there a wheelchair?")
    assert bot_lines() == 2


def segment_of(desk: Desk, conversation_id: str) -> int:
    with desk.open() as session:
        return session.get_one(Conversation, conversation_id).segment


def test_a_turn_that_runs_while_an_agent_claims_says_nothing(desk: Desk) -> None:
    ana = desk.agent()
    waiting = desk.waiting()
    pat = desk.conversation_of(waiting)
    post(desk, pat, "a" * 16, "Where can I park a van?")
    with desk.open() as session:
        handoffs.claim(session, waiting, ana.id)
    answer_all(desk)
    assert all(row.author is not Author.BOT for row in desk.log(pat))
    with desk.open() as session:
        assert session.query(Turn).filter(Turn.state == "waiting").count() == 0


def test_danger_is_noticed_while_an_agent_has_the_chat(desk: Desk) -> None:
    ana = desk.agent()
    waiting = desk.waiting()
    pat = desk.conversation_of(waiting)
    with desk.open() as session:
        handoffs.claim(session, waiting, ana.id)
    post(desk, pat, "a" * 16, "I want to kill myself")
    assert any(row.kind is Kind.DANGER for row in desk.log(pat))
    assert desk.handoff(waiting).urgent
    assert desk.handoff(waiting).state is HandoffState.CLAIMED


# Who goes away -----------------------------------------------------------------------------------


def test_the_chats_of_a_vanished_agent_go_back_and_the_patient_is_told(desk: Desk) -> None:
    ana, bea = desk.agent("Ana"), desk.agent("Bea")
    waiting = desk.waiting()
    pat = desk.conversation_of(waiting)
    with desk.open() as session:
        handoffs.claim(session, waiting, ana.id)
    desk.clock.passes(seconds=45)  # three signs of life are lost
    desk.here(bea)
    assert desk.sweep() == 0
    desk.clock.passes(seconds=5)
    assert desk.sweep() == 1  # with the next sweep, well within the minute
    assert desk.status(pat).status == "waiting"
    assert desk.log(pat)[-1].payload == {"line": "agent_gone", "name": "Ana", "position": 1}
    with pytest.raises(HandoffNotYours), desk.open() as session:
        handoffs.write(session, waiting, ana.id, client_id="k" * 16, text="Sorry, I am back")
    with desk.open() as session:
        handoffs.claim(session, waiting, bea.id)
    assert desk.status(pat).agent == "Bea"


def test_who_comes_back_into_the_queue_keeps_the_time_they_waited(desk: Desk) -> None:
    ana, bea = desk.agent("Ana"), desk.agent("Bea")
    first = desk.waiting()
    desk.clock.passes(seconds=10)
    with desk.open() as session:
        handoffs.claim(session, first, ana.id)
    desk.waiting()
    desk.clock.passes(seconds=70)
    desk.here(bea)
    desk.sweep()
    assert desk.status(desk.conversation_of(first)).position == 1


def test_away_takes_no_chat_from_an_agent(desk: Desk) -> None:
    ana = desk.agent()
    waiting = desk.waiting()
    with desk.open() as session:
        handoffs.claim(session, waiting, ana.id)
        presence.set_away(session, ana.id, True)
    assert desk.sweep() == 0


def test_signing_out_gives_the_chats_back_at_once(desk: Desk) -> None:
    ana = desk.agent()
    waiting = desk.waiting()
    with desk.open() as session:
        handoffs.claim(session, waiting, ana.id)
        presence.left(session, ana.id)
    assert desk.sweep() == 1


def test_the_waiting_are_told_once_when_the_last_agent_goes_and_when_one_is_back(
    desk: Desk,
) -> None:
    ana = desk.agent()
    waiting = desk.waiting()
    pat = desk.conversation_of(waiting)
    desk.sweep()
    assert desk.lines(pat) == ["queued"]
    desk.clock.passes(seconds=61)
    for _ in range(3):
        desk.sweep()
    assert desk.lines(pat) == ["queued", "nobody_here"]
    assert desk.log(pat)[-1].kind is Kind.FORM
    assert desk.status(pat).nobody_here
    desk.here(ana)
    for _ in range(3):
        desk.sweep()
    assert desk.lines(pat) == ["queued", "nobody_here", "person_back"]
    assert not desk.status(pat).nobody_here
    with desk.open() as session:
        handoffs.claim(session, waiting, ana.id)
    assert desk.status(pat).status == "agent"


def test_many_vanished_agents_are_dealt_with_within_the_minute(desk: Desk) -> None:
    count = 2 * handoff_watch.ABSENT_PER_SWEEP // 5
    with desk.open() as session:
        crowd = [_plain_agent(session, number) for number in range(count)]
    desk.here(*crowd)
    taken = [desk.waiting() for _ in crowd]
    with desk.open() as session:
        for handoff_id, agent in zip(taken, crowd, strict=True):
            handoffs.claim(session, handoff_id, agent.id)
    desk.clock.passes(seconds=50)
    assert desk.sweep() == count
    for handoff_id in taken:
        told = desk.lines(desk.conversation_of(handoff_id))
        assert told == ["queued", "agent_joined", "agent_gone", "nobody_here"]


def test_a_sweep_holds_the_database_for_a_bounded_time(desk: Desk, monkeypatch: Any) -> None:
    monkeypatch.setattr(handoff_watch, "ABSENT_PER_SWEEP", 2)
    ana = desk.agent()
    taken = [desk.waiting() for _ in range(5)]
    with desk.open() as session:
        for handoff_id in taken:
            handoffs.claim(session, handoff_id, ana.id)
    desk.clock.passes(seconds=50)
    assert [desk.sweep() for _ in range(4)] == [2, 2, 1, 0]
    for handoff_id in taken:
        assert desk.lines(desk.conversation_of(handoff_id))[-1] == "nobody_here"


def _plain_agent(session: Session, number: int) -> Staff:
    """Without a password: hashing two hundred takes longer than the test."""
    role = session.scalar(select(Role)) or Role(name=RoleName.AGENT.value)
    staff = Staff(
        email=f"a{number}@harborstreet.example",
        name=f"Agent {number}",
        fs_uniquifier=f"u{number}",
        created_at=MONDAY_MORNING,
        roles=[role],
    )
    session.add(staff)
    session.flush()
    return staff


# The patient ends it -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claimed", "state"), [(False, HandoffState.ABANDONED), (True, HandoffState.RESOLVED)]
)
def test_a_patient_who_ends_it_leaves_no_open_handoff(
    desk: Desk, claimed: bool, state: HandoffState
) -> None:
    ana = desk.agent()
    waiting = desk.waiting()
    pat = desk.conversation_of(waiting)
    with desk.open() as session:
        if claimed:
            handoffs.claim(session, waiting, ana.id)
        conversations.end(session, pat)
    assert desk.handoff(waiting).state is state
    assert desk.status(pat).status == "ended"
    assert (desk.status(pat).survey == "person") is claimed


# What is written down ----------------------------------------------------------------------------


def test_claims_and_ends_are_written_down(desk: Desk) -> None:
    ana = desk.agent()
    waiting = desk.waiting()
    subject = f"conversation:{desk.conversation_of(waiting)}"
    with desk.open() as session:
        handoffs.claim(session, waiting, ana.id)
    with desk.open() as session:
        handoffs.return_to_bot(session, waiting, ana.id)
    with desk.reading() as session:
        entries = audit.entries(session, subject)
    assert [(entry.act, entry.staff_id) for entry in entries] == [
        ("claimed", ana.id),
        ("returned", ana.id),
    ]


@pytest.mark.parametrize("change", ["update", "delete"])
def test_an_audit_entry_can_be_neither_changed_nor_removed(desk: Desk, change: str) -> None:
    desk.agent()
    with pytest.raises(audit.AuditIsAppendOnly), desk.open() as session:
        entry = audit.entries(session)[0]
        if change == "delete":
            session.delete(entry)
        else:
            entry.act = "nothing"
        session.flush()
