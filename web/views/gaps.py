"""Gaps: what patients asked in vain, grouped; taken up with one click; asked again when answered.

Rule: words are masked and stand here as long as their conversation does. A click begins a draft or
adds to one; nothing is published from here.
"""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import current_user

from search.encoder import Encoder
from search.index import Index
from web import auth
from web.articles import article_files, asked, gaps, unmet
from web.articles.article_files import ArticleNotFound
from web.articles.gaps import Board, GapNotFound
from web.articles.unmet import Why
from web.models import GapState, RoleName
from web.services import services
from web.views import _writing

blueprint = Blueprint("gaps", __name__, url_prefix="/editor/gaps")
auth.guard(blueprint, RoleName.EDITOR, RoleName.REVIEWER)

DAYS = 30
MAX_GROUPS = 60
WHY_TEXTS = {
    Why.NONE: "found nothing",
    Why.REFUSED: "none of the choices",
    Why.LEFT: "no choice taken",
    Why.UNHELPFUL: "did not help",
    Why.BY_HAND: "an agent answered",
}
GONE = "Somebody else took these questions up already, or they are past their time."


@blueprint.get("")
def page() -> ResponseReturnValue:
    return render_template(
        "editor/gaps.html",
        board=_board(),
        days=DAYS,
        max_groups=MAX_GROUPS,
        whys=WHY_TEXTS,
        when=_writing.when,
        langs=_writing.LANGS,
        begun=GapState.BEGUN,
        titles=_titles(),
    )


@blueprint.post("/take")
def take() -> ResponseReturnValue:
    """Begin an article with these questions, add them to one, or say that none is needed."""
    action, article_id = request.form.get("action", ""), request.form.get("article", "")
    if action not in ("new", "add", "dismiss") or (action == "add" and not _exists(article_id)):
        abort(400)
    keys = [key for one in request.form.getlist("question") if (key := _key(one))]
    state = GapState.DISMISSED if action == "dismiss" else GapState.BEGUN
    try:
        with services().database.transaction() as session:
            gap = gaps.begin(
                session,
                keys,
                staff_id=current_user.id,
                at=services().clock(),
                article_id=article_id if action == "add" else "",
                state=state,
            )
    except GapNotFound:
        flash(GONE, "error")
        return redirect(url_for(".page"))
    if action == "dismiss":
        flash("Set aside. The questions stay in the insights as long as they are kept.", "success")
        return redirect(url_for(".page"))
    if action == "add":
        return redirect(url_for("editor.article_page", article_id=article_id, gap=gap.id))
    return redirect(url_for("editor.new_page", lang=request.form.get("lang", ""), gap=gap.id))


@blueprint.post("/<int:gap_id>/back")
def put_back(gap_id: int) -> ResponseReturnValue:
    with services().database.transaction() as session:
        gaps.put_back(session, gap_id)
    flash("The questions are open again.", "success")
    return redirect(url_for(".page"))


def _board() -> Board | None:
    """Return None while there is no index to ask."""
    index, encoder = _searching()
    if index is None:
        return None
    since = services().clock() - timedelta(days=DAYS)
    with services().database.reading() as session:
        return gaps.board(session, unmet.read(session, since), asked.last(session), index, encoder)


def _searching() -> tuple[Index | None, Encoder | None]:
    publisher = services().publisher
    encoder = services().question_vectors.over(publisher.encoder) if publisher.encoder else None
    return publisher.index, encoder


def _titles() -> dict[str, str]:
    index = services().publisher.index
    return {name: each.title for name, each in index.articles.items()} if index else {}


def _key(value: str) -> tuple[str, int] | None:
    conversation_id, _, n = value.rpartition(":")
    return (conversation_id, int(n)) if conversation_id and n.isdecimal() and len(n) < 9 else None


def _exists(article_id: str) -> bool:
    try:
        return article_files.exists(services().settings.articles_dir, article_id)
    except ArticleNotFound:  # no file of the folder can have this name
        return False
