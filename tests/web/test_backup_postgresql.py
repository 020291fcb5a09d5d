"""A backup of PostgreSQL and the way back, by its own programs: saved, changed, restored."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from tests import postgresql
from tests.conftest import write_articles
from tests.web.staff_desk import ROOT, Desk
from web import backup
from web.backup import BackupFailed
from web.models import Message

pytestmark = [
    pytest.mark.skipif(not postgresql.SERVER, reason="about PostgreSQL"),
    pytest.mark.skipif(not shutil.which("pg_dump"), reason="pg_dump is not here"),
]
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    shutil.copy(ROOT / "clinic.toml", tmp_path / "clinic.toml")
    own = {"articles": write_articles(tmp_path / "articles"), "config": tmp_path / "clinic.toml"}
    desk = Desk(tmp_path / "var", **own)
    yield desk
    desk.close()


def words(desk: Desk) -> list[str]:
    with desk.reading() as session:
        return [row.text for row in session.scalars(select(Message).order_by(Message.id))]


def test_it_works(desk: Desk, tmp_path: Path) -> None:
    desk.patient("before")
    saved = backup.save(desk.settings, tmp_path / "kept.tar", NOW)
    assert backup.DUMP in saved.files
    desk.patient("after")
    article = desk.settings.articles_dir / "en" / "parking.md"
    article.write_text("changed")
    desk.services.database.dispose()
    _, moved = backup.restore(tmp_path / "kept.tar", desk.settings, NOW)
    assert "before" in words(desk) and "after" not in words(desk)
    assert article.read_text() != "changed"
    assert len(moved) == 2, "what stood there is kept"


def test_no_word_of_a_patient_is_in_it_in_the_clear(desk: Desk, tmp_path: Path) -> None:
    desk.patient("xylophone")
    backup.save(desk.settings, tmp_path / "kept.tar", NOW)
    with tarfile.open(tmp_path / "kept.tar") as archive:
        archive.extractall(tmp_path / "out", filter="data")
    plain = tmp_path / "plain.sql"
    backup._run_tool(desk.settings.database, "pg_dump", f"--file={plain}")
    assert "xylophone" not in plain.read_text()
    assert b"xylophone" not in (tmp_path / "out" / backup.DUMP).read_bytes()


def test_it_refuses_while_a_host_is_connected(desk: Desk, tmp_path: Path) -> None:
    backup.save(desk.settings, tmp_path / "kept.tar", NOW)
    with desk.reading(), pytest.raises(BackupFailed, match="running: stop it on every host"):
        backup.restore(tmp_path / "kept.tar", desk.settings, NOW)


def test_it_refuses_the_backup_of_the_other_kind(desk: Desk, tmp_path: Path) -> None:
    backup.save(desk.settings, tmp_path / "kept.tar", NOW)
    desk.services.database.dispose()
    own = {"database_url": f"sqlite:///{tmp_path / 'x.sqlite3'}"}
    with pytest.raises(BackupFailed, match="the other kind of database"):
        backup.restore(tmp_path / "kept.tar", desk.settings.model_copy(update=own), NOW)


def test_without_pg_dump_it_says_what_to_install(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackupFailed, match="postgresql-client"):
        backup.save(desk.settings, tmp_path / "kept.tar", NOW)
    assert not (tmp_path / "kept.tar").exists()
