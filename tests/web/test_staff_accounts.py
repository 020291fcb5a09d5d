"""The second step of signing in, and the browsers somebody is signed in with."""

from __future__ import annotations

import json
import re
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from passlib.totp import TOTP  # type: ignore[import-untyped]
from werkzeug.test import TestResponse

from tests import postgresql
from tests.web.staff_desk import PASSWORD, TOKEN, Desk, PageClient, check_page
from tests.web.test_staff_access import move_sessions
from web.accounts import sessions
from web.cli import main
from web.db import utc_now
from web.desk import presence
from web.models import RoleName, Staff
from web.privacy import audit

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
EDGE = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) Chrome/140.0 Safari/537.36 Edg/140.0"


@pytest.fixture(autouse=True)
def a_clock_that_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """A code's half minute must not be over between phone and server."""
    begun = time.time()
    monkeypatch.setattr(TOTP, "now", staticmethod(lambda: begun))


class Phone:
    """An app for codes. Time can be moved on, so that each code is a new one."""

    def __init__(self, key: str) -> None:
        self.totp = TOTP(key)
        self.steps = -1

    def code(self) -> str:
        self.steps += 1  # the window takes the step before, this one and the next
        return str(self.totp.generate(TOTP.now() + 30 * (self.steps - 1)).token)


def send(client: PageClient, page: str, values: dict[str, Any], path: str = "") -> TestResponse:
    """Post a page's own form: to look at another page would begin the sign-in anew."""
    token = TOKEN.search(client.get(page))
    assert token
    return client.client.post(path or page, data={**values, "csrf_token": token.group(1)})


def set_up(client: PageClient) -> Phone:
    answer = send(client, "/account/second-step", {"setup": "authenticator"})
    page = answer.get_data(as_text=True)
    check_page(answer, page)
    key = re.search(r'__key">([^<]+)<', page)
    action = re.search(r'action="(/account/[^"]+)"[^>]*>\s*<input[^>]+>\s*<div class="fd-f', page)
    assert key and action, page
    phone = Phone(key.group(1))
    token = TOKEN.search(page)
    assert token
    values = {"code": phone.code(), "csrf_token": token.group(1)}
    done = client.client.post(action.group(1), data=values)
    assert done.status_code == 302, done.get_data(as_text=True)
    return phone


def signed_in(client: PageClient) -> bool:
    return client.client.get("/account/").status_code == 200


# The second step ---------------------------------------------------------------------------------


def test_it_works(desk: Desk) -> None:
    ana = desk.agent()
    client = desk.sign_in(ana)
    assert "Turn on the second step" in client.get("/account/")
    assert "It is off." in client.get("/account/second-step")
    phone = set_up(client)
    assert "The second step is on." in client.get("/account/")
    other = desk.client()
    asked = other.sign_in(ana.email)
    assert asked.headers["Location"].startswith("/account/code")
    assert not signed_in(other)
    send(other, "/account/code", {"code": phone.code()})
    assert signed_in(other)


def test_after_the_code_the_way_goes_on_where_it_began(desk: Desk) -> None:
    ana = desk.agent()
    phone = set_up(desk.sign_in(ana))
    client = desk.client()
    values = {"email": ana.email, "password": PASSWORD, "next": "/console/?box=mine"}
    asked = client.post("/account/sign-in", values).headers["Location"]
    form = re.search(r'action="(/account/code[^"]*)"', client.get(asked))
    assert form
    done = send(client, asked, {"code": phone.code()}, form.group(1).replace("&amp;", "&"))
    assert done.headers["Location"].endswith("/console/?box=mine")


def test_a_wrong_code_and_a_used_one_let_nobody_in(desk: Desk) -> None:
    ana = desk.agent()
    phone = set_up(desk.sign_in(ana))
    used = phone.code()
    first, second = desk.client(), desk.client()
    first.sign_in(ana.email)
    send(first, "/account/code", {"code": used})
    assert signed_in(first)
    second.sign_in(ana.email)
    for code in ("000000", used):
        page = send(second, "/account/code", {"code": code}).get_data(as_text=True)
        assert "This code is not right, or was used before." in page
    assert not signed_in(second)


def test_codes_cannot_be_guessed_on_and_on(desk: Desk) -> None:
    ana = desk.agent()
    phone = set_up(desk.sign_in(ana))
    client = desk.client()
    client.sign_in(ana.email)
    answers = [send(client, "/account/code", {"code": "000000"}).status_code for _ in range(11)]
    assert answers[:9] == [200] * 9
    assert answers[-1] == 429
    assert send(client, "/account/code", {"code": phone.code()}).status_code == 429
    assert not signed_in(client)


def test_a_recovery_code_works_once(desk: Desk) -> None:
    ana = desk.agent()
    client = desk.sign_in(ana)
    set_up(client)
    assert "You have none yet." in client.get("/account/recovery-codes")
    page = client.post("/account/recovery-codes").get_data(as_text=True)
    codes = re.findall(r"<li><code>([^<]+)</code>", page)
    assert len(codes) == 10
    assert codes[0] not in client.get("/account/recovery-codes"), "shown once"
    for expected in (True, False):
        other = desk.client()
        other.sign_in(ana.email)
        send(other, "/account/recovery", {"code": f" {codes[0].upper()} "})
        assert signed_in(other) is expected
    assert "9 recovery codes left" in client.get("/account/")


def test_without_the_password_no_code_helps(desk: Desk) -> None:
    for path in ("/account/code", "/account/recovery", "/account/second-step"):
        answer = desk.client().client.get(path)
        assert answer.status_code == 302, path
        assert "/account/sign-in" in answer.headers["Location"]


def test_the_second_step_is_changed_only_soon_after_the_password(desk: Desk) -> None:
    client = desk.sign_in(desk.agent())
    phone = set_up(client)
    with client.client.session_transaction() as session:
        session["fs_paa"] = time.time() - 3600
        session.pop("fs_gexp", None)
    asked = client.post("/account/second-step", {"setup": "disable"})
    assert "/account/password-again" in asked.headers["Location"]
    assert "On." in client.get("/account/")
    client.get("/account/password-again")
    wrong = client.post("/account/password-again", {"password": "wrong words"})
    assert wrong.status_code == 200
    client.post("/account/password-again", {"password": PASSWORD})
    client.post("/account/second-step", {"setup": "disable"})
    assert "The second step is off." in client.get("/account/")
    assert phone


def test_the_secret_stands_nowhere_in_the_database(desk: Desk) -> None:
    ana = desk.agent()
    client = desk.sign_in(ana)
    set_up(client)
    client.post("/account/recovery-codes")
    with desk.open() as session:
        staff = session.get_one(Staff, ana.id)
        key = json.loads(str(staff.tf_totp_secret))["key"]
        secrets = [key, *staff.mf_recovery_codes]
    stored = desk.stored()
    assert not [each for each in secrets if str(each).encode() in stored]


def test_a_secret_outlives_this_machines_own_key(desk: Desk) -> None:
    """A restored backup has the clinic's keys, and a new var/secret_key."""
    ana = desk.agent()
    phone = set_up(desk.sign_in(ana))
    moved = Desk.__new__(Desk)
    desk.services.database.dispose()
    (desk.settings.var_dir / "secret_key").unlink()
    Desk.__init__(moved, desk.settings.var_dir)
    client = moved.client()
    client.sign_in(ana.email)
    send(client, "/account/code", {"code": phone.code()})
    assert signed_in(client)
    moved.close()


@pytest.mark.parametrize("role", [RoleName.MANAGER, RoleName.AGENT])
def test_a_clinic_can_require_it_of_some_roles(tmp_path: Path, role: RoleName) -> None:
    rule = {"two_factor": "required", "two_factor_roles": ["manager"]}
    desk = Desk(tmp_path, staff=rule)
    client = desk.client()
    client.sign_in(desk.add("Max", role).email)
    is_asked = role is RoleName.MANAGER
    assert signed_in(client) is not is_asked
    if is_asked:
        page = client.get("/account/second-step")
        assert "Your clinic asks for it." in page
        set_up(client)
        assert signed_in(client)
        assert "Turn it off" not in client.get("/account/second-step")
        send(client, "/account/second-step", {"setup": "disable"})
        assert "On." in client.get("/account/")
    desk.close()


def test_switched_off_nobody_is_asked_and_there_is_no_page(tmp_path: Path) -> None:
    desk = Desk(tmp_path, staff={"two_factor": "off"})
    client = desk.sign_in(desk.agent())
    assert "second step" not in client.get("/account/").lower()
    assert client.client.get("/account/second-step").status_code == 404
    desk.close()


def run(desk: Desk, *words: str, **environment: Any) -> str:
    own = postgresql.environment(desk.settings.var_dir)
    done = CliRunner().invoke(main, [*words], env={**own, **environment})
    assert done.exit_code == 0, done.output
    return done.output


def test_the_operator_takes_a_lost_second_step_away(desk: Desk) -> None:
    ana = desk.agent()
    client = desk.sign_in(ana)
    set_up(client)
    said = run(desk, "staff", "reset-second-step", "--email", ana.email)
    assert "with the password alone" in said
    assert not signed_in(client), "an attacker at another browser would stay"
    assert signed_in(desk.sign_in(ana))
    with desk.open() as session:
        acts = [entry.act for entry in audit.entries(session, f"staff:{ana.id}")]
    assert "second_factor_changed" in acts
    assert "second_factor_reset" in acts


# Sessions ----------------------------------------------------------------------------------------


def browser(desk: Desk, staff: Staff, user_agent: str) -> PageClient:
    client = desk.client()
    client.client.environ_base["HTTP_USER_AGENT"] = user_agent
    client.sign_in(staff.email)
    return client


def test_all_sessions_are_listed_and_each_can_be_ended(desk: Desk) -> None:
    ana = desk.agent()
    here, there = browser(desk, ana, FIREFOX), browser(desk, ana, EDGE)
    page = here.get("/account/")
    assert "Firefox on Windows</strong>, this one" in page
    assert "Edge on Mac" in page
    ends = re.findall(r'action="(/account/sessions/\d+/end)"', page)
    assert len(ends) == 1, "not the one that asks"
    here.post(ends[0])
    assert signed_in(here)
    assert not signed_in(there)
    assert "Edge on Mac" not in here.get("/account/")


def test_all_others_are_ended_at_once(desk: Desk) -> None:
    ana = desk.agent()
    here, *others = [desk.sign_in(ana) for _ in range(3)]
    here.post("/account/sessions/end-others")
    assert [signed_in(each) for each in (here, *others)] == [True, False, False]


def test_nobody_ends_the_session_of_another(desk: Desk) -> None:
    ana, max_ = desk.agent(), desk.add("Max", RoleName.MANAGER)
    client, other = desk.sign_in(ana), desk.sign_in(max_)
    with desk.open() as session:
        theirs = sessions.of_staff(session, max_.id, utc_now())[0].id
    assert client.post(f"/account/sessions/{theirs}/end").status_code == 404
    assert signed_in(other)


def test_the_operator_signs_somebody_out_everywhere(desk: Desk) -> None:
    ana = desk.agent()
    clients = [desk.sign_in(ana), desk.sign_in(ana)]
    assert "(2 browsers)" in run(desk, "staff", "sign-out", "--email", ana.email)
    assert [signed_in(each) for each in clients] == [False, False]
    assert signed_in(desk.sign_in(ana))


def test_a_cookie_copied_before_the_sign_out_is_worth_nothing_after_it(desk: Desk) -> None:
    client, thief = desk.sign_in(desk.agent()), desk.client()
    cookie = client.client.get_cookie("front_desk")
    assert cookie is not None
    client.post("/account/sign-out")
    thief.client.set_cookie("front_desk", cookie.value)
    assert not signed_in(thief)


@pytest.mark.parametrize("end", ["idle", "ended", "too long"])
def test_a_stream_ends_with_its_session(desk: Desk, end: str) -> None:
    ana = desk.agent()
    client = desk.sign_in(ana)
    stream = client.client.get("/console/stream", buffered=False)
    news = iter(stream.response)
    next(news)
    assert b"event: inbox" in next(news)
    if end == "idle":
        move_sessions(desk, active_at=timedelta(minutes=16))
    elif end == "too long":
        move_sessions(desk, began_at=timedelta(hours=13))
    with desk.open() as session:
        if end == "ended":
            sessions.end_all(session, ana.id)
        else:
            presence.set_away(session, ana.id, False)  # something happens
    assert list(news) == []
    stream.close()


def test_going_idle_gives_the_chats_back(desk: Desk) -> None:
    ana = desk.agent()
    client = desk.sign_in(ana)
    handoff_id = desk.waiting()
    client.call(f"/console/handoffs/{handoff_id}/claim")
    move_sessions(desk, active_at=timedelta(minutes=16))
    assert client.client.post("/console/ping", json={}).status_code in (302, 401)
    desk.sweep()
    assert desk.handoff(handoff_id).state.value == "requested"
    assert "agent_gone" in desk.lines(desk.conversation_of(handoff_id))


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [(FIREFOX, "Firefox on Windows"), (EDGE, "Edge on Mac"), ("curl/8", "A browser"), ("", "A br")],
)
def test_a_browser_is_called_what_people_call_it(user_agent: str, name: str) -> None:
    assert sessions.browser_name(user_agent).startswith(name)
