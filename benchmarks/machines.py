"""Several hosts on one PostgreSQL, each in a network namespace: one is cut off, then killed.

Patients write and read all the while, through whichever host answers. Then every host is restarted
in turn. Needs root, for the namespaces, and PostgreSQL's programs.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import secrets
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import requests

from benchmarks.hosts import Host, Writer, check
from launch.postgresql import NoPostgresql, throw_away
from tests.fakes import FakeRasa

HOSTS = 3
WRITERS = 6


class NotHere(Exception):
    """This machine cannot make network namespaces, or has no PostgreSQL."""


@dataclass(frozen=True)
class Came:
    """seen: what shows that the host was really gone."""

    seen: str
    messages: int
    rows_on_streams: int
    slowest_back_s: float
    slowest_answer_s: float
    published_everywhere_s: float


class Network:
    """A bridge, and a namespace with an address of its own for each host."""

    def __init__(self) -> None:
        mark = secrets.token_hex(2)
        self.number = 64 + int(mark[:2], 16) % 128
        self.bridge = f"fd-{mark}"
        self.names = [f"fd-{mark}-{number}" for number in range(HOSTS)]

    def address(self, host: int | None = None) -> str:
        """Return a host's address, or the one where they meet."""
        return f"10.77.{self.number}.{1 if host is None else host + 10}"

    def make(self) -> None:
        _ip("link", "add", self.bridge, "type", "bridge")
        _ip("addr", "add", f"{self.address()}/24", "dev", self.bridge)
        _ip("link", "set", self.bridge, "up")
        for number, name in enumerate(self.names):
            _ip("netns", "add", name)
            _ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("link", "set", name, "master", self.bridge, "up")
            inside = ("-n", name)
            _ip(*inside, "addr", "add", f"{self.address(number)}/24", "dev", "eth0")
            _ip(*inside, "link", "set", "eth0", "up")
            _ip(*inside, "link", "set", "lo", "up")

    def cut(self, host: int) -> None:
        _ip("link", "set", self.names[host], "down")

    def join(self, host: int) -> None:
        _ip("link", "set", self.names[host], "up")

    def remove(self) -> None:
        for name in self.names:
            with contextlib.suppress(NotHere):
                _ip("netns", "del", name)
        with contextlib.suppress(NotHere):
            _ip("link", "del", self.bridge)


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise NotHere(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


class Panel(threading.Thread):
    """A patient's open panel: the stream of whichever host answers, each row written down."""

    def __init__(self, writer: Writer, urls: list[str]) -> None:
        super().__init__(daemon=True)
        self.numbers: list[int] = []
        self.slowest_s = 0.0
        self.is_done = False
        self._writer, self._urls = writer, list(urls)

    def run(self) -> None:
        lost_at: float | None = None
        while not self.is_done:
            try:
                self._read(lost_at)
            except (OSError, http.client.HTTPException):
                pass
            lost_at = time.monotonic()
            self._urls.append(self._urls.pop(0))

    def _read(self, lost_at: float | None) -> None:
        # A heartbeat comes each 15 s: who hears nothing for longer goes elsewhere.
        place = urlsplit(self._urls[0]).netloc
        connection = http.client.HTTPConnection(place, timeout=2)
        last = str(self.numbers[-1] if self.numbers else 0)
        path = f"/api/v1/conversations/{self._writer.id}/stream"
        with closing(connection):
            headers = {**self._writer.headers, "Last-Event-ID": last}
            connection.request("GET", path, headers=headers)
            stream, number = connection.getresponse(), 0
            if stream.status != 200:
                return
            if lost_at is not None:
                self.slowest_s = max(self.slowest_s, time.monotonic() - lost_at)
            assert connection.sock is None or connection.sock.settimeout(17) is None
            while line := stream.readline():
                if line.startswith(b"id:"):
                    number = int(line[3:])
                elif line == b"\n" and number:
                    self.numbers.append(number)
                    number = 0


def play(folder: Path, writing_s: float) -> Came:
    """Write for a while, cut a host off, kill it, restart all in turn; check every message."""
    if os.geteuid() != 0:
        raise NotHere("network namespaces need root")
    with ExitStack() as stack:
        network = Network()
        stack.callback(network.remove)
        network.make()
        where = network.address()
        try:
            database = stack.enter_context(throw_away(where, trust=f"10.77.{network.number}.0/24"))
        except NoPostgresql as reason:
            raise NotHere(str(reason)) from None
        rasa = FakeRasa(where)
        stack.callback(rasa.go_down)
        hosts = [_host(folder, network, number, database, rasa) for number in range(HOSTS)]
        for host in hosts:
            stack.callback(host.end)
            host.start()
        for host in hosts:
            host.wait()
        return _write_through_it_all(network, hosts, writing_s)


def _host(folder: Path, network: Network, number: int, database: str, rasa: FakeRasa) -> Host:
    inside = ("ip", "netns", "exec", network.names[number])
    keys = {"CLINIC_KEYS_FILE": str(folder / "keys")}  # the operator gives all hosts the same
    return Host(
        folder / f"host-{number}",
        rasa.url,
        address=network.address(number),
        database=database,
        before=inside,
        settings=keys,
    )


def _write_through_it_all(network: Network, hosts: list[Host], writing_s: float) -> Came:
    urls = [host.url for host in hosts]
    writers = [Writer(*urls[n % HOSTS :], *urls[: n % HOSTS]) for n in range(WRITERS)]
    panels = [Panel(writer, writer.urls) for writer in writers]
    for thread in (*writers, *panels):
        thread.start()
    time.sleep(writing_s)
    with _lost(network, hosts[0]) as seen:
        time.sleep(writing_s)
    for host in hosts:  # a rolling restart
        if host.process is not None and host.process.poll() is None:
            host.stop()
        host.start()
        host.wait()
    time.sleep(writing_s)
    for writer in writers:
        writer.stopping.set()
    for writer in writers:
        writer.join(30)
    everywhere_s = _publish(hosts)  # now that nobody else wants this machine's cores
    messages = sum(check(writer) for writer in writers)
    for writer, panel in zip(writers, panels, strict=True):
        _check_panel(writer, panel)
    answers = [_slowest_answer_s(writer) for writer in writers]
    rows = sum(len(panel.numbers) for panel in panels)
    back = max(panel.slowest_s for panel in panels)
    return Came(
        seen[0], messages, rows, round(back, 2), round(max(answers), 2), round(everywhere_s, 2)
    )


def _publish(hosts: list[Host]) -> float:
    """Change an article on the first host. Returns how long after the database had it the last of
    the others showed it."""
    word = f"word-{secrets.token_hex(6)}"
    file = sorted((hosts[0].articles / "en").rglob("*.md"))[0]
    article = file.relative_to(hosts[0].articles).with_suffix("").as_posix()
    file.write_text(f"{file.read_text(encoding='utf-8')}\nLook for {word}.\n", encoding="utf-8")
    _wait_until_recorded(hosts[0], article)
    recorded_at = time.monotonic()
    for host in hosts:
        _wait_for_word(host, f"/help/{article}", word, 60.0)
    return time.monotonic() - recorded_at


def _wait_until_recorded(host: Host, article: str) -> None:
    changed = "select 1 from revision where article_id = %s and number > 1"
    deadline = time.monotonic() + 60
    url = host.environment["CLINIC_DATABASE_URL"].replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as database:
        while database.execute(changed, (article,)).fetchone() is None:
            assert time.monotonic() < deadline, f"{article} was not taken up"
            time.sleep(0.05)


def _wait_for_word(host: Host, page: str, word: str, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while word not in requests.get(f"{host.url}{page}", timeout=10).text:
        assert time.monotonic() < deadline, f"{page} is not on {host.url}"
        time.sleep(0.05)


@contextmanager
def _lost(network: Network, host: Host) -> Iterator[list[str]]:
    """Cut its link, look that it is gone, kill it; give the link back at the end."""
    network.cut(0)
    time.sleep(3)
    try:
        host.figures()
        seen = "STILL THERE"
    except OSError as error:
        seen = f"cut off ({type(error).__name__})"
    host.kill()
    assert host.is_gone()
    yield [f"{seen}, then exit by signal 9"]
    network.join(0)


def _check_panel(writer: Writer, panel: Panel) -> None:
    last = writer.whole_log()[-1]["n"]
    deadline = time.monotonic() + 30
    while (panel.numbers or [0])[-1] < last:
        assert time.monotonic() < deadline, f"row {last} never came: {panel.numbers[-3:]}"
        time.sleep(0.1)
    panel.is_done = True
    assert panel.numbers == list(range(1, last + 1)), "each row once, in order"


def _slowest_answer_s(writer: Writer) -> float:
    """Return the longest a patient's row waited for the next one of the bot."""
    rows, slowest = writer.whole_log(), 0.0
    waiting: list[float] = []
    for row in rows:
        at = _seconds(row["at"])
        if row["author"] == "patient":
            waiting.append(at)
        elif waiting:
            slowest = max(slowest, at - waiting.pop(0))
    return slowest


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
