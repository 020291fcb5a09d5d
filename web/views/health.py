"""For machines that watch: `/healthz` says the process lives, `/readyz` that it can answer.

Rule: these two are open to all and hold no figures about patients. Ready means a question gets an
answer: from the articles alone is enough; the assistant and the vectors may follow. `/metrics` has
the figures, for this machine itself or for who has the token.
"""

from __future__ import annotations

import hmac
import threading
import time
from ipaddress import ip_address

from flask import Blueprint, Response, abort, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from web.gauges import gauges
from web.metrics import CONTENT_TYPE
from web.services import Services, services

blueprint = Blueprint("health", __name__)

RASA_LOOK_S = 1.0


class _LastLook:
    """The assistant is asked at most once in RASA_LOOK_S, however often we are."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.at = float("-inf")
        self.is_ready = False


_last = _LastLook()


@blueprint.get("/healthz")
def healthz() -> ResponseReturnValue:
    return jsonify(ok=True)


@blueprint.get("/readyz")
def readyz() -> ResponseReturnValue:
    found = services()
    readiness = found.publisher.readiness
    database = _database(found)
    ready = database == "ok" and readiness.index in ("ok", "words")
    states = {
        "ready": ready,
        "database": database,
        "index": readiness.index,
        "encoder": readiness.encoder,
        "rasa": _rasa(found),
    }
    return jsonify(states), 200 if ready else 503


@blueprint.get("/metrics")
def metrics() -> ResponseReturnValue:
    if not _may_see_figures():
        abort(404)
    found = services()
    return Response(found.metrics.text(lambda: gauges(found)), content_type=CONTENT_TYPE)


def _may_see_figures() -> bool:
    """A proxy on this machine speaks for others: what it forwards is not from here."""
    token = services().settings.metrics_token
    if token is not None and token.get_secret_value():
        wanted = f"Bearer {token.get_secret_value()}"
        return hmac.compare_digest(request.headers.get("Authorization", ""), wanted)
    if any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "Via")):
        return False
    return ip_address(request.remote_addr or "0.0.0.0").is_loopback


def _database(found: Services) -> str:
    try:
        with found.database.reading() as session:
            session.execute(text("select 1 from conversation limit 1"))
    except SQLAlchemyError:
        return "down"
    return "ok"


def _rasa(found: Services) -> str:
    with _last.lock:
        if time.monotonic() - _last.at > RASA_LOOK_S:
            _last.is_ready = found.rasa.is_ready()
            _last.at = time.monotonic()
        return "ok" if _last.is_ready else "down"
