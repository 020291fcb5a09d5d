"""The page of one article: the form, what was typed into it, and what is known beside it.

Rule: changes nothing. What comes back with a refusal is what was typed, in every field.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_security import current_user
from markupsafe import Markup

from web.articles import autosaves, drafts, editing, folder_rules, gaps
from web.articles.drafts import Draft
from web.articles.editing import PUBLISHED, Listed, Opened
from web.articles.gaps import GapNotFound
from web.articles.work import Work
from web.articles.writing import Seen
from web.chat.intake import row_number
from web.models import Autosave
from web.services import services
from web.views import _adding, _article_list, _reviewing, _writing

MAX_DIGITS = 9


def page(
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
    rows, now = _article_list.listed(), services().clock()
    shown = render_template(
        "editor/article.html",
        work=work,
        opened=opened,
        seen=seen_now(work) if conflict or request.method == "GET" else seen(),
        notice=notice,
        conflict=conflict,
        added=added or _adding.Added(draft),
        kept=_writing.when(kept.saved_at) if kept else None,
        others=_others(opened.id),
        preview=Markup(preview(opened, draft)),
        gap=gap(),
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
    return shown, status


def seen() -> Seen:
    """Return what the form was made from."""
    number = request.form.get("number", "")
    is_number = number.isdecimal() and len(number) < MAX_DIGITS
    return Seen(request.form.get("digest", ""), int(number) if is_number else 0)


def seen_now(work: Work) -> Seen:
    return Seen(work.file.digest if work.file else "", work.number)


def _links_here(rows: Sequence[Listed], article_id: str) -> list[Listed]:
    return [
        row
        for row in rows
        if row.article and article_id in folder_rules.linked(row.article).values()
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
    gap_id = gap()
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


def gap() -> int | None:
    return row_number(request.values.get("gap")) or None


def _others(article_id: str) -> list[str]:
    with services().database.reading() as session:
        return autosaves.others_writing(session, current_user.id, article_id, services().clock())


def preview(opened: Opened, draft: Draft) -> str:
    now, settings, publisher = services().clock(), services().settings, services().publisher
    comparison = services().comparisons.with_index(
        publisher.index, publisher.encoder, settings.own_numbers
    )
    checked = editing.check(settings, opened, draft, PUBLISHED, now, comparison)
    return _writing.preview_html(checked, now)


def _is_live(opened: Opened) -> bool:
    index = services().publisher.index
    return index is not None and opened.id in index.articles
