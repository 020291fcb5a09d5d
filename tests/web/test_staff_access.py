"""Who gets in: roles and routes, sign-in and its limits, sessions, CSRF."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from tests.web.staff_desk import PASSWORD, Desk
from web.accounts.staff import disable_staff
from web.db import utc_now
from web.desk import presence
from web.models import RoleName, Staff, StaffSession
from web.privacy import audit

STAFF_BLUEPRINTS = ("console", "account", "security")
OPEN_TO_ALL = {
    "security.login",
    # Between password and code; without the password they lead back to the sign-in page.
    "security.mf_recovery",
    "security.two_factor_setup",
    "security.two_factor_token_validation",
}
# Flask-Security's pages that are not for here: gone.
GONE = {"security.tf_select", "security.two_factor_rescue"}
# Signing out needs no sign-in: it does nothing then.
HARMLESS = {"security.logout"}


@pytest.fixture
def cast(desk: Desk) -> dict[str, Staff]:
    return {
        "Ana": desk.add("Ana", RoleName.AGENT),
        "Eli": desk.add("Eli", RoleName.EDITOR),
        "Rui": desk.add("Rui", RoleName.REVIEWER),
        "Max": desk.add("Max", RoleName.MANAGER),
        "Zoe": desk.add("Zoe"),
    }


def staff_routes(desk: Desk) -> list[tuple[str, str, str]]:
    """Every (endpoint, method, path) of the staff, with 1 or "x" for what varies."""
    routes = []
    for rule in desk.app.url_map.iter_rules():
        if rule.endpoint.split(".")[0] in STAFF_BLUEPRINTS:
            path = re.sub(r"<int:[^>]+>", "1", rule.rule)
            path = re.sub(r"<any\((\w+)[^>]+>", r"\1", path)
            path = re.sub(r"<[^>]+>", "x", path)
            methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
            routes += [(rule.endpoint, method, path) for method in sorted(methods)]
    return sorted(routes)


def test_it_works(desk: Desk, cast: dict[str, Staff]) -> None:
    client = desk.client()
    assert "Staff sign-in" in client.get("/account/sign-in")
    response = client.sign_in("ana@harborstreet.example")
    assert response.headers["Location"].endswith("/account/start")
    assert "Inbox" in client.get("/console/")
    client.post("/account/sign-out")
    assert client.client.get("/console/").status_code == 302


def test_every_staff_route_is_known_here(desk: Desk) -> None:
    """A new route has to be looked at; Flask-Security must not bring pages nobody asked for."""
    assert {endpoint for endpoint, _, _ in staff_routes(desk)} == {
        "account.end_other_sessions",
        "account.end_session",
        "account.overview",
        "account.start",
        "console.answer_transfer",
        "console.away",
        "console.block",
        "console.bring_back",
        "console.claim",
        "console.conversation_page",
        "console.give_back",
        "console.inbox_page",
        "console.message_done",
        "console.ping",
        "console.resolve",
        "console.snooze_one",
        "console.stream",
        "console.transfer",
        "console.typing",
        "console.write",
        "security.change_password",
        "security.login",
        "security.logout",
        "security.mf_recovery",
        "security.mf_recovery_codes",
        "security.tf_select",
        "security.two_factor_rescue",
        "security.two_factor_setup",
        "security.two_factor_setup_validate",
        "security.two_factor_token_validation",
        "security.verify",
    }


def test_nobody_gets_anywhere_without_signing_in(desk: Desk) -> None:
    client = desk.app.test_client()
    for endpoint, method, path in staff_routes(desk):
        if endpoint in OPEN_TO_ALL | HARMLESS:
            continue
        if endpoint in GONE:
            assert client.open(path, method=method).status_code == 404, endpoint
            continue
        response = client.open(path, method=method, headers={"Accept": "text/html"})
        assert response.status_code == 302, (endpoint, method)
        assert "/account/sign-in" in response.headers["Location"], (endpoint, method)
        asked_by_script = client.open(path, method=method, headers={"Accept": "application/json"})
        if endpoint.startswith("console"):
            assert asked_by_script.status_code == 401, (endpoint, method)
            assert asked_by_script.json is not None
            assert asked_by_script.json["error"]["code"] == "signed_out"


@pytest.mark.parametrize("name", ["Eli", "Rui", "Max", "Zoe"])
def test_the_wrong_role_finds_no_console(desk: Desk, cast: dict[str, Staff], name: str) -> None:
    client = desk.sign_in(cast[name])
    token = client.token()
    waiting_id = wait_for_somebody(desk, cast["Ana"])
    before = desk.handoff(waiting_id).state
    for endpoint, method, path in staff_routes(desk):
        if not endpoint.startswith("console"):
            continue
        response = client.client.open(path, method=method, data={"csrf_token": token})
        assert response.status_code == 404, (endpoint, method)
    assert desk.handoff(waiting_id).state is before


def wait_for_somebody(desk: Desk, agent: Staff) -> int:
    desk.here(agent)
    return desk.waiting()


def test_zoe_sees_that_she_may_do_nothing_yet(desk: Desk, cast: dict[str, Staff]) -> None:
    client = desk.sign_in(cast["Zoe"])
    assert client.client.get("/account/start").headers["Location"] == "/account/"
    page = client.get("/account/")
    assert "Nothing yet" in page
    assert 'href="/console' not in page


@pytest.mark.parametrize("path", ["/console/nothing", "/editor/nothing", "/insights/nothing"])
def test_staff_who_lose_their_way_find_a_page_of_theirs(
    desk: Desk, cast: dict[str, Staff], path: str
) -> None:
    page = desk.sign_in(cast["Ana"]).get(path, status=404)
    assert "There is no such page" in page
    assert 'href="/account/start"' in page
    assert 'href="/console/"' in page, "and the way to all that is theirs"
    stranger = desk.client().get(path, status=404)
    assert 'href="/account/start"' in stranger
    assert 'href="/console/"' not in stranger


def test_a_fault_shows_staff_a_page_that_needs_no_database(
    desk: Desk, cast: dict[str, Staff], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OperationalError("select", {}, Exception("the database is gone"))

    client = desk.sign_in(cast["Ana"])
    monkeypatch.setattr("web.auth.StaffDatastore.find_user", broken)
    page = client.get("/console/", status=503)
    assert "That did not work" in page
    assert "tell the person who runs this system" in page


# Sign-in -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("ana@harborstreet.example", "not the password"),
        ("nobody@harborstreet.example", PASSWORD),
    ],
)
def test_a_refusal_does_not_tell_whether_the_account_exists(
    desk: Desk, cast: dict[str, Staff], email: str, password: str
) -> None:
    response = desk.client().sign_in(email, password)
    page = response.get_data(as_text=True)
    assert response.status_code == 200
    assert "E-mail or password is not right." in page
    assert page.count("fd-notice--error") == 1


def test_a_closed_account_gets_no_further(desk: Desk, cast: dict[str, Staff]) -> None:
    client = desk.sign_in(cast["Ana"])
    with desk.open() as session:
        disable_staff(session, session.get_one(Staff, cast["Ana"].id))
    assert client.client.get("/console/").status_code == 302
    client.sign_in("ana@harborstreet.example")
    assert client.client.get("/console/").status_code == 302


def test_passwords_are_kept_as_argon2id(desk: Desk, cast: dict[str, Staff]) -> None:
    assert str(cast["Ana"].password).startswith("$argon2id$")


def test_too_many_attempts_are_stopped_with_a_clear_word(
    desk: Desk, cast: dict[str, Staff]
) -> None:
    client = desk.client()
    for _ in range(10):
        assert client.sign_in("ana@harborstreet.example", "wrong words").status_code == 200
    refusal = client.sign_in("ana@harborstreet.example")  # the right password now
    assert refusal.status_code == 429
    assert 0 < int(refusal.headers["Retry-After"]) <= 15 * 60
    assert "Too many attempts. Wait 15 minutes" in refusal.get_data(as_text=True)
    assert client.client.get("/console/").status_code == 302


def test_one_address_cannot_try_many_accounts(desk: Desk) -> None:
    client = desk.client()
    codes = [client.sign_in(f"a{n}@harborstreet.example").status_code for n in range(31)]
    assert codes == [200] * 30 + [429]


def test_fifty_colleagues_behind_one_address_can_all_sign_in(
    desk: Desk, cast: dict[str, Staff]
) -> None:
    codes = [desk.client().sign_in("ana@harborstreet.example").status_code for _ in range(51)]
    assert set(codes) == {302}


def test_an_attack_on_ana_from_far_away_does_not_lock_her_out_at_once(
    desk: Desk, cast: dict[str, Staff]
) -> None:
    far = desk.client()
    far.client.environ_base["REMOTE_ADDR"] = "203.0.113.9"
    for _ in range(12):
        far.sign_in("ana@harborstreet.example", "wrong words")
    assert desk.client().sign_in("ana@harborstreet.example").status_code == 302


def test_an_attack_from_everywhere_is_stopped_at_the_account(
    desk: Desk, cast: dict[str, Staff]
) -> None:
    client = desk.client()
    codes = []
    for number in range(51):
        client.client.environ_base["REMOTE_ADDR"] = f"203.0.113.{number}"
        codes.append(client.sign_in("ana@harborstreet.example", "wrong words").status_code)
    assert codes == [200] * 50 + [429]


def test_signing_in_is_written_down_without_the_typed_words(
    desk: Desk, cast: dict[str, Staff]
) -> None:
    client = desk.client()
    client.sign_in("ana@harborstreet.example", "wrong words")
    client.sign_in("somebody@else.example", "wrong words")
    client.sign_in("ana@harborstreet.example")
    client.post("/account/sign-out")
    ana = cast["Ana"].id
    with desk.open() as session:
        entries = [
            (entry.act, entry.subject, entry.staff_id)
            for entry in audit.entries(session)
            if entry.act != "account_added"
        ]
    assert entries == [
        ("sign_in_failed", f"staff:{ana}", None),
        ("sign_in_failed", "staff:unknown", None),
        ("signed_in", f"staff:{ana}", ana),
        ("signed_out", f"staff:{ana}", ana),
    ]


def test_the_way_back_after_signing_in_stays_on_this_site(
    desk: Desk, cast: dict[str, Staff]
) -> None:
    client = desk.client()
    values = {"email": "ana@harborstreet.example", "password": PASSWORD}
    response = client.post("/account/sign-in", {**values, "next": "https://evil.example/"})
    assert "evil" not in response.headers.get("Location", "")
    client = desk.client()
    response = client.post("/account/sign-in", {**values, "next": "/console/?box=mine"})
    assert response.headers["Location"].endswith("/console/?box=mine")


# Sessions ----------------------------------------------------------------------------------------


def move_sessions(desk: Desk, **ago: timedelta) -> None:
    """Let all sessions look as if time had passed."""
    with desk.open() as session:
        for row in session.scalars(select(StaffSession)):
            for name, span in ago.items():
                setattr(row, name, utc_now() - span)


def test_the_cookie_is_closed_to_scripts_and_other_sites(
    desk: Desk, cast: dict[str, Staff]
) -> None:
    cookie = desk.client().sign_in("ana@harborstreet.example").headers["Set-Cookie"]
    assert cookie.startswith("front_desk=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie  # served by plain http here
    assert "Expires" not in cookie  # gone with the browser


def test_over_https_the_cookie_is_secure(desk: Desk, cast: dict[str, Staff]) -> None:
    client = desk.client()
    client.client.environ_base["wsgi.url_scheme"] = "https"
    page = client.client.get("/account/sign-in", base_url="https://localhost")
    assert "Secure" in page.headers["Set-Cookie"]


def test_a_session_planted_before_the_sign_in_is_gone_after_it(
    desk: Desk, cast: dict[str, Staff]
) -> None:
    client = desk.client()
    token_before = client.token()
    with client.client.session_transaction() as session:
        session["planted"] = "by an attacker"
    client.sign_in("ana@harborstreet.example")
    with client.client.session_transaction() as session:
        assert "planted" not in session
    response = client.client.post("/console/away", data={"csrf_token": token_before, "away": "1"})
    assert response.status_code == 400


def test_fifteen_idle_minutes_sign_out_and_end_the_presence(
    desk: Desk, cast: dict[str, Staff]
) -> None:
    client = desk.sign_in(cast["Ana"])
    client.get("/console/")
    move_sessions(desk, active_at=timedelta(minutes=15, seconds=1))
    response = client.client.get("/console/", headers={"Accept": "text/html"})
    assert "/account/sign-in" in response.headers["Location"]
    assert "nothing happened for a while" in client.get("/account/sign-in")
    with desk.open() as session:
        assert presence.present_agents(session, desk.clock(), 60) == []


def test_beats_of_the_page_do_not_keep_a_session_alive_but_a_hand_does(
    desk: Desk, cast: dict[str, Staff]
) -> None:
    client = desk.sign_in(cast["Ana"])
    headers = {"X-CSRFToken": client.token(), "Accept": "application/json"}
    for active, expected in ((False, 60), (True, 15 * 60)):
        move_sessions(desk, active_at=timedelta(minutes=14))
        answer = client.client.post("/console/ping", json={"active": active}, headers=headers)
        assert answer.json is not None
        assert abs(answer.json["idle_left_s"] - expected) <= 2


def test_no_session_lasts_longer_than_twelve_hours(desk: Desk, cast: dict[str, Staff]) -> None:
    client = desk.sign_in(cast["Ana"])
    move_sessions(desk, began_at=timedelta(hours=12, seconds=1))
    assert client.client.get("/console/").status_code == 302


def test_a_changed_password_ends_the_other_sessions(desk: Desk, cast: dict[str, Staff]) -> None:
    here, elsewhere = desk.sign_in(cast["Ana"]), desk.sign_in(cast["Ana"])
    new = "five other quiet words here"
    here.get("/account/password")
    refused = here.post(
        "/account/password",
        {"password": "wrong words", "new_password": new, "new_password_confirm": new},
    )
    assert refused.status_code == 200
    changed = here.post(
        "/account/password",
        {"password": PASSWORD, "new_password": new, "new_password_confirm": new},
    )
    assert changed.status_code == 302
    assert "Your password is changed." in here.get("/account/")
    assert elsewhere.client.get("/console/").status_code == 302
    assert desk.client().sign_in("ana@harborstreet.example", new).status_code == 302


@pytest.mark.parametrize("new", ["short", "eleven char"])
def test_a_short_password_is_refused(desk: Desk, cast: dict[str, Staff], new: str) -> None:
    client = desk.sign_in(cast["Ana"])
    values = {"password": PASSWORD, "new_password": new, "new_password_confirm": new}
    response = client.post("/account/password", values)
    assert response.status_code == 200
    assert "12" in response.get_data(as_text=True)
    assert desk.client().sign_in("ana@harborstreet.example").status_code == 302


# CSRF --------------------------------------------------------------------------------------------


def test_every_staff_post_is_refused_without_its_token(desk: Desk, cast: dict[str, Staff]) -> None:
    client = desk.sign_in(cast["Ana"])
    waiting_id = wait_for_somebody(desk, cast["Ana"])
    posts = [
        (endpoint, re.sub("/1/", f"/{waiting_id}/", path))
        for endpoint, method, path in staff_routes(desk)
        if method == "POST"
    ]
    assert len(posts) >= 10
    for endpoint, path in posts:
        if endpoint.startswith("security."):
            continue  # the next test
        plain = client.client.post(path, data={"away": "1"}, headers={"Accept": "text/html"})
        assert plain.status_code == 400, endpoint
        assert "Reload it and try again" in plain.get_data(as_text=True)
        script = client.client.post(path, json={}, headers={"Accept": "application/json"})
        assert script.status_code == 400, endpoint
        assert script.json is not None
        assert script.json["error"]["code"] == "csrf"
        stale = client.client.post(path, data={"csrf_token": "made-up"})
        assert stale.status_code == 400, endpoint
    assert desk.handoff(waiting_id).state.value == "requested"


def test_flask_securitys_posts_are_refused_without_their_token(
    desk: Desk, cast: dict[str, Staff]
) -> None:
    client = desk.client()
    values = {"email": "ana@harborstreet.example", "password": PASSWORD}
    client.client.post("/account/sign-in", data=values)
    assert client.client.get("/console/").status_code == 302
    client.sign_in("ana@harborstreet.example")
    new = {
        "new_password": "five other quiet words",
        "new_password_confirm": "five other quiet words",
    }
    client.client.post("/account/password", data={"password": PASSWORD, **new})
    assert desk.client().sign_in("ana@harborstreet.example").status_code == 302
    client.client.post("/account/sign-out")
    assert "Inbox" in client.get("/console/")


def test_the_chat_api_needs_no_csrf_token(desk: Desk) -> None:
    response = desk.app.test_client().post("/api/v1/conversations", json={"lang": "en"})
    assert response.status_code == 201
