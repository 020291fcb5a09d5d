"""Links between articles lead to help pages, and no other link is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.articles import read_article
from search.links import address
from search.passages import render, split


@pytest.mark.parametrize(
    ("href", "wanted"),
    [
        ("payment-plans.md", "/help/en/billing/payment-plans"),
        ("../visiting/parking.md#cost", "/help/en/visiting/parking#cost"),
        ("a%20b.md", "/help/en/billing/a b"),
        ("https://elsewhere.example/a.md", "https://elsewhere.example/a.md"),
        ("//elsewhere.example/a.md", "//elsewhere.example/a.md"),
        ("mailto:hello@clinic.example", "mailto:hello@clinic.example"),
        ("#below", "#below"),
        ("../../../etc/passwd.md", "../../../etc/passwd.md"),
        ("", ""),
    ],
)
def test_a_link_to_an_article_becomes_its_page(href: str, wanted: str) -> None:
    assert address("en/billing", href) == wanted


def test_page_and_passage_carry_the_same_link(tmp_path: Path) -> None:
    path = tmp_path / "en" / "billing" / "bill.md"
    path.parent.mkdir(parents=True)
    path.write_text("# My bill\n\nSee [plans](plans.md).\n", encoding="utf-8")
    article = read_article(path, tmp_path)
    assert 'href="/help/en/billing/plans"' in render(article)
    assert 'href="/help/en/billing/plans"' in split(article)[0].html
