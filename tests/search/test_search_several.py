"""Two questions in one message get two answers; a story with one question stays one."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.answer import Outcome
from search.encoder import load_encoder
from search.index import build
from search.several import ask_all, questions_in

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ("where do I park?", ["where do I park?"]),
        ("Where do I park? Do you take dogs?", ["Where do I park?", "Do you take dogs?"]),
        ("where do i park and how do i pay", ["where do i park", "how do i pay"]),
        (
            "¿Dónde me estaciono y cómo pago en línea?",
            ["¿Dónde me estaciono", "cómo pago en línea?"],
        ),
        ("I fell and my knee hurts. Can I be seen today?", ["Can I be seen today?"]),
        ("My son is sick and tired.", []),
        ("Really? Where do I park?", ["Where do I park?"]),
        ("salt and pepper and oil", []),
        ("", []),
    ],
)
def test_a_message_is_cut_where_it_asks_again(message: str, parts: list[str]) -> None:
    assert questions_in(message) == parts


@pytest.mark.model
def test_each_of_two_questions_gets_its_own_answer() -> None:
    model = load_encoder(ROOT / "var" / "models")
    index, _ = build(ROOT / "kb_articles", model)
    found = ask_all(
        index, model, "do i have to pay for the garage? and how do i reset my portal password?"
    )
    assert found.outcome is Outcome.ANSWER
    assert [one.passages[0].article for one in (found, *found.also)] == [
        "en/visiting/parking",
        "en/portal/reset-your-password",
    ]
    alone = ask_all(index, model, "do i have to pay for the garage? do you sell gift cards?")
    assert alone.also == (), "one without an answer of its own brings no second passage"
    twice = ask_all(index, model, "do i have to pay for the garage? is parking in the garage free?")
    assert twice.also == (), "two about one article are one"
