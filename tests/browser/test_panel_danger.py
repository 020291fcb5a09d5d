"""Each danger card as a patient meets it: on a narrow phone, in both languages, dark and light."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from benchmarks.product import Product
from tests.browser.conftest import EVENT_MS, Pat
from tests.browser.test_handoff import until_nobody_is_there
from tests.browser.test_patient import axe_finds_nothing_in_both_themes

pytestmark = pytest.mark.browser

NewPatient = Callable[..., Pat]

DANGERS = {
    ("en", "911"): "the woman next door lies on the floor and her lips are turning blue",
    ("en", "988"): "i keep thinking my kids would be better off if i were dead",
    ("en", "violence"): "my boyfriend choked me last night and i am scared to go home",
    ("en", "poison"): "my toddler just drank some of the drain cleaner under the sink",
    ("es", "911"): "mi vecina está tirada en la cocina y casi no respira, tiene los labios morados",
    ("es", "988"): "ya no quiero vivir, pienso en quitarme la vida esta noche",
    ("es", "violence"): "mi marido me pegó anoche y tengo miedo de volver a la casa",
    ("es", "poison"): "mi niña se tomó un trago de cloro que estaba debajo del lavabo",
}
CALL = {"911": "911", "988": "988", "violence": "18007997233", "poison": "18002221222"}
GO_ON = {
    "en": "This is not an emergency: answer my question",
    "es": "No es una emergencia: responda mi pregunta",
}
NOBODY = {"en": "Nobody is reading this chat", "es": "Ahora nadie lee este chat"}
# Counts what a screen reader would be given: text that comes into a live region, by its kind.
LISTEN = """() => {
  window.heard = []
  const regionOf = node => {
    for (let each = node; each; each = each.parentElement) {
      const live = each.getAttribute('aria-live')
      if (live) return live === 'off' ? null : live
      const role = each.getAttribute('role')
      if (role === 'alert') return 'assertive'
      if (role === 'log' || role === 'status') return role
    }
    return null
  }
  const hear = element => {
    const alerts = [element, ...element.querySelectorAll('[role=alert]')]
    for (const each of alerts) {
      if (each !== element && regionOf(each) === regionOf(element)) continue
      const kind = regionOf(each)
      if (kind && each.textContent.trim()) window.heard.push([kind, each.textContent.trim()])
    }
  }
  new MutationObserver(changes => {
    for (const { type, target, addedNodes } of changes) {
      if (type === 'attributes') { if (target.getAttribute('role') === 'alert') hear(target) }
      else for (const node of addedNodes) hear(node.nodeType === 1 ? node : target)
    }
  }).observe(document.body, { childList: true, subtree: true, attributeFilter: ['role'] })
}"""


@pytest.fixture(autouse=True, scope="module")
def nobody_at_the_desk(product: Product) -> None:
    until_nobody_is_there(product)


def card_of(pat: Pat) -> Locator:
    return pat.panel.locator(".kb-card")


@pytest.mark.parametrize(("lang", "card"), DANGERS)
def test_a_card_is_seen_heard_once_and_can_be_called(
    new_patient: NewPatient, lang: str, card: str
) -> None:
    pat = new_patient(lang, viewport={"width": 320, "height": 640})
    pat.open_chat()
    frame = pat.page.frames[1]
    frame.evaluate(LISTEN)
    pat.text_box.fill(DANGERS[lang, card])
    pat.page.keyboard.press("Enter")
    shown = card_of(pat)
    expect(shown).to_have_count(1, timeout=EVENT_MS)
    expect(shown).to_have_class(f"kb-card kb-card--{card}")
    expect(shown).to_have_attribute("lang", lang)
    expect(shown.locator("h4")).to_be_in_viewport()
    expect(pat.panel.get_by_role("alert")).to_have_count(1)
    expect(pat.text_box).to_be_focused()
    for link in shown.locator("a[href^='tel:']").all():
        box = link.bounding_box()
        assert box and box["height"] >= 44 and box["width"] >= 44
    expect(shown.locator(f"a[href='tel:{CALL[card]}']").first).to_be_attached()
    assert frame.evaluate("document.documentElement.scrollWidth") <= 320
    expect(pat.log.get_by_text(NOBODY[lang])).to_have_count(1, timeout=EVENT_MS)
    title = shown.locator("h4").inner_text()
    # Pauses of the status line are over by then.
    pat.page.wait_for_timeout(1500)
    heard = [kind for kind, text in frame.evaluate("window.heard") if title in text]
    assert heard == ["assertive"]
    axe_finds_nothing_in_both_themes(pat.page)


@pytest.mark.parametrize("lang", ["en", "es"])
def test_who_is_in_no_emergency_gets_the_answer(new_patient: NewPatient, lang: str) -> None:
    pat = new_patient(lang, viewport={"width": 320, "height": 640})
    pat.open_chat()
    pat.write(DANGERS[lang, "911"])
    expect(card_of(pat)).to_have_count(1, timeout=EVENT_MS)
    pat.panel.get_by_role("button", name=GO_ON[lang]).click()
    expect(pat.messages("bot")).to_have_count(2, timeout=EVENT_MS)
    expect(card_of(pat)).to_have_count(1)


def test_the_card_comes_from_the_answer_when_the_log_is_silent(new_patient: NewPatient) -> None:
    pat = new_patient(viewport={"width": 320, "height": 640})
    pat.open_chat()
    for path in ("**/stream*", "**/log*"):
        pat.page.route(path, lambda route: route.abort())
    pat.write(DANGERS["en", "911"])
    expect(card_of(pat)).to_be_in_viewport()
    pat.page.unroute("**/stream*")
    pat.page.unroute("**/log*")
    expect(pat.log.get_by_text(NOBODY["en"])).to_have_count(1, timeout=EVENT_MS)
    expect(card_of(pat)).to_have_count(1)
