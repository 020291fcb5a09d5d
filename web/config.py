"""Settings: `clinic.toml`, read once at start, with `CLINIC_…` of the environment on top.

Rule: every setting has a type, a range and a line in `docs/settings.md`; a name that is not a
setting is an error, not a silent nothing. `CLINIC_LIMITS__MAX_STREAMS=50` overrides `[limits]
max_streams`. Facts are for texts: `{{clinic.phone}}` in articles, `[[clinic.phone]]` in replies.
"""

from __future__ import annotations

import os
import re
import tomllib
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from web import colours
from web.chat.rasa import TOPICS
from web.hours import (
    Calendar,
    always,
    calendar,
    holidays_text,
    parse_periods,
    week_text,
    within,
)
from web.hours import Holiday as CalendarHoliday
from web.models import RoleName

ROOT = Path(__file__).resolve().parent.parent
ADDRESS = re.compile(r"[^@\s<>,;:\"]+@[^@\s<>,;:\"]+\.[^@\s<>,;:\"]+")
ORIGIN = re.compile(r"self|https?://[a-z0-9.\-]+(:(\d{1,5}|\*))?", re.IGNORECASE)


# Plain http only to a provider on this machine.
ISSUER = re.compile(r"https://[^\s?#]+|http://(127\.0\.0\.1|localhost)(:\d{1,5})?(/[^\s?#]*)?")


class SettingsInvalid(Exception):
    """The settings cannot be used. The message has a line per fault: file, section, key, value."""


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


class Settings(BaseSettings):
    """All settings, checked. Paths that are not absolute count from the checkout's root."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="CLINIC_", env_nested_delimiter="__"
    )

    config: Path = ROOT / "clinic.toml"
    var: Path = ROOT / "var"
    articles: Path | None = None
    models: Path = ROOT / "var" / "models"  # one for all instances of a checkout
    rasa_url: str = "http://127.0.0.1:5005"
    database_url: str | None = None
    keys_file: Path | None = None
    keys: SecretStr | None = None
    metrics_token: SecretStr | None = None

    demo: bool = False
    clinic: Clinic
    hours: Week
    chat_hours: Week | Literal["always"] | None = None
    holidays: tuple[Holiday, ...] = ()
    desks: tuple[Desk, ...] = ()
    wrap_up: tuple[WrapUpCode, ...] = WRAP_UP_CODES
    knowledge_base: KnowledgeBase = KnowledgeBase()
    review: Review = Review()
    topics: dict[Annotated[str, Field(pattern=r"^[a-z]{2}/.+")], Topic] = {}
    danger: Danger = Danger()
    limits: Limits = Limits()
    waiting: Waiting = Waiting()
    assignment: Assignment = Assignment()
    callbacks: Callbacks = Callbacks()
    care: Care = Care()
    staff: StaffAccounts = StaffAccounts()
    oidc: OpenIdConnect = OpenIdConnect()
    retention: Retention = Retention()
    privacy: Privacy = Privacy()
    mail: Mail = Mail()
    sites: Annotated[dict[str, Site], Field(min_length=1)]

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings

    @model_validator(mode="after")
    def _needs_its_own_articles(self) -> Settings:
        if not self.demo and self.articles is None and self.knowledge_base.folder is None:
            raise ValueError(
                "[knowledge_base] folder: is missing; outside demo mode it names the folder with "
                "the clinic's own articles"
            )
        return self

    @model_validator(mode="after")
    def _desks_divide_all_topics(self) -> Settings:
        if faults := _desk_faults(self.desks, self.clinic.languages):
            raise ValueError("; ".join(f"[[desks]] {fault}" for fault in faults))
        return self

    @model_validator(mode="after")
    def _wrap_up_codes_differ(self) -> Settings:
        if faults := _wrap_up_faults(self.wrap_up):
            raise ValueError("; ".join(f"[[wrap_up]] {fault}" for fault in faults))
        return self

    @property
    def articles_dir(self) -> Path:
        return ROOT / (self.articles or self.knowledge_base.folder or "kb_articles")

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{ROOT / self.var / 'clinic.sqlite3'}"

    @property
    def var_dir(self) -> Path:
        return ROOT / self.var

    @property
    def keys_path(self) -> Path:
        return ROOT / (self.keys_file or self.var_dir / "keys")

    @property
    def index_dir(self) -> Path:
        return self.var_dir / "index"

    @property
    def models_dir(self) -> Path:
        return ROOT / self.models

    @property
    def default_lang(self) -> str:
        return self.clinic.languages[0]

    def lang(self, wanted: str | None) -> str:
        """Return the language we have for what was wanted: "es-MX" → "es", "fr" → the first."""
        short = (wanted or "").replace("_", "-").split("-")[0].lower()
        return short if short in self.clinic.languages else self.default_lang

    @cached_property
    def calendar(self) -> Calendar:
        """When the clinic is open."""
        days = [CalendarHoliday(d.on, d.name, parse_periods(d.periods)) for d in self.holidays]
        return calendar(self.clinic.timezone, _plain(self.hours), days)

    @cached_property
    def chat_calendar(self) -> Calendar:
        """When people answer the chat: without a table of its own, when the clinic is open."""
        if self.chat_hours is None:
            return self.calendar
        if self.chat_hours == "always":
            return always(self.clinic.timezone)
        own = calendar(self.clinic.timezone, _plain(self.chat_hours))
        return within(own, self.calendar)

    @cached_property
    def own_numbers(self) -> tuple[str, ...]:
        """The clinic's own numbers and addresses and the emergency lines: not to be masked."""
        return (*self.clinic.facts().values(), *(str(line) for _, line in self.danger))

    def phones(self) -> dict[str, str]:
        """What a danger card names."""
        named = {name: str(value) for name, value in self.danger}
        return {**named, "clinic.phone": self.clinic.phone}

    def facts(self, lang: str, at: datetime | None = None) -> dict[str, str]:
        """Return placeholder → text, e.g. "clinic.phone"; the hours are written in `lang`."""
        at = at or datetime.now(UTC)
        danger = {f"danger.{name}": str(value) for name, value in self.danger}
        return {
            **self.clinic.facts(),
            **danger,
            "clinic.hours": week_text(self.calendar, lang),
            "clinic.chat_hours": week_text(self.chat_calendar, lang),
            "clinic.holidays": holidays_text(self.calendar, lang, at),
        }


def _wrap_up_faults(codes: tuple[WrapUpCode, ...]) -> list[str]:
    ids = [code.id for code in codes]
    doubled = [each for each in dict.fromkeys(ids) if ids.count(each) > 1]
    return [f"{each}: there are two codes of this id" for each in doubled]


def _desk_faults(desks: tuple[Desk, ...], languages: tuple[str, ...]) -> list[str]:
    faults, homes = [], dict[str, str]()
    for desk in desks:
        if [each.id for each in desks].count(desk.id) > 1:
            faults.append(f"{desk.id}: there are two desks of this id")
        if missing := [lang for lang in languages if lang not in desk.name]:
            faults.append(f"{desk.id} name: is missing in {', '.join(missing)}")
        for topic in desk.topics:
            if homes.setdefault(topic, desk.id) != desk.id:
                faults.append(f"{desk.id} topics: {topic} belongs to {homes[topic]} already")
    if desks and "general" not in homes:
        faults.append("topics: one desk needs general, for what belongs to no other")
    return list(dict.fromkeys(faults))


def _plain(week: Week) -> dict[str, tuple[str, ...]]:
    return {str(day): periods for day, periods in week.items()}


def load_settings() -> Settings:
    """Read the file that CLINIC_CONFIG names. Raises SettingsInvalid."""
    path = ROOT / os.environ.get("CLINIC_CONFIG", "clinic.toml")
    try:
        with path.open("rb") as file:
            values = tomllib.load(file)
    except OSError as error:
        raise SettingsInvalid(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"{path.name}: is not valid TOML: {error}") from None
    try:
        return Settings(**values)
    except ValidationError as error:
        raise SettingsInvalid("\n".join(_faults(path.name, error))) from None


def _faults(file: str, error: ValidationError) -> list[str]:
    return [_fault(file, dict(detail)) for detail in error.errors(include_url=False)]


def _fault(file: str, detail: dict[str, Any]) -> str:
    """Say it as in `clinic.toml [limits] max_streams: -1: should be greater than or equal to 0`."""
    places = [str(part) for part in detail["loc"] if part != "[key]"]
    *section, key = places or [""]
    where = f"{file} [{'.'.join(section)}] {key}" if section else f"{file} {key}".rstrip()
    what = str(detail["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    if detail["type"] == "missing":
        return f"{where}: is missing"
    if detail["type"] == "extra_forbidden":
        return f"{where}: is not a setting; see docs/settings.md"
    value = detail["input"]
    shown = f": {value!r}" if isinstance(value, str | int | float | bool) else ""
    return f"{where}{shown}: {what}"
