"""The wallboard: one screen for agents and managers, new every few seconds.

Rule: looking at it is no sign of an agent at work, and shows nothing a patient wrote.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from web import auth
from web.desk import board
from web.models import RoleName
from web.services import services
from web.views import _desk

blueprint = Blueprint("board", __name__, url_prefix="/console/board")
auth.guard(blueprint, RoleName.AGENT, RoleName.MANAGER)


@blueprint.get("")
def page() -> ResponseReturnValue:
    return render_template("console/board.html", **_values())


@blueprint.get("/now")
@auth.passive
def now() -> ResponseReturnValue:
    return render_template("console/_board.html", **_values())


def _values() -> dict[str, Any]:
    at = services().clock()
    with services().database.reading() as session:
        seen = board.now(session, at)
    limits = services().settings.waiting
    return {"board": seen, "now": at, "limits": limits, "clock_text": _desk.clock_text}
