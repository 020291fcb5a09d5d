"""The copies of the lines that fitting weighs and judging counts: each line once noisy, once mixed.

Rule: always the same copies of the same lines, so that what was said of one can be looked up.
"""

import random
from collections.abc import Iterator
from dataclasses import replace
from zlib import crc32

from safety.fitting.corpus import Line, Source
from safety.fitting.noise import mixed, noisy

COPIED = (Source.EXAMPLE, Source.JUDGED)


def with_copies(plain: list[Line]) -> list[Line]:
    """Return the lines, then their copies."""
    everyday = {
        lang: [line.text for line in plain if line.lang == lang and _is_everyday(line)]
        for lang in ("en", "es")
    }
    found = list(plain)
    for line in plain:
        if line.source in COPIED:
            for source, text in _copies(line, everyday[line.lang]):
                found.append(replace(line, text=text, source=source))
    return found


def is_judged(line: Line) -> bool:
    """Whether a line counts when judging; of the copies only some, for reading takes its time."""
    if line.source in (Source.NOISY, Source.MIXED):
        return crc32(line.text.encode("utf-8", "replace")) % 4 == 0
    return True


def _is_everyday(line: Line) -> bool:
    return line.source is Source.EVERYDAY or line.topic == "everyday"


def _copies(line: Line, everyday: list[str]) -> Iterator[tuple[Source, str]]:
    # Seeded by the text: an example added or changed leaves the copies of others as they were.
    chance = random.Random(crc32(line.text.encode("utf-8", "replace")))
    yield Source.NOISY, noisy(line.text, chance)
    yield Source.MIXED, mixed(line.text, everyday, chance)
