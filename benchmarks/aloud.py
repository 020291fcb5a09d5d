"""What a screen reader would say, by steps: `./clinic bench aloud` writes docs/read_aloud_*.txt.

Rule: read from the browser's own accessibility tree and from what enters a live region, never from
the page's source. No screen reader runs here; what one makes of the tree is its own affair.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, Page

from benchmarks.browsing import chromium
from benchmarks.product import ROOT, Product

ASKED = {
    "en": "where do i leave the stroller when i come in",
    "es": "¿dónde puedo dejar la carriola cuando llego?",
}
SILENT = ("none", "generic", "InlineTextBox", "LineBreak", "ListMarker", "RootWebArea")
# A live region speaks what comes into it, unless a part of it is marked "off".
LISTEN = """() => {
  window.spoken = []
  const regionOf = $each => $each?.closest('[aria-live],[role=log],[role=status],[role=alert]')
  const hear = ({ target, addedNodes }) => addedNodes.forEach($new => {
    const $each = $new.nodeType === 1 ? $new : target
    const $region = regionOf($each)
    const text = ($new.nodeType === 1 ? $new.innerText : $new.data).replace(/\\s+/g, ' ').trim()
    if ($region && $region.getAttribute('aria-live') !== 'off' && text) window.spoken.push(text)
  })
  new MutationObserver(changes => changes.forEach(hear))
    .observe(document.body, { childList: true, subtree: true })
}"""


def read_aloud(page: Page, url: str, lang: str) -> Iterator[str]:
    """Yield the lines of a short visit: opening, agreeing, asking, the menu."""
    page.goto(f"{url}/chat?site=demo&lang={lang}")
    agree = page.locator("[data-part=agree]")
    agree.wait_for()
    page.evaluate(LISTEN)
    cdp = page.context.new_cdp_session(page)
    yield from _step(page, cdp, "The panel has opened.", lambda: None)
    yield from _step(page, cdp, "Space on the yes.", lambda: agree.press("Space"))
    yield from _step(page, cdp, "A question, and Enter.", lambda: _ask(page, ASKED[lang]))
    menu = page.locator("[data-part=menu-button]")
    yield from _step(page, cdp, "Enter on the menu.", lambda: _open(page, menu.press))


def _ask(page: Page, text: str) -> None:
    page.locator("[data-part=text]").fill(text)
    page.keyboard.press("Enter")
    page.locator(".kb-message--patient ~ .kb-message--bot").first.wait_for(timeout=30_000)
    page.wait_for_timeout(1500)  # the status line's pause


def _open(page: Page, press: Callable[[str], None]) -> None:
    press("Enter")
    page.locator("[data-part=menu]").wait_for()


def _step(page: Page, cdp: CDPSession, name: str, act: Callable[[], None]) -> Iterator[str]:
    act()
    yield f"== {name}"
    for text in page.evaluate("window.spoken.splice(0)"):
        yield f"   (announced) {text}"
    yield from _tree(cdp.send("Accessibility.getFullAXTree")["nodes"])


def _tree(nodes: list[dict[str, Any]]) -> Iterator[str]:
    """Yield each node that is spoken, in reading order, as "role: name (states)"."""
    by_id = {node["nodeId"]: node for node in nodes}

    def walk(node: dict[str, Any], depth: int, said: str) -> Iterator[str]:
        role, name = node["role"]["value"], str(node.get("name", {}).get("value", "")).strip()
        is_spoken = not node.get("ignored") and role not in SILENT
        # A button's text is its name: it is not said twice.
        if is_spoken and not (role == "StaticText" and (not name or name in said)):
            yield "  " * depth + f"{role}: {name}{_states(node)}"
            depth, said = depth + 1, name
        for child in node.get("childIds", ()):
            if child in by_id:
                yield from walk(by_id[child], depth, said)

    yield from walk(nodes[0], 1, "")


def _states(node: dict[str, Any]) -> str:
    told = ("expanded", "pressed", "checked", "disabled", "invalid", "required", "focused")
    values = {each["name"]: each["value"].get("value") for each in node.get("properties", ())}
    said = [
        f"{name} {values[name]}".lower()
        for name in told
        if values.get(name) not in (None, False, "false") or (name == "expanded" and name in values)
    ]
    return f" ({', '.join(said)})" if said else ""


def run() -> int:
    folder = Path(tempfile.mkdtemp(prefix="aloud-"))
    with Product(folder) as product, chromium() as browser:
        for lang in ASKED:
            lines = read_aloud(browser.new_context().new_page(), product.url, lang)
            path = ROOT / "docs" / f"read_aloud_{lang}.txt"
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
            print(path.read_text(encoding="utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(run())
