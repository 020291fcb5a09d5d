"""What is for the agent alone: breaks, the weekly check-in, whom to turn to, thanks from patients.

Rule: each sees their own page and nobody else's, whatever their role.
"""

from __future__ import annotations

from datetime import date

from flask import Blueprint, abort, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import current_user

from web import auth
from web.desk import check_ins, hard_chats, thanks
from web.desk.handoffs import HandoffNotFound, HandoffNotYours
from web.hours import date_text
from web.models import Handoff, RoleName, Staff
from web.services import services
from web.views import _desk

blueprint = Blueprint("care", __name__, url_prefix="/console/care")
auth.guard(blueprint, RoleName.AGENT)


@blueprint.get("/")
def overview() -> ResponseReturnValue:
    at = services().clock()
    with services().database.reading() as session:
        rows = check_ins.own(session, current_user.id)
        break_until = session.get_one(Staff, current_user.id).break_until
    this_week = check_ins.week_of(at)
    return render_template(
        "care/overview.html",
        questions=check_ins.QUESTIONS,
        fewest=hard_chats.FEWEST,
        kept_weeks=check_ins.KEPT_WEEKS,
        current=next((row for row in rows if row.week_of == this_week), None),
        earlier=[row for row in rows if row.week_of != this_week],
        week_text=lambda week: date_text(week, "en"),
        care=services().settings.care,
        break_until=break_until if break_until and break_until > at else None,
        clock_text=_desk.clock_text,
    )


@blueprint.get("/thanks")
def thanks_page() -> ResponseReturnValue:
    with services().database.reading() as session:
        found = thanks.of_staff(session, current_user.id)
    zone = services().settings.calendar.zone
    days = [date_text(each.at.astimezone(zone).date(), "en") for each in found]
    return render_template("care/thanks.html", thanks=list(zip(days, found, strict=True)))


# The check-in ------------------------------------------------------------------------------------


@blueprint.post("/check-in")
def check_in() -> ResponseReturnValue:
    words = request.form.get("words", "")
    with services().database.transaction() as session:
        check_ins.keep(session, current_user.id, request.form, words, services().clock())
    flash("Kept, for you alone.", "success")
    return redirect(url_for(".overview"))


@blueprint.post("/check-in/<week>/remove")
def remove_check_in(week: str) -> ResponseReturnValue:
    try:
        monday = date.fromisoformat(week)
    except ValueError:
        abort(404)
    with services().database.transaction() as session:
        check_ins.remove(session, current_user.id, monday)
    services().database.wipe_traces()
    flash("Removed.", "success")
    return redirect(url_for(".overview"))


# Hard chats and breaks ---------------------------------------------------------------------------


@blueprint.post("/chats/<int:handoff_id>/hard")
def say_hard(handoff_id: int) -> ResponseReturnValue:
    with services().database.transaction() as session:
        handoff = hard_chats.say_so(session, handoff_id, current_user.id, services().clock())
    return _done(handoff)


@blueprint.post("/chats/<int:handoff_id>/<any(take,skip):what>")
def answer(handoff_id: int, what: str) -> ResponseReturnValue:
    """Take the break that was offered, or not."""
    at = services().clock()
    with services().database.transaction() as session:
        handoff = hard_chats.answer(session, handoff_id, current_user.id, at)
        if what == "take":
            hard_chats.take_break(session, current_user.id, at)
    return _done(handoff)


@blueprint.post("/break")
def take_break() -> ResponseReturnValue:
    with services().database.transaction() as session:
        hard_chats.take_break(session, current_user.id, services().clock())
    return redirect(url_for(".overview"))


@blueprint.post("/back")
def end_break() -> ResponseReturnValue:
    with services().database.transaction() as session:
        hard_chats.end_break(session, current_user.id)
    return redirect(url_for("console.inbox_page"))


def _done(handoff: Handoff) -> ResponseReturnValue:
    if auth.wants_json():
        return jsonify(state=handoff.state.value)
    return redirect(url_for("console.conversation_page", conversation_id=handoff.conversation_id))


@blueprint.errorhandler(HandoffNotYours)
@blueprint.errorhandler(HandoffNotFound)
def refused(error: Exception) -> ResponseReturnValue:
    """Whose chat it was is not told."""
    message = "This is not a chat that you closed."
    if auth.wants_json():
        return jsonify(error={"code": "not_yours", "message": message}), 409
    flash(message, "error")
    return redirect(url_for("console.inbox_page"))
