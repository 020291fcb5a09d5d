"""Turn what a patient typed into plain tokens that rules can be written against.

Rule: never lose a word. Disguises and slips (case, accents, look-alike letters, zero-width
characters, leetspeak, stretched letters, dots inside words, text-speak) are undone; nothing is
translated and nothing is judged here. Tokens are lower-case ASCII words and numbers, `,` for a
pause and `.` for the end of a sentence.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable

PAUSE, STOP = ",", "."

# Letters of other scripts that look like Latin ones (Unicode confusables, the common ones).
_LOOK_ALIKES = str.maketrans(
    "абвгдеёзикмнорстухуіїјѕԁһԛԝүαβεηικνορτυχωƒłøđħıßƙɡɑ¡¿",
    "abbrdee3ukmhopctyxyiijsdhqwyabenikvoptuxwflodhibkga  ",
)
_CONTROL = {"Cf", "Mn", "Me", "Cc", "Co", "Cs"}
_LEET = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b",
                       "@": "a", "$": "s", "!": "i", "|": "i", "+": "t", "9": "g"})  # fmt: skip
_PIECE = re.compile(
    r"\d+(?:[.,:/]\d+)*(?![^\W\d_])(?!\$\w)"  # a number, not the start of a leet word
    r"|[^\W_]+(?:['*@$!|+._\-/~]+[^\W_]+)*"  # a word, with marks inside it
    r"|[@$]\w[\w@$]*"
    r"|\.{2,}|[.!?;:,\n()\u2014\u2013\u2026\-]"
)
_STOPS = set(".!?;")
_APOSTROPHES = str.maketrans(dict.fromkeys("’‘ʼ´`′＇", "'"))
_UNIT = re.compile(r"(\d+(?:[.,]\d+)?)([a-z]{1,7})")
_INTERLEAVED = re.compile(r"[a-z]+(?:[013457]+[a-z]+)+")  # n3ighb0r; but not b12 or h1n1
_MIXED = re.compile(r"(?=.*[a-z])(?=.*[013457])[a-z013457']+")
_LONE = {"1": "i", "0": "o", "4": "a"}
_STRETCHED = re.compile(r"(.)\1{2,}")

Known = Callable[[str], bool]


def fold(text: str) -> str:
    """Return lower-case text without accents, invisible characters and look-alike letters."""
    text = unicodedata.normalize("NFKC", text).translate(_APOSTROPHES).lower()
    text = unicodedata.normalize("NFD", text)
    kept = (
        char if char in "\n\t" or unicodedata.category(char) not in _CONTROL else ""
        for char in text
    )
    return "".join(kept).translate(_LOOK_ALIKES)


def tokens(text: str, known: Known) -> list[str]:
    """Return the tokens of a text. `known` says whether a word is in the screen's vocabulary."""
    pieces: list[str] = _PIECE.findall(fold(text))
    if _is_in_digits(pieces, known):
        pieces = [_out_of_digits(piece, known) for piece in pieces]
    found: list[str] = []
    for piece in pieces:
        found.extend(_token(piece, known))
    return _join_letters(found, known)


def _is_in_digits(pieces: list[str], known: Known) -> bool:
    """Whether digits stand for letters throughout: `1 h4v3 4 p41n 1n my ch3st`."""
    disguised = [piece for piece in pieces if _MIXED.fullmatch(piece)]
    read = sum(known(piece.translate(_LEET)) for piece in disguised)
    return len(disguised) >= 2 and read >= 2 and len(disguised) * 4 >= len(pieces)


def _out_of_digits(piece: str, known: Known) -> str:
    if piece in _LONE:
        return _LONE[piece]
    if not _MIXED.fullmatch(piece):
        return piece
    plain = piece.translate(_LEET)
    return piece if _UNIT.fullmatch(piece) and not known(plain) else plain


def _token(piece: str, known: Known) -> Iterable[str]:
    if not piece[0].isalnum() and piece[0] not in "@$":
        return (STOP,) if piece in _STOPS else (PAUSE,)
    if piece[0].isdigit() and re.fullmatch(r"[\d.,:/]+", piece):
        return (piece.replace(",", ".") if piece.count(",") == 1 else piece,)
    if re.search(r"[^\w]", piece.replace("'", "")) or "_" in piece:
        return _marked(piece, known)
    return _word(piece, known)


def _marked(piece: str, known: Known) -> Iterable[str]:
    """Undo marks inside a word: k.i.l.l, su-i-cide, k*ll, h@rt, but chest-pain is two words."""
    plain = _leet(piece, known)
    if plain:
        return (plain,)
    parts = [part for part in re.split(r"[*@$!|+._\-/~]+", piece) if part]
    joined = "".join(parts).replace("'", "")
    if known(joined) or (len(parts) > 2 and all(len(part) == 1 for part in parts)):
        return (joined,)
    if "*" in piece and len(parts) > 1:
        return (piece.replace("'", ""),)  # a starred-out letter: repaired from the vocabulary
    words: list[str] = []
    for part in parts:
        words.extend(_word(part, known))
    return words


def _word(piece: str, known: Known) -> Iterable[str]:
    word = piece.replace("'", "") if "'" not in piece else _contraction(piece)
    if word.isalpha():
        return (_unstretched(word, known),) if " " not in word else word.split()
    plain = _leet(word, known) if " " not in word else None
    unit = _UNIT.fullmatch(word)
    if unit and not plain:  # 5mg, 3am; but 4nd is "and"
        return (unit[1], unit[2])
    if not plain and len(word) > 4 and _INTERLEAVED.fullmatch(word):
        plain = word.translate(_LEET)
    return (plain or word,) if " " not in word else word.split()


def _contraction(piece: str) -> str:
    for end, full in (("'m", " am"), ("'re", " are"), ("'ve", " have"), ("'ll", " will"),
                      ("'s", " is"), ("'d", " would")):  # fmt: skip
        if piece.endswith(end):
            return piece.removesuffix(end).replace("'", "") + full
    return piece.replace("'", "")


def _leet(word: str, known: Known) -> str | None:
    if not re.search(r"[a-z]", word):
        return None
    plain = word.replace("'", "").translate(_LEET)
    for candidate in (plain, word.replace("1", "l").replace("|", "l").translate(_LEET)):
        if candidate.isalpha() and known(candidate):
            return candidate
    return None


def _unstretched(word: str, known: Known) -> str:
    """Return `help` for `heeeelp`, `chest` for `chhhest`; doubled letters of real words stay."""
    if not _STRETCHED.search(word):
        return word
    double, single = _STRETCHED.sub(r"\1\1", word), _STRETCHED.sub(r"\1", word)
    return double if known(double) and not known(single) else single


def _join_letters(found: list[str], known: Known) -> list[str]:
    """Return `suicide` for `s u i c i d e`, and `chest` for `ch est`."""
    result: list[str] = []
    at = 0
    while at < len(found):
        end = at
        while end < len(found) and len(found[end]) == 1 and found[end].isalpha():
            end += 1
        if end - at >= 3:
            result.append("".join(found[at:end]))
            at = end
            continue
        pair = found[at] + found[at + 1] if at + 1 < len(found) else ""
        if len(pair) > 4 and pair.isalpha() and known(pair) and _broken(found[at : at + 2], known):
            result.append(pair)
            at += 2
            continue
        result.append(found[at])
        at += 1
    return result


def _broken(pair: list[str], known: Known) -> bool:
    return not (known(pair[0]) and known(pair[1]))
