"""What the sentence model says of texts it was not tuned on: `fitting/held_out.npz`.

Rule: it comes from a model tuned like the shipped one, but without the lines of one fold and all
worded like them. A text is kept as a hash, and what was not asked then is not known now.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from safety.tuned import Numbers, log_odds

FILE = Path(__file__).with_name("held_out.npz")


@dataclass(frozen=True)
class Said:
    odds: float  # log odds of danger
    kind: int  # place of the likeliest kind, by name


def place(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:8], "big")


def save(texts: Sequence[str], read: Numbers, kinds: Sequence[int], path: Path = FILE) -> None:
    places = np.array([place(text) for text in texts], dtype=np.uint64)
    order = np.argsort(places)
    np.savez_compressed(
        path,
        allow_pickle=False,
        places=places[order],
        odds=log_odds(read)[order].astype(np.float16),
        kinds=np.array(kinds, dtype=np.uint8)[order],
    )


def load(path: Path = FILE) -> dict[int, Said]:
    with np.load(path, allow_pickle=False) as file:
        columns: list[NDArray[np.generic]] = [file[name] for name in ("places", "odds", "kinds")]
    return {
        int(where): Said(float(odds), int(kind))
        for where, odds, kind in zip(*(column.tolist() for column in columns), strict=True)
    }
