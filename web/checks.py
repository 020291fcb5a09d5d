"""What an operator can find wrong with a running installation, each with its mend.

Rule: looks, never changes. One check is one line: ok, warn or fail, what was found, what to do.
A check that cannot be made is a failed check, not a crash.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.error import URLError
from urllib.request import urlopen

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from search.articles import read_article
from search.encoder import ModelMissing, load_encoder
from search.storage import IndexDamaged, IndexMissing, load
from web import hours, migrations
from web.articles import article_files, pictures, proofreading
from web.articles.comparing import Comparison
from web.articles.folder_rules import neighbour
from web.articles.problems import ArticleProblem
from web.articles.problems import Level as Level
from web.config import Settings, SettingsInvalid, load_settings
from web.db import Database, utc_now
from web.privacy import audit, vault
from web.privacy.keys import KeysUnusable

LEAST_FREE_BYTES = 1_000_000_000
RASA_TIMEOUT_S = 3.0
OLDEST_POSTGRESQL = 15
CLOCKS_MAY_DIFFER_S = 2.0
CONNECTIONS_OF_A_HOST = 35  # see POSTGRESQL_POOL; and its bus


@dataclass(frozen=True)
class Check:
    level: Level
    what: str
    mend: str = ""


def all_checks(at: datetime | None = None) -> Iterator[Check]:
    """Run every check, in the order in which one would mend them."""
    try:
        settings = load_settings()
    except SettingsInvalid as error:
        for line in str(error).splitlines():
            yield Check(Level.FAIL, line, "correct this line; docs/settings.md explains each")
        return
    yield Check(Level.OK, f"settings: {settings.config.name}")
    checks: tuple[Callable[[Settings], Iterator[Check]], ...] = (
        database_checks,
        key_checks,
        audit_checks,
        model_checks,
        index_checks,
        article_checks,
        rasa_checks,
        disk_checks,
    )
    for check in checks:
        yield from check(settings)
    yield from hours_checks(settings, at or utc_now())


def database_checks(settings: Settings) -> Iterator[Check]:
    database = Database(settings.database)
    try:
        is_current = migrations.is_newest(database)
        server = None if database.is_sqlite else _server_state(database)
    except (SQLAlchemyError, OSError) as error:
        what = f"database: cannot be opened ({type(error).__name__})"
        yield Check(Level.FAIL, what, UNREACHABLE[database.is_sqlite])
        return
    finally:
        database.dispose()
    if is_current:
        yield Check(Level.OK, "database: reachable and up to date")
    else:
        mend = "./clinic run brings it up to date at start"
        yield Check(Level.WARN, "database: its tables are not those of this version", mend)
    if server is not None:
        yield from server_checks(server)


UNREACHABLE = {
    True: "check that var/ may be written, or CLINIC_DATABASE_URL",
    False: "check CLINIC_DATABASE_URL, that PostgreSQL runs, and that its pg_hba.conf lets this "
    "machine in",
}


@dataclass(frozen=True)
class ServerState:
    """A PostgreSQL server as this machine sees it. ahead_s: its clock, of ours."""

    version: int
    ahead_s: float
    connections_left: int
    is_flushed: bool


def _server_state(database: Database) -> ServerState:
    query = text(
        """
        select current_setting('server_version_num')::integer / 10000 as version,
            clock_timestamp() as at,
            current_setting('max_connections')::integer
                - current_setting('superuser_reserved_connections')::integer
                - (select count(*) from pg_stat_activity where backend_type = 'client backend')
                as connections_left,
            current_setting('fsync') = 'on'
                and current_setting('synchronous_commit') <> 'off' as is_flushed
        """
    )
    with database.engine.connect() as connection:
        asked_at = utc_now()
        row = connection.execute(query).one()
        between = asked_at + (utc_now() - asked_at) / 2
    ahead_s = (row.at - between).total_seconds()
    return ServerState(row.version, ahead_s, row.connections_left, row.is_flushed)


def server_checks(server: ServerState) -> Iterator[Check]:
    if server.version < OLDEST_POSTGRESQL:
        what = f"PostgreSQL {server.version}: older than what was tried, {OLDEST_POSTGRESQL}"
        yield Check(Level.WARN, what, f"upgrade the server to {OLDEST_POSTGRESQL} or newer")
    else:
        yield Check(Level.OK, f"PostgreSQL {server.version}")
    clocks = f"clock: PostgreSQL's is {abs(server.ahead_s):.1f} s "
    clocks += "ahead of this machine's" if server.ahead_s > 0 else "behind this machine's"
    if abs(server.ahead_s) > CLOCKS_MAY_DIFFER_S:
        mend = "let NTP keep every machine's clock (timedatectl set-ntp true): leases take seconds"
        yield Check(Level.FAIL, clocks, mend)
    else:
        yield Check(Level.OK, clocks)
    left = f"PostgreSQL: {server.connections_left} connections left"
    if server.connections_left < CONNECTIONS_OF_A_HOST:
        mend = (
            f"a host that starts now may take {CONNECTIONS_OF_A_HOST}: raise max_connections in "
            "postgresql.conf and restart the server"
        )
        yield Check(Level.WARN, left, mend)
    else:
        yield Check(Level.OK, left)
    if not server.is_flushed:
        what = "PostgreSQL: commits do not wait for the disk; a power cut loses messages"
        yield Check(Level.FAIL, what, "set fsync and synchronous_commit to on in postgresql.conf")


def key_checks(settings: Settings) -> Iterator[Check]:
    database = None
    try:
        ring = vault.key_ring(settings)
        database = Database(settings.database, keys=ring)
        missing = vault.missing_keys(database, ring)
    except KeysUnusable as error:
        yield Check(Level.FAIL, f"keys: {error}", "put the right key file back (docs/privacy.md)")
        return
    except (SQLAlchemyError, OSError):
        return  # said above
    finally:
        if database is not None:
            database.dispose()
    if missing:
        what = f"keys: {', '.join(missing)} is missing; what it sealed cannot be read"
        yield Check(Level.FAIL, what, "./clinic keys import FILE, with the file you saved")
    elif not ring.is_fixed and ring.active and ring.path.stat().st_mode & 0o077:
        yield Check(Level.FAIL, f"keys: others can read {ring.path}", f"chmod 600 {ring.path}")
    else:
        yield Check(Level.OK, f"keys: {len(ring.keys)}, all that the database needs")


def audit_checks(settings: Settings) -> Iterator[Check]:
    database = Database(settings.database)
    try:
        if not migrations.is_newest(database):
            return
        with database.reading() as session:
            chain = audit.check(session)
    except (SQLAlchemyError, OSError):
        return  # said above
    finally:
        database.dispose()
    if chain.broken_at is not None:
        what = f"audit log: entry {chain.broken_at} was changed, or one before it taken out"
        yield Check(Level.FAIL, what, "compare it with a backup, and tell the privacy officer")
    else:
        newest = chain.newest[:16] or "none"
        what = f"audit log: {chain.entries} entries, chain unbroken, newest {newest}"
        yield Check(Level.OK, what)


def model_checks(settings: Settings) -> Iterator[Check]:
    try:
        encoder = load_encoder(settings.models_dir)
    except ModelMissing as error:
        yield Check(Level.FAIL, f"sentence model: {error}", "./clinic run exports it")
        return
    yield Check(Level.OK, f"sentence model: {encoder.recipe}")


def index_checks(settings: Settings) -> Iterator[Check]:
    try:
        index = load(settings.index_dir)
    except IndexMissing:
        yield Check(Level.FAIL, "search index: there is none", "./clinic index")
    except IndexDamaged as error:
        yield Check(Level.FAIL, f"search index: {error}", "./clinic index makes it again")
    else:
        size = f"{len(index.articles)} articles, {len(index.passages)} passages"
        yield Check(Level.OK, f"search index: {size}")


def article_checks(settings: Settings) -> Iterator[Check]:
    problems = list(article_problems(settings))
    for problem in problems:
        what = f"{problem.file}:{problem.line}: {problem.what}"
        yield Check(problem.level, what, problem.mend)
    if not problems:
        yield Check(Level.OK, "articles: all are fine")


def rasa_checks(settings: Settings) -> Iterator[Check]:
    try:
        with urlopen(f"{settings.rasa_url}/", timeout=RASA_TIMEOUT_S) as answer:
            answer.read(64)
    except (URLError, OSError):
        what = f"assistant: does not answer at {settings.rasa_url}"
        mend = "./clinic run starts it; until then answers come from search alone"
        yield Check(Level.WARN, what, mend)
    else:
        yield Check(Level.OK, "assistant: answers")


def disk_checks(settings: Settings) -> Iterator[Check]:
    place = settings.var_dir if settings.var_dir.exists() else settings.var_dir.parent
    free = shutil.disk_usage(place).free
    if free < LEAST_FREE_BYTES:
        what = f"disk: {free / 1e9:.1f} GB free where the database is"
        yield Check(Level.FAIL, what, "free some space: on a full disk no message can be stored")
    else:
        yield Check(Level.OK, f"disk: {free / 1e9:.1f} GB free")


def hours_checks(settings: Settings, at: datetime) -> Iterator[Check]:
    if hours.next_opening(settings.chat_calendar, at) is None:
        what = "chat hours: nobody ever answers the chat"
        yield Check(Level.WARN, what, "give [chat_hours] or [hours] in clinic.toml a period")
    if not settings.calendar.holidays:
        what = "holidays: none are entered"
        yield Check(Level.WARN, what, "add [[holidays]] to clinic.toml")
    elif len(hours.past_holidays(settings.calendar, at)) == len(settings.calendar.holidays):
        what = "holidays: all lie in the past"
        yield Check(Level.WARN, what, "add the next ones to [[holidays]] in clinic.toml")
    else:
        yield Check(Level.OK, "hours and holidays")


# Articles ----------------------------------------------------------------------------------------


def article_problems(
    settings: Settings, at: datetime | None = None, comparison: Comparison | None = None
) -> Iterator[ArticleProblem]:
    """Look at every article, by path: what keeps it from being published, or is past its date.

    comparison: with the others; it takes the sentence model, which `doctor` does not wait for.
    """
    folder = settings.articles_dir
    if not folder.is_dir():
        yield ArticleProblem(str(folder), 1, "is not a folder", "Name the folder in clinic.toml.")
        return
    today = (at or utc_now()).astimezone(settings.calendar.zone).date()
    found = article_files.entries(folder)
    neighbours = [neighbour(entry.article) for entry in found if entry.article]
    kept = pictures.names(folder)
    for entry in found:
        file = f"{folder.name}/{entry.id}.md"
        if entry.error is not None:
            yield ArticleProblem(file, entry.error.line or 1, entry.error.reason, "Mend the file.")
            continue
        assert entry.article is not None
        facts = settings.facts(settings.lang(entry.article.lang))
        article = read_article(folder / f"{entry.id}.md", folder, facts)
        own = settings.own_numbers
        yield from proofreading.problems_of(file, entry.text, article, today, neighbours, own, kept)
        if comparison is not None:
            yield from comparison.problems_of(file, entry.text, article)
