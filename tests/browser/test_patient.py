"""What a patient lives through, in a real browser against the running product.

The questions are worded for this file alone: `test_the_questions_are_nobody_elses_words` holds it.
"""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Frame, Page, expect

from benchmarks.product import ROOT, Product
from tests.browser.conftest import CLINIC_PAGE, EVENT_MS, Pat, until

pytestmark = pytest.mark.browser

NewPatient = Callable[..., Pat]

PARKING = "driving in on thursday with my mother, is there somewhere to leave the car near you"
REFILL = "my blood pressure tablets run out this weekend how do i get some more"
PORTAL = "locked out of my online chart and the code never comes"
SPANISH_HOURS = "¿hasta qué hora los encuentro abiertos entre semana?"
CLUB = "grandpa wants to join the senior walking club, what time is it on"
FAR_AWAY = "which zodiac sign gets along with a golden retriever"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LIVE_WITHIN_S = 5.0  # what editors are promised
CHEST = "um my husband has crushing chest pain and he is sweating a lot"


def test_the_questions_are_nobody_elses_words() -> None:
    texts = [
        path.read_text(encoding="utf-8", errors="ignore").lower()
        for folder in ("kb_articles", "bot", "search", "safety", "widget")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".md", ".yml", ".txt", ".json", ".py", ".js")
    ]
    for question in (PARKING, REFILL, PORTAL, SPANISH_HOURS, CLUB, FAR_AWAY, CHEST):
        assert not any(question.lower() in text for text in texts), question


def test_a_question_gets_a_passage_with_title_review_date_and_link(new_patient: NewPatient) -> None:
    pat = new_patient()
    pat.open_chat()
    answer = pat.ask_for_passage(PARKING, "park")
    expect(answer.locator(".kb-passage__source time")).to_be_visible()
    link = answer.get_by_role("link", name="Read more")
    with pat.page.context.expect_page() as opened:
        link.click()
    article = opened.value
    expect(article.get_by_role("heading", level=1)).to_contain_text(re.compile("park", re.I))
    shown = answer.locator(".kb-passage__text").inner_text().strip()[:60]
    expect(article.locator("main")).to_contain_text(shown)
    anchor = article.url.partition("#")[2]  # none where the article's opening answers
    assert not anchor or article.locator(f'[id="{anchor}"]').count() == 1
    assert pat.errors == []


def test_the_patient_can_say_whether_it_helped(new_patient: NewPatient) -> None:
    pat = new_patient()
    pat.open_chat()
    answer = pat.ask_for_passage(REFILL, "refill")
    answer.get_by_role("button", name="Yes").click()
    expect(answer.locator(".kb-rating__thanks")).to_be_visible(timeout=EVENT_MS)
    pat.page.reload()
    pat.open_chat()
    expect(pat.log.locator(".kb-rating__thanks")).to_have_count(1, timeout=EVENT_MS)


def test_who_answers_a_person_and_the_emergency_line_are_always_in_view(
    new_patient: NewPatient,
) -> None:
    pat = new_patient()
    pat.open_chat()
    expect(pat.panel.get_by_text("Not a person")).to_be_visible()
    expect(pat.panel.get_by_role("button", name="Talk to a person").first).to_be_visible()
    expect(pat.panel.locator("a[href='tel:911']").first).to_be_visible()


def test_the_conversation_survives_a_reload_and_a_second_tab(new_patient: NewPatient) -> None:
    pat = new_patient()
    pat.open_chat()
    pat.ask(PORTAL)
    expected = numbers_shown(pat)
    pat.page.reload()
    pat.open_chat()
    until(lambda: numbers_shown(pat) == expected)

    second = Pat(pat.page.context.new_page())
    second.page.goto(pat.page.url)
    second.open_chat()
    until(lambda: numbers_shown(second) == expected)

    second.ask(REFILL)
    until(lambda: numbers_shown(pat) == numbers_shown(second))
    assert len(set(numbers_shown(pat))) == len(numbers_shown(pat))


def test_a_lost_connection_loses_nothing(new_patient: NewPatient) -> None:
    pat = new_patient()
    pat.open_chat()
    pat.ask(PORTAL)
    pat.page.context.set_offline(True)
    pat.write(REFILL)
    expect(pat.panel.get_by_text(REFILL)).to_be_visible()
    pat.page.context.set_offline(False)
    expect(pat.messages("bot")).to_have_count(2, timeout=60_000)
    expect(pat.log.get_by_text(REFILL)).to_have_count(1)
    assert len(set(numbers_shown(pat))) == len(numbers_shown(pat))


def test_what_no_article_answers_is_said_and_a_person_offered(new_patient: NewPatient) -> None:
    pat = new_patient()
    pat.open_chat()
    answer = pat.ask(FAR_AWAY)
    expect(answer.locator(".kb-passage")).to_have_count(0)
    expect(answer).to_contain_text(re.compile("cannot|could not"))
    pat.ask_for_a_person()
    expect(pat.log.locator(".kb-message--system, .kb-form").last).to_be_visible(timeout=EVENT_MS)


def test_a_typed_command_is_only_text(new_patient: NewPatient) -> None:
    pat = new_patient()
    pat.open_chat()
    pat.ask("/restart")
    expect(pat.messages("patient").last).to_contain_text("/restart")


@pytest.mark.parametrize(("lang", "text", "call"), [("en", CHEST, "911")])
def test_danger_is_noticed_before_anything_else(
    new_patient: NewPatient, lang: str, text: str, call: str
) -> None:
    pat = new_patient(lang)
    pat.open_chat()
    pat.write(text)
    card = pat.panel.locator(".kb-card").last
    expect(card).to_be_visible(timeout=EVENT_MS)
    expect(card.locator(f"a[href='tel:{call}']").first).to_be_visible()
    expect(pat.panel.locator(".kb-card")).to_have_count(1)
    pat.page.reload()
    pat.open_chat()
    expect(pat.panel.locator(".kb-card")).to_have_count(1, timeout=EVENT_MS)


def test_it_answers_in_spanish(new_patient: NewPatient) -> None:
    pat = new_patient("es")
    pat.open_chat()
    pat.ask_for_passage(SPANISH_HOURS, "abiert|hora")
    expect(pat.panel.get_by_role("button", name="Hablar con una persona").first).to_be_visible()


def test_an_article_edited_on_disk_answers_at_once(
    new_patient: NewPatient, product: Product, articles: Path
) -> None:
    article = articles / "en" / "visiting" / "walking-club.md"
    page = f"{product.url}/help/en/visiting/walking-club"
    pat = new_patient()
    pat.open_chat()
    for when in ("Tuesdays at nine", "Fridays at noon"):
        article.write_text(walking_club(when), encoding="utf-8")
        until(lambda when=when: when in read(page), LIVE_WITHIN_S)
        expect(pat.ask(CLUB).locator(".kb-passage")).to_contain_text(when)
    article.unlink()
    until(lambda: not read(page), LIVE_WITHIN_S)
    expect(pat.ask(CLUB)).not_to_contain_text("Fridays at noon")


def test_a_dead_server_leaves_the_clinics_page_alone(browser: Browser, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{probe.getsockname()[1]}"
    page = browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    file = tmp_path / "page.html"
    file.write_text(CLINIC_PAGE.format(server=nowhere, lang="en"), encoding="utf-8")
    page.goto(file.as_uri())
    expect(page.get_by_role("heading", name="Some clinic")).to_be_visible()
    assert errors == []
    page.close()


def test_a_server_that_dies_is_named_with_the_phone_number(
    new_patient: NewPatient, product: Product
) -> None:
    pat = new_patient()
    pat.page.route("**/chat?*", lambda route: route.abort())
    pat.page.get_by_role("button", name="Ask us").click()
    expect(pat.page.get_by_text("cannot be reached")).to_be_visible(timeout=EVENT_MS)
    expect(pat.page.get_by_role("link", name="(503) 555-0110")).to_be_visible()
    expect(pat.page.get_by_role("heading", name="Some clinic")).to_be_visible()
    assert pat.errors == []


def test_everything_the_browser_loads_comes_from_the_clinic(
    new_patient: NewPatient, product: Product, clinic_site: str
) -> None:
    pat = new_patient()
    asked: set[str] = set()
    pat.page.on("request", lambda request: asked.add(request.url))
    pat.page.reload()
    pat.open_chat()
    pat.ask(PORTAL)
    elsewhere = {url for url in asked if not url.startswith((product.url, clinic_site))}
    assert asked and not elsewhere


@pytest.mark.faults
def test_patients_are_answered_while_the_assistant_is_dead(
    new_patient: NewPatient, product: Product, turns_without_rasa: list[str]
) -> None:
    pat = new_patient()
    pat.open_chat()
    product.wait_until_ready()
    pid = str(product.processes()["assistant_pid"])
    subprocess.run(["kill", "-9", pid], check=True)
    pat.ask_for_passage(PARKING, "park")
    expect(pat.panel.get_by_role("button", name="Talk to a person").first).to_be_visible()
    turns_without_rasa.extend(pat.messages("patient").all_inner_texts())
    deadline = time.monotonic() + 120
    while str(product.processes()["assistant_pid"]) == pid:
        assert time.monotonic() < deadline, "nobody started it again"
        time.sleep(0.2)
    product.wait_until_ready()


def numbers_shown(pat: Pat) -> list[int]:
    return [
        int(n)
        for n in pat.log.locator("[data-n].kb-message").evaluate_all(
            "messages => messages.map(message => message.dataset.n)"
        )
    ]


def walking_club(when: str) -> str:
    return f"""---
title: When does the walking club for seniors meet?
summary: The walking club for seniors meets {when}.
questions:
  - senior walking group times
topic: visiting
audience: public
lang: en
status: published
owner: Tests
reviewed_by: Demo content, written by a test
reviewed_on: 2026-11-01
review_by: 2027-05-01
source: a test
---
The walking club for seniors meets {when}. You can join without an appointment.

## Where does the walking club start?

It starts at the main door and goes once around the harbor.
"""


def read(url: str) -> str:
    """Return a page's text; empty where there is no such page."""
    answer = httpx.get(url)
    return answer.text if answer.status_code == 200 else ""


def axe_finds_nothing(page: Page) -> None:
    found = [
        each for frame in page.frames if is_seen(frame) for each in judged(frame)["violations"]
    ]
    assert not found, [
        (each["id"], [node["html"][:120] for node in each["nodes"]]) for each in found
    ]


def axe_finds_nothing_in_both_themes(page: Page) -> None:
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        axe_finds_nothing(page)


def axe_finds_nothing_in_any_look(page: Page, widths: tuple[int, ...]) -> None:
    """In both themes, at each width; nothing is cut off sideways."""
    for width in widths:
        page.set_viewport_size({"width": width, "height": 900})
        axe_finds_nothing_in_both_themes(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (page.url, width)


def is_seen(frame: Frame) -> bool:
    return frame.parent_frame is None or frame.frame_element().is_visible()


def judged(frame: Frame) -> dict[str, Any]:
    """Return what axe says of one frame: it looks into those it stands in itself, and no others."""
    # A style sheet on its way leaves the browser's own colours, which nobody sees but axe judges.
    frame.wait_for_load_state("load")
    if not frame.evaluate("'axe' in window"):
        frame.evaluate(Axe().axe_script)
    run = "axe.run(document, { iframes: false, resultTypes: ['violations', 'incomplete'] })"
    results: dict[str, Any] = frame.evaluate(run)
    return results
