"""What `./clinic bench cuts` and `./clinic bench panel` measure with."""

from __future__ import annotations

import gzip
import random
import socket
import socketserver
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.faulty_line import FaultyLine
from benchmarks.panel import Visit, is_good, summary
from benchmarks.panel_pages import HOST, Chat, Pages

SENT = bytes(range(256)) * 400


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(65536):
            self.request.sendall(data)


@pytest.fixture
def line() -> Iterator[FaultyLine]:
    """A line to a server that says what it hears."""
    with socketserver.ThreadingTCPServer((HOST, 0), Echo) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = int(server.server_address[1])
        with FaultyLine(port, chance=random.Random(1), max_delay_s=0.01) as faulty:
            yield faulty
        server.shutdown()


def call(line: FaultyLine) -> socket.socket:
    return socket.create_connection((HOST, line.port), timeout=10)


def heard(caller: socket.socket, size: int) -> bytes:
    """Return what comes until there are `size` bytes, or the line is cut."""
    found = b""
    try:
        while len(found) < size and (data := caller.recv(65536)):
            found += data
    except ConnectionError:
        pass
    return found


def test_the_line_carries_all_in_its_order(line: FaultyLine) -> None:
    with call(line) as caller:
        threading.Thread(target=caller.sendall, args=(SENT,), daemon=True).start()
        assert heard(caller, len(SENT)) == SENT
    assert line.cuts == 0


def test_a_cut_breaks_every_call_and_lets_none_be_made(line: FaultyLine) -> None:
    with call(line) as caller, call(line) as other:
        for each in (caller, other):
            each.sendall(b"hello")
            assert heard(each, 5) == b"hello"
        line.cut()
        assert heard(caller, 1) == heard(other, 1) == b""
    with call(line) as late:
        assert heard(late, 1) == b""
    line.mend()
    with call(line) as again:
        again.sendall(b"hello")
        assert heard(again, 5) == b"hello"
    assert line.cuts == 1


def test_a_cut_in_the_middle_lets_only_so_much_through(line: FaultyLine) -> None:
    with call(line) as caller:
        line.cut_after(7)
        caller.sendall(b"event: message")
        assert b"event: ".startswith(heard(caller, 14))
    assert line.is_down
    assert line.cuts == 1


def seen(typed_ms: float, *hosts: str) -> list[Visit]:
    return [Visit(typed_ms=typed_ms, requests=[f"http://{host}/a.js" for host in hosts])]


BESIDE = {"ours": "", "ours, open": "", "peer": "ours", "open peer": "ours, open"}


def rows(**changes: list[Visit]) -> dict[str, dict[str, Any]]:
    visits = {"ours": seen(200), "ours, open": seen(100), "peer": seen(300, "fonts.example")}
    return summary({**visits, "open peer": seen(150), **changes}, BESIDE)


def test_a_peer_stands_beside_ours_of_its_kind() -> None:
    found = rows()
    assert (found["peer"]["ratio"], found["open peer"]["ratio"]) == (1.5, 1.5)
    assert found["peer"]["elsewhere"] == ["fonts.example"]
    assert is_good(found)


def test_it_fails_where_a_peer_is_sooner_or_ours_asks_others() -> None:
    assert not is_good(rows(peer=seen(199)))
    assert not is_good(rows(ours=seen(200, HOST, "fonts.example")))


def test_a_page_holds_its_chats_tag_and_travels_as_gzip() -> None:
    chat = Chat("some-chat", "#text", tag='<some-chat url="{socket}"></some-chat>')
    with Pages([chat], "http://socket.example") as pages:
        request = urllib.request.Request(pages.url(chat), headers={"Accept-Encoding": "gzip"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            page = gzip.decompress(answer.read()).decode()
    assert '<some-chat url="http://socket.example"></some-chat>' in page
