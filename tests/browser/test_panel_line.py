"""A line that is cut again and again, delayed and jumbled: `./clinic bench cuts` at full size."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from benchmarks.cuts import BACK_WITHIN_S, ride
from benchmarks.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.faults]

CUTS = 14
TABS = 8


def test_every_row_comes_once_in_order_and_soon_to_all_of_eight_tabs(
    browser: Browser, product: Product
) -> None:
    context = browser.new_context()
    found = ride(context, product, CUTS, TABS)
    context.close()
    assert found.cuts >= CUTS
    assert (found.missing, found.doubled, found.out_of_order) == (0, 0, 0)
    assert max(found.back_s) <= BACK_WITHIN_S, found.figures()
    assert found.rows > CUTS
