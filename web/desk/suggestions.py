"""Passages of the clinic's articles for what a patient asked, offered to the agent.

Rule: the words are the articles' own, found as the assistant finds them; an agent sends one with a
press, and it stands in the log as the bot's do, cited. Questions are searched masked. What an agent
calls unhelpful is kept with the question, sealed, for the editors.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from safety.identifiers import mask
from search.answer import Found, Outcome, ask
from search.index import Index
from search.passages import Passage
from web.chat.replies import as_shown
from web.config import Settings
from web.desk import handoffs
from web.desk.handoff_steps import now
from web.models import Author, Handoff, Kind, Message, UnhelpfulSuggestion
from web.services import Services

MAX_SHOWN = 3
MAX_QUESTION_CHARACTERS = 500


class PassageGone(LookupError):
    """No article holds this passage any more."""


@dataclass(frozen=True)
class Suggestion:
    """One passage as it would be sent: `shown` is what the log's row will hold."""

    passage: Passage
    shown: dict[str, Any]


@dataclass(frozen=True)
class Suggested:
    """`n`: the patient's message they are for, 0 for the agent's own words. Best first."""

    question: str
    n: int
    found: tuple[Suggestion, ...]


@dataclass(frozen=True)
class Asked:
    """The patient's last words, and the ones before them."""

    n: int
    text: str
    previous: str | None


def last_asked(session: Session, conversation_id: str) -> Asked | None:
    """Return what the patient wrote last, masked as it is kept; None before their first words."""
    query = (
        select(Message)
        .where(
            Message.conversation_id == conversation_id,
            Message.author == Author.PATIENT,
            Message.kind == Kind.TEXT,
        )
        .order_by(Message.n.desc())
        .limit(2)
    )
    rows = [row for row in session.scalars(query) if row.text.strip()]
    if not rows:
        return None
    return Asked(rows[0].n, rows[0].text, rows[1].text if rows[1:] else None)


def for_patient(services: Services, asked: Asked, lang: str) -> Suggested:
    """Suggest what answers the patient; nothing where the assistant would say "none".

    Not inside a transaction: a sentence is embedded.
    """
    index = services.publisher.index
    if index is None:
        return Suggested(asked.text, asked.n, ())
    found = ask(index, services.publisher.encoder, asked.text, previous=asked.previous, lang=lang)
    wanted = found.choices if found.outcome is not Outcome.NONE else ()
    return Suggested(asked.text, asked.n, _best_of(index, found, wanted))


def for_words(services: Services, words: str, lang: str) -> Suggested:
    """Search for an agent's own words: the three nearest articles, however far they are."""
    words = masked(services.settings, words)
    index = services.publisher.index
    if index is None or not words:
        return Suggested(words, 0, ())
    found = ask(index, services.publisher.encoder, words, lang=lang)
    nearest = tuple(dict.fromkeys(hit.article for hit in found.passages))[:MAX_SHOWN]
    return Suggested(words, 0, _best_of(index, found, nearest))


def masked(settings: Settings, words: str) -> str:
    return mask(words[:MAX_QUESTION_CHARACTERS], settings.own_numbers).text.strip()


def _best_of(index: Index, found: Found, articles: tuple[str, ...]) -> tuple[Suggestion, ...]:
    """Return the best passage of each article."""
    best = [
        next(hit for hit in found.passages if hit.article == article)
        for article in articles[:MAX_SHOWN]
    ]
    found_here = (_named(index, (hit.article, hit.anchor, hit.heading)) for hit in best)
    return tuple(_suggestion(index, passage) for passage in found_here if passage is not None)


def _named(index: Index, name: tuple[str, str, str]) -> Passage | None:
    return next((p for p in index.passages if (p.article, p.anchor, p.heading) == name), None)


def _suggestion(index: Index, passage: Passage) -> Suggestion:
    return Suggestion(passage, as_shown(passage, index.articles[passage.article]))


def send(
    services: Services,
    session: Session,
    handoff_id: int,
    staff_id: int,
    *,
    client_id: str,
    article: str,
    anchor: str,
    heading: str,
) -> Message:
    """Send a published passage to the patient. The words are the index's, not the browser's.

    Raises PassageGone, HandoffNotYours, HandoffClosed.
    """
    index = services.publisher.index
    passage = _named(index, (article, anchor, heading)) if index is not None else None
    if passage is None or index is None:
        raise PassageGone(article)
    payload = {"passages": [as_shown(passage, index.articles[article])]}
    return handoffs.write(
        session,
        handoff_id,
        staff_id,
        client_id=client_id,
        text=passage.text,
        kind=Kind.PASSAGES,
        payload=payload,
    )


def call_unhelpful(
    session: Session,
    settings: Settings,
    handoff: Handoff,
    staff_id: int,
    *,
    n: int,
    words: str,
    article: str,
    at: datetime | None = None,
) -> None:
    """Keep that an article did not fit a question. Saying so twice changes nothing.

    n: the patient's message it was suggested for; 0: the agent searched for `words`.
    """
    of_it = (UnhelpfulSuggestion.handoff_id == handoff.id, UnhelpfulSuggestion.n == n)
    same = select(UnhelpfulSuggestion).where(*of_it, UnhelpfulSuggestion.article_id == article)
    if session.scalar(same) is not None:
        return
    asked = session.scalar(
        select(Message).where(Message.conversation_id == handoff.conversation_id, Message.n == n)
    )
    row = UnhelpfulSuggestion(
        handoff_id=handoff.id, n=n, article_id=article, staff_id=staff_id, at=at or now()
    )
    row.question = asked.text if asked is not None else masked(settings, words)
    session.add(row)
