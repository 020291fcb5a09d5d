"""Each process killed with -9 at random moments while patients write: worker, database, all."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.fault import (
    Row,
    Skipped,
    host_and_rasa,
    kept,
    until_enough,
    wait_for_messages,
    writing,
)
from benchmarks.hosts import Host, Writer, check
from benchmarks.product import Product
from launch import postgresql
from launch.places import ASSISTANT, BOT_PYTHON
from tests.fakes import FakeRasa


def workers(size: int, folder: Path) -> Row:
    """gunicorn lives on and has to start another worker by itself."""
    with host_and_rasa(folder) as (host, _):
        writers = [Writer(host.url) for _ in range(4)]
        killed: set[int] = set()
        with writing(writers):
            for _ in until_enough(size):
                wait_for_messages(writers, random.randint(0, 20))
                killed.add(pid := _worker_of(host, but_not=killed))
                os.kill(pid, signal.SIGKILL)
                host.wait()
        messages = sum(check(writer) for writer in writers)
        assert host.process is not None and host.process.poll() is None, "gunicorn lives"
        seen = host.log().count("was sent SIGKILL")
    assert seen >= len(killed) - 1, f"gunicorn noticed {seen} of {len(killed)}"
    what = f"{len(killed)} worker processes, {seen} noted by gunicorn"
    return Row("kill -9 of the worker alone", len(killed), what, kept(messages))


def _worker_of(host: Host, but_not: set[int]) -> int:
    assert host.process is not None
    children = Path(f"/proc/{host.process.pid}/task/{host.process.pid}/children")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if alive := set(map(int, children.read_text().split())) - but_not:
            return alive.pop()
        time.sleep(0.05)
    raise AssertionError("gunicorn started no worker")


def databases(size: int, folder: Path) -> Row:
    """PostgreSQL with all its processes, as in a power cut; it is started again some time later."""
    try:
        running = postgresql.server()
        with ExitStack() as stack:
            server = stack.enter_context(running)
            rasa = FakeRasa()
            stack.callback(rasa.go_down)
            host = Host(folder / "host", rasa.url, database=server.url)
            stack.callback(host.end)
            host.start()
            host.wait()
            writers = [Writer(host.url) for _ in range(4)]
            gone = 0
            with writing(writers):
                for _ in until_enough(size):
                    time.sleep(random.uniform(0.5, 3.0))
                    server.kill()
                    assert server.process is not None
                    gone += server.process.returncode == -signal.SIGKILL
                    time.sleep(random.uniform(0.0, 3.0))
                    server.start()
                time.sleep(2)
            host.wait()
            messages = sum(check(writer) for writer in writers)
            refused = sum(writer.refused.get(503, 0) for writer in writers)
    except postgresql.NoPostgresql as reason:
        raise Skipped(str(reason)) from None
    seen = f"{gone} × exit by signal 9, {refused} posts answered 503 meanwhile"
    return Row("kill -9 of PostgreSQL", gone, seen, kept(messages))


def supervised(size: int, folder: Path) -> Row:
    """What `./clinic run` started, the real assistant too: whichever is hit is started again."""
    if not (ASSISTANT.exists() and BOT_PYTHON.exists()):
        raise Skipped("there is no trained assistant: ./clinic train")
    limits = {"messages_per_minute = 20": "messages_per_minute = 100000"}
    killed = {"web": 0, "assistant": 0}
    with Product(folder, limits) as product:
        writers = [Writer(product.url) for _ in range(3)]
        with writing(writers):
            for number in until_enough(size):
                time.sleep(random.uniform(0.5, 3.0))
                name = ("assistant", "web")[number % 2]
                pid = int(str(product.processes()[f"{name}_pid"]))
                os.kill(pid, signal.SIGKILL)
                _wait_gone(pid)
                killed[name] += 1
                if number % 2:  # every other time both are on their way up
                    product.wait_until_ready()
            product.wait_until_ready()
        messages = sum(check(writer) for writer in writers)
        stopped = product.said().count("stopped (exit -9)")
    assert stopped == sum(killed.values()), (stopped, killed)
    seen = f"web {killed['web']} ×, assistant {killed['assistant']} ×; each noted and started again"
    return Row("kill -9 of what ./clinic run runs", stopped, seen, kept(messages))


def _wait_gone(pid: int) -> None:
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
