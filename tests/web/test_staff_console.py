"""The console as pages, as calls of its script, and as a stream."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import event
from werkzeug.test import EnvironBuilder

from tests.web.staff_desk import Desk, PageClient
from web import security
from web.accounts import sessions
from web.accounts.staff import disable_staff
from web.chat import conversations
from web.desk import handoffs, inbox
from web.models import Author, Block, Conversation, Kind, RoleName, Staff
from web.privacy import audit
from web.services import of
from web.views import _desk_stream

CONTACT = {"name": "Pat", "phone": "503 555 0123", "message": "Please call me about my bill."}


@pytest.fixture
def client(desk: Desk, ana: Staff) -> PageClient:
    return desk.sign_in(ana)


def address(conversation_id: str) -> str:
    return f"/console/conversations/{conversation_id}"


# As pages, without script ------------------------------------------------------------------------


def test_it_works_without_script(desk: Desk, client: PageClient) -> None:
    """See who waits, open, claim, write, resolve: forms and reloads alone."""
    waiting = desk.waiting("Where can I park a van?")
    pat = desk.conversation_of(waiting)
    inbox_page = client.get("/console/")
    assert "Where can I park a van?" in inbox_page
    assert address(pat) in inbox_page

    page = client.get(address(pat))
    assert "Claim this conversation" in page
    client.post(f"/console/handoffs/{waiting}/claim", {"conversation": pat})

    page = client.get(address(pat))
    [client_id] = re.findall(r'name="client_id" value="([^"]+)"', page)
    values = {"text": "Behind\nthe house.", "client_id": client_id, "conversation": pat}
    for _ in range(2):  # a form sent twice by a double click
        client.post(f"/console/handoffs/{waiting}/messages", values)
    page = client.get(address(pat))
    assert page.count("kb-message--agent") == 1

    client.post(f"/console/handoffs/{waiting}/resolve", {"conversation": pat})
    page = client.get(address(pat))
    assert "Resolved by Ana at 10 am." in page
    assert 'id="composer-text"' not in page


def test_every_state_is_a_sound_page(desk: Desk, client: PageClient) -> None:
    """`get` checks the page; here is every state it can be in."""
    bea = desk.agent("Bea")
    waiting, mine, others, closed = (desk.waiting() for _ in range(4))
    for handoff_id, staff_id in ((mine, None), (others, bea.id)):
        with desk.open() as session:
            owner = staff_id or session.query(Staff).filter_by(name="Ana").one().id
            handoffs.claim(session, handoff_id, owner)
    gone = desk.conversation_of(closed)
    with desk.open() as session:
        handoffs.abandon(session, gone)
    spanish = desk.patient("¿Dónde me estaciono?", lang="es")
    desk.ask(spanish, "danger", urgent=True)
    left = desk.patient()
    with desk.open() as session:
        handoffs.leave_message(session, left, CONTACT)

    for box in inbox.Box:
        client.get(f"/console/?box={box.value}")
    for handoff_id in (waiting, mine, others, closed):
        client.get(address(desk.conversation_of(handoff_id)))
    assert "Bea claimed this conversation at 10 am." in client.get(
        address(desk.conversation_of(others))
    )
    assert 'lang="es"' in client.get(address(spanish))
    page = client.get(address(left))
    assert "503 555 0123" in page
    assert "Done, I answered" in page


def test_what_people_typed_is_text_on_every_page(desk: Desk, client: PageClient) -> None:
    evil = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    waiting = desk.waiting(evil)
    pat = desk.conversation_of(waiting)
    with desk.open() as session:
        handoffs.leave_message(session, pat, {**CONTACT, "name": evil[:80], "message": evil})
    for path in ("/console/?box=messages", address(pat)):
        page = client.get(path)
        assert "&lt;img src=x" in page
        assert "<img" not in page


def test_the_card_says_why_what_was_asked_and_what_was_shown(
    desk: Desk, client: PageClient
) -> None:
    pat = desk.patient("Where do I park?", "That is too far for me")
    with desk.open() as session:
        passage = {
            "article": "en/parking",
            "title": "Where is parking?",
            "heading": "",
            "anchor": "",
            "html": "<p>Behind the house.</p>",
            "lang": "en",
        }
        row = conversations.append(
            session, pat, author=Author.BOT, kind=Kind.PASSAGES, payload={"passages": [passage]}
        )
        conversations.rate_answer(session, pat, row.n, False)
        session.get_one(Conversation, pat).page_url = "https://clinic.example/visit"
        conversations.log(session, pat)[0].payload = {"masked": ["ssn", "member_id"]}
    desk.ask(pat, "failed_twice")
    page = client.get(address(pat))
    card = page[page.index("data-card") :]
    for text in (
        "No answer found twice",
        "Where do I park?",
        "That is too far for me",
        "Where is parking?",
        "did not help",
        "Hidden for privacy: member id, ssn",
        "https://clinic.example/visit",
        "English",
    ):
        assert text in card, text


def test_conversations_nobody_handed_off_are_not_for_agents(desk: Desk, client: PageClient) -> None:
    pat = desk.patient()
    for path in (address(pat), address("unknown")):
        assert client.client.get(path).status_code == 404
    events = Events(client.client.get(f"/console/stream?conversation={pat}"))
    assert [events.next(), events.next()[0]] == [("gone", {"page": 0}), "inbox"]
    assert not of(desk.app).hub._listeners.get(pat)
    events.close()


def test_opening_a_transcript_is_written_down(desk: Desk, client: PageClient, ana: Staff) -> None:
    pat = desk.conversation_of(desk.waiting())
    client.get(address(pat))
    client.get("/console/")
    with desk.open() as session:
        entries = audit.entries(session, f"conversation:{pat}")
        assert [(entry.act, entry.staff_id) for entry in entries] == [("transcript_opened", ana.id)]


def test_the_inbox_needs_as_many_queries_for_ten_as_for_one(
    desk: Desk, client: PageClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "ACTIVE_EVERY", timedelta(days=1))  # else noted in one of them
    seen: list[str] = []
    engine = desk.services.database.engine
    event.listen(engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    counts = []
    for more in (1, 9):
        for _ in range(more):
            desk.waiting()
        seen.clear()
        client.get("/console/?box=waiting")
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_the_inbox_shows_ones_own_when_nobody_waits(
    desk: Desk, client: PageClient, ana: Staff
) -> None:
    waiting = desk.waiting()
    with desk.open() as session:
        handoffs.claim(session, waiting, ana.id)
    assert re.search(r'box=mine" aria-current="true"', client.get("/console/"))


def test_a_box_that_does_not_exist_is_not_found(client: PageClient) -> None:
    assert client.client.get("/console/?box=nonsense").status_code == 404


# As the script calls it --------------------------------------------------------------------------


def test_who_loses_the_race_reads_who_won(desk: Desk, client: PageClient) -> None:
    bea = desk.agent("Bea")
    waiting = desk.waiting()
    with desk.open() as session:
        handoffs.claim(session, waiting, bea.id)
    refusal = client.call(f"/console/handoffs/{waiting}/claim")
    assert refusal.status_code == 409
    assert refusal.json == {
        "error": {
            "code": "already_claimed",
            "message": "Bea claimed this conversation at 10 am.",
        }
    }
    client.post(f"/console/handoffs/{waiting}/claim", {"conversation": "x"})
    page = client.get(address(desk.conversation_of(waiting)))
    assert "Bea claimed this conversation at 10 am." in page


@pytest.mark.parametrize("act", ["resolve", "return", "messages", "done"])
def test_acts_on_what_one_does_not_have_are_refused_with_a_reason(
    desk: Desk, client: PageClient, act: str
) -> None:
    waiting = desk.waiting()
    values = {"text": "Hello", "client_id": "k" * 16}
    refusal = client.call(f"/console/handoffs/{waiting}/{act}", values)
    assert refusal.status_code == 409
    assert refusal.json is not None
    assert refusal.json["error"]["message"]
    for unknown in (999999, 2**31, 2**63):
        assert client.call(f"/console/handoffs/{unknown}/{act}", values).status_code == 404


def test_a_message_is_sent_once_however_often_it_is_posted(
    desk: Desk, client: PageClient, ana: Staff
) -> None:
    waiting = desk.waiting()
    client.call(f"/console/handoffs/{waiting}/claim")
    values = {"text": "  Behind the house. ", "client_id": "k" * 16}
    answers = [client.call(f"/console/handoffs/{waiting}/messages", values) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {201}
    assert len({json.dumps(answer.json) for answer in answers}) == 1
    rows = [row for row in desk.log(desk.conversation_of(waiting)) if row.author is Author.AGENT]
    assert [row.text for row in rows] == ["Behind the house."]


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"text": "   ", "client_id": "k" * 16}, 422),
        ({"text": "x" * 2001, "client_id": "k" * 16}, 422),
        ({"text": "Hello"}, 400),
        ({"text": "Hello", "client_id": "short"}, 400),
        ({"text": 7, "client_id": "k" * 16}, 400),
    ],
)
def test_what_cannot_be_sent_is_refused(
    desk: Desk, client: PageClient, values: dict[str, Any], status: int
) -> None:
    waiting = desk.waiting()
    client.call(f"/console/handoffs/{waiting}/claim")
    assert client.call(f"/console/handoffs/{waiting}/messages", values).status_code == status


def test_only_who_has_the_chat_is_shown_as_typing(desk: Desk, client: PageClient) -> None:
    waiting = desk.waiting()
    pat = desk.conversation_of(waiting)
    client.call(f"{address(pat)}/typing")
    assert not desk.services.typing.is_typing(pat, "agent")
    client.call(f"/console/handoffs/{waiting}/claim")
    client.call(f"{address(pat)}/typing")
    assert desk.services.typing.is_typing(pat, "agent")
    values = {"text": "Hello", "client_id": "k" * 16}
    client.call(f"/console/handoffs/{waiting}/messages", values)
    assert not desk.services.typing.is_typing(pat, "agent")


def test_away_takes_an_agent_out_and_back_brings_them_in(desk: Desk, client: PageClient) -> None:
    def staffed() -> bool:
        with desk.open() as session:
            return handoffs.is_staffed(session)

    assert staffed()
    client.post("/console/away", {"away": "1"})
    assert not staffed()
    assert "You are away" in client.get("/console/")
    client.post("/console/away", {"away": "0"})
    assert staffed()


def test_a_ping_is_a_sign_of_life(desk: Desk, client: PageClient) -> None:
    desk.clock.passes(minutes=5)
    with desk.open() as session:
        assert not handoffs.is_staffed(session)
    assert client.call("/console/ping").status_code == 200
    with desk.open() as session:
        assert handoffs.is_staffed(session)


@pytest.mark.parametrize(("what", "is_address"), [("conversation", False), ("address", True)])
def test_a_block_is_made_and_written_down(
    desk: Desk, client: PageClient, ana: Staff, what: str, is_address: bool
) -> None:
    pat = desk.conversation_of(desk.waiting())
    client.post(f"{address(pat)}/block", {"what": what, "hours": "24"})
    with desk.open() as session:
        [block] = session.query(Block).all()
        conversation = session.get_one(Conversation, pat)
        assert block.key == (conversation.address_hash if is_address else pat)
        assert security.is_blocked(session, [block.key], desk.clock())
        entries = audit.entries(session, f"conversation:{pat}")
        assert ("blocked", ana.id) in [(entry.act, entry.staff_id) for entry in entries]


@pytest.mark.parametrize("values", [{"what": "all"}, {"hours": "9999"}, {"hours": "soon"}])
def test_a_block_that_makes_no_sense_is_refused(
    desk: Desk, client: PageClient, values: dict[str, str]
) -> None:
    pat = desk.conversation_of(desk.waiting())
    how = {"what": "conversation", "hours": "1", **values}
    assert client.post(f"{address(pat)}/block", how).status_code == 400


# As a stream -------------------------------------------------------------------------------------


class Events:
    """Reads a stream event by event."""

    def __init__(self, response: Any) -> None:
        assert response.mimetype == "text/event-stream"
        self._parts = response.iter_encoded()
        self._response = response
        self.last_id = ""

    def next(self) -> tuple[str, dict[str, Any]]:
        for part in self._parts:
            fields = dict(line.split(": ", 1) for line in part.decode().strip().splitlines())
            self.last_id = fields.get("id", self.last_id)
            if "event" in fields:
                return fields["event"], json.loads(fields["data"])
        return "end", {}

    def until(self, wanted: str) -> dict[str, Any]:
        for _ in range(20):
            event_name, data = self.next()
            assert event_name != "end", f"the stream ended without {wanted}"
            if event_name == wanted:
                return data
        raise AssertionError(f"no {wanted} among twenty events")

    def close(self) -> None:
        self._response.close()


@pytest.fixture
def stream(desk: Desk, client: PageClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(_desk_stream, "LIST_EVERY_S", 0.01)
    opened: list[Events] = []

    def open_stream(path: str = "/console/stream", **headers: str) -> Events:
        events = Events(client.client.get(path, headers=headers))
        opened.append(events)
        return events

    yield open_stream
    for each in opened:
        each.close()


def test_a_new_handoff_reaches_the_open_inbox(desk: Desk, stream: Any) -> None:
    events = stream()
    assert events.until("inbox")["waiting_ids"] == []
    waiting = desk.waiting("Where can I park a van?")
    news = events.until("inbox")
    while not news["waiting_ids"]:
        news = events.until("inbox")
    assert news["waiting_ids"] == [waiting]
    assert "Where can I park a van?" in news["html"]
    assert news["urgent_ids"] == []


def test_the_open_conversation_gets_its_lines_in_order_from_the_last_one_it_has(
    desk: Desk, stream: Any
) -> None:
    waiting = desk.waiting("one", "two")
    pat = desk.conversation_of(waiting)
    events = stream(f"/console/stream?conversation={pat}&after=1")
    assert events.until("message")["n"] == 2
    assert events.until("message")["n"] == 3
    desk.say(pat, "four")
    row = events.until("message")
    assert (row["n"], row["author"]) == (4, "patient")
    assert "four" in row["html"]
    again = stream(f"/console/stream?conversation={pat}&after=0", **{"Last-Event-ID": "3"})
    assert again.until("message")["n"] == 4


def test_one_stream_serves_all_the_tabs_of_a_browser(desk: Desk, stream: Any) -> None:
    pats = [desk.conversation_of(desk.waiting("one", "two")) for _ in range(2)]
    pages = [f"box=closed&conversation={pats[0]}&after=2", f"conversation={pats[1]}&after=1"]
    path = "/console/stream?" + urlencode({"page": pages}, doseq=True)
    events = stream(path)
    told = [events.until("message") for _ in range(3)]
    assert [(row["page"], row["n"]) for row in told] == [(0, 3), (1, 2), (1, 3)]
    lists = {row["page"]: row["html"] for row in (events.until("inbox"), events.until("inbox"))}
    assert 'box=closed" aria-current="true"' in lists[0]
    assert 'box=waiting" aria-current="true"' in lists[1]
    desk.say(pats[1], "four")
    row = events.until("message")
    assert (row["page"], row["n"]) == (1, 4)
    broken_off_between = {"Last-Event-ID": "3.2"}
    again = stream(path, **broken_off_between)
    assert [again.until("message")["n"], again.until("message")["n"]] == [3, 4]
    desk.say(pats[1], "five")
    onward = stream(path, **{"Last-Event-ID": events.last_id})
    row = onward.until("message")
    assert (row["page"], row["n"]) == (1, 5), "nothing is told twice"


def test_the_state_follows_a_claim_by_somebody_else(desk: Desk, stream: Any) -> None:
    bea = desk.agent("Bea")
    waiting = desk.waiting()
    pat = desk.conversation_of(waiting)
    events = stream(f"/console/stream?conversation={pat}&after=9")
    first = events.until("state")
    assert "Claim this conversation" in first["actions"]
    with desk.open() as session:
        handoffs.claim(session, waiting, bea.id)
    second = events.until("state")
    assert second["key"] != first["key"]
    assert "Bea claimed this conversation" in second["actions"]


def test_the_patients_typing_is_seen(desk: Desk, stream: Any) -> None:
    pat = desk.conversation_of(desk.waiting())
    events = stream(f"/console/stream?conversation={pat}&after=9")
    assert events.until("state")["typing"] is False
    desk.services.typing.mark(pat, "patient")
    assert events.until("state")["typing"] is True


def test_a_stream_ends_by_itself_so_that_its_session_is_looked_at_again(
    stream: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_desk_stream, "STREAM_LIFE_S", 0.2)
    events = stream()
    events.until("inbox")
    assert events.next() == ("end", {})


def test_a_quiet_stream_beats(stream: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_desk_stream, "BEAT_S", 0.05)
    events = stream()
    assert events.until("beat") == {}


def test_a_stream_holds_no_connection_to_the_database_while_it_waits(
    desk: Desk, stream: Any
) -> None:
    pool: Any = desk.services.database.engine.pool
    before = pool.checkedout()
    events = stream(f"/console/stream?conversation={desk.conversation_of(desk.waiting())}")
    events.until("inbox")
    assert pool.checkedout() == before


def test_a_closed_account_gets_no_more_news(desk: Desk, stream: Any, ana: Staff) -> None:
    events = stream()
    events.until("inbox")
    with desk.open() as session:
        disable_staff(session, session.get_one(Staff, ana.id))
    desk.services.hub.publish(["console"])
    assert events.next() == ("end", {})


@pytest.mark.parametrize("events_read", [0, 1])
def test_a_stream_that_was_left_is_forgotten(
    desk: Desk, client: PageClient, events_read: int
) -> None:
    """Also one whose browser went away before the first event."""
    hub = of(desk.app).hub
    cookie = client.client.get_cookie("front_desk")
    assert cookie is not None
    headers = {"Cookie": f"front_desk={cookie.value}"}
    environ = EnvironBuilder("/console/stream", headers=headers).get_environ()
    body: Any = desk.app(environ, lambda *_: lambda _: None)
    parts = iter(body)
    for _ in range(events_read):
        next(parts)
    assert hub._listeners.get("console")
    body.close()
    assert not hub._listeners.get("console")


def test_a_signed_out_browser_gets_a_refusal_it_can_read(desk: Desk) -> None:
    accept = {"Accept": "text/event-stream"}
    response = desk.app.test_client().get("/console/stream", headers=accept)
    assert response.status_code == 401


def test_the_scripts_decisions_hold() -> None:
    node = shutil.which("node")
    assert node, "node is needed for the console's script: apt-get install nodejs"
    test = Path(__file__).with_name("staff_console_logic.test.mjs")
    done = subprocess.run([node, "--test", str(test)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout[-2000:]


def test_zoe_and_the_others_have_no_stream(desk: Desk) -> None:
    max_ = desk.sign_in(desk.add("Max", RoleName.MANAGER))
    assert max_.client.get("/console/stream").status_code == 404
