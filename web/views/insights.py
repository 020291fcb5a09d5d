"""Insights: numbers for a manager, each with the table behind it, and the rows to add up oneself.

Rule: reads only. Nobody's words are shown but those of unanswered questions and of notes that
readers of the help pages left, both masked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from flask import Blueprint, Response, abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_security import current_user

from web import auth
from web.articles import help_feedback
from web.articles.help_feedback import Comment, Verdict
from web.hours import Calendar, date_text, moment_text
from web.insights import reading, spreadsheet, sums
from web.insights.reading import ConversationRow, Period
from web.models import RoleName
from web.privacy import audit
from web.privacy.audit import Act
from web.services import services

blueprint = Blueprint("insights", __name__, url_prefix="/insights")
auth.guard(blueprint, RoleName.MANAGER)


@blueprint.before_request
def rest_while_patients_wait() -> None:
    """Its pages are the heaviest: they are the first to go."""
    if services().overload.is_on:
        services().metrics.shed("insights")
        abort(503)


SPANS = {"Today": 1, "7 days": 7, "30 days": 30}
DEFAULT_DAYS = 7
MAX_DAYS = 366
MAX_QUESTIONS = 50
MAX_ARTICLES = 10
MAX_NOTES = 30
FILES = {
    "conversations": spreadsheet.conversations_csv,
    "turns": spreadsheet.turns_csv,
}
LANGS = {"en": "English", "es": "Spanish"}
CARD_TEXTS = {
    "911": "Emergency (911)",
    "988": "Crisis (988)",
    "violence": "Violence",
    "poison": "Poison",
}


@dataclass(frozen=True)
class Asked:
    """The period to show. `fault`: why it is not the one that was asked for."""

    period: Period
    fault: str | None = None


@blueprint.get("/")
def overview() -> ResponseReturnValue:
    asked = _asked()
    rows = _read(asked.period)
    shown = sums.articles(rows)
    questions = sums.unanswered(rows)
    verdicts, notes = _readers(asked.period)
    return render_template(
        "insights/overview.html",
        asked=asked,
        period=asked.period,
        spans=_spans(),
        totals=sums.totals(rows),
        by_lang=sums.by_lang(rows),
        by_day=sums.by_day(rows, asked.period),
        by_hour=sums.by_hour(rows),
        by_card=sums.by_card(rows),
        by_score=sums.by_score(rows),
        questions=questions[:MAX_QUESTIONS],
        all_questions=len(questions),
        articles=shown[:MAX_ARTICLES],
        all_articles=len(shown),
        helped_least=sums.helped_least(shown)[:MAX_ARTICLES],
        verdicts=verdicts[:MAX_ARTICLES],
        all_verdicts=len(verdicts),
        readers_yes=sum(each.helpful_yes for each in verdicts),
        readers_no=sum(each.helpful_no for each in verdicts),
        notes=notes,
        titles=_titles(),
        retention_days=services().settings.retention.conversation_days,
        langs=LANGS,
        card_texts=CARD_TEXTS,
        day_text=lambda day: date_text(day, "en"),
        short_day=lambda day: f"{day:%b} {day.day}",
        when_text=lambda at: f"{at:%b} {at.day}, {moment_text(_calendar(), at, 'en')}",
        duration=duration,
        ceiling=ceiling,
    )


@blueprint.get("/<name>.csv")
def download(name: str) -> ResponseReturnValue:
    if name not in FILES:
        abort(404)
    asked = _asked()
    if asked.fault:
        abort(400)
    text = FILES[name](_read(asked.period))
    span = f"{asked.period.first}_{asked.period.last}"
    with services().database.transaction() as session:
        subject = f"insights:{name}:{span}"
        audit.record(session, Act.INSIGHTS_EXPORTED, subject, staff_id=current_user.id)
    headers = {"Content-Disposition": f'attachment; filename="{name}_{span}.csv"'}
    return Response(text.encode("utf-8"), content_type="text/csv; charset=utf-8", headers=headers)


def _read(period: Period) -> tuple[ConversationRow, ...]:
    with services().database.reading() as session:
        return reading.read(session, period, _calendar().zone)


def _readers(period: Period) -> tuple[list[Verdict], list[Comment]]:
    """Return what readers of the help pages said, the least helpful article first."""
    days = period.first, period.last
    with services().database.reading() as session:
        return (
            help_feedback.verdicts(session, *days),
            help_feedback.comments(session, *days, MAX_NOTES),
        )


def _titles() -> dict[str, str]:
    index = services().publisher.index
    return {each.id: each.title for each in index.articles.values()} if index else {}


def _calendar() -> Calendar:
    return services().settings.calendar


# The period --------------------------------------------------------------------------------------


def _today() -> date:
    return services().clock().astimezone(services().settings.calendar.zone).date()


def _spans() -> dict[str, Period]:
    return {text: _last_days(days) for text, days in SPANS.items()}


def _last_days(days: int) -> Period:
    return Period(_today() - timedelta(days=days - 1), _today())


def _asked() -> Asked:
    """Read `from` and `to`; what makes no period is answered with the last days and the reason."""
    texts = request.args.get("from", ""), request.args.get("to", "")
    usual = _last_days(DEFAULT_DAYS)
    if not any(texts):
        return Asked(usual)
    try:
        first, last = (date.fromisoformat(text) for text in texts)
    except ValueError:
        return Asked(usual, "Give both days, like 2026-11-01. Here are the last 7 days.")
    if last < first:
        return Asked(usual, "The last day lies before the first. Here are the last 7 days.")
    if (last - first).days >= MAX_DAYS or first.year < 2000 or last.year > 2100:
        return Asked(usual, "A year is the longest period. Here are the last 7 days.")
    return Asked(Period(first, last))


# Words for numbers -------------------------------------------------------------------------------


def duration(seconds: float | None) -> str:
    """Write a span of time shortly: 45 s, 3 min, 1 h 5 min."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{round(seconds)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def ceiling(value: int) -> int:
    """Return the end of an axis: the next round number that holds the value."""
    step = 1
    while True:
        for factor in (1, 2, 3, 4, 5, 6, 8):
            if factor * step >= value:
                return factor * step
        step *= 10
