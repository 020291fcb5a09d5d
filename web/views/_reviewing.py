"""What the pages of review show: where a revision stands, who did what, how two differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from web.articles import editing, revisions
from web.articles.revisions import Told
from web.articles.work import Work, opened_of
from web.models import Origin, Revision, RevisionState, RoleName, Staff
from web.services import services
from web.views import _writing
from web.views._writing import Conflict

ACT_TEXTS = {
    "article_saved": "saved a draft of",
    "article_submitted": "asked for review of",
    "article_approved": "approved",
    "article_returned": "sent back",
    "article_commented": "commented on",
    "article_published": "published",
    "article_withdrawn": "withdrew",
    "article_restored": "brought back an old version of",
    "article_discarded": "dropped a draft of",
    "article_expired": "withdrew on its last day",
    "article_changed_outside": "found changed outside the editor",
    "article_imported": "imported",
}
STATE_TEXTS = {
    RevisionState.DRAFT: "Draft",
    RevisionState.IN_REVIEW: "In review",
    RevisionState.SCHEDULED: "Approved, waits for its day",
    RevisionState.PUBLISHED: "Published",
    RevisionState.WITHDRAWN: "Withdrawn",
    RevisionState.REPLACED: "Replaced by a later one",
    RevisionState.DISCARDED: "Dropped",
}
ORIGIN_TEXTS = {
    Origin.EDITOR: "",
    Origin.OUTSIDE: "changed outside the editor",
    Origin.RESTORED: "brought back",
    Origin.IMPORTED: "imported",
}


@dataclass(frozen=True)
class Reviewing:
    """Where an article stands, as this person may act on it."""

    state: str
    author: str
    is_own: bool
    may_approve: bool
    may_publish: bool
    comments: tuple[tuple[Told, str], ...]
    outside: str | None  # when it was changed outside the editor


@dataclass(frozen=True)
class Row:
    """One revision in the list."""

    revision: Revision
    state: str
    origin: str
    author: str
    approver: str
    when: str


def of(work: Work, person: Staff) -> Reviewing:
    row, alone = work.open, not services().settings.review.two_people
    with services().database.reading() as session:
        told = revisions.said(session, work.opened.id) if work.opened.id else []
        author = revisions.names(session, [row.author_id]) if row else {}
    is_own = row is not None and row.author_id == person.id
    outside = work.changed_outside
    waits = row is not None and row.state is RevisionState.IN_REVIEW
    return Reviewing(
        state=STATE_TEXTS[row.state] if row else "",
        author=author.get(row.author_id, "Somebody") if row and row.author_id else "",
        is_own=is_own,
        may_approve=waits and person.has_any_role(RoleName.REVIEWER) and (alone or not is_own),
        may_publish=alone,
        comments=tuple((each, _writing.when(each.at)) for each in told),
        outside=_writing.when(outside.created_at) if outside else None,
    )


def steps(article_id: str) -> list[tuple[str, str, str]]:
    """Return who, what and when, newest first."""
    if not article_id:
        return []
    with services().database.reading() as session:
        found = editing.history(session, article_id)
    return [
        (step.name or "The system", ACT_TEXTS[step.act], _writing.when(step.at))
        for step in found
        if step.act in ACT_TEXTS
    ]


def rows(found: Sequence[Revision]) -> list[Row]:
    people = [id_ for each in found for id_ in (each.author_id, each.approver_id)]
    with services().database.reading() as session:
        names = revisions.names(session, people)
    return [_row(each, names) for each in found]


def _row(each: Revision, names: Mapping[int, str]) -> Row:
    return Row(
        each,
        STATE_TEXTS[each.state],
        ORIGIN_TEXTS[each.origin] if each.number > 1 else "",
        names.get(each.author_id or 0, ""),
        names.get(each.approver_id or 0, ""),
        _writing.when(each.created_at),
    )


def comparison(older: Revision, newer: Revision) -> Conflict:
    before, after = opened_of(older).draft, opened_of(newer).draft
    return _writing.conflict(before, after, was_removed=False)
