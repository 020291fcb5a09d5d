"""Masking: the frozen judging set, its look-alikes, and what must hold for any text."""

import importlib.util
import re
import time
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from safety import identifiers
from safety.identifiers import IdentifierType, mask


def _judge() -> ModuleType:
    path = Path(__file__).with_name("judge_identifiers.py")
    spec = importlib.util.spec_from_file_location("judge_identifiers", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


JUDGE = _judge()
LINES = [line for file in (JUDGE.JUDGING, *JUDGE.LATER) for line in JUDGE.lines(file)]
PLANTED = [(text, one) for text, planted in LINES for one in planted]
LOOK_ALIKES = [text for text, planted in LINES if not planted]
GOALS = {
    "SSN": 0.98, "PHONE": 0.98, "EMAIL": 0.98, "CARD": 0.98, "DOB": 0.95, "MRN": 0.95,
    "MEMBER_ID": 0.95, "ADDRESS": 0.90, "NAME": 0.80,
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(GOALS))
def test_the_goal_of_each_type_is_met(kind: str) -> None:
    asked = [(text, one) for text, one in PLANTED if one[2] == kind]
    hidden = sum(JUDGE.is_hidden(text, one) for text, one in asked)
    assert len(asked) >= 13 and hidden / len(asked) >= GOALS[kind]


def test_look_alikes_stay_readable() -> None:
    touched = [text for text in LOOK_ALIKES if mask(text).spans]
    assert len(LOOK_ALIKES) >= 200 and len(touched) <= 0.02 * len(LOOK_ALIKES), touched


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("call me at 503-555-0199", "call me at [phone]"),
        ("mi seguro social es 219-09-9999", "mi seguro social es [ssn]"),
        ("my card is 4111 1111 1111 1111", "my card is [card]"),
        ("my card is 4111 1111 1111 1112", "my card is 4111 1111 1111 1112"),
        ("dob 04/12/1985, appt 04/12/2027", "dob [dob], appt 04/12/2027"),
        ("five oh three five five five zero one nine nine", "[phone]"),
        ("poison help is 1-800-222-1222", "poison help is 1-800-222-1222"),
    ],
)
def test_what_is_hidden_is_named_and_the_rest_stays(text: str, masked: str) -> None:
    assert mask(text).text == masked


def test_a_name_beside_a_hidden_birth_is_hidden_and_beside_a_phone_it_is_not() -> None:
    assert mask("Lena Ortiz, May 3rd 1985, refill").text == "[name], [dob], refill"
    assert mask("Lena Ortiz [dob] refill").text == "[name] [dob] refill"
    assert mask("Lena Ortiz [phone] refill").text == "Lena Ortiz [phone] refill"


def test_a_value_is_hidden_again_where_it_has_no_cue() -> None:
    assert mask("mrn 00482913. yes, 00482913").text == "mrn [mrn]. yes, [mrn]"


@pytest.mark.parametrize("number", ["(503) 555-0110", "503.555.0110", "+1 503 555 0110"])
def test_the_clinics_own_number_stays_in_any_notation(number: str) -> None:
    assert mask(f"is it {number}?", keep=["(503) 555-0110"]).spans == ()
    assert mask(f"is it {number}?").spans != ()


def test_a_fault_in_the_rules_hides_every_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(text: str, kept: frozenset[str]) -> None:
        raise RuntimeError

    monkeypatch.setattr(identifiers, "_mask", broken)
    assert mask("ssn 219-09-9999 thanks").text == "ssn [other] thanks"


PIECES = st.sampled_from(
    ["my ssn is", "219-09-9999", "call", "503-555-0199", "my name is", "Ana Ruiz", "dob", "4/5/80",
     "mrn", "88213", "4111 1111 1111 1111", "a@b.co", "member id", "XJB123456789", "and",
     "12 Elm St", "[phone]", "on", "$40", "five", "555",
     ",", ".", "é", "\U0001f62d", "１２３", "cero", "soy"]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=25).map(" ".join))


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_spans_are_sorted_apart_and_inside_the_text(text: str) -> None:
    spans = mask(text).spans
    places = [place for span in spans for place in (span.start, span.end)]
    assert places == sorted(places) and all(span.start < span.end for span in spans)
    assert not places or (places[0] >= 0 and places[-1] <= len(text))


@settings(max_examples=300, deadline=None)
@given(TEXTS)
@example("MEMBERID0 AA 00000")
@example("Lena Ortiz 5551234")
def test_masking_twice_changes_nothing_more(text: str) -> None:
    once = mask(text).text
    assert mask(once).text == once


@settings(max_examples=300, deadline=None)
@given(TEXTS)
@example("000000000SS000000000")
def test_the_masked_text_holds_no_hidden_value(text: str) -> None:
    masked = mask(text)
    names = "|".join(kind.value.lower() for kind in IdentifierType)
    rest = re.sub(rf"\[(?:{names})\]", "\0", masked.text)
    for span in masked.spans:
        value = text[span.start : span.end]
        part = r"\d" if value[-1].isdigit() else r"[^\W\d_]"
        alone = rf"(?<!{part}){re.escape(value)}(?!{part})"
        assert len(value) < identifiers.SHORTEST_REPEATED or not re.search(alone, rest)


HOSTILE = ["1" * 10_000, "1 " * 5_000, "a@" * 5_000, "five " * 2_000, "12 a b c " * 1_100,
           "my name is " * 900, "(503) " * 1_600, "A b " * 2_500, "calle a " * 1_250]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:8])
def test_a_hostile_text_takes_no_longer_than_a_second(text: str) -> None:
    began = time.perf_counter()
    mask(text)
    assert time.perf_counter() - began < 1.0
