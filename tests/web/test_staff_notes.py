"""Notes among staff: colleagues see them, are called by name, and no patient ever gets one."""

from __future__ import annotations

import ast
import re

import pytest
from sqlalchemy import select

from tests.test_imports import imports, modules
from tests.web.answering_desk import claimed
from tests.web.core.test_core_contracts import AUDIENCES
from tests.web.staff_desk import Desk, PageClient
from web.chat import conversations, feed
from web.desk import handoffs, notes
from web.models import Author, Kind, RoleName, Staff, StaffNote

SECRET = "marmalade-seventeen"
PATIENT_BLUEPRINTS = {name for name, who in AUDIENCES.items() if who in ("patient", "everyone")}
LAST = ("chat.end", "chat.forget")


@pytest.fixture
def client(desk: Desk, ana: Staff) -> PageClient:
    return desk.sign_in(ana)


def page_of(conversation_id: str) -> str:
    return f"/console/conversations/{conversation_id}"


def note(client: PageClient, conversation_id: str, text: str) -> str:
    answer = client.call(f"{page_of(conversation_id)}/notes", {"text": text})
    assert answer.status_code == 201
    return str(answer.get_json()["id"])


def test_a_colleague_reads_it(desk: Desk, ana: Staff, client: PageClient) -> None:
    _, pat = claimed(desk, ana)
    note(client, pat, "Called her son.\nHe comes at <noon>.")
    page = desk.sign_in(desk.agent("Bea")).get(page_of(pat))
    assert "Called her son.\nHe comes at &lt;noon&gt;." in page
    assert "<strong>Ana</strong>" in page


def test_it_works_without_script(desk: Desk, ana: Staff, client: PageClient) -> None:
    _, pat = claimed(desk, ana)
    kept = client.post(f"{page_of(pat)}/notes", {"text": "See file.", "conversation": pat})
    assert kept.headers["Location"].startswith(f"{page_of(pat)}#note-")
    assert "See file." in client.get(page_of(pat))
    client.post(f"{page_of(pat)}/notes", {"text": "  ", "conversation": pat})
    assert "Type a note first." in client.get(page_of(pat))


def test_who_is_mentioned_finds_it_in_the_inbox_until_they_have_looked(
    desk: Desk, ana: Staff, client: PageClient
) -> None:
    bea = desk.sign_in(desk.agent("Bea"))
    _, pat = claimed(desk, ana)
    note_id = note(client, pat, "Please look, @bea: is this yours?")
    inbox = bea.get("/console/")
    assert "Ana mentioned you in a note" in inbox
    assert f"{page_of(pat)}#note-{note_id}" in inbox
    assert "mentioned you" not in client.get("/console/")
    page = bea.get(page_of(pat))
    assert f'id="note-{note_id}"' in page
    assert "mentioned you" not in bea.get("/console/")


def test_having_it_open_counts_as_looked(desk: Desk, ana: Staff, client: PageClient) -> None:
    bea = desk.sign_in(desk.agent("Bea"))
    _, pat = claimed(desk, ana)
    note(client, pat, "@Bea?")
    bea.call("/console/ping", {"reading": pat})
    assert "mentioned you" not in bea.get("/console/")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@Ana Maria and @bea", ["Ana Maria", "Bea"]),
        ("@Ana only", ["Ana"]),
        ("mail pat@bea.example", []),
        ("@Beatrice", []),
        ("(@Bea)", ["Bea"]),
        ("@Max is no agent", []),
    ],
)
def test_a_mention_is_a_whole_name_of_an_agent(desk: Desk, text: str, names: list[str]) -> None:
    for name in ("Ana", "Ana Maria", "Bea"):
        desk.agent(name)
    desk.add("Max", RoleName.MANAGER)
    cleo = desk.agent("Cleo")
    pat = desk.patient()
    with desk.open() as session:
        notes.write(session, pat, cleo.id, text, desk.clock())
    with desk.reading() as session:
        people = session.scalars(select(Staff).order_by(Staff.name)).all()
        found = [each.name for each in people if notes.unread(session, each.id)]
    assert found == names


def test_only_agents_write_them_and_only_where_they_may_look(
    desk: Desk, ana: Staff, client: PageClient
) -> None:
    never_handed_over = desk.patient()
    answer = client.call(f"{page_of(never_handed_over)}/notes", {"text": "Hm."})
    assert answer.status_code == 404
    _, pat = claimed(desk, ana)
    eli = desk.sign_in(desk.add("Eli", RoleName.EDITOR))
    assert eli.call(f"{page_of(pat)}/notes", {"text": "Hm."}).status_code == 404
    with desk.reading() as session:
        assert session.scalars(select(StaffNote)).all() == []


# Never the patient's -----------------------------------------------------------------------------


@pytest.fixture
def handed_over(desk: Desk, ana: Staff, client: PageClient) -> tuple[str, str]:
    """A conversation with a note in it, and the token that opens it."""
    pat, token = conversations.start(
        desk.services, lang="en", site="demo", page_url=None, address_hash="a" * 64
    )
    desk.say(pat, "hello")
    desk.ask(pat)
    with desk.open() as session:
        handoff = handoffs.open_handoff(session, pat)
        assert handoff is not None
        handoffs.claim(session, handoff.id, ana.id)
    note(client, pat, SECRET)
    return pat, token


def test_no_answer_to_a_patient_holds_a_note(desk: Desk, handed_over: tuple[str, str]) -> None:
    """Every route a patient can call, with the conversation's own token and cookie."""
    pat, token = handed_over
    client = desk.app.test_client()
    client.set_cookie("plain_chat", f"{pat}.{token}", path="/plain-chat")
    headers = {"Authorization": f"Bearer {token}"}
    bodies = []
    rules = [rule for rule in desk.app.url_map.iter_rules() if rule.endpoint != "chat.stream"]
    for rule in sorted(rules, key=lambda rule: rule.endpoint in LAST):
        if rule.endpoint.split(".")[0] not in PATIENT_BLUEPRINTS:
            continue
        path = re.sub(r"<[^>]*conversation_id>", pat, str(rule))
        path = re.sub(r"<int[^>]*>", "1", path)
        path = re.sub(r"<[^>]+>", "x", path)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS", "DELETE"}):
            body = {"json": {"client_id": "c", "text": "hi", "version": "1"}}
            answer = client.open(path, method=method, headers=headers, **body)
            bodies.append((rule.endpoint, answer.status_code, answer.get_data(as_text=True)))
    seen = {endpoint for endpoint, status, _ in bodies if status in (200, 202)}
    assert {"chat.log", "chat.data", "plain.show", "plain.held"} <= seen
    assert "hello" in {endpoint: body for endpoint, _, body in bodies}["chat.log"]
    assert [endpoint for endpoint, _, body in bodies if SECRET in body] == []


def test_no_event_of_a_patients_stream_holds_a_note(
    desk: Desk, client: PageClient, handed_over: tuple[str, str]
) -> None:
    pat, _ = handed_over
    events = feed.events(desk.services, desk.app.app_context, pat, 0)
    with desk.app.app_context():
        sent = [next(events)]
    note(client, pat, f"{SECRET} again")
    desk.say(pat, "still here")
    with desk.app.app_context():
        sent.append(next(events))
    events.close()
    assert b"still here" in sent[-1]
    assert SECRET.encode() not in b"".join(sent)


def test_a_note_is_no_row_of_the_log_and_stands_sealed(
    desk: Desk, handed_over: tuple[str, str]
) -> None:
    pat, _ = handed_over
    rows = desk.log(pat)
    assert {row.author for row in rows if row.kind is Kind.TEXT} == {Author.PATIENT}
    assert not any(SECRET in f"{row.text} {row.payload}" for row in rows)
    with desk.services.database.engine.connect() as connection:
        [sealed] = connection.exec_driver_sql("select sealed from staff_note").scalars()
    assert SECRET.encode() not in bytes(sealed)


def test_nothing_made_for_patients_can_read_notes() -> None:
    """Only the notes themselves and the console's pages know of them."""
    readers = {
        name
        for name, tree in modules("web")
        if "web.desk.notes" in set(imports(tree))
        or any(isinstance(node, ast.Name) and node.id == "StaffNote" for node in ast.walk(tree))
    }
    console = {"web.views.console", "web.views.answering", "web.views._desk"}
    assert readers == {"web.desk.notes", *console}


def test_forgetting_the_conversation_forgets_its_notes(
    desk: Desk, handed_over: tuple[str, str]
) -> None:
    with desk.app.app_context():
        conversations.forget(desk.services, handed_over[0])
    with desk.reading() as session:
        assert session.scalars(select(StaffNote)).all() == []
