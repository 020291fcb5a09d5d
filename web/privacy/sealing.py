"""Words of people as the database holds them: sealed, for one row of one table.

Rule: whatever a patient or an agent wrote stands in a `sealed` column and nowhere else. The words
of a row are sealed together with its place, so a row copied to another conversation does not open.
They are opened when they are first looked at, not when the row is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar, overload

from sqlalchemy import Dialect, Engine, LargeBinary
from sqlalchemy.types import TypeDecorator

from web.privacy.keys import Keys, KeysUnusable

Part = TypeVar("Part")


class Letter:
    """The words of one row, part name → value. Never changed: a row gets a new one."""

    __slots__ = ("_keys", "_place", "_sealed", "_words")

    def __init__(self, place: str, words: Mapping[str, Any]) -> None:
        self._place: str | None = place
        self._words: Mapping[str, Any] | None = words
        self._sealed: bytes | None = None
        self._keys: Keys | None = None

    @classmethod
    def closed(cls, sealed: bytes, keys: Keys | None) -> Letter:
        letter = cls("", {})
        letter._place = letter._words = None
        letter._sealed, letter._keys = sealed, keys
        return letter

    def open(self, place: str) -> Mapping[str, Any]:
        """Return the words. Raises DoesNotOpen when they were sealed for another place."""
        if self._words is None:
            assert self._sealed is not None
            self._words = json.loads(_held(self._keys).open(self._sealed, place))
            self._place = place
        assert self._place == place
        return self._words

    def seal(self, keys: Keys | None) -> bytes:
        assert self._place is not None and self._words is not None
        words = json.dumps(self._words, ensure_ascii=False, separators=(",", ":"))
        return _held(keys).seal(words.encode("utf-8", "surrogatepass"), self._place)

    def __repr__(self) -> str:
        return "Letter()"  # never the words: a repr ends in logs


class Sealed(TypeDecorator[Letter]):
    """A column of letters: key id, nonce and ciphertext."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Letter | None, dialect: Dialect) -> bytes | None:
        return None if value is None else value.seal(_keys_of(dialect))

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Letter | None:
        return None if value is None else Letter.closed(value, _keys_of(dialect))


class SealedRow:
    """A row with words of people in it. Its place must be known before a part is set."""

    sealed: Any  # Mapped[Letter | None]

    def place(self) -> str:
        raise NotImplementedError


class part(Generic[Part]):  # used like a type of column
    """One part of a row's letter: `text = part(str)`. empty: makes what an unwritten part holds.

    It is no column: `select(Message.text)` is an error, `Message.text == "…"` is always false.
    """

    def __init__(self, empty: Callable[[], Part]) -> None:
        self._empty = empty
        self._name = ""

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, row: None, owner: type) -> part[Part]: ...

    @overload
    def __get__(self, row: SealedRow, owner: type) -> Part: ...

    def __get__(self, row: SealedRow | None, owner: type) -> Any:
        if row is None:
            return self
        words = {} if row.sealed is None else row.sealed.open(row.place())
        return words[self._name] if self._name in words else self._empty()

    def __set__(self, row: SealedRow, value: Part) -> None:
        place = row.place()
        if row.sealed is None and value == self._empty():
            return
        words = {} if row.sealed is None else row.sealed.open(place)
        row.sealed = Letter(place, {**words, self._name: value})


def use_keys(engine: Engine, keys: Keys | None) -> None:
    """Seal and open with these keys whatever goes through this engine."""
    engine.dialect.front_desk_keys = keys  # type: ignore[attr-defined]


def _keys_of(dialect: Dialect) -> Keys | None:
    return getattr(dialect, "front_desk_keys", None)


def _held(keys: Keys | None) -> Keys:
    if keys is None:
        raise KeysUnusable("The database was opened without its keys")
    return keys
