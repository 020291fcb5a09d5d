"""One's own account. Signing in and out, and the password, are Flask-Security's pages."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_security import current_user

from web import auth
from web.models import RoleName

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
    return render_template("account/overview.html", roles=roles)
