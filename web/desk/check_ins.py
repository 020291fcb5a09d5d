"""How the week was: three taps and free words, once a week, for oneself.

Rule: only who wrote a check-in reads it. A manager gets sums over the team: of weeks that are over,
from FEWEST answers on, and never of a question that all answered alike, which would tell of each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from web.desk.hard_chats import FEWEST
from web.models import CheckIn
from web.services import services

KEPT_WEEKS = 8
WORDS_CHARACTERS = 2000


@dataclass(frozen=True)
class Question:
    """`answers`: what is kept, and the words of the button."""

    id: str
    text: str
    answers: tuple[tuple[str, str], ...]

    def words(self, answer: str | None) -> str:
        return dict(self.answers).get(answer or "", "no answer")


QUESTIONS = (
    Question(
        "week", "How was your week?", (("good", "Good"), ("mixed", "Mixed"), ("hard", "Hard"))
    ),
    Question(
        "load",
        "How much was there to do?",
        (("right", "About right"), ("much", "A lot"), ("too_much", "Too much")),
    ),
    Question(
        "support",
        "Did you get the help you needed?",
        (("yes", "Yes"), ("partly", "In part"), ("no", "No")),
    ),
)


def week_of(at: datetime) -> date:
    """Return the Monday of the week, as it is at the clinic."""
    today = at.astimezone(services().settings.calendar.zone).date()
    return today - timedelta(days=today.weekday())


def keep(
    session: Session, staff_id: int, answers: Mapping[str, str], words: str, at: datetime
) -> None:
    """Keep this week's; what was kept before in the same week is replaced."""
    week = week_of(at)
    row = session.get(CheckIn, (staff_id, week))
    if row is None:
        row = CheckIn(staff_id=staff_id, week_of=week)
        session.add(row)
    row.answers = {
        each.id: answers[each.id]
        for each in QUESTIONS
        if answers.get(each.id) in dict(each.answers)
    }
    row.words = words.strip()[:WORDS_CHARACTERS]


def own(session: Session, staff_id: int) -> Sequence[CheckIn]:
    """Return one's own, the latest week first."""
    query = select(CheckIn).where(CheckIn.staff_id == staff_id).order_by(CheckIn.week_of.desc())
    return session.scalars(query).all()


def remove(session: Session, staff_id: int, week: date) -> None:
    session.execute(delete(CheckIn).where(CheckIn.staff_id == staff_id, CheckIn.week_of == week))


def forget(session: Session, at: datetime) -> None:
    """What is older than KEPT_WEEKS goes."""
    before = at.date() - timedelta(weeks=KEPT_WEEKS + 1)
    session.execute(delete(CheckIn).where(CheckIn.week_of < before))


# The team's --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TeamQuestion:
    """`counts`: by answer, in the question's order; None where they would tell of a person."""

    question: Question
    counts: tuple[int, ...] | None


@dataclass(frozen=True)
class TeamWeek:
    week_of: date
    answers: int
    questions: tuple[TeamQuestion, ...]


def team(session: Session, at: datetime) -> list[TeamWeek]:
    """Return the weeks that are over and had FEWEST answers, the latest first."""
    query = select(CheckIn).where(CheckIn.week_of < week_of(at)).order_by(CheckIn.week_of.desc())
    weeks: dict[date, list[CheckIn]] = {}
    for row in session.scalars(query):
        weeks.setdefault(row.week_of, []).append(row)
    return [
        TeamWeek(week, len(rows), tuple(_sum(each, rows) for each in QUESTIONS))
        for week, rows in weeks.items()
        if len(rows) >= FEWEST
    ]


def _sum(question: Question, rows: Sequence[CheckIn]) -> TeamQuestion:
    said = Counter(row.answers.get(question.id) for row in rows)
    said.pop(None, None)
    is_told = said.total() >= FEWEST and len(said) > 1
    counts = tuple(said[answer] for answer, _ in question.answers)
    return TeamQuestion(question, counts if is_told else None)
