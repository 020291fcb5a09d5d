"""The words of the assistant, read from its files: both languages, plain, no dead end."""

import itertools
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

import web.chat.rasa
from tests.bot.conftest import ROOT
from web.articles.reading import fernandez_huerta, flesch_kincaid
from web.chat.replies import fill
from web.config import load_settings

BOT = ROOT / "bot"
# Every clinic has these; a sentence with another one is left out where it has not.
CERTAIN = {"clinic.name", "clinic.phone", "clinic.hours", "danger.emergency_phone"}
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


def _examples(path: Path) -> dict[str, dict[str, list[str]]]:
    """Return intent → language → messages; a file's first block is English, its second Spanish."""
    found: dict[str, dict[str, list[str]]] = {}
    for block in _read(path)["nlu"]:
        of_intent = found.setdefault(block["intent"], {})
        lang = "es" if "en" in of_intent else "en"
        assert lang not in of_intent, (path.name, block["intent"])
        lines = block["examples"].splitlines()
        of_intent[lang] = [line.removeprefix("- ").strip() for line in lines]
    return found


def _of_all_files() -> dict[str, dict[str, list[str]]]:
    together: dict[str, dict[str, list[str]]] = {}
    for path in sorted((BOT / "data" / "nlu").glob("*.yml")):
        for intent, both in _examples(path).items():
            for lang, messages in both.items():
                together.setdefault(intent, {}).setdefault(lang, []).extend(messages)
    return together


EXAMPLES = _of_all_files()
TOPICS = [
    c["value"] for v in RESPONSES["utter_topic"] for c in v.get("condition", []) if c["value"]
]
TOPICS = sorted(set(TOPICS) - {"es", "en"})


def _lang(variation: dict[str, Any]) -> str:
    named = {each["name"]: each["value"] for each in variation.get("condition", [])}
    return str(named.get("lang", "en"))


def _fits(variation: dict[str, Any], slots: dict[str, object]) -> bool:
    return all(slots[each["name"]] == each["value"] for each in variation.get("condition", []))


@pytest.mark.parametrize("name", RESPONSES)
def test_each_situation_has_exactly_one_reply(name: str) -> None:
    abouts = [None, *TOPICS] if name == "utter_topic" else [None]
    both = (True, False)
    for lang, is_open, waiting, about in itertools.product(("en", "es"), both, both, abouts):
        slots = {"lang": lang, "open": is_open, "waiting": waiting, "about": about}
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
    # Phone numbers stand in clinic.toml alone.
    assert not re.search(r"\d", text)
    facts = load_settings().facts(_lang(variation))
    assert set(re.findall(r"\[\[(.*?)\]\]", text)) <= facts.keys()


@pytest.mark.parametrize(("name", "variation"), TEXTS, ids=IDS)
def test_a_reply_says_enough_in_a_clinic_with_few_facts(
    name: str, variation: dict[str, Any]
) -> None:
    """What is left of it names no fact the clinic has not, and a topic still names a way."""
    text = fill(variation["text"], dict.fromkeys(CERTAIN, "Clinic"))
    assert len(text.split()) >= 4
    assert "  " not in text
    if name == "utter_topic":
        assert "Clinic" in text or re.search("team|equipo", text)


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
    emergency = "[[danger.emergency_phone]]"
    for words in ("computer program", "not a person", "not medical advice", emergency):
        assert words in english
    for words in ("programa de computadora", "no una persona", "no es consejo médico", emergency):
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
        assert len(set(languages["en"])) >= 40, intent
        assert len(set(languages["es"])) >= 35, intent


@pytest.mark.parametrize("author", ["author_a", "author_b", "author_c"])
def test_each_author_wrote_for_every_topic_in_both_languages(author: str) -> None:
    written = _examples(BOT / "data" / "nlu" / f"{author}.yml")
    assert len(written) == len(TOPICS) + len(("complaint", "praise", "feedback"))
    for intent, both in written.items():
        assert len(both["en"]) >= 12, intent
        assert len(both["es"]) >= 10, intent


def test_every_topic_has_words_and_a_slot_of_its_own() -> None:
    named = {name for each in _read(BOT / "domain" / "intents.yml")["intents"] for name in each}
    others = {"ask_person", "ask_callback", "ask_help", "ask_who_are_you", "ask_question"}
    asked = {name.removeprefix("ask_") for name in named - others if name.startswith("ask_")}
    mappings = _read(BOT / "domain" / "slots.yml")["slots"]["about"]["mappings"]
    assert {each["value"]: each["intent"] for each in mappings} == {t: f"ask_{t}" for t in asked}
    assert set(TOPICS) == asked


def test_the_web_process_knows_every_desk_topic() -> None:
    mappings = _read(BOT / "domain" / "slots.yml")["slots"]["topic"]["mappings"]
    assert {each["value"] for each in mappings} == set(web.chat.rasa.TOPICS)


def test_no_example_stands_twice() -> None:
    counted = Counter(
        message.lower() for both in EXAMPLES.values() for one in both.values() for message in one
    )
    assert not [message for message, times in counted.items() if times > 1]


def test_the_held_out_messages_are_held_out() -> None:
    learned = {m.lower() for both in EXAMPLES.values() for one in both.values() for m in one}
    here = Path(__file__).parent
    blocks = _read(here / "nlu_heldout.yml")["nlu"]
    heldout = [line.removeprefix("- ") for b in blocks for line in b["examples"].splitlines()]
    topics = (here / "nlu_heldout_topics.tsv").read_text(encoding="utf-8")
    heldout += [line.split("\t")[2] for line in topics.splitlines()]
    assert not [text for text in heldout if text.strip().lower() in learned]
