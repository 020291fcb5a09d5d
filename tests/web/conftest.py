"""What most tests of the staff's pages begin with; some have a desk of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.editor_desk import Writing, writing
from tests.web.staff_desk import Desk, PageClient
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


@pytest.fixture
def review_settings() -> dict[str, bool]:
    """How the clinic of `room` publishes: as shipped, where somebody else has to say yes."""
    return {}


@pytest.fixture
def room(tmp_path: Path, review_settings: dict[str, bool]) -> Iterator[Writing]:
    with writing(tmp_path, review=review_settings) as room:
        yield room


@pytest.fixture
def eli(room: Writing) -> PageClient:
    return room.someone()
