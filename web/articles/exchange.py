"""Articles from elsewhere as drafts, and all of ours as files to take away.

Rule: an import publishes nothing: it makes drafts with where they came from and no more than the
words and pictures. What cannot be read is named with its reason and harms no other. Export holds
what patients may be shown, placeholders unfilled, and nothing of who wrote it.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from search.articles import MAX_BYTES, ArticleInvalid, parse_article
from search.language import notice_language
from search.links import picture_name
from web.articles import article_files, drafts, editing, front_matter, pictures, revisions
from web.articles.article_files import ArticleNotWritten
from web.articles.drafts import Draft, DraftTooLong
from web.articles.pictures import Picture, PictureNotFound, PictureRefused
from web.articles.revisions import Written
from web.articles.sources import PICTURE, NotImported, NotRead, Source, sources
from web.config import Settings
from web.models import Origin, RevisionState
from web.privacy import audit
from web.privacy.audit import Act
from web.services import Services

REVIEW_WITHIN = timedelta(days=90)
_THERE_IS = "there is an article {} already"


@dataclass(frozen=True)
class Taken:
    """One source: the article it became, or why none. `made_of`: file, and line of a CSV.

    pictures: how many came with it; left_out: how many could not.
    """

    made_of: str
    article_id: str = ""
    reason: str = ""
    title: str = ""
    words: int = 0
    pictures: int = 0
    left_out: int = 0


# In ----------------------------------------------------------------------------------------------


def take_in(
    services: Services, name: str, content: bytes, *, topic: str, staff_id: int | None
) -> list[Taken]:
    """Make a draft of each article in a file or in a zip of files."""
    folder = services.settings.articles_dir

    def keep(ready: _Ready) -> None:
        for picture in ready.pictures:
            pictures.keep(folder, picture)
        _keep(services, ready, staff_id)

    return list(_taken(services, name, content, topic, keep))


def look(services: Services, name: str, content: bytes, *, topic: str) -> list[Taken]:
    """Tell what `take_in` would make of it; nothing is kept."""
    names: set[str] = set()

    def note(ready: _Ready) -> None:
        if ready.id in names:
            raise NotImported(_THERE_IS.format(ready.id))
        names.add(ready.id)

    return list(_taken(services, name, content, topic, note))


def _taken(
    services: Services, name: str, content: bytes, topic: str, act: Callable[[_Ready], None]
) -> Iterator[Taken]:
    for found in sources(name, content):
        if isinstance(found, NotRead):
            yield Taken(found.made_of, reason=found.reason)
            continue
        try:
            ready = _ready(services, found, topic)
            act(ready)
        except ArticleInvalid as error:
            yield Taken(found.made_of, reason=error.reason, title=found.title)
        except ArticleNotWritten:
            yield Taken(found.made_of, reason="its pictures could not be stored", title=found.title)
        except (NotImported, DraftTooLong) as error:
            yield Taken(found.made_of, reason=str(error), title=found.title)
        else:
            words = len(found.body.split())
            many, left_out = len(ready.pictures), ready.left_out
            yield Taken(found.made_of, ready.id, "", found.title, words, many, left_out)


@dataclass(frozen=True)
class _Ready:
    """What is about to be kept."""

    id: str
    content: bytes
    pictures: tuple[Picture, ...]
    left_out: int


def _ready(services: Services, source: Source, topic: str) -> _Ready:
    """Return the draft and its pictures. Raises NotImported, DraftTooLong, ArticleInvalid."""
    draft = _draft(services, source, topic)
    name = drafts.name_for(draft)
    known = pictures.names(services.settings.articles_dir)
    draft, images, left_out = _with_pictures(draft, name, source.pictures, known)
    document = drafts.to_document(draft, front_matter.new(), "published", Draft(status=""))
    content = document.to_bytes()
    if len(content) > MAX_BYTES:
        raise NotImported("the text is too long for one article")
    parse_article(name, content, {})
    with services.database.reading() as session:
        is_taken = revisions.newest_number(session, name)
    if is_taken or article_files.exists(services.settings.articles_dir, name):
        raise NotImported(_THERE_IS.format(name))
    return _Ready(name, content, images, left_out)


def _with_pictures(
    draft: Draft, name: str, given: Mapping[str, bytes], known: Collection[str]
) -> tuple[Draft, tuple[Picture, ...], int]:
    """Point to the pictures that come along; what cannot be shown leaves no trace but its count."""
    made: dict[str, Picture | None] = {}

    def point(found: re.Match[str]) -> str:
        words, src = found[1], found[2]
        if picture_name(src) in known:
            return found[0]
        if src not in made:
            made[src] = _made_anew(given.get(src))
        picture = made[src]
        return pictures.markdown(name, picture.name, words) if picture else ""

    body = PICTURE.sub(point, draft.body)
    images = tuple(each for each in made.values() if each)
    return replace(draft, body=body), images, sum(each is None for each in made.values())


def _made_anew(content: bytes | None) -> Picture | None:
    try:
        return pictures.made_anew(content) if content is not None else None
    except PictureRefused:
        return None


def _keep(services: Services, ready: _Ready, staff_id: int | None) -> None:
    """Make the draft. Raises NotImported."""
    with services.database.transaction() as session:
        if revisions.newest_number(session, ready.id):
            raise NotImported(_THERE_IS.format(ready.id))
        written = Written(ready.id, ready.content, "", staff_id, Origin.IMPORTED)
        at, subject = services.clock(), editing.subject_of(ready.id)
        revisions.add(session, written, RevisionState.DRAFT, at)
        audit.record(session, Act.ARTICLE_IMPORTED, subject, staff_id=staff_id, at=at)


def _draft(services: Services, source: Source, topic: str) -> Draft:
    given = {key: text for key, text in source.fields if text}
    lang = given.get("lang") or notice_language(f"{source.title} {source.body[:400]}")
    blank = drafts.blank(topic, services.settings.lang(lang), demo=False)
    by = services.today() + REVIEW_WITHIN
    fields = {
        **given,
        "title": source.title,
        "topic": drafts.slug(given.get("topic") or topic),
        "lang": services.settings.lang(lang),
        "source": source.made_of,
        "review_by": by.isoformat(),
    }
    form = {**fields, "questions": "\n".join(source.questions), "body": source.body}
    return drafts.of_form(form, blank)


# Out ---------------------------------------------------------------------------------------------


def give_out(settings: Settings) -> bytes:
    """Return a zip: every article and picture of the folder as it stands; articles.jsonl."""
    entries = article_files.entries(settings.articles_dir)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for entry in entries:
            if entry.article is not None:
                file.writestr(f"articles/{entry.id}.md", entry.text)
        for name in sorted(pictures.names(settings.articles_dir)):
            with suppress(PictureNotFound):
                content = pictures.read(settings.articles_dir, name)
                file.writestr(f"articles/{pictures.FOLDER}/{name}", content)
        file.writestr("articles.jsonl", "".join(_lines(entries)))
    return packed.getvalue()


def _lines(entries: Sequence[article_files.Entry]) -> Iterator[str]:
    for entry in entries:
        if entry.article is None:
            continue
        values = {key: value for key, value in vars(entry.article).items() if key != "title_line"}
        yield json.dumps(values, ensure_ascii=False, default=str) + "\n"
