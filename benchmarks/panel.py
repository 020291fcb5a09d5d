"""How soon a patient can type: our chat beside rasa-webchat and deep-chat, on a slow phone.

Every chat stands on the same plain page, by the tag its own documents give, in a browser without a
past. Interactive means the same for all: from the start of the navigation until a trusted keystroke
shows in the text box; the launcher, where there is one, is pressed as soon as it is there. A chat
without a launcher stands beside our chat's own page, which needs none either; its box takes words
before the script is there, which stay. Visits take turns, so
that a busy machine is busy for all. Blocking is what the main thread's tasks take beyond 50 ms
each, until the keystroke. `page_kb` is what everybody loads who never opens the chat. `elsewhere`
are requests to other hosts than the clinic's: counted as the browser asks, they lead nowhere.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, CDPSession, Locator, Page

from benchmarks.browsing import chromium
from benchmarks.panel_pages import HOST, PEERS, Chat, Pages, RasaSocket, our_chats, unpack
from benchmarks.product import Product
from benchmarks.report import keep
from launch.progress import StepFailed

VISITS = 5
WAIT_MS = 120_000
# Late requests of others are to be seen too.
SETTLE_MS = 1500
PHONE = {"width": 390, "height": 740}
SLOW_3G = 50_000
FLAGS = [
    *("--disable-background-networking", "--no-first-run"),
    *("--disable-component-update", "--disable-sync"),
    f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {HOST}",
]
# Runs in every frame. A keystroke shows when the frame after it has been drawn.
WATCH = """(() => {
  addEventListener('input', event => {
    if (!event.isTrusted) return
    requestAnimationFrame(() => setTimeout(() => {
      window.typedAt ??= performance.timeOrigin + performance.now()
    }))
  }, true)
  window.blockedMs = 0
  new PerformanceObserver(list => {
    for (const { duration } of list.getEntries()) window.blockedMs += duration - 50
  }).observe({ type: 'longtask', buffered: true })
})()"""
TYPED = """async () => {
  for (let tries = 0; tries < 15 && !window.typedAt; tries++) {
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  return window.typedAt ?? 0
}"""


@dataclass(frozen=True)
class Phone:
    """slowdown: of its processor. latency_ms: before each answer."""

    name: str
    slowdown: int
    latency_ms: int
    bytes_per_s: int = SLOW_3G


PHONES = (
    Phone("4 times slower, slow 3G", 4, 400),
    Phone("6 times slower, slow 3G", 6, 400),
    Phone("4 times slower, fast line", 4, 0, -1),
)


@dataclass
class Visit:
    """Times in ms from the start of the navigation; launcher_ms is None where there is none."""

    launcher_ms: float | None = None
    typed_ms: float = 0
    blocked_ms: float = 0
    wire_bytes: float = 0
    page_bytes: float = 0
    requests: list[str] = field(default_factory=list)

    @property
    def elsewhere(self) -> list[str]:
        hosts = (urlsplit(url) for url in self.requests)
        return [str(url.hostname) for url in hosts if url.hostname != HOST]


def run() -> int:
    """Measure, print and keep the figures; return 1 where a peer was sooner or we asked others."""
    peers, failed = _peers()
    with (
        tempfile.TemporaryDirectory(prefix="panel-") as folder,
        Product(Path(folder)) as product,
        RasaSocket() as socket,
        Pages([*our_chats(product.url), *peers], socket.url) as pages,
        chromium(*FLAGS) as browser,
    ):
        figures = {phone.name: _measure(browser, pages, phone) for phone in PHONES}
    print(f"kept in {keep('panel', {'visits': VISITS, 'phones': figures, 'failed': failed})}")
    return 0 if all(is_good(rows) for rows in figures.values()) else 1


def _peers() -> tuple[list[Chat], dict[str, str]]:
    """Fetch the peers that are not there yet; return them, and why any is missing."""
    found, failed = [], {}
    for peer in PEERS:
        try:
            unpack(peer)
            found.append(peer)
        except StepFailed as error:
            failed[peer.name] = str(error)
            print(error, flush=True)
    return found, failed


def _measure(browser: Browser, pages: Pages, phone: Phone) -> dict[str, Any]:
    print(f"-- {phone.name}", flush=True)
    visits: dict[str, list[Visit]] = {chat.name: [] for chat in pages.chats}
    for _ in range(VISITS):
        for chat in pages.chats:
            visits[chat.name].append(visit(browser, pages.url(chat), chat, phone))
    rows = summary(visits, {chat.name: chat.beside for chat in pages.chats})
    for line in table(rows):
        print(line, flush=True)
    return rows


def visit(browser: Browser, url: str, chat: Chat, phone: Phone) -> Visit:
    """Open the page in a browser without a past, and type as soon as that is possible."""
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.add_init_script(WATCH)
    found = Visit()
    _slow_down(context.new_cdp_session(page), phone, found)
    page.goto(url, wait_until="commit")
    launcher_at = _press(page, page.locator(chat.launcher)) if chat.launcher else None
    found.page_bytes = found.wire_bytes
    box = (page.frame_locator("iframe") if chat.is_framed else page).locator(chat.text_box)
    _press(page, box)
    typed_at = _type(page, box)
    begun_at = page.evaluate("performance.timeOrigin")
    found.launcher_ms = launcher_at - begun_at if launcher_at else None
    found.typed_ms = typed_at - begun_at
    found.blocked_ms = page.evaluate("window.blockedMs")
    page.wait_for_timeout(SETTLE_MS)
    if not chat.launcher:
        found.page_bytes = found.wire_bytes
    context.close()
    return found


def _slow_down(cdp: CDPSession, phone: Phone, found: Visit) -> None:
    def asked(event: dict[str, Any]) -> None:
        url = event["request"]["url"]
        if url.startswith("http"):
            found.requests.append(url)

    def came(event: dict[str, Any]) -> None:
        found.wire_bytes += event["encodedDataLength"]

    cdp.on("Network.requestWillBeSent", asked)
    cdp.on("Network.loadingFinished", came)
    cdp.send("Network.enable")
    line = {"latency": phone.latency_ms, "offline": False}
    speed = {"downloadThroughput": phone.bytes_per_s, "uploadThroughput": phone.bytes_per_s}
    cdp.send("Network.emulateNetworkConditions", {**line, **speed})
    cdp.send("Emulation.setCPUThrottlingRate", {"rate": phone.slowdown})


def _press(page: Page, place: Locator) -> float:
    """Press as soon as it is there; return when that was, in ms since 1970.

    Not with `click`, which waits for it to come to rest: a patient does not.
    """
    place.wait_for()
    there_at = time.time() * 1000
    box = place.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    return there_at


def _type(page: Page, box: Locator) -> float:
    """Press a key until it shows; return when that was, in ms since 1970."""
    while True:
        page.keyboard.press("h")
        if at := box.evaluate(TYPED):
            assert "h" in box.evaluate("$box => $box.value ?? $box.textContent")
            return float(at)


def summary(visits: dict[str, list[Visit]], beside: dict[str, str]) -> dict[str, dict[str, Any]]:
    """ratio: how many times as long as ours; `beside` says which of ours."""
    typed = {
        name: statistics.median(each.typed_ms for each in found) for name, found in visits.items()
    }
    return {
        name: {
            "interactive_ms": spread([each.typed_ms for each in found]),
            "beside": beside[name],
            "ratio": round(typed[name] / typed[beside[name] or name], 2),
            "launcher_ms": spread([each.launcher_ms for each in found if each.launcher_ms]),
            "blocked_ms": spread([each.blocked_ms for each in found]),
            "page_kb": _kb([each.page_bytes for each in found]),
            "wire_kb": _kb([each.wire_bytes for each in found]),
            "requests": statistics.median(len(each.requests) for each in found),
            "elsewhere": sorted({host for each in found for host in each.elsewhere}),
            "most_elsewhere": max(len(each.elsewhere) for each in found),
        }
        for name, found in visits.items()
    }


def _kb(sizes: list[float]) -> float:
    return round(statistics.median(sizes) / 1000, 1)


def spread(values: Sequence[float]) -> dict[str, int] | None:
    if not values:
        return None
    return {
        "median": round(statistics.median(values)),
        "min": round(min(values)),
        "max": round(max(values)),
    }


def is_good(rows: dict[str, dict[str, Any]]) -> bool:
    ours = [row for row in rows.values() if not row["beside"]]
    peers = [row for row in rows.values() if row["beside"]]
    return all(row["most_elsewhere"] == 0 for row in ours) and all(
        row["ratio"] > 1 for row in peers
    )


def table(rows: dict[str, dict[str, Any]]) -> Iterator[str]:
    names = f"{'launcher':>10}{'blocked':>9}{'page kB':>9}{'all kB':>8}{'asks':>6}"
    yield f"{'':<16}{'typed, ms':>22}{names}  elsewhere"
    for name, row in rows.items():
        typed, launcher = row["interactive_ms"], row["launcher_ms"]
        shown = f"{typed['median']} ({typed['min']} to {typed['max']})"
        longer = f"   {row['ratio']:.2f} × {row['beside']}" if row["beside"] else ""
        yield (
            f"{name:<16}{shown:>22}{launcher['median'] if launcher else '-':>10}"
            f"{row['blocked_ms']['median']:>9}{row['page_kb']:>9.1f}{row['wire_kb']:>8.1f}"
            f"{row['requests']:>6g}  {' '.join(row['elsewhere']) or '-'}{longer}"
        )
