"""The phrase language: what each sign matches, and what it refuses."""

import pytest

from safety.grammar import PatternInvalid, compile_pattern, inflect
from safety.guards import Message, match

NEGATORS = frozenset({"no", "not"})


def matches(source: str, text: str, lists: dict[str, str] | None = None) -> bool:
    pattern = compile_pattern(source, lists or {}, NEGATORS)
    return bool(match(pattern, Message(tuple(text.split()))))


@pytest.mark.parametrize(
    ("source", "text", "expected"),
    [
        ("chest pain", "my chest pain now", True),
        ("chest pain", "my chest , pain", True),
        ("chest pain", "chestpain", False),
        ("bleed+", "it was bleeding", True),
        ("sangr*", "sangrando", True),
        ("{mom|my dad} fell", "my dad fell", True),
        ("[really] bad", "bad", True),
        ("chest .. pain", "chest a b c pain", True),
        ("chest .. pain", "chest a b c d pain", False),
        ("chest .. pain", "chest no pain", False),
        ("chest .. pain", "chest . pain", True),
        ("chest .. pain", "chest fine . a pain", False),
        ("a ? c", "a b c", True),
        ("fever <38-42>", "fever 38.5", True),
        ("fever <38-42>", "fever 37.5", False),
        ("@who fell", "granny fell", True),
        ("fever & confused", "confused with a fever", True),
        ("fever & confused", "fever " + "x " * 30 + "confused", False),
        ("fell !{asleep}", "fell asleep", False),
        ("fell !{asleep}", "fell " + "x " * 12 + "asleep", True),
    ],
)
def test_a_sign_matches_what_its_description_says(source: str, text: str, expected: bool) -> None:
    assert matches(source, text, {"who": "granny|gran"}) is expected


@pytest.mark.parametrize("source", ["{a|b", "a}", "[", "{}", "a & ", "@nobody", "a / b", "A"])
def test_a_line_that_cannot_be_read_is_refused(source: str) -> None:
    with pytest.raises(PatternInvalid):
        compile_pattern(source, {}, NEGATORS)


@pytest.mark.parametrize(
    ("word", "form"),
    [("stop", "stopping"), ("die", "died"), ("carry", "carries"), ("push", "pushes")],
)
def test_english_endings_are_regular(word: str, form: str) -> None:
    assert form in inflect(word)
