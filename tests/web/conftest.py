"""What most tests of the staff's pages begin with; some have a desk of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.staff_desk import Desk
from web.models import Staff


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.close()


@pytest.fixture
def ana(desk: Desk) -> Staff:
    """An agent whose console is open."""
    return desk.agent("Ana")
