"""A real `rasa run` with the trained model: REST in and out, and what it keeps to itself."""

import itertools
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from tests.bot.conftest import (
    HERE,
    ROOT,
    VAR,
    Server,
    Talker,
    load_training,
    rasa_run,
    turn,
)

pytestmark = pytest.mark.rasa

ASKED = ("ask_question", "nlu_fallback")
SMALL_TALK = (
    *("greet", "thank", "goodbye", "affirm", "deny", "ask_help", "ask_who_are_you"),
    *("out_of_scope", "abuse", "give_praise"),
)
PASSAGES = [{"custom": {"kind": "passages"}}]
# Planted words: in no file of the project but this one.
PLANTED = ("zanzibarquux", "wobblegorp", "fluffernax", "grimbleshanks", "quixotanium")
# Said by people in danger: whatever the screen before us does, never small talk.
DANGER = (
    "my baby is not breathing",
    "he is not breathing",
    "my husband collapsed and wont wake up",
    "chest pain going down my left arm",
    "i dont want to live anymore",
    "no pulse",
    "she took all her pills",
    "my throat is closing up",
    "he hits me and i am scared to go home",
    "mi bebé no respira",
    "no puede respirar",
    "ya no quiero vivir",
    "me duele el pecho y no puedo respirar",
    *("not breathing", "no breathing", "no response", "overdose", "choking", "unconscious"),
    *("suicide", "kill myself", "no respira", "sin pulso", "me quiero morir", "hemorragia"),
)


@dataclass(frozen=True)
class HeldOut:
    intent: str
    lang: str
    text: str


def heldout_topics() -> list[HeldOut]:
    """Return what a fourth author wrote, who saw no example. Never to be tuned on."""
    lines = (HERE / "nlu_heldout_topics.tsv").read_text(encoding="utf-8").splitlines()
    return [HeldOut(*line.split("\t")) for line in lines]


def is_topic(intent: str) -> bool:
    others = ("ask_person", "ask_callback", "ask_help", "ask_who_are_you", "ask_question")
    return intent.startswith(("ask_", "give_")) and intent not in others


def _said(items: list[dict[str, object]]) -> list[dict[str, object]]:
    return [{k: v for k, v in item.items() if k != "recipient_id"} for item in items]


def test_it_answers_over_rest(server: Server) -> None:
    (greeting,) = server.say(turn("hello, good day to you"), "pat.greet")
    assert "computer program" in greeting["text"]
    assert _said(server.say(turn("where can i park", kb="answer"), "pat.park")) == PASSAGES
    assert _said(server.say(turn("/choose", kb="answer"), "pat.choose")) == PASSAGES
    (spanish,) = server.say(turn("hola, buenos días a todos", lang="es"), "pat.es")
    assert "programa de computadora" in spanish["text"]


def test_it_asks_back_once_and_then_brings_a_person(server: Server) -> None:
    (back,) = server.say(turn("can you shoe my horse at the clinic"), "pat.twice")
    assert back["buttons"] == [
        {"title": "Talk to a person", "payload": "I want to talk to a person"}
    ]
    _, handoff = server.say(turn("do you treat hooves", misses=1), "pat.twice")
    assert handoff["custom"] == {"kind": "handoff", "reason": "failed_twice", "topic": "general"}


@pytest.mark.parametrize(
    ("lang", "payload"),
    [("en", "I want to talk to a person"), ("es", "Quiero hablar con una persona")],
)
def test_its_own_button_is_understood(server: Server, lang: str, payload: str) -> None:
    for kb in ("answer", "choices", "none"):
        *_, handoff = server.say(turn(payload, kb=kb, lang=lang), f"pat.button-{lang}-{kb}")
        assert handoff["custom"]["reason"] == "asked"


def test_a_person_is_asked_for_with_what_it_is_about(server: Server) -> None:
    server.say(turn("my pills are almost gone, i need a refill"), "pat.topic")
    *_, handoff = server.say(turn("yes please", misses=1), "pat.topic")
    assert handoff["custom"] == {"kind": "handoff", "reason": "asked", "topic": "prescriptions"}
    *_, form = server.say(turn("la enfermera me trató muy mal", lang="es"), "pat.complaint")
    assert form["custom"] == {"kind": "form", "form": "contact", "topic": "complaints"}


@pytest.mark.parametrize(
    "vector", [None, [], [0.1] * 3, ["a"] * 384, [1e308] * 384, [None] * 384, "no vector", {}]
)
def test_an_unusable_vector_is_replaced_by_our_own(server: Server, vector: object) -> None:
    (greeting,) = server.say(turn("hello, good day to you", vector=vector), "pat.vector")
    assert "computer program" in greeting["text"]


@pytest.mark.parametrize("odd", ["👍", "?", "...", "\ud800 hm", "a" * 2000, "{kb}", "[phone]", "¿"])
def test_odd_text_is_answered(server: Server, odd: str) -> None:
    body = json.dumps({"sender": "pat.odd", **turn(odd, misses=0)})
    answer = requests.post(f"{server.url}/webhooks/rest/webhook", data=body, timeout=20)
    assert answer.json()


@pytest.mark.parametrize("facts", [{}, {"kb": "other", "misses": "x", "lang": "fr", "open": 1}])
def test_facts_that_are_missing_or_unknown_are_read_with_care(
    server: Server, facts: dict[str, object]
) -> None:
    said = {"message": "do you have unicorns here", "metadata": facts}
    (back,) = server.say(said, f"pat.facts-{len(facts)}")
    assert back["text"].startswith("I could not find")


def test_danger_is_never_taken_for_small_talk(server: Server) -> None:
    for number, words in enumerate(DANGER):
        (reply, *_) = server.say(turn(words), f"pat.danger-{number}")
        not_found = "I could not find an answer"
        assert reply["text"].startswith(not_found), (words, reply["text"])


def test_the_log_holds_no_word_of_a_patient(server: Server) -> None:
    said, broken, command, body, metadata = PLANTED
    server.say(turn(f"where does {said} park", lang="es"), "pat.log")
    # Each fails inside, and answers an empty list, as Rasa does: in its channel, and in our graph.
    for message, facts in (([broken], {}), (f"i have {broken}", [broken])):
        failed = server.post({"sender": "pat.log", "message": message, "metadata": facts})
        assert failed.json() == []
    server.say(turn(f"/{command}{{'a"), "pat.log")
    server.say(turn(f"/greet{{'x': '{command}'}} {command}"), "pat.log")
    url = f"{server.url}/webhooks/rest/webhook"
    assert requests.post(url, data=f'{{"message": "{body}', timeout=20).status_code >= 400
    server.say({"message": "hello", "metadata": {"kb": metadata, metadata: metadata}}, "pat.log")
    log = server.log.read_text(encoding="utf-8", errors="replace")
    for words in PLANTED:
        assert words not in log
        assert words[:8] not in log
    # It is not silent either: what happened and where can be read.
    assert "processor.message.parse" in log
    assert re.search(r"rest\.message\.received\.failure \w+ at .*\d", log)


def test_it_stores_no_vector(talker: Talker) -> None:
    vector = [0.0123456] * 384
    (held,) = talker.hold([[turn("where can i park", kb="answer", vector=vector)] * 2])
    kept = json.dumps(held["events"])
    assert "where can i park" in kept
    assert '"kb": "answer"' in kept
    assert "vector" not in kept
    assert "0.0123456" not in kept


def test_it_forgets_after_an_hour_and_holds_so_many(trained: Path) -> None:
    done = rasa_run(str(HERE / "forget_in_rasa.py"))
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == {
        "kept": ["first"],
        "before_an_hour": ["pat"],
        "after_an_hour": [],
        "capped": ["b", "c", "d"],
        "after_an_hour_though_told_a_day": [],
        "idle": [],
    }


def test_the_data_is_valid() -> None:
    done = rasa_run(
        *("-m", "rasa", "data", "validate", "--fail-on-warnings"),
        *("--config", "config.yml", "--domain", "bot/domain", "--data", "bot/data"),
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]


def test_the_stories_come_out_as_told(trained: Path, tmp_path: Path) -> None:
    done = rasa_run(
        *("-m", "rasa", "test", "core", "--e2e", "--no-plot", "--fail-on-prediction-errors"),
        *("--model", str(trained), "--stories", str(HERE / "test_stories.yml")),
        *("--out", str(tmp_path)),
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    failed = (tmp_path / "failed_test_stories.yml").read_text()
    assert "None of the test stories failed" in failed


@pytest.fixture(scope="module")
def understood(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return message → intent of all held-out messages, as Rasa's own test heard them."""
    nlu, out = tmp_path_factory.mktemp("nlu"), tmp_path_factory.mktemp("out")
    shutil.copy(HERE / "nlu_heldout.yml", nlu)
    blocks = [{"intent": row.intent, "examples": f"- {row.text}\n"} for row in heldout_topics()]
    topics = yaml.safe_dump({"version": "3.1", "nlu": blocks}, allow_unicode=True)
    (nlu / "topics.yml").write_text(topics, encoding="utf-8")
    done = rasa_run(
        *("-m", "rasa", "test", "nlu", "--no-plot", "--successes"),
        *("--model", str(trained), "--nlu", str(nlu), "--out", str(out)),
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    listed = [json.loads((out / f"intent_{n}.json").read_text()) for n in ("successes", "errors")]
    return {each["text"]: _acted_on(each["intent_prediction"]) for each in itertools.chain(*listed)}


def _acted_on(heard: dict[str, Any]) -> str:
    """Rasa's test looks behind FallbackClassifier; patients do not."""
    pipeline = yaml.safe_load((ROOT / "config.yml").read_text())["pipeline"]
    (fallback,) = (each for each in pipeline if each["name"] == "FallbackClassifier")
    return str(heard["name"]) if heard["confidence"] >= fallback["threshold"] else "nlu_fallback"


def test_it_understands_people_it_never_heard(understood: dict[str, str]) -> None:
    blocks = yaml.safe_load((HERE / "nlu_heldout.yml").read_text())["nlu"]
    wanted = {
        line.removeprefix("- "): block["intent"]
        for block in blocks
        for line in block["examples"].splitlines()
    }
    assert len(wanted) >= 120
    # Unknown is treated like a question: no harm is done by taking one for the other.
    wrong = {
        text: understood[text]
        for text, intent in wanted.items()
        if understood[text] not in (intent, *ASKED)
        and not (intent == "ask_question" and is_topic(understood[text]))
    }
    unsure = [
        text
        for text, intent in wanted.items()
        if understood[text] in ASKED and intent != "ask_question"
    ]
    assert len(wrong) / len(wanted) <= 0.05, wrong
    assert len(unsure) / len(wanted) <= 0.15, unsure


@pytest.mark.parametrize(
    ("lang", "least_right", "most_wrong"), [("en", 0.55, 0.15), ("es", 0.45, 0.15)]
)
def test_it_knows_the_topic_of_a_fourth_author(
    understood: dict[str, str], lang: str, least_right: float, most_wrong: float
) -> None:
    rows = [row for row in heldout_topics() if row.lang == lang and is_topic(row.intent)]
    right = [row for row in rows if understood[row.text] == row.intent]
    wrong = [row for row in rows if understood[row.text] not in (row.intent, *ASKED)]
    assert len(right) / len(rows) >= least_right
    assert len(wrong) / len(rows) <= most_wrong, wrong


@pytest.mark.parametrize("lang", ["en", "es"])
def test_it_tells_a_person_and_small_talk_from_questions(
    understood: dict[str, str], lang: str
) -> None:
    rows = [row for row in heldout_topics() if row.lang == lang and not is_topic(row.intent)]
    wrong = [row for row in rows if not _is_harmless(row.intent, understood[row.text])]
    assert len(wrong) / len(rows) <= 0.1


def _is_harmless(wanted: str, heard: str) -> bool:
    """A question taken for a topic is still searched for; what is not sure of itself asks back."""
    if wanted == "ask_question":
        return heard in ASKED or (heard.startswith("ask_") and is_topic(heard))
    if wanted == "small_talk":
        return heard in (*SMALL_TALK, *ASKED)
    return heard in (wanted, "ask_callback", *ASKED)


def test_a_changed_rule_changes_the_reply(talker: Talker, tmp_path: Path) -> None:
    """Rasa decides: the same message, the same facts, another rule, another reply."""
    copy = tmp_path / "checkout"
    # Without the authors of the topics it trains in half the time, and knows a person all the same.
    ignored = shutil.ignore_patterns("__pycache__", "author_*.yml")
    shutil.copytree(ROOT / "bot", copy / "bot", ignore=ignored)
    shutil.copy(ROOT / "config.yml", copy)
    (copy / "var").mkdir()
    (copy / "var" / "models").symlink_to(VAR / "models")
    rules = copy / "bot" / "data" / "rules" / "person.yml"
    before = rules.read_text()
    rules.write_text(before.replace("- action: utter_handoff_asked", "- action: utter_help", 1))
    assert rules.read_text() != before
    config = (copy / "config.yml").read_bytes()

    load_training().train_if_changed(copy, python=ROOT / ".venv-bot" / "bin" / "python")

    # Rasa writes into config.yml where it misses something.
    assert (copy / "config.yml").read_bytes() == config
    said = [[turn("i want to talk to a real person please")]]
    (here,) = talker.hold(said)
    other = Talker(copy, copy / "var")
    (there,) = other.hold(said)
    other.close()
    assert here["replies"][0][-1]["custom"]["kind"] == "handoff"
    assert there["replies"][0][0]["text"].startswith("I can answer questions about")
