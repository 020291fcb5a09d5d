"""Takes every state of every page in both themes, into a folder: to be looked at, not kept."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page, ViewportSize

from benchmarks import panel_states, staff_states
from benchmarks.browsing import chromium
from benchmarks.product import Product

Theme = Literal["light", "dark"]

PANEL: tuple[tuple[int, int, Theme], ...] = (
    (390, 844, "light"),
    (390, 844, "dark"),
    (320, 640, "light"),
    (1280, 800, "light"),
)
STAFF: tuple[tuple[int, int, Theme], ...] = (
    (1280, 800, "light"),
    (1280, 800, "dark"),
    (768, 1024, "light"),
    (768, 1024, "dark"),
)
SETTLE_MS = 250


@dataclass(frozen=True)
class Album:
    folder: Path
    looks: tuple[tuple[int, int, Theme], ...]
    whole_page: bool = False

    def take(self, page: Page, name: str) -> None:
        """Take the page at each size and theme; leave it at the first."""
        for width, height, theme in (*self.looks, self.looks[0]):
            page.emulate_media(color_scheme=theme)
            page.set_viewport_size(ViewportSize(width=width, height=height))
            page.wait_for_timeout(SETTLE_MS)
            path = self.folder / f"{name}-{width}-{theme}.png"
            page.screenshot(path=path, full_page=self.whole_page)


def take_all(folder: Path) -> int:
    """Start the product, walk through all, and say where the pictures are."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as place,
        Product(Path(place)) as product,
        chromium() as browser,
    ):
        for lang in panel_states.WORDS:
            panel_states.walk(browser, product, lang, Album(folder, PANEL).take)
        staff_states.walk(browser, product, Album(folder, STAFF, whole_page=True).take)
    print(f"{len(list(folder.glob('*.png')))} pictures are in {folder}")
    return 0
