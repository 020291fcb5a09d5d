"""What one message of a patient does: words, a pick from a list or a desk, going on after a card.

Rule: an act becomes a text and a payload here, masked; what it refers to must stand in the log of
the same conversation.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from safety.identifiers import mask
from web.config import Settings
from web.desk import desks
from web.models import Conversation, Kind, Message
from web.security import keyed_hash
from web.wording import say


class NotInLog(LookupError):
    """What the message refers to is not in this conversation."""


@dataclass(frozen=True)
class Typed:
    text: str


@dataclass(frozen=True)
class Picked:
    """A choice from the list in row n; article "" is "none of these"."""

    n: int
    article: str


@dataclass(frozen=True)
class Chosen:
    """What the patient came for, chosen before the first words: the id of a desk."""

    desk: str


class Way(StrEnum):
    """How a patient leaves the queue without giving up."""

    MESSAGE = "message"
    CALLBACK = "callback"


@dataclass(frozen=True)
class Left:
    way: Way


@dataclass(frozen=True)
class Continued:
    """The patient of row n says it is no emergency and wants the answer."""

    n: int


Act = Typed | Picked | Chosen | Left | Continued


def digest(secret: bytes, act: Act) -> str:
    """Return a keyed hash of what was sent: short texts could be guessed from a plain one."""
    said = json.dumps([type(act).__name__, *vars(act).values()])
    return keyed_hash(secret, "message", said)


@dataclass(frozen=True)
class Content:
    """What a row is to hold. `text` is masked; `original` what was typed, where that is more."""

    text: str
    payload: dict[str, Any]
    original: str | None = None


def content(session: Session, settings: Settings, conversation_id: str, act: Act) -> Content:
    if isinstance(act, Typed):
        masked = mask(act.text, settings.own_numbers)
        kinds = sorted({span.type.lower() for span in masked.spans})
        if not kinds:
            return Content(masked.text, {})
        return Content(masked.text, {"masked": kinds}, act.text)
    if isinstance(act, Picked):
        choices = row(session, conversation_id, act.n, Kind.CHOICES)
        titles = {choice["article"]: choice["title"] for choice in choices.payload["choices"]}
        if act.article and act.article not in titles:
            raise NotInLog(conversation_id)
        return Content(titles.get(act.article, ""), {"choice": act.article, "of": act.n})
    if isinstance(act, Chosen):
        if desks.named(settings, act.desk) is None:
            raise desks.DeskUnknown(act.desk)
        lang = session.get_one(Conversation, conversation_id).lang
        return Content(desks.name(settings, act.desk, lang), {"desk": act.desk})
    if isinstance(act, Left):
        lang = session.get_one(Conversation, conversation_id).lang
        return Content(say(lang, f"way.{act.way.value}"), {"way": act.way.value})
    card = row(session, conversation_id, act.n, Kind.DANGER)
    if not card.payload.get("can_continue"):
        raise NotInLog(conversation_id)
    return Content("", {"continue": card.payload["of"]})


def row(session: Session, conversation_id: str, n: int, kind: Kind) -> Message:
    query = select(Message).where(
        Message.conversation_id == conversation_id, Message.n == n, Message.kind == kind
    )
    found = session.scalar(query)
    if found is None:
        raise NotInLog(conversation_id)
    return found
