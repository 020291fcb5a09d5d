"""Takes the pictures the documents show, from the running product: `./clinic pictures`.

A picture is of what a newcomer would see: the demo clinic, a real question, a real handoff.
`./clinic pictures --all-states FOLDER` takes every state of every page, to be looked at.
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from benchmarks.browsing import chromium
from benchmarks.chat import Patient
from benchmarks.product import ROOT, Product

PICTURES = ROOT / "docs" / "pictures"
DESKTOP = ViewportSize(width=1280, height=800)
PHONE = ViewportSize(width=375, height=740)
WAIT_MS = 20_000
COLORS = 256  # a third of the size, and no difference to be seen
QUESTION = "Where do I park, and what does it cost?"
SPANISH_QUESTION = "¿Dónde me estaciono y cuánto cuesta?"
UPSET = "I am furious. This is the third time you got my bill wrong!"
DANGER = "my father has crushing chest pain"
IN_VAIN = (
    "do you sell batteries for hearing aids",
    "grandma's hearing aid battery died, can she get one from you",
    "need size 312 hearing aid batteries",
    "do you do acupuncture",
)
ANSWER = {
    "title": "Do you have hearing aid batteries?",
    "summary": "The front desk gives you hearing aid batteries for free.",
    "body": "The front desk gives you hearing aid batteries for free, in all sizes. Ask for them "
    "when you are here, or call {{clinic.phone}}.\n\n## Which sizes are there?\n\nSizes 10, 13, "
    "312 and 675. We keep a pack of each at the desk. It is not necessary to have an appointment "
    "if all that you would like to do on that day is to come in and collect batteries.",
    "topic": "visiting",
    "owner": "Front desk team",
    "review_by": "2027-05-01",
}


def main() -> int:
    arguments = sys.argv[1:]
    if arguments[:1] == ["--all-states"]:
        from benchmarks.all_states import take_all

        return take_all(Path(arguments[1]) if arguments[1:] else ROOT / "var" / "states")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        Product(Path(folder)) as product,
        chromium() as browser,
    ):
        on_desktop(browser, product)
        on_a_phone(browser, product)
        help_page(browser, product)
        staff_pages(browser, product)
        from_gap_to_review(browser, product)
        practising(browser, product)
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
    closing(agent)


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


def closing(agent: Page) -> None:
    """A note for a colleague, and the end."""
    agent.get_by_label("Note for colleagues").fill("Rosa knows this bill. She is back at two.")
    agent.get_by_role("button", name="Add note").click()
    expect(agent.locator(".fd-notes__item")).to_have_count(1, timeout=WAIT_MS)
    agent.locator("[data-notes]").scroll_into_view_if_needed()
    take(agent, "console-notes")
    agent.get_by_role("button", name="Resolve").click()
    expect(agent.get_by_text("How did it end?")).to_be_visible(timeout=WAIT_MS)
    take(agent, "console-closing")


def on_a_phone(browser: Browser, product: Product) -> None:
    patient = browser.new_page(viewport=PHONE, color_scheme="light")
    patient.goto(f"{product.url}/chat?lang=es&site=demo")
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


def from_gap_to_review(browser: Browser, product: Product) -> None:
    """What nobody could answer becomes an article, and a second person reads it."""
    for question in IN_VAIN:
        patient = Patient(product.url)
        patient.post(question)
        patient.next_from("bot")
        patient.close()
    editor = sign_in(browser, product, "editor", "editor/gaps")
    gap = editor.locator(".fd-gap").filter(has_text="hearing aid")
    expect(gap).to_be_visible(timeout=WAIT_MS)
    gap.locator("summary").first.click()
    take(editor, "editor-gaps")
    gap.get_by_role("button", name="Write an article").click()
    for name, text in ANSWER.items():
        editor.locator(f"[name={name}]").fill(text)
    expect(editor.get_by_role("heading", name="In the chat")).to_be_visible(timeout=WAIT_MS)
    editor.get_by_role("heading", level=1).scroll_into_view_if_needed()
    take(editor, "editor-checks")
    with editor.context.expect_page() as opened:
        editor.get_by_role("button", name="Which answers change?").click()
    expect(opened.value.get_by_role("heading", level=2).first).to_be_visible(timeout=WAIT_MS)
    take(opened.value, "editor-effects")
    opened.value.close()
    editor.locator("[name=reviewed_on]").fill("2026-11-01")
    editor.locator("[name=source]").fill("Visitor guide, November 2026")
    editor.get_by_role("button", name="Send for review").click()
    expect(editor.get_by_text("Sent for review").first).to_be_visible(timeout=WAIT_MS)
    reviewer = sign_in(browser, product, "reviewer", "editor")
    reviewer.goto(editor.url)
    take(reviewer, "editor-review")


def practising(browser: Browser, product: Product) -> None:
    agent = sign_in(browser, product, "agent", "console/practice/")
    agent.get_by_role("button", name="Begin: A grieving daughter").click()
    agent.get_by_role("button", name="Claim this conversation").click(timeout=WAIT_MS)
    expect(agent.get_by_label("Your message")).to_be_visible(timeout=WAIT_MS)
    agent.locator(".fd-practice summary").first.click()
    take(agent, "practice-scene")


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
    taken = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    few = taken.quantize(COLORS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(PICTURES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    sys.exit(main())
