"""What a patient agrees to, sees and clears, in a real browser against the running product."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from benchmarks.product import Product
from tests.browser.conftest import EVENT_MS, Pat
from tests.browser.test_patient import axe_finds_nothing

pytestmark = pytest.mark.browser

NewPatient = Callable[..., Pat]

PARK = "Where do I park?"
STAIRS = "granddad uses a rollator, is there a way in without steps from the street"
TURNS_BLUE = "the woman next door lies on the floor and her lips are turning blue"


def kept(product: Product, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(product.var / "clinic.sqlite3") as database:
        return database.execute(query).fetchall()


def newest(product: Product) -> tuple[object, ...]:
    query = "select last_n, privacy_version, ended_at from conversation order by created_at desc"
    return kept(product, query)[0]


def stored(pat: Pat) -> list[str]:
    """Return what the panel keeps in the frame's own storage."""
    frame = pat.page.frames[1]
    keys: list[str] = frame.evaluate("Object.keys(localStorage)")
    return [key for key in keys if key.startswith("front-desk:")]


def pick(pat: Pat, name: str) -> None:
    pat.panel.get_by_role("button", name=re.compile("^Men[uú]$")).click()
    pat.panel.get_by_role("button", name=name, exact=True).click()


def ask_something(new_patient: NewPatient, **options: object) -> Pat:
    pat = new_patient(**options)
    pat.open_chat()
    pat.ask(STAIRS)
    return pat


def test_nothing_typed_is_kept_before_the_yes(new_patient: NewPatient, product: Product) -> None:
    pat = new_patient()
    pat.page.set_viewport_size({"width": 390, "height": 844})
    pat.open_chat(agree=False)
    note = pat.panel.get_by_role("region", name="Before you start")
    for words in ("a computer", "30 days", "Our staff", "medical advice", "911"):
        expect(note).to_contain_text(words)
    expect(pat.panel.locator(".kb-welcome__list")).to_be_hidden()
    pat.write(PARK)
    expect(pat.log.get_by_text("tap “OK, start”")).to_be_visible(timeout=EVENT_MS)
    expect(pat.panel.get_by_role("status").first).to_contain_text("privacy", timeout=EVENT_MS)
    assert newest(product)[:2] == (0, None)
    axe_finds_nothing(pat.page)

    pat.agree_button.click()
    expect(pat.text_box).to_be_focused()
    expect(pat.messages("bot")).not_to_have_count(0, timeout=EVENT_MS)
    expect(note).to_be_hidden()
    expect(pat.panel.get_by_role("button", name="New messages")).to_be_hidden()
    assert newest(product)[1] == "1"
    expect(pat.log.get_by_text(PARK)).to_have_count(1)

    pat.page.reload()
    pat.open_chat(agree=False)
    expect(pat.messages("bot")).not_to_have_count(0, timeout=EVENT_MS)
    expect(pat.agree_button).to_be_hidden()
    assert pat.errors == []


def test_a_held_message_survives_a_reload(new_patient: NewPatient) -> None:
    pat = new_patient()
    pat.open_chat(agree=False)
    pat.write(STAIRS)
    expect(pat.log.get_by_text("tap “OK, start”")).to_be_visible(timeout=EVENT_MS)
    pat.page.reload()
    pat.open_chat()
    expect(pat.messages("bot")).not_to_have_count(0, timeout=EVENT_MS)
    expect(pat.log.get_by_text(STAIRS)).to_have_count(1)


def test_a_person_who_is_wanted_comes_after_the_yes(new_patient: NewPatient) -> None:
    pat = new_patient()
    pat.open_chat(agree=False)
    pat.ask_for_a_person()
    said = pat.panel.get_by_role("status")
    expect(said).to_contain_text("tap “OK, start”", timeout=EVENT_MS)
    expect(pat.agree_button).to_be_in_viewport()
    expect(pat.log.locator(".kb-message--system, .kb-form")).to_have_count(0)
    pat.agree_button.click()
    expect(pat.log.locator(".kb-message--system, .kb-form").last).to_be_visible(timeout=EVENT_MS)


def test_danger_waits_for_no_yes(new_patient: NewPatient, product: Product) -> None:
    pat = new_patient()
    pat.open_chat(agree=False)
    pat.write(TURNS_BLUE)
    expect(pat.panel.locator(".kb-card")).to_be_in_viewport(timeout=EVENT_MS)
    expect(pat.log.get_by_text("tap “OK, start”")).to_have_count(0)
    expect(pat.agree_button).to_be_attached()
    assert newest(product)[1] is None


@pytest.mark.parametrize(("lang", "first"), [("en", "How we handle"), ("es", "Qué hacemos")])
def test_the_full_note_is_a_page(new_patient: NewPatient, lang: str, first: str) -> None:
    pat = new_patient(lang)
    pat.open_chat(agree=False)
    with pat.page.context.expect_page() as opened:
        pat.panel.locator(".kb-consent a").click()
    expect(opened.value.get_by_role("heading", level=1)).to_contain_text(first)
    axe_finds_nothing(opened.value)


def test_a_patient_reads_and_saves_what_is_held(new_patient: NewPatient) -> None:
    pat = ask_something(new_patient)
    pick(pat, "What do you hold about me?")
    paper = pat.panel.get_by_role("dialog", name="What do you hold about me?")
    for words in (STAIRS, "Privacy note: version 1", "30 days", "Language: English"):
        expect(paper).to_contain_text(words, timeout=EVENT_MS)
    axe_finds_nothing(pat.page)
    shown = paper.get_by_role("region").inner_text().strip()
    assert saved(pat, "Save as text").strip() == shown
    held = json.loads(saved(pat, "Save as data (JSON)"))
    assert held["messages"][0]["text"] == STAIRS
    assert held["conversation"]["privacy_version"] == "1"
    pat.page.keyboard.press("Escape")
    expect(paper).to_be_hidden()
    expect(pat.text_box).to_be_visible()

    pick(pat, "Save or print this chat")
    transcript = saved(pat, "Save as text")
    assert STAIRS in transcript
    assert "Privacy note" not in transcript
    pat.page.frames[1].evaluate("window.print = () => { window.printed = true }")
    pat.panel.get_by_role("button", name="Print").click()
    assert pat.page.frames[1].evaluate("window.printed")
    assert pat.errors == []


def saved(pat: Pat, button: str) -> str:
    with pat.page.expect_download() as download:
        pat.panel.get_by_role("button", name=button).click()
    path: Path = download.value.path()
    return path.read_text(encoding="utf-8")


def test_forgotten_is_gone_here_and_there(new_patient: NewPatient, product: Product) -> None:
    pat = ask_something(new_patient)
    begun = kept(product, "select id from conversation order by created_at desc")[0][0]
    pick(pat, "Forget me")
    pat.panel.get_by_role("button", name="Cancel").click()
    expect(pat.messages("bot")).not_to_have_count(0)
    pick(pat, "Forget me")
    axe_finds_nothing(pat.page)
    pat.panel.get_by_role("button", name="Delete this chat").click()
    expect(pat.panel.get_by_text("Your chat has been deleted.").first).to_be_visible()
    assert (begun,) not in kept(product, "select id from conversation")
    assert kept(product, f"select 1 from message where conversation_id = '{begun}'") == []
    assert stored(pat) == []
    expect(pat.agree_button).to_be_visible()


def test_a_shared_computer_keeps_nothing(new_patient: NewPatient, product: Product) -> None:
    pat = ask_something(new_patient)
    pat.text_box.fill("something half written")
    pick(pat, "Shared computer: end and clear")
    pat.panel.get_by_role("button", name="End and clear").click()
    expect(pat.panel.get_by_text("nothing of it is left on this computer").first).to_be_visible()
    expect(pat.text_box).to_have_value("")
    expect(pat.messages("bot")).to_have_count(0)
    assert stored(pat) == []
    assert newest(product)[2] is not None, "ended"
    pat.page.reload()
    pat.open_chat(agree=False)
    expect(pat.agree_button).to_be_visible()
    expect(pat.messages("patient")).to_have_count(0)


def test_a_shared_computer_is_cleared_without_the_clinic(new_patient: NewPatient) -> None:
    pat = ask_something(new_patient)
    pat.page.route("**/end", lambda route: route.abort())
    pick(pat, "Shared computer: end and clear")
    pat.panel.get_by_role("button", name="End and clear").click()
    expect(pat.panel.get_by_text("nothing of it is left").first).to_be_visible(timeout=EVENT_MS)
    assert stored(pat) == []
