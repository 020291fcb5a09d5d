"""Articles from elsewhere become drafts, whatever the files hold; all can be taken away."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from tests.web.editor_desk import Writing
from web.articles import exchange, revisions

HTML = (
    "<html><head><title>Site</title></head><body><nav>Home</nav><main><h1>Where is the lab?</h1>"
    "<p>On <b>floor 1</b>.<script>alert(1)</script></p></main></body></html>"
)
WORD = (
    '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
    '<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>Who draws blood?</w:t></w:r></w:p>'
    "<w:p><w:r><w:t>A nurse does.</w:t></w:r></w:p></w:body></w:document>"
)
TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Override PartName="/word/document.xml" ContentType="application/'
    'vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
    'relationships/officeDocument" Target="word/document.xml"/></Relationships>'
)


def packed(**files: str | bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for name, content in files.items():
            file.writestr(name, content)
    return made.getvalue()


def take_in(room: Writing, name: str, content: bytes) -> list[exchange.Taken]:
    return exchange.take_in(room.desk.services, name, content, topic="results", staff_id=None)


def words(room: Writing, name: str) -> str:
    with room.desk.reading() as session:
        row = revisions.open_of(session, name)
    assert row is not None
    return row.content


def test_a_zip_becomes_drafts_and_names_what_it_could_not_take(room: Writing) -> None:
    parts = {"[Content_Types].xml": TYPES, "_rels/.rels": RELATIONS, "word/document.xml": WORD}
    files = {
        "../../lab.html": HTML,
        "blood.docx": packed(**parts),
        "faq.csv": "Question,Answer\nIs Wi-Fi free?,Yes it is.\n,\n",
        "broken.docx": b"PK nothing",
        "latin.html": "caf\xe9".encode("latin-1"),
        "empty.html": "",
    }
    found = take_in(room, "old-site.zip", packed(**files))
    made = {each.made_of: each.article_id for each in found if each.article_id}
    assert made == {
        "../../lab.html": "en/results/where-is-the-lab",
        "blood.docx": "en/results/who-draws-blood",
        "faq.csv, line 2": "en/results/is-wi-fi-free",
    }
    assert {each.made_of for each in found if each.reason} == {
        "broken.docx",
        "latin.html",
        "empty.html",
    }
    text = words(room, "en/results/where-is-the-lab")
    assert "**floor 1**" in text and "alert" not in text and "Home" not in text
    assert "source: ../../lab.html" in text and "review_by: 2027-02-21" in text
    assert "A nurse does." in words(room, "en/results/who-draws-blood")
    assert room.files() == ["en/visiting/parking.md"]  # nothing is published by it


def test_the_same_file_again_makes_no_second_draft(room: Writing) -> None:
    take_in(room, "lab.html", HTML.encode())
    [again] = take_in(room, "lab.html", HTML.encode())
    assert "already" in again.reason


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04" + b"\0" * 90])
def test_a_damaged_zip_says_so(room: Writing, content: bytes) -> None:
    [found] = take_in(room, "old.zip", content)
    assert "damaged" in found.reason


def test_all_articles_can_be_taken_away(room: Writing) -> None:
    with zipfile.ZipFile(io.BytesIO(exchange.give_out(room.desk.settings))) as file:
        assert file.read("articles/en/visiting/parking.md").decode() == room.text()
        [row] = file.read("articles.jsonl").decode().splitlines()
    assert json.loads(row)["title"] == "Where do I park?"
