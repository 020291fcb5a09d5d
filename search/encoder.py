"""Text to vector, with ONNX Runtime and tokenizers alone.

Rule: one text per forward pass, on one thread: no padding is computed, a text's vector never
depends on its company, and one short question is fastest so. What this module loads was made and
checked by `search.export`; nothing here needs torch or a network.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

CURRENT = "current"
MODEL_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"
RECIPE_FILE = "recipe.json"
MEND = "make it with: python -m search export"


class ModelMissing(Exception):
    """The exported model is not there or not as it was exported. The text says how to mend it."""


class Encoder(Protocol):
    @property
    def recipe(self) -> str: ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return an array of shape (len(texts), dimensions), float32, rows of length 1."""
        ...


class OnnxEncoder:
    def __init__(self, folder: Path, recipe: dict[str, Any]) -> None:
        # Imported here: the lexical engine and the command line's help work without them.
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(folder / MODEL_FILE), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
        self._dimensions = int(recipe["dimensions"])
        self.recipe: str = recipe["recipe"]

    def encode(self, texts: Sequence[str]) -> Vectors:
        vectors = np.empty((len(texts), self._dimensions), dtype=np.float32)
        for row, text in enumerate(texts):
            vectors[row] = self._encode_one(text)
        return vectors

    def _encode_one(self, text: str) -> Vectors:
        # A lone surrogate is no Unicode text, and the tokenizer refuses it.
        readable = text.encode("utf-8", "replace").decode("utf-8")
        tokens = np.array([self._tokenizer.encode(readable).ids], dtype=np.int64)
        feed = {"input_ids": tokens, "attention_mask": np.ones_like(tokens)}
        vector: Vectors = self._session.run(["vector"], feed)[0][0]
        return vector


def load_encoder(models_dir: Path) -> Encoder:
    """Load the model that `models_dir/current` names.

    Raises ModelMissing when a file is absent, or differs from what was exported and checked.
    """
    folder, recipe = read_recipe(models_dir)
    for name, expected in recipe["files"].items():
        if sha256_of(folder / name) != expected:
            raise ModelMissing(f"{folder / name} is not the file that was exported: {MEND}")
    return OnnxEncoder(folder, recipe)


def read_recipe(models_dir: Path) -> tuple[Path, dict[str, Any]]:
    current = models_dir / CURRENT
    try:
        folder = models_dir / current.read_text(encoding="utf-8").strip()
        recipe: dict[str, Any] = json.loads((folder / RECIPE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelMissing(f"no sentence model in {models_dir}: {MEND}") from error
    if not {"recipe", "dimensions", "files"} <= recipe.keys():
        raise ModelMissing(f"{folder / RECIPE_FILE} is incomplete: {MEND}")
    return folder, recipe


def sha256_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelMissing(f"{path} is missing: {MEND}") from error
