"""Signs in the words: the same name, a name with a number more, words that only ask."""

from __future__ import annotations

import pytest

from search.index import Index, build
from search.text import terms_of, words_of
from search.wording import NAMES, wording
from tests.fakes import FakeEncoder


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    folder = tmp_path_factory.mktemp("articles")
    (folder / "type2.md").write_text("# Albinism type 2\n\n## Treatment\n\nProtect your skin.\n")
    (folder / "tremor.md").write_text("# Tremor\n\nA shaking of the hands.\n")
    return build(folder, FakeEncoder(), learn=False)[0]


def signs(index: Index, question: str, article: str) -> dict[str, float]:
    passage = next(n for n, one in enumerate(index.passages) if one.article == article)
    asked = frozenset(terms_of(question, "en"))
    return dict(zip(NAMES, wording(index, asked, words_of(question), passage, None), strict=True))


def test_words_that_only_ask_do_not_make_another_name(index: Index) -> None:
    for question in ("tremor", "please explain tremor", "what is the best treatment for tremor"):
        assert signs(index, question, "tremor")["name_is_title"] == 1.0, question


def test_a_word_more_makes_another_name(index: Index) -> None:
    found = signs(index, "explain essential tremor please", "tremor")
    assert found["name_is_title"] == 0.0
    assert found["name_likeness"] == 0.5
    assert found["name_rest"] > 0.0


def test_another_number_makes_another_name(index: Index) -> None:
    same = signs(index, "albinism type 2", "type2")
    other = signs(index, "albinism type 3", "type2")
    assert (same["name_is_title"], other["name_is_title"]) == (1.0, 0.0)
    assert other["likeness"] < same["likeness"] == 1.0


def test_a_question_without_words_has_signs_all_the_same(index: Index) -> None:
    found = signs(index, "???", "tremor")
    assert found["likeness"] == found["name_size"] == 0.0
