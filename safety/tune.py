"""Tune the screen's sentence model anew: `python -m safety.tune`, then `python -m safety.fit`.

Rule: it tunes in two steps: without the second authors' lines and the last judging set given up,
then on with all lines, for `safety/model/`. What a model says of lines it never saw is written to
`fitting/held_out.npz`, which `safety.fit` calibrates on: of the second authors' after the first
step, of the judging set after a second step without it. About 25 minutes of one core that does
nothing else.
"""

# ruff: noqa: T201

import argparse
import copy
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from safety.danger import prepare
from safety.examples import examples_digest
from safety.fitting import held_out, portable, tuning
from safety.fitting.copies import is_judged, with_copies
from safety.fitting.corpus import Line, lines
from safety.fitting.wordpieces import Pieces, cut, glosses
from safety.kinds import kinds
from safety.meaning import parts_to_read, typed
from safety.tuned import FOLDER, Numbers, tuned

MOST_PIECES = 16_000  # of English; a piece costs 400 bytes


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m safety.tune", description=__doc__)
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--held-out", type=Path, default=held_out.FILE)
    options = parser.parse_args(arguments)
    prepare()
    _tune(lines(), options.out, options.held_out)
    return 0


def _tune(everything: list[Line], out: Path, held: Path) -> None:
    from search.export import packaged_model  # the screen itself never reaches for search

    base = packaged_model()
    read = {line.text: _written(line.text) for line in everything}
    spanish = {word for line in everything if line.lang == "es" for word in read[line.text].split()}
    pieces = cut(
        (base / "tokenizer.json").read_text(encoding="utf-8"),
        read.values(),
        MOST_PIECES,
        {word: gloss for word, gloss in glosses().items() if word in spanish},
    )
    net = tuning.Net(base, pieces, len(kinds()) + 1)
    first = [line for line in everything if not line.is_held_out]
    _say(f"first step: {len(first)} lines, {len(pieces.rows)} pieces of words")
    tuning.tune(net, pieces, _task(first), tuning.FIRST, _say)
    held_lines = [line for line in with_copies(everything) if line.is_held_out and is_judged(line)]
    said = _read_by(net, pieces, [line for line in held_lines if not line.was_for_judging])
    other = copy.deepcopy(net)
    _say("second step, without the judging set")
    without = [line for line in everything if not line.was_for_judging]
    tuning.tune(other, pieces, _task(without), tuning.ALL, _say)
    said |= _read_by(other, pieces, [line for line in held_lines if line.was_for_judging])
    _keep(said, held)
    _say("second step, with all lines")
    tuning.tune(net, pieces, _task(everything), tuning.ALL, _say)
    portable.write(net, pieces, _about(everything), out)


def _task(mine: Sequence[Line]) -> tuning.Task:
    return tuning.Task(mine, [_meant(line) for line in mine], _written)


def _about(mine: Sequence[Line]) -> dict[str, object]:
    return {
        "base": "all-MiniLM-L6-v2 (Apache-2.0)",
        "examples": examples_digest(),
        "lines": len(mine),
        "recipes": [asdict(recipe) for recipe in (tuning.FIRST, tuning.ALL)],
        "kinds": [*sorted(kinds()), "none"],
    }


def _read_by(net: tuning.Net, pieces: Pieces, mine: Sequence[Line]) -> dict[str, Numbers]:
    """Return what the files made of a net say of every text that may be asked for."""
    texts = sorted({part for line in mine for part in parts_to_read(typed(line.text).whole)})
    _say(f"reading {len(texts)} held-out texts")
    with tempfile.TemporaryDirectory() as folder:
        portable.write(net, pieces, _about(mine), Path(folder))
        return dict(zip(texts, tuned(Path(folder)).read(texts), strict=True))


def _keep(said: dict[str, Numbers], out: Path) -> None:
    texts = sorted(said)
    held_out.save(texts, np.stack([said[text] for text in texts]), out)


def _written(text: str) -> str:
    return parts_to_read(typed(text).whole)[0]


def _meant(line: Line) -> list[int]:
    """Return the outputs that are right: one, or those of a card where only that is known."""
    names = sorted(kinds())
    if not line.is_danger:
        return [len(names)]
    if line.kind in names:
        return [names.index(line.kind)]
    return [at for at, name in enumerate(names) if kinds()[name].card in line.cards]


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
