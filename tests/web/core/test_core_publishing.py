"""What is published: a file changed on disk answers soon; what is damaged harms no other."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from structlog.testing import capture_logs

from search.answer import Outcome
from search.encoder import ModelMissing
from tests.conftest import ARTICLES, Patient, Search, words, write_article
from tests.fakes import FakeEncoder
from web.articles.publishing import Publisher
from web.config import Settings
from web.services import Services, of


@pytest.fixture
def publisher(settings: Settings, encoder: FakeEncoder) -> Publisher:
    made = Publisher(settings, lambda _: encoder)
    made.load_encoder()
    made.refresh()
    made.refresh()
    return made


def wait_until(claim: Callable[[], bool], within_s: float = 5.0) -> float:
    """Return the seconds it took."""
    started = time.monotonic()
    while not claim():
        assert time.monotonic() - started < within_s, "it did not come true in time"
        time.sleep(0.02)
    return time.monotonic() - started


def loaded_after(event: threading.Event, encoder: FakeEncoder) -> Callable[[Path], FakeEncoder]:
    """Make a loader whose model is there once the event is."""

    def load(_: Path) -> FakeEncoder:
        event.wait(10)
        return encoder

    return load


def test_it_works(publisher: Publisher) -> None:
    assert publisher.index is not None
    assert set(publisher.index.articles) == {
        "en/bills",
        "en/parking",
        "en/refills",
        "es/estacionamiento",
    }
    assert publisher.index.recipe == FakeEncoder.recipe
    assert (publisher.readiness.index, publisher.readiness.encoder) == ("ok", "ok")


def test_facts_stand_in_the_text(publisher: Publisher) -> None:
    assert publisher.index is not None
    assert "(503) 555-0110" in publisher.index.articles["en/bills"].body


def test_an_edit_on_disk_changes_the_answer_without_a_restart(
    running: Flask, search: Search, articles: Path
) -> None:
    search.finds(Outcome.ANSWER, "en/parking")
    pat = Patient(running.test_client())
    pat.say("where do I park")
    assert "behind the house" in words(pat.wait_for("bot")["html"])
    write_article(articles, "en/parking", "Where do I park?", "visiting", "Park on the roof.")
    publisher = of(running).publisher

    def is_published() -> bool:
        assert publisher.index is not None
        return "roof" in publisher.index.articles["en/parking"].body

    assert wait_until(is_published) < 5.0
    before = len(pat.log())
    pat.say("where do I park")
    assert "on the roof" in words(pat.wait_for("bot", before)["html"])
    assert "behind the house" in pat.texts()[1], "what was shown stays as it was shown"


def test_only_what_changed_is_embedded(
    publisher: Publisher, encoder: FakeEncoder, articles: Path
) -> None:
    encoder.encoded.clear()
    write_article(articles, "en/fax", "Can I send a fax?", "contact", "Yes, at any hour.")
    assert publisher.refresh() is True
    assert "Can I send a fax?" in encoder.encoded
    known = {title for title, _, _ in ARTICLES.values()}
    assert not known & set(encoder.encoded)


def test_nothing_changed_is_nothing_done(publisher: Publisher) -> None:
    before = publisher.index
    assert publisher.refresh() is False
    assert publisher.index is before


def test_a_touched_file_with_the_same_words_swaps_nothing(
    publisher: Publisher, articles: Path
) -> None:
    before = publisher.index
    os.utime(articles / "en/bills.md")
    assert publisher.refresh() is False
    assert publisher.index is before


def test_a_removed_file_is_gone(publisher: Publisher, articles: Path) -> None:
    (articles / "en/bills.md").unlink()
    assert publisher.refresh() is True
    assert publisher.index is not None
    assert "en/bills" not in publisher.index.articles


def test_a_damaged_article_is_named_and_harms_no_other(
    publisher: Publisher, articles: Path
) -> None:
    (articles / "en/broken.md").write_bytes(b"---\ntitle: [\n---\nsecret words\n")
    (articles / "en/binary.md").write_bytes(b"\x00\xff\xfe")
    with capture_logs() as logged:
        publisher.refresh()
    assert publisher.index is not None
    assert len(publisher.index.articles) == 4
    damaged = {row.article: row for row in publisher.reports if row.status == "error"}
    assert set(damaged) == {"en/broken", "en/binary"}
    assert damaged["en/broken"].line is not None
    named = {entry["article"] for entry in logged if entry["event"] == "article.damaged"}
    assert named == {"en/broken", "en/binary"}
    assert "secret words" not in str(logged)


def test_a_damaged_article_is_named_once(publisher: Publisher, articles: Path) -> None:
    (articles / "en/broken.md").write_text("---\ntitle: [\n---\n")
    with capture_logs() as logged:
        publisher.refresh()
        (articles / "en/bills.md").unlink()
        publisher.refresh()
    assert sum(entry["event"] == "article.damaged" for entry in logged) == 1


def test_a_folder_that_vanishes_takes_nothing_away(publisher: Publisher, articles: Path) -> None:
    before = publisher.index
    articles.rename(articles.with_name("unmounted"))
    assert publisher.refresh() is False
    articles.mkdir()
    assert publisher.refresh() is False, "an empty mount point is no clinic without articles"
    assert publisher.index is before


def test_without_a_model_the_words_alone_serve(settings: Settings) -> None:
    def missing(_: Path) -> Any:
        raise ModelMissing("no model: make it with: python -m search export")

    publisher = Publisher(settings, missing)
    publisher.load_encoder()
    publisher.refresh()
    assert publisher.readiness.encoder == "missing"
    assert publisher.readiness.index == "ok"
    assert publisher.index is not None
    assert publisher.index.recipe == "lexical"


def test_an_index_is_served_before_the_model_is_there(
    settings: Settings, encoder: FakeEncoder
) -> None:
    waiting = threading.Event()
    publisher = Publisher(settings, loaded_after(waiting, encoder))
    publisher.start()
    try:
        assert publisher.wait_until_searchable(5.0)
        assert publisher.index is not None
        assert publisher.index.recipe == "lexical"
        assert publisher.readiness.encoder == "loading"
        waiting.set()
        wait_until(lambda: publisher.index is not None and publisher.index.recipe != "lexical")
    finally:
        waiting.set()
        publisher.stop()


def test_a_stored_index_is_taken_up_and_nothing_embedded_again(
    publisher: Publisher, settings: Settings, encoder: FakeEncoder
) -> None:
    encoder.encoded.clear()
    later = Publisher(settings, lambda _: encoder)
    later.load_encoder()
    later.load_stored()
    assert later.index is not None
    assert later.readiness.index == "ok"
    later.refresh()
    assert encoder.encoded == []
    assert later.index.recipe == encoder.recipe


def test_a_stored_index_waits_for_a_model_that_is_slow_to_load(
    publisher: Publisher, settings: Settings, encoder: FakeEncoder
) -> None:
    encoder.encoded.clear()
    loading = threading.Event()
    later = Publisher(settings, loaded_after(loading, encoder))
    later.start()
    try:
        assert later.wait_until_searchable(5.0)
        time.sleep(0.3)  # in which it would make the index anew by words alone
        assert later.index is not None and later.index.recipe == encoder.recipe
        loading.set()
        wait_until(lambda: later.readiness.index == "ok")
        time.sleep(0.3)
        assert encoder.encoded == [], "nothing was embedded again"
    finally:
        loading.set()
        later.stop()


@pytest.mark.parametrize("damage", ["cut", "flip", "remove", "empty"])
def test_a_damaged_index_is_built_again(
    publisher: Publisher, settings: Settings, encoder: FakeEncoder, damage: str
) -> None:
    files = [path for path in settings.index_dir.rglob("*") if path.is_file()]
    assert files
    for path in files:
        content = path.read_bytes()
        if damage == "remove":
            path.unlink()
        elif damage == "flip":
            path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
        else:
            path.write_bytes(content[: len(content) // 2] if damage == "cut" else b"")
    later = Publisher(settings, lambda _: encoder)
    later.load_encoder()
    later.load_stored()
    assert later.index is None
    later.refresh()
    later.refresh()
    assert later.index is not None
    assert len(later.index.articles) == 4
    again = Publisher(settings, lambda _: encoder)
    again.load_stored()
    assert again.index is not None, "the mended one is stored"


def test_outside_demo_mode_demo_articles_are_never_published(
    settings: Settings, encoder: FakeEncoder, articles: Path
) -> None:
    write_article(
        articles, "en/own", "Do you have a lift?", "visiting", "Yes.", reviewed_by="Dr. Own"
    )
    publisher = Publisher(settings.model_copy(update={"demo": False}), lambda _: encoder)
    publisher.refresh()
    assert publisher.index is not None
    assert list(publisher.index.articles) == ["en/own"]


def test_a_full_disk_does_not_stop_publishing(
    publisher: Publisher, articles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("web.articles.publishing.save", full)
    write_article(articles, "en/fax", "Can I send a fax?", "contact", "Yes.")
    assert publisher.refresh() is True
    assert publisher.index is not None
    assert "en/fax" in publisher.index.articles


def test_readiness_tells_each_part(app: Flask, services: Services) -> None:
    client = app.test_client()
    states = client.get("/readyz")
    assert states.status_code == 200
    assert states.json == {
        "ready": True,
        "database": "ok",
        "index": "ok",
        "encoder": "ok",
        "rasa": "ok",
    }
    assert client.get("/healthz").json == {"ok": True}


def test_before_the_first_index_it_is_not_ready(
    app: Flask, services: Services, settings: Settings
) -> None:
    services.publisher.index = None
    answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.json["ready"]) == (503, False)


def test_while_the_vectors_are_made_it_is_ready_by_words(app: Flask, services: Services) -> None:
    services.publisher.encoder = None
    services.publisher._model_tried.clear()
    answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.json["index"], answer.json["encoder"]) == (
        200,
        "words",
        "loading",
    )
