"""An index on disk.

Rule: a reader sees one whole index or none: files are written to a folder of their own and
flushed, then one rename makes them current. Every file is checked against the manifest; nothing is
unpickled.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from search import gloss
from search.articles import Article
from search.contents import Index, means, spans_of
from search.embedded import KINDS, NO_VECTORS, Kind, VectorStore
from search.lexical import Lexical
from search.passages import Passage
from search.spelling import Vocabulary
from search.thresholds import Thresholds

# The vectors of Spanish texts are those of their glosses: another glossary means other vectors.
FORMAT = f"9-{gloss.version()}"
CURRENT = "current"
GENERATION = "generation-"
MANIFEST = "manifest.json"
_ARRAYS = ("starts", "postings", "counts", "lengths")


class IndexMissing(Exception):
    """There is no index in the folder."""


class IndexDamaged(Exception):
    """A file of the index is absent or differs from what was written; the text names it."""


def save(index: Index, directory: Path) -> None:
    """Write the index; until the very end, and after a crash, readers find the old one."""
    directory.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=directory, prefix=GENERATION))
    try:
        _write_generation(index, folder)
        _point_to(directory, folder.name)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    for old in directory.glob(f"{GENERATION}*"):
        if old != folder:
            shutil.rmtree(old, ignore_errors=True)


def load(directory: Path) -> Index:
    """Raises IndexMissing, or IndexDamaged with the name of the file."""
    for attempt in range(3):
        folder = _current(directory)
        try:
            return _read_generation(folder)
        except IndexDamaged:
            # Another process may have replaced the index between two of our reads.
            if attempt == 2 or _current(directory) == folder:
                raise
    raise AssertionError("unreachable")


def _write_generation(index: Index, folder: Path) -> None:
    kinds = index.store.kinds.values()
    vectors = [kind.vectors for kind in kinds if len(kind.keys)]
    files = {
        "articles.json": _json([asdict(article) for article in index.articles.values()]),
        "passages.json": _json([asdict(passage) for passage in index.passages]),
        "keys.json": _json([kind.keys for kind in kinds]),
        "terms.json": _json(list(index.lexical.terms)),
        "words.json": _json(index.vocabulary.counts),
        "vectors.npy": _npy(np.concatenate(vectors or [NO_VECTORS])),
        "centres.npy": _npy(index.store.centres),
        "cells.npy": _npy(np.concatenate([kind.cells for kind in kinds])),
        **{f"words_{name}.npy": _npy(getattr(index.lexical, name)) for name in _ARRAYS},
    }
    manifest = {
        "format": FORMAT,
        "recipe": index.recipe,
        "built_at": index.built_at.isoformat(),
        "thresholds": {lang: asdict(found) for lang, found in index.thresholds.items()},
        "learnt_from": sorted(index.learnt_from),
        "cells_learnt_from": index.store.learnt_from,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }
    for name, content in files.items():
        _write(folder / name, content)
    _write(folder / MANIFEST, _seal(_json(manifest)))
    flush_folder(folder)


def _read_generation(folder: Path) -> Index:
    manifest = _read_manifest(folder)
    read = _checked_reader(folder, manifest["files"])
    articles = [_article(row) for row in json.loads(read("articles.json"))]
    terms = json.loads(read("terms.json"))
    arrays = {name: _array(read(f"words_{name}.npy")) for name in _ARRAYS}
    passages = tuple(Passage(**row) for row in json.loads(read("passages.json")))
    lexical = Lexical({term: number for number, term in enumerate(terms)}, **arrays)
    names = [article.id for article in articles]
    spans = spans_of(names, passages)
    store = _store(read, manifest["cells_learnt_from"])
    return Index(
        articles=dict(zip(names, articles, strict=True)),
        passages=passages,
        spans=spans,
        recipe=manifest["recipe"],
        built_at=datetime.fromisoformat(manifest["built_at"]),
        store=store,
        centres=means(store.kinds["bodies"].vectors, spans),
        lexical=lexical,
        vocabulary=Vocabulary(json.loads(read("words.json"))),
        thresholds={lang: Thresholds(**row) for lang, row in manifest["thresholds"].items()},
        learnt_from=frozenset(manifest["learnt_from"]),
    ).warm()


def _store(read: Callable[[str], bytes], learnt_from: int) -> VectorStore:
    vectors, cells = _array(read("vectors.npy")), _array(read("cells.npy"))
    kinds, start = {}, 0
    for name, keys in zip(KINDS, json.loads(read("keys.json")), strict=True):
        rows = slice(start, start + len(keys))
        kinds[name] = Kind(tuple(keys), vectors[rows], cells[rows])
        start = rows.stop
    return VectorStore(kinds, _array(read("centres.npy")), learnt_from)


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        digest, _, content = path.read_bytes().partition(b"\n")
        manifest: dict[str, Any] = json.loads(content)
    except OSError as error:
        raise IndexDamaged(f"{path} is missing: build the index again") from error
    except ValueError as error:
        raise IndexDamaged(f"{path} cannot be read: build the index again") from error
    if hashlib.sha256(content).hexdigest().encode() != digest:
        raise IndexDamaged(f"{path} is not as it was written: build the index again")
    if manifest.get("format") != FORMAT:
        raise IndexDamaged(f"{path} has format {manifest.get('format')}, expected {FORMAT}")
    return manifest


def _checked_reader(folder: Path, digests: dict[str, str]) -> Callable[[str], bytes]:
    def read(name: str) -> bytes:
        try:
            content = (folder / name).read_bytes()
        except OSError as error:
            raise IndexDamaged(f"{folder / name} is missing: build the index again") from error
        if hashlib.sha256(content).hexdigest() != digests.get(name):
            reason = "is not as it was written: build the index again"
            raise IndexDamaged(f"{folder / name} {reason}")
        return content

    return read


def _current(directory: Path) -> Path:
    path = directory / CURRENT
    try:
        name = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError as error:
        raise IndexMissing(f"no index in {directory}: python -m search build") from error
    except (OSError, ValueError) as error:
        raise IndexDamaged(f"{path} cannot be read: build the index again") from error
    if not name.startswith(GENERATION) or "/" in name or not (directory / name).is_dir():
        raise IndexDamaged(f"{path} names no folder of the index: build the index again")
    return directory / name


def _point_to(directory: Path, name: str) -> None:
    temporary = directory / f".{CURRENT}-{os.getpid()}"
    _write(temporary, name.encode() + b"\n")
    os.replace(temporary, directory / CURRENT)
    flush_folder(directory)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Make the names in a folder, a rename above all, outlive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _seal(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode() + b"\n" + content


def _json(value: object) -> bytes:
    return json.dumps(value, default=_text).encode("ascii")


def _text(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def _npy(array: np.ndarray[Any, Any]) -> bytes:
    buffer = BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _array(content: bytes) -> np.ndarray[Any, Any]:
    array: np.ndarray[Any, Any] = np.load(BytesIO(content), allow_pickle=False)
    return array


def _article(row: dict[str, Any]) -> Article:
    for name in ("reviewed_on", "review_by", "publish_on", "expires_on"):
        row[name] = date.fromisoformat(row[name]) if row.get(name) else None
    row["questions"] = tuple(row["questions"])
    return Article(**row)
