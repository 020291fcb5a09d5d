"""A database of the oldest version, with people's words in it, is brought up to date whole."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, create_engine, insert, text

from tests import postgresql
from tests.conftest import write_articles
from tests.web.staff_desk import MONDAY_MORNING, Desk
from web import migrations
from web.backup import DUMP
from web.db import Base, Database
from web.models import Conversation, Handoff, HandoffState, Staff, Turn, TurnState
from web.privacy import audit, retention

WORDS = ("balalaika", "marimba", "vibraphone", "https://clinic.example/xylophone")
STAFF = {"id": 1, "email": "ana@clinic.example", "name": "Ana", "active": True}
OLD: dict[str, list[dict[str, Any]]] = {
    "staff": [{**STAFF, "fs_uniquifier": "u" * 32, "is_away": False}],
    "conversation": [
        {
            "id": "pat",
            "token_hash": "0" * 64,
            "site": "default",
            "page_url": WORDS[3],
            "lang": "en",
            "address_hash": "0" * 64,
            "last_message_at": MONDAY_MORNING,
            "last_seen_at": MONDAY_MORNING,
            "last_n": 2,
            "segment": 1,
            "segment_turns": 1,
            "misses": 0,
            "rating_comment": WORDS[1],
        }
    ],
    "turn": [{"id": 1, "conversation_id": "pat", "n": 1, "state": "waiting", "fence": 0}],
    "message": [
        {"n": 1, "author": "patient", "kind": "text", "text": WORDS[0], "payload": {}},
        {"n": 2, "author": "system", "kind": "handoff", "text": "", "payload": {"line": "queued"}},
    ],
    "handoff": [
        {
            "conversation_id": "pat",
            "state": "message_left",
            "reason": "asked",
            "urgent": False,
            "requested_at": MONDAY_MORNING,
            "contact": {"name": WORDS[2]},
        }
    ],
    "audit_entry": [{"at": MONDAY_MORNING, "staff_id": 1, "act": "claimed", "subject": "x:1"}],
}


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database as the oldest version left it, on SQLite or on PostgreSQL."""
    (tmp_path / "var").mkdir()
    empty = f"sqlite:///{tmp_path / 'var' / 'clinic.sqlite3'}"
    url = postgresql.empty() if postgresql.SERVER else empty
    database = Database(url)
    migrations.upgrade(database, to="0001")
    tables = MetaData()
    tables.reflect(database.engine)
    with database.engine.begin() as connection:
        for name, rows in OLD.items():
            for row in rows:
                more = {"conversation_id": "pat"} if name == "message" else {}
                at = {"created_at": MONDAY_MORNING} if "created_at" in tables.tables[name].c else {}
                connection.execute(insert(tables.tables[name]), {**at, **more, **row})
    database.dispose()
    return url


@pytest.fixture
def desk(tmp_path: Path, url: str) -> Iterator[Desk]:
    articles = write_articles(tmp_path / "articles")
    desk = Desk(tmp_path / "var", articles=articles, database_url=url)
    yield desk
    desk.close()


def test_it_works(desk: Desk) -> None:
    with desk.reading() as session:
        pat = session.get_one(Conversation, "pat")
        assert (pat.page_url, pat.rating_comment) == (WORDS[3], WORDS[1])
        handoff = session.query(Handoff).one()
        assert (handoff.state, handoff.contact) == (HandoffState.MESSAGE_LEFT, {"name": WORDS[2]})
        assert session.query(Turn).one().state is TurnState.WAITING
        assert session.query(Staff).one().name == "Ana"
        assert audit.check(session).broken_at is None
    assert [row.text for row in desk.log("pat")] == [WORDS[0], ""]
    desk.say("pat", "after the upgrade")
    assert desk.log("pat")[-1].n == 3


def test_the_newest_migration_is_known_by_its_name_alone(desk: Desk) -> None:
    head = ScriptDirectory(str(migrations.FOLDER)).get_current_head()
    assert migrations.newest() == head
    assert migrations.is_newest(desk.services.database)


def test_its_tables_are_those_of_a_new_database(desk: Desk) -> None:
    with desk.services.database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_a_copy_of_what_was_there_is_made_first_and_kept_as_long_as_the_words(
    desk: Desk, tmp_path: Path
) -> None:
    if postgresql.SERVER and not shutil.which("pg_dump"):
        pytest.skip("pg_dump is not here")
    name = "clinic.sqlite3" if desk.services.database.is_sqlite else DUMP
    [copy] = (tmp_path / "var").glob(f"{name}.before-0*")
    assert copy.stat().st_mode & 0o077 == 0, "it holds words in the clear"
    if desk.services.database.is_sqlite:
        old = create_engine(f"sqlite:///{copy}")
        with old.connect() as connection:
            assert connection.execute(text("select text from message")).first() == (WORDS[0],)
        old.dispose()
    else:
        assert copy.stat().st_size > 1000 and copy.read_bytes()[:5] == b"PGDMP"
    desk.clock.passes(days=400)
    retention.forget_old(desk.services)
    assert not copy.exists()


@pytest.mark.skipif(not postgresql.SERVER, reason="about PostgreSQL's programs")
def test_without_pg_dump_the_upgrade_goes_on_and_says_so(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    desk = Desk(tmp_path / "var", database_url=url)
    assert [row.text for row in desk.log("pat")] == [WORDS[0], ""]
    said = capsys.readouterr()
    assert "not_copied" in said.err + said.out
    desk.close()
