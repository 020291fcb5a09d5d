"""Signing in at a provider of OpenID Connect that runs beside us, in a process of its own."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import requests
from werkzeug.test import TestResponse

from tests.web.staff_desk import TOKEN, Desk, PageClient
from web.models import RoleName, Staff
from web.privacy import audit
from web.sections import OpenIdConnect


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([*command, "--require-nonce", "true"], **quiet)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(150):
            try:
                requests.get(f"{url}/.well-known/openid-configuration", timeout=1)
                break
            except requests.RequestException:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def desk(tmp_path: Path, provider: str) -> Iterator[Desk]:
    desk = make_desk(tmp_path, provider)
    yield desk
    desk.close()


def make_desk(folder: Path, issuer: str) -> Desk:
    oidc = {"issuer": issuer, "client_id": "front-desk", "client_secret": "a secret"}
    return Desk(folder, oidc=oidc)


def start(client: PageClient, path: str = "/account/sign-in") -> TestResponse:
    """Press the button of a page that leads to the provider."""
    page = client.get(path)
    action = re.search(r'action="(/account/clinic-[^"]+)"', page)
    token = TOKEN.search(page)
    assert action and token
    return client.client.post(unescape(action.group(1)), data={"csrf_token": token.group(1)})


def at_provider(provider: str, sent: TestResponse, sub: str, **claims: Any) -> str:
    """Sign in there as a person does. Returns the way back, as the browser would follow it."""
    user = {"email": "ana@harborstreet.example", "email_verified": True, **claims}
    requests.put(f"{provider}/users/{sub}", json=user, timeout=5).raise_for_status()
    asked = sent.headers["Location"]
    assert asked.startswith(f"{provider}/")
    assert "code_challenge_method=S256" in asked
    answer = requests.post(asked, data={"sub": sub}, timeout=5, allow_redirects=False)
    back = answer.headers["Location"]
    assert back.startswith("http://localhost/account/clinic-signed-in")
    return back.removeprefix("http://localhost")


def comes_back(client: PageClient, provider: str, **claims: Any) -> TestResponse:
    return client.client.get(at_provider(provider, start(client), "someone", **claims))


def is_in(client: PageClient) -> bool:
    return client.client.get("/account/").status_code == 200


def test_it_works(desk: Desk, provider: str) -> None:
    ana = desk.add("Ana", RoleName.AGENT)
    client = desk.client()
    page = client.client.get("/account/sign-in")
    assert "Sign in with your clinic account" in page.get_data(as_text=True)
    assert f"form-action 'self' {provider};" in page.headers["Content-Security-Policy"] + ";"
    done = comes_back(client, provider)
    assert done.headers["Location"].endswith("/account/start")
    assert "Inbox" in client.get("/console/")
    with desk.open() as session:
        assert [each.act for each in audit.entries(session, f"staff:{ana.id}")][-1] == "signed_in"


def test_it_leads_back_to_where_it_was_asked(desk: Desk, provider: str) -> None:
    desk.add("Ana", RoleName.AGENT)
    client = desk.client()
    sent = start(client, "/account/sign-in?next=/console/%3Fbox%3Dmine")
    done = client.client.get(at_provider(provider, sent, "someone"))
    assert done.headers["Location"].endswith("/console/?box=mine")


def test_roles_stay_ours(desk: Desk, provider: str) -> None:
    desk.add("Ana", RoleName.EDITOR)
    client = desk.client()
    comes_back(client, provider, roles=["agent"], groups=["agent"])
    assert is_in(client)
    assert client.client.get("/console/").status_code == 404


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "nobody@harborstreet.example"},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email_verified": None},
        {"email": None},
    ],
)
def test_who_has_no_account_or_no_verified_address_is_refused(
    desk: Desk, provider: str, claims: dict[str, Any]
) -> None:
    desk.add("Ana", RoleName.AGENT)
    client = desk.client()
    refused = comes_back(client, provider, **claims)
    assert "/account/sign-in" in refused.headers["Location"]
    assert not is_in(client)
    with desk.open() as session:
        assert session.query(Staff).count() == 1, "no account is made"


def test_a_closed_account_stays_closed(desk: Desk, provider: str) -> None:
    ana = desk.add("Ana", RoleName.AGENT)
    with desk.open() as session:
        session.get_one(Staff, ana.id).active = False
    client = desk.client()
    comes_back(client, provider)
    assert not is_in(client)


def test_an_answer_that_was_not_asked_for_lets_nobody_in(desk: Desk, provider: str) -> None:
    """Somebody sends Ana a link with a code of their own."""
    desk.add("Ana", RoleName.AGENT)
    attacker, victim = desk.client(), desk.client()
    back = at_provider(provider, start(attacker), "someone")
    start(victim)
    victim.client.get(back)
    assert not is_in(victim)
    forged = re.sub(r"state=[^&]+", "state=made-up", back)
    attacker.client.get(forged)
    assert not is_in(attacker)


def test_a_code_works_once(desk: Desk, provider: str) -> None:
    desk.add("Ana", RoleName.AGENT)
    client = desk.client()
    back = at_provider(provider, start(client), "someone")
    client.client.get(back)
    client.post("/account/sign-out")
    client.client.get(back)
    assert not is_in(client)


def test_with_the_provider_away_the_password_still_works(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, f"http://127.0.0.1:{free_port()}")
    ana = desk.add("Ana", RoleName.AGENT)
    client = desk.client()
    sent = start(client)
    assert sent.headers["Location"].startswith("/account/sign-in")
    assert "Try again, or use your password" in client.get("/account/sign-in")
    client.sign_in(ana.email)
    assert is_in(client)
    desk.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "http://login.example", "client_id": "x", "client_secret": "y"},
        {"issuer": "https://login.example", "client_id": "x"},
        {"issuer": "https://login.example", "client_secret": "y"},
        {"issuer": "login.example", "client_id": "x", "client_secret": "y"},
    ],
)
def test_half_a_setting_is_named(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"issuer|client_"):
        OpenIdConnect(**wrong)  # type: ignore[arg-type]
