"""What is kept of an article from one build to the next, and what is not."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from search import index as building
from search.answer import ask
from search.index import build
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


def test_changing_one_article_gives_what_building_anew_gives(folder: Path) -> None:
    index, _ = build(folder, FakeEncoder())
    (folder / "lab.md").write_text("# Blood tests\n\nCome fasting to a zeppelin test.\n")
    changed, _ = build(folder, FakeEncoder(), previous=index)
    building._read_once.cache_clear()
    anew, _ = build(folder, FakeEncoder())
    assert changed.store.keys == anew.store.keys
    assert np.array_equal(changed.store.vectors, anew.store.vectors)
    assert changed.vocabulary.counts == anew.vocabulary.counts
    for question in ("zeppelin test", "about parking", "abuot huors"):
        assert ask(changed, None, question).passages == ask(anew, None, question).passages
