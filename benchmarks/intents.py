"""How well four pipelines understand people they never read: `./clinic bench intents`.

Three authors wrote examples without sight of each other, a file each. Each pipeline learns from all
files but one author's, and is asked that author's messages: three times, so each was the stranger
once. Rasa trains and judges, as anyone would by hand: `rasa train nlu`, `rasa test nlu`.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.report import keep

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "bot" / "data" / "nlu"
BOT_PYTHON = ROOT / ".venv-bot" / "bin" / "python"
AUTHORS = ("author_a", "author_b", "author_c")
LANGUAGES = ("en", "es")
TIMEOUT_S = 3600
# Above its confidence a pipeline acts on what it understood. Confidences of different pipelines do
# not mean the same, so each is shown at several.
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7)
CHOSEN = 0.4

Component = dict[str, Any]

WORDS: list[Component] = [{"name": "WhitespaceTokenizer"}]
SPARSE: list[Component] = [
    {"name": "CountVectorsFeaturizer"},
    {"name": "CountVectorsFeaturizer", "analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4},
]
REGRESSION: list[Component] = [{"name": "LogisticRegressionClassifier", "max_iter": 500}]
VECTORS: list[Component] = [{"name": "bot.components.message_vector.MessageVector", "scale": 5.0}]
# What `rasa init` gives, less what does no intents.
DIET: list[Component] = [
    *WORDS,
    {"name": "RegexFeaturizer"},
    {"name": "LexicalSyntacticFeaturizer"},
    *SPARSE,
    {"name": "DIETClassifier", "epochs": 100, "constrain_similarities": True},
]


@dataclass(frozen=True)
class Judged:
    """One message of a stranger. `confidence`: the pipeline's own, 0 to 1."""

    lang: str
    is_right: bool
    confidence: float


def run() -> int:
    """Print a row per pipeline and language, and keep them; return 0: there is no bar to miss."""
    print("DIET takes half an hour on one core, the others about fifteen minutes together.")
    figures = []
    for name, pipeline in pipelines().items():
        judged: list[Judged] = []
        seconds = []
        for author in AUTHORS:
            with tempfile.TemporaryDirectory() as folder:
                seconds.append(train(Path(folder), pipeline, without=author))
                judged += judge(Path(folder), author)
        figures += [
            {"pipeline": name, "train_s": round(statistics.mean(seconds)), **measure(judged, lang)}
            for lang in LANGUAGES
        ]
        show(figures[-len(LANGUAGES) :])
        # Kept after each: who stops before DIET is done has the others.
        kept_in = keep("intents", {"authors": len(AUTHORS), "rows": figures})
    print(f"kept in {kept_in}")
    return 0


def pipelines() -> dict[str, list[Component]]:
    """Return name → components. `ours` is what config.yml says, less its threshold."""
    config = yaml.safe_load((ROOT / "config.yml").read_text(encoding="utf-8"))
    ours = [each for each in config["pipeline"] if each["name"] != "FallbackClassifier"]
    return {
        "ours": ours,
        "MiniLM + regression": [*VECTORS, *REGRESSION],
        "counts + regression": [*WORDS, *SPARSE, *REGRESSION],
        "DIET, Rasa's default": DIET,
    }


def train(folder: Path, pipeline: Sequence[Component], without: str) -> float:
    """Train in `folder` and return the seconds it took."""
    (folder / "nlu").mkdir()
    for path in EXAMPLES.glob("*.yml"):
        if path.stem != without:
            shutil.copy(path, folder / "nlu")
    config = {"recipe": "default.v1", "assistant_id": "bench", "language": "en"}
    # JSON is YAML. Rasa wants the policies named even where it trains none.
    text = json.dumps({**config, "pipeline": list(pipeline), "policies": [{"name": "RulePolicy"}]})
    (folder / "config.yml").write_text(text, encoding="utf-8")
    started = time.perf_counter()
    rasa(folder, "train", "nlu", "--config", "config.yml", "--nlu", "nlu", "--out", "models")
    return time.perf_counter() - started


def judge(folder: Path, author: str) -> Iterator[Judged]:
    """Yield every message of `author`, in no particular order."""
    path = EXAMPLES / f"{author}.yml"
    langs = dict(messages(path))
    rasa(folder, "test", "nlu", "--no-plot", "--successes", "--nlu", str(path), "--out", "out")
    for name, is_right in (("intent_successes", True), ("intent_errors", False)):
        listed = json.loads((folder / "out" / f"{name}.json").read_text(encoding="utf-8"))
        for one in listed if isinstance(listed, list) else ():
            yield Judged(langs[one["text"]], is_right, one["intent_prediction"]["confidence"])


def messages(path: Path) -> Iterator[tuple[str, str]]:
    """Yield each example with its language; of an intent's two blocks the first is English."""
    seen = set()
    for block in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]:
        lang = "es" if block["intent"] in seen else "en"
        seen.add(block["intent"])
        for line in block["examples"].splitlines():
            yield line.removeprefix("- ").strip(), lang


def rasa(folder: Path, *arguments: str) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "CLINIC_MODELS": str(ROOT / "var" / "models"),
        "RASA_TELEMETRY_ENABLED": "false",
        "RASA_MAX_CACHE_SIZE": "0",
        "OMP_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    command = [str(BOT_PYTHON), "-W", "ignore", "-m", "rasa", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    if done.returncode:
        raise RuntimeError(f"rasa {arguments[0]} failed:\n{(done.stdout + done.stderr)[-2000:]}")


def measure(judged: Sequence[Judged], lang: str) -> dict[str, Any]:
    """Return shares of all messages of a language; `at`: by threshold, acted on and wrongly so."""
    ours = [one for one in judged if one.lang == lang]

    def share(number: int) -> float:
        return round(number / len(ours), 3)

    return {
        "lang": lang,
        "messages": len(ours),
        "right": share(sum(one.is_right for one in ours)),
        "at": {
            str(least): {
                "right": share(sum(one.is_right and one.confidence >= least for one in ours)),
                "wrong": share(sum(not one.is_right and one.confidence >= least for one in ours)),
            }
            for least in THRESHOLDS
        },
    }


def show(rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        at = row["at"][str(CHOSEN)]
        print(
            f"{row['pipeline']:<22} {row['lang']}  {row['messages']:>5} messages  "
            f"right {row['right']:.3f}  at {CHOSEN}: right {at['right']:.3f} "
            f"wrong {at['wrong']:.3f}  trained in {row['train_s']} s",
            flush=True,
        )
