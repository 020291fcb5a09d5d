"""Which of the clinic's staff articles the situation calls for, beside the composer.

Rule: the texts are staff articles that editors keep; which one shows is said by their own front
matter. `when` names facts of the conversation (`masked`, `masked:ssn`, `danger`, `danger:crisis`,
`desk:records`); `patients_say` holds lines whose meaning calls for it, compared as vectors, never
as words. A guide is advice to the agent and changes nothing for the patient.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from safety.kinds import kinds
from search.articles import Article
from search.index import read_folder
from search.passages import Passage, split
from web.articles import front_matter
from web.articles.publishing import Publisher
from web.config import Settings
from web.desk.meanings import Planes, learn
from web.models import Author, Handoff, Kind, Message

STAFF = "staff"
MAX_SHOWN = 3
MESSAGES_READ = 3
# From here on a line means what a guide's samples say: chosen where 13 of 18 lines were found and 2
# of 22 ordinary ones took part; tests/web/test_staff_guidance.py holds it on lines never looked at.
MIN_NEARNESS = 0.1


@dataclass(frozen=True)
class Guide:
    article: Article
    when: frozenset[str]
    says: tuple[str, ...]

    @property
    def passages(self) -> tuple[Passage, ...]:
        return split(self.article)


@dataclass(frozen=True)
class Situation:
    """`facts`: as `when` names them. `said`: the patient's last messages, masked, latest first."""

    facts: frozenset[str]
    said: tuple[str, ...]
    lang: str


def situation(session: Session, handoff: Handoff, lang: str) -> Situation:
    query = (
        select(Message)
        .where(Message.conversation_id == handoff.conversation_id)
        .where((Message.author == Author.PATIENT) | (Message.kind == Kind.DANGER))
        .order_by(Message.n.desc())
    )
    rows = session.scalars(query).all()
    said = [row.text for row in rows if row.author is Author.PATIENT and row.text.strip()]
    facts = {f"desk:{handoff.desk}", *_of_rows(rows)}
    return Situation(frozenset(facts), tuple(said[:MESSAGES_READ]), lang)


def _of_rows(rows: Sequence[Message]) -> set[str]:
    facts: set[str] = set()
    for row in rows:
        if masked := row.payload.get("masked"):
            facts |= {"masked", *(f"masked:{kind}" for kind in masked)}
        if row.kind is Kind.DANGER:
            name = str(row.payload.get("danger"))
            facts |= {"danger", f"danger:{name}", f"danger:{row.payload.get('level')}"}
    return facts


class Shelf:
    """The guides of the folder of articles, read again when a file changed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._articles: Mapping[str, Article] | None = None
        self._guides: tuple[Guide, ...] = ()
        self._planes: Planes | None = None

    def called_for(self, publisher: Publisher, now: Situation) -> list[Guide]:
        """Return the guides for a situation: what facts call for, then what was meant clearest.

        Not inside a transaction: sentences are embedded.
        """
        with self._lock:
            self._look()
            guides, planes = self._guides, self._learnt(publisher)
        by_fact = [guide for guide in guides if guide.when & now.facts]
        by_fact.sort(key=lambda guide: not _is_danger(guide.when & now.facts))
        encoder = publisher.encoder
        if planes is None or encoder is None:
            return by_fact[:MAX_SHOWN]
        near = planes.nearness(encoder, now.said, now.lang)
        clear = [n for n in range(len(near)) if near[n] >= MIN_NEARNESS]
        by_meaning = [guides[n] for n in sorted(clear, key=lambda n: -near[n])]
        return list(dict.fromkeys((*by_fact, *by_meaning)))[:MAX_SHOWN]

    def _look(self) -> None:
        settings = self._settings
        facts = settings.facts(settings.default_lang)
        articles, _ = read_folder(
            settings.articles_dir, audience=STAFF, facts=facts, skip_demo=not settings.demo
        )
        staff = {name: each for name, each in articles.items() if each.audience == STAFF}
        if staff == self._articles:
            return
        guides = [_guide(settings.articles_dir, each) for each in staff.values()]
        self._articles = staff
        self._guides = tuple(guide for guide in guides if guide.when or guide.says)
        self._planes = None

    def _learnt(self, publisher: Publisher) -> Planes | None:
        """Return what tells the guides apart; None while there are no vectors to tell it by."""
        encoder, index = publisher.encoder, publisher.index
        if encoder is None or index is None or index.recipe != encoder.recipe:
            return None
        if self._planes is None or self._planes.recipe != encoder.recipe:
            ordinary = index.store.kinds["questions"].vectors
            self._planes = learn(encoder, [guide.says for guide in self._guides], ordinary)
        return self._planes


def _guide(folder: Path, article: Article) -> Guide:
    document = front_matter.read((folder / f"{article.id}.md").read_bytes())
    return Guide(article, frozenset(document.values("when")), document.values("patients_say"))


def _is_danger(facts: Collection[str]) -> bool:
    return any(fact.startswith("danger") for fact in facts)


def known_facts(settings: Settings) -> set[str]:
    """Return what `when` may name, but for the kinds of identifiers."""
    levels = {kind.level.value for kind in kinds().values()}
    dangers = {"danger", *(f"danger:{name}" for name in (*kinds(), *levels))}
    return {"masked", *dangers, *(f"desk:{desk.id}" for desk in settings.desks)}
