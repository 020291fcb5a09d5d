"""Fit the meaning layer anew after the examples were changed: `python -m safety.fit`.

Rule: it writes `safety/meaning.npz` and `safety/meaning.json` with the hash of the examples and
the figures it measured: on lines of writers of whom the judging weights had seen nothing. What a
sentence model like that says of these lines stands in `fitting/held_out.npz`, by
`python -m safety.tune`.
"""

# ruff: noqa: T201

import argparse
import hashlib
import json
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safety.danger import phrases_fire, prepare
from safety.examples import digest, examples_digest
from safety.fitting import held_out, judge
from safety.fitting.copies import is_judged, with_copies
from safety.fitting.corpus import Source, lines
from safety.fitting.table import Table, table
from safety.fitting.train import Words, fewer_columns, fit_kinds, fit_stack, fit_words
from safety.kinds import CARDS, kinds
from safety.meaning import (
    FORM,
    MANIFEST,
    WEIGHTS,
    Numbers,
    is_sure_of_none,
    parts_to_read,
    words_facts,
)

COUNTS = {Source.EXAMPLE: 1.0, Source.JUDGED: 1.0, Source.EVERYDAY: 0.2,
          Source.NOISY: 0.3, Source.MIXED: 0.3}  # fmt: skip


class Fit:
    """One fitting: the lines and their copies, and what is known of each."""

    def __init__(self) -> None:
        self.lines = with_copies(lines())
        self.is_judged = np.array([line.is_held_out and is_judged(line) for line in self.lines])
        self.table: Table = table([line.text for line in self.lines], self.is_judged)
        _say(f"{len(self.lines)} lines, {self.table.windows.shape[0]} windows")
        self.is_danger = np.array([line.is_danger for line in self.lines])
        self.source = np.array([line.source for line in self.lines])
        self.phrased = [
            phrases_fire(line.text) if mine else None
            for line, mine in zip(self.lines, self.is_judged, strict=True)
        ]
        _say("phrases tried")

    def words(self, mine: NDArray[np.bool_]) -> Words:
        counts = np.array([COUNTS[source] for source in self.source], dtype=np.float32)
        return fit_words(self.table.wholes[mine], self.is_danger[mine], counts[mine])

    def kinds(self, names: list[str]) -> tuple[Numbers, list[float]]:
        """Return what words say of each kind and card, and where that starts."""
        said = np.array([line.kind for line in self.lines])
        # The older sets name some kinds of their own.
        mine = np.isin(said, names) & (self.source != Source.MIXED)
        rows, mine_said = fewer_columns(self.table.wholes)[mine], said[mine].tolist()
        by_kind, kind_starts = fit_kinds(rows, mine_said, names)
        by_card, card_starts = fit_kinds(rows, [kinds()[name].card for name in mine_said], CARDS)
        return np.vstack([by_kind, by_card]), [*kind_starts, *card_starts]

    def unseen_facts(self) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return what words and model say that saw no line of these writers: two facts of words,
        one of the model, for every held-out line; and for which lines the model's is known."""
        facts = np.zeros((len(self.lines), 3))
        has_model = np.zeros(len(self.lines), dtype=np.bool_)
        said = held_out.load()
        words = self.words(np.array([not line.is_held_out for line in self.lines]))
        whole, window = words.score(self.table.wholes), words.score(self.table.windows)
        for line in np.flatnonzero(self.is_judged).tolist():
            windows = window[self.table.starts[line] : self.table.starts[line + 1]]
            by_words = [float(whole[line]), *windows.tolist()]
            facts[line, :2] = words_facts(by_words)
            parts = map(held_out.place, parts_to_read(self.table.messages[line].whole))
            known = [said.get(part) for part in parts]
            if None not in known:
                facts[line, 2] = max(each for each in known if each is not None)
                has_model[line] = True
        return facts, has_model


def fit() -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return manifest and arrays of the weights."""
    work = Fit()
    facts, has_model = work.unseen_facts()
    stacks = {
        "without_model": _stack("without_model", work, facts[:, :2], work.is_judged),
        "with_model": _stack("with_model", work, facts, has_model),
    }
    words = work.words(np.ones(len(work.lines), dtype=np.bool_))
    names = sorted(kinds())
    by_words, kind_starts = work.kinds(names)
    scale = float(np.abs(by_words).max() / 127)
    arrays: dict[str, NDArray[Any]] = {
        "rarity": work.table.rarity.astype(np.float16),
        "words": words.weights.astype(np.float16),
        "kinds": np.round(by_words / scale).astype(np.int8),
    }
    manifest = {
        "form": FORM,
        "examples": examples_digest(),
        "lines": digest(f"{line.source}\t{line.kind}\t{line.text}" for line in work.lines),
        "counts": {
            "examples": int((work.source == Source.EXAMPLE).sum()),
            "dangers": int(((work.source == Source.EXAMPLE) & work.is_danger).sum()),
            "held out": int(work.is_judged.sum()),
            "held out, with the model": int(has_model.sum()),
        },
        "kinds": names,
        "kind_starts": kind_starts,
        "scales": {"kinds": scale},
        "words_start": words.start,
        **stacks,
    }
    return manifest, arrays


def _stack(name: str, work: Fit, facts: NDArray[Any], mine: NDArray[np.bool_]) -> dict[str, Any]:
    """Weigh the facts and the phrases, choose the threshold, and count what it notices."""
    phrased = np.array([[kind is not None] for kind in work.phrased], dtype=np.float64)
    said, facts = facts, np.hstack([facts, phrased])
    at = np.flatnonzero(mine & (work.source != Source.EVERYDAY))
    counts = np.where(np.isin(work.source[at], (Source.NOISY, Source.MIXED)), 0.5, 1.0)
    weights, start = fit_stack(facts[at], work.is_danger[at], counts.astype(np.float32))
    score = facts @ weights + start
    *own, phrase = weights
    against = [
        is_sure_of_none(each, facts) and not message.is_too_short
        for each, facts, message in zip(said @ own + start, said, work.table.messages, strict=True)
    ]
    judged = judge.Judged(work.lines, work.phrased, mine, score, np.array(against))
    least = judge.threshold(judged, name)
    _say(f"weights {[round(each, 3) for each in weights]}, threshold {least}")
    figures = judge.figures(judged, least)
    for slice_, (hits, total) in figures.items():
        _say(f"{slice_:<40} {hits:>5} of {total:<5} {hits / total:.3f}")
    return {"weights": own, "phrase": phrase, "start": start, "least": least, "figures": figures}


def write(manifest: dict[str, Any], arrays: dict[str, NDArray[Any]], folder: Path) -> None:
    content = BytesIO()
    np.savez_compressed(content, allow_pickle=False, **arrays)
    manifest = {"sha256": hashlib.sha256(content.getvalue()).hexdigest(), **manifest}
    (folder / WEIGHTS.name).write_bytes(content.getvalue())
    text = json.dumps(manifest, indent=1, ensure_ascii=False)
    (folder / MANIFEST.name).write_text(text + "\n", encoding="utf-8")


def _say(text: str) -> None:
    print(text, flush=True)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m safety.fit", description=__doc__)
    parser.add_argument("--out", type=Path, default=WEIGHTS.parent)
    options = parser.parse_args(arguments)
    prepare()
    write(*fit(), options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
