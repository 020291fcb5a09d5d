"""What the operator sees while something slow runs.

One line that moves on a terminal; elsewhere a line now and then.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Callable

from launch.places import LOGS, ROOT, offline_environment

PLAIN_EVERY_S = 15.0
LAST_LINES_SHOWN = 12


class StepFailed(Exception):
    """A step of the set-up did not work. `mend` says what the operator can do."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(f"{what}\n  What to do: {mend}")


class Step:
    """Shows `title`, then what is being done and for how long, until it is done."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.started = time.monotonic()
        self._shown = 0.0
        self._doing = "starting"
        self._terminal = sys.stdout.isatty()
        self._over = threading.Event()

    def __enter__(self) -> Step:
        threading.Thread(target=self._tick, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def show(self, doing: str) -> None:
        self._doing = doing
        now = time.monotonic()
        if now - self._shown < (0.2 if self._terminal else PLAIN_EVERY_S):
            return
        self._shown = now
        line = f"  {self.title}: {self._elapsed()}  {doing}"
        if self._terminal:
            sys.stdout.write("\r\x1b[2K" + line[:110])
        else:
            sys.stdout.write(line + "\n")
        sys.stdout.flush()

    def done(self) -> None:
        self.clear()
        print(f"  {self.title}: done ({self._elapsed()})", flush=True)

    def clear(self) -> None:
        if self._terminal:
            sys.stdout.write("\r\x1b[2K")

    def _tick(self) -> None:
        """Keep the seconds moving while a command is silent."""
        while not self._over.wait(1.0):
            self.show(self._doing)

    def _elapsed(self) -> str:
        seconds = int(time.monotonic() - self.started)
        return f"{seconds // 60}:{seconds % 60:02d}"


def run_step(
    title: str,
    command: list[str],
    *,
    mend: str,
    say: Callable[[str], str | None] = lambda line: line,
    env: dict[str, str] | None = None,
) -> None:
    """Run `command` to its end, its output in var/logs, showing what `say` makes of each line.

    Raises StepFailed with the last lines of the output.
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"setup-{title.lower().replace(' ', '-')}.log"
    with (
        Step(title) as step,
        log.open("w", encoding="utf-8", errors="replace") as record,
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=env or offline_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process,
    ):
        for line in process.stdout or ():
            record.write(line)
            doing = say(line.strip())
            if doing:
                step.show(doing)
    if process.returncode != 0:
        step.clear()
        raise StepFailed(f"{title} failed:\n{_last_lines(log)}\n  All of it: {log}", mend)
    step.done()


def _last_lines(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(f"    {line[:200]}" for line in lines[-LAST_LINES_SHOWN:])
