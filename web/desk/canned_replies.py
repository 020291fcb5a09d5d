"""Replies that agents need often, with variables, in each of the clinic's languages.

Rule: a reply is put into the patient's language and filled with what is known; what is not known
stays as `{{patient.name}}` for the agent to fill in, and nothing with an open variable is sent.
"""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from web.config import Settings
from web.desk.waiting import agent_name
from web.models import CannedReply, Conversation, Handoff

DEMO = Path(__file__).with_name("demo_replies.toml")
MAX_CHARACTERS = 1500
PEOPLE = ("patient.name", "agent.name")

_KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_VARIABLE = re.compile(r"\{\{\s*([^{}\s][^{}]{0,59}?)\s*\}\}")


class ReplyInvalid(ValueError):
    """The text says what to mend, in words for who edits replies."""


@dataclass(frozen=True)
class Ready:
    """A reply for one conversation. `open`: the variables nothing is known for."""

    key: str
    text: str
    open: tuple[str, ...]


def variables_in(text: str) -> tuple[str, ...]:
    """Return the variables that stand in a text, each once, in order."""
    return tuple(dict.fromkeys(_VARIABLE.findall(text)))


# For the composer --------------------------------------------------------------------------------


def ready(session: Session, settings: Settings, handoff: Handoff, staff_id: int) -> list[Ready]:
    """Return all replies, filled in for this conversation, by key."""
    lang = session.get_one(Conversation, handoff.conversation_id).lang
    known = _known(session, settings, handoff, staff_id, lang)
    replies = []
    for key, texts in by_key(session).items():
        text = texts.get(lang) or texts.get(settings.default_lang) or next(iter(texts.values()))
        filled = fill(text, known)
        replies.append(Ready(key, filled, variables_in(filled)))
    return replies


def fill(text: str, known: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: known.get(found.group(1), found.group(0)), text)


def _known(
    session: Session, settings: Settings, handoff: Handoff, staff_id: int, lang: str
) -> dict[str, str]:
    people = {
        "agent.name": agent_name(session, staff_id),
        "patient.name": _name_given(session, handoff.conversation_id),
    }
    return {**settings.facts(lang), **{name: text for name, text in people.items() if text}}


def _name_given(session: Session, conversation_id: str) -> str | None:
    """Return the name the patient wrote into the form in this conversation, if they did."""
    query = select(Handoff).where(Handoff.conversation_id == conversation_id)
    for handoff in session.scalars(query.order_by(Handoff.id.desc())):
        if name := (handoff.contact or {}).get("name"):
            return str(name)
    return None


# Editing -----------------------------------------------------------------------------------------


def by_key(session: Session) -> dict[str, dict[str, str]]:
    """Return key → language → text, by key."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for row in session.scalars(select(CannedReply).order_by(CannedReply.key, CannedReply.lang)):
        found[row.key][row.lang] = row.text
    return dict(found)


def variables(settings: Settings) -> tuple[str, ...]:
    """Return what may stand in a reply."""
    return (*PEOPLE, *sorted(settings.facts(settings.default_lang)))


def check(settings: Settings, key: str, texts: Mapping[str, str]) -> None:
    """Raises ReplyInvalid."""
    if len(key) > 40 or not _KEY.fullmatch(key):
        raise ReplyInvalid("The short name takes small letters, digits and hyphens: no-advice.")
    if not any(texts.values()):
        raise ReplyInvalid("Write the reply in at least one language.")
    for lang, text in texts.items():
        if len(text) > MAX_CHARACTERS:
            raise ReplyInvalid(f"The text ({lang}) has more than {MAX_CHARACTERS} characters.")
        unknown = [name for name in variables_in(text) if name not in variables(settings)]
        if unknown:
            raise ReplyInvalid(f"{{{{{unknown[0]}}}}} is no variable. See the list below.")


def save(
    session: Session,
    settings: Settings,
    key: str,
    texts: Mapping[str, str],
    *,
    staff_id: int | None,
    at: datetime,
) -> None:
    """Set a reply's texts, language → text; an empty text removes one. Raises ReplyInvalid."""
    texts = {lang: text.replace("\r\n", "\n").strip() for lang, text in texts.items()}
    check(settings, key, texts)
    remove(session, key)
    session.flush()
    for lang, text in texts.items():
        if text:
            row = CannedReply(key=key, lang=lang, changed_at=at, changed_by_id=staff_id)
            row.text = text
            session.add(row)


def remove(session: Session, key: str) -> None:
    session.execute(delete(CannedReply).where(CannedReply.key == key))


def add_demo(session: Session, settings: Settings, at: datetime) -> None:
    """Put the demonstration's replies in place, where the desk has none."""
    if session.scalar(select(CannedReply.key).limit(1)) is not None:
        return
    with DEMO.open("rb") as file:
        for key, texts in tomllib.load(file).items():
            save(session, settings, key, texts, staff_id=None, at=at)
