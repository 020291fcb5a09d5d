"""The editor: every article, its fields and text, how it will look, and into the world with it.

Rule: every act works as a plain page; the script only shows the preview sooner. What somebody typed
comes back with every refusal. Nobody sees YAML.
"""

from __future__ import annotations

from datetime import datetime, timedelta

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
from markupsafe import Markup

from web import auth
from web.articles import drafts, editing, help_feedback
from web.articles.article_files import ArticleChanged, ArticleNotFound, ArticleNotWritten
from web.articles.drafts import Draft, DraftTooLong
from web.articles.editing import PUBLISHED, NotEditable, NotReady, Opened, Saved
from web.articles.help_feedback import Verdict
from web.hours import date_text, moment_text
from web.models import RoleName
from web.services import services
from web.views import _writing
from web.views._writing import Filter

blueprint = Blueprint("editor", __name__, url_prefix="/editor")
auth.guard(blueprint, RoleName.EDITOR, RoleName.REVIEWER)

ROWS_PER_PAGE = 100
READERS_DAYS = 90
NOT_WRITTEN = {
    "read_only": "The articles folder cannot be written to. Ask the person who runs this computer"
    " system to allow it.",
    "full": "The disk is full. Ask the person who runs this computer system to free some space.",
    "other": "The file could not be written. Try again; if it stays, ask the person who runs this"
    " computer system.",
}
KEPT = "Nothing was changed; patients get what they got before. Your text is below."


# The list ----------------------------------------------------------------------------------------


@blueprint.get("/")
def articles_page() -> ResponseReturnValue:
    settings = services().settings
    rows = editing.listing(settings, services().clock())
    wanted = Filter.of(request.args)
    picked = [row for row in rows if wanted.picks(row)]
    pages = max(1, -(-len(picked) // ROWS_PER_PAGE))
    number = min(max(1, request.args.get("page", 1, type=int)), pages)
    return render_template(
        "editor/articles.html",
        rows=picked[(number - 1) * ROWS_PER_PAGE : number * ROWS_PER_PAGE],
        picked=len(picked),
        page=number,
        pages=pages,
        all_rows=rows,
        wanted=wanted,
        topics=editing.topics(rows),
        settings=settings,
        langs=_writing.LANGS,
        statuses=_writing.STATUSES,
        verdicts=_verdicts(),
    )


def _verdicts() -> dict[str, Verdict]:
    """Return article → what readers of the help pages lately said of it."""
    today = services().clock().date()
    first, last = today - timedelta(days=READERS_DAYS), today + timedelta(days=1)
    with services().database.reading() as session:
        return {each.article_id: each for each in help_feedback.verdicts(session, first, last)}


# One article -------------------------------------------------------------------------------------


@blueprint.get("/new")
def new_page() -> ResponseReturnValue:
    topic, lang = request.args.get("topic", ""), request.args.get("lang", "")
    return _page(editing.new_article(services().settings, topic, lang))


@blueprint.post("/new")
def create() -> ResponseReturnValue:
    return _do(editing.new_article(services().settings, "", ""))


@blueprint.get("/articles/<path:article_id>")
def article_page(article_id: str) -> ResponseReturnValue:
    return _page(_open(article_id))


@blueprint.post("/articles/<path:article_id>")
def change(article_id: str) -> ResponseReturnValue:
    return _do(_open(article_id, lost=True))


@blueprint.post("/withdraw/<path:article_id>")
def withdraw(article_id: str) -> ResponseReturnValue:
    opened = _open(article_id)
    try:
        editing.withdraw(
            services(), opened, replaces=request.form.get("digest", ""), staff_id=current_user.id
        )
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
    article_id = request.form.get("article", "")
    opened = (
        _open(article_id, lost=True)
        if article_id
        else editing.new_article(services().settings, "", "")
    )
    try:
        draft = _typed(opened)
    except DraftTooLong as error:
        return jsonify(error={"code": "too_long", "message": _too_long(error)}), 422
    return jsonify(html=_preview(opened, draft))


def _open(article_id: str, *, lost: bool = False) -> Opened:
    """Return an article, or end the request.

    lost: take one that is gone for an empty one; what was typed into its form is kept then.
    """
    settings = services().settings
    try:
        if lost and "digest" in request.form:
            return editing.open_or_lost(settings, article_id)
        return editing.open_article(settings, article_id)
    except ArticleNotFound:
        abort(404)
    except NotEditable as error:
        page = render_template("editor/problem.html", article_id=article_id, reason=error.reason)
        abort(make_response(page, 422))


def _do(opened: Opened) -> ResponseReturnValue:
    """Do what the pressed button says with what was typed."""
    try:
        draft = _typed(opened)
    except DraftTooLong as error:
        return _page(opened, notice=_too_long(error), status=422)
    action = request.form.get("action", "preview")
    if action == "preview":
        return _page(opened, draft)
    if action not in ("publish", "save") or (action, draft.status) == ("save", PUBLISHED):
        abort(400)
    return _save(opened, draft, PUBLISHED if action == "publish" else draft.status)


def _typed(opened: Opened) -> Draft:
    draft = drafts.of_form(request.form, opened.draft)
    return drafts.kept_marked(draft, opened.draft) if services().settings.demo else draft


def _save(opened: Opened, draft: Draft, status: str) -> ResponseReturnValue:
    replaces = request.form.get("digest", "")
    who = current_user.id
    try:
        saved = editing.save(services(), opened, draft, status, replaces=replaces, staff_id=who)
    except NotReady:
        done = "Published" if status == PUBLISHED else "Saved"
        return _page(opened, draft, notice=f"Not {done.lower()}. See what to mend.", status=422)
    except ArticleChanged:
        return _conflict(opened, draft)
    except ArticleNotWritten as error:
        return _page(opened, draft, notice=f"{NOT_WRITTEN[error.why]} {KEPT}", status=503)
    flash(_done_text(saved, draft), "success")
    return redirect(url_for(".article_page", article_id=saved.id))


def _conflict(opened: Opened, draft: Draft) -> ResponseReturnValue:
    """Show both versions; pressing Publish again now means it."""
    found = _writing.conflict(opened.draft, draft, was_removed=opened.is_new)
    return _page(opened, draft, conflict=found, status=409)


def _done_text(saved: Saved, draft: Draft) -> str:
    if saved.status != PUBLISHED:
        return "Saved. Patients do not see it before you publish it."
    if saved.is_live:
        return "Published. Patients get this text from now on."
    if draft.fields.get("audience") == "staff":
        return "Published for staff. Patients never see it."
    return "Written, but the chat does not show it yet. Look at the list of problems."


def _too_long(error: DraftTooLong) -> str:
    label = _writing.LABELS.get(error.field, "Text")
    return f"{label}: more than {error.allowed:,} characters. Nothing was saved."


# What the page shows -----------------------------------------------------------------------------


def _page(
    opened: Opened,
    draft: Draft | None = None,
    *,
    notice: str | None = None,
    conflict: _writing.Conflict | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    draft = draft or opened.draft
    rows = editing.listing(services().settings, services().clock())
    page = render_template(
        "editor/article.html",
        opened=opened,
        digest=opened.digest if conflict or request.method == "GET" else _digest_of_form(),
        notice=notice,
        conflict=conflict,
        preview=Markup(_preview(opened, draft)),
        history=_history(opened),
        is_live=_is_live(opened),
        topics=editing.topics(rows),
        owners=sorted({row.article.owner for row in rows if row.article and row.article.owner}),
        facts=services().settings.facts(draft.fields.get("lang", "")),
        demo=services().settings.demo,
        languages=services().settings.clinic.languages,
        **_writing.form_values(draft),
    )
    return page, status


def _digest_of_form() -> str:
    """Keep the digest the text was made from: a change that came since must still be noticed."""
    return request.form.get("digest", "")


def _preview(opened: Opened, draft: Draft) -> str:
    now = services().clock()
    checked = editing.check(services().settings, opened, draft, PUBLISHED, now)
    return _writing.preview_html(checked, now)


def _is_live(opened: Opened) -> bool:
    index = services().publisher.index
    return index is not None and opened.id in index.articles


ACT_TEXTS = {
    "article_saved": "saved",
    "article_published": "published",
    "article_withdrawn": "withdrawn",
}


def _history(opened: Opened) -> list[tuple[str, str, str]]:
    """Return who, what and when, newest first."""
    if not opened.id:
        return []
    with services().database.reading() as session:
        steps = editing.history(session, opened.id)
    return [
        (step.name or "The system", ACT_TEXTS[step.act], _when(step.at))
        for step in steps
        if step.act in ACT_TEXTS
    ]


def _when(at: datetime) -> str:
    calendar = services().settings.calendar
    day = date_text(at.astimezone(calendar.zone).date(), _writing.LANG)
    return f"{day}, {moment_text(calendar, at, _writing.LANG)}"
