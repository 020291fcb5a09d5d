"""The files of the articles folder: read as they are, and replaced whole or not at all.

Rule: a file is written beside its place, forced to the disk and renamed into it, so that whoever
reads finds the old article or the new one, never half of one. A file that changed meanwhile is
never overwritten, and what cannot be written leaves everything as it was. Only `publishing.py`
writes articles (a test holds it); their pictures are `pictures.py`'s.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from search.articles import MAX_BYTES, Article, ArticleInvalid, article_id, parse_article
from search.storage import flush_folder

MAX_NAME_BYTES = 200


class ArticleNotFound(LookupError):
    """There is no such file in the folder."""


class ArticleChanged(Exception):
    """Somebody else changed, made or removed the file meanwhile; nothing was written."""


class ArticleNotWritten(Exception):
    """The file system refused; the old article is as it was. `why`: read_only, full or other."""

    def __init__(self, error: OSError) -> None:
        super().__init__(errno.errorcode.get(error.errno or 0, "unknown"))
        self.why = _why(error)


@dataclass(frozen=True)
class ArticleFile:
    id: str
    content: bytes

    @property
    def digest(self) -> str:
        return digest_of(self.content)


@dataclass(frozen=True)
class Entry:
    """One file of the folder, read: an article, or why it is none. No placeholder is filled."""

    id: str
    text: str
    article: Article | None
    error: ArticleInvalid | None


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# Reading -----------------------------------------------------------------------------------------


def entries(folder: Path) -> tuple[Entry, ...]:
    """Return every article file, by id, whatever its state; an unchanged file is read once."""
    paths = sorted(path for path in folder.rglob("*.md") if not path.is_dir())
    found = (_entry(path, folder) for path in paths)
    return tuple(sorted((each for each in found if each), key=lambda each: each.id))


def some_entries(folder: Path, wanted: Iterable[str]) -> tuple[Entry, ...]:
    """Return those of these articles that have a file."""
    paths = (folder / f"{each}.md" for each in wanted if exists(folder, each))
    found = (_entry(path, folder) for path in paths if not path.is_dir())
    return tuple(each for each in found if each)


def read(folder: Path, wanted: str) -> ArticleFile:
    """Return a file as it is now. Raises ArticleNotFound, ArticleInvalid when it is not to be read.

    wanted: an id as `entries` gives it; nothing outside the folder is ever opened.
    """
    path = _path_of(folder, wanted)
    if not path.is_file():
        raise ArticleNotFound(wanted)
    if path.stat().st_size > MAX_BYTES:
        raise ArticleInvalid(wanted, 1, f"the file is larger than the {MAX_BYTES} bytes allowed")
    try:
        return ArticleFile(wanted, path.read_bytes())
    except OSError as error:
        raise ArticleInvalid(wanted, 1, "the file cannot be read") from error


def exists(folder: Path, wanted: str) -> bool:
    """Raises ArticleNotFound for an id that no file of the folder can have."""
    return _path_of(folder, wanted).exists()


def _path_of(folder: Path, wanted: str) -> Path:
    """Return the file behind an id, links followed. Raises ArticleNotFound for one outside."""
    root = folder.resolve()
    try:
        path = (root / f"{wanted}.md").resolve()
        path.exists()  # a name no file can have
    except (OSError, RuntimeError, ValueError) as error:
        raise ArticleNotFound(wanted) from error
    if not path.is_relative_to(root) or ".." in wanted.split("/"):
        raise ArticleNotFound(wanted)
    return path


def _entry(path: Path, folder: Path) -> Entry | None:
    try:
        found = path.stat()
    except OSError:
        if not path.is_symlink():
            return None  # removed a moment ago
        name = article_id(path, folder)
        return Entry(name, "", None, ArticleInvalid(name, 1, "a link that leads nowhere"))
    return _read_once(path, folder, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=20_000)
def _read_once(path: Path, folder: Path, _mtime_ns: int, _size: int) -> Entry:
    name = article_id(path, folder)
    try:
        content = read(folder, name).content
    except ArticleNotFound:
        error = ArticleInvalid(name, 1, "the file is a link that leads out of the articles folder")
        return Entry(name, "", None, error)
    except ArticleInvalid as error:
        return Entry(name, "", None, error)
    text = content.decode("utf-8", "replace")
    try:
        return Entry(name, text, parse_article(name, content, {}), None)
    except ArticleInvalid as error:
        return Entry(name, text, None, error)


# Writing -----------------------------------------------------------------------------------------


@contextmanager
def replaced(folder: Path, wanted: str, content: bytes, *, replaces: str) -> Iterator[None]:
    """Put a file in its place for the block's length, and for good when the block ends well.

    replaces: the digest of the file that was read, "" for a new one. Raises ArticleChanged,
    ArticleNotWritten; when the block raises, the old file is back.
    """
    path = _path_of(folder, wanted)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        written = write_beside(path, content)
    except OSError as error:
        raise ArticleNotWritten(error) from error
    kept = path.with_name(f".{written.name}.old")
    try:
        _swap(path, written, kept, replaces)
        try:
            yield
        except BaseException:
            _put_back(path, kept, is_new=not replaces)
            raise
    finally:
        for leftover in (written, kept):
            with suppress(OSError):
                leftover.unlink()


def _swap(path: Path, written: Path, kept: Path, replaces: str) -> None:
    try:
        if replaces:
            _check_unchanged(path, replaces)
            with suppress(OSError):  # no hard links here: then there is just no way back
                os.link(path, kept)
            os.replace(written, path)
        else:
            _put_new(written, path)
        flush_folder(path.parent)
    except FileExistsError as error:
        raise ArticleChanged(path.name) from error
    except OSError as error:
        raise ArticleNotWritten(error) from error


def _put_new(written: Path, path: Path) -> None:
    try:
        os.link(written, path)  # unlike a rename, it never overwrites
    except FileExistsError:
        raise
    except OSError:  # no hard links on this file system
        if path.exists():
            raise FileExistsError(path.name) from None
        os.replace(written, path)


def _check_unchanged(path: Path, replaces: str) -> None:
    try:
        now = digest_of(path.read_bytes())
    except FileNotFoundError as error:
        raise ArticleChanged(path.name) from error
    if now != replaces:
        raise ArticleChanged(path.name)


def _put_back(path: Path, kept: Path, *, is_new: bool) -> None:
    with suppress(OSError):
        if is_new:
            path.unlink()
        else:
            os.replace(kept, path)


def write_beside(path: Path, content: bytes) -> Path:
    """Write and force to the disk. The name does not end in .md: no reader takes it up."""
    beside = path.with_name(f".{path.name[: MAX_NAME_BYTES // 4]}.{secrets.token_hex(6)}.tmp")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if path.exists():
                os.fchmod(file.fileno(), path.stat().st_mode & 0o7777)
            file.write(content)
            file.flush()
            _force_file(file.fileno())
    except OSError:
        beside.unlink()
        raise
    return beside


def _force_file(descriptor: int) -> None:
    os.fsync(descriptor)


def _why(error: OSError) -> str:
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return "read_only"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "full"
    return "other"
