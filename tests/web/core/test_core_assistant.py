"""What the web process makes of the assistant's words: facts, topics, and what counts as a miss."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import Patient, Search
from tests.fakes import FakeRasa
from web.chat.rasa import FormItem, HandoffItem, Item, RasaUnavailable, read_items
from web.chat.replies import fill

FACTS = {"clinic.phone": "555-0110"}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("Call [[clinic.phone]]. Thanks!", "Call 555-0110. Thanks!"),
        ("Call billing: [[clinic.bills]]. Or [[clinic.phone]].", "Or 555-0110."),
        ("See [[clinic.page]]! Good? Yes.", "Good? Yes."),
        ("Call [[clinic.bills]]", "Call "),
    ],
)
def test_a_sentence_whose_fact_is_unknown_is_left_out(text: str, filled: str) -> None:
    assert fill(text, FACTS) == filled


@pytest.mark.parametrize(
    ("topic", "item"),
    [
        ("billing", HandoffItem("asked", "billing")),
        ("rocketry", HandoffItem("asked", "general")),
        (None, HandoffItem("asked", "general")),
        (["billing"], HandoffItem("asked", "general")),
    ],
)
def test_an_unknown_topic_never_stands_between_a_patient_and_a_person(
    topic: object, item: Item
) -> None:
    custom = {"kind": "handoff", "reason": "asked", "topic": topic}
    assert read_items([{"custom": custom}]) == (item,)


def test_a_form_has_a_topic_too() -> None:
    custom = {"kind": "form", "form": "contact", "topic": "complaints"}
    assert read_items([{"custom": custom}]) == (FormItem("contact", "complaints"),)
    with pytest.raises(RasaUnavailable):
        read_items([{"custom": {**custom, "form": "tax"}}])


def test_small_talk_is_no_miss(
    pat: Patient, answer_all: Callable[[], int], search: Search, rasa: FakeRasa
) -> None:
    rasa.say({"text": "Hello."})
    for text in ("hello", "xyzzy", "thanks", "plugh"):
        if text == "thanks":
            rasa.say({"text": "You are welcome."})
        pat.say(text)
        answer_all()
    assert [heard["metadata"]["misses"] for heard in rasa.heard] == [0, 0, 1, 1]
