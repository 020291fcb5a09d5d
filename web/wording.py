"""The words of the web process in each language: `web/strings/{en,es}.json`.

Rule: a sentence has one key and stands in every language with the same parameters; a test holds it.
Words for patients are short, warm and plain, and end with a way on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent / "strings"
DEFAULT_LANG = "en"


class WordingMissing(KeyError):
    """There is no such sentence."""


def say(lang: str, key: str, **parameters: object) -> str:
    """Return the sentence `key`, e.g. "errors.not_found", with its parameters filled in."""
    sentences = load(lang if lang in langs() else DEFAULT_LANG)
    if key not in sentences:
        raise WordingMissing(key)
    return sentences[key].format(**parameters)


@cache
def langs() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in FOLDER.glob("*.json")))


@cache
def load(lang: str) -> dict[str, str]:
    """Return all sentences of a language, keys joined with dots."""
    tree = json.loads((FOLDER / f"{lang}.json").read_text(encoding="utf-8"))
    return dict(_flat(tree, ""))


def _flat(tree: dict[str, Any], prefix: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in tree.items():
        key = f"{prefix}{name}"
        pairs += _flat(value, f"{key}.") if isinstance(value, dict) else [(key, str(value))]
    return pairs


def choices_lead(choices: Sequence[object], lang: str) -> str:
    """Return what stands above one choice or several."""
    return say(lang, "message.choices_lead" if len(choices) > 1 else "message.choice_lead")
