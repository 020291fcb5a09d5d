"""One's own account. Signing in and out, password and second step are Flask-Security's pages."""

from __future__ import annotations

from flask import Blueprint, abort, current_app, flash, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue
from flask_security import current_user
from sqlalchemy.orm import Session

from web import auth
from web.accounts import sessions
from web.db import utc_now
from web.models import RoleName
from web.privacy import audit
from web.privacy.audit import Act
from web.services import services
from web.views import _desk

blueprint = Blueprint("account", __name__, url_prefix="/account")
auth.guard(blueprint)

ROLE_TEXTS = {
    RoleName.AGENT: "Agent: answers patients in the console",
    RoleName.EDITOR: "Editor: writes articles",
    RoleName.REVIEWER: "Reviewer: approves articles",
    RoleName.MANAGER: "Manager: sees what was asked and how long people waited",
    RoleName.PRIVACY: "Privacy officer: sees who opened what",
}


@blueprint.get("/start")
def start() -> ResponseReturnValue:
    """Go where this person works."""
    if current_user.has_any_role(RoleName.AGENT):
        return redirect(url_for("console.inbox_page"))
    if current_user.has_any_role(RoleName.EDITOR, RoleName.REVIEWER):
        return redirect(url_for("editor.articles_page"))
    if current_user.has_any_role(RoleName.MANAGER):
        return redirect(url_for("insights.overview"))
    return redirect(url_for("account.overview"))


@blueprint.get("/")
def overview() -> ResponseReturnValue:
    roles = [ROLE_TEXTS[RoleName(role.name)] for role in current_user.roles]
    with services().database.reading() as db_session:
        found = sessions.of_staff(db_session, current_user.id, utc_now())
    return render_template(
        "account/overview.html",
        roles=roles,
        sessions=found,
        own_session=auth.own_session_id(),
        has_second_step=current_app.config["SECURITY_TWO_FACTOR"],
        clock_text=_desk.clock_text,
    )


@blueprint.post("/sessions/<int:session_id>/end")
def end_session(session_id: int) -> ResponseReturnValue:
    with services().database.transaction() as db_session:
        sessions.end_one(db_session, current_user.id, session_id) or abort(404)
        _note_ended(db_session)
    flash("That browser is signed out.", "success")
    return redirect(url_for(".overview"))


@blueprint.post("/sessions/end-others")
def end_other_sessions() -> ResponseReturnValue:
    with services().database.transaction() as db_session:
        sessions.end_all(db_session, current_user.id, but=session.get(sessions.TOKEN))
        _note_ended(db_session)
    flash("You are signed out everywhere else.", "success")
    return redirect(url_for(".overview"))


def _note_ended(db_session: Session) -> None:
    subject = f"staff:{current_user.id}"
    audit.record(db_session, Act.SESSIONS_ENDED, subject, staff_id=current_user.id)
