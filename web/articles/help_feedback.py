"""What readers say of an article: helpful or not, and what was missing.

Rule: nothing tells who it was. A row belongs to a form, not to a reader: its key is the hash of a
number drawn for the page, and it knows the day, not the hour. The same form sent again changes its
row and adds none. A comment is masked before it gets here and goes when conversations go.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date

from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import case, func, select, update
from sqlalchemy.orm import Session

from search.articles import Article
from web.models import ArticleVote
from web.security import keyed_hash

MAX_COMMENT = 500
REVISION_DIGITS = 16
_PURPOSE = "help-feedback"


class FormInvalid(Exception):
    """This form was not made here, or for another article."""


@dataclass(frozen=True)
class Form:
    """One "Was this helpful?" under one text of an article."""

    key: str
    article_id: str
    revision: str


@dataclass(frozen=True)
class Verdict:
    """What readers said of an article on its page."""

    article_id: str
    helpful_yes: int
    helpful_no: int


@dataclass(frozen=True)
class Comment:
    article_id: str
    text: str
    on: date


def new_form(secret: bytes, article: Article) -> str:
    """Return the signed form that the page carries; each is another one."""
    parts = [secrets.token_urlsafe(12), article.id, article.digest[:REVISION_DIGITS]]
    return str(_signer(secret).dumps(parts))


def read_form(secret: bytes, signed: str, article_id: str) -> Form:
    """Raises FormInvalid."""
    try:
        number, made_for, revision = _signer(secret).loads(signed)
    except (BadData, ValueError, TypeError):
        raise FormInvalid from None
    if made_for != article_id:
        raise FormInvalid
    return Form(keyed_hash(secret, _PURPOSE, str(number)), article_id, revision)


def _signer(secret: bytes) -> URLSafeSerializer:
    return URLSafeSerializer(secret, salt=_PURPOSE)


def save(session: Session, form: Form, *, helpful: bool, comment: str, on: date) -> None:
    """comment: masked; an empty one leaves what was said before."""
    vote = session.get(ArticleVote, form.key)
    if vote is None:
        vote = ArticleVote(
            form_hash=form.key, article_id=form.article_id, revision=form.revision, voted_on=on
        )
        session.add(vote)
    vote.helpful = helpful
    if comment:
        vote.comment = comment[:MAX_COMMENT]


def balance(session: Session, since: date) -> dict[str, int]:
    """Return article → how many more readers said yes than no since a day."""
    score = func.sum(case((ArticleVote.helpful, 1), else_=-1))
    query = (
        select(ArticleVote.article_id, score)
        .where(ArticleVote.voted_on >= since)
        .group_by(ArticleVote.article_id)
    )
    return {article: int(total) for article, total in session.execute(query)}


def verdicts(session: Session, first: date, last: date) -> list[Verdict]:
    """Return the articles readers judged in these days, the least helpful one first."""
    yes = func.sum(case((ArticleVote.helpful, 1), else_=0))
    query = (
        select(ArticleVote.article_id, yes, func.count() - yes)
        .where(ArticleVote.voted_on >= first, ArticleVote.voted_on <= last)
        .group_by(ArticleVote.article_id)
    )
    found = [Verdict(article, int(yes), int(no)) for article, yes, no in session.execute(query)]
    return sorted(found, key=lambda each: (-each.helpful_no, each.helpful_yes, each.article_id))


def comments(session: Session, first: date, last: date, limit: int) -> list[Comment]:
    """Return what readers missed, the latest day first."""
    query = (
        select(ArticleVote)
        .where(
            ArticleVote.voted_on >= first,
            ArticleVote.voted_on <= last,
            ArticleVote.sealed.is_not(None),
        )
        .order_by(ArticleVote.voted_on.desc(), ArticleVote.article_id, ArticleVote.form_hash)
        .limit(limit)
    )
    votes = session.scalars(query)
    return [Comment(vote.article_id, vote.comment or "", vote.voted_on) for vote in votes]


def forget_comments(session: Session, before: date) -> None:
    """Remove the words of readers; the counts stay."""
    query = (
        update(ArticleVote)
        .where(ArticleVote.voted_on < before, ArticleVote.sealed.is_not(None))
        .values(sealed=None)
    )
    session.execute(query)
