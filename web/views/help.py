"""The articles as pages: topics, search, "Was this helpful?".

Rule: open to all, and works without script and without a cookie. The page is the same rendering the
passages are cut from, so a "read more" link lands on the words that were shown. What is not in the
public index does not exist here. What a reader types is screened for danger before all else, and
stands in no log.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy.exc import SQLAlchemyError

from safety.identifiers import mask
from search.answer import Found, ask
from search.articles import Article
from search.index import Index
from web import auth, security
from web.articles import help_facts, help_feedback, help_pages, pictures
from web.articles.help_feedback import FormInvalid
from web.articles.pictures import PictureNotFound
from web.chat import screening
from web.errors import request_lang
from web.services import services
from web.views import _help

blueprint = Blueprint("help", __name__)

HELPFUL_DAYS = 90
MAX_QUERY = 300


# Topics and articles -----------------------------------------------------------------------------


@blueprint.get("/help")
def index() -> ResponseReturnValue:
    lang, found, settings = request_lang(), services().publisher.index, services().settings
    facts = help_facts.clinic_facts(settings, _help.absolute(url_for(".index")))
    return _help.fresh(
        _help.page(
            "help/index.html",
            lang,
            _help.home_twins(),
            topics=help_pages.topics(found, settings, lang) if found else (),
            first=help_pages.first_articles(found, settings, lang, _helpful()) if found else (),
            graph=help_facts.graph(facts),
        )
    )


def _helpful() -> dict[str, int]:
    """Return article → readers' balance; the page does without where the database is in trouble."""
    try:
        with services().database.reading() as session:
            return help_feedback.balance(session, _help.today() - timedelta(days=HELPFUL_DAYS))
    except SQLAlchemyError:
        return {}


@blueprint.get("/help/topics/<path:topic_id>")
def topic(topic_id: str) -> ResponseReturnValue:
    found = _help.index_or_404()
    shown = help_pages.topic(found, services().settings, topic_id, request_lang()) or abort(404)
    crumbs = _help.crumbs_of(shown.lang, shown)
    return _help.fresh(
        _help.page(
            "help/topic.html",
            shown.lang,
            _help.topic_twins(found, shown),
            topic=shown,
            crumbs=crumbs[:-1],
            graph=help_facts.graph(_help.crumbs_facts(crumbs)),
        )
    )


@blueprint.get("/help/<path:article_id>")
def article(article_id: str) -> ResponseReturnValue:
    found = _help.index_or_404()
    shown = _help.article_or_404(found, article_id)
    values = _article_values(found, shown)
    html = _help.page("help/article.html", shown.lang, _help.article_twins(found, shown), **values)
    return _help.fresh(html, shown)


def _article_values(found: Index, shown: Article) -> dict[str, Any]:
    settings, lang = services().settings, shown.lang
    of = help_pages.topic(found, settings, shown.topic or help_pages.OTHER, lang)
    crumbs = _help.crumbs_of(lang, of)
    url = _help.article_url(shown)
    is_overdue = help_facts.is_overdue(shown, _help.today())
    return {
        "article": shown,
        "topic": of,
        "crumbs": crumbs,
        "body": Markup(help_pages.body(shown)),
        "contents": help_pages.contents(found, shown),
        "related": help_pages.related(of, shown) if of else (),
        "reviewed": _help.day_text(shown.reviewed_on, lang),
        "due": _help.day_text(shown.review_by, lang) if is_overdue else None,
        "form": _help.FORM_PLACE,
        "graph": help_facts.graph(
            help_facts.article_facts(settings, shown, _help.absolute(url)),
            _help.crumbs_facts([*crumbs, (shown.title, url)]),
            help_facts.questions_facts(shown, help_pages.sections(found, shown)),
        ),
    }


@blueprint.get("/help/pictures/<string:stem>.webp")
def picture(stem: str) -> ResponseReturnValue:
    """A picture, once an article that patients get shows it; before that for staff alone."""
    name, found = f"{stem}.webp", services().publisher.index
    is_shown = found is not None and any(name in each.body for each in found.articles.values())
    if not is_shown and not auth.is_signed_in():
        abort(404)
    try:
        content = pictures.read(services().settings.articles_dir, name)
    except PictureNotFound:
        abort(404)
    # Its name says which bytes it holds, so it may be kept for good.
    kept = "public, max-age=31536000, immutable" if is_shown else "private, no-store"
    return Response(content, content_type="image/webp", headers={"Cache-Control": kept})


# Search ------------------------------------------------------------------------------------------


@blueprint.get("/help/search")
def search() -> ResponseReturnValue:
    typed, lang = request.args.get("q", ""), request_lang()
    g.card = _card(typed, lang)
    words = _plain(typed)[:MAX_QUERY]
    found_in, wait_s, found = services().publisher.index, None, None
    if words:
        wait_s = security.allow("request", _address())
    if words and found_in is not None and wait_s is None:
        found = ask(found_in, services().publisher.encoder, words, lang=lang)
    langs = services().settings.clinic.languages
    html = _help.page(
        "help/search.html",
        lang,
        {each: url_for(".search", lang=each, q=words or None) for each in langs},
        words=words,
        found=found,
        read_as=_read_as(found),
        results=help_pages.results(found_in, found) if found and found_in else (),
        is_busy=wait_s is not None,
        is_private=True,
    )
    return _help.unkept(html, wait_s)


def _read_as(found: Found | None) -> str:
    """Return what was searched for where the spelling was mended."""
    if found is None:
        return ""
    typed = " ".join(found.question.split())
    return found.understood if found.understood.casefold() != typed.casefold() else ""


# Was this helpful? -------------------------------------------------------------------------------


@blueprint.get("/help/feedback/<path:article_id>")
def feedback_form(article_id: str) -> ResponseReturnValue:
    """Lead whoever comes back to an answer's address to the question, which an article holds."""
    return redirect(url_for(".article", article_id=article_id, _anchor="kb-helpful"), 303)


@blueprint.post("/help/feedback/<path:article_id>")
def feedback(article_id: str) -> ResponseReturnValue:
    request.max_content_length = services().settings.limits.max_body_bytes
    typed = request.form.get("comment", "")
    g.card = _card(typed, request_lang())
    comment = _plain(typed)
    found = _help.index_or_404()
    about = _help.article_or_404(found, article_id)
    g.lang = about.lang
    _refuse_other_sites()
    wait_s = security.allow("help_vote", _address())
    helpful = _helpful_said()
    if wait_s is None:
        _keep(about, helpful, comment)
    html = _help.page(
        "help/thanks.html",
        about.lang,
        _help.home_twins() | _help.article_twins(found, about),
        article=about,
        helpful=helpful,
        has_comment=bool(comment),
        form=request.form.get("form", ""),
        max_comment=help_feedback.MAX_COMMENT,
        is_busy=wait_s is not None,
        is_private=True,
    )
    return _help.unkept(html, wait_s)


def _helpful_said() -> bool:
    said = request.form.get("helpful")
    if said not in ("yes", "no"):
        abort(400)
    return said == "yes"


def _keep(about: Article, helpful: bool, comment: str) -> None:
    try:
        form = help_feedback.read_form(services().secret, request.form.get("form", ""), about.id)
    except FormInvalid:
        abort(400)
    masked = mask(comment, services().settings.own_numbers).text
    with services().database.transaction() as session:
        on = _help.today()
        help_feedback.save(session, form, helpful=helpful, comment=masked, on=on)


def _refuse_other_sites() -> None:
    """Let no other website speak for its visitors. There is no cookie here that it could ride."""
    origin = request.headers.get("Origin", "null")
    is_elsewhere = origin not in ("null", request.host_url.rstrip("/"))
    if request.headers.get("Sec-Fetch-Site") == "cross-site" or is_elsewhere:
        abort(400)


# For search engines ------------------------------------------------------------------------------


@blueprint.get("/help/sitemap.xml")
def sitemap() -> ResponseReturnValue:
    xml = render_template(
        "help/sitemap.xml", entries=_help.sitemap_entries(services().publisher.index)
    )
    return Response(xml, mimetype="application/xml")


@blueprint.get("/robots.txt")
def robots() -> ResponseReturnValue:
    sitemap_url = _help.absolute(url_for(".sitemap"))
    lines = ["User-agent: *", "Disallow: /api/", f"Sitemap: {sitemap_url}", ""]
    return Response("\n".join(lines), mimetype="text/plain")


# Shared ------------------------------------------------------------------------------------------


def _card(words: str, lang: str) -> Markup | None:
    """Return the card of a danger in what was typed. Every page shows `g.card` first, also those
    that say something failed.
    """
    if not words.strip():
        return None
    seen = screening.screened(services().settings, words, lang)
    return Markup(help_pages.card_as_section(seen.html)) if seen.html else None


def _plain(typed: str) -> str:
    """Return what was typed without the characters that are no text."""
    return "".join(each for each in typed if each.isprintable() or each == "\n").strip()


def _address() -> str:
    return security.address_hash(services().secret, request.remote_addr)
