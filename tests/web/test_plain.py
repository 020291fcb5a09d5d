"""The chat without script: what a patient gets done with plain forms and page loads."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from search.answer import Outcome
from tests.conftest import Search
from tests.web.core.test_core_pages import check_page
from tests.web.test_privacy import CHEST, MakeApp, with_privacy
from web.config import Settings
from web.models import Conversation, Kind, Message
from web.services import of

PATH = "/plain-chat"


@pytest.fixture
def browser(running: Flask) -> FlaskClient:
    """A browser without script, and a server that answers."""
    return running.test_client()


def send(browser: FlaskClient, **values: str) -> TestResponse:
    """Press a button of the page that is shown, and follow where it leads."""
    shown = browser.get(PATH).text
    page = re.findall(r'name="page" value="(\w+)"', shown)[0]
    return browser.post(PATH, data={"page": page, **values}, follow_redirects=True)


def buttons(html: str) -> list[tuple[str, str]]:
    return re.findall(r'<button type="submit" form="plain" name="(\w+)" value="([^"]*)"', html)


def test_a_question_is_answered_on_the_next_page(browser: FlaskClient, search: Search) -> None:
    search.finds(Outcome.ANSWER, "en/parking")
    check_page(browser.get(PATH).text)
    page = send(browser, text="where can <i>I</i> park")
    check_page(page.text)
    assert "where can &lt;i&gt;I&lt;/i&gt; park" in page.text
    assert "Park behind the house" in page.text
    assert ("helpful", "2 yes") in buttons(page.text)
    assert page.headers["Cache-Control"] == "no-store"
    thanked = send(browser, helpful="2 yes")
    assert "Thank you for telling us." in thanked.text


def test_whoever_was_not_helped_hears_what_to_do_next(browser: FlaskClient, search: Search) -> None:
    search.finds(Outcome.ANSWER, "en/parking")
    send(browser, text="where can I park")
    page = send(browser, helpful="2 no")
    check_page(page.text)
    assert "ask in other words" in page.text
    assert ("person", "yes") in buttons(page.text)


def test_a_choice_is_a_button(browser: FlaskClient, search: Search) -> None:
    search.finds(Outcome.CHOICES, "en/parking", "en/bills")
    page = send(browser, text="something about the clinic")
    choices = [value for name, value in buttons(page.text) if name == "choice"]
    assert choices == ["2 en/parking", "2 en/bills", "2 "]
    assert "Park behind the house" in send(browser, choice="2 en/parking").text
    refused = send(browser, choice="2 en/secret")
    assert (refused.status_code, 'role="alert"' in refused.text) == (404, True)


def test_with_nobody_there_a_message_is_left(browser: FlaskClient) -> None:
    page = send(browser, person="yes")
    assert 'name="contact" value="form-2"' in page.text
    wrong = send(browser, contact="form-2", name="Pat", message="call me")
    assert wrong.status_code == 422
    assert "phone number or an email" in wrong.text
    left = send(browser, contact="form-2", name="Pat", phone="503 555 0177", message="call me")
    assert "Your message is with our team" in left.text


def test_danger_comes_first(browser: FlaskClient) -> None:
    page = send(browser, text=CHEST)
    assert 'href="tel:911"' in page.text
    go_on = [value for name, value in buttons(page.text) if name == "continue"]
    assert go_on == ["2"]
    assert send(browser, **{"continue": "2"}).status_code == 200


def test_pressing_send_twice_sends_once(browser: FlaskClient) -> None:
    shown = browser.get(PATH).text
    page = re.findall(r'name="page" value="(\w+)"', shown)[0]
    for _ in range(2):
        browser.post(PATH, data={"text": "hello there", "page": page})
    assert browser.get(PATH).text.count("<p>hello there</p>") == 1


def test_it_speaks_spanish(browser: FlaskClient) -> None:
    page = browser.post(f"{PATH}?lang=es", data={"text": "hola"}, follow_redirects=True)
    assert '<html lang="es">' in page.text
    assert "Hablar con una persona" in page.text


@pytest.mark.parametrize("act", ["end", "forget"])
def test_it_is_gone_from_this_computer(browser: FlaskClient, running: Flask, act: str) -> None:
    send(browser, text="hello there")
    page = send(browser, **{act: "yes"})
    assert "hello there" not in page.text
    assert browser.get_cookie("plain_chat", path=PATH) is None
    with of(running).database.reading() as session:
        left = session.scalar(select(func.count()).select_from(Conversation))
    assert left == (1 if act == "end" else 0)


def test_the_cookie_is_for_this_page_alone(browser: FlaskClient) -> None:
    send(browser, text="hello there")
    cookie = browser.get_cookie("plain_chat", path=PATH)
    assert cookie is not None
    assert (cookie.http_only, cookie.same_site, cookie.path) == (True, "Strict", PATH)
    assert cookie.expires is None and cookie.max_age is None, "it goes with the browser"
    assert "hello there" in browser.get(f"{PATH}/held").text


def test_strangers_see_nothing(browser: FlaskClient, running: Flask) -> None:
    send(browser, text="hello there")
    stranger = running.test_client()
    assert "hello there" not in stranger.get(PATH).text
    assert stranger.get(f"{PATH}/held").status_code == 302
    own = browser.get_cookie("plain_chat", path=PATH)
    assert own is not None
    stranger.set_cookie("plain_chat", own.value[:-1] + "x", path=PATH)
    assert "hello there" not in stranger.get(PATH).text
    assert "frame-ancestors 'none'" in stranger.get(PATH).headers["Content-Security-Policy"]


def test_without_a_yes_the_words_stay_in_the_box(make_app: MakeApp, settings: Settings) -> None:
    app = make_app(with_privacy(settings, consent="ask"))
    browser = app.test_client()
    held = send(browser, text="hello & <b>good day</b>")
    assert held.status_code == 403
    check_page(held.text)
    assert ">hello &amp; &lt;b&gt;good day&lt;/b&gt;</textarea>" in held.text
    with of(app).database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Message)) == 0
    card = send(browser, text=CHEST)
    assert 'href="tel:911"' in card.text
    assert send(browser, person="yes").status_code == 403, "the rest waits for a yes"
    asked = send(browser, person="yes", agree="yes")
    assert asked.status_code == 200
    assert 'id="agree"' not in asked.text


def test_a_form_that_cannot_be_taken_shows_the_card(app: Flask) -> None:
    browser = app.test_client()
    browser.get(PATH)
    send(browser, text="hello")
    page = send(browser, contact="f1", name="Pat", message="I want to kill myself")
    assert page.status_code == 422
    assert "988" in page.text
    with of(app).database.reading() as session:
        cards = session.scalars(select(Message).where(Message.kind == Kind.DANGER)).all()
        assert [card.payload["card"] for card in cards] == ["988"]
