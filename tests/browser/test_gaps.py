"""From five questions in vain to five answers, with two people of the staff, in a real browser."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.chat import Patient
from benchmarks.product import Product
from tests.browser.conftest import EVENT_MS, Ana
from tests.browser.test_patient import axe_finds_nothing

pytestmark = pytest.mark.browser

IN_VAIN = (
    "do you sell batteries for hearing aids",
    "grandma's hearing aid battery died, can she get one from you",
    "hearing aid batteries??",
    "where can I buy a new battery for my hearing aid",
    "need size 312 hearing aid batteries",
)
LIVE_WITHIN_S = 5.0
FIELDS = {
    "title": "Do you have hearing aid batteries?",
    "summary": "The front desk gives you hearing aid batteries for free.",
    "body": "The front desk gives you hearing aid batteries for free, all sizes. Ask for them.",
    "topic": "visiting",
    "owner": "Front desk team",
    "reviewed_on": "2026-11-01",
    "review_by": "2027-05-01",
    "source": "a test",
}

SPANISH = {
    "title": "¿Tienen pilas para audífonos?",
    "summary": "La recepción le da pilas para audífonos gratis.",
    "body": "La recepción le da pilas para audífonos gratis, de todos los tamaños. Pídalas.",
}


def test_five_in_vain_become_one_gap_and_are_answered_after_the_review(
    browser: Browser, product: Product
) -> None:
    for question in IN_VAIN:
        assert "Do you have hearing aid" not in told(product, question)
    eli, rui = someone(browser, product, "editor"), someone(browser, product, "reviewer")
    eli.goto(f"{product.url}/editor/gaps")
    gap = eli.locator(".fd-gap").filter(has_text=re.compile("hearing aid", re.I))
    expect(gap).to_have_count(1)
    expect(gap).to_contain_text("5 patients")
    axe_finds_nothing(eli)
    gap.get_by_role("button", name="Write an article").click()
    assert set(eli.get_by_label("Sample questions").input_value().split("\n")) >= set(IN_VAIN[:2])
    for name, text in FIELDS.items():
        eli.locator(f"[name={name}]").fill(text)
    with eli.context.expect_page() as opened:
        eli.get_by_role("button", name="Which answers change?").click()
    expect(opened.value.get_by_role("heading", level=2).first).to_contain_text("Answered from now")
    axe_finds_nothing(opened.value)
    opened.value.close()
    eli.get_by_role("button", name="Send for review").click()
    expect(eli.get_by_text("Sent for review").first).to_be_visible()
    rui.goto(eli.url)
    rui.get_by_role("button", name="Approve").click()
    approved = time.monotonic()
    expect(rui.get_by_text("Published").first).to_be_visible()
    while "for free" not in told(product, IN_VAIN[0]):
        assert time.monotonic() - approved < LIVE_WITHIN_S
    eli.goto(f"{product.url}/editor/gaps")
    row = eli.get_by_role("row").filter(has_text=FIELDS["title"])
    expect(row).to_contain_text("5 of 5")
    expect(row).to_contain_text("patient")
    the_spanish_is_missing_then_stale(eli, rui, product)


def the_spanish_is_missing_then_stale(eli: Page, rui: Page, product: Product) -> None:
    eli.goto(f"{product.url}/editor/review/")
    missing = eli.get_by_role("row").filter(has_text=FIELDS["title"])
    missing.get_by_role("link", name="Español").click()
    for name, text in (FIELDS | SPANISH).items():
        eli.locator(f"[name={name}]").fill(text)
    english = eli.locator("[name=translation_of]").input_value()
    send_and_approve(eli, rui)
    eli.goto(f"{product.url}/editor/articles/{english}")
    eli.locator("[name=body]").fill("The front desk sells hearing aid batteries for 1 dollar.")
    eli.get_by_label("The facts change").check()
    send_and_approve(eli, rui)
    eli.goto(f"{product.url}/editor/review/")
    stale = eli.get_by_role("region", name="Translations older than their original")
    expect(stale.get_by_role("listitem").filter(has_text=SPANISH["title"])).to_contain_text(
        "Kept from patients"
    )


def send_and_approve(eli: Page, rui: Page) -> None:
    eli.get_by_role("button", name="Send for review").click()
    expect(eli.get_by_text("Sent for review").first).to_be_visible(timeout=EVENT_MS)
    rui.goto(eli.url)
    rui.get_by_role("button", name="Approve").click()
    expect(rui.get_by_text("Approved and published").first).to_be_visible(timeout=EVENT_MS)


def told(product: Product, question: str) -> str:
    """Ask as a patient; return what the assistant says."""
    patient = Patient(product.url)
    try:
        patient.post(question)
        return str(patient.next_from("bot").data)
    finally:
        patient.close()


def someone(browser: Browser, product: Product, role: str) -> Page:
    page = browser.new_context().new_page()
    sign_in = product.sign_in(role)
    Ana(page, product.url).sign_in(sign_in.email, sign_in.password)
    return page
