"""Every row of the reliability table: the real fault, shown to have happened, then what it did.

`./clinic bench faults` takes minutes at small sizes; `--full` takes the sizes of the table, hours
on a small machine; a name runs one row alone. Each row says how the fault was seen, and is kept
when it ends. SIGINT ends its faults early: what came of those until then is checked and kept, with
their number.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import os
import random
import signal
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
import traceback
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import requests

from benchmarks import faults_articles, faults_clock, faults_desk, faults_load, faults_processes
from benchmarks.fault import (
    Fault,
    Line,
    Row,
    Skipped,
    enough,
    host_and_rasa,
    kept,
    until_enough,
    wait_for_messages,
    writing,
)
from benchmarks.fault_rows import FAILED, keep_row
from benchmarks.hosts import Host, Writer, check, insisting
from benchmarks.machines import NotHere, play
from tests.fakes import Mood

FALLBACK_S = 3.5
EVERYWHERE_WITHIN_S = 5.0


# The web process ---------------------------------------------------------------------------------


def kills(size: int, folder: Path) -> Row:
    with host_and_rasa(folder) as (host, _):
        writers = [Writer(host.url) for _ in range(6)]
        gone = 0
        with writing(writers):
            for number in until_enough(size):
                if number % 2 == 0:
                    host.wait()
                    wait_for_messages(writers, random.randint(0, 20))
                else:  # it may still be starting: taking up turns, reading its index
                    time.sleep(random.uniform(0.0, 3.0))
                host.kill()
                gone += host.is_gone()
                host.start()
            host.wait()
        messages = sum(check(writer) for writer in writers)
    assert gone
    seen = f"{gone} × exit by signal 9, every other while it started"
    return Row("kill -9 of the web process", gone, seen, kept(messages))


def repeats(size: int, folder: Path) -> Row:
    with host_and_rasa(folder) as (host, _):
        writers = [Writer(host.url) for _ in range(8)]

        def one(number: int) -> int:
            if enough.is_set():
                return 0
            writer, client_id = writers[number % len(writers)], uuid.uuid4().hex
            times = random.randint(1, 5)
            with ThreadPoolExecutor(times) as together:
                numbers = list(together.map(writer.post_until_taken, [client_id] * times))
            assert len(set(numbers)) == 1 and numbers[0], "one row, the same number back"
            body = {"client_id": client_id, "text": "other words"}
            path = f"{writer.path}/messages"
            answer = insisting(
                lambda: requests.post(path, json=body, headers=writer.headers, timeout=10)
            )
            assert answer.status_code == 409, answer.status_code
            writer.acknowledged[client_id] = numbers[0]
            return times

        with ThreadPoolExecutor(8) as pool:
            times = list(pool.map(one, range(size)))
        messages = sum(check(writer) for writer in writers)
    done = sum(posts > 0 for posts in times)
    assert messages == done
    seen = f"{sum(times)} posts of {done} messages, in parallel"
    return Row("the same message posted again", done, seen, f"{messages} rows, {done} × 409")


def cuts(size: int, folder: Path) -> Row:
    with host_and_rasa(folder) as (host, _), closing(CuttingProxy(host.port)) as proxy:
        writers = [Writer(host.url) for _ in range(4)]
        listeners = [Listener(proxy.port, writer) for writer in writers]
        with writing(writers):
            for listener in listeners:
                listener.start()
            while proxy.cuts < size and not enough.is_set():
                time.sleep(0.1)
        for writer in writers:
            writer.wait_until_answered()
        proxy.is_cutting = False
        for writer, listener in zip(writers, listeners, strict=True):
            last = writer.whole_log()[-1]["n"]
            listener.wait_for(last)
            listener.is_done = True
            assert listener.numbers == list(range(1, last + 1)), "each row once, in order"
        back = max(listener.slowest_s for listener in listeners)
    assert back <= 5.0, f"{back:.1f} s"
    rows = sum(len(listener.numbers) for listener in listeners)
    figure = f"{rows} rows once and in order, back within {back:.2f} s"
    return Row("a stream cut anywhere", proxy.cuts, f"{proxy.cuts} connections reset", figure)


class CuttingProxy(Line):
    """Passes bytes on until it has passed enough, then resets the connection."""

    def __init__(self, port: int) -> None:
        self.cuts = 0
        self.is_cutting = True
        super().__init__(port)

    def carry(self, client: socket.socket, server: socket.socket) -> None:
        left = random.randint(0, 6000)
        server.sendall(client.recv(65536))
        while piece := server.recv(512):
            if self.is_cutting and len(piece) >= left:
                client.sendall(piece[:left])
                linger = (1).to_bytes(4, "little") + bytes(4)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.cuts += 1
                return
            client.sendall(piece)
            left -= len(piece)


class Listener(threading.Thread):
    """The panel's side of a stream: reads events, says its last id when it comes back."""

    def __init__(self, port: int, writer: Writer) -> None:
        super().__init__(daemon=True)
        self.numbers: list[int] = []
        self.slowest_s = 0.0
        self.is_done = False
        self._port, self._writer = port, writer

    def run(self) -> None:
        while not self.is_done:
            with contextlib.suppress(OSError, http.client.HTTPException):
                self._read()

    def wait_for(self, n: int) -> None:
        deadline = time.monotonic() + 20
        while (self.numbers or [0])[-1] < n:
            assert time.monotonic() < deadline, f"row {n} did not come"
            time.sleep(0.05)

    def _read(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        last = str(self.numbers[-1] if self.numbers else 0)
        path = f"/api/v1/conversations/{self._writer.id}/stream"
        headers = {**self._writer.headers, "Last-Event-ID": last}
        with closing(connection):
            back_at: float | None = time.monotonic()
            connection.request("GET", path, headers=headers)
            stream, number = connection.getresponse(), 0
            while line := stream.readline():
                if line.startswith(b"id:"):
                    number = int(line[3:])
                elif line == b"\n":
                    if back_at is not None:
                        self.slowest_s = max(self.slowest_s, time.monotonic() - back_at)
                        back_at = None
                    if number:
                        self.numbers.append(number)
                    number = 0


# Rasa --------------------------------------------------------------------------------------------


def moods(size: int, folder: Path) -> Row:
    worst, usual, seen = 0.0, 0.0, []
    # None: nothing listens, and no connection is left from before.
    for together in ((*Mood,), (None,)):
        with host_and_rasa(folder / str(together[0])) as (host, rasa):
            counted: dict[str, float] = {}
            usual = max(usual, *(_seconds_to_reply(host) for _ in range(3)))  # nothing is wrong
            for mood in together:
                rasa.mood = mood
                if mood is None:
                    rasa.go_down()
                worst = max(worst, *(_seconds_to_reply(host) for _ in range(size)))
                before, counted = counted, _rasa_failures(host)
                failures = sorted(why for why in counted if counted[why] > before.get(why, 0))
                assert failures, f"{mood}: no failure was counted"
                seen.append(f"{mood or 'down'}: {'/'.join(failures)}")
    assert worst <= FALLBACK_S + max(0.5, usual), f"{worst:.2f} s, {usual:.2f} s with nothing wrong"
    tried = len(seen) * size
    figure = f"{tried} of {tried} answered, slowest {worst:.2f} s (goal {FALLBACK_S})"
    return Row("Rasa in a bad mood", size, "; ".join(seen), figure)


def _seconds_to_reply(host: Host) -> float:
    writer = Writer(host.url)
    started = time.monotonic()
    writer.post(uuid.uuid4().hex)
    _wait_for_bot(writer)
    return time.monotonic() - started


def _rasa_failures(host: Host) -> dict[str, float]:
    """Return how many there were of each kind."""
    return {
        name.split('why="')[1].rstrip('"}'): count
        for name, count in host.figures().items()
        if name.startswith("front_desk_rasa_failures_total")
    }


def _wait_for_bot(writer: Writer) -> None:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        if any(row["author"] == "bot" for row in writer.log()["messages"]):
            return
        time.sleep(0.02)
    raise AssertionError("no reply")


# The database and the disk -----------------------------------------------------------------------


def locked(size: int, folder: Path) -> Row:
    """size: seconds."""
    with host_and_rasa(folder) as (host, _):
        writers = [Writer(host.url) for _ in range(3)]
        file = host.var / "clinic.sqlite3"
        with writing(writers):
            time.sleep(1)
            with closing(sqlite3.connect(file, isolation_level=None, timeout=5)) as other:
                other.execute("begin immediate")
                time.sleep(size)
                other.execute("rollback")
            time.sleep(2)
        refused = sum(writer.refused.get(503, 0) for writer in writers)
        messages = sum(check(writer) for writer in writers)
    assert refused, "nobody met the lock"
    seen = f"{refused} posts answered 503 while it was held"
    return Row(f"database locked {size} s", size, seen, kept(messages))


def full_disk(size: int, folder: Path) -> Row:
    """size: how often the disk is filled."""
    disk = folder / "disk"
    disk.mkdir(parents=True)
    mounted = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mounted, capture_output=True).returncode != 0:
        raise Skipped("a small disk needs mount -t tmpfs, and so root")
    try:
        with host_and_rasa(disk) as (host, _):
            articles = {path: path.read_bytes() for path in host.articles.rglob("*.md")}
            writers = [Writer(host.url) for _ in range(3)]
            seen = 0
            with writing(writers):
                for _ in range(size):
                    time.sleep(1)
                    seen += _fill(disk / "ballast") == errno.ENOSPC
                    time.sleep(4)
                    (disk / "ballast").unlink()
                    time.sleep(2)
            refused = sum(writer.refused.get(503, 0) for writer in writers)
            messages = sum(check(writer) for writer in writers)
            assert all(path.read_bytes() == content for path, content in articles.items())
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
    assert seen == size and refused, (seen, refused)
    what = f"{seen} × ENOSPC, {refused} posts answered 503"
    return Row("disk full", size, what, f"{kept(messages)}; articles intact")


def _fill(file: Path) -> int | None:
    with file.open("wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(bytes(65536))
        except OSError as error:
            return error.errno


# Several hosts and all rows -----------------------------------------------------------------------


def machines(size: int, folder: Path) -> Row:
    """size: seconds of writing in each of the three parts."""
    try:
        came = play(folder, size)
    except NotHere as reason:
        raise Skipped(str(reason)) from None
    figure = (
        f"{kept(came.messages)}; {came.rows_on_streams} rows on streams once and in order, "
        f"elsewhere within {came.slowest_back_s} s, slowest answer {came.slowest_answer_s} s; an "
        f"article on all hosts {came.published_everywhere_s} s after the database had it"
    )
    assert came.published_everywhere_s <= EVERYWHERE_WITHIN_S, figure
    fault = "1 of 3 hosts cut off and killed, then a rolling restart"
    assert came.seen.startswith("cut off")
    return Row(fault, size, came.seen, figure)


FAULTS = {
    "kills": Fault(kills, small=4, full=1000),
    "workers": Fault(faults_processes.workers, small=2, full=50),
    "supervised": Fault(faults_processes.supervised, small=2, full=10),
    "databases": Fault(faults_processes.databases, small=2, full=50),
    "repeats": Fault(repeats, small=60, full=10_000),
    "cuts": Fault(cuts, small=40, full=1000),
    "drips": Fault(faults_load.drips, small=2, full=20),
    "moods": Fault(moods, small=1, full=20),
    "races": Fault(faults_desk.races, small=10, full=1000),
    "agents_gone": Fault(faults_desk.agents_gone, small=10, full=60),
    "clock": Fault(faults_clock.jumps, small=3, full=9),
    "overload": Fault(faults_load.overload, small=8, full=60),
    "locked": Fault(locked, small=5, full=10),
    "full_disk": Fault(full_disk, small=1, full=5),
    "damaged_articles": Fault(faults_articles.damaged_articles, small=40, full=200),
    "damaged_indexes": Fault(faults_articles.damaged_indexes, small=40, full=200),
    "reindexes": Fault(faults_articles.reindexes, small=10, full=100),
    "machines": Fault(machines, small=3, full=30),
}


def run(arguments: list[str]) -> int:
    """Return 0 when every row passed. arguments: --full, --size N, names of rows."""
    is_full = "--full" in arguments
    sizes = [int(each.removeprefix("--size=")) for each in arguments if each.startswith("--size=")]
    names = [each for each in arguments if not each.startswith("--")] or list(FAULTS)
    if unknown := [name for name in names if name not in FAULTS]:
        print(f"no fault {unknown[0]!r}; there are: {', '.join(FAULTS)}")
        return 2
    signal.signal(signal.SIGINT, lambda *_: enough.set())
    failed = 0
    for name in names:
        enough.clear()
        fault = FAULTS[name]
        size = sizes[0] if sizes else fault.full if is_full else fault.small
        failed += not _try(name, fault, size)
    return 1 if failed else 0


def _try(name: str, fault: Fault, size: int) -> bool:
    """Run one row, keep it at once, print it. Returns False when it failed."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="front-desk-fault-") as folder:
        try:
            row = fault.run(size, Path(folder))
        except Skipped as reason:
            print(f"{name:<17} not run: {reason}", flush=True)
            return True
        except Exception as error:  # a row that breaks off has shown nothing
            at = traceback.extract_tb(error.__traceback__)[-1]
            what = f"{type(error).__name__} {str(error)[-300:]}"
            row = Row(name, 0, "", f"{FAILED}: {what} ({Path(at.filename).name}: {at.line})")
    took_s = round(time.monotonic() - started)
    kept_in = keep_row(name, size, row, took_s)
    print(f"{name:<17} × {row.size:<6} {row.figure}\n{'':<17} fault: {row.seen} ({took_s} s)")
    print(f"{'':<17} {kept_in}", flush=True)
    return not row.figure.startswith(FAILED)
