"""What keeps an article from being published, and what makes it a worse answer; each with its mend.

Rule: pure, and the same for a file (`./clinic lint`, `doctor`) and for what stands in the editor's
form. FAIL stops publishing, WARN does not. `line` counts in the file.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import lru_cache

from safety.identifiers import mask
from search.articles import Article, unknown_placeholders
from search.links import picture_name
from search.passages import render
from web.articles import drafts, reading

NEEDED_FACTS = {
    "title": "Write the patient's question or task.",
    "summary": "Write the answer in one sentence.",
    "topic": "Name the group it stands in, such as billing.",
    "owner": "Name the team that knows: Billing team.",
    "reviewed_by": "Name who checked that it is true.",
    "reviewed_on": "Write the day of that check: 2026-11-01.",
    "review_by": "Write the day it must be read again: 2027-05-01.",
}
ALLOWED = {
    "audience": ("public", "staff"),
    "status": ("draft", "in_review", "published", "withdrawn"),
}
# docs/editors.md, section 3: the chat shows about this much at once.
MAX_PASSAGE_WORDS = 110

PRIVATE = {
    "SSN": "a social security number",
    "CARD": "a card number",
    "DOB": "somebody's date of birth",
    "MRN": "a record number",
    "MEMBER_ID": "an insurance member number",
    "NAME": "a patient's name",
}
MAX_HARD_WORDS = 6

_EMPTY_LINK = re.compile(
    r"\[\s*(?:click here|here|this link|read more|more|link|aquí|haga clic aquí|este enlace|más)"
    r"\s*\]\(",
    re.IGNORECASE,
)
_LEFT_OVER = re.compile(r"(?<!!)\[[A-ZÁÉÍÓÚÑ$][^\]\n]*\](?![(\[:])")
# What a camera or a program calls a picture says nothing to those who cannot see it.
_NO_ALTERNATIVE = re.compile(
    r"!\[\s*(?:|[\w\- ]+\.\w{3,4}"
    r"|(?:img|image|dsc|screenshot|photo|picture|foto|imagen)[\W\d_]*)\s*\](?:\(|\[|$)",
    re.IGNORECASE,
)
_PICTURE = re.compile(r"!\[[^\]]*\]\(\s*<?([^)>\s]*)")
_RAW_PICTURE = re.compile(r"<(?:img|picture|svg|video)\b|!\[[^\]]*\]\[", re.IGNORECASE)
_ITEM = re.compile(r"^\s*[-*] ")
_TITLE_HEADING = re.compile(r"^ {0,3}# +\S")
_LINK = re.compile(r"\]\((?!/|[a-z][a-z0-9+.-]*:)([^)\s#]+\.md)(?:#[^)\s]*)?\)")
_ANCHOR = re.compile(r"\]\(#([^)\s]+)\)")
_ID = re.compile(r' id="([^"]+)"')
_CODE = re.compile(r"^(```|~~~)")
_FENCE = re.compile(r"^---[ \t]*$")
_HEADING = re.compile(r"^ {0,3}#{1,6} +\S")
_TARGET = re.compile(r"\]\([^)]*\)")
_LETTER = re.compile(r"\w")


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True)
class ArticleProblem:
    """field: of the front matter, None for the text. other: the article it is about as well."""

    file: str
    line: int
    what: str
    mend: str
    level: Level = Level.FAIL
    field: str | None = None
    other: str = ""


@dataclass(frozen=True)
class Neighbour:
    """What one article has to know of another."""

    id: str
    title: str
    lang: str
    status: str


@dataclass(frozen=True)
class Folder:
    """What one article has to know of all. `published`: language and title → ids.

    pictures: the names of those in the folder; None where nobody looked.
    """

    ids: frozenset[str] = frozenset()
    published: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    pictures: Collection[str] | None = None

    @classmethod
    def of(cls, neighbours: Iterable[Neighbour], pictures: Collection[str] | None = None) -> Folder:
        published: dict[tuple[str, str], tuple[str, ...]] = {}
        ids = set()
        for each in neighbours:
            ids.add(each.id)
            if each.status == "published":
                key = each.lang, each.title.casefold()
                published[key] = (*published.get(key, ()), each.id)
        return cls(frozenset(ids), published, pictures)


def problems_of(
    file: str,
    text: str,
    article: Article,
    today: date,
    neighbours: Collection[Neighbour] = (),
    own_numbers: Collection[str] = (),
    pictures: Collection[str] | None = None,
) -> Iterator[ArticleProblem]:
    """Look at one article.

    text: the file as it is, for the line numbers. article: read from it, its placeholders filled.
    neighbours: every article of the folder; this one's own row is passed over. own_numbers: the
    clinic's phones and addresses, which are no patient's. pictures: see Folder.
    """
    yield from own_problems(file, text, article, today, own_numbers)
    yield from folder_problems(file, text, article, Folder.of(neighbours, pictures))


def own_problems(
    file: str, text: str, article: Article, today: date, own_numbers: Collection[str] = ()
) -> Iterator[ArticleProblem]:
    """Yield what is wrong with it whatever else the folder holds."""
    lines = text.splitlines()
    for problem in (
        *_fact_problems(article),
        *_date_problems(article, today),
        *_machine_problems(article),
        *_placeholder_problems(article),
        *_text_problems(lines),
        *_picture_problems(lines),
        *_anchor_problems(article),
        *_reading_problems(lines, article),
        *_privacy_problems(lines, own_numbers),
    ):
        yield _placed(file, lines, problem)


def folder_problems(
    file: str, text: str, article: Article, folder: Folder
) -> Iterator[ArticleProblem]:
    """Yield what is wrong beside the others; quick, since each change of one changes it for all."""
    found = (*_neighbour_problems(article, folder), *_gone_pictures(article, folder))
    lines = text.splitlines() if found else []
    yield from (_placed(file, lines, problem) for problem in found)


@dataclass(frozen=True)
class _Found:
    """`at`: the line, or what stands on it."""

    what: str
    mend: str
    at: int | str = 1
    field: str | None = None
    level: Level = Level.FAIL


def _placed(file: str, lines: list[str], found: _Found) -> ArticleProblem:
    line = found.at if isinstance(found.at, int) else _line_of(lines, found.at)
    return ArticleProblem(file, line, found.what, found.mend, found.level, found.field)


def _fact_problems(article: Article) -> Iterator[_Found]:
    for name, mend in NEEDED_FACTS.items():
        if not getattr(article, name):
            yield _Found(f"{name} is missing or not readable", mend, f"{name}:", name)
    for name, allowed in ALLOWED.items():
        value = getattr(article, name)
        if value not in allowed:
            what = f"{name} is {value}, which is not known"
            yield _Found(what, f"Write one of: {', '.join(allowed)}.", f"{name}:", name)
    if not article.questions:
        mend = "Write down how people really ask, in their words: five to eight lines."
        what = "there are no sample questions"
        yield _Found(what, mend, "questions:", "questions", Level.WARN)


def _date_problems(article: Article, today: date) -> Iterator[_Found]:
    reviewed, until = article.reviewed_on, article.review_by
    if reviewed and until and until < reviewed:
        what = "review_by lies before reviewed_on"
        yield _Found(what, "Correct the dates.", "review_by:", "review_by")
    elif until and until < today:
        what = f"its review was due on {until.isoformat()}"
        mend = "Read it again, correct it, and set reviewed_on and review_by."
        yield _Found(what, mend, "review_by:", "review_by", Level.WARN)


def _machine_problems(article: Article) -> Iterator[_Found]:
    unnamed = not article.reviewed_by or drafts.is_demo(article.reviewed_by)
    if article.made_by == "machine" and unnamed:
        what = "made_by says that a machine wrote it, and no person vouches for it"
        yield _Found(what, "Let somebody check it and write their name.", "made_by:", "reviewed_by")


def _placeholder_problems(article: Article) -> Iterator[_Found]:
    in_fields = {"title": article.title, "summary": article.summary}
    for name in unknown_placeholders(article):
        field = next((key for key, text in in_fields.items() if name in text), None)
        if field is None and any(name in question for question in article.questions):
            field = "questions"
        mend = "Write it as in clinic.toml, or add the fact there."
        yield _Found(f"{{{{{name}}}}} is not a fact", mend, name, field)


def _text_problems(lines: list[str]) -> Iterator[_Found]:
    for number, line in _outside_code(lines):
        if _TITLE_HEADING.match(line):
            mend = "The title is the only one of its size. Begin the line with ## instead."
            yield _Found("a heading begins with a single #", mend, number, level=Level.WARN)
        if _EMPTY_LINK.search(line):
            mend = "Say where it leads: [our payment plans](payment-plans.md)."
            yield _Found("a link says nothing of where it leads", mend, number, level=Level.WARN)
        if _LEFT_OVER.search(line):
            mend = "Write the clinic's own words in its place."
            yield _Found("a text in square brackets is still to be replaced", mend, number)
    yield from _jumps(lines)
    for number, words in _sections(lines):
        if words > MAX_PASSAGE_WORDS:
            what = f"{words} words under one heading are more than the chat shows at once"
            mend = f"Cut it to {MAX_PASSAGE_WORDS}, or put a ## heading in between."
            yield _Found(what, mend, number, level=Level.WARN)


def _anchor_problems(article: Article) -> Iterator[_Found]:
    """Links to a heading of the same article."""
    wanted = dict.fromkeys(_ANCHOR.findall(article.body))
    if not wanted:
        return  # rendering costs more than all else here
    there = set(_ID.findall(render(article)))
    for anchor in wanted:
        if anchor not in there:
            what = f"the link to #{anchor} leads nowhere"
            mend = "Write the heading's words in small letters, with - for each space."
            yield _Found(what, mend, f"(#{anchor}", level=Level.WARN)


def _picture_problems(lines: list[str]) -> Iterator[_Found]:
    for number, line in _outside_code(lines):
        if _NO_ALTERNATIVE.search(line):
            mend = "Say in the square brackets what the picture shows."
            yield _Found("a picture has no text for those who cannot see it", mend, number)
        if _RAW_PICTURE.search(line):
            mend = "Put it in with the button Picture above the text."
            yield _Found("a picture is written in a way that patients do not get", mend, number)
        if any(picture_name(src) is None for src in _PICTURE.findall(line)):
            mend = "Take a copy into the article: the button Picture above the text."
            yield _Found("a picture lies elsewhere, so patients do not get it", mend, number)


def _gone_pictures(article: Article, folder: Folder) -> Iterator[_Found]:
    for src in _PICTURE.findall(article.body) if folder.pictures is not None else ():
        name = picture_name(src)
        if name is not None and name not in (folder.pictures or ()):
            mend = "Choose the picture anew, or take the line out."
            yield _Found("a picture is not in the folder any more", mend, name)


def _jumps(lines: list[str]) -> Iterator[_Found]:
    before = 1  # the title
    for number, line in _outside_code(lines):
        if not _HEADING.match(line):
            continue
        level = len(line.strip().split(" ")[0])
        if level > before + 1:
            what = f"a heading jumps from level {before} to level {level}"
            yield _Found(
                what, f"Begin the line with {'#' * (before + 1)}.", number, None, Level.WARN
            )
        before = level


def _reading_problems(lines: list[str], article: Article) -> Iterator[_Found]:
    found = reading.read(article.body, article.lang)
    if found.is_hard:
        words = ", ".join(reading.hard_words(article.body, article.lang)[:MAX_HARD_WORDS])
        what = f"the text reads like grade {found.grade:.0f}" if found.grade else "the text is hard"
        mend = "Shorter sentences, common words." + (f" Long words: {words}." if words else "")
        yield _Found(what, mend, first_of_text(lines), level=Level.WARN)
    for number, count in reading.long_sentences(_outside_code(lines)):
        what = f"a sentence has {count} words"
        yield _Found(what, "Make two of it.", number, level=Level.WARN)


def _privacy_problems(lines: list[str], own: Collection[str]) -> Iterator[_Found]:
    """Numbers and names that look like a patient's; the clinic's own are none."""
    for number, line in enumerate(lines, start=1):
        kinds = set(_private_kinds(line, tuple(own)))
        if _ITEM.match(line):
            kinds.discard("NAME")  # of a plan or a firm, as a list of them has
        for kind in sorted(kinds):
            mend = "Take it out: every patient can read this."
            level = Level.WARN if kind == "NAME" else Level.FAIL
            yield _Found(f"this looks like {PRIVATE[kind]}", mend, number, level=level)


@lru_cache(maxsize=100_000)
def _private_kinds(line: str, own: tuple[str, ...]) -> frozenset[str]:
    """What takes longest of all checks: only a line that holds something is compared with `own`."""
    kinds = PRIVATE.keys() & (span.type.value for span in mask(line).spans)
    if kinds and own:
        kinds &= {span.type.value for span in mask(line, own).spans}
    return frozenset(kinds)


def _sections(lines: list[str]) -> list[tuple[int, int]]:
    """Return line and words of each part; counted in the source: rendering costs much more."""
    sections = [(min(first_of_text(lines), max(1, len(lines))), 0)]
    for number, line in _outside_code(lines):
        if _HEADING.match(line):
            sections.append((number, 0))
            continue
        words = sum(1 for word in _TARGET.sub("]", line).split() if _LETTER.search(word))
        sections[-1] = (sections[-1][0], sections[-1][1] + words)
    return sections


def _neighbour_problems(article: Article, folder: Folder) -> Iterator[_Found]:
    if article.status == "published":
        same = folder.published.get((article.lang, article.title.casefold()), ())
        for other in same:
            if other != article.id:
                what = f"{other} has the same title"
                mend = "Merge the two, or make the titles say how they differ."
                yield _Found(what, mend, "title:", "title")
    if not folder.ids:
        return
    if article.translation_of and article.translation_of not in folder.ids:
        what = f"there is no article {article.translation_of}"
        mend = "Write the path of the first article, without .md."
        yield _Found(what, mend, "translation_of:", "translation_of", Level.WARN)
    for target, name in linked(article).items():
        if name not in folder.ids:
            what = f"the link to {target} leads nowhere"
            yield _Found(what, "Correct the link, or take it out.", f"({target}", level=Level.WARN)


def linked(article: Article) -> dict[str, str]:
    """Return each link to an article as it is written, and the id it leads to."""
    folder = posixpath.dirname(article.id)
    paths = {target: posixpath.join(folder, target) for target in _LINK.findall(article.body)}
    return {target: posixpath.normpath(path).removesuffix(".md") for target, path in paths.items()}


def neighbour(article: Article) -> Neighbour:
    return Neighbour(article.id, article.title, article.lang, article.status)


def is_ready(problems: Iterable[ArticleProblem]) -> bool:
    """Tell whether nothing found stops publishing."""
    return all(problem.level is not Level.FAIL for problem in problems)


def _outside_code(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Yield the lines of the text with their numbers; in code a `# x` is no heading."""
    is_code, first = False, first_of_text(lines)
    for number, line in enumerate(lines[first - 1 :], start=first):
        if _CODE.match(line.strip()):
            is_code = not is_code
        elif not is_code:
            yield number, line


def first_of_text(lines: list[str]) -> int:
    """Return the line below the front matter."""
    if not lines or not _FENCE.match(lines[0]):
        return 1
    ends = (number for number, line in enumerate(lines[1:], start=2) if _FENCE.match(line))
    return next(ends, 0) + 1


def _line_of(lines: list[str], text: str) -> int:
    """Return the first line that holds the text; the first of the file when none does."""
    return next((n for n, line in enumerate(lines, start=1) if text in line), 1)
