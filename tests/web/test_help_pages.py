"""The help pages: topics, articles, search, "Was this helpful?", and what search engines read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import html5lib
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from search.answer import Found, Outcome, ask
from search.articles import read_article
from tests.conftest import write_article
from tests.web.core.test_core_pages import check_page
from web import wording
from web.articles import help_feedback, help_pages
from web.articles.reading import fernandez_huerta, flesch_kincaid
from web.config import Settings
from web.db import DatabaseBusy
from web.models import ArticleVote
from web.privacy import retention
from web.sections import Topic
from web.services import Services, of

PHONE = "(503) 555-0110"
DANGER = "my father has crushing chest pain"
LONG = "".join(f"\n\n## Part {n}?\n\nThe answer to part {n}." for n in (1, 2, 3, 4))


@pytest.fixture
def more(articles: Path) -> Path:
    """Beside the shared articles: a pair, a long one, one past its day, and hidden ones."""
    twin = {"translation_of": "en/parking"}
    write_article(
        articles, "es/estacionamiento", "¿Dónde me estaciono?", "visita", "Atrás.", **twin
    )
    write_article(articles, "en/rides", "Can I get a ride?", "visiting", "Call us." + LONG)
    old = {"review_by": "2026-11-01"}
    write_article(articles, "en/old", "What did it cost?", "billing", "Ten dollars.", **old)
    write_article(articles, "en/draft", "A draft", "billing", "Soon.", status="draft")
    write_article(articles, "en/gone", "Gone", "billing", "Was.", status="withdrawn")
    write_article(articles, "en/loose", "Who are you?", "", "We are </script><b>us</b>.")
    return articles


@pytest.fixture
def client(more: Path, make_app: Callable[..., Flask]) -> FlaskClient:
    return make_app().test_client()


@pytest.fixture
def open_services(client: FlaskClient) -> Services:
    return of(client.application)


def get(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    check_page(answer.text)
    return answer.text


def links(html: str) -> list[str]:
    return [unescape(each) for each in re.findall(r'<a\b[^>]*href="([^"]+)"', html)]


# The first page and topics -----------------------------------------------------------------------


def test_the_first_page_lists_topics_with_their_counts(client: FlaskClient) -> None:
    page = get(client, "/help?lang=en")
    topics = re.findall(r'topic_*link" href="([^"]+)">([^<]+)<', page)
    counts = re.findall(r'topic__count">([^<]+)<', page)
    assert [name for _, name in topics] == [
        "Coming to the clinic",
        "Medicines",
        "Bills and costs",
        "Other topics",
    ]
    assert counts == ["2 pages", "1 page", "2 pages", "1 page"]
    for path, name in topics:
        assert f"<h1>{name}</h1>" in get(client, unescape(path))


def test_a_topic_nobody_named_goes_by_its_own_word(settings: Settings, client: FlaskClient) -> None:
    plain = settings.model_copy(update={"topics": {}})
    index = of(client.application).publisher.index
    assert index is not None
    assert [each.name for each in help_pages.topics(index, plain, "en")] == [
        "Billing",
        "Medicines",
        "Other topics",
        "Visiting",
    ]
    named = settings.model_copy(update={"topics": {"en/visiting": Topic(name="Here")}})
    assert help_pages.topics(index, named, "en")[0].name == "Here"


def test_every_page_says_whom_to_call_and_when_the_clinic_is_open(client: FlaskClient) -> None:
    for path in ("/help?lang=en", "/help/topics/visiting", "/help/en/bills", "/help/search?q=x"):
        page = get(client, path)
        assert 'href="tel:911"' in page.partition("<main")[0], "before everything else"
        assert 'href="tel:5035550110"' in page.partition("<main")[0]
        assert "Monday, Tuesday and Thursday" in page
        assert re.search(r"We are (open|closed) now", page)
        assert "/chat?site=demo&lang=en" in links(page)
        assert 'role="search"' in page
        assert '<label class="' in page
        assert "This is demo content for an invented clinic." in page
        assert 'content="noindex"' in page, "nobody should find a clinic that does not exist"


def test_the_chat_is_offered_only_where_this_server_may_show_it(
    settings: Settings, more: Path, make_app: Callable[..., Flask]
) -> None:
    site = {
        name: each.model_copy(update={"origins": ("https://x.example",)})
        for name, each in settings.sites.items()
    }
    page = make_app(settings.model_copy(update={"sites": site})).test_client().get("/help").text
    assert "/chat" not in page


def test_the_first_articles_are_the_clinics_until_readers_say_more(
    settings: Settings, open_services: Services
) -> None:
    index = open_services.publisher.index
    assert index is not None
    base = settings.knowledge_base.model_copy(update={"start_with": ("en/parking", "en/nothing")})
    own = settings.model_copy(update={"knowledge_base": base})

    def first(lang: str, **helpful: int) -> list[str]:
        votes = {name.replace("_", "/"): count for name, count in helpful.items()}
        return [each.id for each in help_pages.first_articles(index, own, lang, votes)]

    assert first("en") == ["en/parking"]
    assert first("es") == ["es/estacionamiento"], "each language shows its own"
    assert first("en", en_bills=3, en_rides=2) == ["en/bills", "en/parking"]


def test_the_pages_do_without_the_database(client: FlaskClient, open_services: Services) -> None:
    with open_services.database.engine.begin() as connection:
        connection.exec_driver_sql("drop table article_vote")
    for path in ("/help?lang=en", "/help/topics/visiting", "/help/en/bills", "/help/search?q=x"):
        get(client, path)
    form = open_form(client, "/help/en/parking")
    answer = vote(client, "en/parking", form, helpful="yes")
    assert answer.status_code == 503
    assert PHONE in answer.text


def test_without_an_index_the_pages_say_so(client: FlaskClient, open_services: Services) -> None:
    open_services.publisher.index = None
    page = get(client, "/help?lang=en")
    assert "being prepared" in page
    assert PHONE in page
    assert client.get("/help/en/parking").status_code == 404
    assert client.get("/help/search?q=parking").status_code == 200
    assert client.get("/help/sitemap.xml").status_code == 200


# An article --------------------------------------------------------------------------------------


def test_an_article_stands_in_its_topic_with_its_neighbours(client: FlaskClient) -> None:
    page = get(client, "/help/en/parking")
    assert "<h1>Where do I park?</h1>" in page
    crumbs = page.partition('class="kb-crumbs"')[2].partition("</nav>")[0]
    assert links(crumbs) == ["/help?lang=en", "/help/topics/visiting?lang=en"]
    aside = page.partition("<aside")[2].partition("</aside>")[0]
    assert links(aside) == ["/help/en/rides"]


def test_a_long_article_has_a_table_of_contents(client: FlaskClient) -> None:
    long, short = get(client, "/help/en/rides"), get(client, "/help/en/parking")
    contents = long.partition('class="kb-contents"')[2].partition("</nav>")[0]
    anchors = [each.removeprefix("#") for each in links(contents)]
    assert len(anchors) == 4
    assert all(f'id="{anchor}"' in long for anchor in anchors)
    assert "kb-contents" not in short


def test_a_heading_cannot_take_an_id_of_the_frame(
    client: FlaskClient, open_services: Services, more: Path
) -> None:
    body = "".join(f"\n\n## {name}\n\nYes." for name in ("Text", "Helpful", "Comment"))
    write_article(more, "en/frame", "What is the frame?", "visiting", "It is around." + body)
    open_services.publisher.refresh()
    assert 'id="helpful"' in get(client, "/help/en/frame"), "ids are unique: get looks at that"


def test_an_article_past_its_review_date_says_so(client: FlaskClient) -> None:
    page = get(client, "/help/en/old")
    assert "We wanted to check this page by November 1, 2026." in page
    assert "We wanted to check" not in get(client, "/help/en/bills")


@pytest.mark.parametrize("name", ["en/staff/keys", "en/draft", "en/gone", "en/nothing"])
def test_what_is_not_published_is_not_there(client: FlaskClient, name: str) -> None:
    for answer in (client.get(f"/help/{name}"), client.post(f"/help/feedback/{name}")):
        assert answer.status_code == 404
        check_page(answer.text)
        assert 'content="noindex"' in answer.text
        assert PHONE in answer.text
    assert name not in client.get("/help/sitemap.xml").text


def test_a_real_clinic_shows_no_demo_content_and_may_be_found(
    settings: Settings, articles: Path, make_app: Callable[..., Flask]
) -> None:
    write_article(articles, "en/own", "What is ours?", "visiting", "This.", reviewed_by="Rui")
    real = settings.model_copy(update={"demo": False})
    client = make_app(real).test_client()
    assert client.get("/help/en/parking").status_code == 404
    page = get(client, "/help/en/own")
    assert "demo content" not in page
    assert "noindex" not in page
    assert "noindex" in get(client, "/help/search?q=ours")


# Languages ---------------------------------------------------------------------------------------


def test_the_switch_leads_to_the_same_article_in_the_other_language(client: FlaskClient) -> None:
    english, spanish = get(client, "/help/en/parking"), get(client, "/help/es/estacionamiento")
    assert switch(english) == "/help/es/estacionamiento"
    assert switch(spanish) == "/help/en/parking"
    for page in (english, spanish):
        assert alternates(page) == {
            "en": "http://localhost/help/en/parking",
            "es": "http://localhost/help/es/estacionamiento",
        }


def test_an_article_without_a_translation_says_so_and_names_an_interpreter(
    client: FlaskClient,
) -> None:
    page = get(client, "/help/en/bills")
    assert switch(page) == "#kb-only-here"
    note = page.partition('id="kb-only-here"')[2].partition("</div>")[0]
    assert '<p lang="es">' in note
    assert "no está en español" in note
    assert "555-0150" in note
    assert "/help?lang=es" in links(note)
    assert list(alternates(page)) == ["en"]


def test_topics_search_and_the_first_page_switch_too(client: FlaskClient) -> None:
    assert switch(get(client, "/help?lang=en")) == "/help?lang=es"
    assert switch(get(client, "/help/topics/visiting?lang=en")) == "/help/topics/visita?lang=es"
    assert switch(get(client, "/help/topics/billing?lang=en")) == "/help?lang=es"
    assert switch(get(client, "/help/search?q=a+b&lang=en")) == "/help/search?lang=es&q=a+b"
    assert client.get("/help/topics/nothing").status_code == 404


def test_the_language_stays_in_every_link(client: FlaskClient) -> None:
    page = get(client, "/help?lang=es")
    own = [each for each in links(page) if each.startswith("/help") and each != switch(page)]
    assert own
    assert all("lang=es" in each or each.startswith("/help/es/") for each in own)
    assert '<input type="hidden" name="lang" value="es">' in page
    by_browser = client.get("/help", headers={"Accept-Language": "es-MX,es;q=0.9"})
    assert '<html lang="es">' in by_browser.text
    assert "Accept-Language" in by_browser.headers["Vary"]


def switch(page: str) -> str:
    nav = page.partition('class="kb-langs"')[2].partition("</nav>")[0]
    (found,) = links(nav)
    return found


def alternates(page: str) -> dict[str, str]:
    return dict(re.findall(r'<link rel="alternate" hreflang="(\w+)" href="([^"]+)"', page))


# Search ------------------------------------------------------------------------------------------


def test_a_search_lists_what_was_found_with_its_opening_words(client: FlaskClient) -> None:
    page = get(client, "/help/search?q=where+do+i+park&lang=en")
    found = page.partition('class="kb-list"')[2].partition("</ol>")[0]
    assert links(found)[0] == "/help/en/parking"
    assert "Park behind the house at no cost." in found
    assert 'value="where do i park"' in page, "the words stay to be mended"


def test_a_result_leads_to_the_anchor_of_its_passage(
    client: FlaskClient, open_services: Services
) -> None:
    index = open_services.publisher.index
    assert index is not None
    found = ask(index, open_services.publisher.encoder, "the answer to part 3 of the ride")
    results = help_pages.results(index, answered(found))
    hit = next(each for each in results if each.article.id == "en/rides")
    assert hit.heading.startswith("Part")
    assert f'id="{hit.anchor}"' in get(client, f"/help/{hit.article.id}")


def answered(found: Found) -> Found:
    values = {name: getattr(found, name) for name in found.__dataclass_fields__}
    return Found(**{**values, "outcome": Outcome.ANSWER})


def test_a_search_that_finds_nothing_says_so_and_offers_a_person(client: FlaskClient) -> None:
    page = get(client, "/help/search?q=zebra+soup+recipe&lang=en")
    main = page.partition("<main")[2].partition("</main>")[0]
    assert "We have no page about that" in main
    assert "kb-list" not in main
    assert "tel:5035550110" in links(main)
    assert "/chat?site=demo&lang=en" in links(main)


def test_a_search_for_nothing_asks_for_words(client: FlaskClient) -> None:
    page = get(client, "/help/search?q=+&lang=en")
    assert "Use your own words" in page
    assert "no page about that" not in page


def test_lists_and_tables_read_as_a_sentence_cut_at_a_word() -> None:
    listed = "Bring these:\n- a photo ID\n- your card\nIt takes an hour."
    assert help_pages.opening(listed) == "Bring these: a photo ID; your card It takes an hour."
    table = "How long | Cost\nUp to 2 hours | Free | Paid\nMore | $2\nPay at the exit."
    assert help_pages.opening(table) == "Up to 2 hours: Free, Paid; More: $2 Pay at the exit."
    assert help_pages.opening("word, " * 40).endswith("word …")


def test_odd_characters_do_no_harm(client: FlaskClient, open_services: Services) -> None:
    page = get(client, "/help/search?q=park%00%1b%ff%E2%80%AE<b>%22&lang=en")
    assert "<b>" not in page
    form = open_form(client, "/help/en/parking")
    vote(client, "en/parking", form, helpful="no", comment="no\x00 bus\x1b")
    assert [row.comment for row in rows(open_services)] == ["no bus"]
    much = vote(client, "en/parking", form, helpful="no", comment="x" * 70_000)
    assert much.status_code == 413
    assert PHONE in much.text


def test_a_clinic_of_one_language_has_no_switch(
    settings: Settings, more: Path, make_app: Callable[..., Flask]
) -> None:
    clinic = settings.clinic.model_copy(update={"languages": ("en",)})
    client = make_app(settings.model_copy(update={"clinic": clinic})).test_client()
    for path in ("/help", "/help/en/bills", "/help/topics/billing", "/help/es/estacionamiento"):
        page = get(client, path)
        assert "kb-langs" not in page
        assert "only-here" not in page
    assert "/es/" not in client.get("/help/sitemap.xml").text


def test_danger_in_a_search_shows_the_card_first(client: FlaskClient) -> None:
    page = get(client, f"/help/search?q={DANGER.replace(' ', '+')}&lang=en")
    main = page.partition("<main")[2]
    assert main.index("kb-card--911") < main.index("<h1")
    assert "<h4" not in main, "headings go down step by step"
    spanish = get(client, "/help/search?q=me+quiero+morir&lang=en")
    assert 'kb-card--988" lang="es"' in spanish


def test_the_card_is_shown_whatever_else_fails(
    settings: Settings, more: Path, make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = settings.limits.model_copy(update={"requests_per_minute": 1})
    client = make_app(settings.model_copy(update={"limits": limits})).test_client()
    path = f"/help/search?q={DANGER.replace(' ', '+')}"
    answers = [client.get(path) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert int(answers[1].headers["Retry-After"]) >= 1

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the index is broken")

    monkeypatch.setattr("web.views.help.ask", broken)
    other = {"REMOTE_ADDR": "10.0.0.9"}
    answers.append(client.get(path, environ_overrides=other))
    assert answers[2].status_code == 500
    assert all("kb-card--911" in answer.text for answer in answers)


def test_typed_words_are_kept_nowhere(
    client: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = client.get("/help/search?q=xylophone+secret")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert "Set-Cookie" not in answer.headers
    form = open_form(client, "/help/en/parking")
    vote(client, "en/parking", form, helpful="no", comment="xylophone secret")
    logged = capsys.readouterr()
    assert "request" in logged.err
    assert "xylophone" not in logged.err + logged.out


# Was this helpful? -------------------------------------------------------------------------------


def open_form(client: FlaskClient, path: str) -> str:
    page = client.get(path).text
    return unescape(re.findall(r'name="form" value="([^"]+)"', page)[0])


def vote(client: FlaskClient, article: str, form: str, **fields: Any) -> TestResponse:
    headers = fields.pop("headers", {})
    answer = client.post(
        f"/help/feedback/{article}", data={"form": form, **fields}, headers=headers
    )
    check_page(answer.text)
    return answer


def rows(services: Services) -> list[ArticleVote]:
    with services.database.reading() as session:
        query = select(ArticleVote).order_by(ArticleVote.article_id, ArticleVote.form_hash)
        return list(session.scalars(query))


def test_a_reader_says_that_it_helped(client: FlaskClient, open_services: Services) -> None:
    answer = vote(client, "en/parking", open_form(client, "/help/en/parking"), helpful="yes")
    assert answer.status_code == 200
    assert "<h1>Thank you</h1>" in answer.text
    (row,) = rows(open_services)
    index = open_services.publisher.index
    assert index is not None
    assert (row.article_id, row.helpful, row.comment) == ("en/parking", True, None)
    assert row.revision == index.articles["en/parking"].digest[:16]


def test_a_no_offers_a_person_and_takes_a_note(
    client: FlaskClient, open_services: Services
) -> None:
    form = open_form(client, "/help/en/parking")
    said_no = vote(client, "en/parking", form, helpful="no")
    main = said_no.text.partition("<main")[2].partition("</main>")[0]
    assert "tel:5035550110" in links(main)
    assert unescape(re.findall(r'name="form" value="([^"]+)"', main)[0]) == form
    note = "I am Anna Smith, 503 555 0199, and there is no bus"
    thanks = vote(client, "en/parking", form, helpful="no", comment=note)
    assert "Our team will read your note" in thanks.text
    (row,) = rows(open_services)
    assert not row.helpful
    assert row.comment is not None
    assert "there is no bus" in row.comment
    assert "0199" not in row.comment


def test_the_same_form_sent_again_counts_once(client: FlaskClient, open_services: Services) -> None:
    form = open_form(client, "/help/en/parking")
    for said in ("yes", "yes", "no", "no"):
        assert vote(client, "en/parking", form, helpful=said).status_code == 200
    assert [row.helpful for row in rows(open_services)] == [False], "the last word counts"
    vote(client, "en/parking", open_form(client, "/help/en/parking"), helpful="yes")
    assert len(rows(open_services)) == 2


def test_the_page_from_the_browsers_store_does_not_count_twice(client: FlaskClient) -> None:
    first = client.get("/help/en/parking")
    again = client.get("/help/en/parking", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert "private" in first.headers["Cache-Control"], "a form is one reader's"


def test_what_is_kept_tells_nobody_apart(open_services: Services, client: FlaskClient) -> None:
    vote(client, "en/parking", open_form(client, "/help/en/parking"), helpful="yes")
    (row,) = rows(open_services)
    assert isinstance(row.voted_on, date)
    columns = set(ArticleVote.__table__.columns.keys())
    assert columns == {"form_hash", "article_id", "revision", "helpful", "sealed", "voted_on"}


@pytest.mark.parametrize(
    "fields",
    [
        {"form": "x", "helpful": "yes"},
        {"form": "", "helpful": "yes"},
        {"helpful": "maybe"},
        {"helpful": "yes", "headers": {"Origin": "https://elsewhere.example"}},
        {"helpful": "yes", "headers": {"Sec-Fetch-Site": "cross-site"}},
    ],
)
def test_a_vote_that_no_page_of_ours_made_is_refused(
    client: FlaskClient, open_services: Services, fields: dict[str, Any]
) -> None:
    form = fields.pop("form", None)
    form = open_form(client, "/help/en/parking") if form is None else form
    assert vote(client, "en/parking", form, **fields).status_code == 400
    assert rows(open_services) == []


def test_a_form_is_good_for_its_own_article_alone(
    client: FlaskClient, open_services: Services
) -> None:
    form = open_form(client, "/help/en/parking")
    assert vote(client, "en/bills", form, helpful="yes").status_code == 400
    here = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert vote(client, "en/parking", form, helpful="yes", headers=here).status_code == 200
    assert len(rows(open_services)) == 1


def test_too_many_votes_from_one_place_are_asked_to_wait(
    client: FlaskClient, open_services: Services
) -> None:
    form = open_form(client, "/help/en/parking")
    answers = [vote(client, "en/parking", form, helpful="yes") for _ in range(61)]
    assert {answer.status_code for answer in answers[:60]} == {200}
    assert answers[60].status_code == 429
    assert PHONE in answers[60].text


def test_danger_in_a_note_shows_the_card_even_when_nothing_can_be_kept(
    client: FlaskClient, open_services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = open_form(client, "/help/en/parking")
    kept = vote(client, "en/parking", form, helpful="no", comment=DANGER)
    forged = vote(client, "en/parking", "x", helpful="no", comment=DANGER)
    lost = vote(client, "en/nothing", form, helpful="no", comment=DANGER)

    def busy(*_: object, **__: object) -> None:
        raise DatabaseBusy

    monkeypatch.setattr("web.views.help.help_feedback.save", busy)
    full = vote(client, "en/parking", form, helpful="no", comment=DANGER)
    answers = (kept, forged, lost, full)
    assert [answer.status_code for answer in answers] == [200, 400, 404, 503]
    for answer in answers:
        main = answer.text.partition("<main")[2]
        assert main.index("kb-card--911") < main.index("<h1")


def test_whoever_comes_back_to_an_answers_address_finds_the_article(client: FlaskClient) -> None:
    answer = client.get("/help/feedback/en/parking")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/help/en/parking#kb-helpful"


def test_the_least_helpful_article_comes_first(services: Services) -> None:
    day = date(2026, 11, 20)
    said = [("a", True), ("a", False), ("b", False), ("b", False), ("c", True)]
    with services.database.transaction() as session:
        for number, (name, helpful) in enumerate(said):
            form = help_feedback.Form(f"{number}", name, "r")
            on = day + timedelta(days=number)
            help_feedback.save(session, form, helpful=helpful, comment=f"n{number}", on=on)
    with services.database.reading() as session:
        found = help_feedback.verdicts(session, day, date(2026, 11, 24))
        assert [(each.article_id, each.helpful_yes, each.helpful_no) for each in found] == [
            ("b", 0, 2),
            ("a", 1, 1),
            ("c", 1, 0),
        ]
        notes = help_feedback.comments(session, day, date(2026, 11, 23), 2)
        assert [each.text for each in notes] == ["n3", "n2"]
        assert help_feedback.balance(session, date(2026, 11, 21)) == {"a": -1, "b": -2, "c": 1}


def test_notes_go_when_conversations_go_and_the_counts_stay(services: Services) -> None:
    today = services.clock().date()
    kept_for = timedelta(days=services.settings.retention.conversation_days)
    with services.database.transaction() as session:
        for number, age in enumerate((kept_for + timedelta(days=1), timedelta(days=1))):
            form = help_feedback.Form(f"{number}", "en/parking", "r")
            help_feedback.save(
                session, form, helpful=False, comment=f"note {number}", on=today - age
            )
    retention.forget_old(services)
    assert [row.comment for row in rows(services)] == [None, "note 1"]


# For search engines ------------------------------------------------------------------------------


def graph(page: str) -> list[dict[str, Any]]:
    (block,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    assert "<" not in block
    facts: dict[str, Any] = json.loads(block)
    assert facts["@context"] == "https://schema.org"
    return list(facts["@graph"])


def test_structured_data_says_what_the_page_says(client: FlaskClient) -> None:
    (clinic,) = graph(get(client, "/help?lang=en"))
    assert (clinic["@type"], clinic["telephone"]) == ("MedicalClinic", PHONE)
    hours = clinic["openingHoursSpecification"]
    assert hours[0] == {
        "@type": "OpeningHoursSpecification",
        "dayOfWeek": "https://schema.org/Monday",
        "opens": "08:00",
        "closes": "12:00",
    }
    article, crumbs, questions = graph(get(client, "/help/en/rides"))
    assert (article["@type"], article["headline"]) == ("Article", "Can I get a ride?")
    assert article["dateModified"] == "2026-10-01"
    steps = [each["name"] for each in crumbs["itemListElement"]]
    assert steps == ["Help", "Coming to the clinic", "Can I get a ride?"]
    asked = {each["name"]: each["acceptedAnswer"]["text"] for each in questions["mainEntity"]}
    assert asked["Part 2?"] == "The answer to part 2."


def test_structured_data_cannot_end_its_block(client: FlaskClient) -> None:
    page = get(client, "/help/en/loose")
    assert graph(page)
    html5lib.HTMLParser(strict=True).parse(page)


def test_each_page_names_its_one_address_and_what_it_is_about(client: FlaskClient) -> None:
    page = get(client, "/help/en/parking?lang=en&from=chat")
    assert '<link rel="canonical" href="http://localhost/help/en/parking">' in page
    assert '<meta name="description" content="Park behind the house at no cost.">' in page
    assert '<meta property="og:type" content="article">' in page
    assert "Where do I park?" in re.findall(r'og:title" content="([^"]+)"', page)[0]


def test_a_page_without_its_own_address_is_none_for_search_engines(client: FlaskClient) -> None:
    page = get(client, "/help/search?q=parking")
    assert "canonical" not in page
    assert '<meta name="robots" content="noindex">' in page


def test_the_sitemap_names_every_page_and_its_translations(client: FlaskClient) -> None:
    answer = client.get("/help/sitemap.xml")
    assert answer.mimetype == "application/xml"
    names = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}
    urls = [
        each.text or "" for each in ElementTree.fromstring(answer.text).iterfind(".//s:loc", names)
    ]
    assert len(urls) == len(set(urls))
    assert "http://localhost/help/en/parking" in urls
    assert "http://localhost/help/topics/visita?lang=es" in urls
    for url in urls:
        assert client.get(url.removeprefix("http://localhost")).status_code == 200
    assert "Sitemap: http://localhost/help/sitemap.xml" in client.get("/robots.txt").text


def test_a_changed_article_shows_at_once(
    client: FlaskClient, open_services: Services, more: Path
) -> None:
    first = client.get("/help/en/parking")
    assert "no-cache" in first.headers["Cache-Control"]
    write_article(more, "en/parking", "Where do I park?", "visiting", "Park at the harbor.")
    open_services.publisher.refresh()
    again = client.get("/help/en/parking", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 200
    assert "Park at the harbor." in again.text


# Words -------------------------------------------------------------------------------------------


def test_the_help_pages_speak_plainly() -> None:
    def spoken(lang: str) -> str:
        sentences = [
            re.sub(r"{\w+}", "5", text)
            for key, text in wording.load(lang).items()
            if key.startswith("help.") and re.search(r"[.?]$", text)
        ]
        assert len(sentences) > 20
        return "\n\n".join(sentences)

    assert flesch_kincaid(spoken("en")) <= 6
    assert fernandez_huerta(spoken("es")) >= 70


def test_every_shipped_topic_has_a_name(settings: Settings) -> None:
    folder = Path(__file__).parents[2] / "kb_articles"
    articles = [read_article(path, folder) for path in sorted(folder.rglob("*.md"))]
    topics = {f"{each.lang}/{each.topic}" for each in articles if each.audience == "public"}
    assert topics == set(settings.topics)
    shipped = {each.id for each in articles if each.status == "published"}
    assert set(settings.knowledge_base.start_with) <= shipped
