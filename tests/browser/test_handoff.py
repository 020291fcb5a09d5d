"""From a patient's question to a person's answer and back, with two real browsers."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, expect

from benchmarks.product import Product
from tests.browser.conftest import EVENT_MS, Ana, Pat, until
from tests.browser.test_patient import PARKING, axe_finds_nothing_in_both_themes, numbers_shown

pytestmark = pytest.mark.browser

NewPatient = Callable[..., Pat]

FOR_ANA = "hello there, which door is the nearest to the garage"
IN_VIEW = """$each => {
  const [own, view] = [$each, $each.closest('.kb-scroll')].map($box => $box.getBoundingClientRect())
  return own.top >= view.top && own.bottom <= view.bottom
}"""
FROM_ANA = "Of course. A colleague will meet her at the lift."


def test_the_whole_way_from_question_to_rating(
    new_patient: NewPatient, ana: Ana, product: Product
) -> None:
    pat = new_patient()
    pat.open_chat()
    answer = pat.ask_for_passage(PARKING, "park")
    answer.get_by_role("button", name="No", exact=True).click()
    next_step = answer.locator(".kb-rating__thanks")
    expect(next_step).to_contain_text("ask in other words", timeout=EVENT_MS)
    next_step.get_by_role("button", name="Talk to a person").click()
    expect(ana.page).to_have_title(re.compile(r"^\(\d"))
    ana.open(pat)
    card = ana.page.get_by_role("complementary", name="About this conversation")
    expect(card).to_contain_text(PARKING)
    expect(card).to_contain_text("did not help")
    expect(ana.page.get_by_role("log")).to_contain_text(PARKING)
    ana.page.get_by_role("button", name="Claim this conversation").click()
    expect(pat.panel.get_by_text(re.compile("Ana")).first).to_be_visible(timeout=EVENT_MS)

    pat.write(FOR_ANA)
    expect(ana.page.get_by_role("log")).to_contain_text(FOR_ANA, timeout=EVENT_MS)
    said = pat.messages("bot").count()
    ana.page.get_by_label("Your message").fill(FROM_ANA)
    sent = time.monotonic()
    ana.page.keyboard.press("Enter")
    expect(pat.messages("agent").last).to_contain_text(FROM_ANA, timeout=EVENT_MS)
    assert time.monotonic() - sent < 3, "an agent's line takes about a second to arrive"
    assert pat.messages("bot").count() == said, "the assistant spoke while Ana had the chat"
    assert len(set(numbers_shown(pat))) == len(numbers_shown(pat))

    ana.resolve()
    very_well = pat.panel.get_by_role("button", name="Very well")
    until(lambda: bool(very_well.evaluate(IN_VIEW)))
    very_well.click()
    expect(pat.panel.get_by_text("Thank you. This helps us do better.")).to_be_focused(
        timeout=EVENT_MS
    )
    assert last_rating(product) == 5
    pat.panel.get_by_label("Anything you would like to tell us?").fill("so kind")
    pat.panel.locator(".kb-after").get_by_role("button", name="Send").click()
    expect(pat.panel.get_by_text("Thank you for telling us.").last).to_be_visible(timeout=EVENT_MS)
    assert last_rating(product) == 5
    assert pat.errors == []


def test_given_back_the_assistant_answers_again(new_patient: NewPatient, ana: Ana) -> None:
    pat = new_patient()
    pat.open_chat()
    pat.ask_for_a_person()
    ana.claim(pat)
    expect(pat.panel.get_by_text(re.compile("Ana")).first).to_be_visible(timeout=EVENT_MS)
    ana.page.get_by_role("button", name="Give back to the assistant").click()
    expect(pat.panel.locator("[data-part=who]")).not_to_contain_text("Ana")
    pat.ask_for_passage(PARKING, "park")


def test_one_agent_has_it_and_the_other_is_told(
    new_patient: NewPatient, ana: Ana, browser: Browser, product: Product
) -> None:
    pat = new_patient()
    pat.open_chat()
    pat.ask_for_a_person()
    other = Ana(browser.new_context().new_page(), product.url)
    max_ = product.sign_in("agent")
    other.sign_in(max_.email, max_.password)
    for agent in (ana, other):
        agent.open(pat)
        expect(agent.page.get_by_role("button", name="Claim this conversation")).to_be_visible()
    ana.page.get_by_role("button", name="Claim this conversation").click()
    expect(ana.page.get_by_label("Your message")).to_be_visible(timeout=EVENT_MS)
    expect(other.page.get_by_role("button", name="Claim this conversation")).to_have_count(
        0, timeout=EVENT_MS
    )
    ana.resolve()
    other.page.context.close()


def test_with_nobody_there_a_message_is_taken_and_waits(
    new_patient: NewPatient, browser: Browser, product: Product
) -> None:
    pat = new_patient()
    pat.open_chat()
    until_nobody_is_there(product)
    pat.ask_for_a_person()
    form = pat.panel.locator("form.kb-form")
    expect(form).to_be_visible(timeout=EVENT_MS)
    form.locator("[type=submit]").click()
    expect(form.locator(".kb-form__error").first).to_be_visible()
    form.get_by_label(re.compile("name", re.I)).fill("Pat")
    form.get_by_label(re.compile("phone", re.I)).fill("(503) 555-0177")
    form.locator("textarea").fill(FOR_ANA)
    form.locator("[type=submit]").click()
    expect(form).to_have_count(0, timeout=EVENT_MS)

    agent = Ana(browser.new_context().new_page(), product.url)
    sign_in = product.sign_in("agent")
    agent.sign_in(sign_in.email, sign_in.password)
    agent.page.get_by_role("link", name=re.compile("Messages")).click()
    expect(agent.page).to_have_url(re.compile("box="))
    agent.open(pat)
    expect(agent.page.get_by_role("complementary")).to_contain_text("555-0177")
    agent.page.get_by_role("button", name="Done, I answered").click()
    agent.page.context.close()


def test_axe_finds_nothing_in_the_console(
    new_patient: NewPatient, browser: Browser, product: Product
) -> None:
    agent = Ana(browser.new_context().new_page(), product.url)
    sign_in = product.sign_in("agent")
    agent.page.goto(f"{product.url}/console")
    axe_finds_nothing_in_both_themes(agent.page)
    agent.sign_in(sign_in.email, sign_in.password)
    axe_finds_nothing_in_both_themes(agent.page)
    pat = new_patient()
    pat.open_chat()
    pat.ask(PARKING)
    pat.ask_for_a_person()
    agent.claim(pat)
    axe_finds_nothing_in_both_themes(agent.page)
    agent.resolve()
    agent.page.context.close()


def last_rating(product: Product) -> int:
    """Return what the patient who rated last gave, 1 to 5."""
    with sqlite3.connect(product.var / "clinic.sqlite3") as database:
        query = "select rating from conversation where rated_at is not null order by rated_at desc"
        return int(database.execute(query).fetchone()[0])


def until_nobody_is_there(product: Product) -> None:
    """Wait until the consoles that earlier tests closed are gone, a last ping on its way too."""
    for _ in range(10):
        with sqlite3.connect(product.var / "clinic.sqlite3") as database:
            database.execute("update staff set last_seen_at = null")
            database.commit()
        time.sleep(1.5)
        with sqlite3.connect(product.var / "clinic.sqlite3") as database:
            query = "select count(*) from staff where last_seen_at is not null"
            if database.execute(query).fetchone()[0] == 0:
                return
    raise AssertionError("somebody keeps a console open")
