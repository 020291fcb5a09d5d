"""Headers on every answer, limits with how long to wait, blocks, keys."""

from __future__ import annotations

import re
import stat
import threading
import time
from pathlib import Path

import pytest

from tests.web.staff_desk import Desk, PageClient
from web import security
from web.db import Database
from web.limits import Limit, OwnCounts, SharedCounts
from web.models import Block, Conversation, RoleName
from web.sections import Site
from web.security import (
    Limits,
    address_hash,
    content_policy,
    frame_ancestors,
    keyed_hash,
    secret_key,
)

KEY = b"k" * 32
STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)


@pytest.fixture
def ana(desk: Desk) -> PageClient:
    return desk.sign_in(desk.add("Ana", RoleName.AGENT))


# Headers -----------------------------------------------------------------------------------------


def get_paths(desk: Desk) -> list[str]:
    """One address for every route that can be fetched, also those that are not there."""
    paths = ["/", "/nothing-here", "/api/v1/nothing-here"]
    for rule in desk.app.url_map.iter_rules():
        if "GET" in (rule.methods or set()) and rule.endpoint != "console.stream":
            paths.append(re.sub(r"<[^>]+>", "1", rule.rule))
    return sorted(set(paths))


def test_every_answer_carries_the_policy_and_its_companions(desk: Desk, ana: PageClient) -> None:
    paths = get_paths(desk)
    assert len(paths) > 10
    for path in paths:
        headers = ana.client.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'"), path
        assert "unsafe" not in policy, path
        assert "http://*" not in policy, path
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["Referrer-Policy"] == "same-origin", path
        assert "geolocation=()" in headers["Permissions-Policy"], path
        assert headers["Cross-Origin-Resource-Policy"] in ("same-origin", "cross-origin"), path
        assert "Strict-Transport-Security" not in headers, path


def test_no_page_has_script_or_style_in_it(desk: Desk, ana: PageClient) -> None:
    for path in get_paths(desk):
        response = ana.client.get(path)
        if response.mimetype != "text/html":
            continue
        text = response.get_data(as_text=True)
        # What search engines read is a block of data, which no browser runs.
        runs = r'<script(?! type="application/ld\+json">)(?![^>]*\ssrc=)'
        assert not re.search(runs, text), path
        assert "<style" not in text, path
        assert not re.search(r"<[^>]+\s(style|on[a-z]+)=", text), path
        assert "javascript:" not in text, path


def test_only_the_panel_may_be_framed_and_only_by_its_sites(desk: Desk, ana: PageClient) -> None:
    for path in ("/console/", "/account/", "/account/sign-in", "/help", "/demo"):
        headers = ana.client.get(path).headers
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"], path
        assert headers["X-Frame-Options"] == "DENY", path
    panel = ana.client.get("/chat?site=demo").headers
    assert "frame-ancestors 'self' http://127.0.0.1:*" in panel["Content-Security-Policy"]
    assert "X-Frame-Options" not in panel
    stranger = ana.client.get("/chat?site=elsewhere").headers
    assert "frame-ancestors 'none'" in stranger["Content-Security-Policy"]


def test_staff_pages_are_kept_by_no_cache(ana: PageClient) -> None:
    for path in ("/console/", "/account/", "/account/sign-in", "/account/password"):
        assert ana.client.get(path).headers["Cache-Control"] == "no-store"


def test_https_is_remembered(desk: Desk) -> None:
    response = desk.app.test_client().get("/account/sign-in", base_url="https://localhost")
    assert "max-age=31536000" in response.headers["Strict-Transport-Security"]


def test_the_policy_says_what_the_design_says() -> None:
    assert content_policy() == STRICT
    framed = content_policy(["'self'", "https://clinic.example"])
    assert "frame-ancestors 'self' https://clinic.example;" in framed
    assert content_policy(frames=True).endswith("frame-src 'self'")


def test_a_site_that_is_not_named_is_the_only_one_there_is(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    try:
        assert frame_ancestors(desk.settings, None) == frame_ancestors(desk.settings, "demo")
        two = desk.settings.model_copy(
            update={
                "sites": {
                    **desk.settings.sites,
                    "main": Site(origins=("https://clinic.example",)),
                }
            }
        )
        assert frame_ancestors(two, None) == []
        assert frame_ancestors(two, "main") == ["https://clinic.example"]
    finally:
        desk.close()


# A proxy in front --------------------------------------------------------------------------------


@pytest.mark.parametrize(("proxies", "expected"), [(0, "127.0.0.1"), (1, "203.0.113.7")])
def test_a_proxys_word_counts_only_where_one_is_configured(
    tmp_path: Path, proxies: int, expected: str
) -> None:
    desk = Desk(tmp_path, limits={"trusted_proxies": proxies})
    try:
        headers = {"X-Forwarded-For": "198.51.100.1, 203.0.113.7"}
        body = {"lang": "en"}
        desk.app.test_client().post("/api/v1/conversations", json=body, headers=headers)
        with desk.reading() as session:
            [conversation] = session.query(Conversation).all()
        assert conversation.address_hash == address_hash(desk.services.secret, expected)
    finally:
        desk.close()


# Keys and hashes ---------------------------------------------------------------------------------


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    key = secret_key(tmp_path / "var")
    assert len(key) == 32
    assert secret_key(tmp_path / "var") == key
    assert stat.S_IMODE((tmp_path / "var" / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "var").iterdir()] == ["secret_key"]


def test_processes_that_start_together_end_with_one_key(tmp_path: Path) -> None:
    keys: list[bytes] = []
    start = threading.Barrier(8)

    def make() -> None:
        start.wait()
        keys.append(secret_key(tmp_path))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1


def test_an_address_is_kept_as_a_hash_only_this_instance_can_make() -> None:
    hashed = address_hash(KEY, "203.0.113.7")
    assert re.fullmatch(r"[0-9a-f]{64}", hashed)
    assert hashed != address_hash(b"o" * 32, "203.0.113.7")
    assert hashed != address_hash(KEY, "203.0.113.8")
    assert hashed != keyed_hash(KEY, "message", "203.0.113.7")
    assert hashed == address_hash(KEY, "::ffff:203.0.113.7")


def test_a_household_with_ipv6_is_one_address() -> None:
    assert address_hash(KEY, "2001:db8:1:2::1") == address_hash(KEY, "2001:db8:1:2:ffff::9")
    assert address_hash(KEY, "2001:db8:1:2::1") != address_hash(KEY, "2001:db8:1:3::1")


# Limits ------------------------------------------------------------------------------------------


def test_a_limit_says_how_long_to_wait() -> None:
    limits = Limits({"message": Limit(3, 60)}, OwnCounts(), KEY)
    assert [limits.allow("message", "a") for _ in range(3)] == [None] * 3
    wait_s = limits.allow("message", "a")
    assert wait_s is not None
    assert 1 <= wait_s <= 60
    assert limits.allow("message", "b") is None


def test_a_limit_is_free_again_one_by_one() -> None:
    now = [0.0]
    counts = OwnCounts(clock=lambda: now[0])
    limit = Limit(2, 60)
    for now[0] in (0.0, 30.0):
        assert counts.take("a", limit) is None
    now[0] = 31.0
    assert counts.take("a", limit) == 29.0
    now[0] = 60.0
    assert counts.look("a", limit) is None
    assert (counts.take("a", limit), counts.take("a", limit)) == (None, 30.0)
    counts.forget("a")
    assert counts.take("a", limit) is None


def test_who_came_once_is_not_remembered_for_ever() -> None:
    now = [0.0]
    counts = OwnCounts(clock=lambda: now[0])
    for now[0] in range(5000):
        counts.take(f"address {now[0]}", Limit(2, 60))
    assert len(counts._times) < 1200


def test_a_host_that_has_lost_the_database_counts_alone() -> None:
    counts = SharedCounts(Database("postgresql://nobody@127.0.0.1:9/nothing"))
    limit, started = Limit(2, 60), time.monotonic()
    assert [counts.take("a", limit) is None for _ in range(3)] == [True, True, False]
    assert counts.look("a", limit) is not None
    assert time.monotonic() - started < 3.5, "it is asked once, not each time"


def test_many_threads_do_not_slip_through_a_limit() -> None:
    limits = Limits({"message": Limit(20, 60)}, OwnCounts(), KEY)
    allowed: list[bool] = []
    threads = [
        threading.Thread(target=lambda: allowed.append(limits.allow("message", "a") is None))
        for _ in range(60)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(allowed) == 20


# Blocks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [True, False])
def test_a_block_holds_until_it_ends(desk: Desk, address: bool) -> None:
    ana = desk.add("Ana", RoleName.AGENT)
    pat, neighbour = desk.patient(), desk.patient()
    with desk.open() as session:
        conversation = session.get_one(Conversation, pat)
        how = {"address": address, "staff_id": ana.id}
        security.block(session, conversation, hours=24, at=desk.clock(), **how)
        security.block(session, conversation, hours=1, at=desk.clock(), **how)  # never shorter

    def is_blocked(conversation_id: str) -> bool:
        with desk.reading() as session:
            conversation = session.get_one(Conversation, conversation_id)
            keys = (conversation.id, conversation.address_hash)
            return security.is_blocked(session, keys, desk.clock())

    assert is_blocked(pat)
    assert is_blocked(neighbour) is address
    desk.clock.passes(hours=23, minutes=59)
    assert is_blocked(pat)
    desk.clock.passes(minutes=1)
    assert not is_blocked(pat)
    with desk.reading() as session:
        assert session.query(Block).count() == 1
