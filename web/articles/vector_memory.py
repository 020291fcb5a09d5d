"""Vectors of questions that editors look at again and again, in memory alone.

Rule: a vector can be turned back into words, so none is stored, and all are dropped a quarter of an
hour after the last look.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Sequence

import numpy as np

from search.encoder import Encoder, Vectors

KEPT = 4_000
DROPPED_AFTER_S = 15 * 60


class VectorMemory:
    """Safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, kept: int = KEPT) -> None:
        self._clock = clock
        self._kept = kept
        self._lock = threading.Lock()
        self._vectors: dict[bytes, Vectors] = {}
        self._looked_at = clock()

    def over(self, encoder: Encoder) -> Remembering:
        """Return the encoder that looks here first."""
        return Remembering(encoder, self)

    def drop_old(self) -> None:
        with self._lock:
            if self._clock() - self._looked_at > DROPPED_AFTER_S:
                self._vectors.clear()

    def get(self, key: bytes) -> Vectors | None:
        self.drop_old()
        with self._lock:
            self._looked_at = self._clock()
            return self._vectors.get(key)

    def put(self, key: bytes, vector: Vectors) -> None:
        with self._lock:
            if len(self._vectors) >= self._kept:
                self._vectors.pop(next(iter(self._vectors)))
            self._vectors[key] = vector

    def __len__(self) -> int:
        return len(self._vectors)


class Remembering:
    """An encoder like the one it stands before."""

    def __init__(self, encoder: Encoder, memory: VectorMemory) -> None:
        self._encoder = encoder
        self._memory = memory

    @property
    def recipe(self) -> str:
        return self._encoder.recipe

    def encode(self, texts: Sequence[str]) -> Vectors:
        return np.stack([self._one(text) for text in texts])

    def _one(self, text: str) -> Vectors:
        key = hashlib.sha256(f"{self.recipe}\n{text}".encode("utf-8", "replace")).digest()
        vector = self._memory.get(key)
        if vector is None:
            vector = self._encoder.encode([text])[0]
            self._memory.put(key, vector)
        return vector
