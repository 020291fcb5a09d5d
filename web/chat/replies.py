"""From Rasa's items and what search found to the replies a patient sees.

Rule: pure. Rasa decides which replies there are; this only fills them in. When Rasa failed, the
replies come from what search found, a person offered with them. Published words are passed on as
they are, never rewritten.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from search.answer import Found, Outcome, PassageFound
from search.articles import Article
from search.index import Index
from search.passages import Passage
from search.shown import MAX_WORDS, as_html, best_piece
from search.text import terms_of
from web.chat.rasa import (
    Button,
    ChoicesItem,
    Failure,
    FormItem,
    HandoffItem,
    Item,
    PassagesItem,
    TextItem,
)
from web.config import Settings
from web.desk import desks
from web.models import AnsweredBy, Kind, Shown
from web.wording import choices_lead, say

_SENTENCE_END = re.compile(r"(?<=[.!?]) +")
_PLACEHOLDER = re.compile(r"\[\[\s*([a-z_][a-z0-9_.]*)\s*\]\]")


@dataclass(frozen=True)
class Question:
    """`n`: the row whose words they are. `picked`: the article chosen from a list.

    `desk`: nothing was asked yet, only what it is about. `way`: out of the queue, by a form.
    """

    n: int
    text: str
    previous: str | None
    lang: str
    picked: str | None = None
    none_of_these: bool = False
    desk: str | None = None
    way: str | None = None

    def outcome(self, found: Found | None) -> Outcome:
        """A pick is answered; "none of these" is a search that found nothing."""
        if self.picked:
            return Outcome.ANSWER
        if self.none_of_these or found is None:
            return Outcome.NONE
        return found.outcome

    def in_language_of(self, found: Found | None, settings: Settings) -> Question:
        """Reply in the language that was written in, where we have it."""
        if found is None or found.lang not in settings.clinic.languages:
            return self
        return replace(self, lang=found.lang)


@dataclass(frozen=True)
class Reply:
    kind: Kind
    text: str = ""
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Hand:
    """Ask for a person here. `topic`: one of web.chat.rasa.TOPICS."""

    reason: str
    topic: str = "general"


@dataclass(frozen=True)
class Plan:
    """The replies in order. `outcome`: what the search meant for this turn, None if it failed.

    `answered_by`: None when nobody had to: there was no question yet.
    """

    steps: tuple[Reply | Hand, ...]
    outcome: Outcome | None
    answered_by: AnsweredBy | None
    failure: str | None = None

    def shown(self, is_waiting: bool) -> Shown:
        """Tell what the patient gets to see of it, for the insights.

        A reply in mere words is small talk, unless it offers a person: then nothing was found. Who
        waits for a person already is not offered one.
        """
        if self.answered_by is None:
            return Shown.OTHER
        kinds = {step.kind for step in self.steps if isinstance(step, Reply)}
        hands = {step.reason for step in self.steps if isinstance(step, Hand)}
        if Kind.PASSAGES in kinds:
            return Shown.ANSWER
        if Kind.CHOICES in kinds:
            return Shown.CHOICES
        if hands - {"failed_twice"} or Kind.FORM in kinds:
            return Shown.OTHER
        offers = any(isinstance(step, Reply) and "replies" in step.payload for step in self.steps)
        is_none = hands or offers or is_waiting or self.answered_by is AnsweredBy.FALLBACK
        return Shown.NONE if is_none else Shown.OTHER


def from_items(
    items: Sequence[Item],
    question: Question,
    found: Found | None,
    index: Index | None,
    settings: Settings,
) -> Plan:
    """Fill Rasa's reply in."""
    steps = [_step(item, question, found, index, settings) for item in items]
    return Plan(tuple(steps), question.outcome(found), AnsweredBy.RASA)


def fallback(
    why: Failure,
    question: Question,
    found: Found | None,
    index: Index | None,
    settings: Settings,
    misses: int,
    is_waiting: bool,
) -> Plan:
    """Answer without Rasa. The second miss in a row brings a person, as Rasa's rules do."""
    outcome = question.outcome(found)
    lang = question.lang
    if outcome is Outcome.ANSWER:
        tail = "reply.busy_answer" if why is Failure.BUSY else "reply.fallback_answer"
        steps: list[Reply | Hand] = [
            _passages(question, found, index, settings),
            _offer(settings, lang, tail),
        ]
    elif outcome is Outcome.CHOICES:
        steps = [_choices(question, found, index, settings)]
    elif misses and not is_waiting:
        steps = [Reply(Kind.TEXT, say(lang, "reply.fallback_handoff")), Hand("failed_twice")]
    else:
        none = "reply.busy_none" if why is Failure.BUSY else "reply.fallback_none"
        steps = [_offer(settings, lang, none)]
    return Plan(tuple(steps), outcome, AnsweredBy.FALLBACK, failure=why.value)


def too_busy(question: Question, settings: Settings) -> Plan:
    """So many wait that this message is not looked up: say so, with the ways that are open."""
    steps = (_offer(settings, question.lang, "reply.busy_later"),)
    return Plan(steps, None, AnsweredBy.FALLBACK, failure=Failure.BUSY.value)


def desk_chosen(desk: str, question: Question, settings: Settings) -> Plan:
    """Ask what the patient would like to know, now that the desk is clear."""
    name = desks.name(settings, desk, question.lang)
    steps = (_offer(settings, question.lang, "reply.desk_chosen", desk=name),)
    return Plan(steps, None, answered_by=None)


def way_out(way: str, question: Question) -> Plan:
    """Show the form by which who waits can leave a message or be called."""
    reason = "callback" if way == "callback" else "asked"
    lead = Reply(Kind.TEXT, say(question.lang, f"reply.way_{way}"))
    form = Reply(Kind.FORM, payload={"form": "contact", "reason": reason})
    return Plan((lead, form), None, answered_by=None)


def without_search(settings: Settings, lang: str) -> Plan:
    """The last resort, when answering itself failed."""
    steps = (_offer(settings, lang, "reply.could_not_look_up"),)
    return Plan(steps, None, AnsweredBy.FALLBACK, failure="internal")


def fill(text: str, facts: Mapping[str, str]) -> str:
    """Put facts into a bot's words: `[[clinic.phone]]`.

    A clinic need not have them all: a sentence that names one it has not is left out. Where that
    would leave nothing, only the name is.
    """
    sentences = _SENTENCE_END.split(text)
    known = [each for each in sentences if set(_PLACEHOLDER.findall(each)) <= facts.keys()]
    said = " ".join(known) or text
    return _PLACEHOLDER.sub(lambda found: facts.get(found.group(1), ""), said)


def _step(
    item: Item,
    question: Question,
    found: Found | None,
    index: Index | None,
    settings: Settings,
) -> Reply | Hand:
    if isinstance(item, TextItem):
        return _text(item, settings, question.lang)
    if isinstance(item, PassagesItem):
        return _passages(question, found, index, settings)
    if isinstance(item, ChoicesItem):
        return _choices(question, found, index, settings)
    if isinstance(item, FormItem):
        return Reply(Kind.FORM, payload={"form": item.form, "topic": item.topic})
    assert isinstance(item, HandoffItem)
    return Hand(item.reason, item.topic)


def _text(item: TextItem, settings: Settings, lang: str) -> Reply:
    facts = settings.facts(lang) if "[[" in str(item) else {}
    buttons = [_button(button, facts) for button in item.buttons]
    return Reply(Kind.TEXT, fill(item.text, facts), {"replies": buttons} if buttons else {})


def _button(button: Button, facts: Mapping[str, str]) -> dict[str, str]:
    return {"title": fill(button.title, facts), "text": fill(button.payload, facts)}


def _offer(settings: Settings, lang: str, key: str, **parameters: str) -> Reply:
    """Say something with a button that asks for a person without passing through Rasa."""
    text = say(lang, key, phone=settings.clinic.phone, **parameters)
    buttons = [{"title": say(lang, "reply.talk_to_person"), "handoff": True}]
    return Reply(Kind.TEXT, text, {"replies": buttons})


def _passages(
    question: Question, found: Found | None, index: Index | None, settings: Settings
) -> Reply:
    passage = _best(question, found, index)
    if passage is None or index is None:
        key = "reply.choice_gone" if question.picked else "reply.could_not_look_up"
        return _offer(settings, question.lang, key)
    passages = [passage, *([] if question.picked else _also(found, index))]
    pieces = [_piece(each, question, index) for each in passages]
    shown = [as_shown(each, index.articles[each.article]) for each in pieces]
    text = "\n\n".join(each.text for each in pieces)
    return Reply(Kind.PASSAGES, text, {"passages": shown, "asked_n": question.n})


def _piece(passage: Passage, question: Question, index: Index) -> Passage:
    """Return the part of a long passage that answers; "read more" leads to the rest."""
    if len(passage.text.split()) <= MAX_WORDS:
        return passage
    lang = index.articles[passage.article].lang
    asked = set(terms_of(question.text, lang))
    text = best_piece(passage.text, lang, asked, index.lexical.rarity_of)
    return replace(passage, text=text, html=as_html(text, passage.html))


def _also(found: Found | None, index: Index) -> list[Passage]:
    """Return what answers the other questions of the same message."""
    hits = [other.passages[0] for other in (found.also if found else ())]
    return [passage for hit in hits if (passage := _passage(index, hit)) is not None]


def _best(question: Question, found: Found | None, index: Index | None) -> Passage | None:
    """Return the best passage found; of the picked article where one was picked."""
    if index is None:
        return None
    wanted = question.picked
    hits = found.passages if found is not None else ()
    for hit in hits:
        if wanted in (None, hit.article):
            return _passage(index, hit)
    return next((each for each in index.passages if each.article == wanted), None)


def _passage(index: Index, hit: PassageFound) -> Passage | None:
    same = (hit.article, hit.anchor, hit.heading)
    return next((p for p in index.passages if (p.article, p.anchor, p.heading) == same), None)


def as_shown(passage: Passage, article: Article) -> dict[str, Any]:
    """What is kept of it in the log: the words as they were shown, not as they are later."""
    reviewed_on = article.reviewed_on.isoformat() if article.reviewed_on else None
    return {
        "article": article.id,
        "title": article.title,
        "heading": passage.heading,
        "anchor": passage.anchor,
        "html": passage.html,
        "lang": article.lang,
        "reviewed_on": reviewed_on,
    }


def _choices(
    question: Question, found: Found | None, index: Index | None, settings: Settings
) -> Reply:
    choices = [
        {
            "article": article,
            "title": index.articles[article].title,
            "lang": index.articles[article].lang,
        }
        for article in (found.choices if found else ())
        if index is not None
    ]
    if not choices:
        return _offer(settings, question.lang, "reply.could_not_look_up")
    lead = choices_lead(choices, question.lang)
    return Reply(Kind.CHOICES, lead, {"choices": choices, "asked_n": question.n})
