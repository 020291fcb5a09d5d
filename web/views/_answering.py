"""What helps an agent answer: passages for what was asked, guidance, replies, notes.

Rule: a sentence is embedded only outside a transaction; what staff say among themselves is shown to
staff alone.
"""

from __future__ import annotations

import secrets
from datetime import date
from typing import Any

from flask import render_template, request
from sqlalchemy.orm import Session

from web import hours
from web.desk import guidance, handoff_cards, suggestions
from web.desk.suggestions import Suggested
from web.services import services
from web.views import _desk


def suggested_values(session: Session, card: handoff_cards.Card) -> dict[str, Any]:
    """Return what `suggested` needs of the database."""
    conversation = card.entry.conversation
    return {
        "is_mine": _desk.is_mine(card.entry.handoff),
        "handoff": card.entry.handoff,
        "conversation": conversation,
        "situation": guidance.situation(session, card.entry.handoff, conversation.lang),
        "patient_asked": suggestions.last_asked(session, conversation.id),
    }


def suggested(values: dict[str, Any]) -> dict[str, Any]:
    """Search for the agent's own words (`q`), else for the patient's last ones.

    values: of `suggested_values`; the database is not needed any more.
    """
    words, lang = request.args.get("q", "").strip(), values["conversation"].lang
    found: Suggested | None = None
    if values["is_mine"] and words:
        found = suggestions.for_words(services(), words, lang)
    elif values["is_mine"] and values["patient_asked"] is not None:
        found = suggestions.for_patient(services(), values["patient_asked"], lang)
    return {
        **values,
        "suggested": found,
        "guides": services().guides.called_for(services().publisher, values["situation"])
        if values["is_mine"]
        else [],
        "new_client_id": secrets.token_hex,
        "day_text": lambda day: hours.date_text(date.fromisoformat(day), _desk.LANG, weekday=False),
    }


def suggested_html(values: dict[str, Any]) -> str:
    return render_template("console/_suggestions.html", **suggested(values))
