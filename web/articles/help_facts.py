"""How to reach the clinic, and the facts of a page for search engines (schema.org).

Rule: nothing is stated that does not stand on the page itself or in `clinic.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from search.articles import Article
from search.passages import Passage
from web.config import Settings
from web.hours import WEEKDAYS, closes_at, moment_text, opening_text, week_text
from web.wording import say

Facts = dict[str, Any]

_CLOCK = re.compile(r"(?<=\d) (?=[ap]m\b)")


@dataclass(frozen=True)
class Contact:
    """`open_now`: a sentence. `hours`: a line for each kind of day. `chat_site`: None without."""

    phone: str
    interpreter_phone: str
    address: str
    open_now: str
    hours: tuple[str, ...]
    chat_site: str | None


def contact(settings: Settings, at: datetime, lang: str) -> Contact:
    facts = settings.clinic.facts()
    lines = week_text(settings.calendar, lang).split("; ")
    return Contact(
        phone=_unbroken(settings.clinic.phone),
        interpreter_phone=_unbroken(facts.get("clinic.interpreter_phone", settings.clinic.phone)),
        address=facts.get("clinic.address", ""),
        open_now=_open_now(settings, at, lang),
        hours=tuple(_CLOCK.sub("\u00a0", line[:1].upper() + line[1:]) for line in lines),
        chat_site=next(
            (name for name, site in settings.sites.items() if "self" in site.origins), None
        ),
    )


def _unbroken(phone: str) -> str:
    """A number is read, and dialled, in one piece."""
    return phone.replace(" ", "\u00a0")


def _open_now(settings: Settings, at: datetime, lang: str) -> str:
    calendar = settings.calendar
    closes = closes_at(calendar, at)
    if closes is not None:
        return say(lang, "help.open_until", time=moment_text(calendar, closes, lang))
    opens = opening_text(calendar, at, lang)
    return say(lang, "help.closed_opens", opens=opens) if opens else say(lang, "help.closed")


def is_overdue(article: Article, today: date) -> bool:
    return article.review_by is not None and article.review_by < today


# For search engines ------------------------------------------------------------------------------


def graph(*facts: Facts | None) -> Facts:
    return {"@context": "https://schema.org", "@graph": [each for each in facts if each]}


def clinic_facts(settings: Settings, url: str) -> Facts:
    facts = settings.clinic.facts()
    found: Facts = {
        "@type": "MedicalClinic",
        "@id": f"{url}#clinic",
        "name": settings.clinic.name,
        "url": facts.get("clinic.website", url),
        "telephone": settings.clinic.phone,
        "availableLanguage": list(settings.clinic.languages),
        "openingHoursSpecification": _hours(settings),
    }
    if "clinic.address" in facts:
        found["address"] = facts["clinic.address"]
    return found


def _hours(settings: Settings) -> list[Facts]:
    return [
        {
            "@type": "OpeningHoursSpecification",
            "dayOfWeek": f"https://schema.org/{weekday.capitalize()}",
            "opens": _clock(period.begins),
            "closes": _clock(period.ends),
        }
        for weekday, periods in zip(WEEKDAYS, settings.calendar.week, strict=True)
        for period in periods
    ]


def _clock(minute: int) -> str:
    hour, rest = divmod(min(minute, 24 * 60 - 1), 60)
    return f"{hour:02}:{rest:02}"


def crumbs_facts(crumbs: Iterable[tuple[str, str]]) -> Facts:
    """crumbs: name and absolute address of each step, the first one first."""
    return {
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": place, "name": name, "item": url}
            for place, (name, url) in enumerate(crumbs, start=1)
        ],
    }


def article_facts(settings: Settings, article: Article, url: str) -> Facts:
    found: Facts = {
        "@type": "Article",
        "headline": article.title,
        "description": article.summary,
        "inLanguage": article.lang,
        "mainEntityOfPage": url,
        "publisher": {"@type": "MedicalClinic", "name": settings.clinic.name},
    }
    if article.reviewed_on:
        found["dateModified"] = article.reviewed_on.isoformat()
    return found


def questions_facts(article: Article, sections: Sequence[Passage]) -> Facts | None:
    """Return title and headings that are questions, each with what stands below it."""
    asked = [(each.heading or article.title, each.text) for each in sections]
    entries = [
        {
            "@type": "Question",
            "name": question,
            "acceptedAnswer": {"@type": "Answer", "text": text},
        }
        for question, text in asked
        if question.endswith("?")
    ]
    return (
        {"@type": "FAQPage", "inLanguage": article.lang, "mainEntity": entries} if entries else None
    )
