"""The fixed texts a patient in danger sees, as safe HTML.

Rule: a card is never generated and never missing. It is read from `cards/{en,es}/<card>.md`,
needs neither database nor index, escapes every value, and falls back to English, then to the
emergency number alone.
"""

import re
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

FOLDER = Path(__file__).with_name("cards")
DEFAULTS = {
    # Used only where clinic.toml names no number of its own.
    "emergency_phone": "911",
    "crisis_phone": "988",
    "poison_phone": "1-800-222-1222",
    "violence_phone": "1-800-799-7233",
}
_PLACEHOLDER = re.compile(r"\{\{\s*(?:danger\.)?([a-z_.]+)\s*\}\}")
_LINK = re.compile(r"\[([^\]]+)\]\((tel|sms):([^)]*)\)")
_CARDS = ("911", "988", "violence", "poison")


def card_html(card: str, lang: str, phones: Mapping[str, str]) -> str:
    """Return the card as HTML, numbers tap-to-call.

    phones: emergency_phone, crisis_phone, poison_phone, violence_phone, clinic.phone; the first
    four also as `danger.…`. A line with a number that is not known is left out.
    """
    card = card if card in _CARDS else "911"
    found_lang = lang if (FOLDER / lang_folder(lang) / f"{card}.md").is_file() else "en"
    values = {**DEFAULTS, **{name.removeprefix("danger."): text for name, text in phones.items()}}
    try:
        source = (FOLDER / lang_folder(found_lang) / f"{card}.md").read_text(encoding="utf-8")
    except OSError:
        source = "[{{emergency_phone}}](tel:{{emergency_phone}})"
    body = "".join(_blocks(_lines(source, values), values))
    return (
        f'<div class="kb-card kb-card--{card}" lang="{escape(lang_folder(found_lang))}">'
        f"{body}</div>"
    )


def lang_folder(lang: str) -> str:
    """Return `es` for `es`, `es-MX` or `ES_us`; `en` for what is not two letters."""
    short = lang[:2].lower()
    return short if re.fullmatch(r"[a-z]{2}", short) else "en"


def _lines(source: str, values: Mapping[str, str]) -> Iterator[str]:
    text = re.sub(r"\A---\n.*?\n---\n", "", source, flags=re.DOTALL)
    for line in text.split("\n"):
        wanted = _PLACEHOLDER.findall(line)
        if all(values.get(name) for name in wanted):
            yield line.strip()


def _blocks(lines: Iterator[str], values: Mapping[str, str]) -> Iterator[str]:
    items: list[str] = []
    for line in [*lines, ""]:
        if line.startswith("- "):
            items.append(f"<li>{_inline(line[2:], values)}</li>")
            continue
        if items:
            yield f'<ul class="kb-card__steps">{"".join(items)}</ul>'
            items = []
        if line.startswith("## "):
            yield f'<h4 class="kb-card__title">{_inline(line[3:], values)}</h4>'
        elif _LINK.fullmatch(line):
            yield f'<p class="kb-card__call">{_inline(line, values)}</p>'
        elif line:
            yield f'<p class="kb-card__text">{_inline(line, values)}</p>'


def _inline(line: str, values: Mapping[str, str]) -> str:
    """The values come last: "(503) 555-0110" in a link would end it."""

    def fill(text: str) -> str:
        return _PLACEHOLDER.sub(lambda found: values[found[1]], text)

    parts, at = [], 0
    for found in _LINK.finditer(line):
        parts.append(escape(fill(line[at : found.start()])))
        number = re.sub(r"[^\d+*#]", "", fill(found[3]))
        label = escape(fill(found[1]))
        link = f'<a class="kb-card__number" href="{found[2]}:{number}">{label}</a>'
        parts.append(link if number else label)
        at = found.end()
    parts.append(escape(fill(line[at:])))
    return "".join(parts)
