"""Cut a message into windows, so that a danger inside a story or after a request stands out.

Rule: cuts come at the end of a sentence, at a pause, before a turn ("but", "also", "pero") or,
where nothing is written between them, after some words; short pieces stay with their neighbour.
"""

from collections.abc import Iterator, Sequence

from safety.normalise import PAUSE, STOP
from safety.rules import plain_words

SHORTEST, LONGEST = 4, 16  # words of a window
MOST_WINDOWS = 24  # windows of a message: bounds the time of a long one


def windows(tokens: Sequence[str]) -> list[list[str]]:
    """Return the windows of a message, in order; none when it is one short piece."""
    pieces = list(_joined(_pieces(tokens)))
    if len(pieces) == 1 and len(pieces[0]) <= LONGEST:
        return []
    found: list[list[str]] = []
    for piece in pieces:
        found.extend(_slid(piece))
    return found[:MOST_WINDOWS]


def _pieces(tokens: Sequence[str]) -> Iterator[list[str]]:
    breaks, piece = plain_words("clause_break"), list[str]()
    for token in tokens:
        if piece and (token in (PAUSE, STOP) or token in breaks):
            yield piece
            piece = []
        if token not in (PAUSE, STOP):
            piece.append(token)
    if piece:
        yield piece


def _joined(pieces: Iterator[list[str]]) -> Iterator[list[str]]:
    waiting: list[str] = []
    for piece in pieces:
        waiting = waiting + piece
        if len(waiting) >= SHORTEST:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def _slid(piece: list[str]) -> Iterator[list[str]]:
    if len(piece) <= LONGEST:
        yield piece
        return
    for start in range(0, len(piece) - LONGEST // 2, LONGEST // 2):
        yield piece[start : start + LONGEST]
