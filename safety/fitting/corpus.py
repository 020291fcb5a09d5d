"""Gather the lines to fit on: the examples, older judging sets, and everyday questions.

Rule: everyday questions stand for ordinary traffic and are judged, as the examples are, by weights
that have not seen them. The blind judging sets are never read here.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from zlib import crc32

from safety.examples import NONE, examples

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests" / "data"
JUDGED = ("danger_judging.tsv", "danger_judging_second.tsv", "danger_judging_third.tsv")
MOST_CLINC = 3000
# The bot's other examples name dangers, so that those are never taken for small talk.
SMALL_TALK = ("assistant", "person", "social")


class Source(StrEnum):
    EXAMPLE = "example"
    JUDGED = "judged"  # judging sets that are used up: the phrases were broadened on them
    EVERYDAY = "ordinary traffic"
    NOISY = "noisy"
    MIXED = "mixed"


@dataclass(frozen=True)
class Line:
    text: str
    kind: str
    lang: str
    topic: str
    source: Source

    @property
    def is_danger(self) -> bool:
        return self.kind != NONE


def lines() -> list[Line]:
    found = [Line(e.text, e.kind, e.lang, e.topic, Source.EXAMPLE) for e in examples()]
    found.extend(_judged())
    known = {line.text.lower() for line in found}
    for text, lang, topic in _everyday():
        if text.lower() not in known:
            known.add(text.lower())
            found.append(Line(text, NONE, lang, topic, Source.EVERYDAY))
    return found


def _judged() -> Iterator[Line]:
    for name in JUDGED:
        for row in _rows(TESTS / "safety" / name):
            kind = row["kind"] if row["level"] != "none" else NONE
            yield Line(row["text"], kind or "general_emergency", row["lang"], "", Source.JUDGED)


def _everyday() -> Iterator[tuple[str, str, str]]:
    clinc = [row["text"] for row in _rows(TESTS / "clinc150" / "in_scope.tsv")]
    clinc.sort(key=lambda text: crc32(text.encode()))
    yield from ((text, "en", "clinc150") for text in clinc[:MOST_CLINC])
    for row in _rows(TESTS / "medquad_dev" / "questions.tsv"):
        if row["kind"] in ("short", "lay"):
            yield row["query"], "en", "medquad"
    for lang in ("en", "es"):
        for path in sorted((ROOT / "kb_articles" / lang).rglob("*.md")):
            yield from ((text, lang, "articles") for text in _asked(path))
    for name in SMALL_TALK:
        path = ROOT / "bot" / "data" / "nlu" / f"{name}.yml"
        for text in re.findall(r"^ {6}- (.+)$", path.read_text(encoding="utf-8"), re.M):
            yield re.sub(r"\[([^]]+)\]\([^)]*\)", r"\1", text), _lang(text), "bot"


def _lang(text: str) -> str:
    return "es" if re.search(r"[áéíóúñ¿]|\b(el|la|que|mi|una?|por|con|para)\b", text) else "en"


def _asked(path: Path) -> Iterator[str]:
    """Yield the title and the sample questions of an article's front matter."""
    head = path.read_text(encoding="utf-8").split("\n---", 1)[0]
    title = re.search(r"^title: (.+)$", head, re.M)
    if title:
        yield title[1].strip("\"'")
    questions = re.search(r"^questions:\n((?: +- .+\n?)+)", head, re.M)
    if questions:
        yield from (text.strip("\"'") for text in re.findall(r"- (.+)", questions[1]))


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
