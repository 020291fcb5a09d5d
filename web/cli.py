"""The operator's commands on the web side: accounts, index, checks.

Rule: each command says what it did or what to do; a password is printed once, when it is made, and
never again. `./clinic staff add` and the like call this module.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from search.index import ArticleStatus
from web import auth, backup, checks, make_services
from web.accounts.staff import (
    PASSWORD_MIN_LENGTH,
    StaffExists,
    add_staff,
    disable_staff,
    end_sessions,
    reset_second_factor,
)
from web.articles import comparing, exchange
from web.articles.publishing import Publisher
from web.checks import Level
from web.config import Settings, SettingsInvalid, load_settings
from web.db import Database, utc_now
from web.desk import canned_replies, desks
from web.models import RoleName, Staff
from web.privacy import vault
from web.privacy.keys import KeyRing, KeysUnusable

PASSWORD_BYTES = 12  # 16 letters and digits

# The fixed cast of the demonstration; the domain is one nobody can own.
DEMO_STAFF = (
    ("ana@harborstreet.example", "Ana", RoleName.AGENT),
    ("eli@harborstreet.example", "Eli", RoleName.EDITOR),
    ("rui@harborstreet.example", "Rui", RoleName.REVIEWER),
    ("max@harborstreet.example", "Max", RoleName.MANAGER),
)


class CouldNotRun(click.ClickException):
    exit_code = 1


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Front Desk: accounts, search index and checks."""


# Accounts ----------------------------------------------------------------------------------------


@main.group()
def staff() -> None:
    """Add, list or close staff accounts."""


@staff.command("add")
@click.option("--email", required=True, help="what they sign in with")
@click.option("--name", required=True, help="what patients see, e.g. Ana")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice([role.value for role in RoleName]),
    help="may be given several times",
)
@click.option("--desk", "desk_ids", multiple=True, help="a desk of clinic.toml; none: all")
@click.option("--lang", "languages", multiple=True, help="a language they answer in; none: any")
@click.option("--password-stdin", is_flag=True, help="read the password from standard input")
def staff_add(
    email: str,
    name: str,
    roles: tuple[str, ...],
    desk_ids: tuple[str, ...],
    languages: tuple[str, ...],
    password_stdin: bool,
) -> None:
    """Make an account; without --password-stdin a password is made and printed once."""
    if "@" not in email.strip("@"):
        raise click.BadParameter("is not an e-mail address", param_hint="--email")
    if not name.strip() or len(name) > 80:
        raise click.BadParameter("takes 1 to 80 characters", param_hint="--name")
    password = _typed_password() if password_stdin else secrets.token_urlsafe(PASSWORD_BYTES)
    with _session() as session:
        try:
            wanted = [RoleName(role) for role in dict.fromkeys(roles)]
            person = add_staff(session, email, name, wanted, password)
            _seat(session, person, desk_ids, languages)
        except StaffExists:
            raise CouldNotRun(f"there is an account for {email} already") from None
    click.echo(f"Made an account for {name.strip()} ({email.strip().lower()}).")
    if not password_stdin:
        click.echo(f"Password, shown only now: {password}")
        click.echo("They can change it after signing in, under their name.")


def _typed_password() -> str:
    password = sys.stdin.readline().rstrip("\r\n")
    if len(password) < PASSWORD_MIN_LENGTH:
        raise CouldNotRun(f"a password has at least {PASSWORD_MIN_LENGTH} characters")
    return password


@staff.command("list")
def staff_list() -> None:
    """Show all accounts, by name."""
    with _session() as session:
        people = session.scalars(select(Staff).order_by(Staff.name, Staff.id)).all()
        seats = desks.of_staff(session, [person.id for person in people])
        for person in people:
            roles = ", ".join(sorted(role.name for role in person.roles)) or "no role"
            closed = "" if person.active else "  (closed)"
            own = [", ".join(sorted(seats[person.id])), person.languages or ""]
            narrowed = "".join(f"  [{each}]" for each in own if each)
            click.echo(f"{person.name}  {person.email}  {roles}{narrowed}{closed}")
        if not people:
            click.echo("No accounts yet. ./clinic staff add --help says how to make one.")


@staff.command("desks")
@click.option("--email", required=True)
@click.option("--desk", "desk_ids", multiple=True, help="a desk of clinic.toml; none: all")
@click.option("--lang", "languages", multiple=True, help="a language they answer in; none: any")
def staff_desks(email: str, desk_ids: tuple[str, ...], languages: tuple[str, ...]) -> None:
    """Say which desks somebody works at; what was said before no longer counts."""
    with _session() as session:
        person = _person(session, email)
        _seat(session, person, desk_ids, languages)
        sits, speaks = ", ".join(desk_ids) or "all desks", person.languages or "any language"
        click.echo(f"{person.name} works at {sits}, in {speaks}.")


def _seat(
    session: Session, person: Staff, desk_ids: tuple[str, ...], languages: tuple[str, ...]
) -> None:
    settings = _settings()
    for lang in languages:
        if lang not in settings.clinic.languages:
            spoken = ", ".join(settings.clinic.languages)
            raise CouldNotRun(f"--lang {lang}: the clinic speaks {spoken}")
    try:
        desks.seat(session, settings, person, desk_ids, languages)
    except desks.DeskUnknown as error:
        ids = ", ".join(desk.id for desk in desks.known(settings))
        raise CouldNotRun(f"--desk {error}: the desks are {ids}") from None


@staff.command("disable")
@click.option("--email", required=True)
def staff_disable(email: str) -> None:
    """Close an account and end its sessions everywhere."""
    with _session() as session:
        person = _person(session, email)
        disable_staff(session, person)
    click.echo(f"Closed the account of {person.name}. They are signed out everywhere.")


@staff.command("sign-out")
@click.option("--email", required=True)
def staff_sign_out(email: str) -> None:
    """End somebody's sessions everywhere; they can sign in again."""
    with _session() as session:
        person = _person(session, email)
        ended = end_sessions(session, person)
    click.echo(f"Signed {person.name} out everywhere ({ended} browsers).")


@staff.command("reset-second-step")
@click.option("--email", required=True)
def staff_reset_second_step(email: str) -> None:
    """Take away a second step whose phone and recovery codes are lost; be sure who asks."""
    with _session() as session:
        person = _person(session, email)
        reset_second_factor(session, person)
    click.echo(f"{person.name} signs in with the password alone now, and can set it up again.")


def _person(session: Session, email: str) -> Staff:
    wanted = func.lower(Staff.email) == email.strip().lower()
    person = session.scalar(select(Staff).where(wanted))
    if person is None:
        raise CouldNotRun(f"there is no account for {email}")
    return person


@main.command("demo-accounts")
@click.option("--json", "as_json", is_flag=True, help="print a list for a program")
def demo_accounts(as_json: bool) -> None:
    """Make the demo sign-ins once, only in demo mode; print e-mail and password once."""
    made: list[dict[str, str]] = []
    with _session() as session:
        if _settings().demo and session.scalar(select(func.count(Staff.id))) == 0:
            for email, name, role in DEMO_STAFF:
                password = secrets.token_urlsafe(PASSWORD_BYTES)
                add_staff(session, email, name, [role], password)
                made.append(
                    {"name": name, "role": role.value, "email": email, "password": password}
                )
            canned_replies.add_demo(session, _settings(), utc_now())
    if as_json:
        click.echo(json.dumps(made))
        return
    for each in made:
        click.echo(f"{each['name']:4} {each['role']:9} {each['email']}  {each['password']}")
    if made:
        click.echo("These passwords are shown only now.")
    elif not _settings().demo:
        click.echo("Not in demo mode: make accounts with ./clinic staff add.")
    else:
        click.echo("There are accounts already; their passwords were shown when they were made.")


# Index and articles ------------------------------------------------------------------------------


@main.command("index")
@click.option("--whole", is_flag=True, help="embed every passage anew")
def index(whole: bool) -> None:
    """Read the articles and write the search index; only what changed is embedded."""
    publisher = Publisher(_settings())
    publisher.load_encoder()
    if not whole:
        publisher.load_stored()
    publisher.refresh()
    for report in publisher.reports:
        if report.status is ArticleStatus.ERROR:
            click.echo(f"{report.article}.md:{report.line or 1}: {report.reason}", err=True)
    if publisher.index is None:
        raise CouldNotRun(f"there are no articles in {_settings().articles_dir}")
    passages = len(publisher.index.passages)
    click.echo(f"{len(publisher.index.articles)} articles, {passages} passages.")
    if publisher.encoder is None:
        click.echo("The sentence model is missing: search works by words alone. Run ./clinic run.")


@main.command("lint")
def lint() -> None:
    """Check every article, as the editor does; hints alone are no failure."""
    found, settings = 0, _settings()
    comparison = comparing.of_folder(Publisher(settings))
    if comparison is None:
        click.echo("Not looked for: what says the same or denies another (no sentence model).")
    for problem in checks.article_problems(settings, comparison=comparison):
        found += problem.level is Level.FAIL
        hint = "" if problem.level is Level.FAIL else "hint: "
        click.echo(f"{problem.file}:{problem.line}: {hint}{problem.what}. {problem.mend}")
    if found:
        raise CouldNotRun(f"{found} {'thing' if found == 1 else 'things'} to mend")
    click.echo("All articles can be published.")


@main.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--topic", default="other", help="where the articles belong")
def import_command(file: Path, topic: str) -> None:
    """Make drafts of an HTML, Word (.docx), Markdown or CSV file, or of a zip of them.

    A CSV names its columns question and answer. Nothing is published by it.
    """
    settings = _settings()
    with _database(settings):
        services = make_services(settings)
        found = exchange.take_in(services, file.name, file.read_bytes(), topic=topic, staff_id=None)
    for each in found:
        click.echo(f"{each.made_of}: {each.article_id or f'not taken: {each.reason}'}")
    click.echo(f"{sum(bool(each.article_id) for each in found)} drafts made; editors see them.")


@main.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def export_command(file: Path) -> None:
    """Write all articles to FILE, a zip: Markdown files and articles.jsonl."""
    file.write_bytes(exchange.give_out(_settings()))
    click.echo(f"Wrote {file}.")


@main.command("doctor")
def doctor() -> None:
    """Say what is wrong with the running parts, and how to mend it."""
    failed = False
    for check in checks.all_checks():
        click.echo(f"{check.level.value:5} {check.what}")
        if check.mend:
            click.echo(f"      What to do: {check.mend}")
        failed |= check.level is Level.FAIL
    if failed:
        sys.exit(1)


# Backups -----------------------------------------------------------------------------------------

FILE = click.Path(dir_okay=False, path_type=Path)


@main.command("backup")
@click.argument("file", type=FILE, required=False)
def backup_command(file: Path | None) -> None:
    """Save database, articles and settings in FILE; the product may be running.

    Without FILE a new one is made in var/backups. Keys are not in it, and without them nobody can
    read it: ./clinic keys export FILE saves them, to be kept apart.
    """
    settings, now = _settings(), utc_now()
    file = file or settings.var_dir / "backups" / f"clinic-{now:%Y%m%dT%H%M%SZ}.tar"
    try:
        contents = backup.save(settings, file, now)
    except backup.BackupFailed as error:
        raise CouldNotRun(str(error)) from None
    click.echo(f"Saved {file}: the database, clinic.toml and {len(contents.articles)} articles.")
    click.echo("It can be read only with the keys: save them apart with ./clinic keys export FILE.")


@main.command("restore")
@click.argument("file", type=FILE)
def restore_command(file: Path) -> None:
    """Put database and articles back from FILE; what stands there is kept beside it."""
    try:
        contents, moved = backup.restore(file, _settings(), utc_now())
    except backup.BackupFailed as error:
        raise CouldNotRun(str(error)) from None
    click.echo(f"Restored what was saved on {contents.made_at:%Y-%m-%d at %H:%M} UTC.")
    for path in moved:
        click.echo(f"Kept what was there before: {path}")
    click.echo("clinic.toml is left as it is. Start again with ./clinic run.")


# Keys --------------------------------------------------------------------------------------------


@main.group()
def keys() -> None:
    """The keys that patients' words are sealed with: list, change, save and bring back."""


@keys.command("list")
def keys_list() -> None:
    """Show each key's id, when it was made, and how many rows are sealed with it."""
    with _database(_settings()) as database, database.reading() as session:
        ring, rows = _ring(database), vault.rows_by_key(session)
        for key in ring.keys:
            state = "seals" if key == ring.active else "only opens"
            made = f"made {key.made_at:%Y-%m-%d %H:%M} UTC"
            click.echo(f"{key.id}  {made}  {state}  {rows.get(key.id, 0)} rows")


@keys.command("rotate")
@click.option("--again", is_flag=True, help="no new key: finish a rotation that was cut short")
def keys_rotate(again: bool) -> None:
    """Make a new key and seal everything with it; the product may be running.

    The old key stays in the file, for backups made before; `drop` destroys it.
    """
    with _database(_settings()) as database:
        ring, done = _ring(database), 0
        for done in vault.rotate(database, ring, again=again):
            click.echo(f"\r{done} rows", nl=False)
        assert ring.active is not None
        click.echo(f"\rSealed {done} rows with key {ring.active.id}.")
    click.echo("Save the keys now: ./clinic keys export FILE, and keep FILE apart from backups.")


@keys.command("export")
@click.argument("file", type=FILE)
def keys_export(file: Path) -> None:
    """Write all keys to FILE, a new one. Without them a backup cannot be read by anybody."""
    with _database(_settings()) as database:
        text = _ring(database).text()
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CouldNotRun(f"{file} cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as written:
        written.write(text)
    click.echo(f"Wrote {file}. Whoever has it and a backup can read what patients wrote.")


@keys.command("import")
@click.argument("file", type=FILE)
def keys_import(file: Path) -> None:
    """Add the keys of an exported FILE, so that what they sealed can be read again."""
    try:
        ring = vault.key_ring(_settings())
        new = ring.take_in(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise CouldNotRun(f"{file} cannot be read ({type(error).__name__})") from None
    except KeysUnusable as error:
        raise CouldNotRun(str(error)) from None
    click.echo(f"Added {', '.join(new)}." if new else "All its keys are here already.")


@keys.command("drop")
@click.argument("key_id")
def keys_drop(key_id: str) -> None:
    """Destroy an old key: backups sealed with it can never be read again."""
    with _database(_settings()) as database, database.reading() as session:
        ring = _ring(database)
        if not ring.holds(key_id):
            raise CouldNotRun(f"there is no key {key_id}; ./clinic keys list shows all")
        if ring.active is not None and ring.active.id == key_id:
            raise CouldNotRun("this key is in use: ./clinic keys rotate makes a new one")
        if count := vault.rows_by_key(session).get(key_id):
            raise CouldNotRun(f"{count} rows need this key: ./clinic keys rotate --again")
        ring.drop(key_id)
    click.echo(f"Destroyed key {key_id}.")


def _ring(database: Database) -> KeyRing:
    assert isinstance(database.keys, KeyRing)
    return database.keys


# Shared ------------------------------------------------------------------------------------------


def _settings() -> Settings:
    try:
        return load_settings()
    except SettingsInvalid as error:
        raise CouldNotRun(str(error)) from None


@contextmanager
def _session() -> Iterator[Session]:
    """A transaction on the migrated database, inside an application that can hash passwords."""
    settings = _settings()
    with _database(settings) as database:
        app = Flask("front-desk-cli")
        auth.init_app(app, settings, database)
        with app.app_context(), database.transaction() as session:
            yield session


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    """The migrated database with keys that fit it."""
    settings.var_dir.mkdir(parents=True, exist_ok=True)
    try:
        database = vault.connect(settings)
        try:
            vault.prepare(database)
            yield database
        finally:
            database.dispose()
    except KeysUnusable as error:
        raise CouldNotRun(str(error)) from None


if __name__ == "__main__":
    main(prog_name="python -m web.cli")
