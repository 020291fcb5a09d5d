"""Questions that patients asked in vain: what the editors' gaps are made of.

Rule: reads only, and only masked words. A question counts once, whatever went wrong with it. Who
was in danger, and scenes that agents practise, are no gaps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from web.models import (
    Author,
    Conversation,
    Handoff,
    Kind,
    Message,
    Shown,
    Turn,
    TurnState,
    UnhelpfulSuggestion,
)

MAX_CONVERSATIONS = 5_000


class Why(StrEnum):
    NONE = "none"  # no article was found
    REFUSED = "refused"  # "none of these"
    LEFT = "left"  # a list of choices from which nobody took one
    UNHELPFUL = "unhelpful"  # the passage did not help, say patient or agent
    BY_HAND = "by_hand"  # an agent answered it


@dataclass(frozen=True)
class Unmet:
    """One question. `n`: its row in the log. `replied`: what an agent answered, or ""."""

    conversation_id: str
    n: int
    at: datetime
    lang: str
    text: str
    whys: frozenset[Why]
    replied: str = ""

    @property
    def key(self) -> tuple[str, int]:
        return self.conversation_id, self.n


Rows = Mapping[int, Message]
Claim = tuple[str, int | None, Why]  # conversation, number of the question, why it counts


def read(session: Session, since: datetime) -> list[Unmet]:
    """Return what was asked in vain since then, the oldest first. Four queries, however many."""
    langs = _conversations(session, since)
    logs = _logs(session, langs)
    whys = _whys(session, langs, logs)
    found = []
    for conversation_id, reasons in whys.items():
        rows = logs.get(conversation_id, {})
        for n, each in reasons.items():
            row = rows.get(n)
            if row is not None and row.text and not _is_danger(rows, row):
                replied = _reply(rows, n) if Why.BY_HAND in each else ""
                lang = langs[conversation_id]
                found.append(
                    Unmet(conversation_id, n, row.created_at, lang, row.text, each, replied)
                )
    return sorted(found, key=lambda one: (one.at, one.key))


def _conversations(session: Session, since: datetime) -> dict[str, str]:
    """Return id → language of those with something in vain, the latest ones where too many."""
    in_vain = or_(
        Conversation.id.in_(
            select(Turn.conversation_id).where(Turn.shown.in_((Shown.NONE, Shown.CHOICES)))
        ),
        Conversation.id.in_(select(Message.conversation_id).where(Message.helpful.is_(False))),
        Conversation.id.in_(select(Handoff.conversation_id).where(Handoff.claimed_at.is_not(None))),
    )
    query = (
        select(Conversation.id, Conversation.lang)
        .where(in_vain, Conversation.last_message_at >= since, Conversation.practice.is_(False))
        .order_by(Conversation.last_message_at.desc(), Conversation.id)
        .limit(MAX_CONVERSATIONS)
    )
    return {row.id: row.lang for row in session.execute(query)}


def _logs(session: Session, ids: Iterable[str]) -> dict[str, dict[int, Message]]:
    query = (
        select(Message)
        .where(Message.conversation_id.in_(list(ids)))
        .order_by(Message.conversation_id, Message.n)
    )
    logs: dict[str, dict[int, Message]] = {}
    for row in session.scalars(query):
        logs.setdefault(row.conversation_id, {})[row.n] = row
    return logs


def _whys(
    session: Session, ids: Iterable[str], logs: Mapping[str, Rows]
) -> dict[str, dict[int, frozenset[Why]]]:
    """Return conversation → number of the question → why it counts."""
    wanted = list(ids)
    shown = _shown(session, wanted)
    claims = [
        *_found_nothing(shown, logs),
        *_suggestions(session, wanted),
        *(claim for rows in logs.values() for claim in _said(rows, shown)),
    ]
    found: dict[str, dict[int, frozenset[Why]]] = {}
    for conversation_id, n, why in claims:
        if n is not None:
            reasons = found.setdefault(conversation_id, {})
            reasons[n] = reasons.get(n, frozenset()) | {why}
    return found


def _shown(session: Session, ids: Sequence[str]) -> dict[tuple[str, int], str | None]:
    query = select(Turn.conversation_id, Turn.n, Turn.shown).where(
        Turn.conversation_id.in_(ids), Turn.state == TurnState.DONE
    )
    return {(row.conversation_id, row.n): row.shown for row in session.execute(query)}


def _found_nothing(
    shown: Mapping[tuple[str, int], str | None], logs: Mapping[str, Rows]
) -> Iterator[Claim]:
    for (conversation_id, n), what in shown.items():
        if what == Shown.NONE:
            yield conversation_id, *_asked(logs.get(conversation_id, {}), n)


def _suggestions(session: Session, ids: Sequence[str]) -> Iterator[Claim]:
    """Yield what agents said no suggested passage answered."""
    query = (
        select(Handoff.conversation_id, UnhelpfulSuggestion.n)
        .join(Handoff, Handoff.id == UnhelpfulSuggestion.handoff_id)
        .where(Handoff.conversation_id.in_(ids), UnhelpfulSuggestion.n > 0)
    )
    for conversation_id, n in session.execute(query):
        yield conversation_id, n, Why.UNHELPFUL


def _said(rows: Rows, shown: Mapping[tuple[str, int], str | None]) -> Iterator[Claim]:
    """Yield what the log of one conversation tells."""
    picked = {row.payload.get("of") for row in rows.values()}
    for row in rows.values():
        if row.helpful is False:
            yield row.conversation_id, row.payload.get("asked_n"), Why.UNHELPFUL
        if row.kind is Kind.CHOICES and row.n not in picked:
            yield row.conversation_id, row.payload.get("asked_n"), Why.LEFT
    first = next(iter(rows.values()), None)
    if first is not None:
        yield first.conversation_id, _answered_by_hand(rows, shown), Why.BY_HAND


def _asked(rows: Rows, n: int) -> tuple[int | None, Why]:
    """Follow a pick to its list, and what went on after a card, to the words that asked."""
    why, row = Why.NONE, rows.get(n)
    while row is not None and ("of" in row.payload or "continue" in row.payload):
        if row.payload.get("choice") == "":
            why = Why.REFUSED
        choices = rows.get(row.payload.get("of", 0))
        asked_n = choices.payload.get("asked_n") if choices is not None else None
        row = rows.get(asked_n or row.payload.get("continue", 0))
    if row is None or row.payload.keys() & {"desk", "way"}:
        return None, why
    return row.n, why


def _answered_by_hand(rows: Rows, shown: Mapping[tuple[str, int], str | None]) -> int | None:
    """Return the number of the last question before an agent's first words, if none answered it.

    A wish for a person is no question: its turn showed neither a list nor "nothing found".
    """
    first = next((row.n for row in rows.values() if _is_by_agent(row)), 0)
    asked = [
        row.n
        for row in rows.values()
        if row.n < first
        and _is_typed(row)
        and shown.get((row.conversation_id, row.n)) in (Shown.NONE, Shown.CHOICES)
    ]
    return asked[-1] if asked else None


def _is_by_agent(row: Message) -> bool:
    return row.author is Author.AGENT and row.kind is Kind.TEXT


def _is_typed(row: Message) -> bool:
    return row.author is Author.PATIENT and not row.payload.keys() & {
        "of",
        "continue",
        "desk",
        "way",
    }


def _reply(rows: Rows, n: int) -> str:
    return next((row.text for row in rows.values() if row.n > n and _is_by_agent(row)), "")


def _is_danger(rows: Rows, row: Message) -> bool:
    below = rows.get(row.n + 1)
    return below is not None and below.kind is Kind.DANGER


def whys_of(some: Sequence[Unmet]) -> dict[Why, int]:
    """Return how many questions count for each reason, none left out."""
    return {why: sum(why in each.whys for each in some) for why in Why}
