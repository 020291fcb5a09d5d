"""Fit the meaning layer anew after the examples were changed: `python -m safety.fit`.

Rule: it writes `safety/meaning.npz` and `safety/meaning.json` with the figures it measured on
lines the judging weights had not seen, and the hash of the examples they were fitted on.
"""

# ruff: noqa: T201

import argparse
import hashlib
import json
import random
import sys
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from safety.danger import phrases_fire, prepare
from safety.examples import digest, examples_digest
from safety.fitting import judge
from safety.fitting.corpus import Line, Source, lines
from safety.fitting.folds import FOLDS, clusters, folds
from safety.fitting.noise import mixed, noisy
from safety.fitting.table import Table, table
from safety.fitting.train import (
    NARROWNESS,
    Anchors,
    Words,
    fewer_columns,
    fit_anchors,
    fit_kinds,
    fit_stack,
    fit_words,
)
from safety.kinds import CARDS, kinds
from safety.meaning import (
    FORM,
    LONGEST_WHOLE,
    MANIFEST,
    WEIGHTS,
    Encoder,
    Numbers,
    model_name,
    texts_to_encode,
    vector_facts,
    words_facts,
)

COUNTS = {Source.EXAMPLE: 1.0, Source.JUDGED: 0.5, Source.EVERYDAY: 0.2,
          Source.NOISY: 0.3, Source.MIXED: 0.3}  # fmt: skip
ANCHORED = (Source.EXAMPLE, Source.JUDGED)
MOST_EVERYDAY_ANCHORED = 400


class Fit:
    """One fitting: the lines, what is known of each, and which fold it is in."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        plain = lines()
        owners = list(range(len(plain)))
        self.lines = list(plain)
        for owner, line in _copies(plain):
            self.lines.append(line)
            owners.append(owner)
        self.table: Table = table([line.text for line in self.lines])
        _say(f"{len(self.lines)} lines, {self.table.windows.shape[0]} windows")
        self.is_danger = np.array([line.is_danger for line in self.lines])
        self.source = np.array([line.source for line in self.lines])
        self.phrased = [phrases_fire(line.text) for line in self.lines]
        self.trusted = judge.trusted(self.lines, self.phrased)
        _say("phrases tried")
        self.is_judged = np.array([_is_judged(line) for line in self.lines])
        self.vectors = self._encoded(
            [" ".join(message.whole[:LONGEST_WHOLE]) for message in self.table.messages],
            np.isin(self.source, [*ANCHORED, Source.EVERYDAY]),
        )
        _say("lines encoded")
        first = np.arange(len(plain))
        cluster_of = clusters(self.table.wholes[first], self.vectors[first])
        self.n_clusters = int(cluster_of.max()) + 1
        fold_of = folds(cluster_of, [f"{line.lang}/{line.topic}" for line in plain])
        self.fold = fold_of[np.array(owners)]

    def _encoded(self, texts: Sequence[str], wanted: NDArray[np.bool_]) -> Numbers:
        found = np.zeros((len(texts), 384), dtype=np.float32)
        at = np.flatnonzero(wanted)
        found[at] = self.encoder.encode([texts[number] for number in at.tolist()])
        return found

    def train(self, mine: NDArray[np.bool_]) -> tuple[Words, Anchors]:
        counts = np.array([COUNTS[source] for source in self.source], dtype=np.float32)
        mine = mine & (counts > 0)
        words = fit_words(self.table.wholes[mine], self.is_danger[mine], counts[mine])
        everyday = np.flatnonzero(mine & (self.source == Source.EVERYDAY))
        anchored = mine & np.isin(self.source, ANCHORED)
        anchored[everyday[:: max(1, len(everyday) // MOST_EVERYDAY_ANCHORED)]] = True
        return words, fit_anchors(self.vectors[anchored], self.is_danger[anchored])

    def kinds(self, names: list[str]) -> tuple[Numbers, Numbers, list[float]]:
        """Return what words and vectors say of each kind and card, and where that starts."""
        said = np.array([line.kind for line in self.lines])
        known = np.isin(said, names)  # the older sets name some kinds of their own
        parts = [
            (
                fewer_columns(self.table.wholes),
                known & np.isin(self.source, (*ANCHORED, Source.NOISY)),
            ),
            (self.vectors, known & np.isin(self.source, ANCHORED)),
        ]  # fmt: skip
        weights, starts = [], np.zeros(len(names) + len(CARDS))
        for rows, mine in parts:
            mine_said = said[mine].tolist()
            by_kind, kind_starts = fit_kinds(rows[mine], mine_said, names)
            shown = [kinds()[name].card for name in mine_said]
            by_card, card_starts = fit_kinds(rows[mine], shown, CARDS)
            weights.append(np.vstack([by_kind, by_card]))
            starts += np.array([*kind_starts, *card_starts])
        return weights[0], weights[1], starts.tolist()

    def facts(self, words: Words, anchors: Anchors, at: Sequence[int]) -> NDArray[Any]:
        """Return for each line what the stack weighs: two of words, two of vectors."""
        whole = words.score(self.table.wholes)
        window = words.score(self.table.windows)
        found = np.zeros((len(at), 4))
        texts: list[str] = []
        ends = [0]
        for number, line in enumerate(at):
            mine = window[self.table.starts[line] : self.table.starts[line + 1]]
            by_words = [float(whole[line]), *map(float, mine)]
            found[number, :2] = words_facts(by_words)
            texts.extend(texts_to_encode(self.table.messages[line], by_words))
            ends.append(len(texts))
        scores = anchors.score(self.encoder.encode(texts))
        for number in range(len(at)):
            found[number, 2:] = vector_facts(scores[ends[number] : ends[number + 1]].tolist())
        return found

    def unseen_facts(self) -> NDArray[Any]:
        """Return the facts of every judged line, from weights that saw none of its cluster."""
        found = np.zeros((len(self.lines), 4))
        for fold in range(FOLDS):
            words, anchors = self.train(self.fold != fold)
            at = np.flatnonzero((self.fold == fold) & self.is_judged)
            found[at] = self.facts(words, anchors, at.tolist())
            _say(f"fold {fold + 1} of {FOLDS}")
        return found


def _is_judged(line: Line) -> bool:
    if line.source in (Source.NOISY, Source.MIXED):  # some, for encoding takes its time
        return crc32(line.text.encode("utf-8", "replace")) % 4 == 0
    return True


def _copies(plain: list[Line]) -> list[tuple[int, Line]]:
    chance = random.Random(5)
    everyday = {
        lang: [one.text for one in plain
               if one.lang == lang and (one.source is Source.EVERYDAY or one.topic == "everyday")]
        for lang in ("en", "es")
    }  # fmt: skip
    found = []
    for number, line in enumerate(plain):
        if line.source not in ANCHORED:
            continue
        for source, text in (
            (Source.NOISY, noisy(line.text, chance)),
            (Source.MIXED, mixed(line.text, everyday[line.lang], chance)),
        ):
            found.append((number, Line(text, line.kind, line.lang, line.topic, source)))
    return found


def fit(encoder: Encoder) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return manifest and arrays of the weights."""
    work = Fit(encoder)
    facts = work.unseen_facts()
    stacks = {
        name: _stack(work, facts[:, :columns])
        for name, columns in (("without_model", 2), ("with_model", 4))
    }
    everything = np.ones(len(work.lines), dtype=np.bool_)
    words, anchors = work.train(everything)
    names = sorted(kinds())
    by_words, by_vector, kind_starts = work.kinds(names)
    arrays: dict[str, NDArray[Any]] = {
        "rarity": work.table.rarity.astype(np.float16),
        "words": words.weights.astype(np.float16),
        "anchor_weights": anchors.weights,
        "kinds_by_vector": by_vector.astype(np.float16),
    }
    scales = {}
    for name, values in (("kinds", by_words), ("anchors", anchors.vectors)):
        scales[name] = float(np.abs(values).max() / 127)
        arrays[name] = np.round(values / scales[name]).astype(np.int8)
    manifest = {
        "form": FORM,
        "model": model_name(encoder.recipe),
        "examples": examples_digest(),
        "lines": digest(f"{line.source}\t{line.kind}\t{line.text}" for line in work.lines),
        "counts": {
            "examples": int((work.source == Source.EXAMPLE).sum()),
            "dangers": int(((work.source == Source.EXAMPLE) & work.is_danger).sum()),
            "clusters_of_phrasing": work.n_clusters,
            "anchors": len(anchors.vectors),
        },
        "kinds": names,
        "kind_starts": kind_starts,
        "scales": scales,
        "words_start": words.start,
        "anchor_start": anchors.start,
        "narrowness": NARROWNESS,
        "trusted": list(work.trusted),
        **stacks,
    }
    return manifest, arrays


def _stack(work: Fit, facts: NDArray[Any]) -> dict[str, Any]:
    """Weigh the facts and the phrases, choose the threshold, and count what it notices."""
    phrased = np.array([[kind is not None] for kind in work.phrased], dtype=np.float64)
    facts = np.hstack([facts, phrased])
    fitted = ~np.isin(work.source, (Source.EVERYDAY, Source.JUDGED))
    at = np.flatnonzero(work.is_judged & fitted)
    counts = np.where(work.source[at] == Source.EXAMPLE, 1.0, 0.5).astype(np.float32)
    weights, start = fit_stack(facts[at], work.is_danger[at], counts)
    score = facts @ weights + start
    judged = judge.Judged(work.lines, work.phrased, work.is_judged, score, work.trusted)
    least = judge.threshold(judged)
    *own, phrase = weights
    figures = judge.figures(judged, least)
    for name, (hits, total) in figures.items():
        _say(f"{name:<40} {hits:>5} of {total:<5} {hits / total:.3f}")
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
    parser.add_argument("--models", type=Path, default=Path("var/models"))
    parser.add_argument("--out", type=Path, default=WEIGHTS.parent)
    options = parser.parse_args(arguments)
    # Only this command line reaches for search: the screen is handed its encoder.
    from search.encoder import ModelMissing, load_encoder

    prepare()
    try:
        encoder = load_encoder(options.models)
    except ModelMissing as fault:
        print(fault, file=sys.stderr)
        return 1
    write(*fit(encoder), options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
