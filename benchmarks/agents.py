"""An agent at a host, over HTTP as a browser would be: signed in, with a console open or not."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import threading
import time

import requests

from benchmarks.hosts import Host
from benchmarks.product import ROOT

PASSWORD = "correct horse battery staple"
JSON = {"Accept": "application/json"}


class Agent:
    """One signed-in session. `handoffs`: claim, resolve and so on, as the console's script does."""

    def __init__(self, host: Host, name: str, role: str = "agent") -> None:
        self.name = name
        self.url = host.url
        self.email = f"{name.lower()}@clinic.example"
        add_account(host, name, self.email, role)
        self.session = requests.Session()
        self.sign_in()

    def sign_in(self) -> None:
        page = self._get("/account/sign-in").text
        csrf = found(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        form = {"email": self.email, "password": PASSWORD, "csrf_token": csrf}
        self.session.post(f"{self.url}/account/sign-in", data=form, timeout=30)
        console = self._get("/console/")
        assert "/account/sign-in" not in console.url, "signed in"
        token = re.search(r'data-csrf="([^"]+)"', console.text)
        self._token = token[1] if token else ""  # who is no agent has no console

    def handoff_of(self, conversation_id: str) -> int:
        page = self._get(f"/console/conversations/{conversation_id}").text
        return int(found(r"/console/handoffs/(\d+)/claim", page))

    def act(self, handoff_id: int, act: str) -> requests.Response:
        return self._post(f"/console/handoffs/{handoff_id}/{act}", {})

    def ping(self) -> None:
        self._post("/console/ping", {"active": True})

    def is_at(self, conversation_id: str) -> bool:
        """Tell whether this agent has the conversation: there the page offers to end it."""
        return "/resolve" in self._get(f"/console/conversations/{conversation_id}").text

    def status(self, path: str) -> int:
        return self._get(path).status_code

    def _get(self, path: str) -> requests.Response:
        return self.session.get(f"{self.url}{path}", timeout=30)

    def _post(self, path: str, body: dict[str, bool]) -> requests.Response:
        headers = {**JSON, "X-CSRFToken": self._token}
        return self.session.post(f"{self.url}{path}", json=body, headers=headers, timeout=30)


class Console(threading.Thread):
    """The open page: it reads the stream and answers each beat, until it is closed or asleep."""

    def __init__(self, agent: Agent) -> None:
        super().__init__(daemon=True)
        self.agent = agent
        self.is_closed = threading.Event()
        self.is_asleep = threading.Event()
        self._stream: requests.Response | None = None

    def run(self) -> None:
        while not self.is_closed.is_set():
            with contextlib.suppress(requests.RequestException, AttributeError):
                self._follow()

    def close(self) -> None:
        """The window is shut: the connection ends, and no other is made."""
        self.is_closed.set()
        if self._stream is not None:
            self._stream.close()

    def sleep(self) -> None:
        """The lid is shut: the connection stands, nobody reads it and nothing is said."""
        self.is_asleep.set()

    def _follow(self) -> None:
        agent = self.agent
        headers = {"Accept": "text/event-stream"}
        with agent.session.get(
            f"{agent.url}/console/stream", stream=True, headers=headers, timeout=70
        ) as self._stream:
            for line in self._stream.iter_lines(chunk_size=1):
                if self.is_asleep.is_set():
                    self.is_closed.wait()
                if self.is_closed.is_set():
                    return
                if line == b"event: beat":
                    agent.ping()


def add_account(host: Host, name: str, email: str, role: str) -> None:
    command = [sys.executable, "-m", "web.cli", "staff", "add", "--role", role]
    command += ["--name", name, "--email", email, "--password-stdin"]
    for tries_left in reversed(range(10)):  # a busy machine may refuse a write
        done = subprocess.run(
            command, cwd=ROOT, env=host.environment, input=f"{PASSWORD}\n", text=True,
            capture_output=True,
        )  # fmt: skip
        if done.returncode == 0:
            return
        assert tries_left, done.stderr[-500:]
        time.sleep(1)


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match, f"no {pattern} in {len(text)} characters"
    return match[1]
