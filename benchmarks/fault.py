"""What the faults share: a row of the table, the host they happen to, and who writes meanwhile."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.hosts import Host, Writer
from tests.fakes import FakeRasa

enough = threading.Event()  # set: no further fault, check what came of those that were


@dataclass(frozen=True)
class Row:
    """seen: what shows that the fault happened. figure: what came of it, in numbers."""

    fault: str
    size: int
    seen: str
    figure: str


@dataclass(frozen=True)
class Fault:
    run: Callable[[int, Path], Row]
    small: int
    full: int


@contextmanager
def host_and_rasa(
    folder: Path, settings: dict[str, str] | None = None
) -> Iterator[tuple[Host, FakeRasa]]:
    rasa = FakeRasa()
    host = Host(folder / "host", rasa.url, settings=settings)
    try:
        host.start()
        host.wait()
        yield host, rasa
    finally:
        host.end()
        rasa.go_down()


@contextmanager
def writing(writers: list[Writer]) -> Iterator[None]:
    for writer in writers:
        writer.start()
    try:
        yield
    finally:
        for writer in writers:
            writer.stopping.set()
        for writer in writers:
            writer.join(30)


def wait_for_messages(writers: list[Writer], count: int) -> None:
    """Wait until so many more were acknowledged, whatever the pace of this machine."""
    before = sum(len(writer.acknowledged) for writer in writers)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if sum(len(writer.acknowledged) for writer in writers) - before >= count:
            return
        time.sleep(0.005)


def kept(messages: int) -> str:
    return f"{messages} messages, 0 lost, doubled, unanswered or out of order"


def until_enough(size: int) -> Iterator[int]:
    for number in range(size):
        if enough.is_set():
            return
        yield number


class Skipped(Exception):
    """This machine cannot make the fault."""


class Line:
    """Between clients and a port. Each kind of line passes bytes on in its own way (`pass_on`, or
    all of `carry`); both ends are closed when that is over."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._socket.accept()
                threading.Thread(target=self._join, args=(client,), daemon=True).start()

    def _join(self, client: socket.socket) -> None:
        with (
            client,
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self._to)) as server,
        ):
            self.carry(client, server)

    def carry(self, client: socket.socket, server: socket.socket) -> None:
        """Both ways at once, each as `pass_on` does."""
        back = threading.Thread(target=self._one_way, args=(server, client), daemon=True)
        back.start()
        self._one_way(client, server)
        back.join()

    def _one_way(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            self.pass_on(source, target)

    def pass_on(self, source: socket.socket, target: socket.socket) -> None:
        raise NotImplementedError
