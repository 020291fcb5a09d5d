"""What answering more or fewer questions would cost."""

from __future__ import annotations

import pytest

from search.answer import ask
from search.chart import chart, named_risks
from search.evaluate import Judged, risk_by_coverage
from search.index import Index, build


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    folder = tmp_path_factory.mktemp("articles")
    (folder / "parking.md").write_text("# Where can I park?\n\nBehind the building.\n")
    (folder / "hours.md").write_text("# When are you open?\n\nMonday to Friday, 8 to 6.\n")
    return build(folder, None)[0]


@pytest.fixture
def judged(index: Index) -> list[Judged]:
    """From the surest question to the least sure: right, wrong, right."""
    asked = [("where can i park", "parking"), ("park the open car", "hours"), ("x", "")]
    rows = [Judged(ask(index, None, text), frozenset({wanted})) for text, wanted in asked]
    surest = sorted(rows, key=lambda row: -row.found.confidence)
    assert [row.first for row in surest] == [True, False, False]
    return rows


def test_the_surest_come_first(judged: list[Judged]) -> None:
    coverages, risks = zip(*risk_by_coverage(judged), strict=True)
    assert coverages == pytest.approx((1 / 3, 2 / 3, 1.0))
    assert risks == pytest.approx((0.0, 0.5, 2 / 3))
    assert named_risks(judged)[-1] == "answering the surest 100%: 66.7% wrong"


def test_no_questions_make_an_empty_curve() -> None:
    assert risk_by_coverage([]) == []
    assert named_risks([]) == []
    assert 'points=""' in chart([])
