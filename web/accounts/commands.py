"""The operator's commands for accounts: `staff` and the sign-ins of the demonstration.

Rule: a password is printed once, when it is made, and never again.
"""

from __future__ import annotations

import json
import secrets
import sys

import click
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from web import installation
from web.accounts.staff import (
    PASSWORD_MIN_LENGTH,
    StaffExists,
    add_staff,
    disable_staff,
    end_sessions,
    reset_second_factor,
)
from web.db import utc_now
from web.desk import canned_replies, desks
from web.installation import CouldNotRun
from web.models import RoleName, Staff

PASSWORD_BYTES = 12  # 16 letters and digits

# The fixed cast of the demonstration; the domain is one nobody can own.
DEMO_STAFF = (
    ("ana@harborstreet.example", "Ana", RoleName.AGENT),
    ("eli@harborstreet.example", "Eli", RoleName.EDITOR),
    ("rui@harborstreet.example", "Rui", RoleName.REVIEWER),
    ("max@harborstreet.example", "Max", RoleName.MANAGER),
)


@click.group()
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
    with installation.session() as session:
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
    with installation.session() as session:
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
    with installation.session() as session:
        person = _person(session, email)
        _seat(session, person, desk_ids, languages)
        sits, speaks = ", ".join(desk_ids) or "all desks", person.languages or "any language"
        click.echo(f"{person.name} works at {sits}, in {speaks}.")


def _seat(
    session: Session, person: Staff, desk_ids: tuple[str, ...], languages: tuple[str, ...]
) -> None:
    settings = installation.settings()
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
    with installation.session() as session:
        person = _person(session, email)
        disable_staff(session, person)
    click.echo(f"Closed the account of {person.name}. They are signed out everywhere.")


@staff.command("sign-out")
@click.option("--email", required=True)
def staff_sign_out(email: str) -> None:
    """End somebody's sessions everywhere; they can sign in again."""
    with installation.session() as session:
        person = _person(session, email)
        ended = end_sessions(session, person)
    click.echo(f"Signed {person.name} out everywhere ({ended} browsers).")


@staff.command("reset-second-step")
@click.option("--email", required=True)
def staff_reset_second_step(email: str) -> None:
    """Take away a second step whose phone and recovery codes are lost; be sure who asks."""
    with installation.session() as session:
        person = _person(session, email)
        reset_second_factor(session, person)
    click.echo(f"{person.name} signs in with the password alone now, and can set it up again.")


def _person(session: Session, email: str) -> Staff:
    wanted = func.lower(Staff.email) == email.strip().lower()
    person = session.scalar(select(Staff).where(wanted))
    if person is None:
        raise CouldNotRun(f"there is no account for {email}")
    return person


@click.command("demo-accounts")
@click.option("--json", "as_json", is_flag=True, help="print a list for a program")
def demo_accounts(as_json: bool) -> None:
    """Make the demo sign-ins once, only in demo mode; print e-mail and password once."""
    made: list[dict[str, str]] = []
    with installation.session() as session:
        if installation.settings().demo and session.scalar(select(func.count(Staff.id))) == 0:
            for email, name, role in DEMO_STAFF:
                password = secrets.token_urlsafe(PASSWORD_BYTES)
                add_staff(session, email, name, [role], password)
                made.append(
                    {"name": name, "role": role.value, "email": email, "password": password}
                )
            canned_replies.add_demo(session, installation.settings(), utc_now())
    if as_json:
        click.echo(json.dumps(made))
        return
    for each in made:
        click.echo(f"{each['name']:4} {each['role']:9} {each['email']}  {each['password']}")
    if made:
        click.echo("These passwords are shown only now.")
    elif not installation.settings().demo:
        click.echo("Not in demo mode: make accounts with ./clinic staff add.")
    else:
        click.echo("There are accounts already; their passwords were shown when they were made.")
