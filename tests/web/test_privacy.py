"""What a patient is told, agrees to, can see and can take away."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from search.answer import Outcome
from tests.conftest import ROOT, Patient, Search
from web.articles.reading import fernandez_huerta, flesch_kincaid
from web.config import Settings
from web.models import Conversation, Handoff, Message
from web.services import of

ASKED = "where can i <b>leave</b> the car & the key"
CHEST = "he has crushing chest pain and cannot breathe"
MakeApp = Callable[..., Flask]


@pytest.fixture
def asking(make_app: MakeApp, settings: Settings) -> Flask:
    """The shipped way: a yes is asked for."""
    return make_app(with_privacy(settings, consent="ask"))


def with_privacy(settings: Settings, **values: object) -> Settings:
    privacy = settings.privacy.model_copy(update=values)
    return settings.model_copy(update={"privacy": privacy})


def kept(app: Flask, pat: Patient) -> Conversation:
    with of(app).database.reading() as session:
        return session.get_one(Conversation, pat.id)


def count(app: Flask, table: type) -> int:
    with of(app).database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_a_yes_is_kept_with_its_version_and_time(asking: Flask) -> None:
    pat = Patient(asking.test_client())
    assert pat.post("/consent", {"version": "1"}).json == {"version": "1"}
    assert pat.say("where can i leave the car").status_code == 202
    about = pat.get("/data").json["conversation"]
    assert about["privacy_version"] == "1"
    assert about["privacy_agreed_at"] == kept(asking, pat).privacy_agreed_at.isoformat()


def test_a_yes_given_before_comes_with_the_new_conversation(asking: Flask) -> None:
    client = asking.test_client()
    begun = client.post("/api/v1/conversations", json={"privacy_version": "1"}).json
    pat = Patient(client)
    pat.id, pat.token = begun["id"], begun["token"]
    assert pat.say("hello").status_code == 202


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/messages", {"client_id": "a", "text": "where can i leave the car"}),
        ("/handoff", {}),
        ("/forms", {"client_id": "a", "form": "contact", "fields": {"name": "Pat"}}),
    ],
)
def test_without_a_yes_nothing_is_kept(asking: Flask, path: str, body: dict[str, object]) -> None:
    pat = Patient(asking.test_client())
    refused = pat.post(path, body)
    assert (refused.status_code, refused.json["error"]["code"]) == (403, "consent_needed")
    assert count(asking, Message) == 0
    assert count(asking, Handoff) == 0


def test_danger_waits_for_no_yes(asking: Flask) -> None:
    pat = Patient(asking.test_client())
    sent = pat.say(CHEST)
    assert sent.status_code == 202
    assert "tel:911" in sent.json["card"]["html"]
    rows = pat.log()
    assert [row["kind"] for row in rows] == ["text", "danger", "handoff"]
    assert "Nobody is reading this chat" in rows[2]["html"], "staff were looked for at once"
    assert pat.say("and where do i park").status_code == 403, "the rest waits for a yes"


def test_a_new_version_asks_again(asking: Flask, make_app: MakeApp, settings: Settings) -> None:
    pat = Patient(asking.test_client())
    pat.post("/consent", {"version": "1"})
    newer = make_app(with_privacy(settings, consent="ask", version="2"))
    pat.client = newer.test_client()
    assert pat.say("hello").json["error"]["code"] == "consent_needed"
    old = pat.post("/consent", {"version": "1"})
    assert (old.status_code, old.json["error"]["code"]) == (409, "privacy_note_changed")
    pat.post("/consent", {"version": "2"})
    assert pat.say("hello").status_code == 202
    assert kept(newer, pat).privacy_version == "2"


def test_where_notice_is_enough_writing_is_agreeing(app: Flask, pat: Patient) -> None:
    pat.say("hello")
    assert kept(app, pat).privacy_version == "1"
    assert kept(app, pat).privacy_agreed_at is not None


def test_where_notice_is_enough_the_newest_version_is_kept(
    app: Flask, pat: Patient, make_app: MakeApp, settings: Settings
) -> None:
    newer = make_app(with_privacy(settings, version="2"))
    pat.client = newer.test_client()
    assert pat.say("hello").status_code == 202
    assert kept(newer, pat).privacy_version == "2"


# The full note -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("lang", "days"), [("en", "30 days after"), ("es", "30 días después")])
def test_the_note_names_what_the_settings_say(client: FlaskClient, lang: str, days: str) -> None:
    page = client.get(f"/privacy?lang={lang}")
    assert page.status_code == 200
    assert days in page.text
    assert "911" in page.text
    assert f'<html lang="{lang}">' in page.text
    assert "<script" not in page.text
    assert "{{" not in page.text


def test_a_clinic_has_a_note_of_its_own(
    make_app: MakeApp, settings: Settings, tmp_path: Path
) -> None:
    own = tmp_path / "notes"
    own.mkdir()
    (own / "en.md").write_text("---\ntitle: Our own note\n---\n## Ours\n\nCall {{clinic.phone}}.\n")
    client = make_app(with_privacy(settings, folder=own)).test_client()
    assert "Our own note" in client.get("/privacy").text
    assert "Our own note" in client.get("/privacy?lang=es").text, "there is no Spanish one"


def test_the_shipped_notes_have_the_same_headings() -> None:
    texts = [(ROOT / "docs/privacy" / f"{lang}.md").read_text("utf-8") for lang in ("en", "es")]
    assert len({len(re.findall(r"^## ", text, re.MULTILINE)) for text in texts}) == 1
    assert len({text.count("{{") for text in texts}) == 1


def test_the_notes_are_plain() -> None:
    """Grade 6 or below by Flesch-Kincaid; 70 or above by Fernández-Huerta for Spanish."""
    for lang in ("en", "es"):
        texts = json.loads((ROOT / "widget/strings" / f"{lang}.json").read_text("utf-8"))
        said = [text for key, text in texts.items() if key.startswith("privacy_")]
        short = " ".join(text for text in said if text.endswith("."))
        full = (ROOT / "docs/privacy" / f"{lang}.md").read_text("utf-8").split("---", 2)[2]
        for note in (short, full.replace("\n- ", "\n\n")):
            if lang == "en":
                assert flesch_kincaid(note) <= 6
            else:
                assert fernandez_huerta(note) >= 70


# What is held, as text ---------------------------------------------------------------------------


def test_what_is_held_can_be_read(
    pat: Patient, answer_all: Callable[[], int], search: Search
) -> None:
    search.finds(Outcome.ANSWER, "en/parking")
    pat.say(ASKED)
    answer_all()
    pat.post("/rating", {"score": 4, "comment": "kind"})
    held = pat.get("/data").json
    for words in (
        "where can i <b>leave</b> the car & the key",
        "Park behind the house at no cost.",
    ):
        assert words in held["as_text"]
        assert words in held["transcript"]
    assert re.search(r"Privacy note: version 1, agreed \w+, \w+ \d+, \d{4}, \d", held["as_text"])
    assert "Your rating: 4 of 5\nkind" in held["as_text"]
    assert "We delete it 30 days after the last message." in held["as_text"]
    assert "http://localhost/help/en/parking#where-do-i-park" in held["transcript"]
    assert "Was this helpful?" not in held["transcript"]
    assert re.search(r"^You, \d+(:\d\d)? [AP]M\n", held["transcript"], re.MULTILINE | re.IGNORECASE)


def test_a_card_and_spanish_can_be_read_too(client: FlaskClient) -> None:
    pat = Patient(client, "es")
    pat.say("a mi esposo le duele mucho el pecho y no puede respirar")
    held = pat.get("/data").json
    assert "911" in held["transcript"]
    assert held["as_text"].startswith("Lo que guardamos de este chat con Harbor Street")
    assert "- " in held["transcript"], "the card's steps are a list"


def test_a_forgotten_chat_is_forgotten(app: Flask, pat: Patient) -> None:
    pat.say("hello")
    assert pat.client.delete(pat.path, headers=pat.headers).status_code == 200
    assert count(app, Conversation) == count(app, Message) == 0
    assert pat.get("/data").status_code == 404


def test_what_is_kept_about_times_is_in_the_clinics_zone(pat: Patient, app: Flask) -> None:
    with of(app).database.transaction() as session:
        conversation = session.get_one(Conversation, pat.id)
        conversation.created_at = datetime(2026, 7, 2, 6, 5, tzinfo=UTC)
    assert "Begun: Wednesday, July 1, 2026, 11:05 pm" in pat.get("/data").json["as_text"]
