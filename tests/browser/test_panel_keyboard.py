"""All that a patient can do in the panel, done with keys alone, in English and in Spanish.

Rule: real key presses; no mouse, and no focus set by script. Every stop on the way has to show that
it has the focus. The questions are worded for this file alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Frame, Locator, expect

from benchmarks.product import Product
from tests.browser.conftest import Pat
from tests.browser.measures import COLOURS
from tests.browser.test_handoff import last_rating, until_nobody_is_there
from tests.web.test_sites import Inbox

pytestmark = pytest.mark.browser

NewPatient = Callable[..., Pat]

WORDS = {
    "en": {
        "question": "we drive over on friday with two kids, is there a place for our van near you",
        "about": "park",
        "read_more": "Read more",
        "no": "No",
        "vague": "how would i send a little something over to my doctor",
        "danger": "my uncle is on the kitchen floor, blue in the face and not breathing",
        "send_form": "Send this form",
        "message": "please call me about the bill of my daughter",
        "left": "Your message was sent.",
        "save": "Save or print this chat",
        "mail_sent": "Sent to pat@example.com",
        "held": "What do you hold about me?",
        "forget": "Forget me",
        "cancel": "Cancel",
        "end": "End this chat",
        "easy": "Easy",
        "word": "it was quick",
        "send_word": "Send your words",
        "told": "Thank you for telling us.",
        "other": "Pregúntenos",
    },
    "es": {
        "question": "el viernes llego en camioneta con dos niños, ¿hay lugar para dejarla cerca?",
        "about": "estaciono",
        "read_more": "Leer más",
        "no": "No",
        "vague": "¿cómo le mando una cosita a mi doctor?",
        "danger": "mi tío está tirado en la cocina, morado de la cara y no respira",
        "send_form": "Enviar el formulario",
        "message": "llámenme por favor por la cuenta de mi hija",
        "left": "Su mensaje fue enviado.",
        "save": "Guardar o imprimir este chat",
        "mail_sent": "Enviado a pat@example.com",
        "held": "¿Qué guardan de mí?",
        "forget": "Olvídenme",
        "cancel": "Cancelar",
        "end": "Terminar este chat",
        "easy": "Fácil",
        "word": "fue muy rápido",
        "send_word": "Enviar comentario",
        "told": "Gracias por decirnos.",
        "other": "Ask us",
    },
}
MOST_STOPS = 80
# Where the focus is, seen from one control; the stop before has to look different without it.
STOP = """($wanted, hasMoved) => {
%s
const look = $each => {
  const style = getComputedStyle($each)
  return [style.outlineStyle, style.outlineWidth, style.boxShadow, style.borderColor].join()
}
const named = $each => $each.outerHTML.slice(0, 90)
const root = $wanted.getRootNode()
const $now = document.hasFocus() ? root.activeElement : null
const faults = window.kbFaults ??= []
const last = window.kbLast
if (last && last.$each !== $now && last.$each.isConnected && look(last.$each) === last.look) {
  faults.push(`looks the same with the focus: ${named(last.$each)}`)
}
window.kbLast = null
if ($now && $now !== document.body) {
  window.kbLast = { $each: $now, look: look($now) }
  const { outlineColor, outlineOffset } = getComputedStyle($now)
  const layers = layersOf(parseFloat(outlineOffset) < 0 ? $now : above($now))
  if (contrast(outlineColor, layers) < 3) faults.push(`faint ring: ${named($now)}`)
  const { top, bottom } = $now.getBoundingClientRect()
  if (hasMoved && (bottom <= 0 || top >= innerHeight)) faults.push(`out of view: ${named($now)}`)
}
const isAbove = $now && $wanted.compareDocumentPosition($now) & Node.DOCUMENT_POSITION_FOLLOWING
return { isThere: $now === $wanted, goesUp: Boolean(isAbove) }
}""".replace("%s", COLOURS)


@dataclass
class Hands:
    """Hands that use keys alone."""

    pat: Pat
    product: Product
    inbox: Inbox

    @property
    def words(self) -> dict[str, str]:
        return WORDS[self.pat.lang]

    @property
    def frame(self) -> Frame:
        return self.pat.page.frames[1]

    def part(self, name: str) -> Locator:
        return self.pat.panel.locator(f"[data-part={name}]")

    def button(self, name: str) -> Locator:
        return self.pat.panel.get_by_role("button", name=self.words.get(name, name), exact=True)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.pat.page.keyboard.press(key)

    def type(self, text: str) -> None:
        self.pat.page.keyboard.type(text)

    def reach(self, control: Locator) -> None:
        """Go there with Tab, or back with Shift and Tab where that is the shorter way."""
        expect(control).to_be_visible()
        for moves in range(MOST_STOPS):
            stop = control.evaluate(STOP, moves > 0)
            if stop["isThere"]:
                return
            self.press("Shift+Tab" if stop["goesUp"] else "Tab")
        raise AssertionError(f"no key leads to {control}")

    def push(self, control: Locator, key: str = "Enter") -> None:
        self.reach(control)
        self.press(key)

    def write(self, text: str) -> None:
        self.reach(self.pat.text_box)
        self.type(text)
        self.press("Enter")

    def pick(self, name: str) -> None:
        """Take a line of the menu."""
        self.push(self.part("menu-button"))
        self.push(self.button(name))

    def answers(self) -> Locator:
        return self.pat.messages("bot")


def opens_the_chat_and_agrees(hands: Hands) -> None:
    pat = hands.pat
    hands.push(pat.page.locator(".launcher"))
    expect(pat.text_box).to_be_focused()
    pat.wait_until_it_runs()
    hands.push(hands.part("agree"), "Space")
    expect(pat.text_box).to_be_focused()
    expect(hands.part("agree")).to_be_hidden()


def asks_a_question(hands: Hands) -> None:
    hands.type("abc")
    hands.press("Shift+Enter")
    expect(hands.pat.text_box).to_have_value("abc\n")
    hands.press("ControlOrMeta+A")
    hands.type(hands.words["question"])
    hands.press("Enter")
    expect(hands.answers()).to_have_count(1)
    expect(hands.pat.text_box).to_be_focused()
    if hands.answers().locator(".kb-choices").count():
        hands.push(hands.answers().get_by_role("button", name=re.compile(hands.words["about"])))
    expect(hands.pat.log.locator(".kb-passage__title")).to_contain_text(hands.words["about"])


def reads_more(hands: Hands) -> None:
    link = hands.pat.log.get_by_role("link", name=hands.words["read_more"]).last
    with hands.pat.page.context.expect_page() as opened:
        hands.push(link)
    expect(opened.value.get_by_role("heading", level=1)).to_contain_text(
        re.compile(hands.words["about"][:7], re.IGNORECASE)
    )
    opened.value.close()
    expect(link).to_be_focused()


def says_that_it_did_not_help(hands: Hands) -> None:
    hands.push(hands.pat.log.get_by_role("button", name=hands.words["no"], exact=True))
    expect(hands.pat.log.locator(".kb-rating__thanks")).to_be_focused()


def takes_one_of_several_choices(hands: Hands) -> None:
    hands.write(hands.words["vague"])
    choices = hands.pat.log.locator(".kb-choices").last.get_by_role("button")
    expect(choices.nth(1)).to_be_visible()
    passages = hands.pat.log.locator(".kb-passage")
    before = passages.count()
    hands.push(choices.nth(1))
    expect(passages).to_have_count(before + 1)


def switches_the_language_and_back(hands: Hands) -> None:
    title = hands.pat.panel.get_by_role("heading", level=1)
    own = title.inner_text()
    hands.push(hands.part("lang"))
    expect(title).to_have_text(hands.words["other"])
    expect(hands.part("lang")).to_be_focused()
    hands.press("Enter")
    expect(title).to_have_text(own)


def comes_to_every_number_of_a_danger_card(hands: Hands) -> None:
    hands.write(hands.words["danger"])
    calls = hands.pat.panel.locator(".kb-card a[href^='tel:']")
    expect(calls.first).to_have_attribute("href", "tel:911")
    for call in calls.all():
        hands.reach(call)
        expect(call).to_be_in_viewport()
    before = hands.answers().count()
    hands.push(hands.pat.log.locator("[data-continue]"))
    expect(hands.answers()).not_to_have_count(before)


def asks_for_a_person(hands: Hands) -> None:
    hands.push(hands.part("person"))
    expect(hands.pat.log.locator("form.kb-form")).to_be_visible()


def leaves_a_message_and_mends_an_error(hands: Hands) -> None:
    form = hands.pat.log.locator("form.kb-form")
    name, phone = form.locator("[name=name]"), form.locator("[name=phone]")
    hands.push(hands.button("send_form"))
    expect(name).to_be_focused()
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(name).to_have_accessible_description(re.compile(r"\w"))
    hands.type("Pat")
    hands.reach(phone)
    hands.type("123")
    hands.reach(form.locator("[name=message]"))
    hands.type(hands.words["message"])
    hands.push(hands.button("send_form"))
    expect(phone).to_be_focused()
    expect(phone).to_have_accessible_description(re.compile("503"))
    hands.press("ControlOrMeta+A")
    hands.type("(503) 555-0177")
    hands.push(hands.button("send_form"))
    expect(hands.pat.log.get_by_text(hands.words["left"])).to_be_focused()


def saves_the_chat(hands: Hands) -> None:
    hands.pick("save")
    expect(hands.part("paper")).to_be_visible()
    with hands.pat.page.expect_download() as download:
        hands.push(hands.part("paper-save"))
    assert hands.words["question"] in download.value.path().read_text(encoding="utf-8")


def has_the_chat_sent_by_mail(hands: Hands) -> None:
    hands.push(hands.part("mail-send"))
    expect(hands.part("mail-address")).to_be_focused()
    expect(hands.part("mail-said")).not_to_be_empty()
    hands.type("pat@example.com")
    before = len(hands.inbox.got)
    hands.press("Enter")
    expect(hands.part("mail-said")).to_contain_text("pat@example.com?")
    assert len(hands.inbox.got) == before, "it is asked whether the address is right"
    hands.press("Enter")
    expect(hands.part("mail-address")).to_have_value("")
    expect(hands.part("mail-said")).to_contain_text(hands.words["mail_sent"])
    [to], mail = hands.inbox.got[-1]
    assert to == "pat@example.com"
    assert hands.words["question"] in mail.get_content()
    hands.press("Escape")
    expect(hands.part("paper")).to_be_hidden()


def sees_what_is_held(hands: Hands) -> None:
    hands.pick("held")
    expect(hands.part("paper")).to_be_visible()
    expect(hands.part("paper-text")).to_contain_text(hands.words["question"])
    hands.press("Escape")
    expect(hands.part("paper")).to_be_hidden()


def thinks_better_of_it(hands: Hands) -> None:
    hands.push(hands.part("menu-button"))
    hands.reach(hands.button("forget"))
    hands.press("Escape")
    expect(hands.part("menu-button")).to_be_focused()
    expect(hands.part("menu-button")).to_have_attribute("aria-expanded", "false")
    hands.pick("forget")
    expect(hands.part("dialog")).to_be_visible()
    hands.push(hands.button("cancel"))
    expect(hands.part("dialog")).to_be_hidden()
    expect(hands.pat.log.get_by_text(hands.words["question"])).to_be_visible()


def ends_the_chat_and_rates_it_with_a_word(hands: Hands) -> None:
    hands.pick("end")
    hands.push(hands.part("dialog-yes"))
    expect(hands.pat.panel.locator("[data-survey=message]")).to_be_visible()
    hands.push(hands.button("easy"))
    expect(hands.pat.panel.locator(".kb-score__question")).to_be_focused()
    hands.reach(hands.pat.panel.locator("#kb-score-comment"))
    hands.type(hands.words["word"])
    hands.push(hands.button("send_word"))
    expect(hands.part("after").get_by_text(hands.words["told"])).to_be_focused()
    assert last_rating(hands.product) == 5


def has_it_all_forgotten(hands: Hands) -> None:
    hands.pick("forget")
    hands.push(hands.part("dialog-yes"))
    expect(hands.part("notice")).to_be_visible()
    expect(hands.pat.messages("patient")).to_have_count(0)
    expect(hands.pat.text_box).to_be_focused()


def closes_with_escape_and_comes_back(hands: Hands) -> None:
    hands.press("Escape")
    expect(hands.pat.page.locator(".launcher")).to_be_focused()
    expect(hands.pat.text_box).to_be_hidden()
    hands.press("Enter")
    expect(hands.pat.text_box).to_be_focused()


TASKS = (
    opens_the_chat_and_agrees,
    asks_a_question,
    reads_more,
    says_that_it_did_not_help,
    takes_one_of_several_choices,
    switches_the_language_and_back,
    comes_to_every_number_of_a_danger_card,
    asks_for_a_person,
    leaves_a_message_and_mends_an_error,
    saves_the_chat,
    has_the_chat_sent_by_mail,
    sees_what_is_held,
    thinks_better_of_it,
    ends_the_chat_and_rates_it_with_a_word,
    has_it_all_forgotten,
    closes_with_escape_and_comes_back,
)


@pytest.mark.parametrize(("lang", "scheme"), [("en", "light"), ("es", "dark")])
def test_every_task_is_done_with_keys_alone(
    new_patient: NewPatient, product: Product, inbox: Inbox, lang: str, scheme: str
) -> None:
    until_nobody_is_there(product)
    hands = Hands(new_patient(lang, color_scheme=scheme), product, inbox)
    for task in TASKS:
        task(hands)
    faults = [fault for each in hands.pat.page.frames for fault in each.evaluate("window.kbFaults")]
    assert faults == [], "\n".join(faults)
    assert hands.pat.errors == []
