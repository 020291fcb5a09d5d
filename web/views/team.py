"""The team, for a manager: sums of check-ins, and how hard chats are spread.

Rule: never a person's mood, load or rank: sums of enough people, or nothing. Of practice, who did
which scene on which day, and when it is due again; never how it went.
"""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from web import auth
from web.desk import check_ins, hard_chats, practice
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
        practised = practice.of_team(session, services())
    return render_template(
        "care/team.html",
        weeks=weeks,
        hard_today=hard_today,
        practised=practised,
        fewest=hard_chats.FEWEST,
        care=services().settings.care,
        week_text=lambda week: date_text(week, "en"),
    )
