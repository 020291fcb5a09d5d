"""What thresholds follow from: the articles left out, the questions of other trades."""

from __future__ import annotations

from pathlib import Path

import pytest

from search import learning
from search.index import Index, build
from tests.fakes import FakeEncoder

TOPICS = "parking bills insurance vaccines referrals prescriptions records refunds".split()


def made(folder: Path, titles: list[str]) -> Index:
    folder.mkdir()
    for number, title in enumerate(titles):
        (folder / f"a{number}.md").write_text(f"# {title}\n\nAbout {title}, number {number}.\n")
    return build(folder, FakeEncoder(), learn=False)[0]


def sureness(index: Index) -> float:
    left_out = [learning.leave_out(index, *own) for own in learning.own_questions(index, "en")]
    return learning.one_topic(left_out, len(index.names))


def test_articles_that_all_say_the_same_are_about_one_topic(tmp_path: Path) -> None:
    many = made(tmp_path / "many", TOPICS)
    one = made(tmp_path / "one", [f"coronavirus covid disease pandemic {name}" for name in TOPICS])
    assert sureness(many) == 0.0
    assert sureness(one) == 1.0


def test_one_topic_means_that_only_near_certainty_answers() -> None:
    wrong = [0.1, 0.2, 0.3] * 20
    usual = learning.decide(wrong, [0.2], [0.2], 0.0)
    single = learning.decide(wrong, [0.2], [0.2], 1.0)
    assert usual.answer_few < 0.8
    assert single.answer_few == single.answer_many == learning.ANSWER_ONE_TOPIC


def test_nothing_far_away_is_answered_whatever_else_was_learnt() -> None:
    assert learning.decide([0.1], [0.9] * 10, [0.2], 0.0).answer_many == pytest.approx(0.9)


def test_wrong_articles_that_come_near_make_it_more_careful() -> None:
    near, not_near = ([reached] * 60 for reached in (0.9, 0.1))
    assert (
        learning.decide(near, [], [], 0.0).answer_few
        > learning.decide(not_near, [], [], 0.0).answer_few + 0.2
    )
