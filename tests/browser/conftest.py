"""A real product, a clinic's page on another origin, and real browsers."""

from __future__ import annotations

import http.server
import re
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Locator, Page, expect

from benchmarks.product import Product, free_port
from tests.web.test_sites import Inbox

CHROMIUM = next((path for path in map(shutil.which, ("chromium", "google-chrome")) if path), None)
# Chromium's own background requests would be refused here one by one, and slow every test.
CHROMIUM_FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--no-first-run"),
]
CLINIC_PAGE = """<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8"><title>Some clinic</title>
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'self'; script-src {server}; frame-src {server}">
</head><body><main><h1>Some clinic</h1><p>A page that knows nothing of the chat.</p></main>
<script src="{server}/widget/loader.js" data-site="demo" data-lang="{lang}"
  data-phone="(503) 555-0110" async></script>
</body></html>
"""
MAIL = """
[mail]
server = "127.0.0.1"
port = {port}
tls = "none"
sender = "chat@clinic.example"
per_hour = 1000
"""
EVENT_MS = 20_000
TABS = 120  # more stops than any page has


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, object]) -> dict[str, object]:
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": CHROMIUM_FLAGS}


@pytest.fixture(scope="session", autouse=True)
def patience() -> None:
    """What a page shall show may take a slow machine a while."""
    expect.set_options(timeout=EVENT_MS)


@pytest.fixture(scope="session")
def turns_without_rasa() -> list[str]:
    """The questions that a test asked while it had killed the assistant."""
    return []


@pytest.fixture(scope="session")
def inbox() -> Inbox:
    """The mails that the product has sent."""
    return Inbox()


@pytest.fixture(scope="session")
def mail_port(inbox: Inbox) -> Iterator[int]:
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port(), ready_timeout=60)
    controller.start()
    yield controller.port
    controller.stop()


@pytest.fixture(scope="session")
def product(
    tmp_path_factory: pytest.TempPathFactory, turns_without_rasa: list[str], mail_port: int
) -> Iterator[Product]:
    """One running product for the whole session: `./clinic run` in a folder of its own.

    When the session ends, Rasa has to have answered 99 turns in 100, but for the ones it was
    killed for.
    """
    folder = tmp_path_factory.mktemp("product")
    limits = {
        "conversations_per_hour = 30": "conversations_per_hour = 10000",
        "messages_per_minute = 20": "messages_per_minute = 10000",
        "requests_per_minute = 600": "requests_per_minute = 100000",
        "\n[sites.demo]": MAIL.format(port=mail_port) + "\n[sites.demo]",
    }
    with Product(folder, limits) as running:
        yield running
        turns = turns_by(running)
    fallbacks = turns.get("fallback", 0) - len(turns_without_rasa)
    assert fallbacks <= max(1, sum(turns.values()) / 100), turns


def turns_by(product: Product) -> dict[str, int]:
    """Count the turns by who answered them: rasa or fallback."""
    with sqlite3.connect(product.var / "clinic.sqlite3") as database:
        query = "select answered_by, count(*) from turn where answered_by is not null group by 1"
        return dict(database.execute(query).fetchall())


@pytest.fixture(scope="session")
def clinic_site(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A clinic's website on an origin of its own, with a strict content security policy."""
    folder = tmp_path_factory.mktemp("site")
    for lang in ("en", "es"):
        page = CLINIC_PAGE.format(server=product.url, lang=lang)
        (folder / f"{lang}.html").write_text(page, encoding="utf-8")
    with served(folder) as url:
        yield url


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve the folder's files on an origin of their own."""
    handler = partial(QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        return


WORDS = {
    "en": {
        "launcher": "Ask us",
        "send": "Send",
        "person": "Talk to a person",
        "agree": "OK, start",
    },
    "es": {
        "launcher": "Pregúntenos",
        "send": "Enviar",
        "person": "Hablar con una persona",
        "agree": "De acuerdo, empezar",
    },
}


@dataclass
class Pat:
    """A patient with a browser of their own, on the clinic's page."""

    page: Page
    lang: str = "en"
    errors: list[str] = field(default_factory=list)

    def open_chat(self, *, agree: bool = True) -> None:
        """Open the panel; say yes to the privacy note where it asks."""
        self.page.get_by_role("button", name=WORDS[self.lang]["launcher"]).click()
        self.wait_until_it_runs()
        if agree and self.agree_button.is_visible():
            self.agree_button.click()
            expect(self.agree_button).to_be_hidden()

    def wait_until_it_runs(self) -> None:
        """Until the panel's script has put in its words, and shows whether it asks for a yes."""
        expect(self.text_box).to_be_visible()
        expect(self.panel.locator("[data-part=lang]")).not_to_be_empty()

    @property
    def agree_button(self) -> Locator:
        return self.panel.get_by_role("button", name=WORDS[self.lang]["agree"])

    @property
    def panel(self) -> FrameLocator:
        return self.page.frame_locator("iframe")

    @property
    def text_box(self) -> Locator:
        return self.panel.locator("textarea.kb-composer__text")

    @property
    def log(self) -> Locator:
        return self.panel.get_by_role("log")

    def conversation_id(self) -> str:
        own = "JSON.parse(localStorage.getItem('front-desk:demo:conversation'))?.id"
        until(lambda: self.page.frames[1].evaluate(own) is not None)
        found: str = self.page.frames[1].evaluate(own)
        return found

    def messages(self, author: str) -> Locator:
        return self.log.locator(f".kb-message--{author}")

    def write(self, text: str) -> None:
        self.text_box.fill(text)
        self.panel.get_by_role("button", name=WORDS[self.lang]["send"], exact=True).click()

    def ask(self, text: str) -> Locator:
        """Write, wait until the assistant has answered, and return its newest message."""
        self.write(text)
        own = self.messages("patient").last
        answers = own.locator("xpath=following-sibling::*[contains(@class, 'kb-message--bot')]")
        expect(answers).not_to_have_count(0)
        expect(self.panel.locator("[data-part=working]")).to_be_hidden()
        return self.messages("bot").last

    def ask_for_passage(self, text: str, about: str) -> Locator:
        """Ask; where choices are offered, take the one `about` names; return the passage shown."""
        answer = self.ask(text)
        choice = answer.get_by_role("button", name=re.compile(about, re.IGNORECASE))
        if answer.locator(".kb-choices").count():
            choice.first.click()
            answer = self.messages("bot").filter(has=self.panel.locator(".kb-passage")).last
        title = answer.locator(".kb-passage__title")
        expect(title).to_contain_text(re.compile(about, re.IGNORECASE), timeout=EVENT_MS)
        return answer

    def ask_for_a_person(self) -> None:
        self.panel.get_by_role("button", name=WORDS[self.lang]["person"]).first.click()


@dataclass
class Ana:
    """An agent signed in to the console, in a browser context of her own."""

    page: Page
    url: str

    def sign_in(self, email: str, password: str) -> None:
        self.page.goto(f"{self.url}/console")
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_label("Password")).to_have_count(0)
        expect(self.page.get_by_role("heading", level=1)).to_be_visible()

    def open(self, pat: Pat | None = None) -> None:
        """Open this patient's conversation from the list, or the first one."""
        own = f"[href*='{pat.conversation_id()}']" if pat else ""
        self.page.locator(f".fd-entry{own}").first.click()
        # Without its script, Enter is a new line.
        expect(self.page.locator("[data-started] [data-talk]")).to_be_visible()

    def claim(self, pat: Pat | None = None) -> None:
        self.open(pat)
        self.page.get_by_role("button", name="Claim this conversation").click()
        expect(self.page.get_by_label("Your message", exact=True)).to_be_visible()

    def resolve(self) -> None:
        """Be done with the open conversation: what stays hers changes the next test's list."""
        button = self.page.get_by_role("button", name="Resolve")
        button.click()
        expect(button).to_have_count(0)


def until(is_so: Callable[[], bool], within_s: float = EVENT_MS / 1000) -> None:
    """Wait for what no locator tells."""
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, f"not so within {within_s} s"
        time.sleep(0.1)


def reach(page: Page, wanted: Locator) -> None:
    """Tab until it has the focus."""
    expect(wanted).to_be_visible()
    page.wait_for_load_state()  # its script runs by then
    for _ in range(TABS):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no way by keyboard to {wanted}")


def press(page: Page, wanted: Locator) -> None:
    reach(page, wanted)
    page.keyboard.press("Enter")


@pytest.fixture
def new_patient(browser: Browser, clinic_site: str) -> Iterator[object]:
    contexts: list[BrowserContext] = []

    def make(lang: str = "en", **options: object) -> Pat:
        context = browser.new_context(**options)  # type: ignore[arg-type]
        contexts.append(context)
        pat = Pat(context.new_page(), lang)
        pat.page.on("pageerror", lambda error: pat.errors.append(str(error)))
        pat.page.goto(f"{clinic_site}/{lang}.html")
        return pat

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def ana(browser: Browser, product: Product) -> Iterator[Ana]:
    context = browser.new_context()
    agent = Ana(context.new_page(), product.url)
    sign_in = product.sign_in("agent")
    agent.sign_in(sign_in.email, sign_in.password)
    yield agent
    context.close()


@pytest.fixture(scope="session")
def articles(product: Product) -> Path:
    return product.articles
