"""Cut the base model's tokenizer to what English and Spanish chat needs, and add Spanish words.

Rule: every ASCII letter and mark stays, so any word can still be spelt in pieces; the rest is what
the examples use and, after it, the base's most frequent pieces. An added Spanish word begins as
the mean of its English glosses.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

GLOSSES = Path(__file__).with_name("glosses_es.tsv")
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


@dataclass(frozen=True)
class Pieces:
    """`tokenizer`: JSON. `rows`: for each piece, the base's pieces whose mean it begins as."""

    tokenizer: str
    rows: list[list[int]]


def glosses() -> dict[str, str]:
    """Return Spanish words, folded as `safety.normalise` folds them, with their English."""
    lines = GLOSSES.read_text(encoding="utf-8").split("\n")
    pairs = (line.split("\t") for line in lines if line and not line.startswith("#"))
    return {pair[0]: pair[1] for pair in pairs}


def cut(base: str, texts: Iterable[str], most: int, glosses: Mapping[str, str]) -> Pieces:
    """base: the base model's tokenizer.json. glosses: Spanish words in English."""
    whole = Tokenizer.from_str(base)
    whole.no_padding()
    whole.no_truncation()
    shape: dict[str, Any] = json.loads(base)
    known: dict[str, int] = shape["model"]["vocab"]
    rows = {piece: [known[piece]] for piece in _kept(known, _used(whole, texts), most)}
    for word, gloss in sorted(glosses.items()):
        if word not in rows and word not in known:
            rows[word] = whole.encode(gloss, add_special_tokens=False).ids
    return Pieces(json.dumps(_reshaped(shape, list(rows)), ensure_ascii=False), list(rows.values()))


def _used(tokenizer: Tokenizer, texts: Iterable[str]) -> set[str]:
    return {piece for text in texts for piece in tokenizer.encode(text).tokens}


def _kept(known: Mapping[str, int], used: set[str], most: int) -> list[str]:
    frequent_first = [piece for piece in sorted(known, key=known.__getitem__) if _is_plain(piece)]
    needed = [p for p in frequent_first if p in used or len(p.removeprefix("##")) == 1]
    others = [p for p in frequent_first if p not in set(needed)]
    return [*SPECIAL, *needed, *others[: max(0, most - len(needed) - len(SPECIAL))]]


def _is_plain(piece: str) -> bool:
    return (piece.isascii() and not piece.startswith("[")) or piece == "["


def _reshaped(shape: dict[str, Any], pieces: list[str]) -> dict[str, Any]:
    place = {piece: number for number, piece in enumerate(pieces)}
    shape["model"]["vocab"] = place
    shape["padding"] = None
    shape["added_tokens"] = [
        {**token, "id": place[token["content"]]} for token in shape["added_tokens"]
    ]
    for token in shape["post_processor"]["special_tokens"].values():
        token["ids"] = [place[each] for each in token["tokens"]]
    return shape
