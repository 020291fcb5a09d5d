"""Practising with synthetic conversations in the real console.

Rule: each sees their own scenes and what came of them; a manager sees days, on the team's page.
"""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import current_user
from markupsafe import Markup

from search.articles import Article, ArticleInvalid, read_article
from search.passages import render
from web import auth
from web.desk import practice
from web.desk.scenes import Scene, scenes
from web.hours import date_text
from web.models import PracticeRun, RoleName
from web.services import services

blueprint = Blueprint("practice", __name__, url_prefix="/console/practice")
auth.guard(blueprint, RoleName.AGENT)


@blueprint.before_app_request
def ones_own_alone() -> None:
    """Whatever act of the console it is: a scene exists only for who practises it."""
    if not request.path.startswith("/console/") or not current_user.is_authenticated:
        return
    values = request.view_args or {}
    conversation_id = values.get("conversation_id") or request.args.get("conversation")
    handoff_id = values.get("handoff_id")
    if conversation_id is None and handoff_id is None:
        return
    with services().database.reading() as session:
        if practice.is_anothers(session, current_user.id, conversation_id, handoff_id):
            abort(404)


@blueprint.get("/")
def overview() -> ResponseReturnValue:
    with services().database.reading() as session:
        found = practice.practised(session, services(), current_user.id)
    return render_template(
        "practice/overview.html", found=found, day_text=lambda day: date_text(day, "en")
    )


@blueprint.post("/<scene_id>/begin")
def begin(scene_id: str) -> ResponseReturnValue:
    try:
        conversation_id = practice.start(services(), current_user.id, scene_id)
    except practice.SceneUnknown:
        abort(404)
    return redirect(url_for("console.conversation_page", conversation_id=conversation_id))


@blueprint.post("/runs/<int:run_id>/end")
def end(run_id: int) -> ResponseReturnValue:
    practice.play(services())  # what was done last counts as well
    with services().database.transaction() as session:
        run = practice.own_run(session, run_id, current_user.id) or abort(404)
        practice.end(session, run, services().clock())
    return redirect(url_for(".feedback", run_id=run_id))


@blueprint.get("/runs/<int:run_id>")
def feedback(run_id: int) -> ResponseReturnValue:
    with services().database.reading() as session:
        run = practice.own_run(session, run_id, current_user.id) or abort(404)
    if run.ended_at is None or run.scene not in scenes():
        abort(404)
    return render_template("practice/feedback.html", **_feedback_values(run))


@blueprint.get("/guidance/<path:article_id>")
def guidance(article_id: str) -> ResponseReturnValue:
    """A staff article that a scene names, to read."""
    named = {each for scene in scenes().values() for each in _titles(scene)}
    article = _article(article_id) if article_id in named else None
    if article is None:
        abort(404)
    # Safe HTML: made by the one renderer of articles, which cleans it.
    return render_template("practice/guidance.html", article=article, body=Markup(render(article)))


def _article(article_id: str) -> Article | None:
    """Return a published staff article of the clinic's own folder; None when it has no such one."""
    settings = services().settings
    path = settings.articles_dir / f"{article_id}.md"
    try:
        article = read_article(path, settings.articles_dir, settings.facts("en"))
    except (ArticleInvalid, OSError):
        return None
    return article if article.audience == "staff" and article.status == "published" else None


def _titles(scene: Scene) -> dict[str, str]:
    """Return the title of each staff article the scene points to and the clinic has."""
    wanted = {*scene.guidance, *(each.guidance for each in scene.feedback)}
    found = {each: _article(each) for each in sorted(wanted)}
    return {each: article.title for each, article in found.items() if article is not None}


def _feedback_values(run: PracticeRun) -> dict[str, object]:
    scene = scenes()[run.scene]
    can_judge = services().publisher.encoder is not None
    told = [
        each
        for each in scene.feedback
        if can_judge or (each.did or each.avoided) not in scene.meanings
    ]
    return {
        "scene": scene,
        "is_kept": bool(run.seen),
        "can_judge": can_judge,
        "well": [each for each in told if each.is_well(run.seen)],
        "tries": [each for each in told if not each.is_well(run.seen)],
        "titles": _titles(scene),
    }
