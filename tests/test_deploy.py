"""What is shipped for machines: read by what reads it live, where that is here."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from web.db import POSTGRESQL_POOL

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"


def test_the_compose_file_names_files_settings_and_services_that_exist() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services = compose["services"]
    settings = (ROOT / "docs" / "settings.md").read_text()
    for name in ("one", "two"):
        host = services[name]
        assert (DEPLOY / host["build"]["dockerfile"].removeprefix("deploy/")).is_file()
        for variable in host["environment"]:
            section = variable.split("__")[0]
            assert variable in settings or section in settings or "CLINIC_LIMITS" in section
        for volume in host["volumes"]:
            assert volume.split(":")[0] in compose["volumes"]
    for volume in services["proxy"]["volumes"]:
        assert (DEPLOY / volume.split(":")[0]).is_file()
    upstream = re.findall(r"server (\w+):8000", (DEPLOY / "nginx-hosts.conf").read_text())
    assert set(upstream) <= set(services)


def test_the_compose_file_keeps_to_its_specification() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, DEPLOY / "compose.yaml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["nginx.conf", "nginx-hosts.conf"])
def test_streams_pass_nginx_unbuffered_and_with_an_id(name: str) -> None:
    text = (DEPLOY / name).read_text()
    assert text.count("{") == text.count("}")
    assert "proxy_buffering off;" in text and "X-Request-Id $request_id" in text


def test_enough_connections_for_every_host() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    most = int(re.findall(r"max_connections=(\d+)", str(compose["services"]["database"]))[0])
    per_host = POSTGRESQL_POOL["pool_size"] + POSTGRESQL_POOL["max_overflow"] + 2  # and its bus
    assert 2 * per_host + 10 < most


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_reads_the_unit(tmp_path: Path) -> None:
    unit = (DEPLOY / "front-desk.service").read_text()
    # The program and its user are not on this machine.
    unit = re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", unit).replace("User=front-desk\n", "")
    unit = unit.replace("/srv/front-desk", "/tmp")
    (tmp_path / "front-desk.service").write_text(unit)
    command = ["systemd-analyze", "verify", str(tmp_path / "front-desk.service")]
    done = subprocess.run(command, capture_output=True, text=True)
    said = [line for line in done.stderr.splitlines() if "front-desk.service" in line]
    assert done.returncode == 0 and not said, done.stderr
