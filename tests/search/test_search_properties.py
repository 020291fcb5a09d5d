"""What must not matter: the order and line endings of files, an article more, the way of building.

Asked of the demo clinic's English articles with questions of its patients.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from search import learning
from search.answer import Found, ask
from search.encoder import Encoder, load_encoder
from search.evaluate import read_questions
from search.index import Index, build

ROOT = Path(__file__).parents[2]
QUESTIONS = ROOT / "tests" / "data" / "clinic_questions"
UNRELATED = (
    "# How do I wax a pair of skis?\n\nScrape off the old wax, iron on the new, let it cool.\n"
)

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder(ROOT / "var" / "models")


@pytest.fixture(scope="module")
def questions() -> list[str]:
    rows = [row for path in sorted(QUESTIONS.glob("*.tsv")) for row in read_questions(path)]
    return [question for question, _ in rows]


def copied(
    target: Path, change: Callable[[bytes], bytes] = bytes, *, backwards: bool = False
) -> Path:
    """Copy the articles, last one first where `backwards`."""
    source = ROOT / "kb_articles"
    for path in sorted(source.rglob("*.md"), reverse=backwards):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(change(path.read_bytes()))
    return target


@pytest.fixture(scope="module")
def index(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Index:
    return build(copied(tmp_path_factory.mktemp("plain")), encoder)[0]


@pytest.fixture(scope="module")
def answers(index: Index, encoder: Encoder, questions: list[str]) -> list[Found]:
    return asked(index, encoder, questions)


def asked(index: Index, encoder: Encoder, questions: list[str]) -> list[Found]:
    return [replace(ask(index, encoder, question), vector=None) for question in questions]


def test_order_and_line_endings_change_nothing(
    index: Index, answers: list[Found], encoder: Encoder, questions: list[str], tmp_path: Path
) -> None:
    windows = copied(tmp_path, lambda text: text.replace(b"\n", b"\r\n"), backwards=True)
    other, _ = build(windows, encoder, previous=replace(index, learnt_from=frozenset()))
    assert asked(other, encoder, questions) == answers


@pytest.mark.parametrize("anew", [False, True])
def test_an_unrelated_article_changes_next_to_nothing(
    index: Index,
    answers: list[Found],
    encoder: Encoder,
    questions: list[str],
    tmp_path: Path,
    anew: bool,
) -> None:
    copied(tmp_path)
    (tmp_path / "en" / "skis.md").write_text(UNRELATED)
    more, _ = build(tmp_path, encoder, previous=index)
    if anew:
        more = learning.learn(more, encoder)
    found = asked(more, encoder, questions)
    firsts = [
        (a.passages[0].article, b.passages[0].article) for a, b in zip(answers, found, strict=True)
    ]
    assert [before for before, _ in firsts] == [after for _, after in firsts]
    changed = sum(a.outcome is not b.outcome for a, b in zip(answers, found, strict=True))
    assert changed <= 0.01 * len(questions)


def test_building_in_steps_equals_building_at_once(
    index: Index, answers: list[Found], encoder: Encoder, questions: list[str], tmp_path: Path
) -> None:
    copied(tmp_path)
    shutil.move(tmp_path / "es", tmp_path.parent / "es_later")
    (tmp_path / "en" / "skis.md").write_text(UNRELATED)
    first, _ = build(tmp_path, encoder, learn=False)
    (tmp_path / "en" / "skis.md").unlink()
    shutil.move(tmp_path.parent / "es_later", tmp_path / "es")
    second, _ = build(tmp_path, encoder, previous=first, learn=False)
    whole = learning.learn(second, encoder)
    assert whole.thresholds == index.thresholds
    assert asked(whole, encoder, questions) == answers
