"""Say when words of danger are not a danger: denied, long past, taught, mild, a name, an idiom.

Rule: a guard looks at the words around one match and nothing else; it never silences a match that
starts with its own "no" ("no puedo respirar"), and what is happening now is never past.
"""

from bisect import bisect_right
from dataclasses import dataclass
from functools import cache, cached_property

from safety.grammar import Pattern, near
from safety.normalise import PAUSE, STOP
from safety.rules import Shelf, guard_patterns, plain_words

BLANK = "_"
DENIAL_REACH, LIST_REACH = 6, 14  # words between "no" or "denies" and what it denies
BARRED_REACH = 7  # words around a match in which a word after `!` counts

Span = tuple[int, int]


@dataclass(frozen=True)
class Message:
    """Tokens, and the same as one text in which every token ends with a space."""

    tokens: tuple[str, ...]

    @cached_property
    def text(self) -> str:
        return "".join(token + " " for token in self.tokens)

    @cached_property
    def starts(self) -> list[int]:
        starts, at = [], 0
        for token in self.tokens:
            starts.append(at)
            at += len(token) + 1
        return starts

    def token_at(self, offset: int) -> int:
        return bisect_right(self.starts, offset) - 1

    def clause(self, span: Span) -> Span:
        """Return the first and one past the last token of the clause around a match."""
        breaks = plain_words("clause_break")
        first, last = self.token_at(span[0]), self.token_at(span[1] - 1)
        while first > 0 and self.tokens[first - 1] not in breaks | {PAUSE, STOP}:
            first -= 1
        while last + 1 < len(self.tokens) and self.tokens[last + 1] not in breaks | {PAUSE, STOP}:
            last += 1
        return first, last + 1

    def part(self, bounds: Span) -> "Message":
        return Message(self.tokens[bounds[0] : bounds[1]])


@cache
def _shelf(name: str) -> tuple[Shelf, tuple[Pattern, ...]]:
    patterns = guard_patterns(name)
    return Shelf(patterns), patterns


def spans_of(name: str, message: Message) -> list[Span]:
    """Return where the patterns of a guard file match."""
    shelf, patterns = _shelf(name)
    found: list[Span] = []
    for number in shelf.candidates(set(message.tokens)):
        found.extend(match(patterns[number], message))
    return found


def match(pattern: Pattern, message: Message) -> list[Span]:
    """Return the spans of a pattern; of a `&` phrase, the spans of its parts when near enough."""
    sides = [part.spans(message.text) for part in pattern.parts]
    if not all(sides):
        return []
    if len(sides) == 1:
        return [span for span in sides[0] if not is_barred(pattern, message, (span,))]
    firsts = tuple(side[0] for side in sides)
    return list(firsts) if near(firsts, message.starts) else []


def is_barred(pattern: Pattern, message: Message, spans: tuple[Span, ...]) -> bool:
    """Whether a word after `!` stands in or close to the match."""
    if not pattern.without:
        return False
    first = message.token_at(min(span[0] for span in spans)) - BARRED_REACH
    last = message.token_at(max(span[1] for span in spans) - 1) + BARRED_REACH
    around = message.part((max(0, first), last + 1))
    return any(part.spans(around.text) for part in pattern.without)


def blanked(message: Message) -> Message:
    """Return the message with idioms and reassuring words struck out ("dying to know")."""
    tokens = list(message.tokens)
    for span in spans_of("idioms", message):
        for number in range(message.token_at(span[0]), message.token_at(span[1] - 1) + 1):
            if tokens[number] not in (PAUSE, STOP):
                tokens[number] = BLANK
    return Message(tuple(tokens))


def is_denied(message: Message, span: Span) -> bool:
    first = message.token_at(span[0])
    negators, fillers = plain_words("negator"), plain_words("filler")
    if message.tokens[first] in negators:
        return False
    listing, joined = plain_words("list_negator"), False
    for distance in range(1, LIST_REACH + 1):
        token = message.tokens[first - distance] if first >= distance else STOP
        if token == STOP or token in plain_words("clause_break"):
            return False
        if token in listing:
            return True
        if token in negators:  # "no fever and chest pain" may mean the pain is there
            return distance <= DENIAL_REACH and not joined
        joined = joined or token in plain_words("joining")
        if token not in fillers and not (token == PAUSE and _lists_on(message, first - distance)):
            return False
    return False


def _lists_on(message: Message, at: int) -> bool:
    """Whether an earlier word of the clause denies a whole list: "denies pain, fever, cough"."""
    return any(
        token in plain_words("list_negator") for token in message.tokens[max(0, at - 8) : at]
    )


def is_past(message: Message, span: Span) -> bool:
    around = message.part(message.clause(span))
    return bool(spans_of("past", around)) and not spans_of("now", around)


def is_taught(message: Message, span: Span) -> bool:
    """Whether it is asked about, taught or the name of a service, and nobody has it now."""
    around = message.part(message.clause(span))
    return bool(spans_of("education", around)) and not spans_of("now", around)


def is_mild(message: Message, span: Span) -> bool:
    around = message.part(message.clause(span))
    return bool(spans_of("mild", around))


CHECKS = {"denial": is_denied, "past": is_past, "education": is_taught, "mild": is_mild}
