"""What the editor's pages show: a draft in fields, its preview, where two versions differ."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from typing import Any

from flask import render_template
from markupsafe import Markup

from search.articles import Article
from search.passages import render, split
from web import hours
from web.articles.drafts import DATES, FIELDS, Draft, is_date
from web.articles.editing import Checked
from web.chat.messages import Words
from web.chat.replies import as_shown
from web.models import Author, Kind
from web.services import services
from web.wording import say

LANG = "en"  # staff pages speak English; articles speak their own language
CONTEXT_LINES = 2

LABELS = {
    "title": "Title",
    "summary": "Summary",
    "questions": "Sample questions",
    "topic": "Topic",
    "audience": "Who may read it",
    "lang": "Language",
    "status": "Status",
    "owner": "Owner",
    "reviewed_by": "Reviewed by",
    "reviewed_on": "Reviewed on",
    "review_by": "Review again by",
    "publish_on": "Publish on",
    "expires_on": "Take away on",
    "source": "Source",
    "translation_of": "Translation of",
    "made_by": "First written by",
}
STATUSES = {
    "published": "Published",
    "draft": "Draft",
    "in_review": "In review",
    "scheduled": "Approved, waits for its day",
    "withdrawn": "Withdrawn",
    "damaged": "Cannot be read",
}
LANGS = {"en": "English", "es": "Español"}

_NAMES = re.compile(rf"\b({'|'.join(key for key in LABELS if '_' in key)})\b")
_OPENING_HEADING = re.compile(r"<(/?)h([1-6])[^>]*>")
_LINK = re.compile(r"<a href=")


# A draft -----------------------------------------------------------------------------------------


def form_values(draft: Draft) -> dict[str, Any]:
    return {
        "draft": draft,
        "field_names": FIELDS,
        "labels": LABELS,
        "langs": LANGS,
        "statuses": STATUSES,
        "date_type": _date_type,
    }


def _date_type(draft: Draft, name: str) -> str:
    """A date box cannot hold what is no date; the words that stand there must not get lost."""
    value = draft.fields.get(name, "")
    return "date" if name in DATES and (not value or is_date(value)) else "text"


def in_words(text: str, field: str | None) -> str:
    """Put a problem into the form's words: its fields have labels, and the field is named before.

    "owner is missing" → "is missing", "review_by lies before …" → "lies before Reviewed on".
    """
    if field is not None:
        text = text.removeprefix(f"{field} ")
    return _NAMES.sub(lambda found: LABELS[found.group(1)], text)


def when(at: datetime) -> str:
    """Return day and time at the clinic."""
    calendar = services().settings.calendar
    day = hours.date_text(at.astimezone(calendar.zone).date(), LANG, weekday=False)
    return f"{day}, {hours.moment_text(calendar, at, LANG)}"


# Its preview -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Section:
    """One passage, as the chat would answer with it."""

    heading: str
    answer: Markup


def preview_html(checked: Checked, at: datetime) -> str:
    """Return checks, page and answers of a draft, for the page and for the script alike."""
    article = checked.article
    return render_template(
        "editor/_preview.html",
        checked=checked,
        article=article,
        body=_inert(render(article)) if article else "",
        sections=_sections(article, at) if article else [],
        reviewed=_reviewed(article),
        labels=LABELS,
        in_words=in_words,
        say=lambda key: say(article.lang if article else LANG, key),
    )


def _reviewed(article: Article | None) -> str | None:
    if article is None or article.reviewed_on is None:
        return None
    return hours.date_text(article.reviewed_on, article.lang, weekday=False)


def _inert(html: str) -> Markup:
    """Fit an article's safe HTML into our page: no ids of its own, no second h1, links apart."""
    html = _OPENING_HEADING.sub(lambda tag: f"<{tag[1]}h{max(2, int(tag[2]))}>", html)
    return Markup(_LINK.sub('<a target="_blank" href=', html))


@dataclass(frozen=True)
class _Row:
    """What the message template wants of a row that is in no log."""

    author: Author = Author.BOT
    kind: Kind = Kind.PASSAGES
    n: int = 1
    helpful: bool | None = None
    original: None = None


def _sections(article: Article, at: datetime) -> list[Section]:
    settings = services().settings
    lang = settings.lang(article.lang)
    values = {
        "message": _Row(),
        "text": "",
        "speaker": say(lang, "speaker.bot"),
        "clock": hours.moment_text(settings.calendar, at, lang),
        "at": at.isoformat(timespec="seconds"),
        "date_text": lambda day: hours.date_text(
            article.reviewed_on or at.date(), lang, weekday=False
        ),
        "words": Words(lang),
        "audience": "staff",  # patients' buttons would do nothing here
        "lang": lang,
    }
    sections = []
    for passage in split(article):
        shown = {**as_shown(passage, article), "html": _inert(passage.html)}
        html = render_template("messages/_message.html", payload={"passages": [shown]}, **values)
        sections.append(Section(passage.heading or article.title, Markup(html)))
    return sections


# Two who edited one article ----------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """`side`: "both", "theirs", "yours", or "gap" for lines left out."""

    side: str
    text: str


@dataclass(frozen=True)
class Conflict:
    """`fields`: label, theirs, yours of what differs. `was_removed`: their act was to remove it."""

    fields: tuple[tuple[str, str, str], ...]
    lines: tuple[Line, ...]
    was_removed: bool = False

    @property
    def is_same(self) -> bool:
        return not self.fields and not self.lines


def conflict(theirs: Draft, yours: Draft, *, was_removed: bool) -> Conflict:
    rows = [(LABELS[key], theirs.fields[key], yours.fields[key]) for key in FIELDS]
    rows.append((LABELS["questions"], "\n".join(theirs.questions), "\n".join(yours.questions)))
    rows.append((LABELS["status"], theirs.status, yours.status))
    different = tuple(row for row in rows if row[1] != row[2])
    lines = compared(theirs.body.rstrip().split("\n"), yours.body.strip("\n").rstrip().split("\n"))
    return Conflict(different, tuple(lines), was_removed)


def compared(theirs: Sequence[str], yours: Sequence[str]) -> list[Line]:
    if list(theirs) == list(yours):
        return []
    lines: list[Line] = []
    matcher = SequenceMatcher(None, theirs, yours, autojunk=False)
    for group in matcher.get_grouped_opcodes(CONTEXT_LINES):
        lines += [Line("gap", "")] if lines else []
        for tag, start, end, other_start, other_end in group:
            if tag == "equal":
                lines += [Line("both", text) for text in theirs[start:end]]
                continue
            lines += [Line("theirs", text) for text in theirs[start:end]]
            lines += [Line("yours", text) for text in yours[other_start:other_end]]
    return lines
