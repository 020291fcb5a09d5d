"""The articles as pages.

Rule: open to all, and works without script. The page is the same rendering the passages are cut
from, so a "read more" link lands on the words that were shown. What is not in the public index does
not exist here.
"""

from __future__ import annotations

from collections.abc import Iterable

from flask import Blueprint, abort
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from search.articles import Article
from search.index import Index
from search.passages import render
from web import hours
from web.errors import request_lang
from web.pages import render_page
from web.services import services

blueprint = Blueprint("help", __name__, url_prefix="/help")


@blueprint.get("")
def index() -> ResponseReturnValue:
    lang = request_lang()
    found = services().publisher.index
    topics = by_topic(found.articles.values() if found else (), lang)
    return render_page("help/index.html", lang, topics=topics)


@blueprint.get("/<path:article_id>")
def article(article_id: str) -> ResponseReturnValue:
    found = services().publisher.index
    page = found.articles.get(article_id) if found else None
    if found is None or page is None:
        abort(404)
    return render_page(
        "help/article.html",
        page.lang,
        article=page,
        body=Markup(render(page)),
        reviewed=hours.date_text(page.reviewed_on, page.lang) if page.reviewed_on else None,
        other=translation(found, page),
    )


def by_topic(articles: Iterable[Article], lang: str) -> dict[str, list[Article]]:
    """Return topic → articles of a language; topics and titles in the order of the alphabet."""
    topics: dict[str, list[Article]] = {}
    for each in sorted(articles, key=lambda each: (each.topic, each.title)):
        if each.lang == lang:
            topics.setdefault(each.topic, []).append(each)
    return topics


def translation(found: Index, page: Article) -> Article | None:
    """Return the same article in another language."""
    if page.translation_of:
        return found.articles.get(page.translation_of)
    return next((each for each in found.articles.values() if each.translation_of == page.id), None)
