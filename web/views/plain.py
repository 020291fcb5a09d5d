"""The chat without script: plain forms and page loads.

Rule: the same acts as the API, in the same order: the danger screen, the limits, the guard, the yes
to the privacy note. A cookie for this page alone opens the conversation; it goes with the browser.
What was typed and could not be kept stands in the box again.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

from flask import Blueprint, Response, g, make_response, redirect, request
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from werkzeug.datastructures import MultiDict

from web.chat import contact, conversations, feed, forms, intake, receiving, screening, tokens
from web.chat.acts import Act, Continued, NotInLog, Picked, Typed
from web.chat.conversations import ConversationEnded
from web.chat.messages import FORM_FIELDS, message_html
from web.chat.receiving import ClientIdReused
from web.chat.tokens import ConversationNotFound, Own
from web.desk import desks, handoffs
from web.errors import ApiError, request_lang
from web.pages import render_page
from web.privacy import consent, export
from web.services import services
from web.sites import known_site
from web.views.chat import address_hash, refuse_if_too_many
from web.wording import say

blueprint = Blueprint("plain", __name__, url_prefix="/plain-chat")

COOKIE = "plain_chat"
ANSWER_WITHIN_S = 8.0
Values = MultiDict[str, str]


# Before every request ----------------------------------------------------------------------------


TYPED = ("text", *(name for name, _type, _autocomplete in FORM_FIELDS))


@blueprint.before_request
def screen_first() -> None:
    typed = "\n".join(request.form.get(name, "") for name in TYPED)
    g.seen = screening.screened(services().settings, typed, request_lang())
    if g.seen.card:
        g.card = Markup(g.seen.card["html"])


@blueprint.before_request
def limit_requests() -> None:
    refuse_if_too_many("request", address_hash(), "too_many_requests")


@blueprint.before_request
def patient_guard() -> None:
    """Let the cookie's own conversation through; without one, nothing can be seen."""
    g.own, g.conversation_id = None, ""
    conversation_id, _, token = request.cookies.get(COOKIE, "").partition(".")
    try:
        with services().database.reading() as session:
            g.own = tokens.find(session, conversation_id, token, services().clock())
    except ConversationNotFound:
        return
    g.conversation_id, g.lang = conversation_id, g.own.lang


# Pages -------------------------------------------------------------------------------------------


@blueprint.get("")
def show() -> ResponseReturnValue:
    return page()


@blueprint.get("/held")
def held() -> ResponseReturnValue:
    """What do you hold about me, and what was said, as a text to keep or print."""
    if g.own is None:
        return redirect("/plain-chat")
    with services().database.reading() as session:
        found = export.everything(session, g.conversation_id, g.own.lang, request.url_root)
    response = Response(found["as_text"], mimetype="text/plain")
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.post("")
def act() -> ResponseReturnValue:
    """Do the one thing that was pressed, then show the page afresh."""
    values = request.form
    try:
        made = begin(values)
        done = next((name for name in ACTS if name in values), None)
        if done:
            ACTS[done](values)
    except SAYABLE as error:
        return page(problem=error)
    response = redirect(f"/plain-chat?lang={request_lang()}#newest", 303)
    if made:
        response.set_cookie(
            COOKIE, made, httponly=True, samesite="Strict", path="/plain-chat",
            secure=request.is_secure,
        )  # fmt: skip
    if done in ("end", "forget"):
        response.delete_cookie(COOKIE, path="/plain-chat")
    return response


def page(problem: Exception | None = None) -> ResponseReturnValue:
    settings, lang = services().settings, g.own.lang if g.own else request_lang()
    rows, state = _log(lang)
    html = render_page(
        "chat/plain.html",
        lang,
        rows=rows,
        opening=desks.opening(settings, {})[lang],
        state=state,
        problem=_spoken(problem, lang) if problem else "",
        typed=request.form.get("text", "") if problem else "",
        asks=settings.privacy.consent == "ask" and not _has_agreed(g.own),
        page_id=uuid.uuid4().hex,
    )
    response = make_response(html, _status(problem))
    response.headers["Cache-Control"] = "no-store"
    return response


def _log(lang: str) -> tuple[list[Markup], dict[str, object]]:
    if g.own is None:
        return [], {"status": "bot", "text": "", "working": False}
    with services().database.reading() as session:
        rows = conversations.log(session, g.conversation_id)
        htmls = [Markup(message_html(row, lang=lang, audience="plain")) for row in rows]
    found = feed.poll(services(), g.conversation_id, len(rows), 0.0)
    return htmls, found["state"] if found else {}


# Acts --------------------------------------------------------------------------------------------


def begin(values: Values) -> str:
    """Make sure there is a conversation with a yes. Returns the cookie of a new one."""
    version, made = services().settings.privacy.version, ""
    agreed = version if "agree" in values else None
    if g.own is None:
        made = _start(agreed)
    elif agreed and not _has_agreed(g.own):
        consent.agree(services(), g.conversation_id, agreed)
    elif not g.seen.card and not {"end", "forget"} & set(values):
        consent.demand(services(), g.conversation_id, g.own.agreed_to)
    if g.own and g.own.is_blocked:
        raise ApiError(403, "blocked")
    return made


def _start(agreed: str | None) -> str:
    agreed = consent.at_start(services().settings, agreed)
    if agreed is None and not g.seen.card:
        raise consent.ConsentNeeded
    refuse_if_too_many("conversation", address_hash(), "too_many_conversations")
    g.conversation_id, token = conversations.start(
        services(),
        lang=request_lang(),
        site=known_site(request.args.get("site")),
        page_url=None,
        address_hash=address_hash(),
        agreed_to=agreed,
    )
    return f"{g.conversation_id}.{token}"


def say_text(values: Values) -> None:
    text = values["text"].strip()
    if not text:
        raise ApiError(400, "message_empty")
    if len(text) > services().settings.limits.max_message_characters:
        raise ApiError(413, "message_too_long")
    _receive(Typed(text), values)


def pick(values: Values) -> None:
    act = intake.without_row(values["choice"])
    if act is not None:
        _receive(act, values)
        return
    n, _, article = values["choice"].partition(" ")
    _receive(Picked(_number(n), article), values)


def go_on(values: Values) -> None:
    _receive(Continued(_number(values["continue"])), values)


def _receive(act: Act, values: Values) -> None:
    refuse_if_too_many("message", g.conversation_id, "too_many_messages")
    client_id = f"{values.get('page', '')[:32]}-{next(iter(values))[:8]}"
    try:
        got = receiving.receive(services(), g.conversation_id, client_id, act, g.seen)
    except ClientIdReused:  # an old page, other words
        fresh = uuid.uuid4().hex
        got = receiving.receive(services(), g.conversation_id, fresh, act, g.seen)
    _wait_for_the_answer(got.n)


def _wait_for_the_answer(n: int) -> None:
    deadline = time.monotonic() + ANSWER_WITHIN_S
    while time.monotonic() < deadline:
        found = feed.capped_poll(services(), g.conversation_id, n, 1.0)
        if found is None or not found["state"]["working"]:
            return


def rate_answer(values: Values) -> None:
    n, _, helpful = values["helpful"].partition(" ")
    with services().database.transaction() as session:
        conversations.rate_answer(session, g.conversation_id, _number(n), helpful == "yes")


def ask_for_person(values: Values) -> None:
    if values.get("text", "").strip():
        say_text(values)
    with services().database.transaction() as session:
        conversations.open_one(session, g.conversation_id)
        handoffs.request(session, g.conversation_id, "asked")


def send_form(values: Values) -> None:
    names = (*(name for name, _type, _autocomplete in FORM_FIELDS), "window")
    fields = {name: values.get(name, "")[:2000] for name in names}
    forms.leave_message(services(), g.conversation_id, values["contact"][:64], fields, g.seen)


def end(_values: Values) -> None:
    with services().database.transaction() as session:
        conversations.end(session, g.conversation_id)


def forget(_values: Values) -> None:
    conversations.forget(services(), g.conversation_id)


ACTS: dict[str, Callable[[Values], None]] = {
    "contact": send_form,
    "choice": pick,
    "continue": go_on,
    "helpful": rate_answer,
    "person": ask_for_person,
    "end": end,
    "forget": forget,
    "text": say_text,
}
SPOKEN: dict[type[Exception], tuple[int, str]] = {
    consent.ConsentNeeded: (403, "consent_needed"),
    consent.NoteChanged: (409, "privacy_note_changed"),
    ConversationEnded: (409, "conversation_ended"),
    ConversationNotFound: (404, "not_found"),
    NotInLog: (404, "not_found"),
    desks.DeskUnknown: (400, "bad_request"),
    contact.ContactInvalid: (422, "form_invalid"),
}
SAYABLE: tuple[type[Exception], ...] = (ApiError, *SPOKEN)


# Shared ------------------------------------------------------------------------------------------


def _spoken(error: Exception, lang: str) -> str:
    settings = services().settings
    if isinstance(error, contact.ContactInvalid):
        return " ".join(say(lang, f"form_error.{code}") for code in error.fields.values())
    code = error.code if isinstance(error, ApiError) else SPOKEN[type(error)][1]
    limit = settings.limits.max_message_characters
    return say(lang, f"errors.{code}", phone=settings.clinic.phone, limit=limit)


def _status(error: Exception | None) -> int:
    if error is None:
        return 200
    return error.status if isinstance(error, ApiError) else SPOKEN[type(error)][0]


def _has_agreed(own: Own | None) -> bool:
    return own is not None and own.agreed_to == services().settings.privacy.version


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ApiError(400, "bad_request")
    return int(text)
