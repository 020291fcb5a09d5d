"""Two websites of one clinic, each with a look of its own: from clinic.toml to the screen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FrameLocator, Locator, Page, expect

from benchmarks.hosts import Host
from benchmarks.product import free_port
from tests.browser.conftest import served
from tests.conftest import ROOT

pytestmark = pytest.mark.browser

LOGO = """<svg xmlns="http://www.w3.org/2000/svg" width="60" height="30">
<rect width="60" height="30" fill="#7a1f5c"/></svg>"""
LOOKS = """[sites.family]
origins = ["http://127.0.0.1:*"]
color = "#7a1f5c"
color_dark = "#f2a7d3"
corner = "start"
logo = "{logo}"
launcher = {{ en = "Ask Harbor", es = "Pregunte a Harbor" }}
suggestions = {{ en = ["Where can I park?"], es = ["¿Dónde me estaciono?"] }}

[sites.children]
origins = ["http://127.0.0.1:*"]
color = "#0b4f8a"
launcher = {{ en = "Ask about your child" }}
"""
PAGE = """<!doctype html><html lang="en"><title>A</title><body><h1>Some clinic</h1>
<script src="{url}/widget/loader.js" data-site="{site}" data-lang="en" async></script></body></html>
"""
PLUM, PINK, BLUE = "rgb(122, 31, 92)", "rgb(242, 167, 211)", "rgb(11, 79, 138)"
OWN_DARK = "rgb(143, 214, 203)"  # --accent of the loader where a site has none for the dark


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    yield context.new_page()
    context.close()


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Host]:
    """The web process with two sites; a look needs no assistant."""
    (tmp_path / "logo.svg").write_text(LOGO, encoding="utf-8")
    shipped = (ROOT / "clinic.toml").read_text(encoding="utf-8").partition("[sites.demo]")[0]
    looks = LOOKS.format(logo=tmp_path / "logo.svg")
    (tmp_path / "clinic.toml").write_text(shipped + looks, encoding="utf-8")
    settings = {"CLINIC_CONFIG": str(tmp_path / "clinic.toml")}
    host = Host(tmp_path / "host", f"http://127.0.0.1:{free_port()}", settings=settings)
    host.start()
    try:
        host.wait()
        yield host
    finally:
        host.end()


@pytest.fixture
def websites(clinic: Host, tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "websites"
    folder.mkdir()
    for site in ("family", "children"):
        text = PAGE.format(url=clinic.url, site=site)
        (folder / f"{site}.html").write_text(text, encoding="utf-8")
    with served(folder) as url:
        yield url


def ground(place: Locator) -> str:
    return str(place.evaluate("$each => getComputedStyle($each).backgroundColor"))


def in_both_themes(page: Page, place: Locator) -> tuple[str, str]:
    found = []
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        found.append(ground(place))
    return found[1], found[0]


def opened(page: Page, launcher: Locator) -> FrameLocator:
    """Open the chat and say yes to the privacy note."""
    launcher.click()
    panel = page.frame_locator("iframe")
    panel.get_by_role("button", name="OK, start").click()
    expect(panel.locator("[data-part=suggestions] button").first).to_be_visible()
    return panel


def is_on_the_left(place: Locator) -> bool:
    box = place.bounding_box()
    assert box
    return box["x"] < 100


def test_each_website_shows_the_chat_in_its_own_look(page: Page, websites: str) -> None:
    page.goto(f"{websites}/family.html")
    launcher = page.get_by_role("button", name="Ask Harbor", exact=True)
    expect(launcher).to_be_visible()
    assert in_both_themes(page, launcher) == (PLUM, PINK)
    assert is_on_the_left(launcher)
    panel = opened(page, launcher)
    send = panel.get_by_role("button", name="Send", exact=True)
    assert in_both_themes(page, send) == (PLUM, PINK)
    assert is_on_the_left(page.locator("iframe"))
    logo = panel.locator("[data-part=logo]")
    expect(logo).to_be_visible()
    expect(logo).to_have_js_property("naturalWidth", 60)
    suggestions = panel.locator("[data-part=suggestions] button")
    expect(suggestions).to_have_text(["Where can I park?"])
    panel.locator("[data-part=lang]").click()
    expect(suggestions).to_have_text(["¿Dónde me estaciono?"])
    panel.get_by_role("button", name="Cerrar el chat").click()
    expect(page.get_by_role("button", name="Pregunte a Harbor", exact=True)).to_be_focused()

    page.goto(f"{websites}/children.html")
    launcher = page.get_by_role("button", name="Ask about your child", exact=True)
    expect(launcher).to_be_visible()
    assert in_both_themes(page, launcher) == (BLUE, OWN_DARK)
    assert not is_on_the_left(launcher)
    panel = opened(page, launcher)
    send = panel.get_by_role("button", name="Send", exact=True)
    assert in_both_themes(page, send) == (BLUE, OWN_DARK)
    expect(panel.locator("[data-part=logo]")).to_be_hidden()
    expect(panel.locator("[data-part=suggestions]")).to_contain_text("A bill or a cost")
