"""Guides beside the composer: called for by facts and by meaning, kept as staff articles."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from search.encoder import Encoder, load_encoder
from search.gloss import meant
from tests.fakes import FakeEncoder
from tests.web.answering_desk import claimed, searching_desk, shipped_index
from tests.web.staff_desk import ROOT, Desk, PageClient
from web.articles.publishing import Publisher
from web.chat import receiving, screening
from web.chat.acts import Typed
from web.config import load_settings
from web.desk import guidance, meanings
from web.desk.guidance import MIN_NEARNESS, Shelf, Situation
from web.models import Staff

HELD_OUT = Path(__file__).with_name("guidance_held_out.tsv")
PRIVACY = "What do I check before I speak about private data?"
DANGER = "What do I do when danger was noticed?"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = searching_desk(tmp_path)
    yield desk
    desk.close()


@pytest.fixture
def client(desk: Desk, ana: Staff) -> PageClient:
    return desk.sign_in(ana)


def types(desk: Desk, conversation_id: str, text: str) -> None:
    """The patient types this, with all that is done with what patients type."""
    seen = screening.screened(desk.settings, text, "en")
    with desk.app.app_context():
        receiving.receive(desk.services, conversation_id, "typed-1", Typed(text), seen)


def test_nothing_is_called_for_in_an_ordinary_talk(
    desk: Desk, ana: Staff, client: PageClient
) -> None:
    _, pat = claimed(desk, ana, "Where do I park?")
    assert "For this situation" not in client.get(f"/console/conversations/{pat}")


def test_an_identifier_calls_for_the_privacy_checklist(
    desk: Desk, ana: Staff, client: PageClient
) -> None:
    _, pat = claimed(desk, ana)
    types(desk, pat, "my social security number is 123-45-6789")
    page = client.get(f"/console/conversations/{pat}")
    assert PRIVACY in page
    assert "Ask for full name and date of birth by the contact form" in page
    assert DANGER not in page


def test_danger_calls_for_the_clinics_script_first(
    desk: Desk, ana: Staff, client: PageClient
) -> None:
    _, pat = claimed(desk, ana)
    types(desk, pat, "crushing chest pain, my social security number is 123-45-6789")
    page = client.get(f"/console/conversations/{pat}")
    assert 0 < page.index(DANGER) < page.index(PRIVACY)
    assert "please call 911. I stay here with you." in page


def test_a_desk_calls_for_its_guide(desk: Desk) -> None:
    shelf, publisher = desk.services.guides, desk.services.publisher
    found = shelf.called_for(publisher, Situation(frozenset({"desk:records"}), (), "en"))
    assert [guide.article.title for guide in found] == [PRIVACY]


def test_who_only_reads_along_gets_none(desk: Desk, ana: Staff) -> None:
    _, pat = claimed(desk, ana)
    types(desk, pat, "crushing chest pain")
    assert DANGER not in desk.sign_in(desk.agent("Bea")).get(f"/console/conversations/{pat}")


def test_an_edited_guide_shows_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "articles" / "en" / "staff"
    folder.mkdir(parents=True)
    path = folder / "ours.md"
    lines = ["title: Ours", "audience: staff", "status: published", "when: [danger]"]
    settings = load_settings().model_copy(update={"articles": tmp_path / "articles"})
    shelf, publisher = Shelf(settings), Publisher(settings)
    danger = Situation(frozenset({"danger", "danger:cardiac"}), (), "en")
    for title, shown in (("Ours", ["Ours"]), ("Better", ["Better"])):
        lines[0] = f"title: {title}"
        path.write_text("\n".join(("---", *lines, "---", "Stay calm.")), encoding="utf-8")
        assert [g.article.title for g in shelf.called_for(publisher, danger)] == shown
    path.write_text("\n".join(("---", *lines, "---", "Stay.")).replace("staff", "public"))
    assert shelf.called_for(publisher, danger) == [], "what is public is no guide"


def test_shipped_guides_name_facts_that_exist() -> None:
    settings = load_settings()
    shelf = Shelf(settings)
    shelf.called_for(Publisher(settings), Situation(frozenset(), (), "en"))
    named = {fact for guide in shelf._guides for fact in guide.when}
    assert named
    assert named <= guidance.known_facts(settings)


def test_without_vectors_facts_still_count(desk: Desk) -> None:
    publisher = desk.services.publisher
    publisher.encoder = FakeEncoder()  # not the one the index was made with
    now = Situation(frozenset({"danger"}), ("I am so angry right now",), "en")
    found = desk.services.guides.called_for(publisher, now)
    assert [guide.article.title for guide in found] == [DANGER]


# By meaning, with the real model -----------------------------------------------------------------


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder(ROOT / "var" / "models")


@pytest.fixture(scope="module")
def planes(encoder: Encoder) -> tuple[meanings.Planes, list[str]]:
    settings = load_settings()
    shelf = Shelf(settings)
    shelf.called_for(Publisher(settings), Situation(frozenset(), (), "en"))
    articles = shipped_index().articles.values()
    ordinary = [meant(question, each.lang) for each in articles for question in each.questions]
    groups = [guide.says for guide in shelf._guides]
    names = [guide.article.id.rsplit("/", 1)[-1] for guide in shelf._guides]
    return meanings.learn(encoder, groups, encoder.encode(ordinary)), names


def test_lines_never_looked_at_call_for_their_guide(
    encoder: Encoder, planes: tuple[meanings.Planes, list[str]]
) -> None:
    """Written apart from the samples; measured: 26 of 31 found, 0 of 28 called for wrongly."""
    told, names = planes
    found = wanted = wrong = ordinary = false = 0
    with HELD_OUT.open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            near = told.nearness(encoder, [row["text"]], "en")
            shown = {names[n] for n, share in enumerate(near) if share >= MIN_NEARNESS}
            wanted += bool(row["wanted"])
            found += row["wanted"] in shown
            wrong += bool(row["wanted"] and shown - {row["wanted"]})
            ordinary += not row["wanted"]
            false += bool(shown) and not row["wanted"]
    assert (wanted, ordinary) == (31, 28)
    assert found >= 25
    assert wrong <= 1
    assert false <= 1


def test_no_sample_stands_among_the_lines_it_is_judged_by() -> None:
    settings = load_settings()
    shelf = Shelf(settings)
    shelf.called_for(Publisher(settings), Situation(frozenset(), (), "en"))
    samples = {line.casefold() for guide in shelf._guides for line in guide.says}
    with HELD_OUT.open(encoding="utf-8") as file:
        judged = {row["text"].casefold() for row in csv.DictReader(file, delimiter="\t")}
    assert not samples & judged


def test_a_sentence_in_a_long_message_is_heard(
    encoder: Encoder, planes: tuple[meanings.Planes, list[str]]
) -> None:
    told, names = planes
    long = (
        "Hello, I have a question about the visit that stands in the portal for next Tuesday. "
        "My husband died in April. Could you please take that visit out of the system for us?"
    )
    near = told.nearness(encoder, [long], "en")
    assert near[names.index("comfort-a-grieving-patient")] >= MIN_NEARNESS


def test_with_nothing_ordinary_to_compare_nothing_is_told(encoder: Encoder) -> None:
    nothing = encoder.encode([])
    told = meanings.learn(encoder, [["I am angry"]], nothing.reshape(0, 384))
    assert told.nearness(encoder, ["I am angry"], "en") == []
