"""Each fault of the reliability table at a small size: injected for real, seen, and survived.

Rule: the real gunicorn on a real database; only Rasa is a fake. `./clinic bench faults --full`
takes the sizes of the table.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from benchmarks import faults
from benchmarks.hosts import Host, Writer
from tests.fakes import FakeRasa

pytestmark = pytest.mark.faults

SIZES = {
    "kills": 4,
    "workers": 1,
    "databases": 1,
    "repeats": 40,
    "cuts": 25,
    "drips": 1,
    "moods": 1,
    "races": 6,
    "agents_gone": 8,
    "clock": 2,
    "overload": 6,
    "locked": 4,
    "full_disk": 1,
    "damaged_articles": 40,
    "damaged_indexes": 20,
    "machines": 2,
}


@pytest.mark.parametrize("name", SIZES)
def test_it_survives(name: str, tmp_path: Path) -> None:
    try:
        row = faults.FAULTS[name].run(SIZES[name], tmp_path)
    except faults.Skipped as reason:
        pytest.skip(str(reason))
    assert row.seen, "the fault happened"


def test_it_stops_soon_with_streams_open(tmp_path: Path, rasa: FakeRasa) -> None:
    server = Host(tmp_path, rasa.url)
    server.start()
    try:
        server.wait()
        writer = Writer(server.url)
        with requests.get(
            f"{writer.path}/stream", headers=writer.headers, stream=True, timeout=20
        ) as stream:
            assert next(stream.iter_content(64))
            assert server.stop() < 6.0
    finally:
        server.end()
