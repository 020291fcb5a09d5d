"""The words of the assistant, read from its files: both languages, plain, no dead end."""

import itertools
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.articles.reading_grade import fernandez_huerta, flesch_kincaid
from tests.bot.conftest import ROOT

BOT = ROOT / "bot"
PLACEHOLDERS = {"[[clinic.name]]", "[[clinic.phone]]", "[[clinic.hours]]"}
KINDS = {"passages", "choices", "form", "handoff"}
REASONS = {"asked", "failed_twice", "abuse", "callback"}


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


RESPONSES: dict[str, list[dict[str, Any]]] = _read(BOT / "domain" / "replies.yml")["responses"]
TEXTS = [
    (name, variation)
    for name, all_of_it in RESPONSES.items()
    for variation in all_of_it
    if "text" in variation
]
IDS = [f"{name}-{number}" for number, (name, _) in enumerate(TEXTS)]


def _examples() -> dict[str, dict[str, list[str]]]:
    """Return intent → language → messages; a file's first block is English, its second Spanish."""
    found: dict[str, dict[str, list[str]]] = {}
    for path in sorted((BOT / "data" / "nlu").glob("*.yml")):
        for block in _read(path)["nlu"]:
            of_intent = found.setdefault(block["intent"], {})
            lang = "es" if "en" in of_intent else "en"
            assert lang not in of_intent, block["intent"]
            lines = block["examples"].splitlines()
            of_intent[lang] = [line.removeprefix("- ").strip() for line in lines]
    return found


EXAMPLES = _examples()


def _lang(variation: dict[str, Any]) -> str:
    named = {each["name"]: each["value"] for each in variation.get("condition", [])}
    return str(named.get("lang", "en"))


def _fits(variation: dict[str, Any], slots: dict[str, object]) -> bool:
    return all(slots[each["name"]] == each["value"] for each in variation.get("condition", []))


@pytest.mark.parametrize("name", RESPONSES)
def test_each_situation_has_exactly_one_reply(name: str) -> None:
    for lang, is_open, waiting in itertools.product(("en", "es"), (True, False), (True, False)):
        slots = {"lang": lang, "open": is_open, "waiting": waiting}
        conditional = [v for v in RESPONSES[name] if v.get("condition") and _fits(v, slots)]
        plain = [v for v in RESPONSES[name] if not v.get("condition")]
        (chosen,) = conditional or plain
        assert "text" not in chosen or _lang(chosen) == lang


@pytest.mark.parametrize(("name", "variation"), TEXTS, ids=IDS)
def test_a_reply_is_one_message_with_known_placeholders(
    name: str, variation: dict[str, Any]
) -> None:
    text = variation["text"]
    assert "\n" not in text.strip()
    assert "{" not in text
    assert set(re.findall(r"\[\[.*?\]\]", text)) <= PLACEHOLDERS
    # Phone numbers stand in clinic.toml alone.
    assert set(re.findall(r"\d+", text)) <= {"911"}


@pytest.mark.parametrize(("name", "variation"), TEXTS, ids=IDS)
def test_a_reply_reads_easily(name: str, variation: dict[str, Any]) -> None:
    text = re.sub(r"\[\[.*?\]\]", "Clinic", variation["text"])
    lang = _lang(variation)
    if lang == "en":
        assert flesch_kincaid(text) <= 6
    else:
        assert fernandez_huerta(text) >= 60


def test_custom_replies_are_of_the_agreed_kinds() -> None:
    customs = [v["custom"] for all_of_it in RESPONSES.values() for v in all_of_it if "custom" in v]
    assert {each["kind"] for each in customs} == KINDS
    assert {each["reason"] for each in customs if each["kind"] == "handoff"} == REASONS


def test_the_assistant_says_what_it_is() -> None:
    english, spanish = (
        next(v["text"] for v in RESPONSES["utter_who_are_you"] if _lang(v) == lang)
        for lang in ("en", "es")
    )
    for words in ("computer program", "not a person", "not medical advice", "911"):
        assert words in english
    for words in ("programa de computadora", "no una persona", "no es consejo médico", "911"):
        assert words in spanish


def test_a_button_posts_words_that_ask_for_a_person() -> None:
    buttons = [(_lang(v), b) for _, v in TEXTS for b in v.get("buttons", [])]
    assert buttons
    for lang, button in buttons:
        assert button["payload"] in EXAMPLES["ask_person"][lang]


def test_every_intent_has_enough_examples_in_both_languages() -> None:
    named = {name for each in _read(BOT / "domain" / "intents.yml")["intents"] for name in each}
    # Neither is learned: one is sent by the web process, one is given to what nobody understood.
    learned = named - {"choose", "nlu_fallback"}
    assert set(EXAMPLES) == learned
    for intent, languages in EXAMPLES.items():
        assert len(set(languages["en"])) >= 35, intent
        assert len(set(languages["es"])) >= 15, intent


def test_no_example_stands_twice() -> None:
    counted = Counter(
        message.lower() for both in EXAMPLES.values() for one in both.values() for message in one
    )
    assert not [message for message, times in counted.items() if times > 1]


def test_the_held_out_messages_are_held_out() -> None:
    learned = {m.lower() for both in EXAMPLES.values() for one in both.values() for m in one}
    for block in _read(Path(__file__).parent / "nlu_heldout.yml")["nlu"]:
        for line in block["examples"].splitlines():
            assert line.removeprefix("- ").strip().lower() not in learned
