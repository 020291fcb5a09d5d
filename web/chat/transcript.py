"""A conversation as plain text, to save, print or read.

Rule: made of the very HTML the patient saw, so it says the same; what can only be pressed is left
out, and links carry their address.
"""

from __future__ import annotations

from collections.abc import Sequence
from html.parser import HTMLParser
from urllib.parse import urljoin

from web.chat.messages import message_html
from web.models import Message

_BLOCKS = ("p", "li", "h3", "h4", "tr", "section", "br")
_LEFT_OUT = ("button", "form")
_VOID = ("br", "img", "input", "hr")


def transcript(rows: Sequence[Message], lang: str, base_url: str) -> str:
    """Return the rows, each with who said it and when, an empty line between them."""
    return "\n\n".join(_text(message_html(row, lang=lang), base_url) for row in rows)


def _text(html: str, base_url: str) -> str:
    reader = _Reader(base_url)
    reader.feed(html)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.pieces).split("\n"))
    # A list of buttons leaves its marks behind.
    return "\n".join(line for line in lines if line not in ("", "-"))


class _Reader(HTMLParser):
    def __init__(self, base_url: str) -> None:
        super().__init__()
        self.base_url = base_url
        self.pieces: list[str] = []
        self._hidden = 0  # how deep we are in something left out
        self._links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in _BLOCKS:
            self.pieces.append("\n")
        if tag in _VOID:
            return
        is_left_out = tag in _LEFT_OUT or values.get("aria-hidden") or values.get("role") == "group"
        if self._hidden or is_left_out:
            self._hidden += 1
        elif tag == "li":
            self.pieces.append("- ")
        if tag == "a":
            self._links.append(values.get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        link = self._links.pop() if tag == "a" and self._links else ""
        if self._hidden:
            self._hidden -= tag not in _VOID
        elif link and not link.startswith(("tel:", "sms:")):
            self.pieces.append(f" {urljoin(self.base_url, link)}")
        if tag in _BLOCKS:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.pieces.append(data.replace("\n", " "))
