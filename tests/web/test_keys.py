"""Keys: made once, kept from others, changed while the product runs, and missed when missing."""

from __future__ import annotations

import base64
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from tests import postgresql
from tests.web.staff_desk import ROOT, Desk
from web import backup, checks, cli, create_app
from web.checks import Level
from web.config import Settings
from web.db import utc_now
from web.privacy import vault
from web.privacy.keys import DoesNotOpen, KeyRing, KeysUnusable, key_id_of, new_key
from web.services import of


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    ring = KeyRing(tmp_path / "keys")
    ring.make_first()
    return ring


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "var")
    yield desk
    desk.close()


@pytest.fixture
def run(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    for name, value in postgresql.environment(desk.settings.var_dir).items():
        monkeypatch.setenv(name, value)
    return lambda *arguments: CliRunner().invoke(cli.main, list(arguments))


def keys_file(desk: Desk) -> Path:
    return desk.settings.keys_path


def ring_of(desk: Desk) -> KeyRing:
    assert isinstance(desk.services.database.keys, KeyRing)
    return desk.services.database.keys


def heads(desk: Desk) -> set[str]:
    """The keys that rows are sealed with."""
    with desk.reading() as session:
        return set(vault.rows_by_key(session))


# Sealing -----------------------------------------------------------------------------------------


def test_it_works(ring: KeyRing) -> None:
    sealed = ring.seal(b"my knee hurts", "message a 1")
    assert b"knee" not in sealed
    assert ring.open(sealed, "message a 1") == b"my knee hurts"


def test_the_same_words_are_never_sealed_alike(ring: KeyRing) -> None:
    assert ring.seal(b"hello", "message a 1") != ring.seal(b"hello", "message a 1")


@pytest.mark.parametrize("place", ["message a 2", "message b 1", "handoff a", ""])
def test_what_was_sealed_opens_nowhere_else(ring: KeyRing, place: str) -> None:
    with pytest.raises(DoesNotOpen):
        ring.open(ring.seal(b"hello", "message a 1"), place)


def test_one_changed_bit_is_noticed(ring: KeyRing) -> None:
    sealed = bytearray(ring.seal(b"hello", "message a 1"))
    for at in range(len(sealed)):
        changed = bytes([*sealed[:at], sealed[at] ^ 1, *sealed[at + 1 :]])
        with pytest.raises((DoesNotOpen, KeysUnusable)):
            ring.open(changed, "message a 1")


# The file ----------------------------------------------------------------------------------------


def test_only_its_owner_can_read_it(ring: KeyRing) -> None:
    assert stat.S_IMODE(ring.path.stat().st_mode) == 0o600
    ring.add(new_key())
    assert stat.S_IMODE(ring.path.stat().st_mode) == 0o600
    assert [path.name for path in ring.path.parent.iterdir()] == ["keys"], "no draft is left"


def test_processes_that_start_together_end_with_one_key(tmp_path: Path) -> None:
    rings = [KeyRing(tmp_path / "keys") for _ in range(8)]
    threads = [threading.Thread(target=each.make_first) for each in rings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({each.active for each in rings}) == 1
    assert {len(each.keys) for each in rings} == {1}


def test_another_process_sees_a_new_key_at_once(ring: KeyRing) -> None:
    other = KeyRing(ring.path)
    before = other.seal(b"hello", "message a 1")
    ring.add(new_key())
    assert ring.active is not None
    assert key_id_of(other.seal(b"hello", "message a 1")) == ring.active.id
    assert other.open(before, "message a 1") == b"hello", "old words still open"
    assert other.open(ring.seal(b"x", "p"), "p") == b"x"


def test_a_running_process_outlives_its_file(ring: KeyRing) -> None:
    ring.path.unlink()
    assert ring.open(ring.seal(b"hello", "p"), "p") == b"hello"


@pytest.mark.parametrize(
    "text", ["", "{}", "not json", '{"active": "x", "keys": []}', '{"active": 1, "keys": [{}]}']
)
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "keys").write_text(text)
    with pytest.raises(KeysUnusable, match="keys"):
        KeyRing(tmp_path / "keys")


def test_a_key_under_another_ones_id_is_refused(ring: KeyRing, tmp_path: Path) -> None:
    assert ring.active is not None
    text = ring.text().replace(ring.active.id, "00000000")
    with pytest.raises(KeysUnusable, match="does not fit its id"):
        KeyRing(tmp_path / "elsewhere", text)


def test_a_key_is_shown_by_no_repr(ring: KeyRing) -> None:
    assert ring.active is not None
    assert "secret" not in repr(ring.active)


def test_keys_from_the_environment_need_no_file(ring: KeyRing, tmp_path: Path) -> None:
    other = KeyRing(tmp_path / "nowhere", ring.text())
    assert other.open(ring.seal(b"hello", "p"), "p") == b"hello"
    with pytest.raises(KeysUnusable, match="CLINIC_KEYS"):
        other.add(new_key())


# A start -----------------------------------------------------------------------------------------


def start(settings: Settings) -> str:
    """Start once more; return the line it stops with."""
    with pytest.raises(SystemExit) as stopped:
        create_app(settings)
    line = str(stopped.value)
    assert "\n" not in line
    return line


def start_well(settings: Settings) -> None:
    of(create_app(settings)).database.dispose()


def test_the_first_start_makes_a_key(desk: Desk) -> None:
    assert len(ring_of(desk).keys) == 1
    start_well(desk.settings)
    assert len(KeyRing(keys_file(desk)).keys) == 1, "the second start makes none"


def test_a_missing_key_refuses_to_start(desk: Desk) -> None:
    desk.patient("hello")
    [key] = ring_of(desk).keys
    keys_file(desk).unlink()
    line = start(desk.settings)
    assert key.id in line and "keys import" in line
    assert not keys_file(desk).exists(), "no new key hides that the old one is gone"


def test_a_wrong_key_refuses_to_start(desk: Desk) -> None:
    desk.patient("hello")
    keys_file(desk).unlink()
    KeyRing(keys_file(desk)).make_first()
    assert "which is not in" in start(desk.settings)


def test_a_damaged_key_file_refuses_to_start(desk: Desk) -> None:
    keys_file(desk).write_text("{")
    assert "damaged" in start(desk.settings)


def test_the_whole_product_says_so_in_one_line(desk: Desk) -> None:
    keys_file(desk).unlink()
    own = postgresql.environment(desk.settings.var_dir)
    env = {**os.environ, **own, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "web.cli", "demo-accounts"]  # what `./clinic run` starts with
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    [line] = [line for line in done.stderr.splitlines() if line.startswith("Error")]
    assert "put the right key file back" in line


def test_doctor_tells_what_is_wrong_with_the_keys(desk: Desk) -> None:
    def found() -> dict[str, Level]:
        return {each.what: each.level for each in checks.key_checks(desk.settings)}

    assert list(found().values()) == [Level.OK]
    keys_file(desk).chmod(0o644)
    assert list(found().values()) == [Level.FAIL]
    keys_file(desk).unlink()
    assert list(found().values()) == [Level.FAIL]


# Rotation ----------------------------------------------------------------------------------------


def test_rotation_seals_everything_with_a_new_key(desk: Desk, run: Callable[..., Result]) -> None:
    pats = [desk.patient(f"words of {n}", "and more") for n in range(3)]
    [old] = ring_of(desk).keys
    with desk.reading() as session:
        count = vault.rows_by_key(session)[old.id]
    assert count >= 6, "on PostgreSQL also what its hosts share"
    done = run("keys", "rotate")
    assert done.exit_code == 0, done.output
    assert f"Sealed {count} rows" in done.output
    new = ring_of(desk).active
    assert new is not None and new.id != old.id
    assert heads(desk) == {new.id}
    assert [row.text for row in desk.log(pats[1])] == ["words of 1", "and more"]
    listed = run("keys", "list").output.splitlines()
    # Made in the same moment by this test's clock: in either order.
    assert {("seals" in line, line.split()[-2]) for line in listed} == {
        (False, "0"),
        (True, str(count)),
    }


def test_messages_sent_during_a_rotation_are_kept_and_resealed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vault, "BATCH", 5)
    pat = desk.patient(*(f"before {n}" for n in range(30)))
    said = []
    for _ in vault.rotate(desk.services.database, ring_of(desk)):
        said.append(f"during {len(said)}")
        desk.say(pat, said[-1])
    assert len(said) > 3
    assert [row.text for row in desk.log(pat)][30:] == said
    active = ring_of(desk).active
    assert active is not None and heads(desk) == {active.id}


def test_a_rotation_that_was_cut_short_is_finished_by_another(
    desk: Desk, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vault, "BATCH", 2)
    pat = desk.patient(*(f"text {n}" for n in range(6)))
    next(iter(vault.rotate(desk.services.database, ring_of(desk))))
    assert len(heads(desk)) == 2, "some rows have the old key, some the new one"
    start_well(desk.settings)  # in between, with both keys
    assert run("keys", "rotate", "--again").exit_code == 0
    assert len(heads(desk)) == 1
    assert len(ring_of(desk).keys) == 2
    assert len(desk.log(pat)) == 6


def test_a_key_that_is_needed_cannot_be_destroyed(desk: Desk, run: Callable[..., Result]) -> None:
    desk.patient("hello")
    [old] = ring_of(desk).keys
    assert run("keys", "drop", old.id).exit_code == 1
    assert run("keys", "drop", "00000000").exit_code == 1
    run("keys", "rotate")
    assert run("keys", "drop", old.id).exit_code == 0
    assert not ring_of(desk).holds(old.id)
    start_well(desk.settings)  # a retired key may be missing


# Export, import, backups -------------------------------------------------------------------------


def test_exported_keys_open_a_backup_on_another_machine(
    desk: Desk, run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pat = desk.patient("my words")
    monkeypatch.setenv("CLINIC_CONFIG", str(ROOT / "clinic.toml"))
    assert run("keys", "export", str(tmp_path / "saved")).exit_code == 0
    assert stat.S_IMODE((tmp_path / "saved").stat().st_mode) == 0o600
    assert run("keys", "export", str(tmp_path / "saved")).exit_code == 1, "never over a file"
    backup.save(desk.settings, tmp_path / "clinic.tar", utc_now())

    for name, value in postgresql.environment(tmp_path / "new").items():
        monkeypatch.setenv(name, value)
    articles = tmp_path / "new-articles"
    articles.mkdir()
    new = {"var": tmp_path / "new", "database_url": postgresql.url_for(tmp_path / "new")}
    settings = desk.settings.model_copy(update={**new, "articles": articles})
    backup.restore(tmp_path / "clinic.tar", settings, utc_now())
    assert "keys import" in start(settings)
    assert run("keys", "import", str(tmp_path / "saved")).exit_code == 0
    other = Desk(tmp_path / "new")
    assert [row.text for row in other.log(pat)] == ["my words"]
    other.close()


def test_an_imported_key_opens_but_does_not_seal(
    desk: Desk, run: Callable[..., Result], tmp_path: Path
) -> None:
    own = ring_of(desk).active
    foreign = KeyRing(tmp_path / "foreign")
    foreign.make_first()
    foreign.path.rename(tmp_path / "saved")
    assert run("keys", "import", str(tmp_path / "saved")).exit_code == 0
    assert ring_of(desk).active == own
    assert len(ring_of(desk).keys) == 2
    assert "already" in run("keys", "import", str(tmp_path / "saved")).output
    (tmp_path / "saved").write_text("nonsense")
    assert run("keys", "import", str(tmp_path / "saved")).exit_code == 1


def test_no_key_is_in_the_database_or_in_a_backup(desk: Desk, tmp_path: Path) -> None:
    desk.patient("hello")
    desk.settings.var_dir.joinpath("backups").mkdir()
    target = desk.settings.var_dir / "backups" / "clinic.tar"
    backup.save(desk.settings, target, utc_now())
    held = target.read_bytes() + desk.stored()
    for key in ring_of(desk).keys:
        for form in (key.secret, *_spelled(key.secret)):
            assert form not in held


def _spelled(secret: bytes) -> tuple[bytes, ...]:
    return base64.b64encode(secret), secret.hex().encode(), base64.urlsafe_b64encode(secret)


def test_a_row_copied_to_another_conversation_does_not_open(desk: Desk) -> None:
    victim, thief = desk.patient("private"), desk.patient("hello")
    copy = """
        update message set sealed = (select sealed from message where conversation_id = :victim)
        where conversation_id = :thief
    """
    with desk.open() as session:
        session.execute(text(copy), {"victim": victim, "thief": thief})
    with pytest.raises(DoesNotOpen):
        _ = desk.log(thief)[0].text
