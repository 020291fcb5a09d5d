"""What a patient's browser sends, read into checked values.

Rule: whatever comes over the wire ends as a value of the right type or as a 400 or 413, never as
a fault. Half characters and control characters are made harmless, because a patient's words
must not be lost for one of them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from io import BytesIO
from typing import Annotated, Any, Literal, TypeVar

from flask import Flask, g, request
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, ValidationError

from web.chat.acts import Act, Chosen, Continued, Left, Picked, Typed, Way
from web.desk.desks import DESK_CHOICE
from web.errors import ApiError

MAX_N = 2**31 - 1
WAYS = {f"way:{way.value}": way for way in Way}  # out of the queue

# Control characters but tab and line feed; and halves of surrogate pairs, which are no text.
_HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_HALF = re.compile("[\ud800-\udfff]")

ClientId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:\-]{1,64}$")]
N = Annotated[StrictInt, Field(ge=1, le=MAX_N)]
Body = TypeVar("Body", bound="Incoming")


class Incoming(BaseModel):
    """Unknown keys are ignored, so that a newer panel can talk to an older server."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class NewConversation(Incoming):
    lang: Annotated[str, Field(max_length=20)] | None = None
    site: Annotated[str, Field(max_length=40)] | None = None
    page_url: Annotated[str, Field(max_length=2000)] | None = None
    privacy_version: Annotated[str, Field(max_length=40)] | None = None
    desk: Annotated[str, Field(max_length=40)] | None = None


class NewMessage(Incoming):
    client_id: ClientId
    text: str | None = None
    choice: Annotated[str, Field(max_length=300)] | None = None
    n: N | None = None
    goes_on: N | None = Field(default=None, alias="continue")

    def act(self, max_characters: int) -> Act:
        """Return the one thing the message does. Raises ApiError."""
        if self.text is not None:
            return Typed(_words(self.text, max_characters))
        if self.choice is not None and (act := without_row(self.choice)) is not None:
            return act
        if self.choice is not None and self.n is not None:
            return Picked(self.n, self.choice)
        if self.goes_on is not None:
            return Continued(self.goes_on)
        raise ApiError(400, "bad_request")


def without_row(choice: str) -> Chosen | Left | None:
    """Return what a choice does that is in no list of the log: a desk, a way out of the queue."""
    if choice.startswith(DESK_CHOICE):
        return Chosen(choice.removeprefix(DESK_CHOICE))
    return Left(WAYS[choice]) if choice in WAYS else None


class Form(Incoming):
    client_id: ClientId
    form: Literal["contact"]
    fields: dict[Annotated[str, Field(max_length=40)], str]


class AnswerRating(Incoming):
    helpful: StrictBool


class ChatRating(Incoming):
    score: Annotated[StrictInt, Field(ge=1, le=5)]
    comment: Annotated[str, Field(max_length=1000)] = ""


class Consent(Incoming):
    version: Annotated[str, Field(max_length=40)]


class Transcript(Incoming):
    email: Annotated[str, Field(max_length=254)]


class Language(Incoming):
    lang: Annotated[str, Field(max_length=20)]


def _words(text: str, max_characters: int) -> str:
    text = text.strip()
    if not text:
        raise ApiError(400, "message_empty")
    if len(text) > max_characters:
        raise ApiError(413, "message_too_long")
    return text


def init_app(app: Flask, max_bytes: int) -> None:
    """Take the body of each call of the chat API before anything else looks at it.

    The danger screen wants the beginning also of a body that is far too large; and Flask-Login
    looks into JSON bodies for tokens of its own.
    """

    @app.before_request
    def take_body() -> None:
        g.raw = b""
        if request.path.startswith("/api/") and request.method == "POST":
            g.raw = _raw_body(max_bytes)
            request.environ["wsgi.input"] = BytesIO()
            request.environ["CONTENT_LENGTH"] = "0"


def _raw_body(max_bytes: int) -> bytes:
    """Return at most max_bytes + 1 bytes."""
    length = request.content_length
    if length is None:
        length = max_bytes + 1 if request.environ.get("wsgi.input_terminated") else 0
    return bytes(request.environ["wsgi.input"].read(min(length, max_bytes + 1)))


def text_to_screen(raw: bytes) -> str:
    """Return the typed words of a body as well as they can be made out, for the danger screen."""
    return _to_screen(raw, lambda body: [body["text"]])


def form_to_screen(raw: bytes) -> str:
    """Return the same of a form: the words of all its fields."""
    return _to_screen(raw, lambda body: list(body["fields"].values()))


def comment_to_screen(raw: bytes) -> str:
    """Return the same of a rating."""
    return _to_screen(raw, lambda body: [body["comment"]])


def _to_screen(raw: bytes, pick: Callable[[Any], list[Any]]) -> str:
    try:
        return "\n".join(text for text in pick(json.loads(raw)) if isinstance(text, str))
    except (ValueError, RecursionError):
        return raw.decode("utf-8", "replace")
    except (KeyError, TypeError, AttributeError):
        return ""


def read(model: type[Body], raw: bytes, max_bytes: int) -> Body:
    """Raises ApiError 400 or 413."""
    if len(raw) > max_bytes:
        raise ApiError(413, "message_too_long")
    try:
        return model.model_validate(_clean(json.loads(raw or b"{}")))
    except (ValueError, RecursionError, ValidationError):
        raise ApiError(400, "bad_request") from None


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _HALF.sub("\ufffd", _HARMFUL.sub("", value))
    if isinstance(value, dict):
        return {_clean(key): _clean(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_clean(each) for each in value]
    return value


def page_address(url: str | None) -> str | None:
    """Return the page the patient is on, without its query: that may hold names or keys."""
    if not url or not url.startswith(("http://", "https://")):
        return None
    return url.split("#")[0].split("?")[0][:500]


def row_number(text: str | None) -> int:
    """Read `after` or `Last-Event-ID`; what is no number means from the beginning."""
    text = (text or "").strip()
    return min(int(text), MAX_N) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def seconds(text: str | None) -> float:
    """Read `wait_s`; what is no number means do not wait."""
    try:
        value = float(text or 0)
    except ValueError:
        return 0.0
    return max(0.0, value) if math.isfinite(value) else 0.0
