"""The editor: every article, its fields and text, how it will look, and into the world with it.

Rule: every act works as a plain page; the script only shows the preview sooner. What somebody typed
comes back with every refusal. Nobody sees YAML.
"""

from __future__ import annotations

from dataclasses import replace

from flask import (
    Blueprint,
    abort,
    flash,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_security import current_user

from web import auth
from web.articles import autosaves, drafts, gaps, writing
from web.articles.article_files import ArticleChanged, ArticleNotFound, ArticleNotWritten
from web.articles.drafts import Draft, DraftTooLong
from web.articles.editing import NotEditable, Opened
from web.articles.work import Work, new_work, open_work
from web.articles.writing import NotReady, OwnWork, Saved, Wish
from web.models import RevisionState, RoleName
from web.services import services
from web.views import _adding, _article, _article_list, _writing

blueprint = Blueprint("editor", __name__, url_prefix="/editor")
auth.guard(blueprint, RoleName.EDITOR, RoleName.REVIEWER)

NOT_WRITTEN = {
    "read_only": "The articles folder cannot be written to. Ask the person who runs this computer"
    " system to allow it.",
    "full": "The disk is full. Ask the person who runs this computer system to free some space.",
    "other": "The file could not be written. Try again; if it stays, ask the person who runs this"
    " computer system.",
}
KEPT = "Nothing was changed; patients get what they got before. Your text is below."


@blueprint.get("/")
def articles_page() -> ResponseReturnValue:
    return render_template("editor/articles.html", **_article_list.values(request.args))


@blueprint.get("/new")
def new_page() -> ResponseReturnValue:
    topic, lang, kind, of = (request.args.get(key, "") for key in ("topic", "lang", "kind", "of"))
    work = new_work(services().settings, topic, lang, kind)
    if of:
        fields = {**work.opened.draft.fields, "translation_of": of}
        return _article.page(work, replace(work.opened.draft, fields=fields))
    return _article.page(work)


@blueprint.post("/new")
def create() -> ResponseReturnValue:
    return _do(_empty())


@blueprint.get("/articles/<path:article_id>")
def article_page(article_id: str) -> ResponseReturnValue:
    work = work_on(article_id)
    if work.is_overtaken and work.file is not None:
        found = _writing.conflict(work.file.draft, work.opened.draft, was_removed=False)
        return _article.page(work, conflict=found)
    return _article.page(work)


@blueprint.post("/articles/<path:article_id>")
def change(article_id: str) -> ResponseReturnValue:
    return _do(work_on(article_id, lost=True))


@blueprint.post("/withdraw/<path:article_id>")
def withdraw(article_id: str) -> ResponseReturnValue:
    work = work_on(article_id)
    try:
        digest = request.form.get("digest", "")
        writing.withdraw(services(), work, replaces=digest, staff_id=current_user.id)
    except ArticleChanged:
        flash("Somebody changed this article meanwhile. Look at it, then withdraw it.", "error")
    except ArticleNotWritten as error:
        flash(f"Not withdrawn. {NOT_WRITTEN[error.why]}", "error")
    else:
        flash("Withdrawn. Patients do not get this article any more.", "success")
    return redirect(url_for(".article_page", article_id=article_id))


@blueprint.post("/preview")
def preview() -> ResponseReturnValue:
    """Show a draft without saving it, to the script of the page."""
    work = _work_of_form()
    try:
        draft = _typed(work.opened)
    except DraftTooLong as error:
        return jsonify(error={"code": "too_long", "message": _too_long(error)}), 422
    return jsonify(html=_article.preview(work.opened, draft))


@blueprint.post("/autosave")
def autosave() -> ResponseReturnValue:
    """Keep what stands in the form for the person who typed it, and say who else is writing."""
    work, now = _work_of_form(), services().clock()
    try:
        _typed(work.opened)
    except DraftTooLong as error:
        return jsonify(error={"code": "too_long", "message": _too_long(error)}), 422
    article_id = work.opened.id
    with services().database.transaction() as session:
        autosaves.keep(session, current_user.id, article_id, request.form, now)
        others = autosaves.others_writing(session, current_user.id, article_id, now)
    is_old = article_id != "" and _article.seen() != _article.seen_now(work)
    return jsonify(at=_writing.when(now), others=others, is_old=is_old)


@blueprint.post("/autosave/drop")
def drop_autosave() -> ResponseReturnValue:
    article_id = request.form.get("article", "")
    with services().database.transaction() as session:
        autosaves.drop(session, current_user.id, article_id)
    if not article_id:
        return redirect(url_for(".articles_page"))
    return redirect(url_for(".article_page", article_id=article_id))


def _empty() -> Work:
    return new_work(services().settings, "", "")


def _work_of_form() -> Work:
    article_id = request.form.get("article", "")
    return work_on(article_id, lost=True) if article_id else _empty()


def work_on(article_id: str, *, lost: bool = False) -> Work:
    """Return an article, or end the request.

    lost: take one that is gone for an empty one; what was typed into its form is kept then.
    """
    try:
        return open_work(services(), article_id, lost=lost and "digest" in request.form)
    except ArticleNotFound:
        abort(404)
    except NotEditable as error:
        page = render_template("editor/problem.html", article_id=article_id, reason=error.reason)
        abort(make_response(page, 422))


def _do(work: Work) -> ResponseReturnValue:
    """Do what the pressed button says with what was typed."""
    try:
        draft = _typed(work.opened)
    except DraftTooLong as error:
        return _article.page(work, notice=_too_long(error), status=422)
    action = request.form.get("action", "preview")
    if action == "preview":
        return _article.page(work, draft)
    if _adding.is_asked_for(action):
        added = _adding.added(action, work.opened.id, draft)
        return _article.page(work, added.draft, added=added, status=422 if added.fault else 200)
    if action not in NOT_DONE:
        abort(400)
    return _save(work, draft, action)


def _typed(opened: Opened) -> Draft:
    draft = drafts.of_form(request.form, opened.draft)
    return drafts.kept_marked(draft, opened.draft) if services().settings.demo else draft


NOT_DONE = {"publish": "Not published", "save": "Not saved", "submit": "Not sent for review"}


def _save(work: Work, draft: Draft, action: str) -> ResponseReturnValue:
    try:
        saved = _act(work, draft, action)
    except OwnWork:
        abort(404)
    except NotReady:
        notice = f"{NOT_DONE[action]}. See what to mend."
        return _article.page(work, draft, notice=notice, status=422)
    except ArticleChanged:
        return _conflict(work, draft)
    except ArticleNotWritten as error:
        return _article.page(work, draft, notice=f"{NOT_WRITTEN[error.why]} {KEPT}", status=503)
    with services().database.transaction() as session:
        autosaves.drop(session, current_user.id, work.opened.id)
        if (gap_id := _article.gap()) is not None:
            gaps.attach(session, gap_id, saved.id)
    flash(_done_text(saved, draft), "success")
    return redirect(url_for(".article_page", article_id=saved.id))


def _act(work: Work, draft: Draft, action: str) -> Saved:
    wish = Wish("is_substance" in request.form, "follows" in request.form)
    if action == "publish":
        return writing.publish(
            services(), work, draft, _article.seen(), staff_id=current_user.id, wish=wish
        )
    submit = action == "submit"
    return writing.save(
        services(), work, draft, _article.seen(), staff_id=current_user.id, submit=submit, wish=wish
    )


def _conflict(work: Work, draft: Draft) -> ResponseReturnValue:
    """Show both versions; pressing the button again now means it."""
    is_lost = work.file is None and work.open is None
    found = _writing.conflict(work.opened.draft, draft, was_removed=is_lost)
    return _article.page(work, draft, conflict=found, status=409)


def _done_text(saved: Saved, draft: Draft) -> str:
    if saved.state is RevisionState.DRAFT:
        return "Saved as a draft. Patients do not see it before it is published."
    if saved.state is RevisionState.IN_REVIEW:
        return "Sent for review. Somebody else looks at it, then patients get it."
    if saved.is_live:
        return "Published. Patients get this text from now on."
    if draft.fields.get("audience") == "staff":
        return "Published for staff. Patients never see it."
    return "Written, but the chat does not show it yet. Look at the list of problems."


def _too_long(error: DraftTooLong) -> str:
    label = _writing.LABELS.get(error.field, "Text")
    return f"{label}: more than {error.allowed:,} characters. Nothing was saved."
