"""Review: what waits for whom, what changed, and the word of a second person.

Rule: who wrote a draft is not asked to approve it, and cannot. What is due stands here before its
date has passed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import current_user

from web import auth
from web.articles import article_files, editing, review, revisions, translations, writing
from web.articles.article_files import ArticleChanged, ArticleNotFound, ArticleNotWritten
from web.articles.review import CommentMissing
from web.articles.revisions import RevisionGone
from web.articles.translations import Standing
from web.articles.writing import NotReady, OwnWork, Saved
from web.models import Revision, RevisionState, RoleName
from web.services import services
from web.views import _article_list, _reviewing, _writing, editor

blueprint = Blueprint("review", __name__, url_prefix="/editor/review")
auth.guard(blueprint, RoleName.EDITOR, RoleName.REVIEWER)

MAX_MISSING = 50
GONE = "Somebody else took the next step already. Look at the article as it is now."
CHANGED = (
    "The file was changed outside the editor after this draft was begun. Open it, compare, and"
    " save it again."
)


@blueprint.get("/")
def page() -> ResponseReturnValue:
    """What waits: for review, for its day, for being read again."""
    rows = _article_list.listed()
    with services().database.reading() as session:
        work = revisions.all_open(session)
    by_id = {row.id: row for row in rows}
    waiting = [each for each in work if each.state is not RevisionState.DRAFT]
    return render_template(
        "editor/review.html",
        waiting=[(row, by_id[row.revision.article_id]) for row in _reviewing.rows(waiting)],
        due=sorted((row for row in rows if row.is_due or row.is_soon), key=_by_review_date),
        remind_days=services().settings.review.remind_days,
        langs=_writing.LANGS,
        stale=[
            (by_id[name], standing)
            for name, standing in sorted(_article_list.standings(rows).items())
            if standing is not Standing.CURRENT
        ],
        missing=_missing(rows),
    )


def _missing(rows: Sequence[editing.Listed]) -> list[translations.Missing]:
    articles = [row.article for row in rows if row.article]
    langs = services().settings.clinic.languages
    return translations.missing(articles, langs, _article_list.used())[:MAX_MISSING]


def _by_review_date(row: editing.Listed) -> tuple[str, str]:
    assert row.article is not None
    return str(row.article.review_by), row.id


@blueprint.get("/history/<path:article_id>")
def history(article_id: str) -> ResponseReturnValue:
    """Every revision, and what differs between two of them."""
    work = editor.work_on(article_id)
    with services().database.reading() as session:
        found = revisions.history(session, article_id)
    older, newer = _two(found)
    return render_template(
        "editor/history.html",
        work=work,
        rows=_reviewing.rows(found),
        older=older,
        newer=newer,
        comparison=_reviewing.comparison(older, newer) if older and newer else None,
        labels=_writing.LABELS,
    )


def _two(found: list[Revision]) -> tuple[Revision | None, Revision | None]:
    """Return the two that are asked for, else the newest and the one before it."""
    by_number = {str(row.number): row for row in found}
    newer = by_number.get(request.args.get("to", ""), found[0] if found else None)
    before = [row for row in found if newer and row.number < newer.number]
    older = by_number.get(request.args.get("from", ""), before[0] if before else None)
    return older, newer


# Acts --------------------------------------------------------------------------------------------


@blueprint.post("/approve/<path:article_id>")
def approve(article_id: str) -> ResponseReturnValue:
    if not current_user.has_any_role(RoleName.REVIEWER):
        abort(404)

    def act(number: int) -> str:
        who, name = current_user.id, current_user.name
        saved = review.approve(services(), article_id, number, staff_id=who, name=name)
        return _approved(saved)

    return _acted(article_id, act)


def _approved(saved: Saved) -> str:
    if saved.state is RevisionState.SCHEDULED:
        return "Approved. It is published on its day."
    if saved.is_live:
        return "Approved and published. Patients get this text from now on."
    return "Approved and written. Patients are not shown it: it is for staff, or not for today."


@blueprint.post("/send-back/<path:article_id>")
def send_back(article_id: str) -> ResponseReturnValue:
    if not current_user.has_any_role(RoleName.REVIEWER):
        abort(404)

    def act(number: int) -> str:
        text = request.form.get("comment", "")
        review.send_back(services(), article_id, number, text, staff_id=current_user.id)
        return "Sent back to its author, with your words."

    return _acted(article_id, act)


@blueprint.post("/comment/<path:article_id>")
def comment(article_id: str) -> ResponseReturnValue:
    def act(number: int) -> str:
        text = request.form.get("comment", "")
        review.comment(services(), article_id, number, text, staff_id=current_user.id)
        return "Your comment stands below the article."

    return _acted(article_id, act)


@blueprint.post("/restore/<path:article_id>")
def restore(article_id: str) -> ResponseReturnValue:
    def act(number: int) -> str:
        work = editor.work_on(article_id)
        writing.restore(services(), work, number, staff_id=current_user.id)
        return "The old version is the draft now. Patients get it once it is published."

    return _acted(article_id, act)


@blueprint.post("/discard/<path:article_id>")
def discard(article_id: str) -> ResponseReturnValue:
    def act(number: int) -> str:
        writing.discard(services(), article_id, number, staff_id=current_user.id)
        return "The draft is put aside. It stays among the versions."

    return _acted(article_id, act)


def _acted(article_id: str, act: Callable[[int], str]) -> ResponseReturnValue:
    """Do it and go back to the article; say what went wrong there."""
    try:
        flash(act(request.form.get("number", 0, int)), "success")
    except OwnWork:
        flash("Somebody else has to approve it: you wrote it.", "error")
    except CommentMissing:
        flash("Nothing was sent: write what is to change.", "error")
    except NotReady:
        flash("Not published. See what to mend first.", "error")
    except RevisionGone:
        flash(GONE, "error")
    except ArticleChanged:
        flash(CHANGED, "error")
    except ArticleNotWritten as error:
        flash(f"Not published. {editor.NOT_WRITTEN[error.why]}", "error")
    return redirect(_back(article_id))


def _back(article_id: str) -> str:
    with services().database.reading() as session:
        is_draft = revisions.open_of(session, article_id) is not None
    try:
        is_file = article_files.exists(services().settings.articles_dir, article_id)
    except ArticleNotFound:
        abort(404)
    if is_draft or is_file:
        return url_for("editor.article_page", article_id=article_id)
    return url_for("editor.articles_page")


# The count in the header -------------------------------------------------------------------------


@blueprint.app_context_processor
def waiting() -> dict[str, object]:
    return {"articles_waiting": _count_waiting}


def _count_waiting() -> int:
    """Return how many articles are to be read again, and for a reviewer how many to approve."""
    index = services().publisher.index
    articles = index.articles.values() if index else ()
    count = editing.to_read_again(tuple(articles), services().settings, services().today())
    if current_user.has_any_role(RoleName.REVIEWER):
        with services().database.reading() as session:
            count += revisions.count_in_review(session)
    return count
