"""Logs: one JSON object a line, on standard error.

Rule: ids, counts, lengths and words of a fixed set; never what a patient or an article says.
"""

from __future__ import annotations

import logging
import re
import secrets
import sys
import time
from contextlib import suppress

import structlog
from flask import Flask, Response, g, request

from web.services import services

QUIET = ("/healthz", "/readyz", "/metrics", "/widget/", "/static/")
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

logger = structlog.get_logger()


def configure() -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: Lines(),
        cache_logger_on_first_use=False,
    )


class Lines:
    """Writes a line where standard error goes; on a full disk it is lost, and nobody fails."""

    def msg(self, message: str) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.write(f"{message}\n")
            sys.stderr.flush()

    log = debug = info = warning = error = critical = exception = msg


def init_app(app: Flask) -> None:
    """Give each request an id, and a line when it was answered.

    A proxy that we trust has given it one already: then its log and ours name the same.
    """

    @app.before_request
    def begin() -> None:
        g.request_id = _given_id() or secrets.token_hex(8)
        g.started = time.monotonic()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request=g.request_id)

    @app.after_request
    def end(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.get("request_id", "")
        if not request.path.startswith(QUIET) or response.status_code >= 500:
            _note(response)
        return response


def request_id() -> str | None:
    """Return the id of the request we are in, or of the turn's that is being answered."""
    found: str | None = structlog.contextvars.get_contextvars().get("request")
    return found


def _given_id() -> str | None:
    given = request.headers.get("X-Request-Id", "")
    trusts = services().settings.limits.trusted_proxies > 0
    return given if trusts and REQUEST_ID.fullmatch(given) else None


def _note(response: Response) -> None:
    ms = (time.monotonic() - g.get("started", time.monotonic())) * 1000
    services().metrics.answered(response.status_code, ms / 1000)
    logger.info(
        "request",
        method=request.method,
        route=str(request.url_rule) if request.url_rule else None,
        status=response.status_code,
        ms=round(ms, 1),
    )
