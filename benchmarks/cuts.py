"""The line is cut a thousand times while people write: real Chromium tabs, the real product.

Rule: every row of the log is shown in every tab once, in its order, at most 5 s after the line is
back. Half of the messages are typed in a tab while the line is down, half come from elsewhere.
One cut in 25 lasts five seconds, the others at most 0.6. Ten conversations, one after the other,
have a hundred cuts each; figures are kept after each.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import BrowserContext, Page

from benchmarks.browsing import chromium
from benchmarks.faulty_line import FaultyLine
from benchmarks.product import Product
from benchmarks.report import keep

RIDES = 10
CUTS = 100  # in each
TABS = 8
BACK_WITHIN_S = 5.0
LIMITS = {
    "messages_per_minute = 20": "messages_per_minute = 10000",
    "requests_per_minute = 600": "requests_per_minute = 1000000",
}
DOWN_S = (0.0, 0.6)
# Long enough for the waits between tries to have reached their longest.
LONG_DOWN_S = 5.0
LONG_EVERY = 25
# Counts each row that comes into the log, also one that is taken out again, and notes when.
COUNT = """() => {
  window.came = {}
  window.cameAt = {}
  const count = $row => {
    const n = $row.dataset?.n
    if (!n || !$row.matches('.kb-message')) return
    window.came[n] = (window.came[n] ?? 0) + 1
    window.cameAt[n] ??= Date.now()
  }
  const $log = document.querySelector('[data-part=log]')
  for (const $row of $log.children) count($row)
  new MutationObserver(changes => changes.forEach(each => each.addedNodes.forEach(count)))
    .observe($log, { childList: true })
}"""
SHOWN = """() => [...document.querySelectorAll('[data-part=log] > .kb-message[data-n]')]
  .map($row => Number($row.dataset.n))"""
# When it came. Asked again at every frame: one look-up, however long the log has become.
IS_SHOWN = """n => document.querySelector(`[data-part=log] > .kb-message[data-n="${n}"]`)
  && (window.cameAt?.[n] ?? Date.now())"""


@dataclass
class Found:
    """back_s: after each cut, the seconds from the line being back to the row being in all tabs.

    loads: the machine's, per core; well above 1 the seconds are those of waiting for a turn.
    """

    cuts: int = 0
    rows: int = 0
    tabs: int = 0
    missing: int = 0
    doubled: int = 0
    out_of_order: int = 0
    back_s: list[float] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        ordered = sorted(self.back_s)
        return {
            "cuts": self.cuts,
            "tabs": self.tabs,
            "rows": self.rows,
            "missing": self.missing,
            "doubled": self.doubled,
            "out_of_order": self.out_of_order,
            "back_p50_s": round(statistics.median(ordered), 2),
            "back_p95_s": round(ordered[int(len(ordered) * 0.95)], 2),
            "back_max_s": round(ordered[-1], 2),
            "later_than_5_s": sum(each > BACK_WITHIN_S for each in ordered),
            "load_per_core_p50": round(statistics.median(self.loads), 1),
        }

    def add(self, other: Found) -> None:
        self.tabs = other.tabs
        self.cuts += other.cuts
        self.rows += other.rows
        self.missing += other.missing
        self.doubled += other.doubled
        self.out_of_order += other.out_of_order
        self.back_s += other.back_s
        self.loads += other.loads

    @property
    def is_good(self) -> bool:
        lost = self.missing + self.doubled + self.out_of_order
        return lost == 0 and max(self.back_s) <= BACK_WITHIN_S


@dataclass
class Elsewhere:
    """The same conversation, over a line that holds."""

    url: str
    own: dict[str, str]
    seen: int = 0

    def __post_init__(self) -> None:
        self._line = httpx.Client(
            base_url=f"{self.url}/api/v1/conversations/{self.own['id']}",
            headers={"Authorization": f"Bearer {self.own['token']}"},
            timeout=20,
        )

    def close(self) -> None:
        self._line.close()

    def write(self, text: str) -> int:
        body = {"client_id": text.replace(" ", "-"), "text": text}
        answer = self._line.post("/messages", json=body)
        return int(answer.raise_for_status().json()["n"])

    def numbers(self) -> list[int]:
        """Return the numbers of all rows, once the assistant has nothing left to say."""
        found, is_done = list[int](), False
        while not is_done:
            log = self._log(found[-1] if found else 0)
            found += [row["n"] for row in log["messages"]]
            is_done = not log["messages"] and not log["state"]["working"]
        return found

    def number_of(self, text: str) -> int:
        """Wait for the row of these words to be in the log."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for row in self._log(self.seen)["messages"]:
                if row["author"] == "patient" and text in row["html"]:
                    self.seen = int(row["n"])
                    return self.seen
            time.sleep(0.05)
        raise AssertionError(f"{text!r} never reached the log")

    def _log(self, after: int) -> dict[str, Any]:
        answer = self._line.get(f"/log?after={after}")
        return dict(answer.raise_for_status().json())


def ride(
    context: BrowserContext,
    product: Product,
    cuts: int,
    tabs: int,
    *,
    seed: int = 7,
    tell: Callable[[Found], None] = lambda _found: None,
) -> Found:
    """Cut the line so often under one conversation in so many tabs; `tell` hears after each."""
    chance = random.Random(seed)
    with FaultyLine(product.port, chance=chance) as line:
        pages = [context.new_page() for _ in range(tabs)]
        found = Found(tabs=tabs)
        with closing(_begin(pages, line.url, product.url)) as elsewhere:
            for at in range(cuts):
                found.back_s.append(_one_cut(line, pages, elsewhere, chance, at))
                found.loads.append(os.getloadavg()[0] / (os.cpu_count() or 1))
                found.cuts = line.cuts
                tell(found)
            _count(found, pages, elsewhere)
    return found


def _begin(pages: list[Page], url: str, direct: str) -> Elsewhere:
    first = pages[0]
    first.goto(f"{url}/chat?site=demo&lang=en")
    first.locator("[data-part=agree]").click()
    _type(first, "the ride begins here")
    first.wait_for_function(IS_SHOWN, arg=2, timeout=30_000)
    own = first.evaluate("JSON.parse(localStorage.getItem('front-desk:demo:conversation'))")
    for page in pages[1:]:
        page.goto(f"{url}/chat?site=demo&lang=en")
    for page in pages:
        page.wait_for_function(IS_SHOWN, arg=2, timeout=30_000)
        page.evaluate(COUNT)
    return Elsewhere(direct, own)


def _one_cut(
    line: FaultyLine, pages: list[Page], elsewhere: Elsewhere, chance: random.Random, at: int
) -> float:
    """Return the seconds from the line being back to the new row being in every tab."""
    text = f"cut number {at} and on we go"
    if at % 3 == 0:
        line.cut_after(chance.randrange(1, 3000))
    else:
        line.cut()
    if at % 2:
        elsewhere.write(text)
    else:
        _type(pages[at % len(pages)], text)
    line.cut()
    time.sleep(LONG_DOWN_S if at % LONG_EVERY == LONG_EVERY // 2 else chance.uniform(*DOWN_S))
    line.mend()
    back_at = time.time()
    n = elsewhere.number_of(text)
    shown = [page.wait_for_function(IS_SHOWN, arg=n, timeout=60_000) for page in pages]
    return max(0.0, max(float(each.json_value()) for each in shown) / 1000 - back_at)


def _type(page: Page, text: str) -> None:
    page.locator("[data-part=text]").fill(text)
    page.locator("[data-part=send]").click()


def _count(found: Found, pages: list[Page], elsewhere: Elsewhere) -> None:
    numbers = elsewhere.numbers()
    found.rows = len(numbers)
    for page in pages:
        page.wait_for_function(IS_SHOWN, arg=numbers[-1], timeout=30_000)
        shown, came = page.evaluate(SHOWN), page.evaluate("window.came")
        found.missing += len(set(numbers) - set(shown))
        found.doubled += len(shown) - len(set(shown)) + sum(each > 1 for each in came.values())
        found.out_of_order += shown != sorted(shown)


def show_progress(found: Found) -> None:
    if len(found.back_s) % 25 == 0:
        slowest = max(found.back_s[-25:])
        print(f"  {len(found.back_s)} cuts; slowest of 25: {slowest:.1f} s", flush=True)


def run() -> int:
    folder = Path(tempfile.mkdtemp(prefix="cuts-"))
    total = Found()
    with Product(folder, LIMITS) as product, chromium() as browser:
        for at in range(RIDES):
            print(f"conversation {at + 1} of {RIDES}", flush=True)
            context = browser.new_context()
            total.add(ride(context, product, CUTS, TABS, seed=at, tell=show_progress))
            context.close()
            kept = keep("cuts", total.figures())
    print(kept.read_text(encoding="utf-8"))
    return 0 if total.is_good else 1


if __name__ == "__main__":
    sys.exit(run())
