"""Practice: a scene played in the real console, with nobody at the other end.

Rule: a practice conversation is a row like any other, marked `practice`, so that every act of the
console works on it; it counts in no list, queue, figure or load, only who practises sees it, and it
is removed after a day. What stays is who practised which scene on which day; never how it went.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from safety.identifiers import mask
from search.encoder import Encoder
from web.chat import conversations, screening
from web.chat.acts import Typed, content
from web.db import wake
from web.desk import handoffs
from web.desk.scenes import Meaning, Scene, scenes
from web.models import (
    AuditEntry,
    Author,
    Conversation,
    Handoff,
    HandoffState,
    Kind,
    Message,
    PracticeRun,
    Staff,
)
from web.privacy.audit import Act
from web.services import Services

KEPT = timedelta(days=1)
PATIENCE = timedelta(seconds=90)  # after so long without a word from the agent, the scene goes on
# Cosine with the nearest example. Measured on the sentences of tests/web/practice_sentences.py.
ALIKE = 0.4


class SceneUnknown(LookupError):
    """There is no such scene."""


# Playing -----------------------------------------------------------------------------------------


def start(services: Services, staff_id: int, scene_id: str) -> str:
    """Begin a scene; one that was open is over. Returns the conversation. Raises SceneUnknown."""
    scene = scenes().get(scene_id)
    if scene is None:
        raise SceneUnknown(scene_id)
    site = next(iter(services.settings.sites))
    conversation_id, _ = conversations.start(
        services, lang="en", site=site, page_url=None, address_hash="practice"
    )
    at = services.clock()
    with services.database.transaction() as session:
        session.get_one(Conversation, conversation_id).practice = True
        _end(session, PracticeRun.staff_id == staff_id, at)
        for line in scene.opening:
            _say(session, services, conversation_id, line)
        session.add(
            Handoff(
                conversation_id=conversation_id,
                state=HandoffState.REQUESTED,
                reason=scene.reason,
                practice=True,
                requested_at=services.clock(),  # after what was said before
            )
        )
        session.add(
            PracticeRun(
                staff_id=staff_id,
                scene=scene.id,
                conversation_id=conversation_id,
                beat=scene.beats[0].id,
                beat_at=at,
                beat_n=len(scene.opening),
                seen=[],
                began_at=at,
            )
        )
    return conversation_id


def _say(session: Session, services: Services, conversation_id: str, line: str) -> None:
    """The patient of the scene speaks: masked and screened like anybody's words."""
    said = content(session, services.settings, conversation_id, Typed(line))
    seen = screening.screened(services.settings, line, "en")
    message = conversations.append(
        session,
        conversation_id,
        author=Author.PATIENT,
        kind=Kind.TEXT,
        text=said.text,
        payload=said.payload,
        original=said.original,
    )
    if seen.card is not None:
        conversations.append_card(session, conversation_id, seen, of=message.n)
        handoff = handoffs.open_handoff(session, conversation_id)
        if handoff is not None:
            handoff.urgent = True


@dataclass(frozen=True)
class _Standing:
    """Where an open run stands; `acts` since it began, `texts` the agent's since the beat began."""

    run_id: int
    conversation_id: str
    scene: Scene
    beat: str
    acts: frozenset[str]
    texts: tuple[str, ...]
    is_over: bool


def play(services: Services) -> int:
    """Let each open scene answer what its agent did. Returns how many went on.

    Called every few seconds. Sentences are embedded outside a transaction.
    """
    with services.database.reading() as session:
        open_runs = session.scalars(select(PracticeRun).where(PracticeRun.ended_at.is_(None)))
        standing = [_standing(session, services, run) for run in open_runs]
    return sum(_go_on(services, each) for each in standing if each is not None)


def _standing(session: Session, services: Services, run: PracticeRun) -> _Standing | None:
    scene = scenes().get(run.scene)
    if scene is None or run.conversation_id is None:
        return None
    handoff = handoffs.latest(session, run.conversation_id)
    if handoff is None:
        return None
    said = session.scalars(
        select(Message).where(
            Message.conversation_id == run.conversation_id,
            Message.author == Author.AGENT,
            Message.n > run.beat_n,
        )
    ).all()
    acts = _acts_of(session, handoff)
    if said:
        acts.add("wrote")
    elif services.clock() - run.beat_at >= PATIENCE:
        acts.add("silent")
    if any(mask(row.text, services.settings.own_numbers).spans for row in said):
        acts.add("repeated_identifier")
    is_over = handoff.closed_at is not None
    texts = tuple(row.text for row in said)
    return _Standing(run.id, run.conversation_id, scene, run.beat, frozenset(acts), texts, is_over)


def _acts_of(session: Session, handoff: Handoff) -> set[str]:
    shown = select(func.count()).where(
        AuditEntry.act == Act.ORIGINAL_SHOWN.value,
        AuditEntry.subject.startswith(f"message:{handoff.conversation_id}:", autoescape=True),
    )
    acts = {
        "claimed": handoff.claimed_at is not None,
        "closed": handoff.closed_at is not None,
        "gave_back": handoff.state is HandoffState.RETURNED,
        "revealed": bool(session.scalar(shown)),
    }
    return {name for name, done in acts.items() if done}


def _go_on(services: Services, at_hand: _Standing) -> bool:
    scene, encoder = at_hand.scene, services.publisher.encoder
    facts = at_hand.acts | meant(encoder, scene.meanings, at_hand.texts)
    goes_to = scene.beat(at_hand.beat).after(facts)
    now = services.clock()
    with services.database.transaction() as session:
        run = session.get(PracticeRun, at_hand.run_id, with_for_update=True)
        if run is None or run.ended_at is not None or run.beat != at_hand.beat:
            return False  # another process was faster
        run.seen = sorted({*run.seen, *facts})
        if at_hand.is_over:
            run.ended_at = now
        elif goes_to is not None:
            beat = scene.beat(goes_to)
            for line in beat.says:
                _say(session, services, at_hand.conversation_id, line)
            run.beat, run.beat_at = beat.id, now
            run.beat_n = session.get_one(Conversation, at_hand.conversation_id).last_n
            run.ended_at = now if beat.ends else None
        if run.ended_at is not None:
            wake(session, at_hand.conversation_id)
    return goes_to is not None or at_hand.is_over


def meant(
    encoder: Encoder | None, meanings: Mapping[str, Meaning], texts: Sequence[str]
) -> frozenset[str]:
    """Return what they mean: nearer to an example than to any opposite. No encoder: nothing."""
    if encoder is None or not texts:
        return frozenset()
    said = encoder.encode(texts)

    def is_meant(meaning: Meaning) -> bool:
        like = (said @ encoder.encode(meaning.like).T).max(axis=1)
        unlike = (said @ encoder.encode(meaning.unlike).T).max(axis=1)
        return bool(((like >= ALIKE) & (like > unlike)).any())

    return frozenset(name for name, meaning in meanings.items() if is_meant(meaning))


def end(session: Session, run: PracticeRun, at: datetime) -> None:
    """Whoever practises has had enough."""
    _end(session, PracticeRun.id == run.id, at)
    if run.conversation_id is not None:
        wake(session, run.conversation_id)


def _end(session: Session, which: object, at: datetime) -> None:
    still_open = PracticeRun.ended_at.is_(None)
    session.execute(update(PracticeRun).where(which, still_open).values(ended_at=at))  # type: ignore[arg-type]


# Looking -----------------------------------------------------------------------------------------


def is_anothers(
    session: Session, staff_id: int, conversation_id: str | None, handoff_id: int | None
) -> bool:
    """Tell whether this is a scene that somebody else practises."""
    query = select(PracticeRun.id).where(PracticeRun.staff_id != staff_id)
    if conversation_id is not None:
        query = query.where(PracticeRun.conversation_id == conversation_id)
    else:
        query = query.join(Handoff, Handoff.conversation_id == PracticeRun.conversation_id)
        query = query.where(Handoff.id == handoff_id)
    return session.scalar(query.limit(1)) is not None


def of_conversation(session: Session, conversation_id: str) -> PracticeRun | None:
    query = select(PracticeRun).where(PracticeRun.conversation_id == conversation_id)
    return session.scalar(query)


def own_run(session: Session, run_id: int, staff_id: int) -> PracticeRun | None:
    run = session.get(PracticeRun, run_id)
    return run if run is not None and run.staff_id == staff_id else None


@dataclass(frozen=True)
class Practised:
    """`on`: the last time; `due_on`: when to do it again. None: never."""

    scene: Scene
    on: date | None
    due_on: date | None
    is_due: bool


def practised(session: Session, services: Services, staff_id: int) -> list[Practised]:
    """Return every scene with when this person played it to its end last."""
    query = (
        select(PracticeRun.scene, func.max(PracticeRun.ended_at).label("last_at"))
        .where(PracticeRun.staff_id == staff_id, PracticeRun.ended_at.is_not(None))
        .group_by(PracticeRun.scene)
    )
    last = {row.scene: row.last_at for row in session.execute(query)}
    return [_practised(services, scene, last.get(scene.id)) for scene in scenes().values()]


def _practised(services: Services, scene: Scene, ended_at: datetime | None) -> Practised:
    if ended_at is None:
        return Practised(scene, None, None, is_due=False)
    zone = services.settings.calendar.zone
    on = ended_at.astimezone(zone).date()
    due_on = on + timedelta(days=services.settings.care.practice_again_days)
    today = services.clock().astimezone(zone).date()
    return Practised(scene, on, due_on, is_due=today >= due_on)


def of_team(session: Session, services: Services) -> list[tuple[str, list[Practised]]]:
    """Return who practised what, by name: days alone."""
    people = select(Staff).where(Staff.active, Staff.id.in_(select(PracticeRun.staff_id)))
    return [
        (each.name, [one for one in practised(session, services, each.id) if one.on is not None])
        for each in session.scalars(people.order_by(Staff.name, Staff.id)).all()
    ]


def forget(session: Session, at: datetime) -> None:
    """Conversations of practice go after a day, and with them what was done in them."""
    old = Conversation.practice & (Conversation.created_at < at - KEPT)
    ids: Collection[str] = session.scalars(select(Conversation.id).where(old)).all()
    if not ids:
        return
    of_old = PracticeRun.conversation_id.in_(ids)
    session.execute(delete(PracticeRun).where(of_old, PracticeRun.ended_at.is_(None)))
    session.execute(update(PracticeRun).where(of_old).values(seen=[]))
    session.execute(delete(Conversation).where(Conversation.id.in_(ids)))
