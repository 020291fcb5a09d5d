"""Canned replies: in the patient's language, filled in, and never sent with an open variable."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.answering_desk import claimed
from tests.web.staff_desk import Desk, PageClient
from web.desk import canned_replies, handoffs
from web.models import Author, RoleName, Staff

CONTACT = {"name": "Pat Doe", "phone": "503 555 0123", "message": "Please call me."}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    with desk.open() as session:
        canned_replies.add_demo(session, desk.settings, desk.clock())
    yield desk
    desk.close()


@pytest.fixture
def client(desk: Desk, ana: Staff) -> PageClient:
    return desk.sign_in(ana)


@pytest.fixture
def eli(desk: Desk) -> PageClient:
    return desk.sign_in(desk.add("Eli", RoleName.EDITOR))


def offered(client: PageClient, handoff: int) -> dict[str, str]:
    answer = client.client.get(f"/console/handoffs/{handoff}/replies")
    assert answer.status_code == 200
    return {each["key"]: each["text"] for each in answer.get_json()["replies"]}


def test_they_come_filled_in_the_patients_language(
    desk: Desk, ana: Staff, client: PageClient
) -> None:
    english, _ = claimed(desk, ana)
    spanish, _ = claimed(desk, ana, "Hola", lang="es")
    assert len(offered(client, english)) >= 12
    assert "(503) 555-0111" in offered(client, english)["no-advice"]
    assert offered(client, spanish)["no-advice"].startswith("Trabajo en recepción")
    assert "this is Ana" in offered(client, english)["greet"]


def test_a_name_is_known_only_where_the_patient_gave_it(
    desk: Desk, ana: Staff, client: PageClient
) -> None:
    handoff, pat = claimed(desk, ana)
    assert offered(client, handoff)["greet"].startswith("Hello {{patient.name}}")
    with desk.open() as session:
        handoffs.resolve(session, handoff, ana.id)
        handoffs.leave_message(session, pat, CONTACT)
    desk.ask(pat)
    with desk.open() as session:
        again = handoffs.open_handoff(session, pat)
        assert again is not None
        handoffs.claim(session, again.id, ana.id)
    assert offered(client, again.id)["greet"].startswith("Hello Pat Doe,")


def test_an_open_variable_stops_the_send_and_says_which(
    desk: Desk, ana: Staff, client: PageClient
) -> None:
    handoff, pat = claimed(desk, ana)
    said = {"text": offered(client, handoff)["greet"], "client_id": "c" * 16}
    stopped = client.call(f"/console/handoffs/{handoff}/messages", said)
    assert stopped.status_code == 422
    assert "patient.name" in stopped.get_json()["error"]["message"]
    assert Author.AGENT not in {row.author for row in desk.log(pat)}
    page = client.post(f"/console/handoffs/{handoff}/messages", {**said, "conversation": pat})
    assert page.status_code == 302
    assert "Fill this in first: patient.name" in client.get(f"/console/conversations/{pat}")
    said["text"] = said["text"].replace("{{patient.name}}", "Pat")
    assert client.call(f"/console/handoffs/{handoff}/messages", said).status_code == 201


def test_braces_alone_are_just_words(desk: Desk, ana: Staff, client: PageClient) -> None:
    handoff, _ = claimed(desk, ana)
    said = {"text": "Use {this} or }} or {{ }}", "client_id": "c" * 16}
    assert client.call(f"/console/handoffs/{handoff}/messages", said).status_code == 201


def test_an_editor_writes_changes_and_removes_one(
    desk: Desk, ana: Staff, client: PageClient, eli: PageClient
) -> None:
    handoff, _ = claimed(desk, ana)
    assert "/greet" in eli.get("/replies/")
    texts = {"text_en": "The lift is left.\r\nThe stairs right.", "text_es": ""}
    eli.post("/replies/", {"key": "lift", "before": "", **texts})
    assert offered(client, handoff)["lift"] == "The lift is left.\nThe stairs right."
    assert "Not written in Spanish yet." in eli.get("/replies/")
    assert "The lift is left." in eli.get("/replies/lift")
    texts["text_es"] = "El ascensor está a la izquierda."
    eli.post("/replies/", {"key": "the-lift", "before": "lift", **texts})
    assert "lift" not in offered(client, handoff)
    assert "the-lift" in offered(client, handoff)
    eli.post("/replies/the-lift/remove")
    assert "the-lift" not in offered(client, handoff)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"key": "Bad key"}, "small letters"),
        ({"key": "greet"}, "There is a reply /greet already"),
        ({"text_en": "", "text_es": ""}, "at least one language"),
        ({"text_en": "Call {{clinic.fone}}"}, "{{clinic.fone}} is no variable"),
        ({"text_en": "x" * 1501}, "more than 1500"),
    ],
)
def test_what_is_wrong_comes_back_as_typed(
    desk: Desk, eli: PageClient, values: dict[str, str], why: str
) -> None:
    typed = {"key": "new-one", "before": "", "text_en": "Hello", "text_es": "Hola", **values}
    answer = eli.post("/replies/", typed)
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert why in page.replace("&#39;", "'")
    assert f'value="{typed["key"]}"' in page
    assert f">{typed['text_es']}</textarea>" in page
    with desk.reading() as session:
        assert canned_replies.by_key(session)["greet"]["en"].startswith("Hello {{patient")


def test_agents_read_them_and_change_none(client: PageClient) -> None:
    assert client.client.get("/replies/").status_code == 404
    assert client.post("/replies/greet/remove").status_code == 404


def test_every_shipped_reply_stands_in_both_languages_with_the_same_variables() -> None:
    replies = tomllib.loads(canned_replies.DEMO.read_text(encoding="utf-8"))
    assert len(replies) >= 12
    for key, texts in replies.items():
        assert set(texts) == {"en", "es"}, key
        english, spanish = (set(canned_replies.variables_in(texts[lang])) for lang in texts)
        assert english == spanish, key


def test_what_stands_is_not_replaced_by_the_demonstrations(desk: Desk, eli: PageClient) -> None:
    eli.post("/replies/", {"key": "greet", "before": "greet", "text_en": "Hi!", "text_es": ""})
    with desk.open() as session:
        canned_replies.add_demo(session, desk.settings, desk.clock())
        assert canned_replies.by_key(session)["greet"] == {"en": "Hi!"}
