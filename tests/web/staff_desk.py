"""A front desk for tests: the whole application on a database of its own, its cast, and a clock.

`PageClient.get` checks every page it fetches, whatever the test is about.
"""

from __future__ import annotations

import re
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import html5lib
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests import postgresql
from web import create_app, make_services
from web.accounts.staff import add_staff
from web.chat import conversations
from web.config import Settings
from web.db import Database
from web.desk import handoffs, presence
from web.migrations import upgrade
from web.models import Author, Kind, Message, RoleName, Staff
from web.services import Services

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "four quiet words here"  # of every member of the cast
MONDAY_MORNING = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)  # 10:00 at the clinic: open
MONDAY_NIGHT = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)  # 21:00 at the clinic: closed
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Clock:
    """Stands still until told."""

    def __init__(self, now: datetime = MONDAY_MORNING) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **span: float) -> None:
        self.now += timedelta(**span)


def clinic_settings(var: Path, **changes: Any) -> Settings:
    """The shipped clinic with real chat hours, in a folder of its own, with no Rasa to reach."""
    with (ROOT / "clinic.toml").open("rb") as file:
        values = tomllib.load(file)
    hours = ["08:30-12:00", "13:00-17:30"]
    week = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), hours)
    values.update(chat_hours=week, var=var, rasa_url="http://127.0.0.1:9")
    values["database_url"] = postgresql.url_for(var)
    return Settings(**{**values, **changes})


@cache
def _migrated() -> bytes:
    """An empty database at the newest schema: made once, copied for each test."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clinic.sqlite3"
        database = Database(f"sqlite:///{path}")
        upgrade(database)
        database.dispose()
        return path.read_bytes()


class Desk:
    """`with desk.open() as session` is a transaction inside the application."""

    def __init__(self, var: Path, **changes: Any) -> None:
        self.clock = Clock()
        self.settings = clinic_settings(var, **changes)
        var.mkdir(parents=True, exist_ok=True)
        if self.settings.database_url is None and not (var / "clinic.sqlite3").exists():
            (var / "clinic.sqlite3").write_bytes(_migrated())
        self.services: Services = replace(make_services(self.settings), clock=self.clock)
        self.app: Flask = create_app(self.settings, self.services)
        self.app.testing = True
        # A cheap hash of the same kind: dozens of sign-ins would otherwise take minutes.
        hashes = self.app.extensions["security"].pwd_context
        hashes.update(argon2__rounds=1, argon2__memory_cost=64, argon2__parallelism=1)

    def stop(self) -> None:
        """End this process's worth; the database stays for the next."""
        self.services.hub.close()
        self.services.database.dispose()

    def close(self) -> None:
        self.stop()
        postgresql.drop(self.settings.var_dir)

    def stored(self) -> bytes:
        """Return what the database's files hold, as they are on the disk now.

        On PostgreSQL what its rows hold: what a vacuum leaves in its files is the operator's
        business.
        """
        if self.settings.database_url is not None:
            return postgresql.stored(self.settings.database)
        files = [path.read_bytes() for path in self.settings.var_dir.glob("clinic.sqlite3*")]
        assert files
        return b"".join(files)

    @contextmanager
    def open(self) -> Iterator[Session]:
        # The context lasts as long as the act: one around a whole test would make its requests
        # share what Flask keeps per request, the signed-in person for one.
        with self.app.app_context(), self.services.database.transaction() as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        with self.app.app_context(), self.services.database.reading() as session:
            yield session

    def add(self, name: str, *roles: RoleName) -> Staff:
        with self.open() as session:
            email = f"{name.lower()}@harborstreet.example"
            return add_staff(session, email, name, list(roles), PASSWORD)

    def agent(self, name: str = "Ana") -> Staff:
        """An agent whose console is open."""
        staff = self.add(name, RoleName.AGENT)
        self.here(staff)
        return staff

    def here(self, *staff: Staff) -> None:
        with self.open() as session:
            for each in staff:
                presence.seen(session, each.id, self.clock())

    def client(self) -> PageClient:
        client = self.app.test_client()
        assert isinstance(client, FlaskClient)
        return PageClient(client)

    def sign_in(self, staff: Staff) -> PageClient:
        client = self.client()
        client.sign_in(staff.email)
        return client

    # The patient ---------------------------------------------------------------------------------

    def patient(self, *texts: str, lang: str = "en") -> str:
        conversation_id, _ = conversations.start(
            self.services, lang=lang, site="demo", page_url=None, address_hash="a" * 64
        )
        for text in texts or ("Is there parking for a van?",):
            self.say(conversation_id, text)
        return conversation_id

    def say(self, conversation_id: str, text: str) -> None:
        with self.open() as session:
            conversations.append(
                session, conversation_id, author=Author.PATIENT, kind=Kind.TEXT, text=text
            )

    def ask(self, conversation_id: str, reason: str = "asked", **how: Any) -> Any:
        with self.open() as session:
            return handoffs.request(session, conversation_id, reason, **how)

    def waiting(self, *texts: str, **how: Any) -> int:
        """A patient in the queue. Returns the handoff's id."""
        conversation_id = self.patient(*texts)
        self.ask(conversation_id, **how)
        with self.open() as session:
            handoff = handoffs.open_handoff(session, conversation_id)
            assert handoff is not None, "nobody is there to wait for"
            return handoff.id

    def handoff(self, handoff_id: int) -> Any:
        with self.reading() as session:
            return handoffs.get(session, handoff_id)

    def conversation_of(self, handoff_id: int) -> str:
        return str(self.handoff(handoff_id).conversation_id)

    def status(self, conversation_id: str) -> Any:
        with self.reading() as session:
            return handoffs.status(session, conversation_id)

    def log(self, conversation_id: str) -> list[Message]:
        with self.reading() as session:
            return list(conversations.log(session, conversation_id))

    def lines(self, conversation_id: str) -> list[str]:
        """The codes of the system lines, in order."""
        return [row.payload["line"] for row in self.log(conversation_id) if "line" in row.payload]

    def sweep(self) -> int:
        with self.open() as session:
            return handoffs.requeue_absent(session)


class PageClient:
    """A browser without script. `get` refuses a page that breaks a rule of ours."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str, status: int = 200, **options: Any) -> str:
        response = self.client.get(path, **options)
        assert response.status_code == status, f"{path}: {response.status_code}"
        text = response.get_data(as_text=True)
        check_page(response, text)
        return text

    def post(self, path: str, values: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        """Post a form with the session's token."""
        return self.client.post(
            path, data={"csrf_token": self.token(), **(values or {})}, **options
        )

    def call(self, path: str, values: dict[str, Any] | None = None) -> TestResponse:
        """Post as console.js does."""
        headers = {"X-CSRFToken": self.token(), "Accept": "application/json"}
        return self.client.post(path, json=values or {}, headers=headers)

    def token(self) -> str:
        for page in ("/account/password", "/account/sign-in"):
            found = TOKEN.search(self.client.get(page).get_data(as_text=True))
            if found:
                return found.group(1)
        raise AssertionError("no page gave a token")

    def sign_in(self, email: str, password: str = PASSWORD) -> TestResponse:
        return self.post("/account/sign-in", {"email": email, "password": password})


def check_page(response: TestResponse, text: str) -> None:
    """One h1, a title that begins with it, unique ids, labelled fields, valid, nothing inline."""
    where = response.request.path
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    tree = parser.parse(text)
    headings = [_words(each) for each in tree.iter("h1")]
    assert len(headings) == 1, f"{where}: {headings}"
    title = _words(next(tree.iter("title")))
    assert title.startswith(headings[0]), f"{where}: {title!r} does not begin with {headings[0]!r}"
    assert tree.get("lang"), f"{where} names no language"
    _check_ids(tree, where)
    _check_fields(tree, where)
    for each in tree.iter():
        assert not any(name == "style" or name.startswith("on") for name in each.keys()), where
    assert not list(tree.iter("style")), f"{where} has inline style"
    for script in tree.iter("script"):
        assert script.get("src") and not _words(script), f"{where} has inline script"
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy, where


def _check_ids(tree: Any, where: str) -> None:
    ids = [each.get("id") for each in tree.iter() if each.get("id")]
    doubled = [name for name, count in Counter(ids).items() if count > 1]
    assert not doubled, f"{where}: ids {doubled}"
    for each in tree.iter():
        for name in (each.get("aria-describedby") or "").split():
            assert name in ids, f"{where}: aria-describedby {name} leads nowhere"


def _check_fields(tree: Any, where: str) -> None:
    labelled = {label.get("for") for label in tree.iter("label")}
    for tag in ("input", "select", "textarea"):
        for each in tree.iter(tag):
            if each.get("type") not in ("hidden", "submit"):
                assert each.get("id") in labelled, f"{where}: {each.get('name')} has no label"


def _words(element: Any) -> str:
    return " ".join("".join(element.itertext()).split())
