"""Every intent with everything search and the web process can say beside it gets a reply.

An empty list means failure on Rasa's REST channel, so no combination may end in one. Language and
opening hours choose words, not replies: they go round the combinations, and that each has its words
is test_replies_and_examples.py's to prove.
"""

import itertools
import json
from typing import Any

import pytest
import yaml

from tests.bot.conftest import ROOT, Talker, Turn

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
# Topic → the desk that hears of it.
TOPICS = {
    "ask_appointment_make": "appointments",
    "ask_appointment_change": "appointments",
    "ask_appointment_cancel": "appointments",
    "ask_video_visit": "appointments",
    "ask_vaccine": "appointments",
    "ask_refill": "prescriptions",
    "ask_bill": "billing",
    "ask_cost": "billing",
    "ask_records": "records",
    "ask_results": "results",
    "ask_referral": "referrals",
    "ask_portal": "portal",
    "ask_interpreter": "language",
    "ask_opening_hours": "general",
    "ask_directions": "general",
}
GIVEN = {
    "give_complaint": "utter_sorry",
    "give_praise": "utter_praise",
    "give_feedback": "utter_feedback",
}
# Praise is no complaint: a complaint gets a receipt.
OTHERS = dict.fromkeys(("ask_question", "give_praise", "give_feedback"), "general")
DESKS = {**TOPICS, **OTHERS, "give_complaint": "complaints"}
LEADS = {"abuse": "utter_abuse", "ask_who_are_you": "utter_who_are_you"}
INTENTS = (*SMALL_TALK, *UNKNOWN, *TOPICS, *GIVEN, *LEADS, "ask_person", "ask_callback")
KB = ("answer", "choices", "none")
MISSES = ("none", "once", "more")
# What may have been said before: intent and facts of the turn, so that the named reply is last.
BEFORE = {
    "utter_not_found": ("ask_question", {}),
    "utter_abuse": ("abuse", {}),
    "utter_offer_person": ("ask_bill", {}),
    "utter_write_us": ("give_complaint", {}),
    "utter_passages": ("ask_question", {"kb": "answer"}),
    "utter_choices": ("ask_question", {"kb": "choices"}),
    "utter_greet": ("greet", {}),
    "utter_help": ("ask_help", {}),
    "utter_who_are_you": ("ask_who_are_you", {}),
    "utter_handoff_asked": ("ask_person", {}),
    "utter_handoff_failed_twice": ("ask_refill", {"misses": "once"}),
}
OFFERS = ("utter_not_found", "utter_abuse", "utter_offer_person")

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
    if intent == "abuse" and before == "utter_abuse" and kb == "none" and not waiting:
        return ["utter_handoff_abuse"]
    if intent in GIVEN:
        return _to_the_clinic(intent, kb, waiting, before)
    lead = [LEADS[intent]] if intent in LEADS else []
    if kb != "none":
        return [*lead, {"answer": "utter_passages", "choices": "utter_choices"}[kb]]
    if lead:
        return lead
    if intent in SMALL_TALK:
        return [_in_context(intent, waiting, before) or SMALL_TALK[intent]]
    return _nothing_found(intent, misses, waiting, before)


def _to_the_clinic(intent: str, kb: str, waiting: bool, before: str) -> list[str]:
    is_complaint = intent == "give_complaint"
    if is_complaint and before == "utter_write_us" and kb != "answer" and not waiting:
        return ["utter_handoff_complaint"]
    said = [GIVEN[intent]]
    if kb == "answer":
        said += ["utter_passages"]
        return [*said, "utter_offer_person"] if is_complaint and not waiting else said
    if waiting:
        return [*said, "utter_still_waiting"] if is_complaint else said
    return [*said, "utter_write_us"]


def _nothing_found(intent: str, misses: str, waiting: bool, before: str) -> list[str]:
    first = misses == "none" or (misses == "once" and before == "utter_help")
    if not first and not waiting:
        return ["utter_handoff_failed_twice"]
    if intent in UNKNOWN:
        return ["utter_not_found"]
    return ["utter_topic"] if waiting else ["utter_topic", "utter_offer_person"]


def _in_context(intent: str, waiting: bool, before: str) -> str | None:
    if intent == "affirm" and before in OFFERS and waiting:
        return "utter_still_waiting"
    if intent == "affirm" and before == "utter_choices":
        return "utter_pick"
    if intent == "affirm" and before == "utter_write_us":
        return "utter_fill_in"
    if intent == "deny" and before in ("utter_choices", "utter_passages"):
        return "utter_not_helpful"
    return None


def _items(name: str, facts: Facts, topic: str = "general") -> list[dict[str, Any]]:
    """Return the items that reply `name` consists of, in the conversation's language."""

    def fits(variation: dict[str, Any]) -> bool:
        return all(facts[c["name"]] == c["value"] for c in variation.get("condition", []))

    fitting = [v for v in REPLIES[name] if v.get("condition") and fits(v)]
    (chosen,) = fitting or [v for v in REPLIES[name] if not v.get("condition")]
    items: list[dict[str, Any]] = [{k: chosen[k] for k in ("text", "buttons") if k in chosen}]
    if "custom" in chosen:
        named = {"topic": topic} if "topic" in chosen["custom"] else {}
        items += [{"custom": {**chosen["custom"], **named}}]
    return [item for item in items if item]


def _promised(names: list[str], facts: Facts, topic: str) -> list[dict[str, Any]]:
    return [item for name in names for item in _items(name, facts, topic)]


def _about(intent: str) -> str | None:
    return intent.removeprefix("ask_") if intent in TOPICS else None


def _said(replies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in item.items() if k != "recipient_id"} for item in replies]


def test_every_intent_with_all_facts_gets_its_reply_in_its_language(talker: Talker) -> None:
    words = itertools.cycle(itertools.product(("en", "es"), (True, False)))
    cases: list[tuple[str, Facts]] = []
    for intent, kb, misses, waiting in itertools.product(INTENTS, KB, MISSES, (True, False)):
        lang, there = next(words)
        facts = {"kb": kb, "misses": misses, "lang": lang, "open": there, "waiting": waiting}
        cases.append((intent, facts))
    held = talker.hold([[_turn(intent, **facts)] for intent, facts in cases])
    for (intent, facts), talked in zip(cases, held, strict=True):
        names = expected(intent, facts["kb"], facts["misses"], facts["waiting"])
        known = {**facts, "about": _about(intent)}
        promised = _promised(names, known, DESKS.get(intent, "general"))
        assert _said(talked["replies"][0]) == promised, (intent, facts)


def _matters(intent: str, kb: str, misses: str) -> bool:
    """Tell whether a combination could be answered otherwise in a context.

    Misses decide for questions that found nothing; for what was found, one topic is like another.
    """
    if intent in TOPICS:
        return kb == "none" or (intent == "ask_bill" and misses == "none")
    return misses == "none" or (intent in UNKNOWN and kb == "none")


def test_every_intent_gets_its_reply_whatever_was_said_before(talker: Talker) -> None:
    cases = [
        case
        for case in itertools.product(BEFORE, INTENTS, KB, ("none", "once"), (True, False))
        if _matters(*case[1:4])
    ]
    conversations = []
    for before, intent, kb, misses, waiting in cases:
        first, said = BEFORE[before]
        second = _turn(intent, kb=kb, misses=misses, waiting=waiting)
        conversations.append([_turn(first, **said), second])
    for case, talked in zip(cases, talker.hold(conversations), strict=True):
        before, intent, kb, misses, waiting = case
        first = BEFORE[before][0]
        topic = DESKS.get(first, "general")
        facts = {"lang": "en", "open": True, "waiting": False, "about": _about(first)}
        assert _said(talked["replies"][0])[-1] == _items(before, facts, topic)[-1]
        names = expected(intent, kb, misses, waiting, before)
        now = {**facts, "waiting": waiting, "about": _about(intent)}
        promised = _promised(names, now, DESKS.get(intent, topic))
        assert _said(talked["replies"][1]) == promised, case


def test_a_choice_is_answered_whatever_came_before(talker: Talker) -> None:
    firsts = [BEFORE[name] for name in BEFORE]
    held = talker.hold(
        [[_turn(intent, **facts), _turn("choose", kb="answer")] for intent, facts in firsts]
    )
    for talked in held:
        assert _said(talked["replies"][1]) == [{"custom": {"kind": "passages"}}]


def test_nobody_in_line_is_put_in_line_again(talker: Talker) -> None:
    cases = list(itertools.product(INTENTS, KB, ("none", "more")))
    held = talker.hold([[_turn(i, kb=kb, misses=m, waiting=True)] * 2 for i, kb, m in cases])
    for case, talked in zip(cases, held, strict=True):
        for item in itertools.chain(*talked["replies"]):
            assert item.get("custom", {}).get("kind") != "handoff", case
            assert not item.get("buttons"), case
