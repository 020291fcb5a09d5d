"""What the help pages share: their addresses, their frame, and how long a copy may be kept.

Rule: a page that shows articles is asked for again each time and mostly answered with "unchanged",
so a changed article shows at once. A page with a reader's words is kept nowhere.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urljoin

from flask import Response, abort, request, url_for

from search.articles import Article
from search.index import Index
from web.articles import help_facts, help_feedback, help_pages
from web.articles.help_facts import Facts
from web.articles.help_pages import Topic
from web.hours import date_text
from web.pages import render_page
from web.services import services
from web.wording import say

# Stands in a page until it gets its form: each copy carries another, and the ETag must not.
FORM_PLACE = "the-form-of-this-copy"

Crumbs = list[tuple[str, str]]  # name and address


@dataclass(frozen=True)
class Switch:
    """The way to a language. `is_missing`: the page has no translation, and says so."""

    lang: str
    name: str
    url: str
    is_current: bool
    is_missing: bool = False


# Finding -----------------------------------------------------------------------------------------


def index_or_404() -> Index:
    return services().publisher.index or abort(404)


def article_or_404(index: Index, article_id: str) -> Article:
    return index.articles.get(article_id) or abort(404)


# Addresses ---------------------------------------------------------------------------------------


def absolute(path: str) -> str:
    return urljoin(request.host_url, path)


def home_url(lang: str) -> str:
    return url_for(".index", lang=lang)


def topic_url(topic: Topic) -> str:
    return url_for(".topic", topic_id=topic.id, lang=topic.lang)


def article_url(article: Article) -> str:
    return url_for(".article", article_id=article.id)


def home_twins() -> dict[str, str]:
    return {lang: home_url(lang) for lang in services().settings.clinic.languages}


def topic_twins(index: Index, topic: Topic) -> dict[str, str]:
    settings = services().settings
    twins = {
        lang: help_pages.twin_topic(index, settings, topic, lang)
        for lang in settings.clinic.languages
        if lang != topic.lang
    }
    found: dict[str, str] = {lang: topic_url(twin) for lang, twin in twins.items() if twin}
    return home_twins() | {topic.lang: topic_url(topic)} | found


def article_twins(index: Index, article: Article) -> dict[str, str]:
    langs = services().settings.clinic.languages
    twins = ((lang, help_pages.twin(index, article, lang)) for lang in langs)
    return {lang: article_url(twin) for lang, twin in twins if twin}


def crumbs_of(lang: str, topic: Topic | None) -> Crumbs:
    home = (say(lang, "help.home"), home_url(lang))
    return [home] if topic is None else [home, (topic.name, topic_url(topic))]


def crumbs_facts(crumbs: Crumbs) -> Facts:
    return help_facts.crumbs_facts((name, absolute(url)) for name, url in crumbs)


@dataclass(frozen=True)
class Entry:
    """A page in the sitemap. `alternates`: language → address, its own among them."""

    url: str
    changed_on: date | None
    alternates: Mapping[str, str]


def sitemap_entries(index: Index | None) -> list[Entry]:
    settings = services().settings
    langs = settings.clinic.languages
    entries = [_entry(lang, home_twins()) for lang in langs]
    if index is not None:
        topics = [each for lang in langs for each in help_pages.topics(index, settings, lang)]
        entries += [_entry(each.lang, topic_twins(index, each)) for each in topics]
        entries += [
            _entry(each.lang, article_twins(index, each), each.reviewed_on)
            for each in index.articles.values()
            if each.lang in langs
        ]
    return entries


def _entry(lang: str, twins: Mapping[str, str], changed_on: date | None = None) -> Entry:
    alternates = {each: absolute(url) for each, url in twins.items()}
    return Entry(alternates[lang], changed_on, alternates)


# Rendering ---------------------------------------------------------------------------------------


def today() -> date:
    return services().clock().astimezone(services().settings.calendar.zone).date()


def day_text(on: date | None, lang: str) -> str | None:
    return date_text(on, lang, weekday=False) if on else None


def page(template: str, lang: str, twins: Mapping[str, str], **values: Any) -> str:
    """Render a page in its frame. twins: language → this page's address in it."""
    settings = services().settings
    return render_page(
        template,
        lang,
        canonical=absolute(twins.get(lang, request.path)),
        alternates={each: absolute(url) for each, url in twins.items()},
        switches=_switches(lang, twins),
        contact=help_facts.contact(settings, services().clock(), lang),
        say_in=say,
        **values,
    )


def _switches(lang: str, twins: Mapping[str, str]) -> list[Switch]:
    return [
        Switch(
            lang=each,
            name=say(each, "help.own_language"),
            url=twins.get(each, "#kb-only-here"),
            is_current=each == lang,
            is_missing=each not in twins,
        )
        for each in services().settings.clinic.languages
    ]


def fresh(html: str, article: Article | None = None) -> Response:
    """Answer with a page that may be kept, but is asked for again at each look.

    article: the one whose "Was this helpful?" the page holds.
    """
    digest = hashlib.sha256(f"{today()}{html}".encode()).hexdigest()
    if article is not None:
        form = help_feedback.new_form(services().secret, article)
        html = html.replace(FORM_PLACE, form)
    response = Response(html, mimetype="text/html")
    response.set_etag(digest[:32], weak=True)
    # Private: a form is one reader's.
    response.cache_control.private = True
    response.cache_control.no_cache = True
    response.headers["Vary"] = "Accept-Language"
    response.make_conditional(request)
    return response


def unkept(html: str, wait_s: float | None = None) -> Response:
    """Answer with a page about somebody's words. wait_s: it was one request too many."""
    response = Response(html, status=200 if wait_s is None else 429, mimetype="text/html")
    response.cache_control.no_store = True
    response.headers["X-Robots-Tag"] = "noindex"
    if wait_s is not None:
        response.headers["Retry-After"] = str(math.ceil(wait_s))
    return response
