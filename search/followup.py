"""Questions that lean on the one before: "and on saturday?".

Rule: the earlier question is taken along only where the new one is short and says by a joining
word, a pronoun or its lack of a topic that it goes on. Which reading is used is then decided by
what is found.
"""

from __future__ import annotations

from search.text import stop_words, words_of

MAX_WORDS = 8
_JOINING = frozenset("and but or also then what how y e pero o entonces tambien".split())
_POINTING = frozenset(
    "it its that those them they there this these one ones him her he she same else too instead "
    "eso esa ese esto esos esas ahi alli alla ello ella ellos ellas lo mismo misma otro "
    "otra".split()
)


def joined(question: str, previous: str) -> str | None:
    """Return both as one text where the question leans on the previous one, else None."""
    words = words_of(question)
    if not words or not previous or len(words) > MAX_WORDS:
        return None
    topics = [word for word in words if word not in stop_words()]
    leans = words[0] in _JOINING or bool(_POINTING.intersection(words)) or len(topics) <= 1
    return f"{previous} {question}" if leans else None
