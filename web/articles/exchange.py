"""Articles from elsewhere as drafts, and all of ours as files to take away.

Rule: an import publishes nothing: it makes drafts with where they came from and no more than the
words. What cannot be read is named with its reason and harms no other. Export holds what patients
may be shown, placeholders unfilled, and nothing of who wrote it.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import PurePosixPath

import mammoth
import nh3
from markdownify import markdownify

from search.articles import MAX_BYTES, ArticleInvalid, parse_article
from search.language import notice_language
from web.articles import article_files, drafts, editing, front_matter, revisions
from web.articles.drafts import Draft, DraftTooLong
from web.articles.revisions import Written
from web.config import Settings
from web.models import Origin, RevisionState
from web.privacy import audit
from web.privacy.audit import Act
from web.services import Services

MAX_FILES = 2_000
MAX_UNPACKED = 100_000_000
REVIEW_WITHIN = timedelta(days=90)
KINDS = (".html", ".htm", ".docx", ".md", ".csv")
TITLES = ("question", "title", "pregunta", "título")
TEXTS = ("answer", "text", "respuesta", "texto")

_HEAD = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_BODY = re.compile(r"<(?:main|article)\b.*?>(.*)</(?:main|article)>", re.IGNORECASE | re.DOTALL)
_FIRST = re.compile(r"^\s*#\s+(.+?)\s*$", re.MULTILINE)
_PICTURES = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_GAPS = re.compile(r"\n{3,}")


class NotImported(ValueError):
    """One file, or one line, could not be taken; the text says why."""


@dataclass(frozen=True)
class Taken:
    """One source: the article it became, or why none. `made_of`: file, and line of a CSV."""

    made_of: str
    article_id: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Source:
    """What one file or one line says."""

    made_of: str
    title: str
    body: str
    questions: tuple[str, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()


# In ----------------------------------------------------------------------------------------------


def take_in(
    services: Services, name: str, content: bytes, *, topic: str, staff_id: int | None
) -> list[Taken]:
    """Make a draft of each article in a file or in a zip of files."""
    done: list[Taken] = []
    for found in sources(name, content):
        if isinstance(found, Taken):
            done.append(found)
            continue
        try:
            made = _keep(services, found, topic, staff_id)
            done.append(Taken(found.made_of, made))
        except (NotImported, DraftTooLong, ArticleInvalid) as error:
            reason = error.reason if isinstance(error, ArticleInvalid) else str(error)
            done.append(Taken(found.made_of, reason=reason))
    return done


def sources(name: str, content: bytes) -> Iterator[Source | Taken]:
    """Yield what each file holds, or why it was not read."""
    for path, data in _files(name, content):
        if isinstance(data, str):
            yield Taken(path, reason=data)
            continue
        try:
            yield from _read(path, data)
        except NotImported as error:
            yield Taken(path, reason=str(error))


def _files(name: str, content: bytes) -> Iterator[tuple[str, bytes | str]]:
    """Yield path and bytes, or path and what is wrong with it."""
    if not name.casefold().endswith(".zip"):
        yield name, content
        return
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            yield from _unpacked(packed)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError):
        yield name, "the zip file is damaged or locked"


def _unpacked(packed: zipfile.ZipFile) -> Iterator[tuple[str, bytes | str]]:
    """Nothing is written to disk, so a path in the zip leads nowhere."""
    entries = [each for each in packed.infolist() if not each.is_dir()]
    wanted = [each for each in entries if PurePosixPath(each.filename).suffix.lower() in KINDS]
    left = MAX_UNPACKED
    for each in wanted[:MAX_FILES]:
        left -= each.file_size
        if left < 0:
            yield each.filename, "the zip file unpacks to more than is allowed"
            return
        with packed.open(each) as file:
            yield each.filename, file.read(each.file_size + 1)
    if len(wanted) > MAX_FILES:
        yield packed.filename or "zip", f"more than {MAX_FILES} files"


def _read(path: str, data: bytes) -> Iterator[Source]:
    if len(data) > MAX_UNPACKED:
        raise NotImported("the file is too large")
    kind = PurePosixPath(path).suffix.lower()
    if kind in (".html", ".htm"):
        yield _of_html(path, _text(data))
    elif kind == ".docx":
        yield _of_html(path, _of_word(data))
    elif kind == ".csv":
        yield from _of_csv(path, _text(data))
    elif kind == ".md":
        yield _of_markdown(path, data)
    else:
        raise NotImported("only HTML, Word (.docx), Markdown, CSV, or a zip of them")


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotImported("the file is not UTF-8 text; save it as UTF-8") from None


def _of_word(data: bytes) -> str:
    try:
        html: str = mammoth.convert_to_html(io.BytesIO(data), convert_image=_no_picture).value
    except Exception as error:  # a damaged file fails in as many ways as XML and zip can
        raise NotImported("the Word file is damaged or not a .docx") from error
    return html


@mammoth.images.img_element  # type: ignore[untyped-decorator]
def _no_picture(_image: object) -> dict[str, str]:
    return {"src": ""}


def _of_html(path: str, html: str) -> Source:
    head = _HEAD.search(html)
    inner = _BODY.search(html)
    clean = nh3.clean(inner[1] if inner else _HEAD.sub("", html), link_rel=None)
    body = _PICTURES.sub("", markdownify(clean, heading_style="ATX", bullets="-"))
    return _titled(path, body, " ".join(nh3.clean(head[1], tags=set()).split()) if head else "")


def _of_markdown(path: str, data: bytes) -> Source:
    try:
        document = front_matter.read(data)
    except front_matter.Undecodable as error:
        raise NotImported(str(error)) from None
    draft = drafts.of_document(document)
    kept = tuple((key, draft.fields[key]) for key in ("summary", "topic", "lang", "owner"))
    if draft.title:
        return Source(path, draft.title, draft.body, draft.questions, kept)
    return replace(_titled(path, draft.body, ""), questions=draft.questions, fields=kept)


def _titled(path: str, body: str, title: str) -> Source:
    """Take the first heading for the title; it does not stand in the text twice."""
    first = _FIRST.search(body)
    if first:
        title, body = first[1], body[: first.start()] + body[first.end() :]
    body = _GAPS.sub("\n\n", body).strip() + "\n"
    return Source(path, title or PurePosixPath(path).stem.replace("-", " "), body)


def _of_csv(path: str, text: str) -> Iterator[Source]:
    rows = csv.DictReader(io.StringIO(text), strict=True)
    try:
        names = {(each or "").strip().casefold(): each for each in rows.fieldnames or ()}
        title = next((names[each] for each in TITLES if each in names), None)
        answer = next((names[each] for each in TEXTS if each in names), None)
        if title is None or answer is None:
            raise NotImported("the first line must name the columns question and answer")
        for row in rows:
            fields = tuple((key, row.get(names[key]) or "") for key in names if key in ("topic",))
            words = (row.get(title) or "").strip(), (row.get(answer) or "").strip()
            if any(words):
                made_of = f"{path}, line {rows.line_num}"
                yield Source(made_of, words[0], words[1] + "\n", fields=fields)
    except csv.Error as error:
        raise NotImported(f"line {rows.line_num}: {error}") from None


def _keep(services: Services, source: Source, topic: str, staff_id: int | None) -> str:
    """Make the draft. Raises NotImported."""
    draft = _draft(services, source, topic)
    document = drafts.to_document(draft, front_matter.new(), "published", Draft(status=""))
    content = document.to_bytes()
    if len(content) > MAX_BYTES:
        raise NotImported("the text is too long for one article")
    name = drafts.name_for(draft)
    parse_article(name, content, {})
    with services.database.transaction() as session:
        taken = revisions.newest_number(session, name)
        if taken or article_files.exists(services.settings.articles_dir, name):
            raise NotImported(f"there is an article {name} already")
        written = Written(name, content, "", staff_id, Origin.IMPORTED)
        revisions.add(session, written, RevisionState.DRAFT, services.clock())
        subject = editing.subject_of(name)
        at = services.clock()
        audit.record(session, Act.ARTICLE_IMPORTED, subject, staff_id=staff_id, at=at)
    return name


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
    """Return a zip: every article as it stands in the folder, and all of them as JSON lines."""
    entries = article_files.entries(settings.articles_dir)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for entry in entries:
            if entry.article is not None:
                file.writestr(f"articles/{entry.id}.md", entry.text)
        file.writestr("articles.jsonl", "".join(_lines(entries)))
    return packed.getvalue()


def _lines(entries: Sequence[article_files.Entry]) -> Iterator[str]:
    for entry in entries:
        if entry.article is None:
            continue
        values = {key: value for key, value in vars(entry.article).items() if key != "title_line"}
        yield json.dumps(values, ensure_ascii=False, default=str) + "\n"
