"""Every state of the panel as axe sees it: both languages, both themes, three widths.

What axe leaves to people ("incomplete") is judged in `axe_judgements.toml`; anything new fails.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import product as product_of
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import EVENT_MS, Ana, Pat
from tests.browser.test_panel_spanish import conversation_id
from tests.browser.test_patient import is_seen, judged

pytestmark = pytest.mark.browser

NewPatient = Callable[..., Pat]

WIDTHS = (320, 768, 1280)
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LEAST_STATES = 25
JUDGEMENTS = tomllib.loads(
    (Path(__file__).parent / "axe_judgements.toml").read_text(encoding="utf-8")
)
ASKED = {
    "en": "which side of the building is the entrance with the ramp on",
    "es": "¿de qué lado del edificio queda la entrada con rampa?",
}
FAR = {
    "en": "how many moons does jupiter have these days",
    "es": "¿cuántas lunas tiene júpiter hoy en día?",
}
DANGER = {
    "en": "my uncle fell over and does not wake up or breathe",
    "es": "mi tío se cayó y no despierta ni respira",
}


class Judge:
    """Judges a state at every width, and keeps what axe could not tell."""

    def __init__(self, pat: Pat) -> None:
        self.pat = pat
        self.states: list[str] = []
        self.found: list[str] = []
        self.open: Counter[str] = Counter()

    def judge(self, state: str) -> None:
        self.states.append(state)
        for theme, width in product_of(THEMES, WIDTHS):
            self.pat.page.emulate_media(color_scheme=theme)
            self.pat.page.set_viewport_size({"width": width, "height": 760})
            self.pat.page.wait_for_timeout(30)
            for frame in self.pat.page.frames:
                if is_seen(frame):
                    self._take(f"{state}, {theme}, {width} px", judged(frame))

    def _take(self, state: str, results: dict[str, list[dict[str, object]]]) -> None:
        for each in results["violations"]:
            nodes = each["nodes"]
            assert isinstance(nodes, list)
            html = [node["html"][:100] for node in nodes]
            self.found.append(f"{state}: {each['id']} {html}")
        for each in results["incomplete"]:
            nodes = each["nodes"]
            assert isinstance(nodes, list)
            self.open.update(f"{each['id']}: {reason(node)}" for node in nodes)


def reason(node: dict[str, Any]) -> str:
    """Return why axe could not tell, e.g. "bgOverlap"."""
    data = next((check["data"] for check in node["any"] if check.get("data")), None)
    return str(data.get("messageKey") or "-") if isinstance(data, dict) else "-"


@pytest.fixture(params=["en", "es"])
def judge(request: pytest.FixtureRequest, new_patient: NewPatient) -> Iterator[Judge]:
    judge = Judge(new_patient(request.param))
    yield judge
    assert judge.found == []
    assert set(judge.open) <= set(JUDGEMENTS), judge.open
    assert judge.pat.errors == []


def test_axe_finds_nothing_in_any_state(judge: Judge, ana: Ana) -> None:
    before_a_person(judge)
    with_a_person(judge, ana)
    assert len(set(judge.states)) >= LEAST_STATES, judge.states


def before_a_person(judge: Judge) -> None:
    pat, page, panel = judge.pat, judge.pat.page, judge.pat.panel
    part = {name: panel.locator(f"[data-part={name}]") for name in PARTS}
    judge.judge("the launcher")
    page.route("**/chat?*", lambda route: None)
    page.get_by_role("button").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    judge.judge("the frame is on its way")
    page.unroute("**/chat?*")
    page.reload()
    pat.open_chat(agree=False)
    judge.judge("the privacy note")
    pat.write(ASKED[pat.lang])
    expect(panel.locator(".kb-message--pending .kb-message__meta")).not_to_be_empty()
    judge.judge("words that wait for the yes")
    pat.agree_button.click()
    expect(pat.messages("bot")).not_to_have_count(0, timeout=EVENT_MS)
    judge.judge("an answer or choices")
    part["menu-button"].click()
    expect(part["menu"]).to_be_visible()
    judge.judge("the menu")
    panel.locator("[data-menu=sound]").click()
    part["menu-button"].click()
    judge.judge("the menu with the sound on")
    panel.locator("[data-menu=held]").click()
    expect(part["paper"]).to_be_visible(timeout=EVENT_MS)
    judge.judge("what is held")
    part["paper"].evaluate("$paper => $paper.close()")
    part["menu-button"].click()
    panel.locator("[data-menu=save]").click()
    expect(part["paper"]).to_be_visible(timeout=EVENT_MS)
    part["mail"].evaluate("$mail => { $mail.hidden = false }")
    judge.judge("save, print or mail")
    part["mail-send"].click()
    expect(part["mail-said"]).not_to_be_empty()
    judge.judge("a mail without an address")
    part["mail-address"].fill("pat@example.com")
    part["mail-send"].click()
    judge.judge("is that the right address?")
    part["paper"].evaluate("$paper => $paper.close()")
    pat.text_box.fill("x" * 1900)
    judge.judge("nearly too long")
    pat.text_box.fill("x" * 2001)
    judge.judge("too long")
    pat.text_box.fill("")
    page.route("**/messages", lambda route: None)
    pat.write(FAR[pat.lang])
    judge.judge("being sent")
    page.route("**/messages", lambda route: route.fulfill(status=400, json=REFUSED))
    page.reload()
    pat.open_chat()
    expect(panel.locator(".kb-message--failed")).to_be_visible(timeout=EVENT_MS)
    judge.judge("not sent")
    page.unroute("**/messages")
    panel.locator("[data-edit]").click()
    panel.locator("[data-part=send]").click()
    expect(panel.locator(".kb-message--pending")).to_have_count(0, timeout=EVENT_MS)
    expect(pat.messages("bot").nth(1)).to_be_visible(timeout=EVENT_MS)
    judge.judge("nothing found")
    panel.locator("[data-part=working]").evaluate("$each => { $each.hidden = false }")
    judge.judge("the assistant looks for the answer")
    panel.locator("[data-part=working]").evaluate("$each => { $each.hidden = true }")
    page.context.set_offline(True)
    pat.write(ASKED[pat.lang])
    expect(part["banner"]).to_be_visible(timeout=60_000)
    judge.judge("no line")
    page.context.set_offline(False)
    expect(part["banner"]).to_be_hidden(timeout=60_000)
    pat.write(DANGER[pat.lang])
    expect(panel.locator(".kb-card")).to_be_visible(timeout=EVENT_MS)
    judge.judge("a danger card")
    other = {"en": "es", "es": "en"}[pat.lang]
    offer_in(pat, other)
    judge.judge("another language is offered")
    panel.locator(".kb-offer button").nth(1).click()
    part["idle"].evaluate("$each => $each.showModal()")
    judge.judge("are you still there?")
    part["idle"].evaluate("$each => $each.close()")


def with_a_person(judge: Judge, ana: Ana) -> None:
    pat, panel = judge.pat, judge.pat.panel
    pat.ask_for_a_person()
    expect(panel.locator("[data-part=state]")).not_to_be_empty(timeout=EVENT_MS)
    judge.judge("waiting for a person")
    ana.page.locator(f".fd-entry[href*='{conversation_id(pat)}']").click(timeout=EVENT_MS)
    ana.page.get_by_role("button", name="Claim this conversation").click()
    expect(panel.locator("[data-part=who]")).to_contain_text("Ana", timeout=EVENT_MS)
    line = ana.page.get_by_label("Your message")
    expect(line).to_be_editable()
    line.fill("Hello")
    line.press("Enter")
    expect(pat.messages("agent")).to_have_count(1, timeout=EVENT_MS)
    judge.judge("with a person")
    ana.page.get_by_role("button", name="Resolve").click()
    expect(panel.locator("[data-survey=person]")).to_be_visible(timeout=EVENT_MS)
    judge.judge("how was it?")
    panel.locator("[data-survey] button").first.click()
    expect(panel.locator("#kb-score-comment")).to_be_visible(timeout=EVENT_MS)
    judge.judge("a word more?")


def offer_in(pat: Pat, lang: str) -> None:
    """Write in the other language, as the first words of a browser that was never asked."""
    pat.page.frames[1].evaluate("localStorage.removeItem('front-desk:demo:offered')")
    pat.write(ASKED[lang])
    expect(pat.panel.locator(".kb-offer")).to_be_visible(timeout=EVENT_MS)
    expect(pat.panel.locator(".kb-offer")).to_have_attribute("lang", lang)


PARTS = (
    *("menu-button", "menu", "paper", "mail", "mail-send", "mail-said", "mail-address"),
    *("banner", "idle"),
)
REFUSED = {"error": {"code": "bad_request", "message": "Something was wrong with that message."}}
