"""A clinic's own colour in the chat: what follows from it, and whether it can be read.

Rule: words keep a contrast of 4.5 to every ground they stand on (WCAG 2.2, 1.4.3), in both themes;
a colour that cannot do so is refused when the settings load, with the ratio that it reaches.
"""

from __future__ import annotations

import re

HEX = re.compile(r"#[0-9a-fA-F]{6}")
MIN_CONTRAST = 4.5
# The grounds of widget/messages.css (a test holds them together), and the words on the colour.
GROUNDS = {"light": ("#ffffff", "#f5f7f5"), "dark": ("#15201f", "#101918", "#1c2a28")}
ON_COLOUR = {"light": "#ffffff", "dark": "#06201e"}
FAR_END = {"light": "#000000", "dark": "#ffffff"}
TINT, STRONG = 0.12, 0.25


def contrast(one: str, other: str) -> float:
    """Return the ratio of WCAG 2, 1 to 21."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def check(colour: str, theme: str) -> str:
    """Return the colour. Raises ValueError where words in it, or on it, could not be read."""
    if not HEX.fullmatch(colour):
        raise ValueError("is not a colour like #0f5f5c")
    grounds = (*GROUNDS[theme], _tint(colour, theme), ON_COLOUR[theme])
    worst = min(grounds, key=lambda ground: contrast(colour, ground))
    if (ratio := contrast(colour, worst)) < MIN_CONTRAST:
        way = "darker" if theme == "light" else "lighter"
        raise ValueError(
            f"has a contrast of {ratio:.1f} to {worst}; words need {MIN_CONTRAST}: take a {way} one"
        )
    return colour


def palette(colour: str, theme: str) -> dict[str, str]:
    """Return custom property → value, as widget/messages.css names them."""
    return {
        "--kb-accent": colour,
        "--kb-accent-strong": mix(colour, FAR_END[theme], STRONG),
        "--kb-on-accent": ON_COLOUR[theme],
        "--kb-tint": _tint(colour, theme),
    }


def mix(one: str, other: str, share: float) -> str:
    """Return `one` with so much of `other` in it, 0 to 1."""
    pairs = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _tint(colour: str, theme: str) -> str:
    return mix(GROUNDS[theme][0], colour, TINT)


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))


def _luminance(colour: str) -> float:
    parts = [channel / 255 for channel in _channels(colour)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
