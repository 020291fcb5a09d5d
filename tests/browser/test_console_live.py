"""The console in real browsers, at a clinic whose clock we hold: without Rasa, the rest is real."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wsgi import ClosingIterator

from tests.browser.conftest import EVENT_MS, Ana, Pat, press, reach, until
from tests.browser.test_patient import axe_finds_nothing_in_any_look
from tests.web.staff_desk import PASSWORD, Desk
from tests.web.test_staff_access import move_sessions
from web.background import Background
from web.desk import handoffs, snooze
from web.models import Staff

pytestmark = pytest.mark.browser

LOST_AFTER_MS = 5_000  # in console-wire.js: from then on an agent is told that the line is lost


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
        self._server = make_server(
            "127.0.0.1", 0, self._answer, threaded=True, request_handler=Quiet
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        # Werkzeug's server leaves a file open when its browser goes away in the middle of it.
        with closing(ClosingIterator(self.desk.app(environ, start_response))) as body:
            yield from body

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
    Ana(page, url).sign_in(staff.email, PASSWORD)


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
    expect(second.get_by_role("log")).to_contain_text("hello?", timeout=LOST_AFTER_MS)
    assert len(of_second) == 1


def test_two_agents_and_three_patients_at_once(clinic: Clinic) -> None:
    """A claim race, talk in three chats at once, a transfer, and a browser that is killed."""
    desk = clinic.desk
    staff = [desk.agent("Ana"), desk.agent("Bea")]
    ana, bea = (clinic.agent(each) for each in staff)
    pats = [clinic.patient() for _ in range(3)]
    for pat in pats:
        pat.ask_for_a_person()
        expect(pat.log.locator(".kb-message--system").last).to_be_visible(timeout=EVENT_MS)
    for page in (ana, bea):
        expect(page).to_have_title(re.compile(r"^\(3\)"), timeout=EVENT_MS)
        Ana(page, clinic.url).open()
    claims = [page.get_by_role("button", name="Claim this conversation") for page in (ana, bea)]
    for claim in claims:
        expect(claim).to_be_visible(timeout=EVENT_MS)
    for claim in claims:
        claim.evaluate("button => button.click()")  # without waiting for what the other does
    composers = [page.get_by_label("Your message", exact=True) for page in (ana, bea)]
    for page, composer in zip((ana, bea), composers, strict=True):
        lost = page.locator("[data-actions]").get_by_text("You can read along.")
        expect(composer.or_(lost)).to_be_visible(timeout=EVENT_MS)
    won = [composer.count() for composer in composers]
    assert sum(won) == 1, "one has it"
    winner, other = (ana, bea) if won[0] else (bea, ana)
    names = ("Ana", "Bea") if won[0] else ("Bea", "Ana")

    claim_next(other, clinic.url)
    claim_next(winner, clinic.url)
    for page, words in ((winner, "The winner writes."), (other, "The other writes.")):
        page.get_by_label("Your message", exact=True).fill(words)
        page.keyboard.press("Enter")
    for words in ("The winner writes.", "The other writes."):
        until(lambda words=words: any(hears(pat, words) for pat in pats))
    for words in ("The winner writes.", "The other writes."):
        assert sum(hears(pat, words) for pat in pats) == 1, "one patient gets it, and no other"

    other.get_by_text("Pass on", exact=True).click()
    other.get_by_label("To", exact=True).select_option(label=names[0])
    other.get_by_label("Note for them").fill("She asked about the van.")
    other.get_by_role("button", name="Ask them").click()
    expect(winner.get_by_text(f"{names[1]} asks you to take over")).to_be_visible(timeout=EVENT_MS)
    winner.get_by_text(f"{names[1]} asks you to take over").click()
    winner.get_by_role("button", name="Take over").click()
    expect(winner.get_by_label("Your message", exact=True)).to_be_visible(timeout=EVENT_MS)
    until(lambda: any(hears(pat, names[0]) and hears(pat, names[1]) for pat in pats))
    assert not any("van" in pat.log.inner_text() for pat in pats), "a note is for staff"

    winner.context.close()  # killed: no goodbye
    clinic.contexts.remove(winner.context)
    clinic.passes(staff[0] if names[1] == "Ana" else staff[1], seconds=60)
    for pat in pats:
        expect(pat.log).to_contain_text("lost the connection", timeout=EVENT_MS)
    expect(other).to_have_title(re.compile(r"^\(3\)"), timeout=EVENT_MS)
    assert [error for pat in pats for error in pat.errors] == []


def claim_next(page: Page, url: str) -> None:
    page.goto(f"{url}/console/?box=waiting")
    Ana(page, url).claim()


def hears(pat: Pat, words: str) -> bool:
    return words in pat.log.inner_text()


@pytest.mark.parametrize(
    ("now", "back"),
    [
        (datetime(2026, 11, 23, 20, 15, tzinfo=UTC), "1 pm"),  # lunch on Monday
        (datetime(2026, 11, 26, 18, 0, tzinfo=UTC), "Friday"),  # Thanksgiving
    ],
)
def test_at_lunch_and_on_a_holiday_nobody_is_promised(
    clinic: Clinic, now: datetime, back: str
) -> None:
    clinic.desk.clock.now = now
    clinic.desk.agent("Ana")  # forgot to close the console
    pat = clinic.patient()
    pat.ask_for_a_person()
    expect(pat.panel.locator("form.kb-form")).to_be_visible(timeout=EVENT_MS)
    said = pat.log.inner_text()
    assert back in said
    assert "agent" not in said.lower()


def test_a_call_is_promised_shown_next_morning_and_done(clinic: Clinic) -> None:
    desk = clinic.desk
    desk.clock.now = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)  # 9 pm on Monday
    pat = clinic.patient()
    pat.ask_for_a_person()
    form = pat.panel.locator("form.kb-form")
    form.get_by_label(re.compile("name", re.I)).fill("Pat")
    form.get_by_label(re.compile("phone", re.I)).fill("(503) 555-0177")
    form.locator("select").select_option(index=1)
    form.locator("textarea").fill("Please call me about my bill.")
    form.locator("[type=submit]").click()
    expect(pat.log).to_contain_text("We will call you", timeout=EVENT_MS)
    desk.clock.now = datetime(2026, 11, 24, 16, 5, tzinfo=UTC)
    ana = clinic.agent(desk.agent("Ana"))
    ana.get_by_role("link", name=re.compile("Call-backs")).click()
    expect(ana.locator(".fd-entry").first).to_contain_text("Call now")
    ana.locator(".fd-entry").first.click()
    expect(ana.get_by_role("complementary").last).to_contain_text("555-0177")
    ana.get_by_role("button", name="Done, I answered").click()
    expect(ana.locator(".fd-entry").first).to_contain_text("Called", timeout=EVENT_MS)


def test_an_idle_agent_is_signed_out_and_finds_the_draft_again(clinic: Clinic) -> None:
    desk, staff = clinic.desk, clinic.desk.agent("Ana")
    ana = clinic.agent(staff)
    waiting = desk.waiting("Where can I park a van?")
    ana.goto(f"{clinic.url}/console/conversations/{desk.conversation_of(waiting)}")
    ana.get_by_role("button", name="Claim this conversation").click()
    ana.get_by_label("Your message", exact=True).fill("Behind the house, next to")
    move_sessions(desk, active_at=timedelta(minutes=16))
    desk.services.hub.publish(["console"])
    expect(ana.get_by_label("Password")).to_be_visible(timeout=EVENT_MS)
    assert "van" not in ana.content(), "what patients wrote has left the screen"
    ana.get_by_label("E-mail").fill(staff.email)
    ana.get_by_label("Password").fill(PASSWORD)
    ana.get_by_role("button", name="Sign in").click()
    text = ana.get_by_label("Your message", exact=True)
    expect(text).to_have_value("Behind the house, next to", timeout=EVENT_MS)


def test_a_days_tasks_by_keyboard_alone(clinic: Clinic) -> None:
    """Sign in, open, claim, answer, set aside, bring back, pass on, resolve: no mouse."""
    desk, staff = clinic.desk, clinic.desk.agent("Ana")
    desk.agent("Bea")
    waiting = desk.waiting("Where can I park a van?")
    context = clinic.browser.new_context()
    clinic.contexts.append(context)
    page = context.new_page()
    page.goto(f"{clinic.url}/console/")
    reach(page, page.get_by_label("E-mail"))
    page.keyboard.type(staff.email)
    reach(page, page.get_by_label("Password"))
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    entry = page.locator(".fd-entry").first
    expect(entry).to_be_visible(timeout=EVENT_MS)
    press(page, entry)
    press(page, page.get_by_role("button", name="Claim this conversation"))
    text = page.get_by_label("Your message", exact=True)
    expect(text).to_be_visible(timeout=EVENT_MS)
    reach(page, text)
    page.keyboard.type("Behind the house.")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("The gate is open.")
    page.keyboard.press("Enter")
    expect(page.get_by_role("log")).to_contain_text("The gate is open.", timeout=EVENT_MS)

    press(page, page.get_by_text("Set aside", exact=True).first)
    reach(page, page.get_by_label("Until", exact=True))
    page.keyboard.press("ArrowDown")
    press(page, page.get_by_role("button", name="Set aside"))
    expect(page.get_by_text("It comes back by itself.").first).to_be_visible(timeout=EVENT_MS)
    press(page, page.get_by_role("button", name="Bring it back now"))
    expect(page.get_by_role("button", name="Bring it back now")).to_have_count(0, timeout=EVENT_MS)

    press(page, page.get_by_text("Pass on", exact=True))
    reach(page, page.get_by_label("Note for them"))
    page.keyboard.type("About the van.")
    press(page, page.get_by_role("button", name="Ask them"))
    press(page, page.get_by_role("button", name="Take it back"))
    expect(page.get_by_text("Pass on", exact=True)).to_be_visible(timeout=EVENT_MS)
    press(page, page.get_by_role("button", name="Give back to the assistant"))
    expect(text).to_have_count(0, timeout=EVENT_MS)
    assert desk.handoff(waiting).state.value == "returned"
    press(page, page.get_by_role("link", name="Ana", exact=True))
    press(page, page.get_by_role("link", name="Turn on the second step"))
    press(page, page.get_by_role("button", name="Set it up"))
    expect(page.get_by_label("Code")).to_be_visible(timeout=EVENT_MS)
    press(page, page.get_by_role("button", name="Sign out"))
    expect(page.get_by_label("Password")).to_be_visible(timeout=EVENT_MS)


def test_axe_finds_nothing_on_the_pages_of_an_account(clinic: Clinic) -> None:
    desk, staff = clinic.desk, clinic.desk.agent("Ana")
    page = clinic.agent(staff)
    desk.sign_in(staff)  # elsewhere as well
    waiting = desk.waiting("Where can I park a van?")
    with desk.open() as session:
        handoffs.claim(session, waiting, staff.id)
        snooze.snooze(session, waiting, staff.id, snooze.Until.HOUR)
    for path in (
        *("/account/", "/account/second-step", "/account/recovery-codes"),
        *("/account/password-again", "/console/?box=snoozed"),
        f"/console/conversations/{desk.conversation_of(waiting)}",
    ):
        page.goto(f"{clinic.url}{path}")
        axe_finds_nothing_in_any_look(page, (768, 1280))
    page.goto(f"{clinic.url}/account/second-step")
    page.get_by_role("button", name="Set it up").click()
    expect(page.get_by_label("Code")).to_be_visible()
    axe_finds_nothing_in_any_look(page, (768, 1280))
