"""What is kept of an article from one build to the next, and what is not."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from search import assembly
from search import index as building
from search.answer import ask
from search.encoder import Encoder
from search.index import Index, build, load, save
from search.passages import split
from tests.fakes import FakeEncoder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Articles that count as written long ago."""
    monkeypatch.setattr(building, "SETTLED_S", -1.0)
    for name in ("parking", "hours", "lab"):
        (tmp_path / f"{name}.md").write_text(f"# About {name}\n\nAll about {name} here: 123.\n")
    return tmp_path


def test_a_file_that_did_not_change_is_read_once(folder: Path) -> None:
    first, _ = build(folder, None)
    second, _ = build(folder, None, previous=first)
    assert all(second.articles[name] is article for name, article in first.articles.items())


def test_an_edit_of_the_same_size_and_time_is_noticed(folder: Path) -> None:
    build(folder, None)
    path = folder / "lab.md"
    seen = path.stat()
    path.write_text(path.read_text().replace("123", "456"))
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    index, _ = build(folder, None)
    assert "456" in index.articles["lab"].body


def test_another_fact_is_filled_in_although_no_file_changed(folder: Path) -> None:
    (folder / "call.md").write_text("# Call us\n\nThe number is {{clinic.phone}}.\n")
    for phone in ("555-0100", "555-0199"):
        index, _ = build(folder, None, facts={"clinic.phone": phone})
        assert phone in index.articles["call"].body


def test_changing_articles_gives_what_building_anew_gives(folder: Path) -> None:
    encoder = FakeEncoder()
    index, _ = build(folder, encoder)
    front = "---\nquestions:\n- do I eat before\n---\n"
    (folder / "lab.md").write_text(f"{front}# Blood tests\n\nCome fasting to a zeppelin test.\n")
    (folder / "hours.md").unlink()
    (folder / "bus.md").write_text("# The bus\n\nIt stops here.\n\n## At night\n\nIt does not.\n")
    changed, _ = build(folder, encoder, previous=index)
    building._read_once.cache_clear()
    anew, _ = build(folder, encoder)
    assert_same(changed, anew, encoder)


def test_a_model_that_comes_later_gives_what_building_with_it_gives(folder: Path) -> None:
    encoder = FakeEncoder()
    without, _ = build(folder, None)
    changed, _ = build(folder, encoder, previous=without)
    anew, _ = build(folder, encoder)
    assert_same(changed, anew, encoder)
    without_again, _ = build(folder, None, previous=changed)
    assert ask(without_again, None, "parking").passages == ask(without, None, "parking").passages


def test_an_index_from_disk_is_changed_without_cutting_the_other_articles(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, _ = build(folder, FakeEncoder())
    place = tmp_path_factory.mktemp("index")
    save(index, place)
    (folder / "lab.md").write_text("# Blood tests\n\nCome fasting to a zeppelin test.\n")
    cut: list[str] = []
    monkeypatch.setattr(assembly, "split", lambda article: cut.append(article.id) or split(article))
    build(folder, FakeEncoder(), previous=load(place))
    assert cut == ["lab"]


def assert_same(changed: Index, anew: Index, encoder: Encoder) -> None:
    assert changed.passages == anew.passages
    assert changed.vocabulary.counts == anew.vocabulary.counts
    assert changed.lexical.terms.keys() == anew.lexical.terms.keys()
    assert np.array_equal(changed.centres, anew.centres)
    for name, kind in anew.store.kinds.items():
        assert changed.store.kinds[name].keys == kind.keys
        assert np.array_equal(changed.store.kinds[name].vectors, kind.vectors)
    for question in ("zeppelin test", "about parking", "abuot huors", "eat before", "at night"):
        for engine in (encoder, None):
            found, wanted = ask(changed, engine, question), ask(anew, engine, question)
            assert found.passages == wanted.passages
            assert found.outcome == wanted.outcome
