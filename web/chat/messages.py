"""A row of the log as HTML: one template for the panel, the console and what a patient takes away.

Rule: text is escaped by the template; the only HTML taken as it is are passages, made safe by
`search.passages`, and danger cards, made by `safety.cards`. System lines are kept as codes and put
into the viewer's language here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from flask import render_template

from web import hours
from web.config import Settings
from web.desk import callbacks, desks
from web.models import Author, Kind, Message
from web.pages import phone_href
from web.services import services
from web.wording import choices_lead, say

Audience = Literal["patient", "plain", "staff"]  # plain: a patient without script
# A patient who has shown no sign of life this long gives up the place in the queue, and is told so
# when it begins.
LEFT_AFTER = timedelta(minutes=10)
# Below these lines stand the ways out of the queue.
LINES_OF_WAITING = ("queued", "still_waiting", "agent_gone", "person_back")
WAYS_OUT = ("message", "callback")
FORM_FIELDS = (
    # name, input type, autocomplete
    ("name", "text", "name"),
    ("phone", "tel", "tel"),
    ("email", "email", "email"),
    ("preferred_time", "text", "off"),
    ("message", "textarea", "off"),
)


@dataclass(frozen=True)
class Words:
    """The template's way to sentences: `words("message.read_more")`."""

    lang: str

    def __call__(self, key: str, **parameters: object) -> str:
        return say(self.lang, key, **parameters)


def message_event(
    message: Message, *, lang: str, audience: Audience = "patient", as_typed: bool = False
) -> dict[str, Any]:
    """Return what the stream sends of a row."""
    return {
        "n": message.n,
        "author": message.author.value,
        "kind": message.kind.value,
        # A card carries the id of the message it belongs to: the panel may be showing it already.
        "client_id": message.client_id or message.payload.get("client_id"),
        "at": message.created_at.isoformat(),
        "html": message_html(message, lang=lang, audience=audience, as_typed=as_typed),
    }


def message_html(
    message: Message, *, lang: str, audience: Audience = "patient", as_typed: bool = False
) -> str:
    """as_typed: show also what was masked; for staff alone, who must have asked for it."""
    assert not (as_typed and audience == "patient")
    settings = services().settings
    return render_template(
        "messages/_message.html",
        message=message,
        payload=message.payload,
        text=message_text(message, lang, settings),
        speaker=speaker(message, lang, audience),
        clock=hours.moment_text(settings.calendar, message.created_at, lang),
        at=message.created_at.astimezone(settings.calendar.zone).isoformat(timespec="seconds"),
        client_id=message.client_id or message.payload.get("client_id"),
        form_fields=FORM_FIELDS,
        windows=_windows(lang, settings) if message.kind is Kind.FORM else [],
        ways=WAYS_OUT if message.payload.get("line") in LINES_OF_WAITING else (),
        is_only_in=_is_only_in,
        interpreter=settings.clinic.facts().get("clinic.interpreter_phone", settings.clinic.phone),
        phone_href=phone_href,
        date_text=lambda day: hours.date_text(date.fromisoformat(day), lang, weekday=False),
        words=Words(lang),
        audience=audience,
        as_typed=as_typed,
        lang=lang,
    )


def _is_only_in(lang: str, article: str) -> bool:
    """Whether the article stands here in this language alone."""
    index = services().publisher.index
    if index is None or article not in index.articles:
        return False
    origin = index.articles[article].translation_of or article
    return not any(
        each.lang != lang and origin in (name, each.translation_of)
        for name, each in index.articles.items()
    )


def card_for_patient(
    card: dict[str, str] | None, continue_n: int | None, lang: str
) -> dict[str, str] | None:
    """Return a danger card for a response, with the way on that its row in the log has."""
    if card is None or continue_n is None:
        return card
    way_on = render_template("messages/_continue.html", n=continue_n, words=Words(lang))
    return {**card, "html": card["html"] + way_on}


def speaker(message: Message, lang: str, audience: Audience) -> str:
    if message.author is Author.AGENT:
        return str(message.payload.get("speaker") or say(lang, "speaker.agent"))
    if message.author is Author.PATIENT:
        return say(lang, "speaker.patient" if audience == "staff" else "speaker.you")
    return say(lang, f"speaker.{message.author.value}")


def message_text(message: Message, lang: str, settings: Settings) -> str:
    """Return the words of a row in the viewer's language."""
    payload = message.payload
    if "line" in payload:
        return line_text(payload, message.created_at, lang, settings)
    if message.kind is Kind.CHOICES:
        return choices_lead(payload["choices"], lang)
    if "desk" in payload and message.author is Author.PATIENT:
        return desks.name(settings, payload["desk"], lang)
    if "way" in payload and message.author is Author.PATIENT:
        return say(lang, f"way.{payload['way']}")
    if payload.get("choice") == "":
        return say(lang, "message.none_of_these")
    if "continue" in payload:
        return say(lang, "message.not_an_emergency")
    return message.text


def line_text(payload: dict[str, Any], said_at: datetime, lang: str, settings: Settings) -> str:
    """Put a system line into words; times are told as of when it was said."""
    key = f"line.{payload['line']}"
    opens = _opens(payload.get("opens_at"), said_at, lang, settings)
    if payload.get("position") == 1:
        key = f"{key}_first"
    elif payload["line"] == "nobody_here" and (opens is None):
        key = "line.nobody_here_soon"
    elif payload["line"] == "message_left" and opens is not None:
        key = "line.message_left_opens"
    return say(
        lang,
        key,
        name=payload.get("name") or say(lang, "speaker.agent"),
        position=payload.get("position"),
        opens=opens,
        reference=payload.get("reference"),
        away=LEFT_AFTER // timedelta(minutes=1),
        to=payload.get("to"),
        when=_when(payload.get("begins"), said_at, lang, settings),
        until=_clock(payload.get("ends"), lang, settings),
        phone=settings.clinic.phone,
    )


def _when(begins: str | None, said_at: datetime, lang: str, settings: Settings) -> str:
    if begins is None:
        return ""
    return hours.when_text(settings.calendar, datetime.fromisoformat(begins), said_at, lang)


def _clock(moment: str | None, lang: str, settings: Settings) -> str:
    if moment is None:
        return ""
    return hours.moment_text(settings.calendar, datetime.fromisoformat(moment), lang)


def _windows(lang: str, settings: Settings) -> list[tuple[str, str]]:
    """Return the times a call can be promised for now: value and words."""
    now = services().clock()
    with services().database.reading() as session:
        full = callbacks.full(session, now)
    return [
        (
            window.begins.isoformat(),
            say(
                lang,
                "form.window_option",
                when=hours.when_text(settings.calendar, window.begins, now, lang),
                until=hours.moment_text(settings.calendar, window.ends, lang),
            ),
        )
        for window in callbacks.offered(settings, now, full)
    ]


def _opens(opens_at: str | None, said_at: datetime, lang: str, settings: Settings) -> str | None:
    """Say when the chat opens next; None while its hours run."""
    calendar = settings.chat_calendar
    if opens_at is None or hours.is_open(calendar, said_at):
        return None
    moment = datetime.fromisoformat(opens_at).astimezone(UTC)
    return hours.when_text(calendar, moment, said_at, lang)
