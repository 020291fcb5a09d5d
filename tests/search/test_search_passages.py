"""Passages: cut at headings, with the anchors of the page and nothing unsafe."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from search.articles import parse_article
from search.passages import Passage, render, split

BODY = """
Opening words.

## Adults

### What to bring

- a card
- a list
    - of *medicines*

### What it costs

| Visit | Price |
|---|---|
| New | 120 |

## Children {#kids}

Come along.

## Adults

Again [call](tel:911), not [this](javascript:alert(1)).
"""


def passages_of(body: str, title: str = "Visits") -> tuple[Passage, ...]:
    return split(parse_article("a", f"---\ntitle: {title}\n---\n{body}".encode(), {}))


def test_each_heading_with_text_makes_a_passage() -> None:
    found = passages_of(BODY)
    assert [(p.trail, p.heading) for p in found] == [
        ("", ""),
        ("Adults", "What to bring"),
        ("Adults", "What it costs"),
        ("", "Children"),
        ("", "Adults"),
    ]
    assert [p.position for p in found] == [0, 1, 2, 3, 4]


def test_lists_and_tables_stay_readable_as_text() -> None:
    _, bring, costs, *_ = passages_of(BODY)
    assert bring.text == "- a card\n- a list\n- of medicines"
    assert costs.text == "Visit | Price\nNew | 120"
    assert "<table>" in costs.html


def test_anchors_are_those_of_the_page() -> None:
    article = parse_article("a", f"---\ntitle: Visits\n---\n{BODY}".encode(), {})
    page = re.findall(r'<h\d id="([^"]+)"', render(article))
    anchors = [p.anchor for p in split(article) if p.anchor]
    assert anchors == ["what-to-bring", "what-it-costs", "kids", "adults_1"]
    assert set(anchors) <= set(page)


def test_only_safe_links_survive() -> None:
    last = passages_of(BODY)[-1]
    assert 'href="tel:911"' in last.html
    assert "javascript" not in last.html


def test_an_article_of_one_sentence_in_its_summary_is_a_passage() -> None:
    article = parse_article("a", b"---\ntitle: T\nsummary: We do & we <b>will</b>.\n---\n", {})
    (only,) = split(article)
    assert only.text == "We do & we <b>will</b>."
    assert only.html == "<p>We do &amp; we &lt;b&gt;will&lt;/b&gt;.</p>"


HOSTILE = [
    "<script>alert(1)</script>text",
    "<img src=x onerror=alert(1)>text",
    '<div onclick="x()" style="position:fixed">text</div>',
    "<iframe src=//evil></iframe>text",
    "<svg/onload=alert(1)>text",
    '<a href="data:text/html,x">text</a>',
    '<h2 id="x" onmouseover="a()">Heading</h2>text',
    "<form action=/x><input name=y>text</form>",
    "[text](vbscript:x)",
    "## <img src=x onerror=alert(1)> Heading\n\ntext",
    "</div></section><style>*{display:none}</style>text",
]


@pytest.mark.parametrize("body", HOSTILE)
def test_nothing_that_runs_gets_through(body: str) -> None:
    for passage in passages_of(body):
        markup = " ".join(re.findall(r"<[^>]*>", passage.html)).lower()
        for bad in ("<script", " on", "style", "<iframe", "<svg", "<form", "<input", "data:", "bs"):
            assert bad not in markup.replace("<abbr", "")


def test_odd_markdown_never_raises() -> None:
    data = Path(__file__).parents[1] / "data" / "covid_faq" / "articles"
    for path in sorted(data.glob("*.md"))[:30]:
        assert passages_of(path.read_text(encoding="utf-8").split("---", 2)[2])
    for body in ("#" * 50 + " x\n\ntext", "> " * 20 + "text", "- " * 20 + "text", "`" * 99 + "x"):
        json.dumps([p.text for p in passages_of(body)])
