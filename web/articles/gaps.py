"""Questions without an answer, grouped by meaning, and what became of them.

Rule: nobody's words are copied: a gap points to rows of the log and forgets with them. Nothing is
removed here. A gap is closed when patients can be shown its article, and whether that helps is
asked anew each time somebody looks: the very questions are put to the search again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from search.answer import Outcome, ask
from search.encoder import Encoder, Vectors
from search.gloss import meant
from search.index import Index
from web.articles.asked import Question
from web.articles.grouping import NEAR_MIDDLE, groups_of, middle
from web.articles.unmet import Unmet, Why, whys_of
from web.models import Gap, GapQuestion, GapState, Message, Revision, RevisionState

MAX_QUESTIONS = 1_000
MAX_SAMPLES = 8  # what an article's form is filled with


class GapNotFound(LookupError):
    """No such gap, or one that was dismissed."""


@dataclass(frozen=True)
class Nearest:
    """The article that came nearest to answering, and its score, 0 to 1."""

    id: str
    title: str
    score: float


@dataclass(frozen=True)
class Group:
    """Questions of one meaning, the most typical first."""

    questions: tuple[Unmet, ...]
    nearest: Nearest | None

    @cached_property
    def patients(self) -> int:
        return len({one.conversation_id for one in self.questions})

    @property
    def title(self) -> str:
        return " ".join(self.questions[0].text.split())

    @property
    def wordings(self) -> tuple[str, ...]:
        return wordings(self.questions)

    @property
    def langs(self) -> tuple[str, ...]:
        return tuple(sorted({one.lang for one in self.questions}))

    @property
    def whys(self) -> dict[Why, int]:
        return {why: count for why, count in whys_of(self.questions).items() if count}

    @property
    def replies(self) -> tuple[str, ...]:
        """What agents answered by hand, each once."""
        return tuple(dict.fromkeys(one.replied for one in self.questions if one.replied))

    @property
    def last_at(self) -> datetime:
        return max(one.at for one in self.questions)


@dataclass(frozen=True)
class Taken:
    """A gap somebody took up. `answered`: of its questions, by its article, as of now.

    since: further patients who asked the like since it was begun, or closed if it is.
    """

    id: int
    state: GapState
    article_id: str
    begun_at: datetime
    closed_at: datetime | None
    questions: tuple[Asked, ...]
    since: int

    @property
    def patients(self) -> int:
        return len({one.conversation_id for one in self.questions})

    @property
    def answered(self) -> int:
        return sum(one.is_answered for one in self.questions)

    @property
    def title(self) -> str:
        return self.questions[0].text if self.questions else self.article_id


@dataclass(frozen=True)
class Asked:
    """One question of a gap, asked again now."""

    conversation_id: str
    n: int
    lang: str
    text: str
    is_answered: bool


@dataclass(frozen=True)
class Board:
    """`open`: most patients first. `taken`: the latest begun first."""

    open: tuple[Group, ...]
    taken: tuple[Taken, ...]
    is_by_meaning: bool


# Looking -----------------------------------------------------------------------------------------


def board(
    session: Session,
    unmet: Sequence[Unmet],
    recent: Sequence[Question],
    index: Index,
    encoder: Encoder | None,
) -> Board:
    """Group what nobody took up, and ask the questions of what somebody did again."""
    gaps = _gaps(session)
    linked = {key for _, keys in gaps for key in keys}
    fresh = [one for one in unmet if one.key not in linked][-MAX_QUESTIONS:]
    fresh.sort(key=lambda one: (one.text, one.key))
    vectors = vectors_of([(one.text, one.lang) for one in fresh], encoder)
    rows = _texts(session, linked)
    others = [one for one in recent if one.conversation_id not in {key[0] for key in linked}]
    asked_since = vectors_of([(one.text, one.lang) for one in others], encoder)
    taken, left = [], np.ones(len(fresh), dtype=bool)
    for gap, keys in gaps:
        asked = [_asked_again(rows[key], gap, index, encoder) for key in keys if key in rows]
        left &= ~_near(asked, vectors, encoder)
        if gap.state is not GapState.DISMISSED:
            near = _near(asked, asked_since, encoder).tolist()
            taken.append(_taken(gap, asked, _later(gap, others, near)))
    kept = [one for one, is_left in zip(fresh, left, strict=True) if is_left]
    groups = _grouped(kept, vectors[left], index, encoder)
    return Board(tuple(groups), tuple(taken), encoder is not None)


def vectors_of(texts: Iterable[tuple[str, str]], encoder: Encoder | None) -> Vectors:
    """texts: with their languages. Without a model each wording is a direction of its own."""
    read = [meant(text, lang) for text, lang in texts]
    if encoder is not None and read:
        return encoder.encode(read)
    known = {text: number for number, text in enumerate(dict.fromkeys(read))}
    vectors = np.zeros((len(read), max(1, len(known))), dtype=np.float32)
    vectors[np.arange(len(read)), [known[text] for text in read]] = 1
    return vectors


def wordings(questions: Iterable[Unmet]) -> tuple[str, ...]:
    """Return the different wordings, fit for an article's sample questions."""
    seen = {" ".join(one.text.split()).casefold(): " ".join(one.text.split()) for one in questions}
    return tuple(seen.values())


def _grouped(
    questions: Sequence[Unmet], vectors: Vectors, index: Index, encoder: Encoder | None
) -> list[Group]:
    groups = []
    for rows in groups_of(vectors):
        some = tuple(questions[row] for row in rows.tolist())
        groups.append(Group(some, _nearest(some[0], index, encoder)))
    return sorted(groups, key=lambda one: (-one.patients, -one.last_at.timestamp(), one.title))


def _nearest(question: Unmet, index: Index, encoder: Encoder | None) -> Nearest | None:
    found = ask(index, encoder, question.text, lang=question.lang).passages
    if not found:
        return None
    return Nearest(found[0].article, index.articles[found[0].article].title, found[0].score)


def _gaps(session: Session) -> list[tuple[Gap, list[tuple[str, int]]]]:
    gaps = session.scalars(select(Gap).order_by(Gap.begun_at.desc(), Gap.id.desc())).all()
    keys: dict[int, list[tuple[str, int]]] = {}
    query = select(GapQuestion).order_by(GapQuestion.conversation_id, GapQuestion.n)
    for link in session.scalars(query):
        keys.setdefault(link.gap_id, []).append((link.conversation_id, link.n))
    return [(gap, keys.get(gap.id, [])) for gap in gaps]


def _texts(session: Session, keys: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Message]:
    wanted = set(keys)
    query = select(Message).where(
        Message.conversation_id.in_({conversation_id for conversation_id, _ in wanted})
    )
    rows = {(row.conversation_id, row.n): row for row in session.scalars(query)}
    return {key: row for key, row in rows.items() if key in wanted}


def _asked_again(row: Message, gap: Gap, index: Index, encoder: Encoder | None) -> Asked:
    found = ask(index, encoder, row.text)
    is_answered = found.outcome is Outcome.ANSWER and found.passages[0].article == gap.article_id
    return Asked(row.conversation_id, row.n, found.lang, row.text, is_answered)


def _near(asked: Sequence[Asked], vectors: Vectors, encoder: Encoder | None) -> NDArray[np.bool_]:
    """Tell which of the fresh questions mean what the gap means."""
    if not asked or encoder is None or not len(vectors):
        return np.zeros(len(vectors), dtype=bool)
    of_gap = middle(vectors_of([(one.text, one.lang) for one in asked], encoder))
    return np.asarray(vectors @ of_gap >= NEAR_MIDDLE)


def _later(gap: Gap, questions: Sequence[Question], near: Sequence[bool]) -> int:
    """Return how many patients asked it since."""
    since = gap.closed_at or gap.begun_at
    pairs = zip(questions, near, strict=True)
    return len({one.conversation_id for one, is_near in pairs if is_near and one.at >= since})


def _taken(gap: Gap, asked: Sequence[Asked], since: int) -> Taken:
    return Taken(
        id=gap.id,
        state=gap.state,
        article_id=gap.article_id,
        begun_at=gap.begun_at,
        closed_at=gap.closed_at,
        questions=tuple(asked),
        since=since,
    )


# Acting ------------------------------------------------------------------------------------------


def begin(
    session: Session,
    keys: Iterable[tuple[str, int]],
    *,
    staff_id: int,
    at: datetime,
    article_id: str = "",
    state: GapState = GapState.BEGUN,
) -> Gap:
    """Take questions up, to write an article, add to one, or say that none is needed.

    Questions that went meanwhile, or that somebody else took up, are left out. Raises GapNotFound
    when none is left.
    """
    rows = _texts(session, keys)
    taken = {
        (link.conversation_id, link.n)
        for link in session.scalars(
            select(GapQuestion).where(GapQuestion.conversation_id.in_({key[0] for key in rows}))
        )
    }
    free = sorted(key for key in rows if key not in taken)
    if not free:
        raise GapNotFound
    gap = Gap(state=state, article_id=article_id, begun_by_id=staff_id, begun_at=at)
    session.add(gap)
    session.flush()
    session.add_all(GapQuestion(gap_id=gap.id, conversation_id=id_, n=n) for id_, n in free)
    return gap


def samples(session: Session, gap_id: int) -> tuple[str, ...]:
    """Return the gap's different wordings. Raises GapNotFound."""
    gap = found(session, gap_id)
    keys = session.scalars(select(GapQuestion).where(GapQuestion.gap_id == gap.id)).all()
    rows = _texts(session, ((link.conversation_id, link.n) for link in keys))
    texts = [" ".join(rows[key].text.split()) for key in sorted(rows)]
    return tuple({text.casefold(): text for text in texts}.values())[:MAX_SAMPLES]


def found(session: Session, gap_id: int) -> Gap:
    """Raises GapNotFound."""
    gap = session.get(Gap, gap_id)
    if gap is None or gap.state is GapState.DISMISSED:
        raise GapNotFound
    return gap


def attach(session: Session, gap_id: int, article_id: str) -> None:
    """Say which article answers it; a gap that is gone needs none."""
    gap = session.get(Gap, gap_id)
    if gap is not None and gap.state is GapState.BEGUN:
        gap.article_id = article_id


def put_back(session: Session, gap_id: int) -> None:
    """Make its questions open again."""
    session.execute(delete(GapQuestion).where(GapQuestion.gap_id == gap_id))
    session.execute(delete(Gap).where(Gap.id == gap_id))


def close_live(session: Session, index: Index | None, at: datetime) -> int:
    """Close the gaps whose article changed after they were begun and can be shown now."""
    query = select(Gap).where(Gap.state == GapState.BEGUN, Gap.article_id != "")
    closed = [gap for gap in session.scalars(query) if _is_live(session, gap, index)]
    for gap in closed:
        gap.state, gap.closed_at = GapState.CLOSED, at
    return len(closed)


def _is_live(session: Session, gap: Gap, index: Index | None) -> bool:
    """Adding to a published article is done when a revision made since is published."""
    if index is None or gap.article_id not in index.articles:
        return False
    query = select(Revision.id).where(
        Revision.article_id == gap.article_id,
        Revision.state == RevisionState.PUBLISHED,
        Revision.decided_at >= gap.begun_at,
    )
    return session.scalar(query.limit(1)) is not None
