"""What is old or forgotten is gone: from the tables, and from every byte of the database's files.

Most tests here seal with nothing, so that planted words can be looked for; that they stand in the
files before shows that looking for them would find them.
"""

from __future__ import annotations

import os
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import inspect

from tests.conftest import Patient
from tests.web.staff_desk import Desk
from web.db import Base, utc_now
from web.desk import handoffs
from web.models import Block, Conversation, Handoff, Message, Turn
from web.privacy import audit, retention
from web.privacy.sealing import use_keys


class NullCipher:
    """Leaves words as they are, in these tests alone."""

    def seal(self, words: bytes, place: str) -> bytes:
        return words

    def open(self, sealed: bytes, place: str) -> bytes:
        return sealed


CONTACT = {"name": "Marimba Quetzal", "phone": "(503) 555-9876", "message": "theremin at noon"}
PLANTED = ("xylophone", "balalaika", "ocarina", "clinic.example/glockenspiel")
LEFT = ("Marimba", "Quetzal", "555-9876", "theremin")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "var", privacy={"consent": "notice"}, chat_hours="always")
    desk.clock.now = utc_now()  # rows are dated by the real clock
    yield desk
    desk.close()


@pytest.fixture
def plain(desk: Desk) -> Desk:
    use_keys(desk.services.database.engine, NullCipher())
    return desk


def chat(desk: Desk) -> Patient:
    """A conversation with words in every place that holds some: it was answered by Ana."""
    pat = Patient.__new__(Patient)
    pat.client = desk.app.test_client()
    start = pat.client.post(
        "/api/v1/conversations",
        json={"lang": "en", "page_url": "https://clinic.example/glockenspiel"},
    )
    pat.id, pat.token = start.json["id"], start.json["token"]
    assert pat.say("xylophone, my ssn is 536-22-8147").status_code == 202
    ana = desk.agent(f"Ana{pat.id[:4]}")
    desk.ask(pat.id)
    with desk.open() as session:
        handoff = handoffs.open_handoff(session, pat.id)
        assert handoff is not None
        handoffs.claim(session, handoff.id, ana.id)
        handoffs.write(session, handoff.id, ana.id, client_id="reply-1234", text="ocarina")
        handoffs.resolve(session, handoff.id, ana.id)
    assert pat.post("/rating", {"score": 5, "comment": "balalaika"}).status_code == 200
    return pat


def leave_message(desk: Desk, pat: Patient) -> None:
    with desk.open() as session:
        handoffs.leave_message(session, pat.id, CONTACT)


def found(desk: Desk, *words: str) -> set[str]:
    held = desk.stored()
    return {word for word in words if word.encode() in held}


def rows(desk: Desk) -> dict[str, int]:
    """How many rows each table that hangs on a conversation has."""
    with desk.services.database.engine.connect() as raw:
        return {
            table: raw.exec_driver_sql(f"select count(*) from {table}").scalar_one()
            for table in sorted({"conversation", *_hanging("conversation")})
        }


def _hanging(table: str) -> set[str]:
    """The tables whose rows go with those of `table`, at any depth."""
    direct = {
        each.name
        for each in Base.metadata.tables.values()
        for key in each.foreign_keys
        if key.column.table.name == table and key.ondelete == "cascade"
    }
    return direct | {name for each in direct - {table} for name in _hanging(each)}


def forget(desk: Desk) -> int:
    with desk.app.app_context():
        return retention.forget_old(desk.services)


# By age ------------------------------------------------------------------------------------------


def test_it_works(plain: Desk) -> None:
    chat(plain)
    assert found(plain, *PLANTED, "536-22-8147") == {*PLANTED, "536-22-8147"}
    before = rows(plain)
    assert before["message"] > 4 and before["handoff"] == 1 and before["turn"] == 1
    plain.clock.passes(days=30, minutes=-1)
    assert forget(plain) == 0
    assert rows(plain) == before
    plain.clock.passes(minutes=2)
    assert forget(plain) == 1
    assert set(rows(plain).values()) == {0}
    assert found(plain, *PLANTED, "536-22-8147") == set()


def test_what_is_young_stays(plain: Desk) -> None:
    old = chat(plain)
    plain.clock.passes(days=29)
    young = plain.patient("glowworm")
    with plain.open() as session:
        session.get_one(Conversation, young).last_message_at = plain.clock()
    plain.clock.passes(days=2)
    assert forget(plain) == 1
    assert [row.text for row in plain.log(young)] == ["glowworm"]
    assert plain.log(old.id) == []
    assert found(plain, *PLANTED, "glowworm") == {"glowworm"}


def test_hundreds_go_in_one_go(plain: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 7)
    for n in range(30):
        plain.patient(f"planted-{n:03}-words")
    plain.clock.passes(days=31)
    assert forget(plain) == 30
    assert found(plain, *(f"planted-{n:03}-words" for n in range(30))) == set()


@pytest.mark.sqlite
def test_the_ciphertext_is_gone_as_well(desk: Desk) -> None:
    chat(desk)
    with closing(sqlite3.connect(desk.settings.var_dir / "clinic.sqlite3")) as raw:
        sealed = [
            row[0]
            for table in ("conversation", "message", "handoff")
            for row in raw.execute(f"select sealed from {table} where sealed is not null")
        ]
        hashes = [row[0].encode() for row in raw.execute("select token_hash from conversation")]

    def left() -> list[bytes]:
        files = [path.read_bytes() for path in desk.settings.var_dir.glob("clinic.sqlite3*")]
        pieces = [each[5:45] for each in sealed] + hashes  # past the key's id
        return [piece for piece in pieces if any(piece in content for content in files)]

    assert len(sealed) > 5 and len(left()) == len(sealed) + len(hashes)
    desk.clock.passes(days=31)
    assert forget(desk) == 1
    assert left() == []


@pytest.mark.sqlite
def test_while_somebody_reads_the_traces_wait_for_the_next_sweep(plain: Desk) -> None:
    chat(plain)
    plain.clock.passes(days=31)
    with plain.reading() as session:
        session.get(Conversation, "x")
        assert forget(plain) == 1
        assert plain.services.database.has_traces
    assert found(plain, *PLANTED) != set()
    assert plain.services.database.wipe_traces()
    assert found(plain, *PLANTED) == set()


@pytest.mark.sqlite
def test_on_a_full_disk_the_traces_wait_for_the_next_sweep(plain: Desk) -> None:
    chat(plain)
    database = plain.services.database
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))  # no file may grow past it
    try:
        assert not database.wipe_traces()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert database.has_traces
    assert database.wipe_traces()


# Left messages, blocks, copies -------------------------------------------------------------------


def test_a_left_message_waits_for_its_answer_but_not_for_ever(plain: Desk) -> None:
    pat = chat(plain)
    leave_message(plain, pat)
    plain.clock.passes(days=89)
    assert forget(plain) == 0
    assert found(plain, *LEFT) == set(LEFT)
    plain.clock.passes(days=2)
    assert forget(plain) == 1
    assert found(plain, *LEFT, *PLANTED) == set()


def test_an_answered_one_goes_like_any_other(plain: Desk) -> None:
    pat = chat(plain)
    leave_message(plain, pat)
    ana = plain.agent("Bea")
    with plain.open() as session:
        handoff = handoffs.latest(session, pat.id)
        assert handoff is not None
        handoffs.mark_done(session, handoff.id, ana.id)
    plain.clock.passes(days=31)
    assert forget(plain) == 1
    assert found(plain, *LEFT) == set()


def test_a_block_that_ended_is_removed(desk: Desk) -> None:
    ana = desk.agent()
    with desk.open() as session:
        for key, hours in (("over", -1), ("stands", 1)):
            until = desk.clock() + timedelta(hours=hours)
            session.add(Block(key=key, until_at=until, staff_id=ana.id, created_at=desk.clock()))
    forget(desk)
    with desk.reading() as session:
        assert session.get(Block, "over") is None
        assert session.get(Block, "stands") is not None


@pytest.mark.sqlite
def test_copies_of_upgrades_and_restores_go_too_but_no_backup(desk: Desk) -> None:
    var = desk.settings.var_dir
    (var / "backups").mkdir()
    names = ("clinic.sqlite3.before-0007", "clinic.sqlite3.before-restore-1", "backups/x.tar")
    for name in names:
        (var / name).write_bytes(b"x")
        old = (desk.clock() - timedelta(days=31)).timestamp()
        os.utime(var / name, (old, old))
    (var / "clinic.sqlite3.before-0008").write_bytes(b"x")
    forget(desk)
    assert [name for name in names if (var / name).exists()] == ["backups/x.tar"]
    assert (var / "clinic.sqlite3.before-0008").exists()


def test_the_audit_log_stays(desk: Desk) -> None:
    chat(desk)
    with desk.reading() as session:
        before = audit.check(session).entries
    desk.clock.passes(days=4000)
    forget(desk)
    with desk.reading() as session:
        assert audit.check(session).entries == before > 0


# What a patient may ask for ----------------------------------------------------------------------


def test_forget_me_removes_every_row_and_byte(plain: Desk) -> None:
    pat, other = chat(plain), plain.patient("glowworm")
    leave_message(plain, pat)
    assert found(plain, *PLANTED, *LEFT) == {*PLANTED, *LEFT}
    gone = pat.client.delete(pat.path, headers=pat.headers)
    assert gone.status_code == 200
    assert found(plain, *PLANTED, *LEFT, "glowworm") == {"glowworm"}
    assert rows(plain)["conversation"] == 1
    assert len(plain.log(other)) == 1
    assert pat.get("/log").status_code == 404
    assert pat.client.delete(pat.path, headers=pat.headers).status_code == 404


def test_forget_me_works_while_an_agent_has_the_chat(plain: Desk) -> None:
    pat = chat(plain)
    ana = plain.agent("Bea")
    desk_ = plain.sign_in(ana)
    plain.ask(pat.id)
    with plain.open() as session:
        handoff = handoffs.open_handoff(session, pat.id)
        assert handoff is not None
        handoffs.claim(session, handoff.id, ana.id)
        claimed = handoff.id
    events = desk_.client.get(f"/console/stream?conversation={pat.id}")
    stream = events.iter_encoded()
    assert b"retry" in next(stream)
    assert pat.client.delete(pat.path, headers=pat.headers).status_code == 200
    told = b""
    while b"event: gone" not in told:
        told += next(stream)
    events.close()
    page = desk_.client.get(f"/console/conversations/{pat.id}")
    assert page.status_code == 404
    late = desk_.call(f"/console/handoffs/{claimed}/messages", {"text": "x", "client_id": "k" * 8})
    assert (late.status_code, late.json["error"]["code"]) == (404, "not_found")
    assert found(plain, *PLANTED) == set()


NOT_TOLD = {
    # column: why the patient's copy does not name it
    "id": "an inner number",
    "conversation_id": "the copy is of one conversation",
    "token_hash": "opens the conversation",
    "address_hash": "a number made from the network address, told as text in docs/privacy.md",
    "sealed": "its parts are told by name",
    "last_seen_at": "a sign of life, rewritten all the time",
    "last_message_at": "the time of the last message",
    "last_n": "the number of messages",
    "segment": "inner state",
    "segment_turns": "inner state",
    "misses": "inner state",
    "client_id": "told with each message",
    "text_digest": "a number made from the words",
    "turn_id": "an inner number",
    "reply_position": "the order of the messages",
    "staff_id": "the agent's name stands with each message",
    "offered_to_id": "which agents were asked in vain",
    "passed_by": "which agents were asked in vain",
    "offer_rounds": "which agents were asked in vain",
    "offered_at": "which agents were asked in vain",
    "opened_at": "when an agent looked; the audit log has it",
    "read_n": "how far an agent has read",
    "nobody_told_at": "stands in the log as a line",
    "urgent_at": "stands in the log as a card",
    "alarm": "how often staff were told of it",
    "request_id": "a number of the log, no patient's",
    "snoozed_at": "an agent set it aside for a while",
    "snoozed_until": "an agent set it aside for a while",
    "practice": "a scene of an agent's practice, no patient's",
    "lease_owner": "inner state",
    "lease_until": "inner state",
    "fence": "inner state",
    "payload": "told as text and html",
    "original": "kept for staff; the copy says that it is (docs/privacy.md)",
}


def test_the_patients_copy_holds_all_that_is_held(desk: Desk) -> None:
    """Each column is told, or there is a reason why not; a new column fails here."""
    pat = chat(desk)
    held = pat.get("/data").json
    told = {
        Conversation: set(held["conversation"]),
        Message: set(held["messages"][0]) | {"kind", "created_at"},
        Handoff: set(held["requests_for_a_person"][0]),
        Turn: set(held["turns"][0]) | {"created_at"},
    }
    for model, names in told.items():
        columns = {column.key for column in inspect(model).columns}
        parts = {name for name in vars(model) if type(vars(model)[name]).__name__ == "part"}
        assert (columns | parts) - names - set(NOT_TOLD) == set(), model.__name__
