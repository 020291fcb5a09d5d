"""What files from elsewhere say: HTML, Word, Markdown, CSV, or a zip of them.

Rule: nothing is written to disk and nothing is run. How much a file may unpack to is known before
it is unpacked. What cannot be read is named with its reason and harms no other.
"""

from __future__ import annotations

import csv
import io
import posixpath
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

import nh3

from web.articles import drafts, front_matter

MAX_FILES = 2_000
MAX_UNPACKED = 100_000_000
MAX_TEXT = 2_000_000
MAX_WORD_UNPACKED = 30_000_000
KINDS = (".html", ".htm", ".docx", ".md", ".csv")
PICTURE_KINDS = (".png", ".jpg", ".jpeg", ".webp")
WRONG_KIND = "only HTML, Word (.docx), Markdown, CSV, or a zip of them"
TITLES = ("question", "title", "pregunta", "título")
TEXTS = ("answer", "text", "respuesta", "texto")

_HEAD = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_BODY = re.compile(r"<(?:main|article)\b.*?>(.*)</(?:main|article)>", re.IGNORECASE | re.DOTALL)
_FIRST = re.compile(r"^\s*#\s+(.+?)\s*$", re.MULTILINE)
PICTURE = re.compile(r"!\[([^\]]*)\]\(\s*<?([^)\s>]*)>?[^)]*\)")
_GAPS = re.compile(r"\n{3,}")
_DAMAGED = (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, zlib.error)


class NotImported(ValueError):
    """One file, or one line, could not be taken; the text says why."""


@dataclass(frozen=True)
class NotRead:
    """One file that gives no article, and why."""

    made_of: str
    reason: str


@dataclass(frozen=True)
class Source:
    """What one file or one line says."""

    made_of: str
    title: str
    body: str
    questions: tuple[str, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    """As the body names them."""


def sources(name: str, content: bytes) -> Iterator[Source | NotRead]:
    """Yield what each file holds, or why it was not read."""
    images: dict[str, bytes] = {}
    shown: set[str] = set()
    for path, data in _files(name, content, images):
        if isinstance(data, str):
            yield NotRead(path, data)
            continue
        try:
            for source in _read(path, data):
                named = _images_of(source, path, images)
                shown |= set(named.values())
                given = {src: images[at] for src, at in named.items()}
                yield replace(source, pictures={**given, **source.pictures})
        except NotImported as error:
            yield NotRead(path, str(error))
    for path in sorted(images.keys() - shown):
        yield NotRead(path, "a picture that none of the articles shows")


def _images_of(source: Source, path: str, images: Mapping[str, bytes]) -> dict[str, str]:
    """Return which pictures of the zip a source shows: its name for one → the path."""
    place = posixpath.dirname(path)
    return {
        src: at
        for _, src in PICTURE.findall(source.body)
        if (at := posixpath.normpath(posixpath.join(place, unquote(src)))) in images
    }


def _files(
    name: str, content: bytes, images: dict[str, bytes]
) -> Iterator[tuple[str, bytes | str]]:
    """Yield path and bytes, or path and what is wrong with it; first of all fill `images`."""
    if not name.casefold().endswith(".zip"):
        yield name, content
        return
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            yield from _unpacked(packed, images)
    except _DAMAGED:
        yield name, "the zip file is damaged or locked"


def _unpacked(
    packed: zipfile.ZipFile, images: dict[str, bytes]
) -> Iterator[tuple[str, bytes | str]]:
    """Nothing is written to disk, so a path in the zip leads nowhere."""
    entries = [each for each in packed.infolist() if not each.is_dir() and not _is_hidden(each)]
    if sum(each.file_size for each in entries) > MAX_UNPACKED:
        yield "zip", "the zip file unpacks to more than is allowed"
        return
    kinds = {each.filename: PurePosixPath(each.filename).suffix.lower() for each in entries}
    for each in entries:
        if kinds[each.filename] in PICTURE_KINDS:
            with suppress(*_DAMAGED):
                images[posixpath.normpath(each.filename)] = packed.read(each)
    wanted = [each for each in entries if kinds[each.filename] in KINDS]
    for each in wanted[:MAX_FILES]:
        try:
            yield each.filename, packed.read(each)
        except _DAMAGED:
            yield each.filename, "the file in the zip is damaged or locked"
    for each in wanted[MAX_FILES:]:
        yield each.filename, f"more than {MAX_FILES} files"
    others = Counter(kind for kind in kinds.values() if kind not in KINDS + PICTURE_KINDS)
    for kind, count in sorted(others.items()):
        yield f"{count} × {kind or 'without an ending'}", WRONG_KIND


def _is_hidden(entry: zipfile.ZipInfo) -> bool:
    """What file systems add of their own."""
    parts = PurePosixPath(entry.filename).parts
    return "__MACOSX" in parts or parts[-1].startswith(".") or parts[-1] == "Thumbs.db"


def _read(path: str, data: bytes) -> Iterator[Source]:
    kind = PurePosixPath(path).suffix.lower()
    if len(data) > (MAX_WORD_UNPACKED if kind == ".docx" else MAX_TEXT):
        raise NotImported("the file is too large")
    if kind in (".html", ".htm"):
        yield _of_html(path, _text(data))
    elif kind == ".docx":
        html, images = _of_word(data)
        yield replace(_of_html(path, html), pictures=images)
    elif kind == ".csv":
        yield from _of_csv(path, _text(data))
    elif kind == ".md":
        yield _of_markdown(path, data)
    else:
        raise NotImported(WRONG_KIND)


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotImported("the file is not UTF-8 text; save it as UTF-8") from None


def _of_word(data: bytes) -> tuple[str, dict[str, bytes]]:
    """Return HTML, and the pictures by the names it gives them."""
    import mammoth  # not at the start, which it would make longer

    images: dict[str, bytes] = {}

    @mammoth.images.img_element  # type: ignore[untyped-decorator]
    def keep(image: Any) -> dict[str, str]:
        name = f"word-{len(images)}"
        with image.open() as file:
            images[name] = file.read()
        return {"src": name}

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            size = sum(each.file_size for each in packed.infolist())
        if size > MAX_WORD_UNPACKED:
            raise NotImported("the Word file unpacks to more than is allowed")
        html: str = mammoth.convert_to_html(io.BytesIO(data), convert_image=keep).value
    except NotImported:
        raise
    except Exception as error:  # a damaged file fails in as many ways as XML and zip can
        raise NotImported("the Word file is damaged or not a .docx") from error
    return html, images


def _of_html(path: str, html: str) -> Source:
    from markdownify import markdownify  # and an HTML parser with it: see above

    head = _HEAD.search(html)
    inner = _BODY.search(html)
    clean = nh3.clean(inner[1] if inner else _HEAD.sub("", html), link_rel=None)
    body = markdownify(clean, heading_style="ATX", bullets="-")
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
    first = text.partition("\n")[0]
    mark = max(",;\t", key=first.count)  # spreadsheets write what their country writes
    rows = csv.DictReader(io.StringIO(text), delimiter=mark, strict=True)
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
