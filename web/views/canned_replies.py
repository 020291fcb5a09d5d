"""The page where editors and managers keep the replies agents insert with `/`.

Rule: what is refused comes back in the form as it was typed, with what to mend.
"""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import current_user

from web import auth
from web.desk import canned_replies
from web.desk.canned_replies import ReplyInvalid
from web.models import RoleName
from web.services import services

blueprint = Blueprint("canned_replies", __name__, url_prefix="/replies")
auth.guard(blueprint, RoleName.EDITOR, RoleName.REVIEWER, RoleName.MANAGER)

LANGS = {"en": "English", "es": "Spanish"}


@blueprint.get("/")
def overview() -> ResponseReturnValue:
    with services().database.reading() as session:
        replies = canned_replies.by_key(session)
    return render_template("replies/overview.html", replies=replies, langs=_langs())


@blueprint.get("/new")
def new() -> ResponseReturnValue:
    return _form("", {})


@blueprint.get("/<key>")
def edit(key: str) -> ResponseReturnValue:
    with services().database.reading() as session:
        texts = canned_replies.by_key(session).get(key) or abort(404)
    return _form(key, texts)


@blueprint.post("/")
def save() -> ResponseReturnValue:
    key, before = request.form.get("key", "").strip(), request.form.get("before", "")
    texts = {lang: request.form.get(f"text_{lang}", "") for lang in _langs()}
    try:
        with services().database.transaction() as session:
            replies = canned_replies.by_key(session)
            if key != before and key in replies:
                raise ReplyInvalid(f"There is a reply /{key} already. Take another short name.")
            if before:
                canned_replies.remove(session, before)
            at = services().clock()
            staff_id = current_user.id
            canned_replies.save(session, services().settings, key, texts, staff_id=staff_id, at=at)
    except ReplyInvalid as fault:
        return _form(before, texts, typed=key, fault=str(fault)), 422
    flash(f"Saved: /{key}", "success")
    return redirect(url_for(".overview"))


@blueprint.post("/<key>/remove")
def remove(key: str) -> ResponseReturnValue:
    with services().database.transaction() as session:
        canned_replies.remove(session, key)
    flash(f"Removed: /{key}", "success")
    return redirect(url_for(".overview"))


def _langs() -> dict[str, str]:
    languages = services().settings.clinic.languages
    return {lang: LANGS.get(lang, lang) for lang in languages}


def _form(before: str, texts: dict[str, str], typed: str | None = None, fault: str = "") -> str:
    return render_template(
        "replies/edit.html",
        before=before,
        key=before if typed is None else typed,
        texts=texts,
        fault=fault,
        langs=_langs(),
        variables=canned_replies.variables(services().settings),
        max_characters=canned_replies.MAX_CHARACTERS,
    )
