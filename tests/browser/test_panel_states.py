"""Every state of the panel as axe sees it: both languages, both themes, three widths.

What axe leaves to people ("incomplete") is judged in `axe_judgements.toml`; anything new fails.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from playwright.sync_api import Frame, Page, expect

from benchmarks.product import Product
from tests.browser.conftest import EVENT_MS, Ana, Pat, until
from tests.browser.measures import measured, not_fitting
from tests.browser.test_handoff import until_nobody_is_there
from tests.browser.test_patient import is_seen, judged
from web import sites
from web.config import Site

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


# Two frames of the screen: in the first what has changed is laid out, in the second it is there.
DRAWN = """() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => {
  done(innerWidth)
})))"""

TWO = {
    "en": "how do I cancel a visit? and how do I refill a prescription?",
    "es": "¿Dónde me estaciono? ¿Cómo pago mi factura?",
}
# By who asks: an article's name, title and text in the other language, and the question.
ELSEWHERE = {
    "en": (
        *("es/visita/coro", "¿Cuándo canta el coro?"),
        "El coro canta los lunes a las cuatro en la sala de espera.",
        "when does the choir sing",
    ),
    "es": (
        *("en/visiting/senior-walks", "When does the walking club for seniors meet?"),
        "The walking club for seniors meets Tuesdays at nine. It starts at the main door.",
        "¿a qué hora se junta el club de caminata para personas mayores?",
    ),
}
PUBLISHED = {
    **{"audience": "public", "status": "published", "owner": "Tests", "source": "a test"},
    **{"reviewed_by": "Demo content, written by a test", "reviewed_on": "2026-11-01"},
}
OWN_COLOURS = sites.stylesheet(Site(origins=("self",), color="#7a2f6f", color_dark="#e0a6d6"))


class Judge:
    """Judges a state at every width, and keeps what axe could not tell."""

    def __init__(self, pat: Pat) -> None:
        self.pat = pat
        self.states: list[str] = []
        self.found: list[str] = []
        self.open: Counter[str] = Counter()

    def judge(self, state: str, *, page_too: bool = False) -> None:
        """page_too: the clinic's page looks different as well, not the panel alone."""
        self.states.append(state)
        widths: set[int] = set()
        for width in WIDTHS:
            self.pat.page.set_viewport_size({"width": width, "height": 760})
            first, *frames = [each for each in self.pat.page.frames if is_seen(each)]
            if page_too:
                self._judge(first, f"{state}, {width} px")
            # As wide as before, the panel is what it was: 400 px on any page that has the room.
            for frame in frames:
                if (own := drawn_width(frame)) not in widths:
                    widths.add(own)
                    self._judge(frame, f"{state}, {width} px")

    def _judge(self, frame: Frame, look: str) -> None:
        for theme in THEMES:
            self.pat.page.emulate_media(color_scheme=theme)
            width = drawn_width(frame)
            self._take(f"{look}, {theme}", judged(frame))
            self.found += [f"{look}, {theme}: {fault}" for fault in measured(frame, OWN_COLOURS)]
        if width == min(WIDTHS):
            self.found += [f"{look}: {fault}" for fault in not_fitting(frame)]

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


def drawn_width(frame: Frame) -> int:
    """Return the frame's width, once all that it shows is drawn for it."""
    width: int = frame.evaluate(DRAWN)
    return width


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


def test_nor_on_a_page_of_its_own_when_nobody_is_there(
    judge: Judge, product: Product, only_in_the_other_language: str
) -> None:
    until_nobody_is_there(product)
    judge.pat = OnItsOwn(judge.pat.page, judge.pat.lang, judge.pat.errors)
    judge.pat.page.goto(f"{product.url}/chat?site=demo&lang={judge.pat.lang}")
    with_many_kinds_of_answers(judge, only_in_the_other_language)
    with_nobody(judge)


class OnItsOwn(Pat):
    """The chat as a page, without a clinic's website around it."""

    @property
    def panel(self) -> Page:  # type: ignore[override]
        return self.page


@pytest.fixture
def only_in_the_other_language(judge: Judge, articles: Path, product: Product) -> Iterator[str]:
    """Put an article there that the patient's language has not; return what asks for it."""
    name, title, text, question = ELSEWHERE[judge.pat.lang]
    article = articles / f"{name}.md"
    front = {"title": title, "summary": text, "topic": name.split("/")[1], "lang": name[:2]}
    lines = "".join(f"{key}: {value}\n" for key, value in {**front, **PUBLISHED}.items())
    article.write_text(f"---\n{lines}---\n{text}\n", encoding="utf-8")
    until(lambda: httpx.get(f"{product.url}/help/{name}").status_code == 200)
    yield question
    article.unlink()


def with_many_kinds_of_answers(judge: Judge, question: str) -> None:
    pat, panel = judge.pat, judge.pat.panel
    pat.wait_until_it_runs()
    pat.agree_button.click()
    pat.ask(TWO[pat.lang])
    expect(panel.locator(".kb-passage")).to_have_count(2)
    panel.locator("[data-helpful=no]").click()
    expect(panel.locator(".kb-rating__thanks")).to_be_visible()
    pat.ask(question)
    panel.locator(".kb-choices [lang]").click()
    expect(panel.locator(".kb-passage__only a")).to_have_attribute("href", "tel:5035550150")
    judge.judge("two answers, choices, one in the other language alone", page_too=True)


def with_nobody(judge: Judge) -> None:
    pat, panel = judge.pat, judge.pat.panel
    form, after = panel.locator("form.kb-form"), panel.locator("[data-part=after]")
    pat.ask_for_a_person()
    expect(form).to_be_visible()
    judge.judge("nobody is there: leave a message", page_too=True)
    form.locator("[type=submit]").click()
    expect(form.locator(".kb-form__error").first).to_be_visible()
    judge.judge("what is missing in the form", page_too=True)
    form.locator("[name=name]").fill("Pat")
    form.locator("[name=phone]").fill("(503) 555-0177")
    form.locator("[name=message]").fill(ASKED[pat.lang])
    form.locator("[type=submit]").click()
    expect(form).to_have_count(0)
    expect(panel.locator("[data-survey=message]")).to_be_visible()
    judge.judge("a message is left; was it easy?", page_too=True)
    panel.locator("[data-part=menu-button]").click()
    panel.locator("[data-menu=end]").click()
    judge.judge("shall it be ended?", page_too=True)
    panel.locator("[data-part=dialog-yes]").click()
    expect(after.locator("[data-ended]")).to_be_visible()
    after.locator("[data-survey] button").first.click()
    expect(panel.locator("#kb-score-comment")).to_be_visible()
    judge.judge("ended, and rated", page_too=True)
    after.locator("[data-ended]").click()
    expect(pat.text_box).to_be_focused()
    judge.judge("a new chat after it", page_too=True)


def before_a_person(judge: Judge) -> None:
    pat, page, panel = judge.pat, judge.pat.page, judge.pat.panel
    part = {name: panel.locator(f"[data-part={name}]") for name in PARTS}
    judge.judge("the launcher", page_too=True)
    page.route("**/chat?*", lambda route: None)
    page.get_by_role("button").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    judge.judge("the frame is on its way", page_too=True)
    page.unroute("**/chat?*")
    page.reload()
    pat.open_chat(agree=False)
    judge.judge("the privacy note", page_too=True)
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
    expect(part["menu"]).to_be_visible()
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
    ana.open(pat)
    ana.page.get_by_role("button", name="Claim this conversation").click()
    expect(panel.locator("[data-part=who]")).to_contain_text("Ana", timeout=EVENT_MS)
    line = ana.page.get_by_label("Your message")
    expect(line).to_be_editable()
    line.fill("Hello")
    line.press("Enter")
    expect(pat.messages("agent")).to_have_count(1, timeout=EVENT_MS)
    judge.judge("with a person")
    ana.resolve()
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
