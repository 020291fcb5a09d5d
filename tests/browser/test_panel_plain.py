"""The chat in a real browser that runs no script."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from benchmarks.product import Product
from tests.browser.conftest import EVENT_MS
from tests.browser.test_patient import axe_finds_nothing_in_any_look

pytestmark = pytest.mark.browser

GATE = "coming from the ferry on foot, at which address do i find your front door"
WIDTHS = (320, 1280)


@pytest.mark.parametrize("lang", ["en", "es"])
def test_the_chats_link_leads_to_plain_forms(browser: Browser, product: Product, lang: str) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{product.url}/chat?lang={lang}&site=demo")
    page.wait_for_url(f"**/plain-chat?lang={lang}&site=demo", timeout=EVENT_MS)
    page.locator("textarea[name=text]").fill(GATE)
    page.locator("button.kb-button").first.click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator("textarea[name=text]")).to_have_value(GATE)
    page.locator("#agree").check()
    page.locator("button.kb-button").first.click()
    expect(page.locator(".kb-message--patient")).to_contain_text(GATE)
    expect(page.locator(".kb-message--bot")).not_to_have_count(0)
    page.context.close()


def test_axe_finds_nothing_without_script(browser: Browser, product: Product) -> None:
    page = browser.new_context().new_page()
    page.goto(f"{product.url}/plain-chat?lang=es")
    axe_finds_nothing_in_any_look(page, WIDTHS)
    page.locator("textarea[name=text]").fill(GATE)
    page.locator("button.kb-button").first.click()
    expect(page.get_by_role("alert")).to_be_visible()
    axe_finds_nothing_in_any_look(page, WIDTHS)
    page.locator("#agree").check()
    page.locator("button.kb-button").first.click()
    expect(page.locator(".kb-message--bot")).not_to_have_count(0)
    axe_finds_nothing_in_any_look(page, WIDTHS)
    page.context.close()
