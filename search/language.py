"""Tell English from Spanish in a line as short as one word.

Rule: each word votes with how much more ordinary it is in one language than in the other; letters
only Spanish has decide alone. A text that says nothing either way gets the language it is offered.
(py3langid is as good, but takes 0.8 s and 106 MB to load, more than encoder and index together.)
"""

from __future__ import annotations

import math
import re
from functools import lru_cache

from search.text import ranks, spanish_rank, words_of

_SPANISH_LETTERS = re.compile(r"[ñÑ¿¡]")
_SPANISH_ENDINGS = re.compile(
    r"(?:cion|ciones|mente|idad|iendo|ando|ito|ita|logia|ario|eria|oso|osa)$"
)
_ENGLISH_ENDINGS = re.compile(r"(?:ing|tion|tions|ness|ment|ght|ck|ly|ful|less|ship)$")
_UNKNOWN_RANK = 60_000
_MAX_WORDS = 60


def notice_language(text: str, offered: str = "en") -> str:
    """Return "en" or "es"; `offered` where the words do not tell."""
    if _SPANISH_LETTERS.search(text):
        return "es"
    vote = sum(_vote(word) for word in words_of(text[:2000])[:_MAX_WORDS])
    if abs(vote) < 1.0:
        return offered
    return "es" if vote > 0 else "en"


@lru_cache(maxsize=50_000)
def _vote(word: str) -> float:
    """Return a log ratio, above 0 for Spanish. Frequency falls as one over the rank."""
    in_english = ranks("en").get(word)
    in_spanish = ranks("es").get(word) if in_english is not None else spanish_rank(word)
    if in_english is None and in_spanish is None:
        return 1.5 * bool(_SPANISH_ENDINGS.search(word)) - 1.5 * bool(_ENGLISH_ENDINGS.search(word))
    ratio = (10 + (_UNKNOWN_RANK if in_english is None else in_english)) / (
        10 + (_UNKNOWN_RANK if in_spanish is None else in_spanish)
    )
    return max(-4.0, min(4.0, math.log(ratio)))
