"""Closing a chat, a break after a hard one, and a scene practised with the keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from playwright.sync_api import Page, expect

from benchmarks.product import Product
from tests.browser.conftest import EVENT_MS, Ana, Pat, press, reach
from tests.browser.test_patient import axe_finds_nothing_in_both_themes

pytestmark = pytest.mark.browser

NewPatient = Callable[..., Pat]
NOTE = "Ask Rosa about the form."


def hand_over(new_patient: NewPatient, agent: Ana, words: str | None = None) -> None:
    """A patient whom this agent has, after these words."""
    pat = new_patient()
    pat.open_chat()
    if words is not None:
        pat.write(words)
        expect(pat.panel.locator(".kb-message--bot").last).to_be_visible(timeout=EVENT_MS)
    else:
        pat.ask_for_a_person()
    agent.claim(pat)


def test_a_chat_is_closed_with_one_click_and_a_day_to_come_back(
    new_patient: NewPatient, ana: Ana
) -> None:
    hand_over(new_patient, ana)
    ana.resolve()
    code = ana.page.get_by_role("button", name="We will call or write")
    code.click(timeout=EVENT_MS)
    expect(code).to_have_attribute("aria-pressed", "true", timeout=EVENT_MS)
    ana.page.get_by_text("Tags, a note, a day to come back to it").click()
    ana.page.get_by_label(re.compile("^Closing note")).fill(NOTE)
    ana.page.get_by_label("Come back to it on").fill(str(date.today() + timedelta(days=2)))
    ana.page.get_by_role("button", name="Ready for the next").click()
    card = ana.page.get_by_role("complementary", name="About this conversation")
    expect(card).to_contain_text(NOTE, timeout=EVENT_MS)
    expect(card).to_contain_text("We will call or write")
    expect(ana.page.get_by_role("button", name="Ready for the next")).to_have_count(0)
    ana.page.get_by_role("link", name=re.compile("^Inbox")).or_(
        ana.page.get_by_role("link", name=re.compile("^Console"))
    ).first.click()
    ana.page.get_by_role("link", name=re.compile("^Follow-up")).click()
    expect(ana.page).to_have_url(re.compile("box="))
    ana.open()
    ana.page.get_by_role("button", name="Done, I came back to it").click()
    expect(ana.page.get_by_role("button", name="Done, I came back to it")).to_have_count(
        0, timeout=EVENT_MS
    )


def test_after_danger_a_break_is_offered_and_ends_with_a_click(
    new_patient: NewPatient, ana: Ana
) -> None:
    hand_over(new_patient, ana, "I want to kill myself")
    ana.resolve()
    ana.page.get_by_role("button", name="Take 10 minutes").click(timeout=EVENT_MS)
    expect(ana.page.get_by_role("button", name="Take 10 minutes")).to_have_count(
        0, timeout=EVENT_MS
    )
    ana.page.reload()
    expect(ana.page.get_by_text(re.compile("On a break until"))).to_be_visible()
    ana.page.get_by_role("button", name="I'm back").click()
    expect(ana.page.get_by_text("You are here")).to_be_visible(timeout=EVENT_MS)


def press_named(page: Page, name: str) -> None:
    named = page.get_by_role("button", name=name).or_(page.get_by_role("link", name=name))
    press(page, named.first)


def test_a_scene_is_practised_to_its_end_with_the_keyboard_alone(ana: Ana) -> None:
    page = ana.page
    for name in ("For you", "Practise a hard conversation", "Begin: An angry bill"):
        press_named(page, name)
    expect(page.get_by_role("complementary")).to_contain_text("Synthetic demo content")
    press_named(page, "Claim this conversation")
    log = page.get_by_role("log")
    expect(log).to_contain_text("Two bills for ONE visit", timeout=EVENT_MS)
    said = (
        ("I am so sorry. Two bills, and three calls: I see why you are angry.", "Thank you for"),
        ("Billing will check both bills and call you before five today.", "That I can live with"),
    )
    box = page.get_by_label("Your message")
    for text, answer in said:
        reach(page, box)
        page.keyboard.type(text)
        page.keyboard.press("Enter")
        expect(log).to_contain_text(answer, timeout=EVENT_MS)
    press_named(page, "See how it went")
    expect(page.get_by_role("heading", name="What you did well")).to_be_visible(timeout=EVENT_MS)
    expect(page.get_by_text("What to try next time")).to_have_count(0)


def test_axe_finds_nothing_on_the_pages_of_care(
    new_patient: NewPatient, ana: Ana, product: Product
) -> None:
    hand_over(new_patient, ana)
    ana.resolve()
    ana.page.get_by_role("button", name="That was hard").click(timeout=EVENT_MS)
    expect(ana.page.get_by_role("button", name="No, thank you")).to_be_visible(timeout=EVENT_MS)
    ana.page.get_by_text("Tags, a note, a day to come back to it").click()
    axe_finds_nothing_in_both_themes(ana.page)
    ana.page.get_by_role("button", name="No, thank you").click()
    for path in ("care/", "care/thanks", "practice/"):
        ana.page.goto(f"{product.url}/console/{path}")
        axe_finds_nothing_in_both_themes(ana.page)
    ana.page.get_by_role("button", name="Begin: A hidden emergency").click()
    for each in ana.page.locator(".fd-practice summary").all():
        each.click()
    axe_finds_nothing_in_both_themes(ana.page)
    ana.page.get_by_role("button", name="End the practice").click()
    expect(ana.page.get_by_role("heading", name="How it went")).to_be_visible(timeout=EVENT_MS)
    axe_finds_nothing_in_both_themes(ana.page)
    manager = product.sign_in("manager")
    ana.page.context.clear_cookies()
    ana.sign_in(manager.email, manager.password)
    ana.page.goto(f"{product.url}/insights/team/")
    axe_finds_nothing_in_both_themes(ana.page)
