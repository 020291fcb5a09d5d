"""Each fake is held to the real thing: same shapes, same promises."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.product import free_port
from search.encoder import Encoder, load_encoder
from tests.conftest import ROOT
from tests.fakes import DIMENSIONS, FakeEncoder, FakeRasa
from web.chat.rasa import ChoicesItem, HandoffItem, Item, PassagesItem, Rasa, TextItem

ASSISTANT = ROOT / "var" / "assistant"
READY_WITHIN_S = 150.0


def metadata(**facts: Any) -> dict[str, Any]:
    return {
        "vector": None,
        "kb": "none",
        "misses": 0,
        "lang": "en",
        "open": True,
        "waiting": False,
        **facts,
    }


# What both must do: a question nobody can take for small talk, and what search found.
CASES: list[tuple[str | None, dict[str, Any], list[type[Item]]]] = [
    ("Can I bring my dog?", metadata(kb="answer"), [PassagesItem]),
    ("Can I bring my dog?", metadata(kb="choices"), [ChoicesItem]),
    ("Can I bring my dog?", metadata(), [TextItem]),
    ("Can I bring my dog?", metadata(misses=1), [TextItem, HandoffItem]),
    ("Can I bring my dog?", metadata(misses=1, waiting=True), [TextItem]),
    (None, metadata(kb="answer"), [PassagesItem]),
]


@pytest.fixture(scope="module")
def real_rasa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The trained assistant, on a port of its own."""
    models = sorted(ASSISTANT.glob("*.tar.gz"))
    if not models:
        pytest.skip("no trained assistant in var/assistant: ./clinic train")
    port = free_port()
    command = [str(ROOT / ".venv-bot" / "bin" / "python"), "-m", "rasa", "run"]
    command += ["-i", "127.0.0.1", "-p", str(port), "--model", str(models[-1])]
    command += ["--endpoints", "bot/endpoints.yml", "--credentials", "bot/credentials.yml"]
    quiet = {
        "PYTHONPATH": str(ROOT),
        "RASA_TELEMETRY_ENABLED": "false",
        "OMP_NUM_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
    }
    log = tmp_path_factory.mktemp("rasa") / "rasa.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **quiet}, stdout=output, stderr=output
        )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + READY_WITHIN_S
    while not Rasa(url).is_ready():
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
        assert time.monotonic() < deadline, "Rasa was not ready in time"
        time.sleep(0.3)
    yield url
    process.terminate()
    process.wait(20)


def kinds(url: str, number: int, text: str | None, facts: dict[str, Any]) -> list[type[Item]]:
    return [type(item) for item in Rasa(url, 10.0).ask(f"held.{number}", text, facts)]


@pytest.mark.parametrize(("number", "case"), list(enumerate(CASES)))
def test_the_fake_rasa_replies_as_we_say(
    rasa: FakeRasa, number: int, case: tuple[str | None, dict[str, Any], list[type[Item]]]
) -> None:
    text, facts, expected = case
    assert kinds(rasa.url, number, text, facts) == expected


@pytest.mark.rasa
@pytest.mark.model
@pytest.mark.parametrize(("number", "case"), list(enumerate(CASES)))
def test_the_real_rasa_replies_like_the_fake(
    real_rasa: str, number: int, case: tuple[str | None, dict[str, Any], list[type[Item]]]
) -> None:
    text, facts, expected = case
    vector = load_encoder(ROOT / "var" / "models").encode([text or "a choice"])[0]
    with_vector = {**facts, "vector": [float(part) for part in vector]}
    assert kinds(real_rasa, number, text, with_vector) == expected


def check_encoder(encoder: Encoder) -> None:
    vectors = encoder.encode(["where do I park", "where do I park", "a bill", ""])
    assert vectors.shape == (4, DIMENSIONS)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-3)
    assert np.array_equal(vectors[0], vectors[1])
    assert float(vectors[0] @ vectors[2]) < 0.9
    near = encoder.encode(["where can I park"])[0]
    assert float(vectors[0] @ near) > float(vectors[0] @ vectors[2]), "near texts are near"
    assert encoder.encode([]).shape == (0, DIMENSIONS)
    assert encoder.recipe


def test_the_fake_encoder_does_what_an_encoder_promises() -> None:
    check_encoder(FakeEncoder())


@pytest.mark.model
def test_the_real_encoder_does_what_the_fake_promises() -> None:
    check_encoder(load_encoder(Path(ROOT / "var" / "models")))
