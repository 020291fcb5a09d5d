"""The second layer of the screen: how much a message means danger, by likeness to the examples.

Rule: it judges what no phrase says. Its weights were fitted on `examples/` by `python -m
safety.fit`, stand in `meaning.npz` and hold no text. The sentence model of `tuned.py` may be
missing, damaged, or fail: then words alone decide.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safety.kinds import CARDS, kinds
from safety.names import without_names
from safety.ngrams import BUCKETS, places_of_pieces, places_of_words, row
from safety.normalise import tokens
from safety.tuned import log_odds, tuned
from safety.vocabulary import mended, spell, speller
from safety.windows import MOST_WINDOWS, windows

WEIGHTS = Path(__file__).with_name("meaning.npz")
MANIFEST = Path(__file__).with_name("meaning.json")  # for people too: figures, and what it is of
FORM = 2  # of the weights' file; raised when this module reads it differently
KIND_BUCKETS = 1 << 14
AGAINST, SURE = -2.0, 2.0  # log odds: below, the model may overrule a phrase; above, it may not
WORDS_AGAINST = -2.5  # the same of words, where there is no model
FEWEST_OVERRULED = 9  # words: fewer say too little to speak against a phrase
LONGEST_READ, OVERLAP = 56, 16  # words the model reads at once; of a longer message, parts
MOST_READ = 10  # parts: bounds the time of a long message

Numbers = NDArray[np.float32]


class MeaningInvalid(Exception):
    """`meaning.npz` cannot be used. Make it anew: python -m safety.fit"""


@dataclass(frozen=True)
class Typed:
    """A message as typed tokens, and its windows; both also with their spelling mended."""

    whole: tuple[str, ...]
    windows: tuple[tuple[str, ...], ...]

    @property
    def is_too_long(self) -> bool:
        """Whether some of it is not read: then meaning can say nothing against a phrase."""
        return len(self.windows) >= MOST_WINDOWS

    @property
    def is_too_short(self) -> bool:
        """Whether a phrase that matches says it all, as in "snake bit me"."""
        return len(self.whole) < FEWEST_OVERRULED


@dataclass(frozen=True)
class Reading:
    """`score`: log odds of danger. `phrase`: what a matching phrase adds. `least`: the threshold.

    `kind`: the likeliest, empty where the message is far from a danger. `share`: how much the
    sentence model gives to that kind's card. `is_against`: whether model, or words where there is
    none, are sure of no danger.
    """

    score: float
    phrase: float
    least: float
    kind: str
    share: float
    model: bool
    is_against: bool

    def is_danger(self, has_phrase: bool) -> bool:
        return self.score + has_phrase * self.phrase >= self.least


@dataclass(frozen=True)
class Weights:
    manifest: dict[str, Any]
    rarity: Numbers  # (BUCKETS,)
    words: Numbers  # (BUCKETS,): what each word or piece adds to the log odds
    words_start: float
    kinds: Numbers  # (kinds and cards, KIND_BUCKETS)


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
    )


def typed(text: str) -> Typed:
    whole = without_names(tokens(text, speller().known), text)
    return Typed(tuple(whole), tuple(map(tuple, windows(whole))))


def parts_to_read(whole: Sequence[str]) -> list[str]:
    """Return a message as the sentence model reads it: mended, in one part, if it is not long."""
    words = list(mended(whole))
    starts = range(0, max(1, len(words) - OVERLAP), LONGEST_READ - OVERLAP)
    return [" ".join(words[start : start + LONGEST_READ]) for start in starts][:MOST_READ]


def read(message: Typed, use_model: bool = True) -> Reading:
    """Judge a message. Raises MeaningInvalid; what the sentence model raises is caught."""
    known = weights()
    by_words = [words_score(known, part) for part in (message.whole, *message.windows)]
    said = _said(message) if use_model else None
    facts = words_facts(by_words)
    if said is not None:
        facts.append(float(log_odds(said).max()))
    stack = known.manifest["with_model" if said is not None else "without_model"]
    score = float(np.dot(stack["weights"], facts) + stack["start"])
    kind, share = "", 0.0
    if score + stack["phrase"] >= stack["least"]:
        if said is None:
            kind = _kind_by_words(known, message, by_words)
        else:
            kind, share = kind_of(said)
    is_against = is_sure_of_none(score, facts)
    return Reading(
        score, stack["phrase"], stack["least"], kind, share, said is not None, is_against
    )


def is_sure_of_none(score: float, facts: Sequence[float]) -> bool:
    """score: without any phrase. facts: two of words, and one of the model where it had a say."""
    return facts[2] < AGAINST if len(facts) > 2 else score < WORDS_AGAINST


def _kind_by_words(known: Weights, message: Typed, by_words: Sequence[float]) -> str:
    best = int(np.argmax(by_words))
    scores = kind_scores(known, message.windows[best - 1] if best else message.whole)
    names: list[str] = known.manifest["kinds"]
    of_card = dict(zip(CARDS, scores[len(names) :].tolist(), strict=True))
    return max(
        zip(names, scores.tolist(), strict=False),
        key=lambda each: each[1] + of_card[kinds()[each[0]].card],
    )[0]


def kind_of(said: Numbers) -> tuple[str, float]:
    """Return the likeliest kind of the likeliest card, in the part most like danger, and the
    card's share of all danger."""
    part = said[int(np.argmax(log_odds(said)))]
    likely = dict(zip(sorted(kinds()), np.exp(part[:-1]).tolist(), strict=True))
    by_card = dict.fromkeys(CARDS, 0.0)
    for name, share in likely.items():
        by_card[kinds()[name].card] += share
    card = max(CARDS, key=by_card.__getitem__)
    kind = max((name for name in likely if kinds()[name].card == card), key=likely.__getitem__)
    return kind, by_card[card] / sum(by_card.values())


def words_score(known: Weights, part: Sequence[str]) -> float:
    by_word, by_piece = rows(known.rarity, part)
    found = sum(float(known.words[places] @ values) for places, values in (by_word, by_piece))
    return found + known.words_start


Row = tuple[NDArray[np.intp], Numbers]


def rows(rarity: Numbers, part: Sequence[str]) -> tuple[Row, Row]:
    return row(places_of_words(spell(list(part))), rarity), row(places_of_pieces(part), rarity)


def kind_scores(known: Weights, part: Sequence[str]) -> Numbers:
    """Return what speaks for each kind, and after them for each card."""
    scores = np.array(known.manifest["kind_starts"], dtype=np.float32)
    for places, values in rows(known.rarity, part):
        scores += known.kinds[:, places & (KIND_BUCKETS - 1)] @ values
    return scores


def words_facts(scores: Sequence[float]) -> list[float]:
    """Return the whole message's score and the highest of all its parts'."""
    return [scores[0], max(scores)]


def has_a_part_of_danger(message: Typed) -> bool:
    """Whether the sentence model is sure of one window, whatever it says of the whole.

    "I have chest pain, where do I park?": beside an everyday request the whole seems harmless.
    """
    if not message.windows:
        return False
    parts = [" ".join(mended(window)) for window in message.windows]
    return float(log_odds(tuned().read(parts)).max()) > SURE


def _said(message: Typed) -> Numbers | None:
    """Return the model's log probabilities of each part it read; None without its help."""
    if not message.whole:
        return None
    try:
        said = tuned().read(parts_to_read(message.whole))
        is_whole = said.ndim == 2 and said.shape[1] == len(kinds()) + 1
        return said if is_whole and not np.isnan(said).any() else None
    except Exception:
        # A failing model must cost nobody their card: words and phrases decide.
        return None
