"""An article's file as fields and text, and back, with every line nobody touched as it was.

Rule: pure. A field that keeps its value keeps its lines, byte for byte: its quotes, its comments,
its place. Keys we do not know are never dropped, and a file with a mistake in its front matter is
still shown as far as it can be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import yaml

Value = str | tuple[str, ...]

# The order in which docs/editors.md explains them; a field that is new to a file goes by it.
ORDER = (
    "title",
    "summary",
    "questions",
    "topic",
    "audience",
    "lang",
    "status",
    "owner",
    "reviewed_by",
    "reviewed_on",
    "review_by",
    "publish_on",
    "expires_on",
    "source",
    "translation_of",
    "made_by",
)
LISTS = ("questions",)
BOM = "\ufeff"

_FENCE = re.compile(r"^---[ \t]*$")
_FENCE_END = re.compile(r"^(---|\.\.\.)[ \t]*$")
_KEY = re.compile(r"^([\"']?)([A-Za-z_][\w.-]*)\1[ \t]*:(?=[ \t]|$)")
_BLANK = re.compile(r"^[ \t]*(#.*)?$")


class Undecodable(ValueError):
    """The file is not text we could write back as it was."""


@dataclass(frozen=True)
class Block:
    """The lines of one field; comments and blank lines between fields have no key."""

    key: str | None
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Document:
    """`body` begins with its first line that is not blank; `gap` is what stands before it."""

    blocks: tuple[Block, ...]
    gap: str
    body: str
    has_front: bool
    newline: str = "\n"
    bom: str = ""

    def value(self, key: str) -> str:
        """Return a field as one line; "" where there is none."""
        return _one_line(" ".join(_texts(self._read(key))))

    def values(self, key: str) -> tuple[str, ...]:
        """Return a field that is a list, an entry a line."""
        return tuple(_one_line(text) for text in _texts(self._read(key)))

    def keys(self) -> tuple[str, ...]:
        return tuple(block.key for block in self.blocks if block.key is not None)

    def with_body(self, body: str) -> Document:
        """Replace the text. The same words again leave the file's own line breaks as they are."""
        body = _tidy(body)
        if body == _tidy(self.body):
            return self
        gap = self.gap or ("\n" if self.has_front else "")
        return replace(self, body=body, gap=gap)

    def with_values(self, changes: Mapping[str, Value]) -> Document:
        """Set fields; an empty value removes one, the value it has already changes nothing."""
        blocks = list(self.blocks)
        for key, wanted in changes.items():
            before: Value = self.values(key) if isinstance(wanted, tuple) else self.value(key)
            if wanted != before:
                blocks = _set(blocks, key, wanted)
        return replace(self, blocks=tuple(blocks))

    def mended(self) -> Document:
        """Write anew what YAML cannot read: a field as a person reads it, other lines as comments.

        Right: `title: Parking: where?` becomes `title: "Parking: where?"`. Nothing is dropped.
        """
        blocks = [_mended(block) for block in self.blocks]
        return replace(self, blocks=tuple(blocks))

    def to_bytes(self) -> bytes:
        lines = [line for block in self.blocks for line in block.lines]
        if lines or self.has_front:
            front = "\n".join(["---", *lines, "---", ""])
            gap = self.gap if self.has_front else "\n"
            text = front + gap + self.body
        else:
            text = self.gap + self.body
        return (self.bom + text.replace("\n", self.newline)).encode("utf-8")

    def first_body_line(self) -> int:
        """Return the line of the file that the text begins on."""
        front = sum(len(block.lines) for block in self.blocks) + 2 if self.has_front else 0
        return front + self.gap.count("\n") + 1

    def place_of(self, line: int) -> tuple[str | None, int]:
        """Return the field a line of the file belongs to, or None and the line of the text."""
        if line >= self.first_body_line() or not self.has_front:
            return None, max(1, line - self.first_body_line() + 1)
        number = 1
        for block in self.blocks:
            number += len(block.lines)
            if line <= number:
                return block.key, 1
        return None, 1

    def _read(self, key: str) -> Any:
        found = [block for block in self.blocks if block.key == key]
        return _load(found[-1], key) if found else None


def read(content: bytes) -> Document:
    """Take a file apart. Raises Undecodable."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Undecodable("not UTF-8") from error
    if "\0" in text:
        raise Undecodable("there is a NUL character")
    bom = BOM if text.startswith(BOM) else ""
    newline = "\r\n" if "\r\n" in text else "\n"
    text = text.removeprefix(BOM).replace("\r\n", "\n").replace("\r", "\n")
    front, rest = _divide(text)
    gap = re.match(r"(?:[ \t]*\n)*", rest)
    cut = gap.end() if gap else 0
    blocks = () if front is None else tuple(_blocks(front))
    return Document(blocks, rest[:cut], rest[cut:], front is not None, newline, bom)


def new() -> Document:
    return Document((), "\n", "", has_front=True)


def _divide(text: str) -> tuple[list[str] | None, str]:
    lines = text.split("\n")
    if not _FENCE.match(lines[0]):
        return None, text
    for number, line in enumerate(lines[1:], start=1):
        if _FENCE_END.match(line):
            return lines[1:number], "\n".join(lines[number + 1 :])
    return None, text  # it never ends: all of it is text to be sorted out by hand


def _blocks(lines: Sequence[str]) -> Iterator[Block]:
    starts = [number for number, line in enumerate(lines) if _KEY.match(line)]
    if _as_a_whole(lines, starts) is not None:
        # Written in a way that has no line per field, as {title: …}: written out line by line.
        yield from (_block(key, value) for key, value in (_as_a_whole(lines, starts) or {}).items())
        return
    if starts[:1] != [0] and lines:
        yield Block(None, tuple(lines[: starts[0]] if starts else lines))
    for start, end in zip(starts, [*starts, len(lines)][1:], strict=True):
        key = _KEY.match(lines[start])
        assert key is not None
        last = end
        while last > start + 1 and _BLANK.match(lines[last - 1]) and lines[last - 1][:1] != " ":
            last -= 1  # comments before the next field are not this one's to lose
        yield Block(key.group(2), tuple(lines[start:last]))
        if last < end:
            yield Block(None, tuple(lines[last:end]))


def _as_a_whole(lines: Sequence[str], starts: Sequence[int]) -> dict[str, Any] | None:
    """Return the fields, if YAML sees others than the lines show."""
    try:
        front = yaml.load("\n".join(lines), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError):
        return None
    seen = {found.group(2) for n in starts if (found := _KEY.match(lines[n]))}
    if not isinstance(front, dict) or set(map(str, front)) == seen:
        return None
    return {str(key): value for key, value in front.items()}


def _block(key: str, value: Any) -> Block:
    if isinstance(value, str) or (
        isinstance(value, list) and all(isinstance(each, str) for each in value)
    ):
        return Block(key, _lines(key, tuple(value) if isinstance(value, list) else value))
    text = yaml.dump({key: value}, allow_unicode=True, sort_keys=False)
    return Block(key, tuple(text.rstrip("\n").split("\n")))


def _load(block: Block, key: str) -> Any:
    """Read one field by itself, so that a mistake in another does no harm to it."""
    try:
        front = yaml.load("\n".join(block.lines), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError):
        return _as_typed(block, key)
    return front.get(key) if isinstance(front, dict) else _as_typed(block, key)


def _as_typed(block: Block, key: str) -> Any:
    """Return what a person would read there, whatever YAML thinks: `title: Parking: the cost`."""
    first = _KEY.sub("", block.lines[0]).strip()
    rest = [line.strip() for line in block.lines[1:] if line.strip()]
    if key in LISTS:
        return [line.removeprefix("-").strip() for line in ([first] if first else []) + rest]
    return " ".join([first, *rest]).strip()


def _mended(block: Block) -> Block:
    if block.key is None:
        lines = (line if _BLANK.match(line) else f"# {line.strip()}" for line in block.lines)
        return replace(block, lines=tuple(lines))
    try:
        if isinstance(yaml.load("\n".join(block.lines), Loader=yaml.BaseLoader), dict):
            return block
    except (yaml.YAMLError, RecursionError):
        pass
    typed = _as_typed(block, block.key)
    value = tuple(map(_one_line, typed)) if isinstance(typed, list) else _one_line(typed)
    return replace(block, lines=_lines(block.key, value))


def _texts(value: Any) -> list[str]:
    """Return the texts of a value. `- when do I come: now or later` is a mapping to YAML."""
    texts = []
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            item = ", ".join(f"{key}: {part}" for key, part in item.items())
        if isinstance(item, str) and item.strip():
            texts.append(item)
    return texts


def _set(blocks: Sequence[Block], key: str, value: Value) -> list[Block]:
    places = [number for number, block in enumerate(blocks) if block.key == key]
    kept = [block for number, block in enumerate(blocks) if number not in places[:-1]]
    at = next((number for number, block in enumerate(kept) if block.key == key), None)
    new_block = [Block(key, _lines(key, value))] if value else []
    if at is not None:
        return [*kept[:at], *new_block, *kept[at + 1 :]]
    at = _place_for(kept, key)
    return [*kept[:at], *new_block, *kept[at:]]


def _place_for(blocks: Sequence[Block], key: str) -> int:
    """Return where a new field goes: below the last of those that stand before it in ORDER."""
    before = ORDER[: ORDER.index(key)] if key in ORDER else ORDER
    places = [number for number, block in enumerate(blocks) if block.key in before]
    return places[-1] + 1 if places else (0 if key in ORDER else len(blocks))


def _lines(key: str, value: Value) -> tuple[str, ...]:
    if isinstance(value, tuple):
        return (f"{key}:", *(f"  - {_scalar(text)}" for text in value))
    return (f"{key}: {_scalar(value)}",)


def _scalar(text: str) -> str:
    """Write a text as YAML: plain where every reader takes it as that text, else in quotes."""
    return text if _is_plain(text) else _quoted(text)


def _is_plain(text: str) -> bool:
    try:
        base = yaml.load(f"- {text}", Loader=yaml.BaseLoader)
        in_a_field = yaml.load(f"key: {text}", Loader=yaml.BaseLoader)
        typed = yaml.safe_load(f"- {text}")
    except (yaml.YAMLError, ValueError):
        return False
    is_text = isinstance(typed, list) and isinstance(typed[0], str | date)
    return base == [text] and in_a_field == {"key": text} and is_text


def _quoted(text: str) -> str:
    written = yaml.dump(text, default_style='"', allow_unicode=True, width=1_000_000)
    return written.rstrip("\n")


def _tidy(body: str) -> str:
    body = body.replace("\r\n", "\n").replace("\r", "\n").lstrip("\n").rstrip()
    return f"{body}\n" if body else ""


def _one_line(text: str) -> str:
    return " ".join(text.split())
