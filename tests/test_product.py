"""What the benches and the browser tests run leaves nothing behind."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from benchmarks import product
from benchmarks.product import Product, ProductNotReady


class Impatient(Product):
    """Gives up as soon as the web process and the assistant have been started."""

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + product.READY_WITHIN_S
        while not (self.var / "processes.json").exists():
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)
        raise ProductNotReady("not ready in time")


def gone(pid: object) -> bool:
    """Wait until a process has ended; a zombie, which is nobody's child any more, has."""
    deadline = time.monotonic() + 30
    stat = Path(f"/proc/{pid}/stat")
    while time.monotonic() < deadline:
        try:
            if stat.read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.rasa
@pytest.mark.parametrize("stop_within_s", [30.0, 0.0])
def test_a_product_that_is_not_ready_in_time_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_within_s: float
) -> None:
    monkeypatch.setattr(product, "STOP_WITHIN_S", stop_within_s)
    late = Impatient(tmp_path)
    with pytest.raises(ProductNotReady), late:
        pytest.fail("it was not ready")
    noted = late.processes()
    assert gone(noted["web_pid"]) and gone(noted["assistant_pid"])
