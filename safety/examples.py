"""Read the examples that the meaning layer is fitted on: `examples/{en,es}/<topic>.tsv`.

Rule: one line is one message as a patient may type it, with its kind of `kinds.toml` or `none`;
lines of a second author, who did not see the first one's, stand in `<topic>-second.tsv`;
a clinician reads and changes these files; a line that cannot be used is named, never skipped.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from safety.kinds import kinds

FOLDER = Path(__file__).with_name("examples")
HEADER = "kind\ttext"
NONE = "none"


class ExamplesInvalid(Exception):
    """A line of an example file cannot be used: file, line and reason."""


@dataclass(frozen=True)
class Example:
    text: str
    kind: str  # of kinds.toml, or none
    lang: str
    topic: str  # the file it stands in, without "-second"
    author: str  # first, or second where the file's name says so

    @property
    def is_danger(self) -> bool:
        return self.kind != NONE


def examples(folder: Path = FOLDER) -> tuple[Example, ...]:
    """Return every example, in the order of files and lines. Raises ExamplesInvalid."""
    return tuple(each for path in _files(folder) for each in _read(path))


def examples_digest(folder: Path = FOLDER) -> str:
    """Return a SHA-256 of what the files say: kinds and texts, not remarks."""
    return digest(f"{each.lang}\t{each.kind}\t{each.text}" for each in examples(folder))


def digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode("utf-8")).hexdigest()


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*.tsv"))


def _read(path: Path) -> Iterator[Example]:
    lang = path.parent.name
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line.strip() or line.startswith("#") or line == HEADER:
            continue
        kind, tab, text = line.partition("\t")
        where = f"examples/{lang}/{path.name}:{number}"
        if not tab or not text.strip() or "\t" in text:
            raise ExamplesInvalid(f"{where}: expected a kind, one tab and a text")
        if kind != NONE and kind not in kinds():
            raise ExamplesInvalid(f"{where}: kinds.toml has no kind {kind!r}")
        topic, _, author = path.stem.partition("-")
        yield Example(text.strip(), kind, lang, topic, author or "first")
