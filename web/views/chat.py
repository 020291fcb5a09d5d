"""The chat API of the panel: `/api/v1`.

Rule: one audience, the patient of this conversation, and one guard: the token opens its own
conversation and nothing else exists. Before the guard, before limits and before the database, the
danger screen reads what was typed; its card is in the answer whatever else happens.
"""

from __future__ import annotations

from typing import TypeVar

from flask import Blueprint, Response, current_app, g, jsonify, request
from flask.typing import ResponseReturnValue

from web import hours, mail, security
from web.chat import contact, conversations, feed, forms, intake, receiving, screening, tokens
from web.chat.acts import NotInLog
from web.chat.conversations import ConversationEnded
from web.chat.messages import card_for_patient
from web.chat.stream import TooManyStreams
from web.chat.tokens import ConversationNotFound
from web.desk import desks, handoffs
from web.errors import ApiError, error_response, request_lang
from web.pages import phone_href
from web.privacy import consent, export
from web.services import services
from web.sites import known_site
from web.wording import say

blueprint = Blueprint("chat", __name__, url_prefix="/api/v1")

POLL_MAX_S = 25.0
Body = TypeVar("Body", bound=intake.Incoming)


# Before every request ----------------------------------------------------------------------------


@blueprint.before_request
def screen_first() -> None:
    """Screen typed words before anything that can fail."""
    if (words := SCREENED.get(request.endpoint or "")) is not None:
        g.raw_text = words(g.raw)
        g.seen = _screened(request_lang())


SCREENED = {
    "chat.post_message": intake.text_to_screen,
    "chat.send_form": intake.form_to_screen,
    "chat.rate": intake.comment_to_screen,
}


def _screened(lang: str) -> screening.Screened:
    return screening.screened(services().settings, g.raw_text, lang)


@blueprint.before_request
def limit_requests() -> None:
    refuse_if_too_many("request", address_hash(), "too_many_requests")


@blueprint.before_request
def patient_guard() -> None:
    """Let the token's own conversation through; for any other, 404."""
    if request.endpoint in OPEN_TO_ALL or request.url_rule is None:
        return
    conversation_id = (request.view_args or {}).get("conversation_id", "")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise ApiError(404, "not_found")
    with services().database.reading() as session:
        conversation = tokens.find(session, conversation_id, token.strip(), services().clock())
    g.lang = conversation.lang
    g.is_blocked = conversation.is_blocked
    g.agreed_to = conversation.agreed_to
    if g.get("seen") and g.seen.card:
        g.seen = _screened(g.lang)


OPEN_TO_ALL = ("chat.clinic", "chat.start")


# The clinic and a new conversation ---------------------------------------------------------------


@blueprint.get("/clinic")
def clinic() -> ResponseReturnValue:
    settings, now, lang = services().settings, services().clock(), request_lang()
    is_open = hours.is_open(settings.chat_calendar, now)
    opens = hours.opening_text(settings.chat_calendar, now, lang)
    later = say(lang, "open.later", opens=opens) if opens else say(lang, "open.unknown")
    return jsonify(
        name=settings.clinic.name,
        phone=settings.clinic.phone,
        phone_href=phone_href(settings.clinic.phone),
        emergency_phone=settings.danger.emergency_phone,
        open=is_open,
        opens_at_text=say(lang, "open.now") if is_open else later,
        languages=settings.clinic.languages,
        limits={"max_message_characters": settings.limits.max_message_characters},
        privacy={"version": settings.privacy.version, "consent": settings.privacy.consent},
    )


@blueprint.post("/conversations")
def start() -> ResponseReturnValue:
    refuse_if_too_many("conversation", address_hash(), "too_many_conversations")
    wanted = body(intake.NewConversation)
    conversation_id, token = conversations.start(
        services(),
        lang=services().settings.lang(wanted.lang or request_lang()),
        site=known_site(wanted.site),
        page_url=intake.page_address(wanted.page_url),
        address_hash=address_hash(),
        agreed_to=consent.at_start(services().settings, wanted.privacy_version),
        desk=wanted.desk if desks.named(services().settings, wanted.desk) else None,
    )
    return jsonify(id=conversation_id, token=token), 201


# Messages ----------------------------------------------------------------------------------------


@blueprint.post("/conversations/<conversation_id>/messages")
def post_message(conversation_id: str) -> ResponseReturnValue:
    refuse_writing(conversation_id)
    message = body(intake.NewMessage)
    act = message.act(services().settings.limits.max_message_characters)
    received = receiving.receive(services(), conversation_id, message.client_id, act, g.seen)
    return jsonify(
        id=received.conversation_id,
        n=received.n,
        card=card_for_patient(g.seen.card, received.continue_n, g.lang),
        masked=received.masked,
        written_in=screening.written_in(g.raw_text, g.lang),
    ), 202


@blueprint.get("/conversations/<conversation_id>/stream")
def stream(conversation_id: str) -> ResponseReturnValue:
    services().streams.take()
    context = current_app.app_context
    events = feed.events(services(), context, conversation_id, last_seen_n())
    response = Response(events, mimetype="text/event-stream")
    response.call_on_close(services().streams.give_back)
    response.headers["X-Accel-Buffering"] = "no"  # nginx would hold events back
    return response


@blueprint.get("/conversations/<conversation_id>/log")
def log(conversation_id: str) -> ResponseReturnValue:
    wait_s = min(POLL_MAX_S, intake.seconds(request.args.get("wait_s")))
    found = feed.capped_poll(services(), conversation_id, last_seen_n(), wait_s)
    if found is None:
        raise ApiError(404, "not_found")
    return jsonify(found)


# A person, a form, ratings -----------------------------------------------------------------------


@blueprint.post("/conversations/<conversation_id>/handoff")
def ask_for_person(conversation_id: str) -> ResponseReturnValue:
    refuse_writing(conversation_id)
    with services().database.transaction() as session:
        conversation = conversations.open_one(session, conversation_id)
        handoffs.request(session, conversation_id, "asked")
        state = feed.state_of(session, services(), conversation)
    return jsonify(state=state), 202


@blueprint.post("/conversations/<conversation_id>/forms")
def send_form(conversation_id: str) -> ResponseReturnValue:
    refuse_writing(conversation_id)
    form = body(intake.Form)
    forms.leave_message(services(), conversation_id, form.client_id, form.fields, g.seen)
    return jsonify(sent=True, card=g.seen.card), 202


@blueprint.post("/conversations/<conversation_id>/messages/<int:n>/rating")
def rate_answer(conversation_id: str, n: int) -> ResponseReturnValue:
    rating = body(intake.AnswerRating)
    with services().database.transaction() as session:
        conversations.rate_answer(session, conversation_id, n, rating.helpful)
    return jsonify(helpful=rating.helpful)


@blueprint.post("/conversations/<conversation_id>/rating")
def rate(conversation_id: str) -> ResponseReturnValue:
    rating = body(intake.ChatRating)
    with services().database.transaction() as session:
        conversations.rate(
            session, conversation_id, rating.score, rating.comment, services().settings
        )
        forms.show_card(session, conversation_id, g.seen)
    return jsonify(score=rating.score, card=g.seen.card)


# Small things ------------------------------------------------------------------------------------


@blueprint.post("/conversations/<conversation_id>/typing")
def typing(conversation_id: str) -> ResponseReturnValue:
    services().typing.mark(conversation_id, "patient")
    return "", 204


@blueprint.post("/conversations/<conversation_id>/lang")
def set_lang(conversation_id: str) -> ResponseReturnValue:
    lang = services().settings.lang(body(intake.Language).lang)
    with services().database.transaction() as session:
        conversations.set_lang(session, conversation_id, lang)
    return jsonify(lang=lang)


@blueprint.post("/conversations/<conversation_id>/consent")
def agree(conversation_id: str) -> ResponseReturnValue:
    version = body(intake.Consent).version
    consent.agree(services(), conversation_id, version)
    return jsonify(version=version)


@blueprint.post("/conversations/<conversation_id>/end")
def end(conversation_id: str) -> ResponseReturnValue:
    with services().database.transaction() as session:
        conversations.end(session, conversation_id)
    return jsonify(ended=True)


@blueprint.get("/conversations/<conversation_id>/data")
def data(conversation_id: str) -> ResponseReturnValue:
    with services().database.reading() as session:
        held = export.everything(session, conversation_id, g.lang, request.url_root)
    return jsonify({**held, "mails": bool(services().settings.mail.server)})


@blueprint.post("/conversations/<conversation_id>/transcript")
def mail_transcript(conversation_id: str) -> ResponseReturnValue:
    """Send what was said to the address that the patient typed, and nowhere else."""
    settings, to = services().settings, body(intake.Transcript).email
    if not settings.mail.server:
        raise ApiError(404, "not_found")
    for key in (conversation_id, address_hash()):
        refuse_if_too_many("transcript", key, "too_many_mails")
    with services().database.reading() as session:
        held = export.everything(session, conversation_id, g.lang, request.url_root)
    mail.send(settings.mail, to, say(g.lang, "mail.subject"), held["transcript"])
    return jsonify(sent=True), 202


@blueprint.delete("/conversations/<conversation_id>")
def forget(conversation_id: str) -> ResponseReturnValue:
    conversations.forget(services(), conversation_id)
    return jsonify(forgotten=True)


# Shared ------------------------------------------------------------------------------------------


@blueprint.errorhandler(ConversationNotFound)
@blueprint.errorhandler(NotInLog)
def _not_found(_error: Exception) -> ResponseReturnValue:
    return error_response(ApiError(404, "not_found"))


@blueprint.errorhandler(desks.DeskUnknown)
def _desk_unknown(_error: Exception) -> ResponseReturnValue:
    return error_response(ApiError(400, "bad_request"))


@blueprint.errorhandler(mail.AddressInvalid)
def _address_invalid(_error: Exception) -> ResponseReturnValue:
    return error_response(ApiError(422, "form_invalid", fields={"email": "email_wrong"}))


@blueprint.errorhandler(mail.MailNotSent)
def _mail_not_sent(_error: Exception) -> ResponseReturnValue:
    return error_response(ApiError(502, "mail_not_sent"))


@blueprint.errorhandler(consent.ConsentNeeded)
def _consent_needed(_error: Exception) -> ResponseReturnValue:
    return error_response(ApiError(403, "consent_needed"))


@blueprint.errorhandler(consent.NoteChanged)
def _note_changed(_error: Exception) -> ResponseReturnValue:
    return error_response(ApiError(409, "privacy_note_changed"))


@blueprint.errorhandler(ConversationEnded)
def _ended(_error: Exception) -> ResponseReturnValue:
    return error_response(ApiError(409, "conversation_ended"))


@blueprint.errorhandler(receiving.ClientIdReused)
def _reused(_error: Exception) -> ResponseReturnValue:
    return error_response(ApiError(409, "client_id_reused"))


@blueprint.errorhandler(contact.ContactInvalid)
def _form_invalid(error: contact.ContactInvalid) -> ResponseReturnValue:
    return error_response(ApiError(422, "form_invalid", fields=error.fields))


@blueprint.errorhandler(TooManyStreams)
def _too_many_streams(_error: Exception) -> ResponseReturnValue:
    return error_response(ApiError(503, "too_many_streams", retry_after_s=10))


def body(model: type[Body]) -> Body:
    return intake.read(model, g.raw, services().settings.limits.max_body_bytes)


def refuse_writing(conversation_id: str) -> None:
    if g.is_blocked:
        raise ApiError(403, "blocked")
    # Who may be in danger is not asked for a yes: the card is shown, and staff are told.
    if not (g.get("seen") and g.seen.card):
        consent.demand(services(), conversation_id, g.agreed_to)
    refuse_if_too_many("message", conversation_id, "too_many_messages")


def refuse_if_too_many(kind: str, key: str, code: str) -> None:
    may_be_in_danger = bool(g.get("seen") and g.seen.card)
    wait_s = security.allow(kind, key, asks_nobody=may_be_in_danger)
    if wait_s is not None:
        raise ApiError(429, code, retry_after_s=wait_s)


def address_hash() -> str:
    return security.address_hash(services().secret, request.remote_addr)


def last_seen_n() -> int:
    """Return the last row the panel has, from the header of a resumed stream or the query."""
    return intake.row_number(request.headers.get("Last-Event-ID") or request.args.get("after"))
