"""The operator's commands on the web side: accounts, index, checks.

Rule: each command says what it did or what to do; a password is printed once, when it is made, and
never again. `./clinic staff add` and the like call this module.
"""

from __future__ import annotations

import json
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
from web import auth, backup, checks, desks, migrations
from web.checks import Level
from web.config import Settings, SettingsInvalid, load_settings
from web.db import Database, utc_now
from web.models import RoleName, Staff
from web.publishing import Publisher

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
            person = auth.add_staff(session, email, name, wanted, password)
            _seat(session, person, desk_ids, languages)
        except auth.StaffExists:
            raise CouldNotRun(f"there is an account for {email} already") from None
    click.echo(f"Made an account for {name.strip()} ({email.strip().lower()}).")
    if not password_stdin:
        click.echo(f"Password, shown only now: {password}")
        click.echo("They can change it after signing in, under their name.")


def _typed_password() -> str:
    password = sys.stdin.readline().rstrip("\r\n")
    if len(password) < auth.PASSWORD_MIN_LENGTH:
        raise CouldNotRun(f"a password has at least {auth.PASSWORD_MIN_LENGTH} characters")
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
        auth.disable_staff(session, person)
    click.echo(f"Closed the account of {person.name}. They are signed out everywhere.")


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
                auth.add_staff(session, email, name, [role], password)
                made.append(
                    {"name": name, "role": role.value, "email": email, "password": password}
                )
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
    """Check every article: front matter, dates, placeholders, review date."""
    found = 0
    for problem in checks.article_problems(_settings()):
        found += 1
        click.echo(f"{problem.file}:{problem.line}: {problem.what}. {problem.mend}")
    if found:
        raise CouldNotRun(f"{found} {'thing' if found == 1 else 'things'} to mend")
    click.echo("All articles are fine.")


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

    Without FILE a new one is made in var/backups. Keys are not in it: keep var/secret_key apart.
    """
    settings, now = _settings(), utc_now()
    file = file or settings.var_dir / "backups" / f"clinic-{now:%Y%m%dT%H%M%SZ}.tar"
    try:
        contents = backup.save(settings, file, now)
    except backup.BackupFailed as error:
        raise CouldNotRun(str(error)) from None
    click.echo(f"Saved {file}: the database, clinic.toml and {len(contents.articles)} articles.")
    click.echo("It holds what patients wrote: keep it where only the clinic can read it.")


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
    database = Database(settings.database)
    settings.var_dir.mkdir(parents=True, exist_ok=True)
    try:
        migrations.upgrade(database)
        app = Flask("front-desk-cli")
        auth.init_app(app, settings, database)
        with app.app_context(), database.transaction() as session:
            yield session
    finally:
        database.dispose()


if __name__ == "__main__":
    main(prog_name="python -m web.cli")
