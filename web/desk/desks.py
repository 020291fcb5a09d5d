"""Which desk a patient's concern belongs to, and who works there.

Rule: desks stand in `clinic.toml`; a clinic that names none has one. What the patient chose counts
first, then what the assistant understood, then what was read last. Nothing is ever without a desk.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from web.chat.rasa import TOPICS
from web.config import Settings
from web.models import Conversation, Kind, Message, Staff, staff_desk
from web.sections import Desk, Lang
from web.services import services
from web.wording import langs, say

DESK_CHOICE = "desk:"  # what comes before the id when a patient chooses a desk
OFTEN_ASKED = ("hours", "change", "refill", "insurance")
GENERAL = "general"
COMPLAINTS = "complaints"
ONLY = Desk(id="front", name={"en": "Front desk", "es": "Recepción"}, topics=TOPICS)


class DeskUnknown(LookupError):
    """The clinic has no such desk."""


def known(settings: Settings) -> tuple[Desk, ...]:
    """Return the clinic's desks in its own order."""
    return settings.desks or (ONLY,)


def named(settings: Settings, desk_id: str | None) -> Desk | None:
    """Return the desk; None for one that `clinic.toml` no longer has."""
    return next((desk for desk in known(settings) if desk.id == desk_id), None)


def name(settings: Settings, desk_id: str | None, lang: str) -> str:
    """Return a desk's name as a patient reads it; one that is gone goes by its id."""
    desk = named(settings, desk_id)
    return desk.name.get(lang) or next(iter(desk.name.values())) if desk else desk_id or ""


def staff_name(settings: Settings, desk_id: str | None) -> str:
    """Return a desk's name as staff read it: "Front desk" where patients read "Something else"."""
    desk = named(settings, desk_id)
    return (desk.staff_name if desk else None) or name(settings, desk_id, "en")


def of_topic(settings: Settings, topic: str) -> Desk:
    """Return the desk of one of web.chat.rasa.TOPICS."""
    desks = known(settings)
    return next((desk for desk in desks if topic in desk.topics), _general(desks))


def of_article(settings: Settings, topic: str) -> Desk:
    """Return the desk of an article's own topic."""
    desks = known(settings)
    return next((desk for desk in desks if topic in desk.articles), of_topic(settings, topic))


def _general(desks: Sequence[Desk]) -> Desk:
    return next((desk for desk in desks if GENERAL in desk.topics), desks[0])


def opening(
    settings: Settings, suggestions: Mapping[Lang, Sequence[str]]
) -> dict[str, dict[str, Any]]:
    """Return what an empty chat offers, by language; `body` is what picking it posts.

    suggestions: a site's own questions, by language, instead of the desks.
    """
    own = {str(lang): questions for lang, questions in suggestions.items()}
    return {lang: _opening(settings, lang, own.get(lang, ())) for lang in langs()}


def _opening(settings: Settings, lang: str, own: Sequence[str]) -> dict[str, Any]:
    if own or len(settings.desks) < 2:
        asked = own or [say(lang, f"opening.{key}") for key in OFTEN_ASKED]
        choices = [{"label": text, "body": {"text": text}} for text in asked]
        return {"title": say(lang, "opening.often"), "choices": choices}
    choices = [
        {"label": name(settings, desk.id, lang), "body": {"choice": f"{DESK_CHOICE}{desk.id}"}}
        for desk in settings.desks
    ]
    return {"title": say(lang, "opening.desks"), "choices": choices}


# Where a handoff goes ----------------------------------------------------------------------------


def route(session: Session, conversation: Conversation, topic: str = GENERAL) -> Desk:
    """Return the desk for a handoff of this conversation. topic: what the assistant understood."""
    settings = services().settings
    chosen = named(settings, conversation.desk)
    if topic == COMPLAINTS:
        return of_topic(settings, topic)
    if chosen is not None and GENERAL not in chosen.topics:
        return chosen
    if topic != GENERAL:
        return of_topic(settings, topic)
    return of_article(settings, _topic_read_last(session, conversation.id))


def _topic_read_last(session: Session, conversation_id: str) -> str:
    last = session.scalar(
        select(Message)
        .where(
            Message.conversation_id == conversation_id,
            Message.kind.in_((Kind.PASSAGES, Kind.CHOICES)),
        )
        .order_by(Message.n.desc())
        .limit(1)
    )
    index = services().publisher.index
    payload = last.payload if last is not None else {}
    for shown in payload.get("passages") or payload.get("choices") or ():
        if index is not None and shown["article"] in index.articles:
            return index.articles[shown["article"]].topic or GENERAL
    return GENERAL


# Who works there ---------------------------------------------------------------------------------


def of_staff(session: Session, staff_ids: Collection[int]) -> dict[int, frozenset[str]]:
    """Return the desks of each; an empty set means all of them."""
    query = select(staff_desk.c.staff_id, staff_desk.c.desk).where(
        staff_desk.c.staff_id.in_(staff_ids)
    )
    found: dict[int, set[str]] = {staff_id: set() for staff_id in staff_ids}
    for staff_id, desk in session.execute(query):
        found[staff_id].add(desk)
    return {staff_id: frozenset(desks) for staff_id, desks in found.items()}


def seat(
    session: Session,
    settings: Settings,
    staff: Staff,
    desk_ids: Sequence[str],
    languages: Sequence[str],
) -> None:
    """Say where somebody works and what they speak; nothing means everywhere, and any language.

    Raises DeskUnknown.
    """
    for desk_id in desk_ids:
        if named(settings, desk_id) is None:
            raise DeskUnknown(desk_id)
    session.execute(delete(staff_desk).where(staff_desk.c.staff_id == staff.id))
    rows = [{"staff_id": staff.id, "desk": desk_id} for desk_id in dict.fromkeys(desk_ids)]
    if rows:
        session.execute(insert(staff_desk), rows)
    staff.languages = " ".join(dict.fromkeys(languages)) or None


def fits(staff: Staff, own: frozenset[str], desk_id: str | None, lang: str) -> bool:
    """Tell whether a conversation is for this member of staff. own: their desks."""
    speaks = staff.languages is None or lang in staff.languages.split()
    return speaks and (not own or desk_id is None or desk_id in own)
