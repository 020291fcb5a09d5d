"""Which answers an edit changes, seen before it is published; and one question tried on both.

Rule: nothing is saved here. The page opens beside the form, so that nothing typed is lost.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue

from search.answer import MAX_CHOICES, Found, ask
from search.articles import PUBLIC, Article
from search.encoder import Encoder
from search.index import Index
from search.text import terms_of
from web import auth
from web.articles import asked, drafts, editing, effects
from web.articles.drafts import Draft, DraftTooLong
from web.articles.editing import PUBLISHED
from web.articles.effects import Effects, Kind, Source
from web.articles.work import Work, new_work
from web.models import RoleName
from web.services import services
from web.views import _writing, editor

blueprint = Blueprint("effects", __name__, url_prefix="/editor/effects")
auth.guard(blueprint, RoleName.EDITOR, RoleName.REVIEWER)

MAX_QUESTION = 1_000
SOURCE_TEXTS = {
    Source.REGRESSION: "your own questions",
    Source.OWN: "this article's sample questions",
    Source.NEIGHBOUR: "a neighbour's sample questions",
    Source.PATIENT: "asked by a patient",
}
KIND_TEXTS = {
    Kind.LOST: ("Not answered any more", "These get an answer today and would get none."),
    Kind.OTHER: ("Answered differently", "These would get another passage, or other words."),
    Kind.GAINED: ("Answered from now on", "These get no answer today and would get one."),
}


@dataclass(frozen=True)
class Tried:
    """A question asked of one index: what came of it, and why."""

    name: str
    found: Found
    rows: tuple[tuple[str, str, float, tuple[str, ...]], ...]
    needed: tuple[float, float]


@blueprint.post("")
def of_form() -> ResponseReturnValue:
    """Try what stands in the form."""
    article_id = request.form.get("article", "")
    settings = services().settings
    work = editor.work_on(article_id, lost=True) if article_id else _new()
    try:
        draft = drafts.of_form(request.form, work.opened.draft)
    except DraftTooLong:
        abort(422)
    return _page(work, drafts.kept_marked(draft, work.opened.draft) if settings.demo else draft)


@blueprint.get("/<path:article_id>")
def of_revision(article_id: str) -> ResponseReturnValue:
    """Try the open revision, as a reviewer does; `q` is one more question for both."""
    work = editor.work_on(article_id)
    return _page(work, work.opened.draft)


@blueprint.get("")
def try_question() -> ResponseReturnValue:
    """Ask one question of what is published."""
    question = request.args.get("q", "").strip()[:MAX_QUESTION]
    index, encoder = _searching()
    tried = [_tried("Published", index, encoder, question)] if question else []
    return render_template("editor/try.html", question=question, tried=tried, article_id="")


def _page(work: Work, draft: Draft) -> ResponseReturnValue:
    index, encoder = _searching()
    checked = editing.check(services().settings, work.opened, draft, PUBLISHED, services().clock())
    if checked.article is None:
        return render_template("editor/effects.html", title=draft.title, changes=None), 422
    article, began_at = checked.article, time.monotonic()
    after = effects.with_draft(index, encoder, article.id, _shown(article))
    question = request.args.get("q", "").strip()[:MAX_QUESTION]
    if question:
        tried = [
            _tried("Published", index, encoder, question),
            _tried("With the draft", after, encoder, question),
        ]
        return render_template(
            "editor/try.html", question=question, tried=tried, article_id=article.id
        )
    found = _effects(index, after, encoder, article, began_at)
    return render_template(
        "editor/effects.html",
        title=article.title,
        article_id=article.id,
        changes=[(*KIND_TEXTS[kind], found.of(kind)) for kind in KIND_TEXTS],
        effects=found,
        sources=SOURCE_TEXTS,
        has_revision=work.open is not None,
        langs=_writing.LANGS,
    )


def _effects(
    index: Index, after: Index, encoder: Encoder | None, article: Article, began_at: float
) -> Effects:
    with services().database.reading() as session:
        patients = [(one.text, one.lang) for one in asked.last(session)]
    folder = services().settings.articles_dir
    questions = effects.questions_for(index, after, article.id, folder, patients)
    return effects.effects(index, after, encoder, questions, article.id, began_at=began_at)


def _shown(article: Article) -> Article | None:
    """Return the article where patients could be shown it."""
    return article if article.audience == PUBLIC else None


def _tried(name: str, index: Index, encoder: Encoder | None, question: str) -> Tried:
    found = ask(index, encoder, question)
    words = set(terms_of(found.understood, found.lang))
    rows = tuple(
        (
            index.articles[one.article].title,
            one.heading,
            one.score,
            tuple(sorted(words & set(terms_of(one.text, found.lang)))),
        )
        for one in found.passages[:MAX_CHOICES]
    )
    limits = index.thresholds_for(found.lang)
    few, many = limits.answer_few, limits.answer_many
    return Tried(name, found, rows, (min(few, many), max(few, many)))


def _searching() -> tuple[Index, Encoder | None]:
    publisher = services().publisher
    if publisher.index is None:
        abort(503)
    encoder = publisher.encoder
    return publisher.index, services().question_vectors.over(encoder) if encoder else None


def _new() -> Work:
    return new_work(services().settings, "", "")
