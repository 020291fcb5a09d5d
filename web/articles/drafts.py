"""What stands in the editor's form, and the file it makes.

Rule: pure. A draft is only words: whether it may be published is said by `proofreading`, whether it
can be is said by `publishing`. What the form does not show stays in the file as it was.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from web.articles import front_matter
from web.articles.front_matter import Document

FIELDS = tuple(key for key in front_matter.ORDER if key not in ("questions", "status"))
DATES = ("reviewed_on", "review_by", "publish_on", "expires_on")
MAX_FIELD_CHARACTERS = 1_000
MAX_BODY_CHARACTERS = 200_000
MAX_SLUG = 60
# What the shipped demonstration says of itself; an article that says so is shown in demo mode only.
DEMO_MARK = "Demo content, not reviewed by a clinician"

# Control characters but tab and line feed, and halves of surrogate pairs, are no text.
_HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufeff]")


class DraftTooLong(ValueError):
    """`field`: which one, "body" for the text."""

    def __init__(self, name: str, allowed: int) -> None:
        super().__init__(f"{name}: more than {allowed} characters")
        self.field = name
        self.allowed = allowed


@dataclass(frozen=True)
class Draft:
    """`fields`: each of FIELDS as one line, "" where empty."""

    fields: Mapping[str, str] = field(default_factory=dict)
    questions: tuple[str, ...] = ()
    body: str = ""
    status: str = "draft"

    @property
    def title(self) -> str:
        return self.fields.get("title", "")

    @property
    def is_demo(self) -> bool:
        return is_demo(self.fields.get("reviewed_by", ""))


def is_demo(reviewed_by: str) -> bool:
    return "demo" in reviewed_by.casefold()


def of_document(document: Document) -> Draft:
    return Draft(
        fields={key: document.value(key) for key in FIELDS},
        questions=document.values("questions"),
        body=document.body,
        status=document.value("status").casefold() or "published",
    )


def of_form(form: Mapping[str, str], before: Draft) -> Draft:
    """Read the form; a field it does not carry stays as it was. Raises DraftTooLong."""
    fields = {key: _line(key, form.get(key, before.fields.get(key, ""))) for key in FIELDS}
    typed = form.get("questions", "\n".join(before.questions))
    body = _text(form.get("body", before.body))
    if len(body) > MAX_BODY_CHARACTERS:
        raise DraftTooLong("body", MAX_BODY_CHARACTERS)
    questions = tuple(line for line in (_line("questions", q) for q in typed.split("\n")) if line)
    return Draft(fields, questions, body, before.status)


def kept_marked(draft: Draft, before: Draft) -> Draft:
    """In demo mode: what is demo content goes on saying so."""
    if not before.is_demo or draft.is_demo:
        return draft
    return replace(draft, fields={**draft.fields, "reviewed_by": before.fields["reviewed_by"]})


def to_document(draft: Draft, document: Document, status: str, before: Draft) -> Document:
    """Put a draft into the file it came from; what did not change keeps its lines.

    before: what the form showed at first; what a reader takes for granted is not written down.
    """
    values: dict[str, front_matter.Value] = {
        key: value for key, value in draft.fields.items() if value != before.fields.get(key)
    }
    if draft.questions != before.questions:
        values["questions"] = draft.questions
    if status != before.status:
        values["status"] = status
    return document.with_values(values).with_body(draft.body)


def blank(topic: str, lang: str, *, demo: bool) -> Draft:
    fields = dict.fromkeys(FIELDS, "")
    reviewed_by = DEMO_MARK if demo else ""
    fields |= {"topic": topic, "lang": lang, "audience": "public", "reviewed_by": reviewed_by}
    return Draft(fields=fields)


def name_for(draft: Draft) -> str:
    """Return the id a new article gets, e.g. en/billing/can-i-pay-monthly."""
    parts = (draft.fields.get("lang", ""), draft.fields.get("topic", ""), draft.title)
    lang, topic, title = (slug(part) for part in parts)
    return "/".join((lang or "en", topic or "other", title or "article"))


def slug(text: str) -> str:
    """`¿Dónde me estaciono?` → `donde-me-estaciono`."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", plain.casefold())
    name = "-".join(words)
    if len(name) <= MAX_SLUG:
        return name
    return name[: MAX_SLUG + 1].rpartition("-")[0] or name[:MAX_SLUG]


def publish_on(text: str) -> date | None:
    """Return the day a file's front matter asks for."""
    return _date(front_matter.read(text.encode()).value("publish_on"))


def _date(text: str) -> date | None:
    return date.fromisoformat(text) if is_date(text) else None


def is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _line(key: str, text: str) -> str:
    line = " ".join(_text(text).split())
    if len(line) > MAX_FIELD_CHARACTERS:
        raise DraftTooLong(key, MAX_FIELD_CHARACTERS)
    return line


def _text(text: str) -> str:
    return _HARMFUL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
