"""The shipped files for nginx, read by a real nginx in front of a real web process."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from benchmarks.hosts import Host, Writer
from benchmarks.product import ROOT, free_port
from tests.fakes import FakeRasa

pytestmark = pytest.mark.skipif(not shutil.which("nginx"), reason="no nginx here")

AROUND = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{}}
http {{
    log_format ids '$request_id $request_uri';
    access_log {folder}/access.log ids;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {inside}
}}
"""


@contextmanager
def nginx(name: str, folder: Path, to_port: int) -> Iterator[str]:
    """Run it with a file of deploy/; yields its address."""
    port, folder = free_port(), folder / name
    folder.mkdir()
    shipped = (ROOT / "deploy" / name).read_text()
    shipped = re.sub(r"(127\.0\.0\.1|one|two):8000", f"127.0.0.1:{to_port}", shipped)
    listen = f"listen 127.0.0.1:{port};"
    shipped = shipped.replace("listen 80;", listen)
    inside = shipped if listen in shipped else f"server {{ {listen} {shipped} }}"
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder, inside=inside))
    command = ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    subprocess.run([*command, "-t"], check=True, capture_output=True)
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as running:
        try:
            _wait_for(f"http://127.0.0.1:{port}/healthz")
            yield f"http://127.0.0.1:{port}"
        finally:
            running.terminate()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if requests.get(url, timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise AssertionError(f"{url} did not answer")


def test_one_id_from_nginx_to_the_assistant_and_a_stream_that_does_not_wait(
    tmp_path: Path, rasa: FakeRasa
) -> None:
    behind = {"CLINIC_LIMITS__TRUSTED_PROXIES": "1"}
    host = Host(tmp_path / "host", rasa.url, settings=behind)
    host.start()
    try:
        host.wait()
        for name in ("nginx.conf", "nginx-hosts.conf"):
            with nginx(name, tmp_path, host.port) as url:
                check_ids_and_stream(url, tmp_path / name / "access.log", host, rasa)
    finally:
        host.end()


def check_ids_and_stream(url: str, access_log: Path, host: Host, rasa: FakeRasa) -> None:
    pat = Writer(url)
    with requests.get(f"{pat.path}/stream", headers=pat.headers, stream=True, timeout=30) as stream:
        pat.post_until_taken(uuid.uuid4().hex)
        for line in stream.iter_lines():  # in a buffer they would wait for the stream's end
            if line.startswith(b"data:") and b"kb-message--bot" in line:
                break
    assert requests.get(f"{url}/editor", timeout=10).url.startswith(url), "where it came from"
    lines = (line.partition(" ") for line in access_log.read_text().splitlines())
    ids = {path: given for given, _, path in lines}
    message = ids[f"/api/v1/conversations/{pat.id}/messages"]
    assert rasa.headers[-1]["X-Request-Id"] == message
    ours = [json.loads(line) for line in host.log().splitlines() if line.startswith("{")]
    events = {line["event"] for line in ours if line.get("request") == message}
    assert {"request", "turn.done"} <= events
    assert ids["/editor"] in {line.get("request") for line in ours}
