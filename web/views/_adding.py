"""What the toolbar puts into a text beside marks: a picture with its words, a link to an article.

Rule: without script the server puts it at the end of the text, saves nothing, and shows the form
again; with script the same acts answer to the script, which puts it where the caret is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import request
from flask_security import current_user

from web.articles import drafts, editing, finding, pictures, revisions
from web.articles.article_files import ArticleNotWritten
from web.articles.drafts import Draft
from web.articles.finding import Target
from web.articles.pictures import PictureRefused
from web.privacy import audit
from web.privacy.audit import Act
from web.services import services

NO_WORDS = "Say what the picture shows. Those who cannot see it get these words."
NO_FILE = "Choose a picture file: PNG, JPEG or WebP."
NOT_KEPT = "The picture could not be stored. Ask the person who runs this computer system."
NO_ARTICLE = "No published article of this language has all these words."
MAX_WORDS = 300


@dataclass(frozen=True)
class Added:
    """`open`: which of the two stays open. `fault`: why nothing was put in."""

    draft: Draft
    open: str = ""
    fault: str = ""
    words: str = ""
    targets: tuple[Target, ...] = ()


def is_asked_for(action: str) -> bool:
    return action in ("picture", "find") or action.startswith("link:")


def added(action: str, article_id: str, draft: Draft) -> Added:
    """Do what a button of the toolbar says. article_id: "" for an article not saved yet."""
    of = article_id or drafts.name_for(draft)
    if action == "picture":
        words = request.form.get("picture_words", "")
        try:
            return Added(_with(draft, picture_markdown(of, words)))
        except PictureRefused as error:
            return Added(draft, "picture", str(error), words)
    words = request.form.get("link_words", "")
    found = targets(words, of, draft.fields)
    if action == "find":
        return Added(draft, "link", "" if found else NO_ARTICLE, words, tuple(found))
    wanted = action.removeprefix("link:")
    chosen = next((each for each in found if each.id == wanted), None)
    return Added(_with(draft, chosen.markdown()) if chosen else draft)


def _with(draft: Draft, words: str) -> Draft:
    body = f"{draft.body.rstrip()}\n\n{words}\n"
    return Draft(draft.fields, draft.questions, body, draft.status)


def picture_markdown(of: str, words: str) -> str:
    """Keep the picture that was sent, and return what shows it. Raises PictureRefused."""
    words = " ".join(words.split())[:MAX_WORDS]
    sent = request.files.get("picture")
    if sent is None or not sent.filename:
        raise PictureRefused(NO_FILE)
    if not words:
        raise PictureRefused(NO_WORDS)
    made = pictures.made_anew(sent.read(pictures.MAX_BYTES + 1))
    try:
        pictures.keep(services().settings.articles_dir, made)
    except ArticleNotWritten as error:
        raise PictureRefused(NOT_KEPT) from error
    with services().database.transaction() as session:
        subject = f"picture:{made.name}"
        audit.record(session, Act.PICTURE_ADDED, subject, staff_id=current_user.id)
    return pictures.markdown(of, made.name, words)


def targets(words: str, of: str, fields: Mapping[str, str]) -> list[Target]:
    with services().database.reading() as session:
        work = revisions.all_open(session)
    rows = editing.listing(services().settings, services().clock(), work)
    lang = services().settings.lang(fields.get("lang", ""))
    return finding.targets(rows, words, of, lang=lang, audience=fields.get("audience", ""))
