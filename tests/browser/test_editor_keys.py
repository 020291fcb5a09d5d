"""An article from its first word to its first patient, with the keyboard alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from benchmarks.product import Product
from tests.browser.conftest import EVENT_MS
from tests.browser.test_gaps import someone, told
from tests.browser.test_patient import axe_finds_nothing

pytestmark = pytest.mark.browser

MOST_TABS = 150
ARTICLE = "en/art/where-is-the-penguin-mural"
TYPED = {
    "Title": "Where is the penguin mural?",
    "Summary": "The penguin mural is on level 2 beside the lift.",
    "Sample questions": "penguin mural\nwhere can my kid see the painted penguins",
}
PICTURE = re.compile(r"!\[The mural with seven penguins\]\(\.\./\.\./pictures/\S+-80x60\.webp\)")
SHOWN = re.compile(r'<img alt="The mural with seven penguins"[^>]* src="/help/pictures/')


def test_write_picture_link_check_try_review_and_publish_by_keys_alone(
    browser: Browser, product: Product, tmp_path: Path
) -> None:
    eli = someone(browser, product, "editor")
    faults: list[str] = []
    eli.on("pageerror", lambda error: faults.append(str(error)))
    eli.goto(f"{product.url}/editor/")
    axe_finds_nothing(eli)
    write(eli, "Topic", "art", exact=False)
    press(eli, eli.get_by_role("button", name="New article"))
    for label, words in TYPED.items():
        write(eli, label, words)
    body = eli.get_by_label("Text", exact=True)

    press(eli, eli.locator("summary", has_text="Picture"))
    Image.new("RGB", (80, 60), "navy").save(tmp_path / "mural.png")
    with eli.expect_file_chooser() as chooser:
        press(eli, eli.get_by_label("Picture file"))
    chooser.value.set_files(tmp_path / "mural.png")
    write(eli, "What it shows", "The mural with seven penguins")
    eli.keyboard.press("Enter")
    expect(body).to_have_value(PICTURE, timeout=EVENT_MS)
    expect(body).to_be_focused()
    eli.keyboard.insert_text("\nThe penguin mural is on level 2, beside the lift. See also ")

    press(eli, eli.locator("summary", has_text="Link to an article"), key="Shift+Tab")
    words = write(eli, "Words of its title or text", "parking")
    expect(words).to_have_attribute("aria-expanded", "true", timeout=EVENT_MS)
    axe_finds_nothing(eli)  # with the list open
    chosen = eli.get_by_role("option").nth(1)
    title = chosen.inner_text()
    eli.keyboard.press("ArrowDown")
    expect(chosen).to_have_attribute("aria-selected", "true")
    eli.keyboard.press("Enter")
    expect(body).to_have_value(re.compile(rf"See also \[{re.escape(title)}\]\(\S+\.md\)$"))

    checks = eli.get_by_role("region", name="Checks")
    fault = checks.get_by_role("link", name="Owner")
    expect(checks).to_contain_text("to mend before patients can see it", timeout=EVENT_MS)
    press(eli, fault)
    expect(eli.get_by_label("Owner")).to_be_focused()
    eli.keyboard.insert_text("Front desk team")
    write(eli, "Reviewed on", "11012026")
    write(eli, "Review again by", "05012027")
    expect(checks).not_to_contain_text("to mend before", timeout=EVENT_MS)
    axe_finds_nothing(eli)

    with eli.context.expect_page() as opened:
        press(eli, eli.get_by_role("button", name="Which answers change?"))
    expect(opened.value.get_by_role("heading", level=1)).to_be_visible(timeout=EVENT_MS)
    expect(opened.value.locator("body")).to_contain_text("penguin mural")
    axe_finds_nothing(opened.value)
    opened.value.close()
    press(eli, eli.get_by_role("button", name="Send for review"))
    expect(eli.get_by_text("Sent for review").first).to_be_visible(timeout=EVENT_MS)

    rui = someone(browser, product, "reviewer")
    rui.goto(f"{product.url}/editor/articles/{ARTICLE}")
    picture = rui.locator(".fd-look img").first
    expect(picture).to_have_js_property("naturalWidth", 80, timeout=EVENT_MS)
    axe_finds_nothing(rui)
    press(rui, rui.get_by_role("button", name="Approve"))
    expect(rui.get_by_text("Approved and published").first).to_be_visible(timeout=EVENT_MS)
    assert SHOWN.search(told(product, "penguin mural"))
    rui.goto(f"{product.url}/help/{ARTICLE}")
    expect(rui.locator("main img")).to_have_js_property("naturalWidth", 80, timeout=EVENT_MS)
    for path in ("review/", f"review/history/{ARTICLE}", "pictures", "import", "effects?q=parking"):
        eli.goto(f"{product.url}/editor/{path}")
        axe_finds_nothing(eli)
    assert not faults


def press(page: Page, wanted: Locator, key: str = "Tab") -> None:
    """Go there by `key`, and press Enter."""
    go(page, wanted, key)
    page.keyboard.press("Enter")


def write(page: Page, label: str, words: str, *, exact: bool = True) -> Locator:
    field = page.get_by_label(label, exact=exact).first
    go(page, field)
    if field.get_attribute("type") == "date":
        page.keyboard.type(words)  # a date box takes its parts one by one
    else:
        page.keyboard.insert_text(words)
    return field


def go(page: Page, wanted: Locator, key: str = "Tab") -> None:
    expect(wanted).to_be_visible(timeout=EVENT_MS)
    for _ in range(MOST_TABS):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{wanted} is not reached by {MOST_TABS} times {key}")
