"""One file with everything that cannot be made again, and the way back from it.

Rule: a backup is taken while the product runs and holds the database of one moment, the articles
and the settings; never a key, a log, the index or a model. It is written aside and renamed when
whole. A restore checks every byte before it changes anything, and moves what it replaces aside.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from search.storage import flush_folder
from web.config import Settings

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "clinic.sqlite3"
DUMP = "clinic.pgdump"  # instead, from PostgreSQL
CONFIG = "clinic.toml"
ARTICLES = "articles"
WAL_FILES = ("-wal", "-shm")


class BackupFailed(Exception):
    """Nothing was changed; the text says why and what to do."""


@dataclass(frozen=True)
class Contents:
    """What a backup holds. `files`: name → SHA-256 of its bytes."""

    made_at: datetime
    files: dict[str, str]

    @property
    def articles(self) -> tuple[str, ...]:
        return tuple(name for name in self.files if name.startswith(f"{ARTICLES}/"))


def is_sqlite(settings: Settings) -> bool:
    return make_url(settings.database).get_backend_name() == "sqlite"


def database_file(settings: Settings) -> Path:
    """Return where the SQLite database stands."""
    return Path(make_url(settings.database).database or "")


# Saving ------------------------------------------------------------------------------------------


def save(settings: Settings, target: Path, at: datetime) -> Contents:
    """Write a backup to `target`. Raises BackupFailed, also when there is a file already."""
    if is_sqlite(settings) and not database_file(settings).is_file():
        where = database_file(settings)
        raise BackupFailed(f"There is no database at {where}; nothing to back up")
    if target.exists():
        raise BackupFailed(f"{target} is there already; name a new file")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            copies = Path(folder) / "copies"
            copies.mkdir()
            _copy_files(settings, copies)
            if is_sqlite(settings):
                copy_database(database_file(settings), copies / DATABASE)
            else:
                dump_database(settings.database, copies / DUMP)
            whole = Path(folder) / target.name
            contents = _write(whole, copies, at)
            whole.rename(target)
            flush_folder(target.parent)
    except (OSError, sqlite3.Error) as error:
        raise BackupFailed(f"The backup could not be written: {error}") from None
    return contents


def dump_database(database_url: str, target: Path) -> None:
    """Write what PostgreSQL holds at one moment, while others write to it. Raises BackupFailed."""
    whole = target.with_name(f"{target.name}.part")
    whole.unlink(missing_ok=True)
    whole.touch(0o600)
    _run_tool(database_url, "pg_dump", "--format=custom", f"--file={whole}")
    whole.rename(target)


def _run_tool(database_url: str, tool: str, *arguments: str) -> None:
    """Run one of PostgreSQL's own programs on our database. Raises BackupFailed."""
    url = make_url(database_url)
    place = url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    # On the command line others of this machine would see it.
    environment = {**os.environ, **({"PGPASSWORD": str(url.password)} if url.password else {})}
    command = [tool, *arguments, f"--dbname={place}"]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
    except FileNotFoundError:
        raise BackupFailed(
            f"{tool} is not on this machine: install PostgreSQL's client programs "
            "(on Debian or Ubuntu: apt-get install postgresql-client)"
        ) from None
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise BackupFailed(f"{tool} failed: {said[-1] if said else done.returncode}")


def copy_database(source: Path, target: Path) -> None:
    """Copy the database of one moment, while others write to it; and check the copy."""
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)
        # A copy in WAL mode would come with a second file.
        copy.execute("pragma journal_mode=delete")
        _check_integrity(copy)


def _check_integrity(connection: sqlite3.Connection) -> None:
    (verdict,) = connection.execute("pragma integrity_check").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(f"the database is damaged: {verdict}")


def _copy_files(settings: Settings, copies: Path) -> None:
    """Copy settings and articles; not links, which may lead out of the folder."""
    shutil.copyfile(settings.config, copies / CONFIG)
    folder = settings.articles_dir
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            copy = copies / ARTICLES / path.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


def _write(target: Path, copies: Path, at: datetime) -> Contents:
    """Write the files, and last their names and sums: a backup cut short has no manifest."""
    sums: dict[str, str] = {}
    with target.open("xb") as file:
        target.chmod(0o600)
        with tarfile.open(fileobj=file, mode="w") as archive:
            for path in sorted(path for path in copies.rglob("*") if path.is_file()):
                name = path.relative_to(copies).as_posix()
                archive.add(path, name, filter=_without_owner)
                sums[name] = _sum(path)
            manifest = {"format": FORMAT, "made_at": at.isoformat(), "files": sums}
            content = json.dumps(manifest, indent=1).encode()
            entry = tarfile.TarInfo(MANIFEST)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        file.flush()
        os.fsync(file.fileno())
    return Contents(at, sums)


def _without_owner(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# Coming back -------------------------------------------------------------------------------------


def restore(source: Path, settings: Settings, at: datetime) -> tuple[Contents, tuple[Path, ...]]:
    """Put database and articles back. Returns also what was moved aside for them.

    The product must be stopped. clinic.toml is not put back: it names this machine's folders.
    Raises BackupFailed before anything was changed.
    """
    if not is_sqlite(settings):
        return _restore_dump(source, settings, at)
    database, articles = database_file(settings), settings.articles_dir
    _check_stopped(database)
    with _laid_out(source, DATABASE, beside=database) as (contents, laid_out):
        mark = at.strftime("before-restore-%Y%m%dT%H%M%SZ")
        try:
            moved = [
                _replace(laid_out / DATABASE, database, mark),
                # They belong to the database that was moved aside.
                *(_move_aside(database.with_name(database.name + end), mark) for end in WAL_FILES),
                _replace(laid_out / ARTICLES, articles, mark),
            ]
        except OSError as error:
            raise BackupFailed(
                f"The backup could not be put back whole: {error}. "
                f"What stood there before has {mark} in its name"
            ) from None
    return contents, tuple(path for path in moved if path is not None)


def _restore_dump(
    source: Path, settings: Settings, at: datetime
) -> tuple[Contents, tuple[Path, ...]]:
    """All tables in one transaction, or none. What stood there is dumped beside the articles."""
    _check_nobody_connected(settings)
    articles, mark = settings.articles_dir, at.strftime("before-restore-%Y%m%dT%H%M%SZ")
    with _laid_out(source, DUMP, beside=settings.var_dir / DUMP) as (contents, laid_out):
        before = settings.var_dir / f"{DUMP}.{mark}"
        dump_database(settings.database, before)
        options = ("--clean", "--if-exists", "--no-owner", "--single-transaction")
        _run_tool(settings.database, "pg_restore", *options, str(laid_out / DUMP))
        try:
            moved = _replace(laid_out / ARTICLES, articles, mark)
        except OSError as error:
            raise BackupFailed(f"The articles could not be put back: {error}") from None
    return contents, tuple(path for path in (before, moved) if path is not None)


def _check_nobody_connected(settings: Settings) -> None:
    others = text(
        """
        select count(*) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()
          and backend_type = 'client backend'
        """
    )
    engine = create_engine(make_url(settings.database).set(drivername="postgresql+psycopg"))
    try:
        with engine.connect() as connection:
            if connection.scalar(others):
                raise BackupFailed("Front Desk is running: stop it on every host, then restore")
    except SQLAlchemyError as error:
        raise BackupFailed(f"The database cannot be reached ({type(error).__name__})") from None
    finally:
        engine.dispose()


@contextmanager
def _laid_out(source: Path, holds: str, beside: Path) -> Iterator[tuple[Contents, Path]]:
    """Unpack a backup into a folder of its own and check every byte of it."""
    beside.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=beside.parent) as folder:
        laid_out = Path(folder)
        try:
            with tarfile.open(source) as archive:
                archive.extractall(laid_out, filter="data")  # refuses what leads out of the folder
            contents = _contents(laid_out)
        except FileNotFoundError as error:
            missing = source if error.filename == str(source) else f"a whole backup in {source}"
            raise BackupFailed(f"There is no {missing}") from None
        except (tarfile.TarError, EOFError, KeyError, ValueError, TypeError):
            raise BackupFailed(f"{source} is not a whole backup of Front Desk") from None
        except OSError as error:
            raise BackupFailed(f"{source} cannot be unpacked: {error}") from None
        _check(source, holds, contents, laid_out)
        (laid_out / ARTICLES).mkdir(exist_ok=True)
        yield contents, laid_out


def _check_stopped(database: Path) -> None:
    """Leaving WAL mode takes the database for oneself alone, so it shows whether others have it."""
    if not database.is_file():
        return
    try:
        with closing(sqlite3.connect(database, timeout=1.0)) as connection:
            connection.execute("pragma journal_mode=delete")
    except sqlite3.OperationalError:
        raise BackupFailed("Front Desk is running: stop it (Ctrl-C), then restore") from None
    except sqlite3.DatabaseError:
        return  # a damaged database is a reason to restore


def _contents(laid_out: Path) -> Contents:
    manifest = json.loads((laid_out / MANIFEST).read_bytes())
    if manifest["format"] != FORMAT:
        raise ValueError("made by another version")
    return Contents(datetime.fromisoformat(manifest["made_at"]), dict(manifest["files"]))


def _check(source: Path, holds: str, contents: Contents, laid_out: Path) -> None:
    if holds not in contents.files and {DATABASE, DUMP} & set(contents.files):
        raise BackupFailed(f"{source} holds the other kind of database than CLINIC_DATABASE_URL")
    if holds not in contents.files:
        raise BackupFailed(f"{source} holds no database")
    for name, sha256 in contents.files.items():
        path = laid_out / name
        if not path.is_file() or _sum(path) != sha256:
            raise BackupFailed(f"{source} is damaged: {name}")


def _replace(new: Path, place: Path, mark: str) -> Path | None:
    """Put a file or folder into its place. Returns where what stood there went."""
    moved = _move_aside(place, mark)
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(new, place)
    flush_folder(place.parent)
    return moved


def _move_aside(place: Path, mark: str) -> Path | None:
    if not place.exists():
        return None
    aside = place.with_name(f"{place.name}.{mark}")
    place.rename(aside)
    return aside
