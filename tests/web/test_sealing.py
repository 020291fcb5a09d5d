"""What people wrote is in no file in the clear, what was masked is shown by a written act alone,
and the log of such acts cannot be changed unnoticed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import ArgumentError

from tests.conftest import Patient
from tests.web.staff_desk import Desk, PageClient
from web import checks, migrations
from web.chat import conversations
from web.checks import Level
from web.db import Database
from web.desk import handoffs
from web.models import Conversation, Handoff, Message, RoleName
from web.privacy import audit
from web.privacy.keys import KeysUnusable
from web.services import Services

CONTACT = {
    "name": "Pat Quintessa",
    "phone": "(503) 555-9876",
    "message": "quetzal feather, my member id is XQZ123456789",
}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    # Here nobody is asked for a yes: other tests hold that.
    desk = Desk(tmp_path / "var", privacy={"consent": "notice"})
    yield desk
    desk.close()


def bytes_of(var: Path) -> dict[str, bytes]:
    """Every file below var, but for the keys."""
    files = (path for path in var.rglob("*") if path.is_file() and path.name != "keys")
    return {str(path.relative_to(var)): path.read_bytes() for path in files}


def leaks(var: Path, *words: str) -> list[tuple[str, str]]:
    found = bytes_of(var)
    assert any(content for content in found.values())
    return [
        (name, word)
        for name, content in found.items()
        for word in words
        for form in (word.encode(), word.encode("utf-16-le"))
        if form in content
    ]


# In the files ------------------------------------------------------------------------------------


def test_it_works(pat: Patient, services: Services, answer_all: Callable[[], int]) -> None:
    """A message, a rating and a form: each reads back, and none stands in a file."""
    said = pat.say("xylophone trouble, my ssn is 536-22-8147")
    answer_all()
    pat.post("/rating", {"score": 4, "comment": "marimba comment"})
    pat.post("/handoff")
    sent = pat.post("/forms", {"client_id": "f1", "form": "contact", "fields": CONTACT})
    assert (said.status_code, sent.status_code) == (202, 202)
    held = pat.get("/data").json
    assert held["conversation"]["rating_comment"] == "marimba comment"
    assert "xylophone trouble" in held["messages"][0]["text"]
    assert held["requests_for_a_person"][0]["contact"]["name"] == "Pat Quintessa"
    planted = ("xylophone", "marimba", "Quintessa", "555-9876", "quetzal", "536-22", "XQZ123")
    assert leaks(services.settings.var_dir, *planted) == []


def test_what_an_agent_writes_is_sealed_as_well(desk: Desk) -> None:
    ana = desk.agent()
    handoff = desk.waiting("balalaika")
    with desk.open() as session:
        handoffs.claim(session, handoff, ana.id)
        handoffs.write(session, handoff, ana.id, client_id="12345678", text="ocarina reply")
    assert leaks(desk.settings.var_dir, "balalaika", "ocarina") == []


def test_a_query_cannot_ask_for_sealed_words(desk: Desk) -> None:
    """Loudly: a filter on words would find nothing, and say nothing."""
    with pytest.raises(ArgumentError):
        select(Message.text)  # type: ignore[call-overload]


def test_words_never_end_in_an_error_or_a_repr(desk: Desk) -> None:
    pat = desk.patient("xylophone")
    [row] = desk.log(pat)
    assert "xylophone" not in repr(row.sealed) + repr(row)


def test_a_database_opened_without_keys_gives_no_words(desk: Desk) -> None:
    pat = desk.patient("xylophone")
    database = Database(desk.settings.database)
    with database.reading() as session:
        [row] = conversations.log(session, pat)
        with pytest.raises(KeysUnusable):
            _ = row.text
    database.dispose()


# Rows from before --------------------------------------------------------------------------------

OLD_ROWS = """
insert into conversation (id, token_hash, site, lang, address_hash, created_at, last_message_at,
    last_seen_at, last_n, segment, segment_turns, misses, page_url, rating_comment)
  values ('pat', '0', 'demo', 'en', '0', '2026-11-22', '2026-11-22', '2026-11-22', 2, 0, 0, 0,
    'https://clinic.example/xylophone', 'marimba');
insert into message (id, conversation_id, n, author, kind, text, payload, created_at)
  values (1, 'pat', 1, 'patient', 'text', 'balalaika', '{"masked": ["ssn"]}', '2026-11-22'),
         (2, 'pat', 2, 'system', 'handoff', '', '{"line": "ocarina"}', '2026-11-22');
insert into handoff (id, conversation_id, state, reason, urgent, requested_at, contact)
  values (1, 'pat', 'message_left', 'asked', 0, '2026-11-22', '{"name": "vibraphone"}');
insert into staff (id, email, name, active, fs_uniquifier, created_at, is_away)
  values (1, 'ana@x.example', 'Ana', 1, 'u', '2026-11-22', 0);
insert into audit_entry (id, at, staff_id, act, subject)
  values (1, '2026-11-22 10:00:00.000000', 1, 'signed_in', 'staff:1'),
         (2, '2026-11-22 10:00:01.000000', null, 'claimed', 'conversation:pat');
"""
OLD_WORDS = ("xylophone", "marimba", "balalaika", "ocarina", "vibraphone")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A `var` with a database from before the seals."""
    var = tmp_path / "old"
    var.mkdir()
    database = Database(f"sqlite:///{var / 'clinic.sqlite3'}")
    migrations.upgrade(database, to="0006")
    database.dispose()
    with closing(sqlite3.connect(var / "clinic.sqlite3")) as raw, raw:
        raw.executescript(OLD_ROWS)
    assert leaks(var, *OLD_WORDS) != []
    return var


@pytest.mark.sqlite
def test_rows_from_before_are_sealed_at_the_next_start(old: Path) -> None:
    desk = Desk(old)
    with desk.reading() as session:
        pat = session.get_one(Conversation, "pat")
        assert (pat.page_url, pat.rating_comment) == ("https://clinic.example/xylophone", "marimba")
        assert session.get_one(Handoff, 1).contact == {"name": "vibraphone"}
        assert audit.check(session).entries == 2
        assert audit.check(session).broken_at is None
    first, second = desk.log("pat")
    assert (first.text, first.payload) == ("balalaika", {"masked": ["ssn"]})
    assert second.payload == {"line": "ocarina"}
    [copy] = old.glob("*.before-*")
    copy.unlink()  # docs/privacy.md names it; retention removes it
    assert leaks(old, *OLD_WORDS) == []
    desk.close()


@pytest.mark.sqlite
def test_sealing_can_be_taken_back(old: Path) -> None:
    desk = Desk(old)
    migrations.downgrade(desk.services.database, "0006")
    with desk.services.database.engine.connect() as connection:
        rows = connection.execute(text("select text, payload from message order by n")).all()
        contact = connection.execute(text("select contact from handoff")).scalar_one()
    assert [(words, json.loads(payload)) for words, payload in rows] == [
        ("balalaika", {"masked": ["ssn"]}),
        ("", {"line": "ocarina"}),
    ]
    assert json.loads(contact) == {"name": "vibraphone"}
    desk.close()


# What was masked ---------------------------------------------------------------------------------

SSN = "536-22-8147"


class Shown:
    """A conversation in which something was masked, and Ana at the console."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.ana = desk.agent()
        self.pat = Patient(desk.app.test_client())
        self.pat.say(f"my social security number is {SSN}")
        self.pat.say("nothing to hide")
        desk.ask(self.pat.id)

    @property
    def page(self) -> str:
        return f"/console/conversations/{self.pat.id}"

    def path(self, n: int = 1) -> str:
        return f"{self.page}/originals/{n}"

    def acts(self) -> list[tuple[int | None, str]]:
        with self.desk.reading() as session:
            entries = audit.entries(session)
        return [(each.staff_id, each.subject) for each in entries if each.act == "original_shown"]


@pytest.fixture
def masked(desk: Desk) -> Shown:
    return Shown(desk)


def test_an_agent_sees_what_was_masked_by_an_act_that_is_written_down(masked: Shown) -> None:
    client = masked.desk.sign_in(masked.ana)
    page = client.get(masked.page)
    assert SSN not in page and "[ssn]" in page
    assert page.count("Show what was hidden") == 1, "only where something was masked"
    assert masked.acts() == []
    shown = client.post(masked.path())
    assert shown.status_code == 200 and SSN in shown.text and "[ssn]" in shown.text
    assert masked.acts() == [(masked.ana.id, f"message:{masked.pat.id}:1")]
    assert SSN not in client.get(masked.page), "the next look is masked again"
    assert client.call(masked.path()).json == {"original": f"my social security number is {SSN}"}
    assert len(masked.acts()) == 2


def test_nothing_is_shown_where_nothing_was_masked(masked: Shown) -> None:
    client = masked.desk.sign_in(masked.ana)
    for n in (0, 2, 99):
        assert client.post(masked.path(n)).status_code == 404
    assert masked.acts() == []


@pytest.mark.parametrize("role", [RoleName.EDITOR, RoleName.REVIEWER, RoleName.PRIVACY, None])
def test_other_roles_are_shown_nothing(masked: Shown, role: RoleName | None) -> None:
    zoe = masked.desk.add("Zoe", *([role] if role else []))
    refused = masked.desk.sign_in(zoe).post(masked.path())
    assert refused.status_code == 404 and SSN not in refused.text
    assert masked.acts() == []


def test_a_manager_may_see_it_too(masked: Shown) -> None:
    client = masked.desk.sign_in(masked.desk.add("Max", RoleName.MANAGER))
    assert SSN in client.post(masked.path()).text


def test_another_site_cannot_press_the_button(masked: Shown) -> None:
    client = masked.desk.sign_in(masked.ana)
    assert client.client.post(masked.path()).status_code == 400
    assert client.client.get(masked.path()).status_code == 302
    assert masked.acts() == []


def test_a_conversation_nobody_handed_over_is_shown_to_nobody(desk: Desk) -> None:
    pat = Patient(desk.app.test_client())
    pat.say(f"my social security number is {SSN}")
    refused = desk.sign_in(desk.agent()).post(f"/console/conversations/{pat.id}/originals/1")
    assert refused.status_code == 404


def test_the_patients_own_panel_and_data_stay_masked(masked: Shown) -> None:
    for answer in (masked.pat.get("/log"), masked.pat.get("/data")):
        assert SSN not in answer.text and "[ssn]" in answer.text
        assert "Show what was hidden" not in answer.text


def test_the_contact_forms_message_can_be_shown(desk: Desk) -> None:
    pat = Patient(desk.app.test_client())
    pat.say("hello")
    pat.post("/forms", {"client_id": "f1", "form": "contact", "fields": CONTACT})
    client: PageClient = desk.sign_in(desk.agent())
    page = client.get(f"/console/conversations/{pat.id}")
    assert "XQZ123456789" not in page and "(503) 555-9876" in page
    assert "XQZ123456789" in client.post(f"/console/conversations/{pat.id}/originals/0").text


# The chain of acts -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "harm",
    [
        "update audit_entry set staff_id = 1 where id = 2",
        "update audit_entry set act = 'blocked' where id = 2",
        "update audit_entry set subject = 'conversation:other' where id = 2",
        "update audit_entry set at = '2020-01-01' where id = 2",
        "delete from audit_entry where id = 2",
        "update audit_entry set id = 99 where id = 2",
        "insert into audit_entry select 99, at, staff_id, act, subject, digest"
        " from audit_entry where id = 2",
    ],
)
def test_a_changed_audit_log_is_noticed(desk: Desk, harm: str) -> None:
    desk.agent()
    for n in range(3):
        with desk.open() as session:
            audit.record(session, audit.Act.CLAIMED, f"conversation:{n}", staff_id=None)
    [fine] = checks.audit_checks(desk.settings)
    assert fine.level is Level.OK and "4 entries" in fine.what
    with desk.services.database.engine.begin() as raw:
        raw.exec_driver_sql(harm)
    [broken] = checks.audit_checks(desk.settings)
    assert broken.level is Level.FAIL


def test_a_log_cut_short_shows_another_newest_digest(desk: Desk) -> None:
    with desk.open() as session:
        for n in range(3):
            audit.record(session, audit.Act.CLAIMED, f"conversation:{n}", staff_id=None)
    with desk.open() as session:
        before = audit.check(session).newest
        session.execute(text("delete from audit_entry where id = 3"))
        assert audit.check(session).newest != before


def test_acts_at_the_same_time_make_one_chain(desk: Desk) -> None:
    def act(n: int) -> None:
        with desk.open() as session:
            audit.record(session, audit.Act.CLAIMED, f"conversation:{n}", staff_id=None)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(act, range(40)))
    with desk.reading() as session:
        chain = audit.check(session)
    assert (chain.entries, chain.broken_at) == (40, None)
