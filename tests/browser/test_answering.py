"""An agent answers: with a passage, a canned reply, a note to a colleague; by keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.product import Product
from tests.browser.conftest import EVENT_MS, Ana, Pat
from tests.browser.test_patient import (
    PARKING,
    axe_finds_nothing,
    axe_finds_nothing_in_any_look,
    axe_finds_nothing_in_both_themes,
)

pytestmark = pytest.mark.browser

NewPatient = Callable[..., Pat]
NOTE = "marmalade: her son comes at noon, tell him at the desk"


@pytest.fixture
def pat(new_patient: NewPatient) -> Pat:
    pat = new_patient()
    pat.open_chat()
    return pat


def with_person(pat: Pat, ana: Ana) -> Page:
    pat.ask_for_a_person()
    ana.claim(pat)
    expect(ana.page.get_by_label("Search the articles")).to_be_visible(timeout=EVENT_MS)
    return ana.page


def test_a_suggested_passage_is_sent_with_one_press(pat: Pat, ana: Ana) -> None:
    page = with_person(pat, ana)
    pat.write(PARKING)
    suggestion = page.locator("[data-suggestion]").first
    expect(suggestion).to_contain_text(re.compile("park", re.I), timeout=EVENT_MS)
    expect(suggestion).to_contain_text("Reviewed")
    suggestion.get_by_role("button", name=re.compile("^Send this")).click()
    expect(page.get_by_text("Sent to the patient.")).to_be_visible(timeout=EVENT_MS)
    row = pat.messages("agent").last
    expect(row.locator(".kb-passage__title")).to_contain_text(
        re.compile("park", re.I), timeout=EVENT_MS
    )
    expect(row.locator(".kb-passage__source")).to_contain_text("Reviewed")

    page.get_by_label("Search the articles").fill("refill")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nearest to your words:")).to_be_visible(timeout=EVENT_MS)
    shown = page.locator("[data-suggestion]").count()
    page.get_by_role("button", name=re.compile("^Not helpful")).first.click()
    expect(page.locator("[data-suggestion]")).to_have_count(shown - 1, timeout=EVENT_MS)
    ana.resolve()


def test_an_open_variable_stops_the_send(pat: Pat, ana: Ana) -> None:
    """By keyboard alone, from the box to the sent line."""
    page = with_person(pat, ana)
    box = page.get_by_label("Your message")
    box.focus()
    page.keyboard.type("/gre")
    expect(page.get_by_role("option", name="greet")).to_be_visible(timeout=EVENT_MS)
    page.keyboard.press("Enter")
    expect(box).to_have_value(re.compile(r"^Hello \{\{patient\.name\}\}, this is Ana"))
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Not sent. Fill this in first: patient.name.")).to_be_visible()
    expect(pat.messages("agent")).to_have_count(0)
    page.reload()  # the draft is still there
    expect(box).to_have_value(re.compile(r"patient\.name"))
    box.fill(box.input_value().replace("{{patient.name}}", "Pat"))
    page.keyboard.press("Enter")
    expect(pat.messages("agent").last).to_contain_text("Hello Pat, this is Ana", timeout=EVENT_MS)
    ana.resolve()


def test_a_note_calls_a_colleague_and_never_reaches_the_patient(
    pat: Pat, ana: Ana, browser: Browser, product: Product
) -> None:
    page = with_person(pat, ana)
    page.keyboard.press("Escape")
    page.get_by_label("Note for colleagues").fill(NOTE)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".fd-notes__text")).to_have_text(NOTE, timeout=EVENT_MS)
    pat.write("thank you")
    expect(page.get_by_role("log")).to_contain_text("thank you", timeout=EVENT_MS)
    assert "marmalade" not in pat.panel.locator(":root").inner_text()
    pat.page.reload()
    pat.open_chat()
    expect(pat.log).to_contain_text("thank you", timeout=EVENT_MS)
    assert "marmalade" not in pat.panel.locator(":root").inner_text()
    ana.resolve()


def test_the_keys_lead_everywhere_and_are_shown(pat: Pat, ana: Ana) -> None:
    page = with_person(pat, ana)
    page.keyboard.press("Escape")
    for key, label in (
        ("s", "Search the articles"),
        ("n", "Note for colleagues"),
        ("w", "Your message"),
    ):
        page.keyboard.press(key)
        expect(page.get_by_label(label)).to_be_focused()
        page.keyboard.press("Escape")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    axe_finds_nothing(page)
    dialog.get_by_label("Use the one-key shortcuts in this browser").uncheck()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("s")
    expect(page.get_by_label("Search the articles")).not_to_be_focused()
    ana.resolve()


def test_a_draft_ends_with_the_sign_out(pat: Pat, ana: Ana, product: Product) -> None:
    page = with_person(pat, ana)
    page.get_by_label("Your message").fill("half a sentence")
    page.get_by_label("Note for colleagues").fill("half a note")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("E-mail")).to_be_visible(timeout=EVENT_MS)
    kept = page.evaluate("JSON.stringify(sessionStorage)")
    assert "half" not in kept
    sign_in = product.sign_in("agent")  # and give the patient back what they wait for
    ana.sign_in(sign_in.email, sign_in.password)
    page.goto(f"{product.url}/console/?box=mine")
    page.locator(".fd-entry").first.click(timeout=EVENT_MS)
    ana.resolve()


def test_axe_finds_nothing_while_answering(pat: Pat, ana: Ana) -> None:
    page = with_person(pat, ana)
    pat.write("I am furious, where do I park? My social security number is 123-45-6789.")
    guide = page.locator(".fd-guide__title").first
    expect(guide).to_be_visible(timeout=EVENT_MS)
    guide.click()
    page.get_by_label("Note for colleagues").fill("A note.")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".fd-notes__text")).to_be_visible(timeout=EVENT_MS)
    page.get_by_label("Your message").fill("/")
    expect(page.get_by_role("listbox", name="Replies")).to_be_visible(timeout=EVENT_MS)
    axe_finds_nothing_in_any_look(page, (768, 1280))
    page.keyboard.press("Escape")
    ana.resolve()


def test_axe_finds_nothing_on_the_page_of_replies(browser: Browser, product: Product) -> None:
    editor = Ana(browser.new_context().new_page(), product.url)
    sign_in = product.sign_in("editor")
    editor.sign_in(sign_in.email, sign_in.password)
    for path in ("/replies/", "/replies/greet", "/replies/new"):
        editor.page.goto(f"{product.url}{path}")
        axe_finds_nothing_in_both_themes(editor.page)
    editor.page.context.close()
