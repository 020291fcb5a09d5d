"""Settings: read once, checked, and wrong ones named so that they can be mended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from web.config import Settings, SettingsInvalid, load_settings
from web.hours import is_open

SHIPPED = (ROOT / "clinic.toml").read_text(encoding="utf-8")


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("CLINIC_VAR", "CLINIC_ARTICLES", "CLINIC_RASA_URL", "CLINIC_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)

    def one(*changes: tuple[str, str], **environment: str) -> Settings:
        path, content = tmp_path / "clinic.toml", SHIPPED
        for before, after in changes:
            assert before in content
            content = content.replace(before, after, 1)
        path.write_text(content, encoding="utf-8")
        monkeypatch.setenv("CLINIC_CONFIG", str(path))
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return load_settings()

    return one


def test_it_works(load: Any) -> None:
    settings = load()
    assert settings.clinic.phone == "(503) 555-0110"
    assert settings.articles_dir == ROOT / "kb_articles"
    assert settings.database == f"sqlite:///{ROOT}/var/clinic.sqlite3"
    assert settings.lang("es-MX") == "es"
    assert settings.lang("fr") == settings.lang(None) == "en"


def test_the_environment_comes_first(load: Any, tmp_path: Path) -> None:
    settings = load(
        CLINIC_VAR=str(tmp_path),
        CLINIC_ARTICLES=str(tmp_path / "kb"),
        CLINIC_RASA_URL="http://127.0.0.1:7777",
        CLINIC_LIMITS__MAX_STREAMS="5",
    )
    assert settings.var_dir == tmp_path
    assert settings.articles_dir == tmp_path / "kb"
    assert settings.rasa_url == "http://127.0.0.1:7777"
    assert settings.limits.max_streams == 5
    assert settings.limits.messages_per_minute == 20, "the rest stays"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("max_streams = 1000", "max_streams = -1", "[limits] max_streams: -1: should be greater"),
        ("max_streams = 1000", "max_stream = 5", "[limits] max_stream: is not a setting"),
        ("America/Los_Angeles", "Mars/Base", "[clinic] timezone: 'Mars/Base': is not a time zone"),
        ('"08:00-12:00", "13:00-18:00"', '"8 to 12"', '[hours] monday: "8 to 12" is not a period'),
        ("monday =", "funday =", "[hours] funday: 'funday': should be"),
        ('phone = "(503) 555-0110"\n', "", "[clinic] phone: is missing"),
        ('languages = ["en", "es"]', 'languages = ["xx"]', "[clinic.languages] 0: 'xx'"),
        ("http://localhost:*", "localhost", "[sites.demo.origins] 2: 'localhost': is neither"),
        ("demo = true", "demo = false", "[knowledge_base] folder: is missing"),
        ("demo = true", "demo = maybe", "is not valid TOML"),
        ("demo = true", 'demo = "maybe"', "demo: 'maybe'"),
    ],
)
def test_a_wrong_setting_is_named(load: Any, before: str, after: str, said: str) -> None:
    with pytest.raises(SettingsInvalid) as wrong:
        load((before, after))
    assert said in str(wrong.value)
    assert str(wrong.value).startswith("clinic.toml")


def test_every_fault_is_named_at_once(load: Any) -> None:
    with pytest.raises(SettingsInvalid) as wrong:
        load(("max_streams = 1000", "max_streams = -1"), ("rescan_s = 1.0", "rescan_s = 0"))
    assert len(str(wrong.value).split("\n")) == 2


def test_a_missing_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CLINIC_CONFIG", str(tmp_path / "none.toml"))
    with pytest.raises(SettingsInvalid, match=r"none.toml: cannot be read"):
        load_settings()


def test_the_clinics_own_facts_may_be_any(load: Any) -> None:
    settings = load(('fax = "', 'dental_phone = "(503) 555-0199"\nfax = "'))
    facts = settings.facts("en", datetime(2026, 11, 23, tzinfo=UTC))
    assert facts["clinic.dental_phone"] == "(503) 555-0199"
    assert "(503) 555-0199" in settings.own_numbers
    assert facts["danger.emergency_phone"] == "911"


def test_hours_are_told_in_the_language_asked_for(settings: Settings) -> None:
    english, spanish = settings.facts("en"), settings.facts("es")
    assert "Monday" in english["clinic.hours"]
    assert "lunes" in spanish["clinic.hours"]


def test_without_chat_hours_the_opening_hours_count(load: Any) -> None:
    settings = load(('chat_hours = "always"', ""))
    assert settings.chat_calendar == settings.calendar


def test_chat_hours_of_its_own_count(load: Any) -> None:
    own = '[chat_hours]\nmonday = ["09:00-10:00"]\n\n[hours]'
    settings = load(('chat_hours = "always"', ""), ("\n[hours]", "\n" + own))
    assert settings.chat_calendar != settings.calendar
    monday = datetime(2026, 11, 23, 17, 30, tzinfo=UTC)  # 9:30 at the clinic
    assert is_open(settings.chat_calendar, monday)
    assert not is_open(settings.chat_calendar, monday + timedelta(hours=1))
