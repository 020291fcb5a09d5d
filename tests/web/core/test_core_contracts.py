"""What is written down stays true: routes, settings, the OpenAPI file, wording, the schema."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from pydantic import BaseModel
from sqlalchemy import insert, inspect, literal_column, text
from sqlalchemy.exc import IntegrityError

from tests import postgresql
from tests.conftest import ROOT
from web import wording
from web.config import Settings
from web.db import Base, Database, utc_now, wake
from web.migrations import downgrade, upgrade
from web.models import AnsweredBy, Author, Handoff, HandoffState, Kind, TurnState
from web.sections import Clinic
from web.security import STAFF_PATHS

# Every blueprint is one audience with one guard. Who may call what is decided here first.
AUDIENCES = {
    "chat": "patient",
    "help": "everyone",
    "privacy": "everyone",
    "plain": "patient",
    "widget": "everyone",
    "health": "everyone",
    "console": "staff",
    "answering": "staff",
    "canned_replies": "staff",
    "board": "staff",
    "originals": "staff",
    "care": "staff",
    "endings": "staff",
    "practice": "staff",
    "team": "staff",
    "editor": "staff",
    "effects": "staff",
    "gaps": "staff",
    "library": "staff",
    "review": "staff",
    "insights": "staff",
    "account": "staff",
    "security": "sign-in",
}
# What a blueprint runs before its views, beside its guard.
BEFORE = {name: ["screen_first", "limit_requests", "patient_guard"] for name in ("chat", "plain")}


def test_every_route_has_one_audience(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "static":
            continue
        assert "." in rule.endpoint, f"{rule} belongs to no blueprint"
        assert rule.endpoint.split(".")[0] in AUDIENCES, rule


def test_every_staff_page_is_known_by_its_path(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        audience = AUDIENCES.get(rule.endpoint.split(".")[0])
        is_known = str(rule).startswith(STAFF_PATHS)
        assert is_known == (audience in ("staff", "sign-in")), f"{rule}: see web/security.py"


def test_every_blueprint_has_exactly_the_guard_of_its_audience(app: Flask) -> None:
    assert set(app.blueprints) == set(AUDIENCES)
    for name, audience in AUDIENCES.items():
        names = [act.__name__ for act in app.before_request_funcs.get(name, [])]
        if audience == "staff":
            assert names[0] == "check", "auth.guard comes first"
            assert names.count("check") == 1
        elif audience == "patient":
            assert names == BEFORE[name]
        elif audience == "everyone":
            assert names == []


@pytest.mark.parametrize("method", ["get", "post"])
def test_staff_routes_let_nobody_in_unasked(app: Flask, method: str) -> None:
    client = app.test_client()
    for rule in app.url_map.iter_rules():
        audience = AUDIENCES.get(rule.endpoint.split(".")[0])
        if audience != "staff" or method.upper() not in (rule.methods or ()):
            continue
        path = re.sub(r"<int[^>]*>", "1", str(rule))
        answer = getattr(client, method)(re.sub(r"<[^>]+>", "x", path))
        assert answer.status_code in (302, 401, 404), f"{rule}: {answer.status_code}"
        assert answer.status_code != 302 or "/account/sign-in" in answer.headers["Location"]


def test_every_error_has_one_shape(app: Flask) -> None:
    client = app.test_client()
    answers = [
        client.get("/api/v1/nothing"),
        client.put("/api/v1/clinic"),
        client.get("/api/v1/conversations/x/log"),
        client.post("/api/v1/conversations", data=b"{"),
        client.post("/api/v1/conversations", json={"site": 5}),
    ]
    assert [answer.status_code for answer in answers] == [404, 405, 404, 400, 400]
    for answer in answers:
        assert set(answer.json) - {"card"} == {"error"}
        assert set(answer.json["error"]) == {"code", "message"}
        assert re.fullmatch(r"[a-z_]+", answer.json["error"]["code"])


def test_a_fault_tells_nothing_of_itself(
    app: Flask, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the words of a patient")

    monkeypatch.setattr("web.views.chat.hours.is_open", broken)
    answer = app.test_client().get("/api/v1/clinic")
    assert (answer.status_code, answer.json["error"]["code"]) == (500, "internal")
    logged = capsys.readouterr()
    assert "RuntimeError" in logged.err
    assert "words of a patient" not in answer.text + logged.out + logged.err


# Settings ----------------------------------------------------------------------------------------


def setting_names() -> set[str]:
    names = set()
    for name, field in Settings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            names |= {f"[{name}] {key}" for key in kind.model_fields}
        else:
            names.add(name)
    return names


def test_every_setting_is_documented() -> None:
    documented = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    for name in sorted(setting_names()):
        section, _, key = name.rpartition(" ")
        assert f"`{key}`" in documented, f"{name} is not in docs/settings.md"
        assert not section or f"## {section}" in documented, f"{section} has no heading"


def test_every_shipped_fact_is_documented() -> None:
    documented = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    for name in Clinic.model_fields:
        assert f"`{name}`" in documented


# The API's description ---------------------------------------------------------------------------


@pytest.fixture
def described() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(
        (ROOT / "docs" / "openapi.yaml").read_text(encoding="utf-8")
    )
    return found


def test_every_route_of_the_api_is_described(app: Flask, described: dict[str, Any]) -> None:
    routes = {
        (method.lower(), re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", str(rule))[len("/api/v1") :])
        for rule in app.url_map.iter_rules()
        if str(rule).startswith("/api/v1/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    written = {
        (method, path)
        for path, methods in described["paths"].items()
        for method in methods
        if method != "parameters"
    }
    assert routes == written


def test_every_error_code_is_described(described: dict[str, Any]) -> None:
    codes = described["components"]["schemas"]["Error"]["properties"]["error"]["properties"]["code"]
    spoken = {name.split(".")[1] for name in wording.load("en") if name.startswith("errors.")}
    assert set(codes["enum"]) == spoken


# Wording -----------------------------------------------------------------------------------------


def test_every_sentence_stands_in_every_language() -> None:
    english = wording.load("en")
    for lang in wording.langs():
        other = wording.load(lang)
        assert set(other) == set(english), lang
        for key, sentence in other.items():
            assert parameters(sentence) == parameters(english[key]), f"{lang} {key}"


def parameters(sentence: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", sentence))


def test_every_system_line_has_its_words() -> None:
    codes = set()
    for path in sorted((ROOT / "web").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and node.name == "Line":
                codes |= {each.value.value for each in node.body if isinstance(each, ast.Assign)}
    assert {"queued", "agent_joined", "message_left"} <= codes
    assert {f"line.{code}" for code in codes} <= set(wording.load("en"))


def test_every_sentence_that_is_asked_for_exists() -> None:
    english = wording.load("en")
    asked = set()
    for path in sorted((ROOT / "web").rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        asked |= set(
            re.findall(r'"((?:errors|reply|state|line|message|help|open)\.[a-z_]+)"', source)
        )
    assert len(asked) > 15
    assert asked <= set(english)


# The schema --------------------------------------------------------------------------------------


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Database]:
    url = postgresql.empty() if postgresql.SERVER else f"sqlite:///{tmp_path / 'x.sqlite3'}"
    database = Database(url)
    yield database
    database.dispose()


def test_the_migrations_make_what_the_models_say(empty: Database) -> None:
    upgrade(empty)
    with empty.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_the_migrations_can_be_taken_back(empty: Database) -> None:
    upgrade(empty)
    downgrade(empty, "base")
    with empty.engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
    upgrade(empty)
    upgrade(empty)


@pytest.mark.parametrize(
    ("table", "column", "allowed"),
    [
        ("message", "author", Author),
        ("message", "kind", Kind),
        ("turn", "state", TurnState),
        ("turn", "answered_by", AnsweredBy),
        ("handoff", "state", HandoffState),
    ],
)
def test_the_database_checks_the_states(
    empty: Database, table: str, column: str, allowed: type
) -> None:
    upgrade(empty)
    with empty.engine.connect() as connection:
        checks = [each["sqltext"] for each in inspect(connection).get_check_constraints(table)]
    [check] = [check for check in checks if re.search(rf"\b{column}\b", check)]
    assert set(re.findall(r"'([a-z_]+)'", check)) == {
        state.value
        for state in allowed  # type: ignore[attr-defined]
    }


def test_a_state_nobody_knows_is_refused(empty: Database) -> None:
    upgrade(empty)
    refused = pytest.raises(IntegrityError, match="ck_handoff_handoffstate")
    with refused, empty.transaction() as session:
        row = {"conversation_id": "x", "reason": "asked", "requested_at": utc_now()}
        session.execute(insert(Handoff).values(**row, state=literal_column("'lost'")))


@pytest.mark.sqlite
def test_what_was_acknowledged_survives_a_power_cut(empty: Database) -> None:
    """synchronous=FULL (2) when a commit must last, NORMAL (1) for what may be lost."""
    for durable, level in ((True, 2), (False, 1), (True, 2)):
        with empty.transaction(durable=durable) as session:
            assert session.execute(text("pragma synchronous")).scalar_one() == level
            assert session.execute(text("pragma journal_mode")).scalar_one() == "wal"
            assert session.execute(text("pragma foreign_keys")).scalar_one() == 1


def test_nobody_is_woken_by_what_was_rolled_back(empty: Database) -> None:
    woken: list[frozenset[str]] = []
    empty.on_commit = woken.append
    with pytest.raises(RuntimeError), empty.transaction() as session:
        wake(session, "a")
        raise RuntimeError
    assert woken == []
    with empty.transaction() as session:
        wake(session, "a", "b")
        assert woken == [], "not before the commit"
    assert woken == [frozenset({"a", "b"})]


def test_an_exception_of_the_database_holds_no_words(empty: Database) -> None:
    upgrade(empty)
    with pytest.raises(IntegrityError) as failed, empty.transaction() as session:
        session.execute(text("insert into block (key) values (:key)"), {"key": "secret words"})
    assert "null" in str(failed.value).lower(), "what is wrong"
    assert "secret words" not in f"{failed.value} {failed.value.orig}"


Make = Callable[..., Flask]


def test_logs_are_lines_of_json(app: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    app.test_client().get("/api/v1/clinic")
    line = json.loads(capsys.readouterr().err.strip().split("\n")[-1])
    assert line["event"] == "request"
    assert (line["route"], line["status"]) == ("/api/v1/clinic", 200)
    assert re.fullmatch(r"[0-9a-f]{16}", line["request"])
