"""For machines that watch: `/healthz` says the process lives, `/readyz` that it can answer.

Rule: open to all, holds no figures about patients. Ready means a question gets an answer: from the
articles alone is enough; the assistant and the vectors may follow.
"""

from __future__ import annotations

import threading
import time

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

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
