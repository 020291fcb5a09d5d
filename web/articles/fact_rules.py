"""The rules for an article's facts: which it must have, its dates, what it takes of the clinic."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from search.articles import Article, unknown_placeholders
from web.articles import drafts
from web.articles.problems import Found, Level

NEEDED_FACTS = {
    "title": "Write the patient's question or task.",
    "summary": "Write the answer in one sentence.",
    "topic": "Name the group it stands in, such as billing.",
    "owner": "Name the team that knows: Billing team.",
    "reviewed_by": "Name who checked that it is true.",
    "reviewed_on": "Write the day of that check: 2026-11-01.",
    "review_by": "Write the day it must be read again: 2027-05-01.",
}
ALLOWED = {
    "audience": ("public", "staff"),
    "status": ("draft", "in_review", "published", "withdrawn"),
}


def problems(article: Article, today: date) -> Iterator[Found]:
    yield from _fact_problems(article)
    yield from _date_problems(article, today)
    yield from _machine_problems(article)
    yield from _placeholder_problems(article)


def _fact_problems(article: Article) -> Iterator[Found]:
    for name, mend in NEEDED_FACTS.items():
        if not getattr(article, name):
            yield Found(f"{name} is missing or not readable", mend, f"{name}:", name)
    for name, allowed in ALLOWED.items():
        value = getattr(article, name)
        if value not in allowed:
            what = f"{name} is {value}, which is not known"
            yield Found(what, f"Write one of: {', '.join(allowed)}.", f"{name}:", name)
    if not article.questions:
        mend = "Write down how people really ask, in their words: five to eight lines."
        what = "there are no sample questions"
        yield Found(what, mend, "questions:", "questions", Level.WARN)


def _date_problems(article: Article, today: date) -> Iterator[Found]:
    reviewed, until = article.reviewed_on, article.review_by
    if reviewed and until and until < reviewed:
        what = "review_by lies before reviewed_on"
        yield Found(what, "Correct the dates.", "review_by:", "review_by")
    elif until and until < today:
        what = f"its review was due on {until.isoformat()}"
        mend = "Read it again, correct it, and set reviewed_on and review_by."
        yield Found(what, mend, "review_by:", "review_by", Level.WARN)


def _machine_problems(article: Article) -> Iterator[Found]:
    unnamed = not article.reviewed_by or drafts.is_demo(article.reviewed_by)
    if article.made_by == "machine" and unnamed:
        what = "made_by says that a machine wrote it, and no person vouches for it"
        yield Found(what, "Let somebody check it and write their name.", "made_by:", "reviewed_by")


def _placeholder_problems(article: Article) -> Iterator[Found]:
    in_fields = {"title": article.title, "summary": article.summary}
    for name in unknown_placeholders(article):
        field = next((key for key, text in in_fields.items() if name in text), None)
        if field is None and any(name in question for question in article.questions):
            field = "questions"
        mend = "Write it as in clinic.toml, or add the fact there."
        yield Found(f"{{{{{name}}}}} is not a fact", mend, name, field)
