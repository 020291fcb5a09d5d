"""The chat on websites that were not made for it, and with a server that is not as it should be."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from benchmarks.product import Product
from tests.browser.conftest import EVENT_MS, Pat, QuietHandler, until

pytestmark = pytest.mark.browser

TAG = '<script src="{server}/widget/loader.js" data-lang="en" data-phone="(503) 555-0110" {more}>'
TAG += "</script>"
PLAIN = (
    "<!doctype html><html lang=en><title>A</title><body><h1>Some clinic</h1>{tags}</body></html>"
)
# What themes and page builders do to everything, at its worst.
HOSTILE = """<!doctype html><html lang=en><title>A</title><style>
html { font-size: 5px } body { transform: scale(1); filter: blur(0); overflow: hidden }
* { all: unset !important; letter-spacing: 9px !important; color: #fff !important }
div, button, dialog, iframe, span, front-desk { display: none !important; opacity: 0 !important;
  position: static !important; pointer-events: none !important; z-index: -1 !important }
h1 { display: block !important }
</style><body class="wp-singular elementor-page"><div id=page class=hfeed><h1>Some clinic</h1></div>
{tags}</body></html>"""
# An application that throws its page away and goes to another address, again and again.
RERENDERS = """<!doctype html><html lang=en><title>A</title><body><h1>Some clinic</h1>{tags}<script>
let at = 0
setInterval(() => {
  const body = document.createElement('body')
  body.innerHTML = '<h1>Some clinic</h1><p>View ' + ++at + '</p>'
  document.body.replaceWith(body)
  history.pushState({ at }, '', '?view=' + at)
}, 100)
</script></body></html>"""
QUESTION = "is there a bench to sit on near your front door"


@pytest.fixture(scope="module")
def put(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Put a page on a clinic's website, with a tag for each `more`; return its address."""
    folder = tmp_path_factory.mktemp("hosts")
    handler = partial(QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def put(page: str, *more: str) -> str:
            tags = "".join(TAG.format(server=product.url, more=each) for each in more or ("async",))
            path = Path(folder / f"{abs(hash((page, more)))}.html")
            path.write_text(page.replace("{tags}", tags), encoding="utf-8")
            return f"http://127.0.0.1:{server.server_port}/{path.name}"

        yield put
        server.shutdown()


@pytest.fixture
def pat(browser: Browser) -> Iterator[Pat]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    pat = Pat(context.new_page())
    pat.page.on("pageerror", lambda error: pat.errors.append(str(error)))
    yield pat
    context.close()


def test_hostile_styles_do_not_reach_the_chat(pat: Pat, put: Callable[..., str]) -> None:
    pat.page.goto(put(HOSTILE))
    launcher = pat.page.get_by_role("button", name="Ask us")
    box = launcher.bounding_box()
    assert box and box["height"] >= 44 and box["x"] + box["width"] > 1200 and box["y"] > 700
    styles = launcher.evaluate(
        "each => { const { fontSize, letterSpacing, opacity } = getComputedStyle(each);"
        " return [fontSize, letterSpacing, opacity] }"
    )
    assert styles == ["16px", "normal", "1"]
    pat.open_chat()
    pat.ask(QUESTION)
    frame = pat.page.locator("iframe").bounding_box()
    assert frame and frame["width"] == 400 and frame["height"] > 600
    assert pat.errors == []


def test_a_page_that_renders_itself_anew_keeps_the_chat(pat: Pat, put: Callable[..., str]) -> None:
    pat.page.goto(put(RERENDERS))
    pat.open_chat()
    pat.text_box.fill("half a thought")
    seen = pat.page.evaluate("at")
    until(lambda: pat.page.evaluate("at") > seen + 5)
    expect(pat.text_box).to_have_value("half a thought")
    pat.ask(QUESTION)
    pat.page.evaluate("document.querySelector('front-desk').remove()")
    pat.page.evaluate("FrontDesk.open()")
    expect(pat.messages("bot").first).to_be_visible(timeout=EVENT_MS)
    assert pat.page.locator("front-desk").count() == 1
    assert pat.errors == []


def test_two_chats_stand_on_one_page(pat: Pat, put: Callable[..., str]) -> None:
    link = '<a href="/" data-front-desk-open data-front-desk-site="demo">Ask the other</a>'
    url = put(PLAIN.replace("<h1>", f"{link}<h1>"), "", 'data-site="demo"', 'data-site="demo"')
    pat.page.goto(url)
    launchers = pat.page.get_by_role("button", name="Ask us")
    expect(launchers).to_have_count(2)
    one, other = (each.bounding_box() for each in launchers.all())
    assert one and other and other["y"] + other["height"] <= one["y"], "one stands on the other"
    pat.page.get_by_role("link", name="Ask the other").click()
    expect(pat.page.locator("iframe")).to_have_count(1)
    assert "site=demo" in str(pat.page.locator("iframe").get_attribute("src"))
    pat.page.evaluate("FrontDesk.all.demo.destroy()")
    expect(launchers).to_have_count(1)
    pat.page.evaluate("FrontDesk.ask('where do i sit down')")
    expect(pat.log.get_by_text("where do i sit down")).to_be_visible(timeout=EVENT_MS)
    assert pat.errors == []


def test_the_page_says_where_a_chat_belongs(pat: Pat, put: Callable[..., str]) -> None:
    pat.page.goto(put(PLAIN))
    began: list[str] = []
    pat.page.on("request", lambda asked: began.append(str(asked.post_data)) if is_new(asked) else 0)
    pat.page.evaluate("FrontDesk.context({ desk: 'billing', page_url: 'https://a.example/bills' })")
    pat.open_chat()
    pat.ask(QUESTION)
    assert '"desk":"billing"' in began[0] and "https://a.example/bills" in began[0]


def is_new(asked: object) -> bool:
    return str(getattr(asked, "url", "")).endswith("/api/v1/conversations")


WRONG: dict[str, Callable[[Route], None]] = {
    "is down": lambda route: route.abort(),
    "says 500": lambda route: route.fulfill(status=500, body="<h1>Oops</h1>"),
    "is another server": lambda route: route.fulfill(
        status=200, content_type="text/html", body="<h1>Parked domain</h1><script>alert(1)</script>"
    ),
    "never answers": lambda route: None,
}


@pytest.mark.parametrize("how", WRONG)
@pytest.mark.parametrize("what", ["**/widget/loader.js", "**/chat?*", "**/widget/panel/panel.js"])
def test_a_server_that_is_wrong_leaves_the_page_alone(
    pat: Pat, put: Callable[..., str], what: str, how: str
) -> None:
    pat.page.route(what, WRONG[how])
    pat.page.goto(put(PLAIN), wait_until="domcontentloaded")
    expect(pat.page.get_by_role("heading", name="Some clinic")).to_be_visible()
    if "loader" not in what:
        pat.page.get_by_role("button", name="Ask us").click()
        expect(pat.page.get_by_role("link", name="(503) 555-0110")).to_be_visible()
        expect(pat.page.get_by_text("cannot be reached")).to_be_visible(timeout=EVENT_MS)
        pat.page.get_by_role("button", name="Close").click()
    assert is_uncovered(pat.page)
    assert [each for each in pat.errors if "Unexpected token" not in each] == []


def is_uncovered(page: Page) -> bool:
    return bool(page.evaluate("document.elementFromPoint(40, 40)?.closest('body, html') !== null"))


def test_messages_of_others_are_not_heard(pat: Pat, put: Callable[..., str]) -> None:
    """Neither does the page hear a frame of another origin, nor the panel another window."""
    pat.page.goto(put(PLAIN))
    pat.open_chat()
    pat.page.evaluate("postMessage({ frontDesk: 1, type: 'close' }, '*')")
    pat.page.frames[1].evaluate("postMessage({ frontDesk: 1, type: 'lang', name: 'es' }, '*')")
    pat.page.wait_for_timeout(300)
    expect(pat.text_box).to_be_visible()
    expect(pat.panel.get_by_role("heading", level=1)).to_have_text("Ask us")
