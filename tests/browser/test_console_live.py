"""The console in real browsers, at a clinic whose clock we hold: without Rasa, the rest is real."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.browser.conftest import EVENT_MS, Pat
from tests.web.staff_desk import PASSWORD, Desk
from web.background import Background
from web.models import Staff

pytestmark = pytest.mark.browser


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:
        return


class Clinic:
    """A served desk. `passes` moves its clock and does what the sweep does."""

    def __init__(self, desk: Desk, browser: Browser) -> None:
        self.desk = desk
        self.browser = browser
        self.contexts: list[BrowserContext] = []
        self.background = Background(desk.app)
        self.background.workers.start()
        self._server = make_server("127.0.0.1", 0, desk.app, threaded=True, request_handler=Quiet)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        for context in self.contexts:
            context.close()
        self.desk.services.stopping.set()
        self.background.workers.stop()
        self._server.shutdown()
        self.desk.close()

    def passes(self, *present: Staff, **span: float) -> None:
        """Let time pass; only the consoles of `present` are still heard from."""
        self.desk.clock.passes(**span)
        self.desk.here(*present)
        self.sweep()

    def sweep(self) -> None:
        with self.desk.app.app_context():
            self.background.sweep()

    def agent(self, staff: Staff) -> Page:
        context = self.browser.new_context()
        self.contexts.append(context)
        page = context.new_page()
        sign_in(page, self.url, staff)
        return page

    def patient(self) -> Pat:
        context = self.browser.new_context()
        self.contexts.append(context)
        pat = Pat(context.new_page())
        pat.page.goto(f"{self.url}/demo")
        pat.open_chat()
        return pat


def sign_in(page: Page, url: str, staff: Staff) -> None:
    page.goto(f"{url}/console/")
    page.get_by_label("E-mail").fill(staff.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=EVENT_MS)


@pytest.fixture
def clinic(tmp_path: Path, browser: Browser) -> Iterator[Clinic]:
    clinic = Clinic(Desk(tmp_path), browser)
    yield clinic
    clinic.close()


def streams(page: Page) -> list[str]:
    opened: list[str] = []
    page.on(
        "request", lambda request: opened.append(request.url) if "/stream" in request.url else None
    )
    return opened


def test_two_tabs_share_one_stream_and_the_second_takes_over(clinic: Clinic) -> None:
    desk, ana = clinic.desk, clinic.desk.agent("Ana")
    first = clinic.agent(ana)
    of_first = streams(first)
    second = first.context.new_page()
    of_second = streams(second)
    waiting = desk.waiting("Where can I park a van?")
    second.goto(f"{clinic.url}/console/conversations/{desk.conversation_of(waiting)}")
    for tab in (first, second):
        expect(tab).to_have_title(re.compile(r"^\(1\)"), timeout=EVENT_MS)
    assert of_second == [], "it is fed by the first"
    assert of_first, "which asked anew, for both"
    desk.say(desk.conversation_of(waiting), "are you there?")
    expect(second.get_by_role("log")).to_contain_text("are you there?", timeout=EVENT_MS)
    first.close()
    desk.say(desk.conversation_of(waiting), "hello?")
    began = time.monotonic()
    expect(second.get_by_role("log")).to_contain_text("hello?", timeout=EVENT_MS)
    assert time.monotonic() - began < 2
    assert len(of_second) == 1
