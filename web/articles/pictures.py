"""Pictures of articles: pixels alone, kept as files beside the articles, named by what they hold.

Rule: of an uploaded file nothing but its pixels gets into the folder: no place, no camera, no
second file hidden in it. A name says which bytes stand behind it, so a picture never changes and a
browser may keep it for good.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from search.links import PICTURE_NAME
from search.storage import flush_folder
from web.articles import article_files
from web.articles.article_files import ArticleNotWritten

FOLDER = "pictures"  # in the folder of articles
KINDS = ("PNG", "JPEG", "WEBP")
MAX_BYTES = 8_000_000
MAX_PIXELS = 50_000_000
MAX_EDGE = 1_600  # a larger one is made smaller: no column of text is wider
LEAST_EDGE = 16
QUALITY = 82

_NAME = re.compile(PICTURE_NAME)
_NAMED = re.compile(rf"{FOLDER}/({PICTURE_NAME})")
_ONE_AT_A_TIME = threading.Lock()  # one of 50 megapixels takes 200 MB while it is read
_TOO_MANY = f"The picture has more than {MAX_PIXELS // 1_000_000} million points. Make it smaller."
_REFUSED = "The picture cannot be read. Save it as PNG, JPEG or WebP, and choose it again."


class PictureRefused(ValueError):
    """What was given is no picture for an article; the text says what to do."""


class PictureNotFound(LookupError):
    """There is no such file."""


@dataclass(frozen=True)
class Picture:
    name: str
    content: bytes


@dataclass(frozen=True)
class Kept:
    """A picture of the folder, and the articles that show it."""

    name: str
    size_bytes: int
    articles: tuple[str, ...]


# In ----------------------------------------------------------------------------------------------


def made_anew(content: bytes) -> Picture:
    """Return the picture as a WebP file of its pixels. Raises PictureRefused."""
    if len(content) > MAX_BYTES:
        raise PictureRefused(_too_large(len(content)))
    with _ONE_AT_A_TIME:
        try:
            image = _pixels(content)
        except PictureRefused:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise PictureRefused(_TOO_MANY) from error
        except Exception as error:  # a damaged file fails in as many ways as there are formats
            raise PictureRefused(_REFUSED) from error
    made = io.BytesIO()
    image.save(made, "WEBP", quality=QUALITY, method=4)
    digest = hashlib.sha256(made.getvalue()).hexdigest()[:16]
    return Picture(f"{digest}-{image.width}x{image.height}.webp", made.getvalue())


def _too_large(size_bytes: int) -> str:
    has, allowed = size_bytes / 1e6, MAX_BYTES / 1e6
    return f"The file has {has:.1f} MB; {allowed:.0f} MB are allowed. Make the picture smaller."


def _pixels(content: bytes) -> Image.Image:
    """Return the upright pixels in an image that carries nothing else."""
    with Image.open(io.BytesIO(content), formats=KINDS) as image:
        _check(image)
        image.draft("RGB", (2 * MAX_EDGE, 2 * MAX_EDGE))  # a JPEG is read no finer than needed
        is_clear = "A" in image.getbands() or "transparency" in image.info
        upright = ImageOps.exif_transpose(image).convert("RGBA" if is_clear else "RGB")
    upright.thumbnail((MAX_EDGE, MAX_EDGE), Image.Resampling.LANCZOS)
    bare = Image.new(upright.mode, upright.size)
    bare.paste(upright)
    return bare


def _check(image: Image.Image) -> None:
    """Look at what the file says of itself, before a pixel is read. Raises PictureRefused."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise PictureRefused(_TOO_MANY)
    if min(width, height) < LEAST_EDGE:
        raise PictureRefused(f"The picture is smaller than {LEAST_EDGE} points.")
    if getattr(image, "n_frames", 1) > 1:
        raise PictureRefused("A picture that moves distracts from reading. Choose a still one.")


def keep(articles: Path, picture: Picture) -> None:
    """Put the file in its place, whole or not at all. Raises article_files.ArticleNotWritten."""
    path = articles / FOLDER / picture.name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        written = article_files.write_beside(path, picture.content)
        try:
            os.replace(written, path)
        except OSError:
            written.unlink()
            raise
        flush_folder(path.parent)
    except OSError as error:
        raise ArticleNotWritten(error) from error


# Out ---------------------------------------------------------------------------------------------


def read(articles: Path, name: str) -> bytes:
    """Return the file's bytes. Raises PictureNotFound."""
    if not _NAME.fullmatch(name):
        raise PictureNotFound(name)
    try:
        path = (articles / FOLDER / name).resolve(strict=True)
        if not path.is_relative_to(articles.resolve()):
            raise PictureNotFound(name)
        return path.read_bytes()
    except (OSError, RuntimeError) as error:
        raise PictureNotFound(name) from error


def names(articles: Path) -> frozenset[str]:
    """Return the names of all pictures of the folder."""
    try:
        found = os.listdir(articles / FOLDER)
    except OSError:
        return frozenset()
    return frozenset(name for name in found if _NAME.fullmatch(name))


def shown_in(text: str) -> frozenset[str]:
    """Return the names of the pictures a text shows."""
    return frozenset(_NAMED.findall(text))


def kept(articles: Path, texts: Mapping[str, Iterable[str]]) -> list[Kept]:
    """Return the folder's pictures, those that nothing shows first.

    texts: article → every text of it that counts: its file's, its draft's.
    """
    shown: dict[str, set[str]] = {}
    for article_id, versions in texts.items():
        for name in frozenset().union(*map(shown_in, versions)):
            shown.setdefault(name, set()).add(article_id)
    found = (
        Kept(name, _size_of(articles, name), tuple(sorted(shown.get(name, ()))))
        for name in names(articles)
    )
    return sorted(found, key=lambda each: (bool(each.articles), each.articles, each.name))


def _size_of(articles: Path, name: str) -> int:
    with suppress(OSError):
        return (articles / FOLDER / name).stat().st_size
    return 0


def remove(articles: Path, name: str) -> None:
    """Take the file away. Raises PictureNotFound, article_files.ArticleNotWritten."""
    read(articles, name)
    try:
        (articles / FOLDER / name).unlink()
    except OSError as error:
        raise ArticleNotWritten(error) from error


def markdown(article_id: str, name: str, words: str) -> str:
    """Return what shows a picture in an article. article_id: "" for one not saved yet.

    markdown("en/visiting/parking", "3f…-80x60.webp", "Map of the yard")
    → "![Map of the yard](../../pictures/3f…-80x60.webp)"
    """
    depth = article_id.count("/") if article_id else 2  # a new one gets language/topic/title
    said = re.sub(r"[\[\]\\]", "", " ".join(words.split()))
    return f"![{said}]({'../' * depth or './'}{FOLDER}/{name})"
