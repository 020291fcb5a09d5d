"""Rule: the same sentence vectors as the web process makes, from the same exported files.

Used only where a message brings no vector: training, `rasa test`, `rasa shell`, and turns
the web process answered without its model.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

MAX_TOKENS = 256


class ModelMissing(Exception):
    """The sentence model has not been exported."""


class Encoder:
    """Turn texts into vectors of length 1 with the model that `models/current` names."""

    def __init__(self, models: Path) -> None:
        folder = _current(models)
        recipe = json.loads((folder / "recipe.json").read_text(encoding="utf-8"))
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(int(recipe.get("max_tokens", MAX_TOKENS)))
        self.tokenizer.no_padding()
        self.session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), _one_thread(), providers=["CPUExecutionProvider"]
        )
        self.inputs = {each.name for each in self.session.get_inputs()}

    def encode(self, text: str) -> np.ndarray:
        """Return an array of shape (dimensions,), float32, of length 1."""
        # One text at a time: int8 weights give other numbers in a batch. A lone surrogate is no
        # Unicode text, and the tokenizer refuses it.
        readable = text.encode("utf-8", "replace").decode("utf-8")
        encoding = self.tokenizer.encode(readable)
        mask = np.array([encoding.attention_mask], dtype=np.int64)
        feed = {
            "input_ids": np.array([encoding.ids], dtype=np.int64),
            "attention_mask": mask,
            "token_type_ids": np.array([encoding.type_ids], dtype=np.int64),
        }
        (output, *_) = self.session.run(
            None, {name: value for name, value in feed.items() if name in self.inputs}
        )
        return _unit(_pooled(output, mask))


def _current(models: Path) -> Path:
    try:
        recipe = (models / "current").read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise ModelMissing(f"{models / 'current'} is missing: run ./clinic run once") from None
    return models / recipe


def _one_thread() -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return options


def _pooled(output: np.ndarray, mask: np.ndarray) -> np.ndarray:
    if output.ndim == 2:
        pooled: np.ndarray = output[0]
    else:
        weights = mask[0][:, None].astype(np.float32)
        pooled = (output[0] * weights).sum(axis=0) / weights.sum()
    return pooled


def _unit(vector: np.ndarray) -> np.ndarray:
    length = float(np.linalg.norm(vector))
    return (vector / length if length else vector).astype(np.float32)
