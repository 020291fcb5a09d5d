"""The screen's own sentence model: tuned on the examples, kept in `model/`, run by ONNX Runtime.

Rule: it needs nothing outside `safety/`, and nothing that trained it. One text per pass, on one
thread, so what is said of a text never depends on its company. `python -m safety.tune` makes it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).with_name("model")
ABOUT, GRAPH, TOKENIZER = "about.json", "model.onnx", "tokenizer.json"
MEND = "make it with: python -m safety.tune"

Numbers = NDArray[np.float32]


class TunedInvalid(Exception):
    """The model in `model/` is missing, damaged, or cannot be run here. Says what to do."""


class Tuned:
    def __init__(self, folder: Path, about: dict[str, Any]) -> None:
        # Imported here: without them the words and phrases still decide.
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(folder / GRAPH), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        self.about = about

    def read(self, texts: Sequence[str]) -> Numbers:
        """Return log probabilities, shape (len(texts), kinds + 1): the kinds by name, then none."""
        return np.stack([self._read_one(text) for text in texts])

    def _read_one(self, text: str) -> Numbers:
        # A lone surrogate is no Unicode text, and the tokenizer refuses it.
        readable = text.encode("utf-8", "replace").decode("utf-8")
        ids = np.array([self._tokenizer.encode(readable).ids], dtype=np.int64)
        found: Numbers = self._session.run(["kinds"], {"input_ids": ids})[0][0]
        return found


@cache
def tuned(folder: Path = FOLDER) -> Tuned:
    """Raises TunedInvalid."""
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        for name, expected in about["files"].items():
            if hashlib.sha256((folder / name).read_bytes()).hexdigest() != expected:
                raise ValueError(f"{name} is not the file that {ABOUT} tells of")
        return Tuned(folder, about)
    except Exception as fault:
        # ONNX Runtime and tokenizers raise types of their own, and may themselves be missing.
        raise TunedInvalid(f"safety/model: {type(fault).__name__}: {fault}: {MEND}") from fault


def log_odds(read: Numbers) -> Numbers:
    """Return for each row the log odds of any kind against none."""
    nothing = read[:, -1].astype(np.float64)
    danger = np.logaddexp.reduce(read[:, :-1].astype(np.float64), axis=1)
    return np.asarray(np.clip(danger - nothing, -12, 12), dtype=np.float32)
