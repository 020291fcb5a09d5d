"""Settings: `clinic.toml`, read once at start, with `CLINIC_…` of the environment on top.

Rule: a name that is not a setting is an error, not a silent nothing. The environment says
`CLINIC_LIMITS__MAX_STREAMS=50` for `[limits] max_streams`. Facts are for texts: `{{clinic.phone}}`
in articles, `[[clinic.phone]]` in replies.
"""

from __future__ import annotations

import os
import tomllib
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from web.hours import Calendar, always, calendar, holidays_text, parse_periods, week_text, within
from web.hours import Holiday as CalendarHoliday
from web.sections import (
    ROOT,
    WRAP_UP_CODES,
    Assignment,
    Callbacks,
    Care,
    Clinic,
    Danger,
    Desk,
    Holiday,
    KnowledgeBase,
    Limits,
    Mail,
    OpenIdConnect,
    Privacy,
    Retention,
    Review,
    Site,
    StaffAccounts,
    Topic,
    Waiting,
    Week,
    WrapUpCode,
)


class SettingsInvalid(Exception):
    """The settings cannot be used. The message has a line per fault: file, section, key, value."""


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
