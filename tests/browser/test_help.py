"""The help pages in a real browser without script: reachable, readable, and clean to axe."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.product import Product
from tests.browser.conftest import until
from tests.browser.test_patient import axe_finds_nothing, axe_finds_nothing_in_any_look, read

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]

PATHS = {
    "index": "/help?lang={lang}",
    "topic": "/help/topics/{topic}?lang={lang}",
    "article": "/help/{article}",
    "only here": "/help/{lang}/{alone}",
    "overdue": "/help/{lang}/{overdue}",
    "found": "/help/search?lang={lang}&q={found}",
    "not found": "/help/search?lang={lang}&q=zebra+soup",
    "danger": "/help/search?lang={lang}&q={danger}",
    "missing": "/help/nowhere?lang={lang}",
}
WORDS = {
    "en": {
        "topic": "visiting",
        "article": "en/visiting/parking",
        "found": "flu+shot",
        "danger": "crushing+chest+pain+help",
        "alone": "visiting/our-garden",
        "overdue": "visiting/our-garden",
    },
    "es": {
        "topic": "visita",
        "article": "es/visita/estacionamiento",
        "found": "vacuna+de+la+gripe",
        "danger": "me+quiero+morir",
        "alone": "visita/nuestro-jardin",
        "overdue": "visita/nuestro-jardin",
    },
}
ALONE = """---
title: "{title}"
summary: "{summary}"
topic: {topic}
lang: {lang}
status: published
audience: public
owner: Front desk
reviewed_by: Demo content
reviewed_on: 2026-01-05
review_by: 2026-02-01
---

{summary}

| A | B |
|---|---|
| Averyveryverylongwordwithoutanyspaceinitatallthatmustnotbreakthepage | 1 |
"""
GARDENS = {
    "en/visiting/our-garden": ("Can I sit in the garden?", "Yes, it is open all day.", "visiting"),
    "es/visita/nuestro-jardin": ("¿Puedo sentarme en el jardín?", "Sí, todo el día.", "visita"),
}


@pytest.fixture(scope="module", autouse=True)
def gardens(product: Product) -> Iterator[None]:
    """In each language an article without a twin, past its review date, with a hard table."""
    paths = []
    for name, (title, summary, topic) in GARDENS.items():
        path = product.articles / f"{name}.md"
        text = ALONE.format(title=title, summary=summary, topic=topic, lang=name[:2])
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    yield
    for path in paths:
        path.unlink()


@pytest.fixture
def open_page(browser: Browser, product: Product) -> Iterator[OpenPage]:
    pages: list[Page] = []

    def make(path: str, width: int = 1280, *, script: bool = False, **options: Any) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 800}, java_script_enabled=script, **options
        )
        page = context.new_page()
        pages.append(page)
        page.goto(product.url + path)
        return page

    yield make
    for page in pages:
        page.context.close()


@pytest.mark.parametrize("lang", ["en", "es"])
def test_every_page_is_clean_to_axe_and_fits_a_phone(
    product: Product, open_page: OpenPage, lang: str
) -> None:
    for name in GARDENS:
        until(lambda name=name: "kb-article__due" in read(f"{product.url}/help/{name}"))
    page = open_page("/help", script=True)
    broken: list[str] = []
    page.on("console", lambda said: broken.append(f"{page.url}: {said.text}"))
    for pattern in PATHS.values():
        page.goto(product.url + pattern.format(lang=lang, **WORDS[lang]))
        axe_finds_nothing_in_any_look(page, (1280, 320))
    assert [line for line in broken if "404" not in line] == []


def test_the_form_and_its_thanks_are_clean_to_axe(open_page: OpenPage) -> None:
    for lang, no, look_for, send in (
        ("en", "No", "What did you look for", "Send"),
        ("es", "No", "¿Qué buscaba?", "Enviar"),
    ):
        page = open_page(f"/help/{WORDS[lang]['article']}", 320, script=True)
        page.get_by_role("button", name=no, exact=True).click()
        expect(page.get_by_label(look_for)).to_be_visible()
        axe_finds_nothing(page)
        page.get_by_label(look_for).fill("dónde / where")
        page.get_by_role("button", name=send, exact=True).click()
        expect(page.locator("textarea")).to_have_count(0)
        axe_finds_nothing(page)


def test_a_reader_finds_an_article_without_script(open_page: OpenPage) -> None:
    page = open_page("/help?lang=en", 375)
    page.get_by_role("link", name="Coming to the clinic").click()
    page.get_by_role("link", name="Where do I park").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("park")
    page.get_by_role("link", name="What does parking cost?").click()
    expect(page).to_have_url(re.compile("#what-does-parking-cost"))
    page.get_by_role("link", name="Español").click()
    expect(page.locator("html")).to_have_attribute("lang", "es")
    expect(page.get_by_role("heading", level=1)).to_contain_text("estaciono")
    page.get_by_role("searchbox").fill("me lastimé, ¿puedo pagar luego?")
    page.get_by_role("button", name="Buscar").click()
    expect(page.locator("main")).to_contain_text(re.compile("Encontramos|No tenemos"))


def test_a_reader_says_it_did_not_help_without_script(open_page: OpenPage) -> None:
    page = open_page("/help/en/billing/payment-plans", 375)
    page.get_by_role("button", name="No", exact=True).click()
    expect(page.get_by_role("link", name=re.compile("Call")).first).to_be_visible()
    page.get_by_label("What did you look for").fill("how long the plan may run")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("main")).to_contain_text("Our team will read your note")
    page.get_by_role("link", name="Back to the page").click()
    expect(page.get_by_role("button", name="Yes", exact=True)).to_be_visible()


def test_the_keyboard_reaches_the_text_first_and_sees_where_it_is(open_page: OpenPage) -> None:
    page = open_page("/help?lang=en", script=True)
    page.keyboard.press("Tab")
    skip = page.locator(".kb-page__skip")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("searchbox")).to_be_focused()
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_text_and_targets_are_large_enough(product: Product, open_page: OpenPage) -> None:
    page = open_page("/help", 320, script=True)
    for pattern in PATHS.values():
        page.goto(product.url + pattern.format(lang="en", **WORDS["en"]))
        smallest = page.evaluate(
            """() => Math.min(...[...document.querySelectorAll("body *")]
              .filter(each => each.innerText && each.offsetParent)
              .map(each => parseFloat(getComputedStyle(each).fontSize)))"""
        )
        assert smallest >= 16, page.url
        low = page.evaluate(
            """() => [...document.querySelectorAll("main a, header a, footer a, button, input")]
              .filter(each => each.offsetParent && !each.closest(".kb-article__body, .kb-only"))
              .filter(each => each.getBoundingClientRect().height < 24)
              .map(each => each.outerHTML)"""
        )
        assert low == [], page.url


def test_print_leaves_the_text_and_where_it_is_from(open_page: OpenPage) -> None:
    page = open_page("/help/en/insurance/plans-we-accept", script=True)
    page.emulate_media(media="print")
    for shown in (".kb-article__body", ".kb-article__source", ".kb-article__address", "h1"):
        expect(page.locator(shown)).to_be_visible()
    for hidden in (".kb-search", ".kb-helpful", ".kb-aside", ".kb-page__foot", ".kb-langs"):
        expect(page.locator(hidden).first).to_be_hidden()
    link = page.locator(".kb-article__body a").first
    written = link.evaluate("each => getComputedStyle(each, '::after').content")
    assert "/help/en/billing/" in written


def test_a_changed_article_shows_at_once(
    product: Product, open_page: OpenPage, articles: Path
) -> None:
    path = articles / "en" / "visiting" / "parking.md"
    before = path.read_text(encoding="utf-8")
    page = open_page("/help/en/visiting/parking")
    try:
        path.write_text(before.replace("$12", "$13"), encoding="utf-8")
        until(lambda: "$13" in read(page.url))
        page.goto(f"{product.url}/help?lang=en")
        page.goto(f"{product.url}/help/en/visiting/parking")
        expect(page.locator("main")).to_contain_text("$13")
    finally:
        path.write_text(before, encoding="utf-8")
