"""Read one Markdown file into an Article.

Rule: an article is read whole or refused with the line and the reason; what is damaged is never
guessed at. Review facts are not demanded here: publishing asks for them, the index takes what it
can.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from search.language import notice_language

MAX_BYTES = 1_000_000
# What Markdown takes seconds for, or gives up on; no article for people comes near.
MAX_DEPTH = 20
MAX_BRACKETS = 1_000
MAX_ABBREVIATIONS = 100
INDENT = 4
PUBLISHED = "published"
PUBLIC = "public"

_FENCE = re.compile(r"^---[ \t]*$")
_FENCE_END = re.compile(r"^(---|\.\.\.)[ \t]*$")
_NEST = re.compile(r"[ \t]*(?:(?:>|[-*+]|\d{1,9}[.)])(?:[ \t]+|(?<=>)|(?=>)|$))*")
_NEST_MARK = re.compile(r">|[-*+]|\d+[.)]")
_OPENING = tuple(" \t>-*+0123456789")
_RULE = re.compile(r" {0,3}([-*_])(?: {0,2}\1)+[ \t]*$")
_ABBREVIATION = re.compile(r"^ {0,3}\*\[", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\{\{\s*([a-z_][a-z0-9_.]*)\s*\}\}")
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.+?)[ \t]*#*[ \t]*$", re.MULTILINE)
_TITLE_KEY = re.compile(r"^title[ \t]*:")
# The C loader reads a front matter ten times faster. The Base kind reads every scalar as a string:
# 17:30 stays 17:30, and `no` stays no.
_Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


@dataclass(frozen=True)
class Article:
    id: str
    title: str
    summary: str
    questions: tuple[str, ...]
    topic: str
    audience: str
    lang: str
    status: str
    owner: str
    reviewed_by: str
    reviewed_on: date | None
    review_by: date | None
    source: str
    translation_of: str
    body: str
    digest: str
    key: str = ""
    """The front matter's own `id`, where it has one: two articles may not claim the same."""
    title_line: int = 1
    publish_on: date | None = None
    expires_on: date | None = None
    """From publish_on on it is shown, from expires_on on no more."""
    made_by: str = ""
    """`machine` for a text no person wrote."""

    def is_shown_on(self, day: date) -> bool:
        begun = self.publish_on is None or self.publish_on <= day
        return begun and (self.expires_on is None or day < self.expires_on)

    @property
    def is_demo(self) -> bool:
        return "demo" in self.reviewed_by.casefold()


class ArticleInvalid(Exception):
    def __init__(self, article: str, line: int, reason: str) -> None:
        super().__init__(f"{article}.md line {line}: {reason}")
        self.article = article
        self.line = line
        self.reason = reason


def article_id(path: Path, root: Path) -> str:
    return path.relative_to(root).with_suffix("").as_posix()


def read_article(path: Path, root: Path, facts: Mapping[str, str] | None = None) -> Article:
    """Read the file; `{{clinic.phone}}` is replaced where facts has it, else stays as written.

    facts: name → text; a name like `es:clinic.hours` is for Spanish articles alone.
    Raises ArticleInvalid with the line and the reason.
    """
    name = article_id(path, root)
    return parse_article(name, _read_bytes(path, root, name), facts or {})


def parse_article(name: str, content: bytes, facts: Mapping[str, str]) -> Article:
    text = _decode(name, content)
    front_text, body, body_line = _divide(name, text)
    front = _read_front_matter(name, front_text)
    given = {key: value for key, value in front.items() if isinstance(value, str)}
    lang = _word(given, "lang")[:2] or notice_language(f"{given.get('title', '')} {body[:400]}")
    facts = _in_language(facts, lang)
    used = {key: facts[key] for key in _PLACEHOLDER.findall(text) if key in facts}
    fields = {key: _fill(value, facts) for key, value in given.items()}
    questions = tuple(_fill(line, facts) for line in _lines(front.get("questions")))
    body = _fill(body, facts)
    _check_shape(name, body, body_line)
    title, title_line = _find_title(name, fields, text, body, body_line)
    summary = _one_line(fields.get("summary", ""))
    if not (_has_words(body) or summary):
        raise ArticleInvalid(name, body_line, "there is no text below the title")
    return Article(
        id=name,
        title=title,
        summary=summary,
        questions=questions,
        topic=_one_line(fields.get("topic", "")),
        audience=_word(fields, "audience") or PUBLIC,
        lang=lang,
        status=_word(fields, "status") or PUBLISHED,
        owner=_one_line(fields.get("owner", "")),
        reviewed_by=_one_line(fields.get("reviewed_by", "")),
        reviewed_on=_date(fields.get("reviewed_on", "")),
        review_by=_date(fields.get("review_by", "")),
        source=_one_line(fields.get("source", "")),
        translation_of=_one_line(fields.get("translation_of", "")).removesuffix(".md"),
        body=body,
        digest=_digest(content, used),
        key=_one_line(fields.get("id", "")),
        title_line=title_line,
        publish_on=_date(fields.get("publish_on", "")),
        expires_on=_date(fields.get("expires_on", "")),
        made_by=_word(fields, "made_by"),
    )


def unknown_placeholders(article: Article) -> tuple[str, ...]:
    """Return the placeholders that no fact has filled, each once, in order of appearance."""
    texts = (article.title, article.summary, *article.questions, article.body)
    return tuple(dict.fromkeys(name for text in texts for name in _PLACEHOLDER.findall(text)))


def _read_bytes(path: Path, root: Path, name: str) -> bytes:
    try:
        if not path.resolve(strict=True).is_relative_to(root.resolve()):
            raise ArticleInvalid(
                name, 1, "the file is a link that leads out of the articles folder"
            )
        if not path.is_file():
            raise ArticleInvalid(name, 1, "this is not a file")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ArticleInvalid(name, 1, f"{size} bytes is more than the {MAX_BYTES} allowed")
        return path.read_bytes()
    except (OSError, RuntimeError) as error:  # RuntimeError: a link that leads to itself
        reason = getattr(error, "strerror", None) or "a link that leads nowhere"
        raise ArticleInvalid(name, 1, f"the file cannot be read: {reason}") from error


def _decode(name: str, content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ArticleInvalid(name, line, f"byte {error.start} is not UTF-8") from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise ArticleInvalid(name, line, "there is a NUL character: is this a text file?")
    if not text.strip():
        raise ArticleInvalid(name, 1, "the file is empty")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _divide(name: str, text: str) -> tuple[str, str, int]:
    """Return front matter, body, and the line the body starts on."""
    lines = text.split("\n")
    if not _FENCE.match(lines[0]):
        return "", text, 1
    for number, line in enumerate(lines[1:], start=1):
        if _FENCE_END.match(line):
            return "\n".join(lines[1:number]), "\n".join(lines[number + 1 :]), number + 2
    raise ArticleInvalid(name, 1, "the front matter has no closing --- line")


def _check_shape(name: str, body: str, body_line: int) -> None:
    """Refuse what nobody reads and Markdown cannot: one such article would hold up all others."""
    for number, line in enumerate(body.split("\n"), start=body_line):
        if _depth(line) > MAX_DEPTH:
            reason = f"lists or quotes lie more than {MAX_DEPTH} deep; take some out"
            raise ArticleInvalid(name, number, reason)
    if body.count("[") > MAX_BRACKETS:
        reason = f"more than {MAX_BRACKETS} square brackets; make several articles of it"
        raise ArticleInvalid(name, body_line, reason)
    if len(_ABBREVIATION.findall(body)) > MAX_ABBREVIATIONS:
        reason = f"more than {MAX_ABBREVIATIONS} abbreviations; explain them where they stand"
        raise ArticleInvalid(name, body_line, reason)


def _depth(line: str) -> int:
    if line[:1] not in _OPENING or _RULE.match(line):
        return 0
    start = _NEST.match(line)
    opening = start[0].expandtabs(INDENT) if start else ""
    indent = len(opening) - len(opening.lstrip(" "))
    return indent // INDENT + len(_NEST_MARK.findall(opening))


def _read_front_matter(name: str, text: str) -> dict[str, Any]:
    try:
        front = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        is_open = "end of stream" in str(error.problem)  # what was opened is the line to mend
        mark = (is_open and error.context_mark) or error.problem_mark or error.context_mark
        line = (mark.line if mark else 0) + 2
        raise ArticleInvalid(name, line, f"YAML: {_reason(error, text, line)}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise ArticleInvalid(name, 2, "YAML: it cannot be read") from error
    if front is None or front == "":
        return {}
    if not isinstance(front, dict):
        raise ArticleInvalid(name, 2, "the front matter is not a list of `name: value` lines")
    return front


def _reason(error: yaml.MarkedYAMLError, text: str, line: int) -> str:
    lines = text.split("\n")
    here = lines[line - 2] if 0 <= line - 2 < len(lines) else ""
    if "\t" in here[: len(here) - len(here.lstrip())] or "'\\t'" in str(error.problem):
        return "a line is indented with a tab; use spaces"
    return str(error.problem or "it cannot be read")


def _find_title(
    name: str, fields: dict[str, str], text: str, body: str, body_line: int
) -> tuple[str, int]:
    title = _one_line(fields.get("title", ""))
    if title:
        lines = text.split("\n")
        return title, next((n for n, row in enumerate(lines, 1) if _TITLE_KEY.match(row)), 1)
    heading = _HEADING.search(body)
    if heading is None:
        raise ArticleInvalid(name, 1, "there is no title and no heading")
    plain = re.sub(r"[*_`]|\{[:#][^}]*\}", "", heading.group(1))
    return _one_line(plain), body_line + body[: heading.start()].count("\n")


def _lines(value: Any) -> list[str]:
    """Return the texts of a YAML list. `- when do I come: now or later` is a mapping to YAML."""
    items = value if isinstance(value, list) else [value]
    texts = []
    for item in items:
        if isinstance(item, dict):
            item = ", ".join(f"{key}: {part}" for key, part in item.items())
        if isinstance(item, str) and item.strip():
            texts.append(_one_line(item))
    return texts


def _in_language(facts: Mapping[str, str], lang: str) -> dict[str, str]:
    """Return the facts for an article: in Spanish, `es:clinic.hours` goes before `clinic.hours`."""
    own = f"{lang}:"
    return {**facts, **{k.removeprefix(own): v for k, v in facts.items() if k.startswith(own)}}


def _fill(text: str, facts: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: facts.get(found.group(1), found.group(0)), text)


def _digest(content: bytes, used: dict[str, str]) -> str:
    digest = hashlib.sha256(content)
    if used:
        digest.update(json.dumps(used, sort_keys=True).encode())
    return digest.hexdigest()


def _has_words(body: str) -> bool:
    return any(character.isalnum() for character in _HEADING.sub("", body))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _word(fields: dict[str, str], key: str) -> str:
    return fields.get(key, "").strip().casefold()


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None
