"""The team, for a manager: sums of check-ins, and how hard chats are spread.

Rule: never a person's mood, load or rank: sums of enough people, or nothing.
"""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from web import auth
from web.desk import check_ins, hard_chats
from web.hours import date_text
from web.models import RoleName
from web.services import services

blueprint = Blueprint("team", __name__, url_prefix="/insights/team")
auth.guard(blueprint, RoleName.MANAGER)


@blueprint.get("/")
def overview() -> ResponseReturnValue:
    at = services().clock()
    with services().database.reading() as session:
        weeks = check_ins.team(session, at)
        hard_today = hard_chats.team_today(session, at)
    return render_template(
        "care/team.html",
        weeks=weeks,
        hard_today=hard_today,
        fewest=hard_chats.FEWEST,
        care=services().settings.care,
        week_text=lambda week: date_text(week, "en"),
    )
