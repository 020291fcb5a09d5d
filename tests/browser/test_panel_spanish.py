"""The whole way in Spanish, from the first question to the rating, with two real browsers.

What the patient and the agent write is worded for this file alone, and stands nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from benchmarks.product import ROOT, Product
from tests.browser.conftest import EVENT_MS, Ana, Pat, until
from tests.browser.test_handoff import last_rating
from tests.browser.test_patient import axe_finds_nothing, numbers_shown

pytestmark = pytest.mark.browser

NewPatient = Callable[..., Pat]

COCHE = "el jueves llego manejando con mi abuelita, ¿hay donde dejar el carro cerca de ustedes?"
NADIE = "¿me enseñan a bailar cumbia los domingos en la azotea?"
PARA_ANA = "oiga, mi abuelita camina despacito y quisiera que alguien la espere en la entrada"
DE_ANA = "Claro que sí. Una compañera la espera junto a la puerta con una silla de ruedas."


def test_the_words_stand_nowhere_else() -> None:
    folders = ("kb_articles", "bot", "search", "safety", "widget", "web", "docs")
    texts = [
        path.read_text(encoding="utf-8", errors="ignore").lower()
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".md", ".yml", ".txt", ".tsv", ".json", ".py", ".js", ".html")
    ]
    for words in (COCHE, NADIE, PARA_ANA, DE_ANA):
        assert not any(words.lower() in text for text in texts), words


def test_the_whole_way_in_spanish(new_patient: NewPatient, ana: Ana, product: Product) -> None:
    pat = new_patient("es")
    pat.open_chat(agree=False)
    expect(pat.panel.get_by_role("region", name="Antes de empezar")).to_be_visible()
    pat.agree_button.click()

    answer = pat.ask_for_passage(COCHE, "me estaciono")
    expect(answer.locator(".kb-passage__source")).to_contain_text("Revisado")
    with pat.page.context.expect_page() as opened:
        answer.get_by_role("link", name=re.compile("Leer más")).first.click()
    article = opened.value
    expect(article.get_by_role("heading", level=1)).to_contain_text(re.compile("estacion", re.I))
    assert article.locator("html").get_attribute("lang") == "es"
    article.close()
    answer.get_by_role("button", name="Sí", exact=True).click()
    expect(answer.locator(".kb-rating__thanks")).to_have_text("Gracias por decirnos.")

    said = pat.ask(NADIE)
    expect(said.locator(".kb-passage")).to_have_count(0)
    none_of_these = said.get_by_role("button", name="Ninguna de estas")
    if none_of_these.count():
        none_of_these.click()
        expect(pat.messages("bot").nth(3)).to_be_visible(timeout=EVENT_MS)
    # Nothing found, or a topic at most: either way a person is offered, and nothing is quoted.
    offer = pat.messages("bot").last.get_by_role("button", name=re.compile("persona", re.I))
    expect(offer).to_be_visible(timeout=EVENT_MS)
    expect(pat.messages("bot").last.locator(".kb-passage")).to_have_count(0)

    pat.ask_for_a_person()
    ana.open(pat)
    expect(ana.page.get_by_role("log")).to_contain_text(COCHE, timeout=EVENT_MS)
    ana.page.get_by_role("button", name="Claim this conversation").click()
    expect(pat.panel.get_by_text("Ana entró al chat.")).to_be_visible(timeout=EVENT_MS)
    expect(pat.panel.locator("[data-part=who]")).to_contain_text("Está hablando con Ana")
    pat.write(PARA_ANA)
    expect(ana.page.get_by_role("log")).to_contain_text(PARA_ANA, timeout=EVENT_MS)
    ana.page.get_by_label("Your message").fill(DE_ANA)
    ana.page.keyboard.press("Enter")
    expect(pat.messages("agent").last).to_contain_text(DE_ANA, timeout=EVENT_MS)

    pat.page.reload()
    pat.open_chat()
    expect(pat.messages("agent").last).to_contain_text(DE_ANA, timeout=EVENT_MS)
    second = Pat(pat.page.context.new_page(), "es")
    second.page.goto(pat.page.url)
    second.open_chat()
    expect(second.messages("agent").last).to_contain_text(DE_ANA, timeout=EVENT_MS)
    until(lambda: numbers_shown(second) == numbers_shown(pat))
    assert len(set(numbers_shown(pat))) == len(numbers_shown(pat))
    second.page.close()

    ana.resolve()
    answer = pat.panel.get_by_role("button", name="Bien", exact=True)
    expect(answer).to_be_visible(timeout=EVENT_MS)
    axe_finds_nothing(pat.page)
    answer.click()
    expect(pat.panel.get_by_text("Gracias. Esto nos ayuda a mejorar.")).to_be_visible(
        timeout=EVENT_MS
    )
    assert last_rating(product) == 4
    assert pat.errors == []
