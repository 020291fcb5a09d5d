"""Gather the lines to fit on: the examples, older judging sets, and everyday questions.

Rule: everyday questions stand for ordinary traffic and are judged, as the examples are, by weights
that have not seen them. The judging sets in use (their names end in `blind5`) are never read here.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from zlib import crc32

from safety.examples import NONE, examples
from safety.kinds import kinds

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests" / "data"
JUDGED = (
    "danger_judging.tsv", "danger_judging_second.tsv", "danger_judging_third.tsv",
    "danger_judging_blind.tsv", "danger_judging_blind2.tsv", "danger_judging_blind3.tsv",
    "danger_judging_blind4.tsv",
)  # fmt: skip
ORDINARY = (
    "everyday_blind.tsv", "everyday_blind2.tsv", "everyday_blind3.tsv", "everyday_blind4.tsv",
)  # fmt: skip
# The sentence model is judged on lines of people whose other lines it has not seen either.
HELD_OUT = "second"
MOST_CLINC = 3000
# The bot's other examples name dangers, so that those are never taken for small talk.
SMALL_TALK = ("assistant", "person", "social")


class Source(StrEnum):
    EXAMPLE = "example"
    JUDGED = "judged"  # judging sets that are used up
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
    cards: tuple[str, ...] = ()  # where only these are known, not the kind
    is_held_out: bool = False  # from the first step of tuning the sentence model

    @property
    def is_danger(self) -> bool:
        return self.kind != NONE

    @property
    def was_for_judging(self) -> bool:
        """Whether it is of the judging sets given up last."""
        return self.topic.startswith((JUDGED[-1], ORDINARY[-1]))


def lines() -> list[Line]:
    found = [
        Line(e.text, e.kind, e.lang, e.topic, Source.EXAMPLE, is_held_out=e.author == HELD_OUT)
        for e in examples()
    ]
    found.extend(_judged())
    known = {line.text.lower() for line in found}
    for text, lang, topic in _everyday():
        if text.lower() not in known:
            known.add(text.lower())
            # One in ten, and what was written for judging, shows how ordinary traffic is taken.
            is_held_out = topic == ORDINARY[-1] or crc32(text.encode()) % 10 == 0
            found.append(Line(text, NONE, lang, topic, Source.EVERYDAY, is_held_out=is_held_out))
    return found


def _judged() -> Iterator[Line]:
    for name in JUDGED:
        for row in _rows(TESTS / "safety" / name):
            kind = row["kind"] if row["level"] != "none" else NONE
            cards = tuple(row["card"].split("|")) if kind not in (NONE, *kinds()) else ()
            topic = f"{name}/{row['slice']}"
            held_out = name == JUDGED[-1]
            yield Line(row["text"], kind, row["lang"], topic, Source.JUDGED, cards, held_out)


def _everyday() -> Iterator[tuple[str, str, str]]:
    for name in ORDINARY:
        texts = [row["text"] for row in _rows(TESTS / "safety" / name)]
        yield from ((text, _lang(text), name) for text in texts)
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
