"""Every intent with everything search and the web process can say beside it gets a reply.

An empty list means failure on Rasa's REST channel, so no combination may end in one.
"""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.bot.conftest import ROOT, Turn, talk_with

pytestmark = pytest.mark.rasa

SMALL_TALK = {
    "greet": "utter_greet",
    "thank": "utter_thank",
    "goodbye": "utter_goodbye",
    "affirm": "utter_affirm",
    "deny": "utter_deny",
    "ask_help": "utter_help",
    "out_of_scope": "utter_out_of_scope",
}
UNKNOWN = ("ask_question", "nlu_fallback")
INTENTS = (*SMALL_TALK, *UNKNOWN, "ask_who_are_you", "ask_person", "ask_callback", "abuse")
KB = ("answer", "choices", "none")
MISSES = ("none", "once", "more")
# What may have been said before: intent and facts of the turn, so that its reply is the named one.
BEFORE = {
    "utter_not_found": ("ask_question", {}),
    "utter_abuse": ("abuse", {}),
    "utter_passages": ("ask_question", {"kb": "answer"}),
    "utter_choices": ("ask_question", {"kb": "choices"}),
    "utter_greet": ("greet", {}),
    "utter_who_are_you": ("ask_who_are_you", {}),
    "utter_handoff_asked": ("ask_person", {}),
    "utter_handoff_failed_twice": ("ask_question", {"misses": "once"}),
}
OFFERS = ("utter_not_found", "utter_abuse")
SAID = ("utter_greet", "utter_who_are_you")

Facts = dict[str, Any]


def _turn(intent: str, **facts: object) -> Turn:
    """Return a turn whose intent and slots are given, past the classifier, as `/intent{...}`."""
    slots = {"kb": "none", "misses": "none", "lang": "en", "open": True, "waiting": False, **facts}
    return {"message": f"/{intent}{json.dumps(slots)}", "metadata": None}


def _replies() -> dict[str, list[dict[str, Any]]]:
    path = ROOT / "bot" / "domain" / "replies.yml"
    replies: dict[str, list[dict[str, Any]]] = yaml.safe_load(path.read_text())["responses"]
    return replies


REPLIES = _replies()


def expected(intent: str, kb: str, misses: str, waiting: bool, before: str = "") -> list[str]:
    """Return the replies that the rules promise: written out here, apart from bot/data/rules."""
    if intent == "ask_person":
        return ["utter_still_waiting" if waiting else "utter_handoff_asked"]
    if intent == "ask_callback":
        return ["utter_callback_waiting" if waiting else "utter_handoff_callback"]
    if intent == "affirm" and before in OFFERS and kb != "answer" and not waiting:
        return ["utter_handoff_asked"]
    lead = {"abuse": ["utter_abuse"], "ask_who_are_you": ["utter_who_are_you"]}.get(intent, [])
    if intent == "abuse" and before == "utter_abuse" and kb == "none" and not waiting:
        return ["utter_handoff_abuse"]
    if kb != "none":
        return [*lead, {"answer": "utter_passages", "choices": "utter_choices"}[kb]]
    if lead:
        return lead
    if intent in UNKNOWN:
        return [_nothing_found(misses, waiting, before)]
    return [_in_context(intent, waiting, before) or SMALL_TALK[intent]]


def _nothing_found(misses: str, waiting: bool, before: str) -> str:
    first = misses == "none" or (misses == "once" and before in SAID)
    return "utter_not_found" if waiting or first else "utter_handoff_failed_twice"


def _in_context(intent: str, waiting: bool, before: str) -> str | None:
    if intent == "affirm" and before in OFFERS and waiting:
        return "utter_still_waiting"
    if intent == "affirm" and before == "utter_choices":
        return "utter_pick"
    if intent == "deny" and before in ("utter_choices", "utter_passages"):
        return "utter_not_helpful"
    return None


def _items(name: str, facts: Facts) -> list[dict[str, Any]]:
    """Return the items that reply `name` consists of, in the conversation's language."""

    def fits(variation: dict[str, Any]) -> bool:
        return all(facts[c["name"]] == c["value"] for c in variation.get("condition", []))

    fitting = [v for v in REPLIES[name] if v.get("condition") and fits(v)]
    (chosen,) = fitting or [v for v in REPLIES[name] if not v.get("condition")]
    items: list[dict[str, Any]] = [{k: chosen[k] for k in ("text", "buttons") if k in chosen}]
    items += [{"custom": chosen["custom"]}] if "custom" in chosen else []
    return [item for item in items if item]


def _said(replies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in item.items() if k != "recipient_id"} for item in replies]


def test_every_intent_with_all_facts_gets_its_reply_in_its_language(trained: Path) -> None:
    cases: list[tuple[str, Facts]] = [
        (intent, {"kb": kb, "misses": misses, "lang": lang, "open": there, "waiting": waiting})
        for intent, kb, misses, lang, there, waiting in itertools.product(
            INTENTS, KB, MISSES, ("en", "es"), (True, False), (True, False)
        )
    ]
    held = talk_with([[_turn(intent, **facts)] for intent, facts in cases])
    for (intent, facts), talked in zip(cases, held, strict=True):
        names = expected(intent, facts["kb"], facts["misses"], facts["waiting"])
        promised = [item for name in names for item in _items(name, facts)]
        assert _said(talked["replies"][0]) == promised, (intent, facts)


def test_every_intent_gets_its_reply_whatever_was_said_before(trained: Path) -> None:
    cases = list(itertools.product(BEFORE, INTENTS, KB, ("none", "once"), (True, False)))
    conversations = []
    for before, intent, kb, misses, waiting in cases:
        first, said = BEFORE[before]
        second = _turn(intent, kb=kb, misses=misses, waiting=waiting)
        conversations.append([_turn(first, **said), second])
    for case, talked in zip(cases, talk_with(conversations), strict=True):
        before, intent, kb, misses, waiting = case
        facts = {"lang": "en", "open": True, "waiting": waiting}
        assert _said(talked["replies"][0])[-1] == _items(before, {**facts, "waiting": False})[-1]
        names = expected(intent, kb, misses, waiting, before)
        promised = [item for name in names for item in _items(name, facts)]
        assert _said(talked["replies"][1]) == promised, case


def test_a_choice_is_answered_whatever_came_before(trained: Path) -> None:
    firsts = [BEFORE[name] for name in BEFORE]
    held = talk_with(
        [[_turn(intent, **facts), _turn("choose", kb="answer")] for intent, facts in firsts]
    )
    for talked in held:
        assert _said(talked["replies"][1]) == [{"custom": {"kind": "passages"}}]


def test_nobody_in_line_is_put_in_line_again(trained: Path) -> None:
    cases = list(itertools.product(INTENTS, KB, MISSES))
    held = talk_with([[_turn(i, kb=kb, misses=m, waiting=True)] * 2 for i, kb, m in cases])
    for case, talked in zip(cases, held, strict=True):
        for item in itertools.chain(*talked["replies"]):
            assert item.get("custom", {}).get("kind") != "handoff", case
            assert not item.get("buttons"), case
