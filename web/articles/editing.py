"""What editors look at: all articles, one of them in fields, and what a draft would be.

Rule: reads only; what changes an article is in `writing.py` and `review.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from search.articles import Article, ArticleInvalid, parse_article
from web.articles import article_files, drafts, front_matter, kinds, pictures, proofreading
from web.articles.article_files import Entry
from web.articles.comparing import Comparison
from web.articles.drafts import Draft
from web.articles.folder_rules import Folder, Neighbour, neighbour
from web.articles.front_matter import Document
from web.articles.problems import ArticleProblem, Level
from web.config import Settings
from web.models import AuditEntry, Revision, RevisionState, Staff
from web.privacy.audit import Act

PUBLISHED = "published"
MAX_SUBJECT = 80  # of an audit entry
MAX_STEPS = 20

Facts = tuple[tuple[str, str], ...]


class NotEditable(Exception):
    """The file cannot be shown as fields and text. `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Listed:
    """One row of the list. `article` is None for a file that cannot be read.

    is_due: past its review date; is_soon: to be read again within `[review] remind_days`.
    open: the state of the revision somebody works on, if there is one.
    """

    id: str
    article: Article | None
    problems: tuple[ArticleProblem, ...] = ()
    is_due: bool = False
    is_soon: bool = False
    open: RevisionState | None = None
    is_in_folder: bool = True

    @property
    def title(self) -> str:
        return self.article.title if self.article else self.id

    @property
    def status(self) -> str:
        if not self.is_in_folder and self.open:
            return self.open.value
        return self.article.status if self.article else "damaged"

    @property
    def states(self) -> set[str]:
        return {self.status, self.open.value if self.open else self.status}

    @property
    def errors(self) -> int:
        return sum(problem.level is Level.FAIL for problem in self.problems)


@dataclass(frozen=True)
class Opened:
    """An article as it stands in its file. `digest` is "" and the document empty for a new one."""

    id: str
    document: Document
    draft: Draft
    digest: str = ""
    damage: str | None = None

    @property
    def is_new(self) -> bool:
        return not self.digest


@dataclass(frozen=True)
class Place:
    """Where a problem is: a field of the form, or a line of its text."""

    problem: ArticleProblem
    field: str | None
    line: int


@dataclass(frozen=True)
class Checked:
    """What a draft would be as a file, and what was found in it."""

    content: bytes
    article: Article | None
    places: tuple[Place, ...]

    @property
    def is_ready(self) -> bool:
        return self.article is not None and proofreading.is_ready(
            place.problem for place in self.places
        )


@dataclass(frozen=True)
class Step:
    """One act in the log; `name` is None for what no account did."""

    act: Act
    name: str | None
    at: datetime


# Looking -----------------------------------------------------------------------------------------


def listing(settings: Settings, at: datetime, work: Sequence[Revision] = ()) -> tuple[Listed, ...]:
    """Return every article, by language, topic and title: of the folder, and what is only a draft.

    work: the open revisions.
    """
    found = article_files.entries(settings.articles_dir)
    folder = Folder.of(_neighbours(found), pictures.names(settings.articles_dir))
    facts = {str(lang): _facts(settings, lang) for lang in settings.clinic.languages}
    today = _today(settings, at)
    states = {row.article_id: row.state for row in work}
    rows = [_listed(entry, settings, today, folder, states, facts) for entry in found]
    known = {row.id for row in rows}
    rows += [_unpublished(row) for row in work if row.article_id not in known]
    return tuple(sorted(rows, key=_order))


def _facts(settings: Settings, lang: str) -> Facts:
    return tuple(sorted(settings.facts(lang).items()))


def _unpublished(row: Revision) -> Listed:
    article = parse_article(row.article_id, row.content.encode(), {})
    return Listed(row.article_id, article, open=row.state, is_in_folder=False)


def _order(row: Listed) -> tuple[str, str, str]:
    if row.article is None:
        return "", "", row.id
    return row.article.lang, row.article.topic, row.article.title.casefold()


def _listed(
    entry: Entry,
    settings: Settings,
    today: date,
    folder: Folder,
    states: Mapping[str, RevisionState],
    facts: Mapping[str, Facts],
) -> Listed:
    if entry.article is None:
        error = entry.error or ArticleInvalid(entry.id, 1, "the file cannot be read")
        problem = ArticleProblem(f"{entry.id}.md", error.line, error.reason, "Mend the file.")
        return Listed(entry.id, None, (problem,), open=states.get(entry.id))
    known = facts[settings.lang(entry.article.lang)]
    problems = (
        *_own_problems(entry, known, today, settings.own_numbers),
        *proofreading.folder_problems(f"{entry.id}.md", entry.text, entry.article, folder),
    )
    left = days_left(entry.article, today)
    return Listed(
        entry.id,
        entry.article,
        problems,
        is_due=left is not None and left < 0,
        is_soon=left is not None and 0 <= left <= settings.review.remind_days,
        open=states.get(entry.id),
    )


def days_left(article: Article, today: date) -> int | None:
    """Return the days until it has to be read again; None for what patients do not get."""
    if article.review_by is None or article.status != PUBLISHED:
        return None
    return (article.review_by - today).days


def to_read_again(articles: Collection[Article], settings: Settings, today: date) -> int:
    """Return how many are past their review date or near it."""
    last = today + timedelta(days=settings.review.remind_days)
    return sum(1 for each in articles if each.review_by is not None and each.review_by <= last)


@lru_cache(maxsize=20_000)
def _own_problems(
    entry: Entry, facts: Facts, today: date, own: tuple[str, ...]
) -> tuple[ArticleProblem, ...]:
    """Done once for each state of a file: ten milliseconds each."""
    article = parse_article(entry.id, entry.text.encode(), dict(facts))
    file = f"{entry.id}.md"
    return tuple(proofreading.own_problems(file, entry.text, article, today, own))


def _neighbours(found: Sequence[Entry]) -> list[Neighbour]:
    return [neighbour(entry.article) for entry in found if entry.article]


def open_article(settings: Settings, article_id: str) -> Opened:
    """Raises article_files.ArticleNotFound, NotEditable."""
    try:
        file = article_files.read(settings.articles_dir, article_id)
        document = front_matter.read(file.content)
    except ArticleInvalid as error:
        raise NotEditable(error.reason) from error
    except front_matter.Undecodable as error:
        raise NotEditable(f"the file cannot be edited here: {error}") from error
    draft = drafts.of_document(document)  # the same before and after mending
    damage = None
    try:
        article = parse_article(article_id, file.content, {})
    except ArticleInvalid as error:
        damage = f"line {error.line}: {error.reason.removeprefix('YAML: ')}"
        document = document.mended()
    else:
        draft = _with_defaults(draft, article)
    return Opened(article_id, document, draft, file.digest, damage)


def _with_defaults(draft: Draft, article: Article) -> Draft:
    """Show what a reader of the file takes for granted: the language noticed, the title found."""
    seen = {"title": article.title, "lang": article.lang, "audience": article.audience}
    fields = {key: draft.fields[key] or seen.get(key, "") for key in draft.fields}
    return Draft(fields, draft.questions, draft.body, draft.status)


def open_or_lost(settings: Settings, article_id: str) -> Opened:
    """As `open_article`; a file that was removed while somebody wrote counts as an empty one.

    Raises article_files.ArticleNotFound only for an id that no file of the folder can have.
    """
    if article_files.exists(settings.articles_dir, article_id):
        return open_article(settings, article_id)
    return Opened(article_id, front_matter.new(), drafts.blank("", "", demo=False))


def new_article(settings: Settings, topic: str, lang: str, kind: str = "") -> Opened:
    """kind: one of kinds.KINDS, whose text it begins with; any other begins empty."""
    lang = settings.lang(lang)
    draft = drafts.blank(drafts.slug(topic), lang, demo=settings.demo)
    return Opened("", front_matter.new(), kinds.begun(draft, kind, lang))


def check(
    settings: Settings,
    opened: Opened,
    draft: Draft,
    status: str,
    at: datetime,
    comparison: Comparison | None = None,
) -> Checked:
    """Look at a draft as if it were saved with this status.

    comparison: with what is published; its hints stop nothing, so saving does without.
    """
    before = Draft(status="") if opened.is_new else opened.draft
    document = drafts.to_document(draft, opened.document, status, before)
    content, name = document.to_bytes(), opened.id or drafts.name_for(draft)
    file = f"{name}.md"
    try:
        lang = parse_article(name, content, {}).lang
        article = parse_article(name, content, settings.facts(settings.lang(lang), at))
    except ArticleInvalid as error:
        problem = ArticleProblem(file, error.line, error.reason, _mend_for(draft))
        field = "title" if not draft.title else None
        place = Place(problem, field or document.place_of(error.line)[0], 1)
        return Checked(content, None, (place,))
    found = article_files.entries(settings.articles_dir)
    problems = [
        *proofreading.problems_of(
            file,
            content.decode(),
            article,
            _today(settings, at),
            _neighbours(found),
            settings.own_numbers,
            pictures.names(settings.articles_dir),
        ),
        *_demo_problems(settings, file, draft),
        *(comparison.problems_of(file, content.decode(), article) if comparison else ()),
    ]
    return Checked(content, article, tuple(_place(problem, document) for problem in problems))


def _mend_for(draft: Draft) -> str:
    return "Write the answer into the text." if draft.title else "Write the patient's question."


def _demo_problems(settings: Settings, file: str, draft: Draft) -> list[ArticleProblem]:
    """Demo content is shown to nobody in a real clinic: publishing it would be a promise broken."""
    if settings.demo or not draft.is_demo:
        return []
    what = "reviewed_by says that this is demo content, so patients would not see it"
    mend = "Check each fact, then put the name of the person who checked it."
    return [ArticleProblem(file, 1, what, mend, field="reviewed_by")]


def _place(problem: ArticleProblem, document: Document) -> Place:
    if problem.field is not None:
        return Place(problem, problem.field, 1)
    field, line = document.place_of(problem.line)
    return Place(problem, field, line)


def _today(settings: Settings, at: datetime) -> date:
    return at.astimezone(settings.calendar.zone).date()


def subject_of(article_id: str) -> str:
    """Return the audit log's name of an article; a very long path keeps its end and a digest."""
    subject = f"article:{article_id}"
    if len(subject) <= MAX_SUBJECT:
        return subject
    digest = hashlib.sha256(article_id.encode()).hexdigest()[:12]
    return f"article:{digest}…{article_id[-(MAX_SUBJECT - 21) :]}"


def topics(rows: Collection[Listed]) -> list[str]:
    return sorted({row.article.topic for row in rows if row.article and row.article.topic})


def history(session: Session, article_id: str) -> list[Step]:
    """Return who did what to it last, newest first; changes made by hand are not among them."""
    query = (
        select(AuditEntry, Staff.name)
        .outerjoin(Staff, Staff.id == AuditEntry.staff_id)
        .where(AuditEntry.subject == subject_of(article_id))
        .order_by(AuditEntry.id.desc())
        .limit(MAX_STEPS)
    )
    rows = session.execute(query).all()
    return [Step(Act(entry.act), name, entry.at) for entry, name in rows]
