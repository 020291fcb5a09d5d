"""What is saved comes back whole, and nothing is changed by a backup that is not."""

from __future__ import annotations

import shutil
import sqlite3
import tarfile
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.web.staff_desk import ROOT
from web import backup, migrations
from web.backup import BackupFailed
from web.config import Settings, load_settings
from web.db import Database
from web.models import Author, Conversation, Kind, Message
from web.privacy import vault

pytestmark = pytest.mark.sqlite  # test_backup_postgresql.py has the other

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    articles = tmp_path / "articles"
    (articles / "en").mkdir(parents=True)
    (articles / "en" / "parking.md").write_text("# Where do I park?\n\nBehind the house.\n")
    shutil.copy(ROOT / "clinic.toml", tmp_path / "clinic.toml")
    monkeypatch.setenv("CLINIC_CONFIG", str(tmp_path / "clinic.toml"))
    monkeypatch.setenv("CLINIC_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("CLINIC_ARTICLES", str(articles))
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "secret_key").write_text("never-in-a-backup")
    return load_settings()


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    database = vault.connect(settings)
    vault.prepare(database)
    yield database
    database.dispose()


def write_messages(database: Database, numbers: range) -> None:
    with database.transaction() as session:
        if numbers.start == 1:
            session.add(_conversation())
            session.flush()
        for n in numbers:
            session.add(
                Message(
                    conversation_id="pat",
                    n=n,
                    author=Author.PATIENT,
                    kind=Kind.TEXT,
                    text=f"message {n}",
                    payload={},
                    created_at=NOW,
                )
            )


def _conversation() -> Conversation:
    return Conversation(
        id="pat",
        token_hash="0" * 64,
        site="default",
        lang="en",
        address_hash="0" * 64,
        created_at=NOW,
        last_message_at=NOW,
        last_seen_at=NOW,
    )


def texts(settings: Settings) -> list[str]:
    database = vault.connect(settings)
    try:
        with database.reading() as session:
            return [row.text for row in session.scalars(select(Message).order_by(Message.n))]
    finally:
        database.dispose()


def test_it_works(settings: Settings, database: Database, tmp_path: Path) -> None:
    """Saved, then changed, then restored: all is as it was saved, and what came after is kept."""
    write_messages(database, range(1, 4))
    saved = backup.save(settings, tmp_path / "kept" / "clinic.tar", NOW)
    assert saved.articles == ("articles/en/parking.md",)

    write_messages(database, range(4, 6))
    database.dispose()
    article = settings.articles_dir / "en" / "parking.md"
    article.write_text("# Changed\n")

    contents, moved = backup.restore(tmp_path / "kept" / "clinic.tar", settings, LATER)
    assert contents.made_at == NOW
    assert texts(settings) == ["message 1", "message 2", "message 3"]
    assert "Behind the house" in article.read_text()
    assert {path.name for path in moved} == {
        "clinic.sqlite3.before-restore-20261122T130000Z",
        "articles.before-restore-20261122T130000Z",
    }
    with closing(sqlite3.connect(moved[0])) as before:
        assert before.execute("select count(*) from message").fetchone() == (5,)


def test_a_backup_taken_while_others_write_holds_one_moment(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    write_messages(database, range(1, 2))
    stop = threading.Event()
    written = [1]

    def write() -> None:
        while not stop.is_set():
            write_messages(database, range(written[0] + 1, written[0] + 6))
            written[0] += 5

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            backup.save(settings, tmp_path / f"{number}.tar", NOW)
    finally:
        stop.set()
        writer.join()
    assert written[0] > 6, "nothing was written meanwhile"
    database.dispose()
    for number in range(5):
        backup.restore(tmp_path / f"{number}.tar", settings, NOW + timedelta(seconds=number))
        found = texts(settings)
        assert found == [f"message {n}" for n in range(1, len(found) + 1)]
        assert len(found) % 5 == 1, "half a transaction was saved"


def test_no_key_is_in_it(settings: Settings, database: Database, tmp_path: Path) -> None:
    write_messages(database, range(1, 2))
    backup.save(settings, tmp_path / "clinic.tar", NOW)
    with tarfile.open(tmp_path / "clinic.tar") as archive:
        assert sorted(archive.getnames()) == [
            "articles/en/parking.md",
            "clinic.sqlite3",
            "clinic.toml",
            "manifest.json",
        ]
    assert b"never-in-a-backup" not in (tmp_path / "clinic.tar").read_bytes()


def test_only_its_owner_may_read_it(settings: Settings, database: Database, tmp_path: Path) -> None:
    backup.save(settings, tmp_path / "clinic.tar", NOW)
    assert (tmp_path / "clinic.tar").stat().st_mode & 0o777 == 0o600


def test_it_never_writes_over_a_file(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    (tmp_path / "clinic.tar").write_text("something else")
    with pytest.raises(BackupFailed, match="is there already"):
        backup.save(settings, tmp_path / "clinic.tar", NOW)
    assert (tmp_path / "clinic.tar").read_text() == "something else"


def test_it_refuses_to_restore_under_a_running_product(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    write_messages(database, range(1, 2))
    backup.save(settings, tmp_path / "clinic.tar", NOW)
    with database.reading() as session:
        session.connection()
        with pytest.raises(BackupFailed, match="is running"):
            backup.restore(tmp_path / "clinic.tar", settings, LATER)
    assert texts(settings) == ["message 1"]


@pytest.mark.parametrize("damage", ["cut", "changed", "no backup", "empty", "not there"])
def test_a_damaged_backup_changes_nothing(
    settings: Settings, database: Database, tmp_path: Path, damage: str
) -> None:
    write_messages(database, range(1, 4))
    good = tmp_path / "clinic.tar"
    backup.save(settings, good, NOW)
    write_messages(database, range(4, 5))
    database.dispose()
    content = good.read_bytes()
    place = content.index(b"Behind the house")
    damaged = {
        "cut": content[: len(content) // 2],
        "changed": content[:place] + b"Inside" + content[place + 6 :],
        "no backup": b"hello",
        "empty": b"",
    }
    if damage == "not there":
        good.unlink()
    else:
        good.write_bytes(damaged[damage])
    with pytest.raises(BackupFailed):
        backup.restore(good, settings, LATER)
    assert len(texts(settings)) == 4
    assert not list(tmp_path.rglob("*before-restore*"))


def test_a_file_that_leads_out_of_the_folder_is_refused(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    with tarfile.open(tmp_path / "bad.tar", "w") as archive:
        archive.add(settings.config, "../../escaped.toml")
    database.dispose()
    with pytest.raises(BackupFailed):
        backup.restore(tmp_path / "bad.tar", settings, LATER)
    assert not list(tmp_path.parent.glob("escaped.toml"))


def test_a_disk_that_is_full_leaves_no_half_backup(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    """The kernel refuses the write, as on a full disk."""
    import resource
    import signal

    write_messages(database, range(1, 200))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, limits[1]))
        with pytest.raises(BackupFailed, match="could not be written"):
            backup.save(settings, tmp_path / "kept" / "clinic.tar", NOW)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert list((tmp_path / "kept").iterdir()) == []


def test_an_upgrade_from_the_oldest_schema_keeps_a_copy_of_what_was_there(
    settings: Settings, tmp_path: Path
) -> None:
    database = Database(settings.database)
    migrations.upgrade(database, to="0001")
    file = backup.database_file(settings)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            "insert into conversation (id, token_hash, site, lang, address_hash, created_at,"
            " last_message_at, last_seen_at, last_n, segment, segment_turns, misses)"
            " values ('pat', '0', 'default', 'en', '0', '2026-11-22', '2026-11-22', '2026-11-22',"
            " 0, 0, 0, 0)"
        )
    migrations.upgrade(database)
    migrations.upgrade(database)
    database.dispose()
    (copy,) = file.parent.glob("clinic.sqlite3.before-*")
    for each in (file, copy):
        with closing(sqlite3.connect(each)) as connection:
            assert connection.execute("select id from conversation").fetchall() == [("pat",)]
    with closing(sqlite3.connect(copy)) as connection:
        versions = connection.execute("select version_num from alembic_version").fetchall()
    assert versions == [("0001",)]
