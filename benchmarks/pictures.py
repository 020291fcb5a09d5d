"""Takes the pictures the documents show, from the running product: `./clinic pictures`.

A picture is of what a newcomer would see: the demo clinic, a real question, a real handoff.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect, sync_playwright

from benchmarks.product import ROOT, Product

PICTURES = ROOT / "docs" / "pictures"
DESKTOP = ViewportSize(width=1280, height=800)
PHONE = ViewportSize(width=375, height=740)
WAIT_MS = 20_000
QUESTION = "Where do I park, and what does it cost?"
SPANISH_QUESTION = "¿A qué hora abren?"
UPSET = "I am furious. This is the third time you got my bill wrong!"
DANGER = "my father has crushing chest pain"


def main() -> int:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        Product(Path(folder)) as product,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        on_desktop(browser, product)
        on_a_phone(browser, product)
        help_page(browser, product)
        staff_pages(browser, product)
        browser.close()
    print(f"pictures are in {PICTURES}")
    return 0


def on_desktop(browser: Browser, product: Product) -> None:
    """The chat beside the clinic's page, and the same conversation in the console."""
    patient = browser.new_page(viewport=DESKTOP)
    panel = open_chat(patient, product)
    ask(panel, QUESTION, "Send")
    take(patient, "chat-desktop")
    agent = sign_in(browser, product, "agent", "console")
    panel.get_by_role("button", name="Talk to a person").first.click()
    agent.locator(".fd-entry").first.click(timeout=WAIT_MS)
    agent.get_by_role("button", name="Claim this conversation").click()
    agent.get_by_label("Your message").fill(
        "Hello, this is Ana from the front desk. How can I help?"
    )
    agent.keyboard.press("Enter")
    expect(panel.locator(".kb-message--agent")).to_be_visible(timeout=WAIT_MS)
    mine = agent.get_by_role("link", name=re.compile("Mine *1"))
    expect(mine).to_be_visible(timeout=WAIT_MS)
    take(agent, "console")
    answering(patient, agent)
    take(patient, "chat-with-a-person")


def answering(patient: Page, agent: Page) -> None:
    """What helps an agent: guidance, passages, replies."""
    panel = patient.frame_locator("iframe").locator(":root")
    panel.locator("#kb-text").fill(UPSET)
    panel.get_by_role("button", name="Send", exact=True).click()
    expect(agent.locator(".fd-guide__title").first).to_be_visible(timeout=WAIT_MS)
    agent.get_by_label("Your message").fill("/")
    expect(agent.get_by_role("listbox", name="Replies")).to_be_visible(timeout=WAIT_MS)
    take(agent, "console-answering")
    agent.keyboard.press("Escape")
    agent.get_by_label("Your message").fill("")


def on_a_phone(browser: Browser, product: Product) -> None:
    patient = browser.new_page(viewport=PHONE, color_scheme="light")
    patient.goto(f"{product.url}/chat?lang=es&site=demo")
    take(patient, "chat-phone-start")
    agree(patient.locator(":root"), "De acuerdo, empezar")
    ask(patient.locator(":root"), SPANISH_QUESTION, "Enviar")
    take(patient, "chat-phone-spanish")
    danger = browser.new_page(viewport=PHONE, color_scheme="dark")
    panel = open_chat(danger, product)
    panel.locator("#kb-text").fill(DANGER)
    panel.get_by_role("button", name="Send", exact=True).click()
    expect(panel.locator(".kb-card")).to_be_visible(timeout=WAIT_MS)
    take(danger, "danger-card-phone")


def help_page(browser: Browser, product: Product) -> None:
    page = browser.new_page(viewport=DESKTOP)
    page.goto(f"{product.url}/help?lang=en")
    take(page, "help")
    phone = browser.new_page(viewport=PHONE, color_scheme="light")
    phone.goto(f"{product.url}/help/es/visita/estacionamiento")
    take(phone, "help-phone-spanish")


def staff_pages(browser: Browser, product: Product) -> None:
    """What an editor and a manager begin with, and an article being written."""
    editor = sign_in(browser, product, "editor", "editor")
    take(editor, "editor-list")
    editor.goto(f"{product.url}/editor/articles/en/visiting/parking")
    take(editor, "editor")
    manager = sign_in(browser, product, "manager", "insights")
    take(manager, "insights")


def open_chat(page: Page, product: Product) -> Locator:
    """Open the chat from the clinic's page, as a patient does."""
    page.goto(f"{product.url}/demo")
    page.get_by_role("button", name="Ask us").first.click()
    panel = page.frame_locator("iframe").locator(":root")
    expect(panel.locator("#kb-text")).to_be_visible(timeout=WAIT_MS)
    agree(panel, "OK, start")
    return panel


def agree(panel: Locator, words: str) -> None:
    """Say yes to the privacy note."""
    panel.get_by_role("button", name=words).click(timeout=WAIT_MS)


def ask(panel: Locator, text: str, send: str) -> None:
    panel.locator("#kb-text").fill(text)
    panel.get_by_role("button", name=send, exact=True).click()
    expect(panel.locator(".kb-message--bot")).to_be_visible(timeout=WAIT_MS)


def sign_in(browser: Browser, product: Product, role: str, place: str) -> Page:
    page = browser.new_page(viewport=DESKTOP)
    account = product.sign_in(role)
    page.goto(f"{product.url}/{place}")
    page.get_by_label("E-mail").fill(account.email)
    page.get_by_label("Password").fill(account.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=WAIT_MS)
    return page


def take(page: Page, name: str) -> None:
    page.wait_for_timeout(600)  # let the panel finish its one movement
    page.screenshot(path=PICTURES / f"{name}.png")


if __name__ == "__main__":
    sys.exit(main())
