"""The full privacy note, as a page.

Rule: open to all, and works without script. It stands in `[privacy] folder`, a file per language,
and names what the settings say, so that it cannot promise another time than the one in force.
"""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from search.articles import Article, read_article
from search.passages import render
from web import hours
from web.config import Settings
from web.errors import request_lang
from web.pages import render_page
from web.sections import ROOT
from web.services import services

blueprint = Blueprint("privacy", __name__)


@blueprint.get("/privacy")
def note() -> ResponseReturnValue:
    lang = request_lang()
    article = read_note(services().settings, lang)
    return render_page(
        "chat/privacy.html",
        lang,
        article=article,
        body=Markup(render(article)),
        reviewed=hours.date_text(article.reviewed_on, lang, weekday=False)
        if article.reviewed_on
        else None,
    )


def read_note(settings: Settings, lang: str) -> Article:
    """Return the clinic's note in a language; in the clinic's first where there is no other."""
    folder: Path = ROOT / settings.privacy.folder
    path = folder / f"{lang}.md"
    if not path.is_file():
        path = folder / f"{settings.default_lang}.md"
    days = {f"retention.{name}": str(value) for name, value in settings.retention}
    facts = {**settings.facts(lang), **days}
    return read_article(path, folder, facts)
