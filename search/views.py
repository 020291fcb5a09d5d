"""A message as the searches it is worth: the whole, and the sentences of a long one.

Rule: a short question is one search. A story is also searched sentence by sentence, because the one
that asks is easily drowned by the others. Each sentence goes through the model once: as a whole the
story means what they mean together, which finds as well as reading it all again and takes half as
long.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from search.encoder import Encoder, Vectors
from search.gloss import meant
from search.ranking import View
from search.text import terms_of

LONG_WORDS = 18
MAX_SENTENCES = 6
PIECE_WORDS = 30

_ENDS = re.compile(r"(?<=[.!?;])\s+")


def views_of(text: str, lang: str, encoder: Encoder | None) -> list[View]:
    texts = [text, *sentences_of(text)]
    read = [meant(piece, lang) for piece in texts]
    vectors = _vectors(read, encoder) if encoder else [None] * len(texts)
    return [
        View(vector, tuple(terms_of(piece, lang)))
        for piece, vector in zip(texts, vectors, strict=True)
    ]


def _vectors(texts: Sequence[str], encoder: Encoder) -> Vectors:
    """texts: the whole, then its sentences."""
    if len(texts) == 1:
        return encoder.encode(texts)
    sentences = encoder.encode(texts[1:])
    together = sentences.sum(axis=0, keepdims=True)
    length = max(float(np.linalg.norm(together)), 1e-6)
    return np.concatenate((together / length, sentences)).astype(np.float32)


def sentences_of(text: str) -> list[str]:
    """Return the sentences of a long text worth a search of their own; none of a short one."""
    if len(text.split()) <= LONG_WORDS:
        return []
    pieces = [piece for sentence in _ENDS.split(text) for piece in _cut(sentence)]
    if len(pieces) < 2:
        return []
    # What asks, what opens (often a subject line), then what says most.
    keen = sorted(range(len(pieces)), key=lambda n: (-_asks(pieces[n]), n > 0, -len(pieces[n])))
    return [pieces[n] for n in sorted(keen[:MAX_SENTENCES])]


def _cut(sentence: str) -> list[str]:
    words = sentence.split()
    if not any(word.isalnum() or len(word) > 1 for word in words):
        return []
    return [" ".join(words[n : n + PIECE_WORDS]) for n in range(0, len(words), PIECE_WORDS)]


def _asks(piece: str) -> bool:
    return piece.rstrip().endswith("?")
