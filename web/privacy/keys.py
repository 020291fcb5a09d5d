"""The keys that patients' words are sealed with: AES-256-GCM, several keys, one of them active.

Rule: keys stand in one file that only its owner can read, never in the database and never in a
backup. A key's id is made from the key itself, so a wrong key cannot pass for the right one. What
was sealed opens only with its key and for the place it was sealed for. Another process may add a
key at any time: the file is looked at before each use.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from search.storage import flush_folder

KEY_BYTES = 32
NONCE_BYTES = 12  # random: NIST SP 800-38D, 8.2.2, allows 2**32 messages a key
ID_BYTES = 4
FORMAT = b"\x01"
HEAD_BYTES = len(FORMAT) + ID_BYTES


class KeysUnusable(Exception):
    """The keys are missing, wrong or damaged; the text is one line that says what to do."""


class DoesNotOpen(Exception):
    """What is stored was not sealed for this place, or was changed."""


class Keys(Protocol):
    """What the database needs of a key ring. place: which row it is, e.g. "message Zk3 7"."""

    def seal(self, words: bytes, place: str) -> bytes: ...

    def open(self, sealed: bytes, place: str) -> bytes: ...


@dataclass(frozen=True)
class Key:
    """retired_at: since then it only opens; backups from before it need it still."""

    secret: bytes = field(repr=False)
    made_at: datetime
    retired_at: datetime | None = None

    @property
    def id(self) -> str:
        return hashlib.sha256(b"front desk key id" + self.secret).digest()[:ID_BYTES].hex()


def new_key() -> Key:
    return Key(secrets.token_bytes(KEY_BYTES), datetime.now(UTC).replace(microsecond=0))


class KeyRing:
    """The keys of one installation.

    path: the file. text: the same content from the environment, instead of a file; it cannot be
    changed from here. Raises KeysUnusable when they are there and cannot be read.
    """

    def __init__(self, path: Path, text: str | None = None) -> None:
        self.path = path
        self.is_fixed = text is not None
        self._seen: tuple[int, ...] | None = None
        self._keys: dict[str, Key] = {}
        self._active: str | None = None
        self._ciphers: dict[str, AESGCM] = {}
        if text is not None:
            self._take(_read(text, "CLINIC_KEYS"))
        else:
            self._look()

    @property
    def keys(self) -> tuple[Key, ...]:
        """All keys, the oldest first."""
        self._look()
        return tuple(sorted(self._keys.values(), key=lambda key: (key.made_at, key.id)))

    @property
    def active(self) -> Key | None:
        """The key that seals; None while there are no keys."""
        self._look()
        return self._keys[self._active] if self._active else None

    def holds(self, key_id: str) -> bool:
        self._look()
        return key_id in self._keys

    def seal(self, words: bytes, place: str) -> bytes:
        """Return format, key id, nonce and ciphertext. Raises KeysUnusable."""
        self._look()
        if self._active is None:
            raise KeysUnusable(f"There are no keys in {self.path}")
        head = FORMAT + bytes.fromhex(self._active)
        nonce = secrets.token_bytes(NONCE_BYTES)
        return head + nonce + self._ciphers[self._active].encrypt(nonce, words, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """Raises DoesNotOpen, KeysUnusable."""
        key_id = key_id_of(sealed)
        if key_id not in self._ciphers:
            self._look()
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise KeysUnusable(f"Key {key_id} is not in {self.path}")
        nonce, words = sealed[HEAD_BYTES:][:NONCE_BYTES], sealed[HEAD_BYTES + NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, words, place.encode())
        except InvalidTag:
            raise DoesNotOpen(place) from None

    # Changing ------------------------------------------------------------------------------------

    def make_first(self) -> None:
        """Make a key where there is none yet; of two processes that try, one does."""
        if self.active is not None:
            return
        key = new_key()
        try:
            _write(self.path, [key], key.id, is_new=True)
        except FileExistsError:
            pass
        self._look()

    def add(self, key: Key) -> None:
        """Seal with this key from now on; those before it only open."""
        now = datetime.now(UTC).replace(microsecond=0)
        older = [replace(each, retired_at=each.retired_at or now) for each in self.keys]
        self._store([*(each for each in older if each.id != key.id), key], key.id)

    def take_in(self, text: str) -> tuple[str, ...]:
        """Add the keys of an exported ring, to open with; where there are none, to seal too.

        Returns the ids of those that are new. Raises KeysUnusable.
        """
        keys, active = _read(text, "The file")
        known = {key.id for key in self.keys}
        new = [key for key in keys.values() if key.id not in known]
        own = self.active
        if new:
            # The times they were retired are of no use here: all but the active one only open.
            self._store([*self.keys, *new], own.id if own else active)
        return tuple(key.id for key in new)

    def drop(self, key_id: str) -> None:
        """Destroy a key: what was sealed with it can never be read again, in no backup either."""
        assert self.active is not None and self.active.id != key_id
        self._store([key for key in self.keys if key.id != key_id], self.active.id)

    def text(self) -> str:
        """Return all keys as an exported ring has them. Keep it as safe as the keys."""
        assert self.active is not None
        return _text(self.keys, self.active.id)

    def _store(self, keys: list[Key], active: str) -> None:
        if self.is_fixed:
            raise KeysUnusable("The keys come from CLINIC_KEYS: change them where they are kept")
        _write(self.path, keys, active)
        self._look()

    # Reading -------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Read the file again where it is another than before. One that vanishes is kept."""
        if self.is_fixed:
            return
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            return
        seen = (found.st_mtime_ns, found.st_ino, found.st_size)
        if seen == self._seen:
            return
        try:
            self._take(_read(self.path.read_text(encoding="utf-8"), str(self.path)))
        except (OSError, UnicodeDecodeError) as error:
            raise KeysUnusable(f"{self.path} cannot be read ({type(error).__name__})") from None
        self._seen = seen

    def _take(self, found: tuple[dict[str, Key], str]) -> None:
        # In this order: another thread that seals meanwhile must find the active key.
        self._ciphers.update({key.id: AESGCM(key.secret) for key in found[0].values()})
        self._keys, self._active = found


def key_id_of(sealed: bytes) -> str:
    if sealed[: len(FORMAT)] != FORMAT or len(sealed) < HEAD_BYTES + NONCE_BYTES:
        raise DoesNotOpen("this is not a sealed text of this version")
    return sealed[len(FORMAT) : HEAD_BYTES].hex()


# The file ----------------------------------------------------------------------------------------


def _text(keys: tuple[Key, ...] | list[Key], active: str) -> str:
    rows = [
        {
            "id": key.id,
            "secret": base64.b64encode(key.secret).decode(),
            "made_at": key.made_at.isoformat(),
            "retired_at": key.retired_at.isoformat() if key.retired_at else None,
        }
        for key in keys
    ]
    return json.dumps({"active": active, "keys": rows}, indent=1) + "\n"


def _read(text: str, where: str) -> tuple[dict[str, Key], str]:
    try:
        content = json.loads(text)
        keys = {row["id"]: _key(row) for row in content["keys"]}
        active = content["active"]
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        raise KeysUnusable(f"{where} holds no keys of Front Desk, or is damaged") from None
    if active not in keys or any(id != key.id for id, key in keys.items()):
        raise KeysUnusable(f"{where} is damaged: a key does not fit its id")
    return keys, active


def _key(row: dict[str, Any]) -> Key:
    secret = base64.b64decode(row["secret"], validate=True)
    if len(secret) != KEY_BYTES:
        raise ValueError("a key of another length")
    retired = row["retired_at"]
    return Key(
        secret,
        datetime.fromisoformat(row["made_at"]),
        datetime.fromisoformat(retired) if retired else None,
    )


def _write(path: Path, keys: list[Key], active: str, *, is_new: bool = False) -> None:
    """Write aside and put in place whole. is_new: raises FileExistsError where there is one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(_text(keys, active))
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            os.link(draft, path)
        else:
            os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    flush_folder(path.parent)  # a key must not be lost when what it sealed is not
