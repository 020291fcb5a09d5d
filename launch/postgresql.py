"""A throw-away PostgreSQL for tests and benchmarks: its own folder, its own port, gone afterwards.

Rule: nothing of a PostgreSQL that runs on this machine is touched. Its files lie in memory where
there is such a place, and it flushes as a live one does, unless told otherwise.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

READY_WITHIN_S = 30.0
USER = "front_desk"
OWNER = "postgres"  # the server refuses to run as root


class NoPostgresql(Exception):
    """The server's programs are not on this machine."""


@contextmanager
def throw_away(
    listen: str = "127.0.0.1", port: int = 0, *, trust: str = "", flush: bool = True
) -> Iterator[str]:
    """Start one, yield the URL of its empty database, stop and remove it.

    trust: a further network that may connect, e.g. "10.77.0.0/24". flush: whether a commit waits
    for the disk. Raises NoPostgresql.
    """
    with server(listen, port, trust=trust, flush=flush) as running:
        yield running.url


@contextmanager
def server(
    listen: str = "127.0.0.1", port: int = 0, *, trust: str = "", flush: bool = True
) -> Iterator[Server]:
    """Do what `throw_away` does, for who wants to kill it and start it again."""
    programs = find_programs()
    folder = Path(tempfile.mkdtemp(prefix="front-desk-postgresql-"))
    try:
        options = {"listen_addresses": listen, "max_connections": 300}
        options |= {"unix_socket_directories": str(folder), "fsync": "on" if flush else "off"}
        running = Server(programs, folder, listen.split(",")[0], port or _free_port(), options)
        running.make(trust)
        try:
            running.start()
            yield running
        finally:
            running.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Server:
    """One server in a folder of its own."""

    def __init__(
        self, programs: Path, folder: Path, host: str, port: int, options: dict[str, object]
    ) -> None:
        self.url = f"postgresql+psycopg://{USER}@{host}:{port}/postgres"
        self.process: subprocess.Popen[bytes] | None = None
        self._programs, self._folder, self._port = programs, folder, port
        self._cluster = folder / "cluster"
        self._options = {**options, "port": port}
        self._as_owner = _as_owner(folder)

    def make(self, trust: str) -> None:
        command = [str(self._programs / "initdb"), "-D", str(self._cluster), "-U", USER]
        command += ["-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run([*self._as_owner, *command], check=True, capture_output=True, cwd="/")
        if trust:
            with (self._cluster / "pg_hba.conf").open("a") as rules:
                rules.write(f"host all all {trust} trust\n")

    def start(self) -> None:
        """Return when it answers. Raises NoPostgresql."""
        command = [str(self._programs / "postgres"), "-D", str(self._cluster)]
        for name, value in self._options.items():
            command += ["-c", f"{name}={value}"]
        with (self._folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self._as_owner, *command], stdout=log, stderr=log, cwd="/", start_new_session=True
            )
        deadline = time.monotonic() + READY_WITHIN_S
        ready = [str(self._programs / "pg_isready"), "-q", "-h", str(self._folder)]
        while subprocess.run([*ready, "-p", str(self._port)]).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise NoPostgresql((self._folder / "server.log").read_text()[-1000:])
            time.sleep(0.05)

    def kill(self) -> None:
        """End it with all its processes at once, as a power cut would."""
        assert self.process is not None
        for pid in _family(self.process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process is None:
            return
        stop = [str(self._programs / "pg_ctl"), "-D", str(self._cluster), "stop", "-m", "immediate"]
        subprocess.run([*self._as_owner, *stop], capture_output=True, cwd="/")
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()


def _family(pid: int) -> list[int]:
    """Return a process and those it started: each of the server's has a session of its own."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    return [pid, *map(int, children.read_text().split())] if children.exists() else [pid]


def find_programs() -> Path:
    """Return the folder with initdb and postgres, the newest version. Raises NoPostgresql."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: path.parts[-3]
    )
    if not folders:
        raise NoPostgresql("no initdb: install PostgreSQL (on Debian: apt-get install postgresql)")
    return folders[-1].parent


def install() -> bool:
    """Install the server where this is Debian or Ubuntu and we may. Returns whether it is there."""
    try:
        find_programs()
        return True
    except NoPostgresql:
        pass
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "install", "-y", "--no-install-recommends", "postgresql"]
    subprocess.run(command, env=environment, capture_output=True)
    return bool(list(Path("/usr/lib/postgresql").glob("*/bin/initdb")))


def _as_owner(folder: Path) -> list[str]:
    if os.geteuid() != 0:
        return []
    try:
        owner = pwd.getpwnam(OWNER)
    except KeyError:
        raise NoPostgresql(f"root may not run PostgreSQL, and there is no user {OWNER}") from None
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    return ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
