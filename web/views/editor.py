"""The editor: every article, its fields and text, how it will look, and into the world with it.

Rule: every act works as a plain page; the script only shows the preview sooner. What somebody typed
comes back with every refusal. Nobody sees YAML.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

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
from web.articles import (
    autosaves,
    drafts,
    editing,
    gaps,
    help_feedback,
    kinds,
    proofreading,
    revisions,
    translations,
    usage,
    writing,
)
from web.articles.article_files import ArticleChanged, ArticleNotFound, ArticleNotWritten
from web.articles.drafts import Draft, DraftTooLong
from web.articles.editing import PUBLISHED, Listed, NotEditable, Opened
from web.articles.gaps import GapNotFound
from web.articles.help_feedback import Verdict
from web.articles.work import Work, new_work, open_work
from web.articles.writing import NotReady, OwnWork, Saved, Seen, Wish
from web.chat.intake import row_number
from web.models import Autosave, RevisionState, RoleName
from web.services import services
from web.views import _adding, _reviewing, _writing
from web.views._writing import Filter

blueprint = Blueprint("editor", __name__, url_prefix="/editor")
auth.guard(blueprint, RoleName.EDITOR, RoleName.REVIEWER)

ROWS_PER_PAGE = 100
READERS_DAYS = 90
MAX_DIGITS = 9
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
    settings, rows = services().settings, listed()
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
        kinds=kinds.KINDS,
        verdicts=_verdicts(),
        used=used(),
        used_days=usage.DAYS,
        standings=standings(rows),
    )


def used() -> Mapping[str, usage.Used]:
    """Return article → how often the chat showed it lately."""
    period = usage.last_days(services().today())
    return services().usage.get(services().database, services().settings, period)


def standings(rows: Sequence[Listed]) -> dict[str, translations.Standing]:
    articles = [row.article for row in rows if row.article and row.is_in_folder]
    with services().database.reading() as session:
        return translations.standings(session, articles)


def listed() -> tuple[Listed, ...]:
    with services().database.reading() as session:
        work = revisions.all_open(session)
    return editing.listing(services().settings, services().clock(), work)


def _verdicts() -> dict[str, Verdict]:
    """Return article → what readers of the help pages lately said of it."""
    today = services().clock().date()
    first, last = today - timedelta(days=READERS_DAYS), today + timedelta(days=1)
    with services().database.reading() as session:
        return {each.article_id: each for each in help_feedback.verdicts(session, first, last)}


# One article -------------------------------------------------------------------------------------


@blueprint.get("/new")
def new_page() -> ResponseReturnValue:
    topic, lang, kind, of = (request.args.get(key, "") for key in ("topic", "lang", "kind", "of"))
    work = new_work(services().settings, topic, lang, kind)
    if of:
        fields = {**work.opened.draft.fields, "translation_of": of}
        return _page(work, replace(work.opened.draft, fields=fields))
    return _page(work)


@blueprint.post("/new")
def create() -> ResponseReturnValue:
    return _do(_empty())


@blueprint.get("/articles/<path:article_id>")
def article_page(article_id: str) -> ResponseReturnValue:
    work = work_on(article_id)
    if work.is_overtaken and work.file is not None:
        found = _writing.conflict(work.file.draft, work.opened.draft, was_removed=False)
        return _page(work, conflict=found)
    return _page(work)


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
    return jsonify(html=_preview(work.opened, draft))


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
    is_old = article_id != "" and _seen() != _seen_now(work)
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
        return _page(work, notice=_too_long(error), status=422)
    action = request.form.get("action", "preview")
    if action == "preview":
        return _page(work, draft)
    if _adding.is_asked_for(action):
        added = _adding.added(action, work.opened.id, draft)
        return _page(work, added.draft, added=added, status=422 if added.fault else 200)
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
        return _page(work, draft, notice=notice, status=422)
    except ArticleChanged:
        return _conflict(work, draft)
    except ArticleNotWritten as error:
        return _page(work, draft, notice=f"{NOT_WRITTEN[error.why]} {KEPT}", status=503)
    with services().database.transaction() as session:
        autosaves.drop(session, current_user.id, work.opened.id)
        if (gap_id := _gap()) is not None:
            gaps.attach(session, gap_id, saved.id)
    flash(_done_text(saved, draft), "success")
    return redirect(url_for(".article_page", article_id=saved.id))


def _act(work: Work, draft: Draft, action: str) -> Saved:
    wish = Wish("is_substance" in request.form, "follows" in request.form)
    if action == "publish":
        return writing.publish(
            services(), work, draft, _seen(), staff_id=current_user.id, wish=wish
        )
    submit = action == "submit"
    return writing.save(
        services(), work, draft, _seen(), staff_id=current_user.id, submit=submit, wish=wish
    )


def _seen() -> Seen:
    """Return what the form was made from."""
    number = request.form.get("number", "")
    is_number = number.isdecimal() and len(number) < MAX_DIGITS
    return Seen(request.form.get("digest", ""), int(number) if is_number else 0)


def _seen_now(work: Work) -> Seen:
    return Seen(work.file.digest if work.file else "", work.number)


def _conflict(work: Work, draft: Draft) -> ResponseReturnValue:
    """Show both versions; pressing the button again now means it."""
    is_lost = work.file is None and work.open is None
    found = _writing.conflict(work.opened.draft, draft, was_removed=is_lost)
    return _page(work, draft, conflict=found, status=409)


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


# What the page shows -----------------------------------------------------------------------------


def _page(
    work: Work,
    draft: Draft | None = None,
    *,
    notice: str | None = None,
    conflict: _writing.Conflict | None = None,
    added: _adding.Added | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    opened, kept = work.opened, _autosaved(work)
    if draft is None:
        draft = _draft_to_show(work)
    rows, now = listed(), services().clock()
    page = render_template(
        "editor/article.html",
        work=work,
        opened=opened,
        seen=_seen_now(work) if conflict or request.method == "GET" else _seen(),
        notice=notice,
        conflict=conflict,
        added=added or _adding.Added(draft),
        kept=_writing.when(kept.saved_at) if kept else None,
        others=_others(opened.id),
        preview=Markup(_preview(opened, draft)),
        gap=_gap(),
        history=_reviewing.steps(opened.id),
        links_here=_links_here(rows, opened.id),
        reviewing=_reviewing.of(work, current_user),
        is_live=_is_live(opened),
        topics=editing.topics(rows),
        owners=_owners(rows),
        facts=services().settings.facts(draft.fields.get("lang", ""), now),
        settings=services().settings,
        languages=services().settings.clinic.languages,
        **_writing.form_values(draft),
    )
    return page, status


def _links_here(rows: Sequence[Listed], article_id: str) -> list[Listed]:
    return [
        row
        for row in rows
        if row.article and article_id in proofreading.linked(row.article).values()
    ]


def _owners(rows: Sequence[Listed]) -> list[str]:
    return sorted({row.article.owner for row in rows if row.article and row.article.owner})


def _autosaved(work: Work) -> Autosave | None:
    """Return what this person typed here and did not save, unless the form shows it already."""
    if request.method != "GET" or "autosaved" in request.args:
        return None
    return _own_autosave(work)


def _own_autosave(work: Work) -> Autosave | None:
    with services().database.reading() as session:
        return autosaves.find(session, current_user.id, work.opened.id)


def _draft_to_show(work: Work) -> Draft:
    """Return the article as it is, or what was typed into its form before, where that is asked."""
    wanted = _own_autosave(work) if "autosaved" in request.args else None
    draft = drafts.of_form(wanted.form, work.opened.draft) if wanted else work.opened.draft
    return _with_gap(draft)


def _with_gap(draft: Draft) -> Draft:
    """Put the questions of the gap that is taken up here among the sample questions."""
    gap_id = _gap()
    if gap_id is None:
        return draft
    with services().database.reading() as session:
        try:
            asked = gaps.samples(session, gap_id)
        except GapNotFound:
            return draft
    known = {question.casefold() for question in draft.questions}
    new = tuple(question for question in asked if question.casefold() not in known)
    return replace(draft, questions=(*draft.questions, *new))


def _gap() -> int | None:
    return row_number(request.values.get("gap")) or None


def _others(article_id: str) -> list[str]:
    with services().database.reading() as session:
        return autosaves.others_writing(session, current_user.id, article_id, services().clock())


def _preview(opened: Opened, draft: Draft) -> str:
    now, settings, publisher = services().clock(), services().settings, services().publisher
    comparison = services().comparisons.with_index(
        publisher.index, publisher.encoder, settings.own_numbers
    )
    checked = editing.check(settings, opened, draft, PUBLISHED, now, comparison)
    return _writing.preview_html(checked, now)


def _is_live(opened: Opened) -> bool:
    index = services().publisher.index
    return index is not None and opened.id in index.articles
