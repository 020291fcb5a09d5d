"""Refusals and faults, in one shape.

Rule: under /api/ every error is `{"error": {"code", "message"}}`, in the patient's language, with
a way on; a danger card that was found on the way stands beside it whatever the status. Elsewhere it
is a plain page, the patients' or the staff's. Nothing of a request's or an exception's text is
logged or shown.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any

import structlog
from flask import Flask, Response, g, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import AnonymousUserMixin
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from web.db import DatabaseBusy
from web.pages import render_page
from web.security import is_for_staff
from web.services import services
from web.wording import say

logger = structlog.get_logger()

CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "message_too_long",
    429: "too_many_requests",
}


class ApiError(Exception):
    """A refusal the patient's panel can do something about."""

    def __init__(
        self,
        status: int,
        code: str,
        *,
        retry_after_s: float | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.retry_after_s = retry_after_s
        self.fields = fields


def init_app(app: Flask) -> None:
    app.register_error_handler(ApiError, _refused)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(DatabaseBusy, _database_trouble)
    app.register_error_handler(SQLAlchemyError, _database_trouble)
    app.register_error_handler(Exception, _fault)


def request_lang() -> str:
    """Return the language: the conversation's, else the asked for, else the best we have."""
    settings = services().settings
    wanted = g.get("lang") or request.args.get("lang")
    if not wanted:
        wanted = request.accept_languages.best_match(settings.clinic.languages)
    return settings.lang(wanted)


def error_response(error: ApiError) -> Response:
    settings, lang = services().settings, request_lang()
    message = say(
        lang,
        f"errors.{error.code}",
        phone=settings.clinic.phone,
        limit=settings.limits.max_message_characters,
    )
    body: dict[str, Any] = {"error": {"code": error.code, "message": message}}
    if error.fields is not None:
        texts = {name: say(lang, f"form_error.{code}") for name, code in error.fields.items()}
        body["error"]["fields"] = texts
    seen = g.get("seen")
    if seen is not None:
        body["card"] = seen.card
    response = jsonify(body)
    response.status_code = error.status
    if error.retry_after_s is not None:
        response.headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    return response


def _refused(error: ApiError) -> ResponseReturnValue:
    return error_response(error)


def _http(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if not request.path.startswith("/api/"):
        return error if status < 400 else _page(status)
    return error_response(ApiError(status, CODES.get(status, "bad_request")))


def _database_trouble(error: Exception) -> ResponseReturnValue:
    logger.warning("database.trouble", error=type(error).__name__, route=_route())
    if not request.path.startswith("/api/"):
        return _page(503)
    return error_response(ApiError(503, "try_again", retry_after_s=2))


def _fault(error: Exception) -> ResponseReturnValue:
    # Its text may hold what a patient wrote: only its type and place are kept.
    logger.error("fault", error=type(error).__name__, at=place_of(error), route=_route())
    if not request.path.startswith("/api/"):
        return _page(500)
    return error_response(ApiError(500, "internal"))


def place_of(error: BaseException) -> str | None:
    """Return file and line of where it was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return None
    return f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"


def _page(status: int) -> ResponseReturnValue:
    if status >= 500:
        # Every template asks who is signed in, and the database may be what is in trouble.
        # Flask-Login looks here before it asks: flask_login/utils.py, _get_user.
        g._login_user = AnonymousUserMixin()
    return _staff_page(status) if is_for_staff() else _patients_page(status)


def _staff_page(status: int) -> ResponseReturnValue:
    if status in (404, 405):
        heading = "There is no such page"
        message = "It may have moved, or it is not open to your account."
        return render_template("account/problem.html", heading=heading, message=message), status
    message = "Try again in a moment. If it goes on, tell the person who runs this system."
    return render_template("account/problem.html", message=message), status


def _patients_page(status: int) -> ResponseReturnValue:
    settings, lang = services().settings, request_lang()
    is_missing = status in (404, 405)
    page = render_page(
        "help/problem.html",
        lang,
        heading=say(lang, "help.problem" if is_missing else "help.broken"),
        text=say(
            lang,
            "help.problem_text" if is_missing else "help.broken_text",
            phone=settings.clinic.phone,
        ),
    )
    return page, status


def _route() -> str | None:
    return str(request.url_rule) if request.url_rule else None
