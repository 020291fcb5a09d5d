"""The index: what is reported, what is reused, and what a reader finds on a damaged disk."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from search import learning, storage
from search.answer import ask
from search.index import (
    ArticleStatus,
    Index,
    IndexDamaged,
    IndexMissing,
    build,
    load,
    save,
)
from tests.fakes import FakeEncoder

PAGES = {
    "parking": "# Where can I park?\n\nBehind the building, free for two hours.\n",
    "hours": "# When are you open?\n\nMonday to Friday.\n\n## Holidays\n\nClosed all day.\n",
    "visits/cancel": "---\ntitle: Cancel a visit\nquestions: [call off my visit]\n---\nCall us.\n",
    "pago": "---\ntitle: ¿Cómo pago?\nlang: es\n---\nCon tarjeta o en efectivo.\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    for name, text in PAGES.items():
        write(folder, name, text)
    return folder


def write(folder: Path, name: str, text: str | bytes) -> None:
    path = folder / f"{name}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)


def test_it_indexes_every_article_sorted(folder: Path) -> None:
    index, reports = build(folder, FakeEncoder())
    assert [report.article for report in reports] == ["hours", "pago", "parking", "visits/cancel"]
    assert {report.status for report in reports} == {ArticleStatus.INDEXED}
    assert [report.passages for report in reports] == [2, 1, 1, 1]
    assert len(index.passages) == 5


def test_one_damaged_article_harms_no_other(folder: Path) -> None:
    write(folder, "broken", "---\ntitle: 'x\n---\nText\n")
    write(folder, "binary", b"\x00\x01")
    index, reports = build(folder, FakeEncoder())
    errors = {r.article: (r.line, r.reason) for r in reports if r.status is ArticleStatus.ERROR}
    assert errors.keys() == {"broken", "binary"}
    assert all(line and reason for line, reason in errors.values())
    assert index.articles.keys() == {"hours", "pago", "parking", "visits/cancel"}


def test_a_second_claim_to_a_title_or_id_is_an_error(folder: Path) -> None:
    write(folder, "z1", "# where can I PARK?\n\nElsewhere.\n")
    write(folder, "z2", "---\nid: x\ntitle: One\n---\nText.\n")
    write(folder, "z3", "---\nid: x\ntitle: Two\n---\nText.\n")
    write(folder, "z4", "---\nlang: es\ntitle: Where can I park?\n---\nTexto.\n")
    index, reports = build(folder, FakeEncoder())
    errors = {r.article: r.reason for r in reports if r.status is ArticleStatus.ERROR}
    assert errors == {"z1": "the same title as parking.md", "z3": "the same id as z2.md"}
    assert "z4" in index.articles


def test_drafts_and_staff_articles_are_left_out_unless_asked_for(folder: Path) -> None:
    write(folder, "d", "---\ntitle: D\nstatus: draft\n---\nText.\n")
    write(folder, "s", "---\ntitle: S\naudience: staff\n---\nText.\n")
    write(folder, "t", "---\ntitle: T\nreviewed_by: demo content\n---\nText.\n")
    public, reports = build(folder, FakeEncoder(), skip_demo=True)
    skipped = {r.article: r.reason for r in reports if r.status is ArticleStatus.SKIPPED}
    assert skipped.keys() == {"d", "s", "t"}
    assert not skipped.keys() & public.articles.keys()
    staff, _ = build(folder, FakeEncoder(), audience="staff")
    assert {"s", "t"} <= staff.articles.keys()


def test_only_what_changed_is_embedded(folder: Path) -> None:
    first, _ = build(folder, FakeEncoder(), learn=False)
    write(folder, "parking", "# Where can I park?\n\nIn front of the building.\n")
    encoder = FakeEncoder()
    second, reports = build(folder, encoder, previous=first, learn=False)
    assert encoder.encoded == ["Where can I park?\nIn front of the building."]
    changed = [r.article for r in reports if r.status is ArticleStatus.INDEXED]
    assert changed == ["parking"]
    (folder / "parking.md").unlink()
    third, _ = build(folder, encoder, previous=second, learn=False)
    assert len(encoder.encoded) == 1
    assert "parking" not in third.articles
    assert third.store.size == second.store.size - 3  # title, heading, passage


def test_another_model_means_embedding_anew(folder: Path) -> None:
    embedded = FakeEncoder()
    first, _ = build(folder, embedded, learn=False)
    other = FakeEncoder()
    other.recipe = "another"
    second, _ = build(folder, other, previous=first, learn=False)
    assert set(other.encoded) == set(embedded.encoded)
    assert second.store.size == first.store.size
    assert second.recipe == "another"


def test_thresholds_are_learnt_anew_only_when_much_changed(folder: Path) -> None:
    for number in range(20):
        write(folder, f"more/{number}", f"# Topic number {number}\n\nText {number}.\n")
    first, _ = build(folder, FakeEncoder())
    assert first.thresholds_for("en").is_learnt
    write(folder, "parking", "# Where can I park?\n\nIn front of the building.\n")
    second, _ = build(folder, FakeEncoder(), previous=first)
    assert second.thresholds == first.thresholds
    assert not learning.is_stale(second)
    for number in range(10):
        (folder / f"more/{number}.md").unlink()
    later, _ = build(folder, FakeEncoder(), previous=second, learn=False)
    assert learning.is_stale(later)


def test_what_is_saved_is_what_is_loaded(folder: Path, tmp_path: Path) -> None:
    encoder = FakeEncoder()
    index, _ = build(folder, encoder)
    save(index, tmp_path / "index")
    loaded = load(tmp_path / "index")
    assert loaded.articles == index.articles
    assert loaded.passages == index.passages
    assert (loaded.recipe, loaded.built_at) == (index.recipe, index.built_at)
    assert loaded.thresholds == index.thresholds
    for name, kind in index.store.kinds.items():
        np.testing.assert_array_equal(loaded.store.kinds[name].vectors, kind.vectors)
    for question in ("where do i park", "", "closed on holidays?"):
        before, after = ask(index, encoder, question), ask(loaded, encoder, question)
        assert before.passages == after.passages
        assert before.outcome == after.outcome


def test_an_empty_folder_makes_an_index_that_finds_nothing(tmp_path: Path) -> None:
    (tmp_path / "articles").mkdir()
    encoder = FakeEncoder()
    index, reports = build(tmp_path / "articles", encoder)
    save(index, tmp_path / "index")
    assert reports == ()
    found = ask(load(tmp_path / "index"), encoder, "where do i park")
    assert (found.outcome, found.passages) == ("none", ())


def test_a_missing_index_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing):
        load(tmp_path / "nowhere")


def saved(folder: Path, directory: Path) -> tuple[Index, Path]:
    index, _ = build(folder, FakeEncoder(), learn=False)
    save(index, directory)
    return index, directory / (directory / "current").read_text().strip()


def test_every_damaged_file_is_named(folder: Path, tmp_path: Path) -> None:
    directory = tmp_path / "index"
    _, generation = saved(folder, directory)
    files = sorted(generation.iterdir())
    assert len(files) > 8
    for path in files:
        content = path.read_bytes()
        for damage in (b"", content[:-1], content[:-1] + bytes([content[-1] ^ 1]), None):
            path.unlink() if damage is None else path.write_bytes(damage)
            with pytest.raises(IndexDamaged, match=path.name):
                load(directory)
        path.write_bytes(content)
    assert load(directory).passages


def test_a_pickle_in_place_of_the_vectors_is_not_opened(folder: Path, tmp_path: Path) -> None:
    directory = tmp_path / "index"
    _, generation = saved(folder, directory)
    np.save(generation / "vectors.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(IndexDamaged, match=r"vectors\.npy"):
        load(directory)


def test_current_cannot_lead_out_of_the_folder(folder: Path, tmp_path: Path) -> None:
    directory = tmp_path / "index"
    saved(folder, directory)
    (directory / "current").write_text("../elsewhere")
    with pytest.raises(IndexDamaged, match="current"):
        load(directory)


def test_a_crash_while_saving_leaves_the_old_index(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "index"
    old, _ = saved(folder, directory)
    (folder / "parking.md").unlink()
    new, _ = build(folder, FakeEncoder(), learn=False)
    write_file = storage._write

    def full_disk(path: Path, content: bytes) -> None:
        if path.name == "vectors.npy":
            raise OSError(28, "No space left on device")
        write_file(path, content)

    monkeypatch.setattr(storage, "_write", full_disk)
    with pytest.raises(OSError, match="No space"):
        save(new, directory)
    assert load(directory).articles == old.articles
    assert len(list(directory.glob("generation-*"))) == 1


def test_saving_again_leaves_one_generation(folder: Path, tmp_path: Path) -> None:
    directory = tmp_path / "index"
    saved(folder, directory)
    _, generation = saved(folder, directory)
    assert sorted(path.name for path in directory.iterdir()) == ["current", generation.name]
    manifest = (generation / "manifest.json").read_bytes().partition(b"\n")[2]
    assert json.loads(manifest)["recipe"] == FakeEncoder.recipe
