"""The rules for an article's text: headings, links, pictures, hard words, nobody's numbers."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import lru_cache

from safety.identifiers import mask
from search.articles import Article
from search.links import picture_name
from search.passages import render
from web.articles import reading
from web.articles.problems import Found, Level

# docs/editors.md, section 3: the chat shows about this much at once.
MAX_PASSAGE_WORDS = 110
MAX_HARD_WORDS = 6
PRIVATE = {
    "SSN": "a social security number",
    "CARD": "a card number",
    "DOB": "somebody's date of birth",
    "MRN": "a record number",
    "MEMBER_ID": "an insurance member number",
    "NAME": "a patient's name",
}

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
PICTURE = re.compile(r"!\[[^\]]*\]\(\s*<?([^)>\s]*)")
_RAW_PICTURE = re.compile(r"<(?:img|picture|svg|video)\b|!\[[^\]]*\]\[", re.IGNORECASE)
_ITEM = re.compile(r"^\s*[-*] ")
_TITLE_HEADING = re.compile(r"^ {0,3}# +\S")
_ANCHOR = re.compile(r"\]\(#([^)\s]+)\)")
_ID = re.compile(r' id="([^"]+)"')
_CODE = re.compile(r"^(```|~~~)")
_FENCE = re.compile(r"^---[ \t]*$")
_HEADING = re.compile(r"^ {0,3}#{1,6} +\S")
_TARGET = re.compile(r"\]\([^)]*\)")
_LETTER = re.compile(r"\w")


def problems(lines: list[str], article: Article, own_numbers: Collection[str]) -> Iterator[Found]:
    yield from _text_problems(lines)
    yield from _picture_problems(lines)
    yield from _anchor_problems(article)
    yield from _reading_problems(lines, article)
    yield from _privacy_problems(lines, own_numbers)


def _text_problems(lines: list[str]) -> Iterator[Found]:
    for number, line in _outside_code(lines):
        if _TITLE_HEADING.match(line):
            mend = "The title is the only one of its size. Begin the line with ## instead."
            yield Found("a heading begins with a single #", mend, number, level=Level.WARN)
        if _EMPTY_LINK.search(line):
            mend = "Say where it leads: [our payment plans](payment-plans.md)."
            yield Found("a link says nothing of where it leads", mend, number, level=Level.WARN)
        if _LEFT_OVER.search(line):
            mend = "Write the clinic's own words in its place."
            yield Found("a text in square brackets is still to be replaced", mend, number)
    yield from _jumps(lines)
    for number, words in _sections(lines):
        if words > MAX_PASSAGE_WORDS:
            what = f"{words} words under one heading are more than the chat shows at once"
            mend = f"Cut it to {MAX_PASSAGE_WORDS}, or put a ## heading in between."
            yield Found(what, mend, number, level=Level.WARN)


def _jumps(lines: list[str]) -> Iterator[Found]:
    before = 1  # the title
    for number, line in _outside_code(lines):
        if not _HEADING.match(line):
            continue
        level = len(line.strip().split(" ")[0])
        if level > before + 1:
            what = f"a heading jumps from level {before} to level {level}"
            yield Found(
                what, f"Begin the line with {'#' * (before + 1)}.", number, None, Level.WARN
            )
        before = level


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


def _picture_problems(lines: list[str]) -> Iterator[Found]:
    for number, line in _outside_code(lines):
        if _NO_ALTERNATIVE.search(line):
            mend = "Say in the square brackets what the picture shows."
            yield Found("a picture has no text for those who cannot see it", mend, number)
        if _RAW_PICTURE.search(line):
            mend = "Put it in with the button Picture above the text."
            yield Found("a picture is written in a way that patients do not get", mend, number)
        if any(picture_name(src) is None for src in PICTURE.findall(line)):
            mend = "Take a copy into the article: the button Picture above the text."
            yield Found("a picture lies elsewhere, so patients do not get it", mend, number)


def _anchor_problems(article: Article) -> Iterator[Found]:
    """Links to a heading of the same article."""
    wanted = dict.fromkeys(_ANCHOR.findall(article.body))
    if not wanted:
        return  # rendering costs more than all else here
    there = set(_ID.findall(render(article)))
    for anchor in wanted:
        if anchor not in there:
            what = f"the link to #{anchor} leads nowhere"
            mend = "Write the heading's words in small letters, with - for each space."
            yield Found(what, mend, f"(#{anchor}", level=Level.WARN)


def _reading_problems(lines: list[str], article: Article) -> Iterator[Found]:
    found = reading.read(article.body, article.lang)
    if found.is_hard:
        words = ", ".join(reading.hard_words(article.body, article.lang)[:MAX_HARD_WORDS])
        what = f"the text reads like grade {found.grade:.0f}" if found.grade else "the text is hard"
        mend = "Shorter sentences, common words." + (f" Long words: {words}." if words else "")
        yield Found(what, mend, first_of_text(lines), level=Level.WARN)
    for number, count in reading.long_sentences(_outside_code(lines)):
        what = f"a sentence has {count} words"
        yield Found(what, "Make two of it.", number, level=Level.WARN)


def _privacy_problems(lines: list[str], own: Collection[str]) -> Iterator[Found]:
    """Numbers and names that look like a patient's; the clinic's own are none."""
    for number, line in enumerate(lines, start=1):
        kinds = set(_private_kinds(line, tuple(own)))
        if _ITEM.match(line):
            kinds.discard("NAME")  # of a plan or a firm, as a list of them has
        for kind in sorted(kinds):
            mend = "Take it out: every patient can read this."
            level = Level.WARN if kind == "NAME" else Level.FAIL
            yield Found(f"this looks like {PRIVATE[kind]}", mend, number, level=level)


@lru_cache(maxsize=100_000)
def _private_kinds(line: str, own: tuple[str, ...]) -> frozenset[str]:
    """What takes longest of all checks: only a line that holds something is compared with `own`."""
    kinds = PRIVATE.keys() & (span.type.value for span in mask(line).spans)
    if kinds and own:
        kinds &= {span.type.value for span in mask(line, own).spans}
    return frozenset(kinds)


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
