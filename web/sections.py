"""The sections of the settings, each with its types and ranges.

Rule: every setting has a line in `docs/settings.md`.
"""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from web import colours
from web.chat.rasa import TOPICS
from web.hours import parse_periods
from web.models import RoleName

ROOT = Path(__file__).resolve().parent.parent
ADDRESS = re.compile(r"[^@\s<>,;:\"]+@[^@\s<>,;:\"]+\.[^@\s<>,;:\"]+")
ORIGIN = re.compile(r"self|https?://[a-z0-9.\-]+(:(\d{1,5}|\*))?", re.IGNORECASE)
# Plain http only to a provider on this machine.
ISSUER = re.compile(r"https://[^\s?#]+|http://(127\.0\.0\.1|localhost)(:\d{1,5})?(/[^\s?#]*)?")


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise ValueError("is not a time zone like America/Los_Angeles") from None
    return name


def _periods(texts: tuple[str, ...]) -> tuple[str, ...]:
    parse_periods(texts)
    return texts


def _topic(topic: str) -> str:
    if topic not in TOPICS:
        raise ValueError(f"is not one of {', '.join(TOPICS)}")
    return topic


def _origin(origin: str) -> str:
    if not ORIGIN.fullmatch(origin):
        raise ValueError('is neither "self" nor an origin like https://www.clinic.example')
    return origin


def _light(colour: str) -> str:
    return colours.check(colour, "light")


def _dark(colour: str) -> str:
    return colours.check(colour, "dark")


def _picture(path: Path) -> Path:
    if path.suffix not in (".svg", ".png") or not (ROOT / path).is_file():
        raise ValueError("is not an .svg or .png file that can be read")
    return path


def _address(address: str) -> str:
    if address and not ADDRESS.fullmatch(address):
        raise ValueError("is not an address like chat@clinic.example")
    return address


Lang = Literal["en", "es"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Periods = Annotated[tuple[str, ...], AfterValidator(_periods)]
Week = dict[Weekday, Periods]
FactText = Annotated[str, Field(min_length=1, max_length=300)]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Clinic(Section):
    """The facts. Any other line of text, e.g. `dental_phone = "…"`, becomes a fact as well."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, FactText]

    name: FactText
    timezone: Annotated[str, AfterValidator(_zone)]
    languages: Annotated[tuple[Literal["en", "es"], ...], Field(min_length=1)] = ("en", "es")
    phone: FactText

    def facts(self) -> dict[str, str]:
        texts = {name: value for name, value in self if isinstance(value, str)}
        return {f"clinic.{name}": value for name, value in texts.items()}


class Holiday(Section):
    on: date
    name: dict[str, str] = {}
    periods: Periods = ()


class Desk(Section):
    """Some of the staff, by what patients come for. `articles`: topics of articles, as they say."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    name: dict[str, FactText]
    topics: tuple[Annotated[str, AfterValidator(_topic)], ...] = ()
    articles: tuple[str, ...] = ()
    staff_name: FactText | None = None


class WrapUpCode(Section):
    """How a chat ended, as an agent says it with one click."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    name: Annotated[str, Field(min_length=1, max_length=40)]


WRAP_UP_CODES = (
    WrapUpCode(id="answered", name="Answered"),
    WrapUpCode(id="visit", name="Visit made or changed"),
    WrapUpCode(id="passed_on", name="Passed on in the clinic"),
    WrapUpCode(id="will_call", name="We will call or write"),
    WrapUpCode(id="elsewhere", name="Sent elsewhere"),
    WrapUpCode(id="left", name="Patient left"),
    WrapUpCode(id="other", name="Something else"),
)


class KnowledgeBase(Section):
    folder: Path | None = None
    rescan_s: Annotated[float, Field(ge=0.1, le=60)] = 1.0
    start_with: tuple[str, ...] = ()


class Review(Section):
    """Who approves articles. remind_days: how long before its review date one is shown as due."""

    two_people: bool = True
    remind_days: Annotated[int, Field(ge=0, le=365)] = 30


class Topic(Section):
    """How the help pages call a topic, and what it is about."""

    name: FactText
    about: Annotated[str, Field(max_length=300)] = ""


class Danger(Section):
    emergency_phone: FactText = "911"
    crisis_phone: FactText = "988"
    poison_phone: FactText = "1-800-222-1222"
    violence_phone: FactText = "1-800-799-7233"


class Limits(Section):
    max_message_characters: Annotated[int, Field(ge=100, le=20_000)] = 2000
    max_body_bytes: Annotated[int, Field(ge=4096, le=10_000_000)] = 65_536
    messages_per_minute: Annotated[int, Field(ge=1)] = 20
    conversations_per_hour: Annotated[int, Field(ge=1)] = 30
    requests_per_minute: Annotated[int, Field(ge=1)] = 600
    max_streams: Annotated[int, Field(ge=0, le=1000)] = 1000
    rasa_timeout_s: Annotated[float, Field(gt=0, le=30)] = 3.0
    agent_absent_after_s: Annotated[int, Field(ge=5, le=3600)] = 60
    trusted_proxies: Annotated[int, Field(ge=0, le=5)] = 0


class Waiting(Section):
    """What the console and the patient are told of a wait. promise_min: 0 promises nothing."""

    warn_after_s: Annotated[int, Field(ge=5, le=86_400)] = 60
    late_after_s: Annotated[int, Field(ge=5, le=86_400)] = 180
    promise_min: Annotated[int, Field(ge=0, le=1440)] = 0
    min_measured: Annotated[int, Field(ge=5, le=50)] = 20


class Callbacks(Section):
    """Calls the clinic promises. per_window: 0 promises no times."""

    window_min: Annotated[int, Field(ge=15, le=480)] = 60
    per_window: Annotated[int, Field(ge=0, le=1000)] = 2
    notice_min: Annotated[int, Field(ge=0, le=2880)] = 30


class Assignment(Section):
    """Who is asked to take a conversation. offer_after_s: 0 asks nobody in particular."""

    offer_after_s: Annotated[int, Field(ge=0, le=3600)] = 45
    chats_per_agent: Annotated[int, Field(ge=1, le=50)] = 4
    wrap_up_s: Annotated[int, Field(ge=0, le=3600)] = 60


class TwoFactor(StrEnum):
    OFF = "off"
    OPTIONAL = "optional"
    REQUIRED = "required"


class StaffAccounts(Section):
    """How staff sign in. two_factor_roles: of whom the second step is required; none: of all."""

    two_factor: TwoFactor = TwoFactor.OPTIONAL
    two_factor_roles: tuple[RoleName, ...] = ()


class Care(Section):
    """For the team after a hard chat. hard_chats_per_day: 0 plans for any number."""

    break_min: Annotated[int, Field(ge=1, le=120)] = 10
    hard_chats_per_day: Annotated[int, Field(ge=0, le=100)] = 3
    support: FactText | None = None
    practice_again_days: Annotated[int, Field(ge=1, le=3650)] = 180


class OpenIdConnect(Section):
    """The clinic's own accounts. Without an issuer nobody is offered them."""

    issuer: Annotated[str, Field(max_length=300)] = ""
    client_id: Annotated[str, Field(max_length=300)] = ""
    client_secret: SecretStr = SecretStr("")
    label: Annotated[str, Field(min_length=1, max_length=60)] = "your clinic account"

    @model_validator(mode="after")
    def _is_whole(self) -> OpenIdConnect:
        if self.issuer and not ISSUER.fullmatch(self.issuer):
            raise ValueError("issuer: is not an https address")
        if self.issuer and not (self.client_id and self.client_secret.get_secret_value()):
            raise ValueError("client_id and client_secret: are missing; the provider gives them")
        return self


class Retention(Section):
    conversation_days: Annotated[int, Field(ge=1, le=3650)] = 30
    left_message_days: Annotated[int, Field(ge=1, le=3650)] = 90


class Privacy(Section):
    version: Annotated[str, Field(min_length=1, max_length=40)] = "1"
    consent: Literal["ask", "notice"] = "ask"
    folder: Path = ROOT / "docs" / "privacy"


class Mail(Section):
    """The clinic's mail server, for transcripts that patients ask for. No server: no such mail."""

    server: Annotated[str, Field(max_length=253)] = ""
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    tls: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: SecretStr = SecretStr("")
    sender: Annotated[str, AfterValidator(_address)] = ""
    per_hour: Annotated[int, Field(ge=1, le=1000)] = 3

    @model_validator(mode="after")
    def _is_whole(self) -> Mail:
        if self.server and not self.sender:
            raise ValueError("sender: is missing; it is the address that mails come from")
        return self


class Site(Section):
    """A website that shows the chat, and how the chat looks there."""

    origins: Annotated[tuple[Annotated[str, AfterValidator(_origin)], ...], Field(min_length=1)]
    color: Annotated[str, AfterValidator(_light)] | None = None
    color_dark: Annotated[str, AfterValidator(_dark)] | None = None
    corner: Literal["end", "start"] = "end"
    logo: Annotated[Path, AfterValidator(_picture)] | None = None
    launcher: dict[Lang, Annotated[str, Field(min_length=1, max_length=40)]] = {}
    suggestions: dict[Lang, Annotated[tuple[FactText, ...], Field(max_length=6)]] = {}
    clear_after_min: Annotated[int, Field(ge=0, le=240)] = 0
