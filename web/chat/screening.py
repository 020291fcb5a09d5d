"""What the danger screen says of a raw text, with the card to show.

Rule: needs no database and never fails, so that whoever is in danger sees the card whatever else
is broken.
"""

from __future__ import annotations

from dataclasses import dataclass

from safety.cards import card_html
from safety.danger import Danger, screen
from search.language import notice_language
from web.config import Settings


@dataclass(frozen=True)
class Screened:
    """What the danger screen says of a raw text. `html` needed no database to be made."""

    danger: Danger
    html: str | None

    @property
    def card(self) -> dict[str, str] | None:
        if self.html is None or self.danger.card is None:
            return None
        return {"kind": self.danger.card, "html": self.html}


def screened(settings: Settings, raw: str, lang: str) -> Screened:
    """Screen a raw text. Needs no database and never fails, so its card can always be shown.

    lang: the card's language where the words do not tell; who is in danger reads their own best.
    """
    danger = screen(raw)
    if danger.card is None:
        return Screened(danger, None)
    return Screened(danger, card_html(danger.card, written_in(raw, lang), settings.phones()))


def written_in(raw: str, lang: str) -> str:
    """Return the language of the words; `lang` where they do not tell."""
    try:
        return notice_language(raw, lang)
    except OSError:  # its word lists are gone: no reason to withhold anything
        return lang
