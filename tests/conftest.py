"""What the tests share: an application with a database, articles and a fake Rasa of its own.

The cast is fixed: Pat patient, Ana agent, Eli editor, Rui reviewer, Max manager, Zoe no access.
"""

from __future__ import annotations

import json
import re
import shutil
import time
import tomllib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import settings as drawing
from sqlalchemy import select
from werkzeug.test import TestResponse

from search.answer import Found, Outcome, PassageFound
from search.index import Index
from tests import postgresql
from tests.fakes import FakeEncoder, FakeRasa
from web import create_app, make_services
from web.accounts.staff import add_staff
from web.background import Background
from web.chat import turns
from web.config import Settings
from web.desk import handoffs, presence
from web.migrations import upgrade
from web.models import RoleName, Staff
from web.services import Services, of

ROOT = Path(__file__).resolve().parents[1]
PASSWORD = "correct horse battery staple"

# A run of the tests says the same of the same code. To search: `--hypothesis-profile=default`.
drawing.register_profile("steady", derandomize=True)
drawing.load_profile("steady")
CAST = {
    "Ana": [RoleName.AGENT],
    "Eli": [RoleName.EDITOR],
    "Rui": [RoleName.REVIEWER],
    "Max": [RoleName.MANAGER],
    "Zoe": [],
}

ARTICLES = {
    "en/parking": ("Where do I park?", "visiting", "Park behind the house at no cost."),
    "en/bills": ("How do I pay my bill?", "billing", "Pay online or call {{clinic.phone}}."),
    "en/refills": ("How do I refill a prescription?", "medicines", "Ask your pharmacy to call."),
    "es/estacionamiento": ("¿Dónde me estaciono?", "visita", "Estacione detrás de la casa."),
}


HAS_A_FOLDER = {"tmp_path", "tmp_path_factory"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run on PostgreSQL only what may have a database: without a folder nothing can."""
    if not postgresql.SERVER:
        return
    without = [item for item in items if not HAS_A_FOLDER & set(getattr(item, "fixturenames", ()))]
    items[:] = [item for item in items if item not in without]
    config.hook.pytest_deselected(items=without)


def write_article(folder: Path, name: str, title: str, topic: str, body: str, **front: str) -> Path:
    path = folder / f"{name}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    fields = {
        "title": title,
        "summary": body,
        "topic": topic,
        "lang": name[:2],
        "audience": "public",
        "status": "published",
        "owner": "Front desk",
        "reviewed_by": "demo content",
        "reviewed_on": "2026-10-01",
        **front,
    }
    lines = "".join(f"{key}: {json.dumps(value)}\n" for key, value in fields.items())
    path.write_text(f"---\n{lines}---\n## {title}\n\n{body}\n", encoding="utf-8")
    return path


def write_articles(folder: Path) -> Path:
    for name, (title, topic, body) in ARTICLES.items():
        write_article(folder, name, title, topic, body)
    write_article(
        folder, "en/staff/keys", "Where are the keys?", "staff", "In the safe.", audience="staff"
    )
    return folder


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    return write_articles(tmp_path / "articles")


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `var` with an empty, migrated database and an index, to start each test from a copy."""
    folder = tmp_path_factory.mktemp("prepared")
    toml = tomllib.loads((ROOT / "clinic.toml").read_text(encoding="utf-8"))
    own = {"var": folder / "var", "articles": write_articles(folder / "articles")}
    services = make_services(Settings(**toml, **own), load_model=lambda _: FakeEncoder())
    upgrade(services.database)
    with services.database.engine.connect() as connection:
        connection.exec_driver_sql("pragma wal_checkpoint(truncate)")
    services.database.dispose()
    services.publisher.load_encoder()
    services.publisher.refresh()
    services.publisher.refresh()  # the first is by words alone
    return folder / "var"


@pytest.fixture
def rasa() -> Iterator[FakeRasa]:
    fake = FakeRasa()
    yield fake
    fake.go_down()


@pytest.fixture
def encoder() -> FakeEncoder:
    return FakeEncoder()


@pytest.fixture
def toml() -> dict[str, Any]:
    """The shipped settings, with limits no test meets by accident."""
    values = tomllib.loads((ROOT / "clinic.toml").read_text(encoding="utf-8"))
    values["limits"] |= {
        "messages_per_minute": 100_000,
        "conversations_per_hour": 100_000,
        "requests_per_minute": 1_000_000,
    }
    values["privacy"]["consent"] = "notice"
    return values


@pytest.fixture
def settings(
    toml: dict[str, Any], tmp_path: Path, articles: Path, rasa: FakeRasa
) -> Iterator[Settings]:
    var = tmp_path / "var"
    own = {"var": var, "articles": articles, "rasa_url": rasa.url}
    yield Settings(**toml, **own, database_url=postgresql.url_for(var))
    postgresql.drop(var)


@pytest.fixture
def make_app(
    settings: Settings, encoder: FakeEncoder, prepared: Path
) -> Iterator[Callable[..., Flask]]:
    """Make applications; each is one process's worth, on the same database."""
    made: list[Flask] = []
    shutil.copytree(prepared, settings.var_dir)

    def make(own: Settings | None = None) -> Flask:
        services = make_services(own or settings, load_model=lambda _: encoder)
        services.publisher.load_encoder()
        services.publisher.load_stored()
        services.publisher.refresh()
        app = create_app(own or settings, services)
        app.testing = False  # errors are answered as they are live
        made.append(app)
        return app

    yield make
    for app in made:
        of(app).stopping.set()
        of(app).hub.close()
        of(app).database.dispose()


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    """The application without its threads; `answer_all` does a worker's work."""
    return make_app()


@pytest.fixture
def services(app: Flask) -> Services:
    return of(app)


@pytest.fixture
def running(app: Flask) -> Iterator[Flask]:
    """The application with its threads."""
    background = Background(app)
    background.start()
    yield app
    background.stop()


@pytest.fixture
def answer_all(app: Flask) -> Callable[[], int]:
    """Answer every waiting turn, as a worker would; returns how many."""
    workers = turns.Workers(of(app), app.app_context, count=0)

    def work() -> int:
        done = 0
        while workers.do_one():
            done += 1
        return done

    return work


class Patient:
    """Pat's browser: a conversation and its token."""

    def __init__(self, client: FlaskClient, lang: str = "en") -> None:
        self.client = client
        answer = client.post("/api/v1/conversations", json={"lang": lang})
        assert answer.status_code == 201, answer.text
        self.id: str = answer.json["id"]
        self.token: str = answer.json["token"]

    @property
    def path(self) -> str:
        return f"/api/v1/conversations/{self.id}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(self.path + path, headers=self.headers, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        return self.client.post(
            self.path + path, json={} if body is None else body, headers=self.headers, **options
        )

    def say(self, text: str, client_id: str | None = None) -> TestResponse:
        return self.post("/messages", {"client_id": client_id or uuid.uuid4().hex, "text": text})

    def log(self, after: int = 0) -> list[dict[str, Any]]:
        answer = self.get(f"/log?after={after}")
        assert answer.status_code == 200, answer.text
        messages: list[dict[str, Any]] = answer.json["messages"]
        return messages

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.get("/log").json["state"]
        return state

    def texts(self, after: int = 0) -> list[str]:
        """The rows as author: words."""
        return [f"{row['author']}: {words(row['html'])}" for row in self.log(after)]

    def wait_for(self, author: str, after: int = 0, within_s: float = 10.0) -> dict[str, Any]:
        """Return the first row of that author after a row, as soon as it is there."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            rows = [row for row in self.log(after) if row["author"] == author]
            if rows:
                return rows[0]
            self.get(f"/log?after={max([after, *(row['n'] for row in self.log(after))])}&wait_s=1")
        raise AssertionError(f"no row of {author} within {within_s} s")


def words(html: str) -> str:
    """Return what stands in the body of a row, as one line."""
    body = html.split('<div class="kb-message__body">')[1].split('<p class="kb-message__meta"')[0]
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def pat(client: FlaskClient) -> Patient:
    return Patient(client)


@pytest.fixture
def staff(app: Flask) -> Callable[[str], Staff]:
    """Return one of the cast; the account is made when first asked for."""

    def one(name: str) -> Staff:
        email = f"{name.lower()}@clinic.example"
        with app.app_context(), of(app).database.transaction() as session:
            known = session.scalar(select(Staff).where(Staff.email == email))
            return known or add_staff(session, email, name, CAST[name], PASSWORD)

    return one


class Search:
    """Decides what the search finds, so that a test does not depend on how good it is."""

    def __init__(self) -> None:
        self.outcome = Outcome.NONE
        self.articles: tuple[str, ...] = ()
        self.also: tuple[str, ...] = ()  # articles that answer the message's other questions
        self.lang: str | None = None
        self.asked: list[dict[str, Any]] = []

    def finds(self, outcome: Outcome, *articles: str) -> None:
        self.outcome, self.articles = outcome, articles

    def ask(
        self,
        index: Index,
        encoder: Any,
        question: str,
        *,
        previous: str | None = None,
        lang: str | None = None,
    ) -> Found:
        self.asked.append({"question": question, "previous": previous, "lang": lang})
        return replace(
            self._found(index, encoder, question, lang, self.articles),
            also=tuple(self._found(index, encoder, question, lang, (one,)) for one in self.also),
        )

    def _found(
        self,
        index: Index,
        encoder: Any,
        question: str,
        lang: str | None,
        articles: tuple[str, ...],
    ) -> Found:
        passages = tuple(
            PassageFound(each.article, each.heading, each.anchor, 0.9, each.text)
            for name in articles
            for each in index.passages
            if each.article == name
        )
        return Found(
            question=question,
            understood=question,
            lang=self.lang or lang or "en",
            outcome=self.outcome,
            confidence=0.9 if passages else 0.0,
            shown=passages[0].text if passages else "",
            passages=passages,
            engine="full",
            recipe=index.recipe,
            vector=encoder.encode([question])[0],
        )


@pytest.fixture
def search(monkeypatch: pytest.MonkeyPatch) -> Search:
    fake = Search()
    monkeypatch.setattr(turns, "ask_all", fake.ask)
    return fake


@pytest.fixture
def claimed(app: Flask, staff: Callable[[str], Staff]) -> Callable[[Patient], int]:
    """Hand a conversation to Ana, who claims it; returns the handoff's id."""

    def hand_over(patient: Patient) -> int:
        ana = staff("Ana")
        with app.app_context(), of(app).database.transaction() as session:
            presence.seen(session, ana.id, of(app).clock())
            handoffs.request(session, patient.id, "asked")
            handoff = handoffs.open_handoff(session, patient.id)
            assert handoff is not None, "the demo's chat hours never end"
            handoffs.claim(session, handoff.id, ana.id)
            return handoff.id

    return hand_over
