"""Articles: what is read, and how each kind of damage is named."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from search.articles import Article, ArticleInvalid, read_article, unknown_placeholders

FULL = """---
title: How do I cancel an appointment?
summary: Call or use the portal.
questions:
  - how do i call off my visit, cant make it tomorrow
  - when do i have to tell you: the day before?
topic: appointments
audience: staff
lang: es
status: draft
owner: Eli
reviewed_by: Rui
reviewed_on: 2026-11-01
review_by: not a date
source: house rules
translation_of: en/cancel.md
opens: 17:30
unheard_of: [1, {2: 3}]
---
Call {{clinic.phone}} before {{ clinic.closing_time }}.
"""


def read(folder: Path, content: str | bytes, name: str = "a.md") -> Article:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_article(path, folder, {"clinic.phone": "555-0110"})


def test_it_reads_every_field(tmp_path: Path) -> None:
    article = read(tmp_path, FULL, "en/visits/cancel.md")
    assert article.id == "en/visits/cancel"
    assert article.title == "How do I cancel an appointment?"
    assert article.questions == (
        "how do i call off my visit, cant make it tomorrow",
        "when do i have to tell you: the day before?",
    )
    assert (article.audience, article.lang, article.status) == ("staff", "es", "draft")
    assert (article.reviewed_on, article.review_by) == (date(2026, 11, 1), None)
    assert article.translation_of == "en/cancel"


def test_it_fills_known_facts_and_leaves_unknown_ones_as_written(tmp_path: Path) -> None:
    article = read(tmp_path, FULL)
    assert article.body == "Call 555-0110 before {{ clinic.closing_time }}.\n"
    assert unknown_placeholders(article) == ("clinic.closing_time",)


def test_a_first_heading_is_title_enough(tmp_path: Path) -> None:
    article = read(tmp_path, "# Where to *park* #\n\nBehind the house.\n")
    assert article.title == "Where to park"
    assert (article.status, article.audience, article.lang) == ("published", "public", "en")


def test_it_notices_the_language_of_an_article_that_does_not_say(tmp_path: Path) -> None:
    assert read(tmp_path, "# Estacionamiento\n\nPuede dejar su carro atrás.\n").lang == "es"


def test_the_digest_changes_with_the_file_and_with_the_facts_it_names(tmp_path: Path) -> None:
    before = read(tmp_path, FULL)
    path = tmp_path / "a.md"
    same = read_article(path, tmp_path, {"clinic.phone": "555-0110", "clinic.fax": "1"})
    other = read_article(path, tmp_path, {"clinic.phone": "555-0199"})
    assert before.digest == same.digest != other.digest


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (b"", 1, "empty"),
        (b" \n\t\n", 1, "empty"),
        (b"---\ntitle: x\n\xff\xfe\n---\nText\n", 3, "not UTF-8"),
        (b"# T\n\nText\0more\n", 3, "NUL"),
        (b"# T\n\n" + b"word " * 2_100_000, 1, "more than"),
        (b"---\ntitle: x\n", 1, "no closing"),
        (b"---\ntitle: 'x\ntopic: y\n---\nText\n", 2, "YAML"),
        (b"---\ntitle: x\nquestions:\n\t- one\n---\nText\n", 4, "tab"),
        (b"---\ntitle: a: b: c\n---\nText\n", 2, "YAML"),
        (b"---\n- a\n- b\n---\nText\n", 2, "name: value"),
        (b"---\n" + b"[" * 5000 + b"\n---\nText\n", 3, "YAML"),
        (b"Just a line of text.\n", 1, "no title"),
        (b"---\ntitle: x\n---\n\n# Heading only\n", 4, "no text"),
    ],
)
def test_damage_is_named_with_its_line(
    tmp_path: Path, content: bytes, line: int, reason: str
) -> None:
    with pytest.raises(ArticleInvalid) as caught:
        read(tmp_path, content)
    assert reason in caught.value.reason
    assert caught.value.line == line
    assert caught.value.article == "a"


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret.md"
    secret.write_text("# Secret\n\nText.\n")
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "inside.md").write_text("# Inside\n\nText.\n")
    (folder / "a.md").symlink_to(secret)
    (folder / "b.md").symlink_to(folder / "inside.md")
    (folder / "c.md").symlink_to(folder / "c.md")
    with pytest.raises(ArticleInvalid, match="leads out"):
        read_article(folder / "a.md", folder)
    assert read_article(folder / "b.md", folder).title == "Inside"
    with pytest.raises(ArticleInvalid):
        read_article(folder / "c.md", folder)


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm(tmp_path: Path) -> None:
    article = read(tmp_path, b"\xef\xbb\xbf---\r\ntitle: Park\r\n---\r\nBehind.\r\n")
    assert (article.title, article.body) == ("Park", "Behind.\n")


def test_an_article_gets_the_facts_of_its_own_language(tmp_path: Path) -> None:
    facts = {"clinic.hours": "Monday", "es:clinic.hours": "lunes"}
    for lang, wanted in (("en", "Monday"), ("es", "lunes")):
        path = tmp_path / f"{lang}.md"
        path.write_text(
            f"---\ntitle: T\nlang: {lang}\n---\n{{{{clinic.hours}}}}\n", encoding="utf-8"
        )
        assert read_article(path, tmp_path, facts).body.strip() == wanted
