"""How the chat looks on a clinic's website, and the mails that patients ask for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message as Mail
from email.policy import default
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from flask import Flask

from benchmarks.product import free_port
from tests.conftest import Patient
from web import colours, mail, sites
from web.config import Mail as MailSettings
from web.config import Settings, SettingsInvalid, load_settings
from web.models import Conversation
from web.sections import ROOT, Site
from web.services import of

KNEE = "my knee hurts since monday"
PLUM, PINK = "#7a1f5c", "#f2a7d3"
TRANSCRIPT = "Pat, 9:00 am\nMy knee hurts. ¿Y ahora?\n"


# Colours -----------------------------------------------------------------------------------------


def test_a_colour_that_can_be_read_is_taken() -> None:
    assert colours.check(PLUM, "light") == PLUM
    assert colours.check(PINK, "dark") == PINK


@pytest.mark.parametrize(
    ("colour", "theme"), [(PINK, "light"), (PLUM, "dark"), ("#777777", "light")]
)
def test_one_that_cannot_be_read_is_refused(colour: str, theme: str) -> None:
    with pytest.raises(ValueError, match=r"has a contrast of \d\.\d to #[0-9a-f]{6}"):
        colours.check(colour, theme)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_that_follows_from_a_colour_can_be_read(theme: str) -> None:
    """Every colour that is taken, in steps: words on it, on its hover, on its tint."""
    taken = 0
    for number in range(0, 0xFFFFFF, 99_991):
        try:
            colour = colours.check(f"#{number:06x}", theme)
        except ValueError:
            continue
        taken += 1
        made = colours.palette(colour, theme)
        on = made["--kb-on-accent"]
        for ground in (colour, made["--kb-accent-strong"]):
            assert colours.contrast(on, ground) >= 4.5
        assert colours.contrast(colour, made["--kb-tint"]) >= 4.5
    assert taken > 20


def test_the_grounds_are_those_of_the_style_sheet() -> None:
    css = (ROOT / "widget" / "messages.css").read_text(encoding="utf-8")
    for theme, body in zip(("light", "dark"), re.findall(r":root \{([^}]*)\}", css), strict=True):
        values = dict(re.findall(r"--kb-([\w-]+): (#[0-9a-f]{6})", body))
        assert set(colours.GROUNDS[theme]) == {values[g] for g in ("paper", "ground", "raised")}
        assert colours.ON_COLOUR[theme] == values["on-accent"]


def test_the_error_names_file_section_key_and_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "clinic.toml").read_text(encoding="utf-8") + f'color = "{PINK}"\n'
    (tmp_path / "clinic.toml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("CLINIC_CONFIG", str(tmp_path / "clinic.toml"))
    with pytest.raises(
        SettingsInvalid, match=rf"clinic\.toml \[sites\.demo\] color: '{PINK}': has"
    ):
        load_settings()


@pytest.mark.parametrize(
    "wrong",
    [
        {"color": "plum"},
        {"corner": "top"},
        {"logo": "no/such.svg"},
        {"launcher": {"fr": "Bonjour"}},
    ],
)
def test_a_look_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Site.model_validate({"origins": ["self"], **wrong})


def test_the_loader_and_the_panel_get_the_look(settings: Settings) -> None:
    site = Site(origins=("self",), color=PLUM, corner="start", launcher={"en": "Ask Harbor"})
    script = (ROOT / "widget" / "loader.js").read_text(encoding="utf-8")
    served = sites.loader(script, settings.model_copy(update={"sites": {"main": site}}))
    assert f"--accent:{PLUM}" in served
    assert "Ask Harbor" in served
    assert served.count("inset-inline:20px auto") == 4, "by its name, and as the only one"
    assert f"--kb-accent:{PLUM}" in sites.stylesheet(site)
    plain = settings.model_copy(update={"sites": {"main": Site(origins=("self",))}})
    assert sites.loader(script, plain) == script


# Mail --------------------------------------------------------------------------------------------


@dataclass
class Inbox:
    """What a real mail server took. refuses: its answer to every recipient."""

    refuses: str = ""
    got: list[tuple[list[str], Mail]] = field(default_factory=list)

    async def handle_RCPT(
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        if self.refuses:
            return self.refuses
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        self.got.append((envelope.rcpt_tos, message_from_bytes(content, policy=default)))
        return "250 OK"


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def server(inbox: Inbox) -> Iterator[MailSettings]:
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port(), ready_timeout=60)
    controller.start()
    yield MailSettings(
        server="127.0.0.1",
        port=controller.port,
        tls="none",
        sender="chat@clinic.example",
    )
    controller.stop()


def test_a_transcript_arrives_as_it_was(server: MailSettings, inbox: Inbox) -> None:
    mail.send(server, " pat@example.com ", "A copy of your chat", TRANSCRIPT)
    [(to, message)] = inbox.got
    assert to == ["pat@example.com"]
    assert message["To"] == "pat@example.com"
    assert message["From"] == "chat@clinic.example"
    assert message.get_content().replace("\r\n", "\n") == TRANSCRIPT  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "address",
    ["", "pat", "pat@host", "a@b.c, d@e.f", "a@b.c\nBcc: d@e.f", "<a@b.c>", "a@b.c" * 60, "ñ@b.c"],
)
def test_only_one_plain_address_is_written_to(
    server: MailSettings, inbox: Inbox, address: str
) -> None:
    with pytest.raises(mail.AddressInvalid):
        mail.send(server, address, "A copy of your chat", TRANSCRIPT)
    assert inbox.got == []


def test_a_server_that_refuses_is_said_without_the_address(
    server: MailSettings, inbox: Inbox, capsys: pytest.CaptureFixture[str]
) -> None:
    inbox.refuses = "550 no such pat@example.com"
    with pytest.raises(mail.MailNotSent) as refused:
        mail.send(server, "pat@example.com", "A copy of your chat", TRANSCRIPT)
    said = capsys.readouterr()
    assert "pat@example" not in said.out + said.err + str(refused.value)


def test_a_server_without_encryption_gets_no_mail(server: MailSettings, inbox: Inbox) -> None:
    strict = server.model_copy(update={"tls": "starttls"})
    with pytest.raises(mail.MailNotSent):
        mail.send(strict, "pat@example.com", "A copy of your chat", TRANSCRIPT)
    assert inbox.got == []


@pytest.fixture
def mailing(
    settings: Settings, server: MailSettings, make_app: Callable[..., Flask]
) -> Callable[..., Patient]:
    """A patient of a clinic that has a mail server."""
    app = make_app(settings.model_copy(update={"mail": server}))
    return lambda lang="en": Patient(app.test_client(), lang)


def test_a_patient_has_the_chat_sent(mailing: Callable[..., Patient], inbox: Inbox) -> None:
    pat = mailing()
    pat.say(KNEE)
    assert pat.get("/data").json["mails"] is True
    assert pat.post("/transcript", {"email": "pat@example.com"}).status_code == 202
    [(to, message)] = inbox.got
    assert to == ["pat@example.com"]
    assert KNEE in message.get_content()  # type: ignore[attr-defined]
    assert message["Subject"] == "A copy of your chat"
    assert "pat@example.com" not in pat.get("/data").text


def test_it_goes_out_in_the_patients_language(
    mailing: Callable[..., Patient], inbox: Inbox
) -> None:
    pat = mailing("es")
    pat.say("me duele la rodilla")
    pat.post("/transcript", {"email": "pat@example.com"})
    assert inbox.got[0][1]["Subject"] == "Una copia de su chat"


def test_nobody_is_flooded(mailing: Callable[..., Patient], inbox: Inbox) -> None:
    pat = mailing()
    pat.say(KNEE)
    sent = [pat.post("/transcript", {"email": "pat@example.com"}) for _ in range(4)]
    assert [each.status_code for each in sent] == [202, 202, 202, 429]
    assert sent[-1].json["error"]["code"] == "too_many_mails"
    assert len(inbox.got) == 3
    another = mailing().post("/transcript", {"email": "pat@example.com"})
    assert another.status_code == 429, "a new chat from the same address does not help"


def test_a_wrong_address_and_a_dead_server_are_said(
    mailing: Callable[..., Patient], inbox: Inbox
) -> None:
    pat = mailing()
    wrong = pat.post("/transcript", {"email": "pat@example"})
    assert (wrong.status_code, set(wrong.json["error"]["fields"])) == (422, {"email"})
    inbox.refuses = "451 later"
    late = pat.post("/transcript", {"email": "pat@example.com"})
    assert (late.status_code, late.json["error"]["code"]) == (502, "mail_not_sent")


def test_without_a_server_no_mail_is_offered(pat: Patient) -> None:
    assert pat.get("/data").json["mails"] is False
    assert pat.post("/transcript", {"email": "pat@example.com"}).status_code == 404


# What the panel is told --------------------------------------------------------------------------


def test_the_language_of_the_words_is_told(pat: Patient) -> None:
    assert pat.say("¿a qué hora abren mañana?").json["written_in"] == "es"
    assert pat.say("what time do you open tomorrow").json["written_in"] == "en"
    assert pat.say("ok").json["written_in"] == "en", "what does not tell is no reason to ask"


def test_who_was_helped_is_asked_by_who_helped(
    pat: Patient, answer_all: Callable[[], object]
) -> None:
    pat.say(KNEE)
    answer_all()
    assert pat.state()["survey"] is None
    pat.post("/end")
    assert pat.state()["survey"] == "bot"
    pat.post("/rating", {"score": 5})
    assert pat.state()["survey"] is None


def test_who_left_a_message_is_asked_about_that(pat: Patient) -> None:
    fields = {"name": "Pat", "phone": "(503) 555-0199", "message": "Please call me"}
    sent = pat.post("/forms", {"client_id": "f", "form": "contact", "fields": fields})
    assert sent.status_code == 202, sent.text
    assert pat.state()["survey"] == "message"
    pat.post("/rating", {"score": 3})
    assert pat.state()["survey"] is None


@pytest.mark.parametrize(("named", "kept"), [("billing", "billing"), ("no such desk", None)])
def test_the_page_may_name_the_desk(app: Flask, named: str, kept: str | None) -> None:
    begun = app.test_client().post("/api/v1/conversations", json={"desk": named}).json
    with of(app).database.reading() as session:
        assert session.get_one(Conversation, begun["id"]).desk == kept


def test_the_panels_page_carries_the_look(
    settings: Settings, make_app: Callable[..., Flask]
) -> None:
    logo = Path("web/static/console-icon.svg")
    site = Site(
        origins=("self",),
        color=PLUM,
        logo=logo,
        suggestions={"en": ("Where can I park?",)},
        clear_after_min=5,
    )
    client = make_app(settings.model_copy(update={"sites": {"main": site}})).test_client()
    page = client.get("/chat?site=main").text
    for part in ("/widget/sites/main.css", "/widget/sites/main/logo", "Where can I park?"):
        assert part in page
    assert 'data-clear-after-min="5"' in page
    assert PLUM in client.get("/widget/sites/main.css").text
    with client.get("/widget/sites/main/logo") as picture:
        assert picture.data == (ROOT / logo).read_bytes()
    assert client.get("/widget/sites/none.css").status_code == 404
    assert PLUM in client.get("/widget/loader.js").text
