"""Pages without script: help, the panel's frame, the widget's files."""

from __future__ import annotations

import gzip
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import html5lib
import pytest
from flask import Flask
from flask.testing import FlaskClient

from search.articles import read_article
from search.passages import split
from tests.conftest import ROOT
from web.config import Settings
from web.services import Services


def check_page(html: str) -> None:
    """Hold a page to what all pages promise."""
    html5lib.HTMLParser(strict=True).parse(html)
    headings = re.findall(r"<h1[^>]*>(.*?)</h1>", html, re.DOTALL)
    assert len(headings) == 1, "one h1"
    title = re.findall(r"<title>(.*?)</title>", html, re.DOTALL)[0]
    assert title.startswith(headings[0].strip()), "the title starts with it"
    ids = Counter(re.findall(r'\sid="([^"]+)"', html))
    assert all(count == 1 for count in ids.values()), "ids are unique"
    # A data block for search engines is no script: nothing runs it.
    assert "<script" not in html.replace('<script type="application/ld+json">', "")
    assert not re.search(r'\s(on\w+|style)="', html), "nothing inline"
    assert re.search(r'<html lang="(en|es)">', html)


def test_the_help_pages_speak_spanish(client: FlaskClient) -> None:
    page = client.get("/help?lang=es").text
    check_page(page)
    assert 'href="/help/topics/visita?lang=es"' in page
    assert "En una emergencia, llame al 911." in page
    by_browser = client.get("/help", headers={"Accept-Language": "es-MX,es;q=0.9"}).text
    assert 'lang="es"' in by_browser


def test_an_article_is_a_page_with_its_review_date(client: FlaskClient) -> None:
    page = client.get("/help/en/bills")
    assert page.status_code == 200
    check_page(page.text)
    assert "<h1>How do I pay my bill?</h1>" in page.text
    assert '<time datetime="2026-10-01">October 1, 2026</time>' in page.text
    assert "demo content for an invented clinic" in page.text
    assert "(503) 555-0110" in page.text


def test_anchors_are_those_of_the_passages(
    client: FlaskClient, services: Services, settings: Settings
) -> None:
    assert services.publisher.index is not None
    for passage in services.publisher.index.passages:
        assert f'id="{passage.anchor}"' in client.get(f"/help/{passage.article}").text


def test_every_shipped_article_is_a_valid_page(client: FlaskClient, services: Services) -> None:
    folder = ROOT / "kb_articles"
    articles = [read_article(path, folder) for path in sorted(folder.rglob("*.md"))]
    assert len(articles) >= 25
    index = services.publisher.index
    assert index is not None
    for article in articles:
        shown = {**index.articles, article.id: article}
        object.__setattr__(index, "articles", shown)
        page = client.get(f"/help/{article.id}")
        assert page.status_code == 200
        check_page(page.text)
        for passage in split(article):
            assert not passage.anchor or f'id="{passage.anchor}"' in page.text


@pytest.mark.parametrize(
    "path", ["/help/en/staff/keys", "/help/en/nothing", "/help/../clinic.toml", "/help/%2e%2e/x"]
)
def test_what_is_not_for_patients_is_not_there(client: FlaskClient, path: str) -> None:
    page = client.get(path)
    assert page.status_code == 404
    check_page(page.text)
    assert "safe" not in page.text


def test_a_missing_page_shows_the_way_on(client: FlaskClient) -> None:
    page = client.get("/nowhere?lang=es")
    assert page.status_code == 404
    check_page(page.text)
    assert "(503) 555-0110" in page.text
    assert 'href="/help?lang=es"' in page.text


def test_the_panels_page_carries_its_facts(client: FlaskClient) -> None:
    page = client.get("/chat?site=demo&lang=es").text
    html5lib.HTMLParser(strict=True).parse(page)
    body = re.findall(r"<body ([^>]*)>", page)[0]
    facts = dict(re.findall(r'data-([a-z-]+)="([^"]*)"', body))
    assert facts == {
        "api": "/api/v1",
        "site": "demo",
        "lang": "es",
        "clinic-name": "Harbor Street Family Clinic",
        "clinic-phone": "(503) 555-0110",
        "clinic-phone-href": "tel:5035550110",
        "emergency-phone": "911",
        "max-characters": "2000",
        "help-url": "/help",
        "privacy-url": "/privacy",
        "privacy-version": "1",
        "consent": "notice",
        "kept-days": "30",
        "clear-after-min": "0",
    }
    assert (ROOT / "widget" / "panel.html").read_text(encoding="utf-8") in page, "verbatim"
    assert not re.findall(r"<script(?![^>]*\ssrc=)[^>]*>", page), "no inline script"
    noscript = "".join(re.findall(r"<noscript>(.*?)</noscript>", page, re.DOTALL))
    assert 'href="tel:5035550110"' in noscript
    assert 'content="0;url=/plain-chat?lang=es&amp;site=demo"' in noscript


def test_every_fact_the_panel_reads_is_there(client: FlaskClient) -> None:
    script = "".join(
        path.read_text(encoding="utf-8") for path in sorted((ROOT / "widget").rglob("*.js"))
    )
    read = set(re.findall(r"\bfacts\.([a-zA-Z]+)\b", script)) - {"lang"}
    page = client.get("/chat?site=demo").text
    written = {
        re.sub(r"-(.)", lambda found: found[1].upper(), name)
        for name in re.findall(
            r""" data-([a-z-]+)=["']""", re.findall(r"<body ([^>]*)>", page)[0].join("  ")
        )
    }
    assert read
    assert read <= written | {"api", "logo"}  # a logo only where the website has one


def test_the_demo_page_is_the_demos_alone(
    make_app: Callable[..., Flask], settings: Settings
) -> None:
    page = make_app().test_client().get("/demo")
    assert page.status_code == 200
    assert 'src="/widget/loader.js"' in page.text
    real = settings.model_copy(update={"demo": False, "var": settings.var / "real"})
    shutil.copytree(settings.var_dir, real.var_dir)
    assert make_app(real).test_client().get("/demo").status_code == 404


def test_the_help_pages_have_their_style(client: FlaskClient) -> None:
    with client.get("/static/help.css") as answer:
        assert (answer.status_code, answer.mimetype) == (200, "text/css")


def test_the_frame_is_for_the_named_sites_alone(client: FlaskClient) -> None:
    policy = client.get("/chat?site=demo").headers["Content-Security-Policy"]
    assert "frame-ancestors 'self' http://127.0.0.1:* http://localhost:*" in policy
    other = client.get("/help").headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in other
    assert "unsafe" not in policy + other


FILES = sorted(
    path.relative_to(ROOT / "widget").as_posix()
    for path in (ROOT / "widget").rglob("*")
    if path.suffix in (".js", ".css", ".json")
)


@pytest.mark.parametrize("name", FILES)
def test_widget_files_are_served_with_their_type(client: FlaskClient, name: str) -> None:
    kind = {".js": "text/javascript", ".css": "text/css", ".json": "application/json"}
    with client.get(f"/widget/{name}") as answer:
        assert answer.status_code == 200
        assert answer.mimetype == kind[Path(name).suffix]
        unchanged = {"If-None-Match": answer.headers["ETag"]}
    with client.get(f"/widget/{name}", headers=unchanged) as again:
        assert again.status_code == 304


@pytest.mark.parametrize("path", ["/widget/panel/panel.js", "/chat?site=demo"])
def test_the_panel_travels_as_gzip_where_it_is_taken(client: FlaskClient, path: str) -> None:
    plain = client.get(path, headers={"Accept-Encoding": "identity"}, buffered=True)
    small = client.get(path, headers={"Accept-Encoding": "gzip"}, buffered=True)
    assert (plain.content_encoding, small.content_encoding) == (None, "gzip")
    assert gzip.decompress(small.data) == plain.data
    assert len(small.data) * 2 < len(plain.data)
    assert "Accept-Encoding" in small.headers["Vary"]


def test_a_squeezed_file_that_is_unchanged_is_not_sent_again(client: FlaskClient) -> None:
    path, headers = "/widget/panel/panel.js", {"Accept-Encoding": "gzip"}
    tag = client.get(path, headers=headers, buffered=True).headers["ETag"]
    again = client.get(path, headers={**headers, "If-None-Match": tag}, buffered=True)
    assert again.status_code == 304


def test_a_changed_widget_is_taken_at_once_and_the_loader_soon(client: FlaskClient) -> None:
    with client.get("/widget/panel/panel.js") as panel, client.get("/widget/loader.js") as loader:
        assert panel.headers["Cache-Control"] == "no-cache, public"
        assert loader.headers["Cache-Control"] == "max-age=300, public"


@pytest.mark.parametrize("name", ["../clinic.toml", "nothing.js", "panel.html", "%2e%2e/README.md"])
def test_nothing_else_is_served(client: FlaskClient, name: str) -> None:
    assert client.get(f"/widget/{name}").status_code == 404
