"""Gaps: questions asked in vain, put together, taken up, and asked again when answered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete, select

from search.encoder import load_encoder
from tests.fakes import FakeEncoder
from tests.web.editor_desk import Writing, form_of
from tests.web.staff_desk import PageClient
from web.articles import gaps, unmet
from web.articles.grouping import groups_of
from web.articles.unmet import Unmet, Why
from web.articles.vector_memory import DROPPED_AFTER_S, VectorMemory
from web.chat import conversations
from web.models import (
    Author,
    Conversation,
    Gap,
    GapQuestion,
    Handoff,
    HandoffState,
    Kind,
    Message,
    RoleName,
    Shown,
    Turn,
    TurnState,
)

ROOT = Path(__file__).resolve().parents[2]
BIKE = ("where can i lock my bike", "Can I lock my bike where you are?", "a place to lock my bike")


class Gone(Writing):
    """Patients ask in vain."""

    def asks(
        self,
        text: str,
        shown: Shown = Shown.NONE,
        *,
        conversation_id: str = "",
        payload: dict[str, Any] | None = None,
        lang: str = "en",
    ) -> tuple[str, int]:
        desk = self.desk
        if not conversation_id:
            conversation_id, _ = conversations.start(
                desk.services, lang=lang, site="demo", page_url=None, address_hash="a" * 64
            )
        with desk.open() as session:
            row = conversations.append(
                session,
                conversation_id,
                author=Author.PATIENT,
                kind=Kind.TEXT,
                text=text,
                payload=payload or {},
                at=desk.clock(),
            )
            session.add(
                Turn(
                    conversation_id=conversation_id,
                    n=row.n,
                    state=TurnState.DONE,
                    shown=shown,
                    created_at=desk.clock(),
                )
            )
            return conversation_id, row.n

    def says(self, conversation_id: str, author: Author, kind: Kind, **how: Any) -> Message:
        with self.desk.open() as session:
            return conversations.append(session, conversation_id, author=author, kind=kind, **how)

    def unmet(self) -> list[Unmet]:
        since = self.desk.clock() - timedelta(days=30)
        with self.desk.reading() as session:
            return unmet.read(session, since)

    def editor(self) -> PageClient:
        return self.someone()

    def take(self, eli: PageClient, page: str, action: str, number: int = 0) -> str:
        """Press a button below one of the open groups; return where it leads."""
        forms = re.findall(r'<form class="fd-gap__acts".*?</form>', page, re.DOTALL)
        fields = re.findall(r'name="(\w+)" value="([^"]*)"', forms[number])
        values: dict[str, Any] = {"question": [v for k, v in fields if k == "question"]}
        values |= {k: v for k, v in fields if k in ("lang", "article")}
        answer = eli.post("/editor/gaps/take", {**values, "action": action})
        assert answer.status_code == 302, answer.status_code
        return str(answer.headers["Location"])

    def gap(self) -> Gap:
        with self.desk.reading() as session:
            return session.scalars(select(Gap)).one()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Gone]:
    it = Gone(tmp_path)
    yield it
    it.desk.close()


# What counts -------------------------------------------------------------------------------------


def test_what_found_nothing_counts_and_what_was_answered_does_not(room: Gone) -> None:
    room.asks("where can i lock my bike")
    room.asks("where do i park", Shown.ANSWER)
    room.asks("i want a person", Shown.OTHER)
    assert [(one.text, one.whys) for one in room.unmet()] == [
        ("where can i lock my bike", frozenset({Why.NONE}))
    ]


def test_a_list_that_was_refused_leads_back_to_the_question(room: Gone) -> None:
    conversation_id, n = room.asks("lock my bike", Shown.CHOICES)
    choices = room.says(
        conversation_id, Author.BOT, Kind.CHOICES, payload={"asked_n": n, "choices": []}
    )
    picked = {"choice": "", "of": choices.n}
    room.asks("", conversation_id=conversation_id, payload=picked)
    assert [(one.n, one.text, one.whys) for one in room.unmet()] == [
        (n, "lock my bike", frozenset({Why.REFUSED}))
    ]


def test_a_list_nobody_took_one_from_counts_until_somebody_does(room: Gone) -> None:
    conversation_id, n = room.asks("lock my bike", Shown.CHOICES)
    choices = room.says(
        conversation_id, Author.BOT, Kind.CHOICES, payload={"asked_n": n, "choices": []}
    )
    assert [(one.n, one.whys) for one in room.unmet()] == [(n, frozenset({Why.LEFT}))]
    picked = {"choice": "en/visiting/parking", "of": choices.n}
    room.asks("Where do I park?", Shown.ANSWER, conversation_id=conversation_id, payload=picked)
    assert room.unmet() == []


def test_a_passage_that_did_not_help_counts(room: Gone) -> None:
    conversation_id, n = room.asks("lock my bike", Shown.ANSWER)
    row = room.says(conversation_id, Author.BOT, Kind.PASSAGES, payload={"asked_n": n})
    assert room.unmet() == []
    with room.desk.open() as session:
        session.get_one(Message, row.id).helpful = False
    assert [one.whys for one in room.unmet()] == [frozenset({Why.UNHELPFUL})]


def test_what_an_agent_answered_by_hand_counts_once_with_the_answer(room: Gone) -> None:
    conversation_id, n = room.asks("lock my bike", Shown.CHOICES)
    room.asks("give me a person please", Shown.OTHER, conversation_id=conversation_id)
    with room.desk.open() as session:
        now = room.desk.clock()
        session.add(
            Handoff(
                conversation_id=conversation_id,
                state=HandoffState.CLAIMED,
                reason="asked",
                requested_at=now,
                claimed_at=now,
            )
        )
    room.says(conversation_id, Author.AGENT, Kind.TEXT, text="At the rack by the door.")
    found = room.unmet()
    assert [(one.n, one.whys) for one in found] == [(n, frozenset({Why.BY_HAND}))]
    assert found[0].replied == "At the rack by the door."


def test_who_was_in_danger_and_who_practises_are_no_gap(room: Gone) -> None:
    conversation_id, _ = room.asks("i took all my pills, where do i park")
    room.says(conversation_id, Author.BOT, Kind.DANGER, payload={"card": "988"})
    practising, _ = room.asks("lock my bike")
    with room.desk.open() as session:
        session.get_one(Conversation, practising).practice = True
    assert room.unmet() == []


# Putting together --------------------------------------------------------------------------------


def test_the_same_questions_in_another_order_make_the_same_groups() -> None:
    texts = [*BIKE, "do you take dogs", "are dogs fine"]
    vectors = FakeEncoder().encode(texts)
    groups = [{texts[row] for row in rows.tolist()} for rows in groups_of(vectors)]
    turned = [
        {texts[::-1][row] for row in rows.tolist()} for rows in groups_of(vectors[::-1].copy())
    ]
    assert groups[0] == set(BIKE)
    assert sorted(groups, key=sorted) == sorted(turned, key=sorted)


def test_nothing_and_one_question_are_groups_too() -> None:
    assert groups_of(np.empty((0, 3), dtype=np.float32)) == []
    assert [rows.tolist() for rows in groups_of(np.eye(1, 3, dtype=np.float32))] == [[0]]


@pytest.mark.model
def test_five_who_ask_for_one_thing_in_their_own_words_are_one_gap() -> None:
    texts = [
        "is there a place for my bicycle",
        "can i lock my bike somewhere",
        "bike rack?",
        "where do cyclists leave their bikes",
        "I'm coming by bike, where can I put it",
        "do you sell hearing aid batteries",
        "can I buy batteries for hearing aids from you",
    ]
    vectors = load_encoder(ROOT / "var" / "models").encode(texts)
    assert [sorted(rows.tolist()) for rows in groups_of(vectors)] == [[0, 1, 2, 3, 4], [5, 6]]


# The board ---------------------------------------------------------------------------------------


def test_the_most_asked_comes_first_with_its_patients(room: Gone) -> None:
    for text in BIKE:
        room.asks(text)
    room.asks("are dogs allowed inside")
    page = room.editor().get("/editor/gaps")
    assert page.index("3 patients") < page.index("1 patient")
    assert "3 × found nothing" in page


def test_from_gap_to_article_to_answer(room: Gone) -> None:
    for text in BIKE:
        room.asks(text)
    eli = room.editor()
    to = room.take(eli, eli.get("/editor/gaps"), "new")
    form = form_of(eli.get(to))
    assert sorted(form["questions"].split("\r\n")) == sorted(BIKE)
    assert form["gap"] == str(room.gap().id)
    room.desk.clock.passes(minutes=5)
    form |= {
        "title": "Where can I lock my bike?",
        "summary": "At the rack by the door.",
        "body": "You can lock your bike at the rack by the door.",
        "topic": "visiting",
        "owner": "Front desk",
        "reviewed_by": "Eli",
        "reviewed_on": "2026-11-20",
        "review_by": "2027-05-01",
    }
    answer = eli.post("/editor/new", {**form, "action": "submit"})
    assert answer.status_code == 302, answer.get_data(as_text=True)[:3000]
    article = room.gap().article_id
    assert article == "en/visiting/where-can-i-lock-my-bike"
    assert "Not live yet" in eli.get("/editor/gaps")
    rui = room.someone("Rui", RoleName.REVIEWER)
    number = re.search(r'name="number" value="(\d+)"', rui.get(f"/editor/articles/{article}"))
    assert number
    approved = rui.post(f"/editor/review/approve/{article}", {"number": number[1]})
    assert approved.status_code == 302
    with room.desk.open() as session:
        index = room.desk.services.publisher.index
        assert gaps.close_live(session, index, room.desk.clock()) == 1
    room.desk.clock.passes(minutes=5)
    room.asks("can i lock my bike where you are", Shown.ANSWER)
    page = eli.get("/editor/gaps")
    assert "Not live yet" not in page
    assert "3 of 3" in page, "the very questions are asked again"
    assert "1 patient</td>" in page, "and who came since"


def test_questions_taken_up_are_not_open_any_more_and_can_be_put_back(room: Gone) -> None:
    room.asks("are dogs allowed inside")
    eli = room.editor()
    assert room.take(eli, eli.get("/editor/gaps"), "dismiss") == "/editor/gaps"
    assert "Every question found an answer" in eli.get("/editor/gaps")
    eli.post(f"/editor/gaps/{room.gap().id}/back")
    assert "are dogs allowed inside" in eli.get("/editor/gaps")


def test_two_editors_do_not_take_the_same_questions(room: Gone) -> None:
    room.asks("are dogs allowed inside")
    eli, rui = room.editor(), room.someone("Rui", RoleName.REVIEWER)
    page = eli.get("/editor/gaps")
    assert "/editor/new" in room.take(eli, page, "new")
    assert room.take(rui, page, "new") == "/editor/gaps"
    assert "took these questions up already" in rui.get("/editor/gaps")


def test_questions_go_when_their_conversation_goes(room: Gone) -> None:
    room.asks("are dogs allowed inside")
    eli = room.editor()
    room.take(eli, eli.get("/editor/gaps"), "new")
    with room.desk.open() as session:
        session.execute(delete(Conversation))
    with room.desk.reading() as session:
        assert session.scalars(select(GapQuestion)).all() == []
    assert "Questions past their time" in eli.get("/editor/gaps")


@pytest.mark.parametrize(
    "values",
    [
        {"action": "explode"},
        {"action": "add", "article": "en/no/such"},
        {"action": "add", "article": "../../clinic"},
    ],
)
def test_a_form_nobody_could_send_is_refused(room: Gone, values: dict[str, str]) -> None:
    assert room.editor().post("/editor/gaps/take", values).status_code == 400


def test_without_the_model_equal_wordings_are_put_together(room: Gone) -> None:
    room.asks("are dogs allowed inside")
    room.asks("are dogs allowed inside")
    room.asks("may dogs come inside")
    room.desk.services.publisher.encoder = None
    page = room.editor().get("/editor/gaps")
    assert "2 patients" in page
    assert "only equal wordings" in page


# Vectors in memory -------------------------------------------------------------------------------


def test_a_text_goes_through_the_model_once_and_is_dropped_in_time() -> None:
    now = [0.0]
    memory, model = VectorMemory(lambda: now[0]), FakeEncoder()
    encoder = memory.over(model)
    first = encoder.encode(["lock my bike", "lock my bike"])
    assert model.encoded == ["lock my bike"]
    assert np.array_equal(first[0], first[1])
    now[0] = DROPPED_AFTER_S + 1
    memory.drop_old()
    assert len(memory) == 0
