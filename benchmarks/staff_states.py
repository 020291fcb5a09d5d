"""Walks through the pages of the staff and of readers, empty and full."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from benchmarks.chat import Patient
from benchmarks.panel_states import Shoot
from benchmarks.pictures import DANGER, IN_VAIN, UPSET, WAIT_MS, sign_in
from benchmarks.product import Product

PAGES = {
    "agent": (
        *("console/?box=all", "console/?box=closed", "console/board", "console/care/"),
        *("console/care/thanks", "console/practice/", "account/"),
    ),
    "editor": (
        *("editor", "editor?q=nothing-fits-this", "editor/gaps", "editor/review/"),
        *("editor/effects?q=where+do+i+park", "editor/articles/en/visiting/parking"),
        *("editor/review/history/en/visiting/parking", "editor/new?topic=visiting&lang=en"),
        *("replies/", "replies/new", "replies/billing"),
    ),
    "manager": ("insights", "insights/team/", "console/board"),
}
READERS = (
    *("help?lang=en", "help?lang=es", "help/en/visiting/parking", "help/topics/visita?lang=es"),
    *("help/search?q=parking&lang=en", "help/search?q=xyzzy&lang=es", "help/en/nothing"),
    *("plain-chat?lang=es&site=demo", "privacy?lang=en", "console"),
)
WAITING = (
    (DANGER, "en"),
    (UPSET, "en"),
    ("can I change my appointment to next week, my ssn is 219-09-9999", "en"),
    ("necesito un intérprete para la cita de otorrinolaringología de mi mamá", "es"),
    *((question, "en") for question in IN_VAIN),
)


def walk(browser: Browser, product: Product, shoot: Shoot) -> None:
    for role, pages in PAGES.items():
        show(sign_in(browser, product, role, "account"), product, f"empty-{role}", pages, shoot)
    at_the_desk(browser, product, shoot)
    for role, pages in PAGES.items():
        show(sign_in(browser, product, role, "account"), product, role, pages, shoot)
    show(browser.new_page(), product, "reader", READERS, shoot)


def show(page: Page, product: Product, who: str, pages: tuple[str, ...], shoot: Shoot) -> None:
    for path in pages:
        page.goto(f"{product.url}/{path}")
        shoot(page, f"{who}-{path.strip('/').translate(str.maketrans('/?=&+', '-----'))}")
    page.context.close()


def at_the_desk(browser: Browser, product: Product, shoot: Shoot) -> None:
    """Patients wait; one is claimed, answered and closed."""
    agent = sign_in(browser, product, "agent", "console")
    patients = [ask_for_a_person(product, text, lang) for text, lang in WAITING]
    expect(agent.locator(".fd-entry")).to_have_count(len(WAITING), timeout=WAIT_MS)
    shoot(agent, "desk-inbox")
    agent.locator(".fd-entry").nth(1).click()
    expect(agent.locator("[data-talk]")).to_be_visible(timeout=WAIT_MS)
    shoot(agent, "desk-waiting")
    agent.get_by_role("button", name="Claim this conversation").click()
    expect(agent.get_by_label("Your message")).to_be_visible(timeout=WAIT_MS)
    for name in ("Pass on", "Set aside", "Block"):
        agent.locator("summary").get_by_text(name, exact=True).click()
    shoot(agent, "desk-claimed")
    agent.get_by_role("button", name="Keys").click()
    shoot(agent, "desk-keys")
    agent.keyboard.press("Escape")
    agent.get_by_role("button", name="Resolve").click()
    expect(agent.get_by_text("How did it end?")).to_be_visible(timeout=WAIT_MS)
    shoot(agent, "desk-closed")
    agent.goto(f"{product.url}/console/practice/")
    agent.get_by_role("button", name="Begin: An angry bill").click()
    shoot(agent, "desk-practice")
    agent.get_by_role("button", name="End the practice").click()
    expect(agent.get_by_role("heading", name="How it went")).to_be_visible(timeout=WAIT_MS)
    shoot(agent, "desk-practice-over")
    for patient in patients:
        patient.close()
    agent.context.close()


def ask_for_a_person(product: Product, text: str, lang: str) -> Patient:
    patient = Patient(product.url, lang)
    patient.post(text)
    patient.next_from("bot")
    patient.ask_for_a_person()
    return patient
