"""The command that needs only python3: what it finds, says and refuses."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from launch import environments, progress, pythons
from launch.environments import Environment
from launch.progress import StepFailed, run_step
from launch.supervisor import Child, Supervisor

ROOT = Path(__file__).resolve().parents[2]


def clinic(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "clinic"), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_it_lists_its_commands() -> None:
    answer = clinic("help")
    assert answer.returncode == 0
    for command in (
        "run",
        "test",
        "train",
        "doctor",
        "index",
        "lint",
        "evaluate",
        "backup",
        "restore",
        "staff",
        "bench",
    ):
        assert f"    {command}" in answer.stdout


def test_it_refuses_an_unknown_argument_with_exit_2() -> None:
    answer = clinic("run", "--prot", "80")
    assert answer.returncode == 2
    assert "unknown argument: --prot" in answer.stderr


def test_it_runs_on_the_standard_library_alone() -> None:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import launch.supervisor, launch.tests"
    answer = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr


def test_a_shim_that_answers_127_is_not_taken_for_a_python(tmp_path: Path) -> None:
    shim = tmp_path / "python3.10"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    assert pythons._version(str(shim)) is None
    assert pythons._version(sys.executable) == "{}.{}".format(*sys.version_info[:2])


def test_a_python_without_its_venv_module_is_passed_over(tmp_path: Path) -> None:
    bare = tmp_path / "python3"
    bare.write_text(f"#!/bin/sh\nexec {sys.executable} -S -c 'raise ModuleNotFoundError'\n")
    bare.chmod(0o755)
    assert pythons._version(str(bare)) is None


def test_a_missing_python_is_named_with_its_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pythons, "_candidates", lambda version: iter(()))
    with pytest.raises(StepFailed, match="apt-get install python3 python3-venv"):
        pythons.find_web_python()


def test_a_failing_step_shows_its_last_lines_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LOGS", tmp_path)
    command = [sys.executable, "-c", "print('the reason'); raise SystemExit(3)"]
    with pytest.raises(StepFailed) as failure:
        run_step("Making tea", command, mend="boil water")
    assert "the reason" in str(failure.value)
    assert "What to do: boil water" in str(failure.value)


def test_an_environment_is_current_until_its_requirements_change(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("flask\n")
    environment = Environment("Web", tmp_path / "env", (requirements,), "", lambda: sys.executable)
    assert not environment.is_current()
    environment.python.parent.mkdir(parents=True)
    environment.python.touch()
    environment._stamp.write_text(environment._wanted())
    assert environment.is_current()
    requirements.write_text("flask\nnh3\n")
    assert not environment.is_current()


def test_pip_is_reported_in_short_words() -> None:
    line = "Downloading http://host/faiss_cpu-1.15.1-cp311-abi3.whl (27.6 MB)"
    assert environments._pip_says(line) == "downloading faiss_cpu (27.6 MB)"
    assert environments._pip_says("Requirement already satisfied: x") is None


def test_a_port_in_use_is_named_and_another_is_offered() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StepFailed, match=rf"Port {port} .*in use[\s\S]*--port {port + 1}"):
            Supervisor("127.0.0.1", port).run()


def test_the_assistant_listens_on_loopback_only() -> None:
    command = Supervisor("0.0.0.0", 8000).children[1].command
    assert command[command.index("-i") + 1] == "127.0.0.1"


@pytest.mark.faults
def test_what_dies_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor = Supervisor("127.0.0.1", 8000)
    child = Child(
        "sleeper", [sys.executable, "-c", "import time; time.sleep(600)"], dict(os.environ)
    )
    child.log = tmp_path / "sleeper.log"
    supervisor.children = [child]
    monkeypatch.setattr("launch.supervisor.VAR", tmp_path)
    child.start()
    assert child.process is not None
    first = child.process.pid
    child.process.kill()
    child.process.wait()
    while not child.is_running():
        supervisor._restart_the_dead()
    assert child.process.pid != first
    noted = json.loads((tmp_path / "processes.json").read_text())
    assert noted["sleeper_pid"] == child.process.pid
    supervisor.stop()
    assert not child.is_running()


@pytest.mark.faults
def test_children_die_with_a_killed_supervisor(tmp_path: Path) -> None:
    code = f"""
import json, os, sys, time
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from launch.supervisor import Child
child = Child("sleeper", [sys.executable, "-c", "import time; time.sleep(600)"], dict(os.environ))
child.log = Path({str(tmp_path)!r}) / "sleeper.log"
child.start()
print(json.dumps(child.process.pid), flush=True)
time.sleep(600)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        sleeper = json.loads(parent.stdout.readline())
    parent.kill()
    parent.wait()
    assert _is_gone_within(sleeper, seconds=10)


def _is_gone_within(pid: int, seconds: float) -> bool:
    """Wait for the end of a process that is no child of ours; a zombie counts as gone."""
    import time

    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False
