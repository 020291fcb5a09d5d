"""What goes wrong at the desk: agents race for one patient, and agents vanish without a word."""

from __future__ import annotations

import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import requests

from benchmarks.agents import Agent, Console
from benchmarks.fault import Line, Row, host_and_rasa, until_enough
from benchmarks.hosts import Writer, insisting
from web.background import SWEEP_S
from web.desk.presence import SILENCE_SHARE

RACERS = ("Ana", "Bea", "Cleo")
GONE = ("closed", "asleep", "cut off")


def races(size: int, folder: Path) -> Row:
    """size: handoffs; each is claimed by all at the same moment."""
    with host_and_rasa(folder) as (host, _), ThreadPoolExecutor(len(RACERS)) as pool:
        agents = [Agent(host, name) for name in RACERS]
        patients = [Writer(host.url) for _ in range(10)]
        together = threading.Barrier(len(agents))
        won = dict.fromkeys(RACERS, 0)
        read = {patient.id: 0 for patient in patients}
        told = overlaps = done = 0

        def claim(agent: Agent, handoff: int) -> tuple[float, float, requests.Response]:
            together.wait(30)
            began = time.monotonic()
            return began, time.monotonic(), agent.act(handoff, "claim")

        for number in until_enough(size):
            patient = patients[number % len(patients)]
            ask_for_person(patient)
            handoff = agents[number % len(agents)].handoff_of(patient.id)
            claims = list(pool.map(claim, agents, [handoff] * len(agents)))
            begun = [began for began, _, _ in claims]
            overlaps += max(begun) - min(begun) < min(c[2].elapsed.total_seconds() for c in claims)
            owner = one_owner(agents, [answer for _, _, answer in claims])
            told += len(agents) - 1
            won[owner.name] += 1
            rows = patient.log(read[patient.id])["messages"]
            read[patient.id] = rows[-1]["n"]
            assert lines(rows, r"(\w+) joined") == [owner.name], "the patient was told of the owner"
            assert owner.act(handoff, "resolve").ok
            done += 1
    seen = f"{len(RACERS)} sessions claimed at once, {overlaps} of {done} while another's ran"
    share = ", ".join(f"{name} {count}" for name, count in won.items())
    figure = f"one owner each ({share}), {told} others told who"
    return Row("races of agents for one handoff", done, seen, figure)


def one_owner(agents: list[Agent], answers: list[requests.Response]) -> Agent:
    """Return who got it. The others were refused, and told the owner's name."""
    owners = [agent for agent, answer in zip(agents, answers, strict=True) if answer.ok]
    assert len(owners) == 1, [answer.status_code for answer in answers]
    for answer in answers:
        if not answer.ok:
            error = answer.json()["error"]
            assert (answer.status_code, error["code"]) == (409, "already_claimed")
            assert error["message"].startswith(f"{owners[0].name} claimed")
    return owners[0]


def ask_for_person(patient: Writer) -> None:
    path = f"{patient.path}/handoff"
    answer = insisting(lambda: requests.post(path, headers=patient.headers, timeout=30))
    assert answer.status_code == 202, answer.text


def lines(rows: list[dict[str, Any]], pattern: str) -> list[str]:
    """Return what the pattern names in what the system said."""
    texts = (row["html"] for row in rows if row["author"] == "system")
    return [match[1] for text in texts if (match := re.search(pattern, text))]


# Gone --------------------------------------------------------------------------------------------


def agents_gone(size: int, folder: Path) -> Row:
    """size: `agent_absent_after_s`, 60 as shipped."""
    absent_after = {"CLINIC_LIMITS__AGENT_ABSENT_AFTER_S": str(size)}
    with ExitStack() as stack:
        host, _ = stack.enter_context(host_and_rasa(folder, absent_after))
        line = stack.enter_context(closing(DeadLine(host.port)))
        agents = {how: Agent(host, name) for how, name in zip(GONE, RACERS, strict=True)}
        agents["cut off"].url = line.url
        agents["there"] = Agent(host, "Dora")
        consoles = {how: Console(agent) for how, agent in agents.items()}
        for console in consoles.values():
            stack.callback(console.close)
        patients = {how: Writer(host.url) for how in agents}
        for how, agent in agents.items():
            consoles[how].start()
            ask_for_person(patients[how])
            assert agent.act(agent.handoff_of(patients[how].id), "claim").ok
        alive = stack.enter_context(pinging(agents["there"]))
        gone_at = time.monotonic()
        consoles["closed"].close()
        consoles["asleep"].sleep()
        line.die()
        took = {how: _told_gone_s(patients[how], gone_at, size) for how in GONE}
        assert consoles["asleep"].is_alive() and line.swallowed >= 0 and alive.is_alive()
        assert not _told_gone(patients["there"]), "she is there"
    slowest = max(took.values())
    assert slowest <= max(size, size * SILENCE_SHARE + 2 * SWEEP_S), took
    shown = ", ".join(f"{how} {seconds:.0f} s" for how, seconds in took.items())
    seen = "window shut; lid shut, its stream unread; link dead, both ends still open"
    return Row("an agent's browser gone", size, seen, f"back in the queue, patient told: {shown}")


class pinging(threading.Thread):
    """A console that is really there, whatever the beat of the stream."""

    def __init__(self, agent: Agent) -> None:
        super().__init__(daemon=True)
        self._agent, self._over = agent, threading.Event()

    def run(self) -> None:
        while not self._over.wait(1.0):
            self._agent.ping()

    def __enter__(self) -> pinging:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join(30)


def _told_gone_s(patient: Writer, since: float, within_s: float) -> float:
    while not _told_gone(patient):
        assert time.monotonic() - since < within_s + 20, "nobody told the patient"
        time.sleep(0.25)
    return time.monotonic() - since


def _told_gone(patient: Writer) -> list[str]:
    return lines(patient.whole_log(), r"(\w+) lost the connection")


class DeadLine(Line):
    """Passes bytes on until it dies: then nothing passes, and neither end is told."""

    def __init__(self, port: int) -> None:
        self.swallowed = 0
        self._is_dead = threading.Event()
        super().__init__(port)
        self.url = f"http://127.0.0.1:{self.port}"

    def die(self) -> None:
        self._is_dead.set()

    def pass_on(self, source: socket.socket, target: socket.socket) -> None:
        while piece := source.recv(65536):
            if self._is_dead.is_set():
                self.swallowed += len(piece)
            else:
                target.sendall(piece)
        if not self._is_dead.is_set():
            target.shutdown(socket.SHUT_WR)
