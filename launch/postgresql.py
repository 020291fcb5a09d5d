"""A throw-away PostgreSQL for tests and benchmarks: its own folder, its own port, gone afterwards.

Rule: nothing of a PostgreSQL that runs on this machine is touched. Its files lie in memory where
there is such a place, and it flushes as a live one does, unless told otherwise.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
    programs = find_programs()
    port = port or _free_port()
    folder = Path(tempfile.mkdtemp(prefix="front-desk-postgresql-"))
    cluster = folder / "cluster"
    as_owner = _as_owner(folder)
    try:
        command = [str(programs / "initdb"), "-D", str(cluster), "-U", USER, "-A", "trust"]
        subprocess.run(
            [*as_owner, *command, "-E", "UTF8", "--locale=C", "--no-sync"],
            check=True,
            capture_output=True,
            cwd="/",
        )
        if trust:
            with (cluster / "pg_hba.conf").open("a") as rules:
                rules.write(f"host all all {trust} trust\n")
        options = {"listen_addresses": listen, "port": port, "max_connections": 300}
        options |= {"unix_socket_directories": str(folder), "fsync": "on" if flush else "off"}
        server = [str(programs / "postgres"), "-D", str(cluster)]
        for name, value in options.items():
            server += ["-c", f"{name}={value}"]
        with (folder / "server.log").open("wb") as log:
            process = subprocess.Popen([*as_owner, *server], stdout=log, stderr=log, cwd="/")
        try:
            _wait(programs, folder, port, process)
            yield f"postgresql+psycopg://{USER}@{listen.split(',')[0]}:{port}/postgres"
        finally:
            _stop(as_owner, programs, cluster, process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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


def _wait(programs: Path, folder: Path, port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    command = [str(programs / "pg_isready"), "-q", "-h", str(folder), "-p", str(port)]
    while subprocess.run(command).returncode != 0:
        if process.poll() is not None or time.monotonic() > deadline:
            raise NoPostgresql((folder / "server.log").read_text()[-1000:])
        time.sleep(0.05)


def _stop(
    as_owner: list[str], programs: Path, cluster: Path, process: subprocess.Popen[bytes]
) -> None:
    stop = [str(programs / "pg_ctl"), "-D", str(cluster), "stop", "-m", "immediate"]
    subprocess.run([*as_owner, *stop], capture_output=True, cwd="/")
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
