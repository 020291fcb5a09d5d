"""A line that is cut again and again, delayed and jumbled: `./clinic bench cuts` at full size.

The bench holds every row to five seconds. Here other tests may have the machine for a while, so
half of the rows are held to it, and none may be forgotten until the next reload.
"""

from __future__ import annotations

import statistics
from contextlib import closing

import pytest
from playwright.sync_api import Browser

from benchmarks.cuts import BACK_WITHIN_S, ride
from benchmarks.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.faults]

CUTS = 14
TABS = 8
FORGOTTEN_AFTER_S = 20.0


def test_every_row_comes_once_in_order_and_soon_to_all_of_eight_tabs(
    browser: Browser, product: Product
) -> None:
    with closing(browser.new_context()) as context:
        found = ride(context, product, CUTS, TABS)
    assert found.cuts >= CUTS
    assert (found.missing, found.doubled, found.out_of_order) == (0, 0, 0)
    assert statistics.median(found.back_s) <= BACK_WITHIN_S, found.figures()
    assert max(found.back_s) <= FORGOTTEN_AFTER_S, found.figures()
    assert found.rows > CUTS
