"""A front desk that can search the shipped articles, by words alone: quick, and real."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from search.index import Index, build
from tests.web.staff_desk import ROOT, Desk
from web.config import load_settings
from web.desk import handoffs
from web.models import Staff


@cache
def shipped_index() -> Index:
    facts = load_settings().facts("en")
    return build(ROOT / "kb_articles", None, facts=facts, learn=False)[0]


def searching_desk(var: Path) -> Desk:
    desk = Desk(var)
    desk.services.publisher.index = shipped_index()
    return desk


def claimed(desk: Desk, staff: Staff, *texts: str, lang: str = "en") -> tuple[int, str]:
    """A patient with this agent. Returns the handoff's id and the conversation's."""
    conversation_id = desk.patient(*texts, lang=lang)
    desk.ask(conversation_id)
    with desk.open() as session:
        handoff = handoffs.open_handoff(session, conversation_id)
        assert handoff is not None
        handoffs.claim(session, handoff.id, staff.id)
        return handoff.id, conversation_id
