"""The second layer of the screen: how much a message means danger, by likeness to the examples.

Rule: it judges what no phrase says. Its weights were fitted on `examples/` by `python -m
safety.fit`, stand in `meaning.npz`, hold no text and need nothing from `var/`. The sentence model
is handed in and may be missing, another one, or fail: then words alone decide.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from safety.kinds import CARDS, kinds
from safety.names import without_names
from safety.ngrams import BUCKETS, places_of_pieces, places_of_words, row
from safety.normalise import tokens
from safety.vocabulary import spell, speller
from safety.windows import windows

WEIGHTS = Path(__file__).with_name("meaning.npz")
MANIFEST = Path(__file__).with_name("meaning.json")  # for people too: figures, and what it is of
FORM = 1  # of the weights' file; raised when this module reads it differently
KIND_BUCKETS = 1 << 14
LONGEST_WHOLE = 48  # words: above, the model reads windows only; its time grows with the words
MOST_ENCODED = 1  # windows the model reads beside the whole message

Numbers = NDArray[np.float32]


class MeaningInvalid(Exception):
    """`meaning.npz` cannot be used. Make it anew: python -m safety.fit"""


class Encoder(Protocol):
    @property
    def recipe(self) -> str: ...

    def encode(self, texts: Sequence[str], /) -> Numbers: ...


@dataclass(frozen=True)
class Typed:
    """A message as typed tokens, and its windows; both also with their spelling mended."""

    whole: tuple[str, ...]
    windows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Reading:
    """`score`: log odds of danger. `phrase`: what a matching phrase adds. `least`: the threshold.

    `kind`: the likeliest, empty where the message is far from a danger. `trusted`: kinds whose
    phrases decide by themselves, for they raised next to no alarm on the near misses.
    """

    score: float
    phrase: float
    least: float
    kind: str
    model: bool
    trusted: tuple[str, ...]

    def is_danger(self, has_phrase: bool) -> bool:
        return self.score + has_phrase * self.phrase >= self.least


@dataclass(frozen=True)
class Weights:
    manifest: dict[str, Any]
    rarity: Numbers  # (BUCKETS,)
    words: Numbers  # (BUCKETS,): what each word or piece adds to the log odds
    words_start: float
    kinds: Numbers  # (kinds and cards, KIND_BUCKETS)
    anchors: Numbers  # (n, dimensions): vectors of the examples that bound danger
    anchor_weights: Numbers
    anchor_start: float
    kinds_by_vector: Numbers  # (kinds and cards, dimensions)

    def fits(self, encoder: Encoder) -> bool:
        """Whether it is the sentence model the weights were fitted with, whatever its numbers."""
        return model_name(encoder.recipe) == str(self.manifest["model"])


def model_name(recipe: str) -> str:
    """Return model and revision: `all-minilm-l6-v2-53aa5117` of `…-53aa5117-int8-mean-256`."""
    return "-".join(part for part in recipe.split("-") if part not in ("int8", "float32"))


@cache
def weights(path: Path = WEIGHTS, manifest: Path = MANIFEST) -> Weights:
    """Raises MeaningInvalid when a file is missing, damaged, or not of the other."""
    try:
        said = json.loads(manifest.read_text(encoding="utf-8"))
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != said["sha256"]:
            raise ValueError(f"not the file that {manifest.name} tells of")
        with np.load(BytesIO(content), allow_pickle=False) as file:
            return read_weights(said, {name: file[name] for name in file.files})
    except (OSError, ValueError, KeyError) as fault:
        raise MeaningInvalid(f"{path.name}: {fault}: python -m safety.fit") from fault


def read_weights(manifest: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Weights:
    if manifest["form"] != FORM or arrays["words"].shape != (BUCKETS,):
        raise ValueError(f"form {manifest['form']} is not {FORM}")

    def numbers(name: str) -> Numbers:
        scale = np.float32(manifest["scales"].get(name, 1.0))
        return arrays[name].astype(np.float32) * scale

    return Weights(
        manifest=manifest,
        rarity=numbers("rarity"),
        words=numbers("words"),
        words_start=manifest["words_start"],
        kinds=numbers("kinds"),
        anchors=numbers("anchors"),
        anchor_weights=numbers("anchor_weights"),
        anchor_start=manifest["anchor_start"],
        kinds_by_vector=numbers("kinds_by_vector"),
    )


def typed(text: str) -> Typed:
    whole = without_names(tokens(text, speller().known), text)
    return Typed(tuple(whole), tuple(map(tuple, windows(whole))))


def read(message: Typed, encoder: Encoder | None) -> Reading:
    """Judge a message. Raises MeaningInvalid; what the encoder raises is caught."""
    known = weights()
    by_words = [words_score(known, part) for part in (message.whole, *message.windows)]
    vectors = _vectors(known, message, by_words, encoder)
    facts = words_facts(by_words)
    if vectors is not None:
        facts += vector_facts([anchor_score(known, vector) for vector in vectors])
    stack = known.manifest["with_model" if vectors is not None else "without_model"]
    score = float(np.dot(stack["weights"], facts) + stack["start"])
    near = score + stack["phrase"] >= stack["least"]
    kind = _kind(known, message, by_words, vectors) if near else ""
    trusted = tuple(known.manifest["trusted"])
    return Reading(score, stack["phrase"], stack["least"], kind, vectors is not None, trusted)


def _kind(
    known: Weights, message: Typed, by_words: Sequence[float], vectors: Numbers | None
) -> str:
    best = int(np.argmax(by_words))
    part = message.windows[best - 1] if best else message.whole
    names: list[str] = known.manifest["kinds"]
    scores = kind_scores(known, part, vectors)
    of_card = scores[len(names) :]
    total = [
        score + of_card[CARDS.index(kinds()[name].card)]
        for score, name in zip(scores, names, strict=False)
    ]
    return names[int(np.argmax(total))]


def words_score(known: Weights, part: Sequence[str]) -> float:
    by_word, by_piece = rows(known.rarity, part)
    found = sum(float(known.words[places] @ values) for places, values in (by_word, by_piece))
    return found + known.words_start


Row = tuple[NDArray[np.intp], Numbers]


def rows(rarity: Numbers, part: Sequence[str]) -> tuple[Row, Row]:
    return row(places_of_words(spell(list(part))), rarity), row(places_of_pieces(part), rarity)


def anchor_score(known: Weights, vector: Numbers) -> float:
    # Rows have length 1, so the squared distance is 2 - 2 cos.
    likeness = np.exp(known.manifest["narrowness"] * (2 * (known.anchors @ vector) - 2))
    return float(known.anchor_weights @ likeness) + known.anchor_start


def kind_scores(known: Weights, part: Sequence[str], vectors: Numbers | None) -> Numbers:
    """Return what speaks for each kind, and after them for each card."""
    scores = np.array(known.manifest["kind_starts"], dtype=np.float32)
    for places, values in rows(known.rarity, part):
        scores += known.kinds[:, places & (KIND_BUCKETS - 1)] @ values
    if vectors is not None:
        scores += (known.kinds_by_vector @ vectors.T).max(axis=1)
    return scores


def words_facts(by_words: Sequence[float]) -> list[float]:
    """Return the whole message's score and the highest of its windows'."""
    return [by_words[0], max(by_words)]


vector_facts = words_facts


def texts_to_encode(message: Typed, by_words: Sequence[float]) -> list[str]:
    """Return the whole message, if it is not long, and the windows most like danger."""
    order = sorted(range(len(message.windows)), key=lambda at: (-by_words[at + 1], at))
    chosen = [message.windows[at] for at in order[:MOST_ENCODED]]
    if len(message.whole) <= LONGEST_WHOLE or not chosen:
        chosen.insert(0, message.whole[:LONGEST_WHOLE])
    return [" ".join(part) for part in chosen]


def _vectors(
    known: Weights, message: Typed, by_words: Sequence[float], encoder: Encoder | None
) -> Numbers | None:
    if encoder is None or not message.whole:
        return None
    try:
        if not known.fits(encoder):
            return None
        texts = texts_to_encode(message, by_words)
        vectors = np.asarray(encoder.encode(texts), dtype=np.float32)
        is_whole = vectors.shape == (len(texts), known.anchors.shape[1])
        return vectors if is_whole and np.isfinite(vectors).all() else None
    except Exception:
        # A failing model must cost nobody their card: words and phrases decide.
        return None
