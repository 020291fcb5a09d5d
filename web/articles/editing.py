"""What editors do with articles: look at all of them, check one, save, publish, withdraw.

Rule: the file is the truth. Nothing is written that was made from an older file than the one in the
folder, nothing is published that `proofreading` stops, and each act stands in the audit log or did
not happen. Review by a second person and revisions will hang on `save`; there is no other way in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from search.articles import Article, ArticleInvalid, parse_article
from web.articles import article_files, drafts, front_matter, proofreading
from web.articles.article_files import Entry
from web.articles.drafts import Draft
from web.articles.front_matter import Document
from web.articles.proofreading import ArticleProblem, Level, Neighbour
from web.config import Settings
from web.models import AuditEntry, Staff
from web.privacy import audit
from web.privacy.audit import Act
from web.services import Services

PUBLISHED = "published"
WITHDRAWN = "withdrawn"
MAX_SUBJECT = 80  # of an audit entry
MAX_TWINS = 50
MAX_STEPS = 5
ACTS = {PUBLISHED: Act.ARTICLE_PUBLISHED, WITHDRAWN: Act.ARTICLE_WITHDRAWN}

logger = structlog.get_logger()


class NotReady(Exception):
    """Something found in the draft stops it."""


class NotEditable(Exception):
    """The file cannot be shown as fields and text. `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Listed:
    """One row of the list. `article` is None for a file that cannot be read."""

    id: str
    article: Article | None
    problems: tuple[ArticleProblem, ...]
    is_due: bool

    @property
    def title(self) -> str:
        return self.article.title if self.article else self.id

    @property
    def status(self) -> str:
        return self.article.status if self.article else "damaged"

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
class Saved:
    id: str
    status: str
    is_live: bool


@dataclass(frozen=True)
class Step:
    """One act in the log; `name` is None for what no account did."""

    act: Act
    name: str | None
    at: datetime


# Looking -----------------------------------------------------------------------------------------


def listing(settings: Settings, at: datetime) -> tuple[Listed, ...]:
    """Return every article of the folder, by language, topic and title."""
    found = article_files.entries(settings.articles_dir)
    neighbours = frozenset(_neighbours(found))
    today = _today(settings, at)
    rows = (_listed(entry, settings, today, neighbours) for entry in found)
    return tuple(sorted(rows, key=_order))


def _order(row: Listed) -> tuple[str, str, str]:
    if row.article is None:
        return "", "", row.id
    return row.article.lang, row.article.topic, row.article.title.casefold()


def _listed(
    entry: Entry, settings: Settings, today: date, neighbours: frozenset[Neighbour]
) -> Listed:
    if entry.article is None:
        error = entry.error or ArticleInvalid(entry.id, 1, "the file cannot be read")
        problem = ArticleProblem(f"{entry.id}.md", error.line, error.reason, "Mend the file.")
        return Listed(entry.id, None, (problem,), False)
    facts = tuple(sorted(settings.facts(settings.lang(entry.article.lang)).items()))
    problems = _problems(entry, facts, today, neighbours)
    review_by = entry.article.review_by
    return Listed(entry.id, entry.article, problems, review_by is not None and review_by < today)


@lru_cache(maxsize=20_000)
def _problems(
    entry: Entry,
    facts: tuple[tuple[str, str], ...],
    today: date,
    neighbours: frozenset[Neighbour],
) -> tuple[ArticleProblem, ...]:
    """Done once for each state of the folder: a thousand articles take a second."""
    article = parse_article(entry.id, entry.text.encode(), dict(facts))
    found = proofreading.problems_of(f"{entry.id}.md", entry.text, article, today, neighbours)
    return tuple(found)


def _neighbours(found: Sequence[Entry]) -> list[Neighbour]:
    return [proofreading.neighbour(entry.article) for entry in found if entry.article]


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


def new_article(settings: Settings, topic: str, lang: str) -> Opened:
    draft = drafts.blank(drafts.slug(topic), settings.lang(lang), demo=settings.demo)
    return Opened("", front_matter.new(), draft)


def check(settings: Settings, opened: Opened, draft: Draft, status: str, at: datetime) -> Checked:
    """Look at a draft as if it were saved with this status."""
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
            file, content.decode(), article, _today(settings, at), _neighbours(found)
        ),
        *_demo_problems(settings, file, draft),
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


# Writing -----------------------------------------------------------------------------------------


def save(
    services: Services,
    opened: Opened,
    draft: Draft,
    status: str,
    *,
    replaces: str,
    staff_id: int,
) -> Saved:
    """Write the draft with this status; what patients are told changes before this returns.

    replaces: the digest of the file the draft was made from. Raises NotReady,
    article_files.ArticleChanged, article_files.ArticleNotWritten.
    """
    checked = check(services.settings, opened, draft, status, services.clock())
    if checked.article is None or (status == PUBLISHED and not checked.is_ready):
        raise NotReady(opened.id)
    name = opened.id or _free_name(services.settings, draft)
    act = ACTS.get(status, Act.ARTICLE_SAVED)
    with services.publisher.writing(name, checked.content, replaces):
        _record(services, act, name, staff_id)
    return Saved(name, status, _take_up(services, name))


def withdraw(services: Services, opened: Opened, *, replaces: str, staff_id: int) -> Saved:
    """Take an article from patients; its words stay. Raises as `save` does, but NotReady."""
    document = opened.document.with_values({"status": WITHDRAWN})
    with services.publisher.writing(opened.id, document.to_bytes(), replaces):
        _record(services, Act.ARTICLE_WITHDRAWN, opened.id, staff_id)
    return Saved(opened.id, WITHDRAWN, _take_up(services, opened.id))


def _record(services: Services, act: Act, name: str, staff_id: int) -> None:
    with services.database.transaction() as session:
        at = services.clock()
        audit.record(session, act, subject_of(name), staff_id=staff_id, at=at)


def _take_up(services: Services, name: str) -> bool:
    """Let the chat use the file now. Tells whether patients can be shown the article."""
    try:
        services.publisher.refresh()
    except Exception as error:
        # The file is written: the publisher's own thread tries again in a second.
        logger.error("index.build_failed", error=type(error).__name__)
    index = services.publisher.index
    return index is not None and name in index.articles


def _free_name(settings: Settings, draft: Draft) -> str:
    name = drafts.name_for(draft)
    names = [name, *(f"{name}-{number}" for number in range(2, MAX_TWINS))]
    folder = settings.articles_dir
    return next((each for each in names if not article_files.exists(folder, each)), name)


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
