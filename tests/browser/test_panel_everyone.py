"""The panel for any phone, any hands, any eyes, any ears."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from benchmarks.aloud import ASKED, read_aloud
from benchmarks.product import ROOT, Product
from tests.browser.conftest import EVENT_MS, Pat, until
from tests.browser.measures import not_fitting
from tests.browser.test_panel_danger import LISTEN
from tests.browser.test_patient import numbers_shown

pytestmark = pytest.mark.browser

NewPatient = Callable[..., Pat]

BENCH = "we come by tram with two small kids, which stop is the nearest to your door"
PHONE = {"width": 390, "height": 740}
ROWS = 200


# What is heard -----------------------------------------------------------------------------------


def row(n: int) -> dict[str, object]:
    html = (
        f'<article class="kb-message kb-message--bot" data-n="{n}" data-kind="text">'
        f'<h3 class="kb-visually-hidden">Assistant, 9:00 am</h3>'
        f'<div class="kb-message__body"><p>row number {n} here</p></div></article>'
    )
    return {"n": n, "author": "bot", "kind": "text", "client_id": None, "at": "", "html": html}


def test_each_of_200_messages_is_announced_once(new_patient: NewPatient) -> None:
    """The stream is cut again and again, and sends what was sent before: nothing is said twice."""
    pat = new_patient()
    pat.open_chat()
    pat.ask(BENCH)
    first = max(numbers_shown(pat))
    sent = {"to": first}
    state = {"status": "bot", "working": False, "survey": None, "text": ""}

    def stream(route: Route) -> None:
        last = min(sent["to"] + 17, first + ROWS)
        again = max(first + 1, sent["to"] - 5)
        sent["to"] = last
        events = [f"event: message\ndata: {json.dumps(row(n))}\n\n" for n in range(again, last + 1)]
        body = "".join(events) + f"event: state\ndata: {json.dumps(state)}\n\n"
        route.fulfill(status=200, content_type="text/event-stream", body=body)

    pat.page.reload()
    pat.page.route("**/stream*", stream)
    pat.page.add_init_script(f"addEventListener('DOMContentLoaded', {LISTEN})")
    pat.page.reload()
    pat.open_chat()
    last = pat.log.get_by_text(f"row number {first + ROWS} here")
    expect(last).to_be_attached(timeout=60_000)
    heard = [each for each in pat.page.frames[1].evaluate("window.heard") if "am" in each[1]]
    assert {kind for kind, _ in heard} == {"log"}
    said = [text.split("am")[-1] for _, text in heard]
    assert said == [f"row number {n} here" for n in range(first + 1, first + ROWS + 1)]
    assert pat.log.locator("h3").count() == pat.log.locator("article").count()


def test_short_states_go_through_one_line(new_patient: NewPatient) -> None:
    pat = new_patient()
    pat.open_chat()
    expect(pat.panel.get_by_role("status")).to_have_count(1)
    expect(pat.panel.get_by_role("log")).to_have_count(1)
    pat.ask(BENCH)
    pat.page.context.set_offline(True)
    pat.write("are you still there")
    expect(pat.panel.get_by_role("status")).to_contain_text("No connection", timeout=60_000)
    pat.page.context.set_offline(False)
    expect(pat.panel.get_by_role("status")).to_contain_text("is back", timeout=60_000)


# With any hands ----------------------------------------------------------------------------------


def test_the_back_button_closes_the_chat_on_a_phone(new_patient: NewPatient) -> None:
    pat = new_patient(viewport=PHONE)
    before = pat.page.url
    pat.open_chat()
    pat.page.go_back()
    expect(pat.page.get_by_role("button", name="Ask us")).to_be_visible()
    expect(pat.text_box).to_be_hidden()
    assert pat.page.url == before
    pat.open_chat()
    pat.panel.get_by_role("button", name="Close chat").click()
    expect(pat.page.get_by_role("button", name="Ask us")).to_be_focused()
    until(lambda: pat.page.evaluate("history.state") is None)
    assert pat.errors == []


def test_a_draft_survives_a_reload(new_patient: NewPatient) -> None:
    pat = new_patient()
    pat.open_chat()
    pat.text_box.fill("i was about to ask")
    until(lambda: pat.page.frames[1].evaluate("'front-desk:demo:draft' in localStorage"))
    pat.page.reload()
    pat.open_chat()
    expect(pat.text_box).to_have_value("i was about to ask")


def test_pressing_send_twice_sends_once(new_patient: NewPatient) -> None:
    pat = new_patient()
    pat.open_chat()
    pat.text_box.fill(BENCH)
    pat.panel.get_by_role("button", name="Send", exact=True).dblclick()
    expect(pat.messages("bot")).not_to_have_count(0, timeout=EVENT_MS)
    expect(pat.messages("patient")).to_have_count(1)


def test_what_could_not_be_sent_says_so_and_goes_out_later(new_patient: NewPatient) -> None:
    pat = new_patient()
    pat.open_chat()
    pat.page.route("**/messages", lambda route: route.abort())
    pat.write(BENCH)
    expect(pat.log.get_by_text("Not sent yet")).to_be_visible(timeout=EVENT_MS)
    pat.page.reload()
    pat.open_chat()
    expect(pat.log.get_by_text(BENCH)).to_be_visible()
    expect(pat.log.get_by_role("button", name="Try again")).to_be_visible(timeout=90_000)
    pat.page.unroute("**/messages")
    pat.log.get_by_role("button", name="Try again").click()
    expect(pat.messages("bot")).not_to_have_count(0, timeout=EVENT_MS)
    expect(pat.log.get_by_text(BENCH)).to_have_count(1)


# For any eyes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["en", "es"])
def test_zoomed_text_is_all_there(new_patient: NewPatient, lang: str) -> None:
    """320 px wide and 256 px high is a 1280 × 1024 screen at 400 %."""
    pat = new_patient(lang, viewport={"width": 320, "height": 256})
    pat.open_chat(agree=False)
    assert not_fitting(pat.page.frames[1]) == []
    pat.agree_button.click()
    pat.ask(BENCH)
    assert not_fitting(pat.page.frames[1]) == []
    expect(pat.text_box).to_be_in_viewport()


def test_still_where_motion_is_not_wanted(new_patient: NewPatient) -> None:
    pat = new_patient(reduced_motion="reduce")
    pat.open_chat()
    pat.page.frames[1].evaluate("document.querySelector('[data-part=working]').hidden = false")
    assert pat.page.frames[1].evaluate("document.getAnimations().length") == 0


def test_high_contrast_keeps_edges_and_marks(new_patient: NewPatient) -> None:
    pat = new_patient(forced_colors="active", viewport=PHONE)
    pat.open_chat()
    pat.ask(BENCH)
    for part in (".kb-message__body", ".kb-composer__text", ".kb-composer__send"):
        shown = pat.panel.locator(part).first
        width = shown.evaluate("each => getComputedStyle(each).borderTopWidth")
        assert width != "0px", part


# On any site -------------------------------------------------------------------------------------


def test_the_clinics_page_can_drive_the_chat(new_patient: NewPatient, product: Product) -> None:
    pat = new_patient()
    pat.page.add_init_script(
        """window.FrontDesk = [['on', 'open', () => { window.told = ['open'] }],
          ['on', 'close', () => { window.told.push('close') }]]"""
    )
    pat.page.goto(f"{product.url}/demo")
    pat.page.evaluate("FrontDesk.open()")
    expect(pat.text_box).to_be_visible(timeout=EVENT_MS)
    pat.page.evaluate("FrontDesk.locale('es')")
    expect(pat.panel.get_by_role("heading", level=1)).to_have_text("Pregúntenos", timeout=EVENT_MS)
    pat.page.evaluate("FrontDesk.close()")
    expect(pat.page.get_by_role("button", name="Pregúntenos")).to_be_visible()
    assert pat.page.evaluate("window.told") == ["open", "close"]
    pat.page.evaluate("FrontDesk.ask('¿dónde queda la entrada?')")
    expect(pat.panel.get_by_role("log").get_by_text("¿dónde queda la entrada?")).to_be_visible()
    pat.page.evaluate("FrontDesk.destroy()")
    expect(pat.page.locator("front-desk")).to_have_count(0)
    assert pat.page.evaluate("window.FrontDesk === undefined")
    assert pat.errors == []


def test_the_language_chosen_inside_is_the_launchers(new_patient: NewPatient) -> None:
    pat = new_patient()
    pat.open_chat()
    pat.panel.get_by_role("button", name="Español").click()
    expect(pat.panel.get_by_role("heading", level=1)).to_have_text("Pregúntenos")
    pat.page.keyboard.press("Escape")
    expect(pat.page.get_by_role("button", name="Pregúntenos")).to_be_focused()


def test_the_first_words_are_heard_when_the_log_comes_before_the_stream(
    new_patient: NewPatient,
) -> None:
    pat = new_patient()
    pat.open_chat()
    held: list[Route] = []
    pat.page.route("**/log?after=0*", lambda route: held.append(route))
    pat.page.route("**/stream*", lambda route: None)
    with pat.page.expect_response("**/messages") as posted:
        pat.write(BENCH)
    assert posted.value.ok
    for route in held:
        route.continue_()
    row = pat.log.locator("[data-n]").filter(has_text=BENCH)
    expect(row).to_be_visible(timeout=EVENT_MS)
    expect(row).not_to_have_attribute("aria-live", "off")


def test_what_a_screen_reader_says_is_what_is_written_down(
    new_patient: NewPatient, product: Product
) -> None:
    """`./clinic bench aloud` wrote docs/read_aloud_*.txt; the times and the answer may differ."""
    for lang in ("en", "es"):
        said = list(read_aloud(new_patient(lang).page, product.url, lang))
        kept = (ROOT / f"docs/read_aloud_{lang}.txt").read_text(encoding="utf-8").splitlines()
        opened = said.index("== Space on the yes.")
        assert said[:opened] == kept[:opened]
        menu = [line for line in said[said.index("== Enter on the menu.") :] if "button" in line]
        # The header's and the menu's; what stands in the log below is the answer's.
        own = [line for line in menu if line.startswith("          ")][:6]
        assert len(own) == 6
        assert [line for line in own if line not in kept] == []
        announced = [line for line in said if "(announced)" in line]
        assert len(announced) == len(set(announced)), "nothing is said twice"
        assert any(ASKED[lang] in line for line in announced)
        silent = [line for line in said if line.strip() in ("button:", "link:", "textbox:")]
        assert silent == [], "a control without a name"
