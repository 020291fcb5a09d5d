"""What is for the agent alone: thanks from patients.

Rule: each sees their own page and nobody else's, whatever their role.
"""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_security import current_user

from web import auth
from web.desk import thanks
from web.hours import date_text
from web.models import RoleName
from web.services import services

blueprint = Blueprint("care", __name__, url_prefix="/console/care")
auth.guard(blueprint, RoleName.AGENT)


@blueprint.get("/thanks")
def thanks_page() -> ResponseReturnValue:
    with services().database.reading() as session:
        found = thanks.of_staff(session, current_user.id)
    zone = services().settings.calendar.zone
    days = [date_text(each.at.astimezone(zone).date(), "en") for each in found]
    return render_template("care/thanks.html", thanks=list(zip(days, found, strict=True)))
