"""A file that an editor looks at before it becomes drafts: kept an hour, for them alone.

Rule: one for each person; the next takes its place. It is no article, and nothing is served of it.
"""

from __future__ import annotations

import hashlib
import io
import os
import time
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

FOLDER = "imports"
MAX_BYTES = 9_000_000  # larger ones by the command line, which has no proxy before it
KEPT_S = 3600
MAX_NAME = 200


class UploadRefused(ValueError):
    """The text says what to do."""


class UploadGone(LookupError):
    """It was dropped, is past its hour, or another was chosen meanwhile."""


@dataclass(frozen=True)
class Upload:
    name: str
    content: bytes

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()[:16]


def of_files(files: Sequence[tuple[str, bytes]]) -> Upload:
    """Return one upload for what was chosen: several files go into a zip."""
    if sum(len(content) for _, content in files) > MAX_BYTES:
        most = f"{MAX_BYTES // 1_000_000} MB"
        raise UploadRefused(
            f"More than {most} at once. Choose fewer files, or ask the person who runs this"
            " computer system to import them."
        )
    names = [_plain(name) for name, _ in files]
    if len(files) == 1:
        return Upload(names[0], files[0][1])
    if any(name.casefold().endswith(".zip") for name in names):
        raise UploadRefused("Choose a zip alone, without other files.")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for number, (_, content) in enumerate(files):
            name = names[number]
            twice = name in names[:number]
            file.writestr(f"{number}/{name}" if twice else name, content)
    return Upload("files.zip", packed.getvalue())


def _plain(name: str) -> str:
    last = PurePosixPath(name.replace("\\", "/")).name
    return "".join(letter for letter in last if letter.isprintable())[-MAX_NAME:] or "file"


def keep(var: Path, staff_id: int, upload: Upload) -> None:
    """Put it by for `find`."""
    folder = var / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _forget_old(folder)
    descriptor = os.open(folder / str(staff_id), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(upload.name.encode() + b"\n" + upload.content)


def find(var: Path, staff_id: int, digest: str) -> Upload:
    """Return what was looked at. Raises UploadGone."""
    try:
        name, _, content = (var / FOLDER / str(staff_id)).read_bytes().partition(b"\n")
    except OSError as error:
        raise UploadGone from error
    upload = Upload(name.decode(), content)
    if upload.digest != digest:
        raise UploadGone
    return upload


def drop(var: Path, staff_id: int) -> None:
    (var / FOLDER / str(staff_id)).unlink(missing_ok=True)


def _forget_old(folder: Path) -> None:
    for path in folder.iterdir():
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > KEPT_S:
                path.unlink()
