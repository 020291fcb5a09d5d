"""The panel on a phone, in other scripts, in other languages, and on a screen that many use."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from benchmarks.product import ROOT, Product
from tests.browser.conftest import EVENT_MS, Pat, until
from tests.browser.measures import not_fitting
from tests.browser.test_panel_everyone import PHONE
from tests.browser.test_patient import axe_finds_nothing, numbers_shown

pytestmark = pytest.mark.browser

NewPatient = Callable[..., Pat]

OWN = "JSON.parse(localStorage.getItem('front-desk:demo:conversation'))"
# What the browser tells of a page nobody sees.
HIDE = """isHidden => {
  Object.defineProperty(document, 'hidden', { value: isHidden, configurable: true })
  document.dispatchEvent(new Event('visibilitychange'))
}"""
STEP = "is the step at the side door a high one for a small child"
ESCALON = "¿es muy alto el escalón de la puerta de al lado para un niño?"
# What a phone in a bad place has: 400 ms and 50 kB/s.
SLOW = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}


# On a phone --------------------------------------------------------------------------------------


def test_the_keyboard_neither_zooms_nor_hides_the_text_box(new_patient: NewPatient) -> None:
    pat = new_patient(viewport=PHONE, has_touch=True, is_mobile=True)
    pat.open_chat()
    for field in ("textarea.kb-composer__text", "#kb-mail"):
        size = pat.panel.locator(field).evaluate(
            "each => parseFloat(getComputedStyle(each).fontSize)"
        )
        assert size >= 16, "iOS zooms into smaller ones"
    # The keyboard takes the lower half.
    pat.page.set_viewport_size({"width": PHONE["width"], "height": 360})
    expect(pat.text_box).to_be_in_viewport(ratio=1)
    expect(pat.panel.get_by_role("button", name="Send")).to_be_in_viewport(ratio=1)


def test_on_a_slow_line_the_answer_comes(new_patient: NewPatient) -> None:
    pat = new_patient(viewport=PHONE)
    cdp = pat.page.context.new_cdp_session(pat.page)
    cdp.send("Network.enable")
    cdp.send("Network.emulateNetworkConditions", SLOW)
    pat.open_chat()
    pat.ask(STEP)
    assert len(set(numbers_shown(pat))) == len(numbers_shown(pat))


def test_what_is_typed_before_the_script_is_there_stays(
    new_patient: NewPatient, product: Product
) -> None:
    page = new_patient(viewport=PHONE).page
    held: list[Route] = []
    page.route("**/widget/panel/panel.js", lambda route: held.append(route))
    with page.expect_request("**/widget/panel/panel.js"):
        page.goto(f"{product.url}/chat?site=demo&lang=en", wait_until="commit")
    box, send = page.locator("#kb-text"), page.get_by_role("button", name="Send", exact=True)
    box.fill("half a thought")
    expect(send).to_be_disabled()
    held[0].continue_()
    expect(send).to_be_enabled()
    expect(box).to_have_value("half a thought")


def test_a_phone_locked_for_two_minutes_has_all_of_it_when_it_wakes(
    new_patient: NewPatient,
) -> None:
    pat = new_patient(viewport=PHONE)
    streams: list[str] = []
    pat.page.on("request", lambda each: "/stream" in each.url and streams.append(each.url))
    pat.page.clock.install()
    pat.open_chat()
    pat.ask(STEP)
    kept = pat.page.frames[1].evaluate(OWN)
    pat.page.frames[1].evaluate(HIDE, True)
    pat.page.clock.run_for(121_000)
    before = len(streams)
    pat.page.clock.run_for(60_000)
    assert len(streams) == before, "who is not there costs nothing"
    cdp = pat.page.context.new_cdp_session(pat.page)
    cdp.send("Page.setWebLifecycleState", {"state": "frozen"})
    server = pat.page.frames[1].url.split("/chat")[0]
    own = f"{server}/api/v1/conversations/{kept['id']}"
    token = {"Authorization": f"Bearer {kept['token']}"}

    def is_answered() -> bool:
        state = pat.page.context.request.get(f"{own}/log", headers=token).json()["state"]
        return not state["working"]

    message = {"client_id": "asleep", "text": "and is there a rail to hold on to"}
    assert pat.page.context.request.post(f"{own}/messages", headers=token, data=message).ok
    until(is_answered)
    cdp.send("Page.setWebLifecycleState", {"state": "active"})
    pat.page.frames[1].evaluate(HIDE, False)
    expect(pat.messages("patient")).to_have_count(2)
    expect(pat.messages("bot").nth(1)).to_be_visible(timeout=EVENT_MS)
    assert len(set(numbers_shown(pat))) == len(numbers_shown(pat))


# In other languages ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lang", "words", "yes", "title"),
    [("en", ESCALON, "Sí, en español", "Pregúntenos"), ("es", STEP, "Yes, in English", "Ask us")],
)
def test_the_language_of_the_first_words_is_offered(
    new_patient: NewPatient, lang: str, words: str, yes: str, title: str
) -> None:
    pat = new_patient(lang)
    pat.open_chat()
    pat.ask(words)
    offer = pat.panel.locator(".kb-offer")
    expect(offer).to_be_visible()
    heading = pat.panel.get_by_role("heading", level=1)
    expect(heading).not_to_have_text(title)
    axe_finds_nothing(pat.page)
    pat.panel.get_by_role("button", name=yes).click()
    expect(heading).to_have_text(title)
    expect(offer).to_have_count(0)
    expect(pat.text_box).to_be_focused()


def test_who_says_no_is_not_asked_again(new_patient: NewPatient) -> None:
    pat = new_patient()
    pat.open_chat()
    pat.ask(ESCALON)
    pat.panel.get_by_role("button", name="No, seguir en inglés").click()
    pat.ask(ESCALON)
    expect(pat.panel.locator(".kb-offer")).to_have_count(0)
    expect(pat.panel.get_by_role("heading", level=1)).to_have_text("Ask us")


ARABIC = {
    "title": "اسألنا", "send": "إرسال", "person": "التحدث مع شخص",
    "emergency": "طوارئ؟ اتصل {emergency}",
    "text_placeholder": "اكتب سؤالك", "greeting": "مرحبا. كيف يمكننا مساعدتك؟",
}  # fmt: skip


def spoken_as(page: Page, change: Callable[[str, str], str], **more: str) -> None:
    """Let the Spanish file be another language; what stands in braces stays."""
    texts = json.loads((ROOT / "widget/strings/es.json").read_text(encoding="utf-8"))
    made = {**{key: change(key, text) for key, text in texts.items()}, **more}

    def fulfil(route: Route) -> None:
        route.fulfill(json=made)

    page.route("**/strings/es.json", fulfil)


def in_arabic(key: str, text: str) -> str:
    names = " ".join(re.findall(r"\{\w+\}", text))
    return ARABIC.get(key, f"{'نص عربي ' * (1 + len(text) // 9)}{names}".strip())


def stretched(_key: str, text: str) -> str:
    """Forty per cent longer, as German would be, with marks over and under the letters."""
    pieces = re.split(r"(\{\w+\})", text)
    long = [
        each if each.startswith("{") else each.replace("o", "ǫ̈ö").replace("a", "ạ̈ä")
        for each in pieces
    ]
    return "".join(long) + " " + "wórter "[: max(1, len(text) // 4)].strip()


def test_a_language_that_runs_from_right_to_left(new_patient: NewPatient) -> None:
    pat = new_patient("es", viewport={"width": 320, "height": 640})
    spoken_as(pat.page, in_arabic, direction="rtl")
    pat.page.get_by_role("button", name="Pregúntenos").click()
    expect(pat.text_box).to_be_visible(timeout=EVENT_MS)
    expect(pat.panel.get_by_role("heading", level=1)).to_have_text("اسألنا")
    pat.panel.locator("[data-part=agree]").click()
    pat.text_box.fill(ESCALON)
    pat.page.keyboard.press("Enter")
    expect(pat.messages("bot")).not_to_have_count(0, timeout=EVENT_MS)
    places = {
        part: pat.panel.locator(f"[data-part={part}]").bounding_box()
        for part in ("text", "send", "person", "emergency", "menu-button")
    }
    assert places["send"]["x"] < places["text"]["x"], "send stands at the end of the line"
    assert places["emergency"]["x"] < places["person"]["x"]
    assert places["menu-button"]["x"] < 160
    own = pat.messages("patient").first.locator(".kb-message__body").bounding_box()
    assert own and own["x"] < 60, "one's own words stand at the end of the line"
    assert not_fitting(pat.page.frames[1]) == []
    axe_finds_nothing(pat.page)


def test_words_that_are_much_longer_fit(new_patient: NewPatient) -> None:
    pat = new_patient("es", viewport={"width": 320, "height": 640})
    spoken_as(pat.page, stretched)
    pat.page.get_by_role("button", name="Pregúntenos").click()
    pat.wait_until_it_runs()
    pat.panel.locator("[data-part=menu-button]").click()
    expect(pat.panel.locator("[data-part=menu]")).to_be_visible()
    assert not_fitting(pat.page.frames[1]) == []


# On a screen that many use -----------------------------------------------------------------------


def on_a_tablet(new_patient: NewPatient) -> Pat:
    """A site with `clear_after_min = 1`, and a clock the test moves."""
    pat = new_patient()

    def shared(route: Route) -> None:
        answer = route.fetch()
        never, soon = 'data-clear-after-min="0"', 'data-clear-after-min="1"'
        assert never in answer.text()
        route.fulfill(response=answer, body=answer.text().replace(never, soon))

    pat.page.route("**/chat?*", shared)
    pat.page.clock.install()
    pat.open_chat()
    # What watches is loaded when the panel runs; only then its time begins.
    pat.page.frames[1].evaluate("import('/widget/panel/idle.js')")
    return pat


def test_a_shared_screen_warns_and_one_tap_gives_the_time_back(new_patient: NewPatient) -> None:
    pat = on_a_tablet(new_patient)
    pat.text_box.fill("half a thought")
    pat.page.clock.run_for(61_000)
    warning = pat.panel.get_by_role("alertdialog", name="Are you still there?")
    expect(warning).to_be_visible()
    axe_finds_nothing(pat.page)
    pat.panel.get_by_role("button", name="I am still here").click()
    expect(warning).to_be_hidden()
    pat.page.clock.run_for(50_000)
    expect(warning).to_be_hidden()
    expect(pat.text_box).to_have_value("half a thought")


def test_a_shared_screen_that_nobody_touches_is_cleared(new_patient: NewPatient) -> None:
    pat = on_a_tablet(new_patient)
    pat.text_box.fill("half a thought")
    pat.page.clock.run_for(61_000)
    pat.page.clock.run_for(61_000)
    expect(pat.text_box).to_have_value("")
    expect(pat.agree_button).to_be_visible()
    keys = pat.page.frames[1].evaluate("Object.keys(localStorage)")
    assert [key for key in keys if key.startswith("front-desk:")] == []


# How was it? -------------------------------------------------------------------------------------


def test_who_asked_only_the_assistant_is_asked_whether_it_helped(new_patient: NewPatient) -> None:
    pat = new_patient()
    pat.open_chat()
    pat.ask(STEP)
    pat.panel.get_by_role("button", name="Menu").click()
    pat.panel.get_by_role("button", name="End this chat").click()
    pat.panel.get_by_role("button", name="End chat", exact=True).click()
    survey = pat.panel.get_by_role("list", name="Did you find what you needed?")
    expect(survey.get_by_role("button")).to_have_count(3, timeout=EVENT_MS)
    survey.get_by_role("button", name="In part").focus()
    pat.page.keyboard.press("Enter")
    expect(pat.panel.get_by_text("Thank you. This helps us do better.")).to_be_focused()
    axe_finds_nothing(pat.page)


def test_an_old_look_at_the_log_does_not_bring_the_dots_back(new_patient: NewPatient) -> None:
    """The log is read before the answer, and arrives after it."""
    pat = new_patient()

    def late(route: Route) -> None:
        found = route.fetch().json()
        found["messages"] = [row for row in found["messages"] if row["author"] == "patient"]
        found["state"]["working"] = True
        time.sleep(2)
        route.fulfill(json=found)

    pat.page.route(re.compile(r"/log\?after=0"), late)
    pat.open_chat()
    pat.ask("Where do I park?")
    pat.page.wait_for_timeout(3000)
    expect(pat.panel.locator("[data-part=working]")).to_be_hidden()
