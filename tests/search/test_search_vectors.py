"""The nearest vectors among few and among many."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from search import embedded
from search.answer import ask
from search.embedded import KINDS, VectorStore
from search.encoder import Encoder, Vectors
from search.index import IndexDamaged, build, load, save
from search.vectors import Celled, Flat, learn_centres, nearest_centres
from tests.fakes import DIMENSIONS, FakeEncoder

MANY = 2_000


class Drawn:
    """Vectors of length 1 around a hundred centres, the next ones at each call."""

    recipe = "drawn"

    def __init__(self) -> None:
        self.random = np.random.default_rng(7)
        self.centres = self.random.standard_normal((100, DIMENSIONS)).astype(np.float32)
        self.encoded = 0

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.encoded += len(texts)
        chosen = self.centres[self.random.integers(100, size=len(texts))]
        drawn = chosen + self.random.standard_normal(chosen.shape).astype(np.float32)
        return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), dtype=np.float32)


def followed(
    store: VectorStore, encoder: Encoder, titles: Sequence[str], kept: Sequence[int] = ()
) -> VectorStore:
    """Return the store of the titles kept, by their rows, and then of these."""
    none = dict.fromkeys(KINDS, np.empty(0, dtype=np.int64))
    source = np.array([*kept, *[-1] * len(titles)], dtype=np.int64)
    texts = {kind: titles if kind == "titles" else [] for kind in KINDS}
    return store.followed(none | {"titles": source}, texts, encoder)


@pytest.fixture
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "MANY", 50)


def test_cells_find_what_a_look_at_all_finds() -> None:
    drawn = Drawn()
    every = drawn.encode(["text"] * 20_000)
    centres = learn_centres(every)
    flat, celled = Flat(every), Celled(every, centres, nearest_centres(every, centres))
    hits = 0
    for vector in drawn.encode(["question"] * 50):
        (best, rows), (found, found_rows) = flat.nearest(vector, 10), celled.nearest(vector, 10)
        hits += len(set(rows.tolist()) & set(found_rows.tolist()))
        assert list(found) == sorted(found, reverse=True)
        assert found[0] == pytest.approx(best[0], abs=1e-5)
    assert hits >= 0.99 * 500


def test_few_are_compared_one_by_one_and_many_by_cells(few_are_many: None) -> None:
    texts = [f"text {number}" for number in range(MANY)]
    assert isinstance(followed(VectorStore(), Drawn(), texts[:49]).near("titles"), Flat)
    store = followed(VectorStore(), Drawn(), texts)
    near = store.near("titles")
    assert isinstance(near, Celled)
    assert near.nearest(store.of(texts[77]), 1)[1].tolist() == [77]


def test_a_store_that_grows_keeps_its_cells_until_it_has_outgrown_them(few_are_many: None) -> None:
    drawn = Drawn()
    store = followed(VectorStore(), drawn, [f"text {number}" for number in range(MANY)])
    grown = followed(store, drawn, ["new", "text 0"], range(1, MANY))
    assert drawn.encoded == MANY + 1
    assert grown.centres is store.centres
    before, after = store.kinds["titles"], grown.kinds["titles"]
    assert np.array_equal(after.cells[: MANY - 1], before.cells[1:])
    assert np.array_equal(after.cells, nearest_centres(after.vectors, grown.centres))
    doubled = followed(grown, drawn, [f"more {number}" for number in range(2 * MANY)], range(MANY))
    assert doubled.learnt_from == 3 * MANY
    kind = doubled.kinds["titles"]
    assert np.array_equal(kind.cells, nearest_centres(kind.vectors, doubled.centres))


def test_an_index_in_cells_answers_the_same_from_disk_and_after_a_change(
    tmp_path: Path, few_are_many: None
) -> None:
    folder = tmp_path / "articles"
    write_articles(folder, 600)
    encoder = FakeEncoder()
    index, _ = build(folder, encoder)
    assert isinstance(index.bodies, Celled)
    save(index, tmp_path / "index")
    loaded = load(tmp_path / "index")
    (folder / "a77.md").write_text("# Zeppelins\n\nThe zeppelin lands on the roof.\n")
    changed, _ = build(folder, encoder, previous=loaded)
    assert changed.store.centres is loaded.store.centres
    for question in ("what about thing 42", "where is thing 599 kept"):
        assert ask(loaded, encoder, question).passages == ask(index, encoder, question).passages
        first = ask(index, encoder, question).passages[0].article
        assert ask(changed, encoder, question).passages[0].article == first
    assert ask(changed, encoder, "where does the zeppelin land").passages[0].article == "a77"


@pytest.mark.parametrize("name", ["cells.npy", "centres.npy"])
def test_damaged_cells_are_named(tmp_path: Path, few_are_many: None, name: str) -> None:
    write_articles(tmp_path / "articles", 60)
    index, _ = build(tmp_path / "articles", FakeEncoder())
    save(index, tmp_path / "index")
    path = next((tmp_path / "index").glob(f"generation-*/{name}"))
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    with pytest.raises(IndexDamaged, match=name):
        load(tmp_path / "index")


def write_articles(folder: Path, count: int) -> None:
    folder.mkdir()
    for number in range(count):
        text = f"# Thing {number}\n\nThing {number} stands in room {number * 7}.\n\n## Kept\n\n"
        text += f"We keep it on shelf {number * 3}.\n\n## Lent\n\nFor {number} days.\n"
        (folder / f"a{number}.md").write_text(text)
