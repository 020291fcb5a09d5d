"""Two questions in one message get two answers.

Rule: each part has to earn its answer alone, as if it had been asked alone, and two parts that find
the same article are one question. In all other cases the message is asked as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from search.answer import Found, Outcome, ask
from search.encoder import Encoder
from search.index import Index
from search.text import fold

MOST = 3
FEWEST_WORDS = 3

_SENTENCE = re.compile(r"[^.?!;\n]+[.?!;\n]*")
_JOINS = re.compile(r",?\s+(?:and|also|plus|y|e|también|además)\s+(?:also\s+|también\s+)?", re.I)
_FILE = Path(__file__).parent / "words" / "opening_questions.txt"


def ask_all(
    index: Index,
    encoder: Encoder | None,
    question: str,
    *,
    previous: str | None = None,
    lang: str | None = None,
) -> Found:
    """Return what answers the first question of the message, and in `also` what the others."""
    whole = ask(index, encoder, question, previous=previous, lang=lang)
    parts = questions_in(question)
    if not 2 <= len(parts) <= MOST:
        return whole
    found = [ask(index, encoder, part, lang=whole.lang) for part in parts]
    answers = {
        one.passages[0].article: one for one in reversed(found) if one.outcome is Outcome.ANSWER
    }
    if len(answers) < 2:
        return whole
    first, *others = [one for one in found if any(one is each for each in answers.values())]
    # The vector stands for the whole message: it is what the assistant hears the intent from.
    return replace(first, vector=whole.vector, also=tuple(others))


def questions_in(text: str) -> list[str]:
    """Return the parts that ask, in their order: sentences, and what an "and" joins to them."""
    return [part for sentence in _SENTENCE.findall(text) for part in _parts(sentence.strip())]


def _parts(sentence: str) -> Iterator[str]:
    ends = sentence.endswith("?")
    at = 0
    for join in _JOINS.finditer(sentence):
        if _asks(sentence[join.end() :]):
            yield from _one(sentence[at : join.start()], ends=ends)
            at = join.end()
    yield from _one(sentence[at:], ends=ends)


def _one(part: str, *, ends: bool) -> Iterator[str]:
    if len(part.split()) >= FEWEST_WORDS and (ends or _asks(part)):
        yield part.strip()


def _asks(part: str) -> bool:
    """Tell whether it begins as a question does."""
    words = fold(part).replace("¿", " ").replace("¡", " ").split()
    return bool(words) and words[0] in _openings()


@cache
def _openings() -> frozenset[str]:
    lines = _FILE.read_text(encoding="utf-8").splitlines()
    return frozenset(fold(line) for line in lines if line and not line.startswith("#"))
