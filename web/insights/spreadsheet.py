"""The rows of the insights as CSV: one per conversation, one per turn.

Rule: made from the rows the page adds up, so the sums are the same. A cell that a spreadsheet would
take for a formula begins with an apostrophe: patients' words are never run.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence

from web.insights.reading import ConversationRow, TurnRow
from web.insights.sums import CARDS
from web.models import HandoffState, Shown

# OWASP, "CSV injection": the signs a formula begins with, the full-width ones too.
FORMULA_SIGNS = tuple("=+-@\t\r\n＝＋－＠")
BOM = "\ufeff"  # without it a spreadsheet guesses the accents wrong

CONVERSATION_COLUMNS = (
    "conversation",
    "began_at",
    "language",
    "site",
    "patient_messages",
    "turns",
    "answered",
    "choices",
    "none",
    "other",
    "fallback",
    "helpful_yes",
    "helpful_no",
    "handoffs",
    "handoff_reasons",
    "waits_s",
    "abandoned",
    "messages_left",
    *(f"card_{card}" for card in CARDS),
    "rating",
)
TURN_COLUMNS = (
    "conversation",
    "n",
    "at",
    "hour",
    "language",
    "shown",
    "search_outcome",
    "confidence",
    "engine",
    "fallback",
    "article",
    "helpful",
    "unanswered_question",
)

Cell = str | int | float | None


def conversations_csv(rows: Iterable[ConversationRow]) -> str:
    return _csv(CONVERSATION_COLUMNS, map(_conversation, rows))


def turns_csv(rows: Iterable[ConversationRow]) -> str:
    return _csv(TURN_COLUMNS, (_turn(turn) for row in rows for turn in row.turns))


def safe(value: Cell) -> str:
    """Return a cell's text; `=1+1` as `'=1+1`."""
    text = "" if value is None else str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULA_SIGNS) else text


def _csv(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([safe(cell) for cell in row] for row in rows)
    return BOM + file.getvalue()


def _conversation(row: ConversationRow) -> Sequence[Cell]:
    shown = Counter(turn.shown for turn in row.turns)
    helpful = Counter(turn.helpful for turn in row.turns)
    states = Counter(handoff.state for handoff in row.handoffs)
    cards = Counter(row.cards)
    return (
        row.id,
        row.began_at.isoformat(timespec="seconds"),
        row.lang,
        row.site,
        row.patient_messages,
        len(row.turns),
        shown[Shown.ANSWER],
        shown[Shown.CHOICES],
        shown[Shown.NONE],
        shown[Shown.OTHER],
        sum(turn.is_fallback for turn in row.turns),
        helpful[True],
        helpful[False],
        len(row.handoffs),
        ";".join(handoff.reason for handoff in row.handoffs),
        ";".join(str(each.wait_s) for each in row.handoffs if each.wait_s is not None),
        states[HandoffState.ABANDONED],
        states[HandoffState.MESSAGE_LEFT],
        *(cards[card] for card in CARDS),
        row.rating,
    )


def _turn(turn: TurnRow) -> Sequence[Cell]:
    return (
        turn.conversation_id,
        turn.n,
        turn.at.isoformat(timespec="seconds"),
        turn.at.hour,
        turn.lang,
        turn.shown.value,
        turn.outcome,
        turn.confidence,
        turn.engine,
        int(turn.is_fallback),
        turn.article,
        {True: "yes", False: "no", None: ""}[turn.helpful],
        turn.question,
    )
