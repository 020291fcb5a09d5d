"""Passages of the articles beside the composer: found, sent with their source, or judged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.web.answering_desk import claimed, searching_desk
from tests.web.staff_desk import Desk, PageClient
from web.chat import conversations
from web.chat.messages import message_html
from web.models import Author, Kind, Staff, UnhelpfulSuggestion

PARKING = "Where do I park, and what does it cost?"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = searching_desk(tmp_path)
    yield desk
    desk.close()


@pytest.fixture
def client(desk: Desk, ana: Staff) -> PageClient:
    return desk.sign_in(ana)


def page_of(conversation_id: str) -> str:
    return f"/console/conversations/{conversation_id}"


def suggested(client: PageClient, conversation_id: str, words: str = "") -> str:
    query = {"q": words} if words else {}
    path = f"{page_of(conversation_id)}/suggestions"
    answer = client.client.get(path, query_string=query, headers={"Accept": "application/json"})
    assert answer.status_code == 200
    return str(answer.get_json()["html"])


def passage(client_id: str = "c" * 16, **changes: Any) -> dict[str, Any]:
    values = {"article": "en/visiting/parking", "anchor": "", "heading": "", "client_id": client_id}
    return {**values, **changes}


def test_the_articles_that_answer_stand_beside_the_composer(
    desk: Desk, ana: Staff, client: PageClient
) -> None:
    _, pat = claimed(desk, ana, PARKING)
    page = client.get(page_of(pat))
    assert 'value="en/visiting/parking"' in page
    assert "Reviewed <time" in page
    assert 0 < page.count("data-suggestion>") <= 3
    assert suggested(client, pat).count("data-suggestion>") == page.count("data-suggestion>")


def test_they_are_in_the_patients_language(desk: Desk, ana: Staff, client: PageClient) -> None:
    _, pat = claimed(desk, ana, "¿Dónde puedo estacionar mi carro?", lang="es")
    assert 'value="es/visita/estacionamiento"' in suggested(client, pat)


def test_nothing_is_suggested_where_no_article_answers(
    desk: Desk, ana: Staff, client: PageClient
) -> None:
    _, pat = claimed(desk, ana, "zebra trombone quark")
    html = suggested(client, pat)
    assert "data-suggestion>" not in html
    assert "No article answers" in html


def test_an_agent_searches_in_words_of_their_own(
    desk: Desk, ana: Staff, client: PageClient
) -> None:
    _, pat = claimed(desk, ana, "zebra trombone quark")
    assert 'value="en/visiting/parking"' in suggested(client, pat, "parking garage")
    assert 'value="en/visiting/parking"' in client.get(f"{page_of(pat)}?q=parking+garage")


def test_who_has_not_the_conversation_is_shown_none(desk: Desk, ana: Staff) -> None:
    _, pat = claimed(desk, ana, PARKING)
    bea = desk.sign_in(desk.agent("Bea"))
    assert "data-suggestion>" not in suggested(bea, pat)


def test_one_press_sends_it_with_its_source(desk: Desk, ana: Staff, client: PageClient) -> None:
    handoff, pat = claimed(desk, ana, PARKING)
    for _ in range(2):  # a double press
        assert client.call(f"/console/handoffs/{handoff}/passages", passage()).status_code == 201
    row = desk.log(pat)[-1]
    assert (row.author, row.kind) == (Author.AGENT, Kind.PASSAGES)
    assert [r.kind for r in desk.log(pat)].count(Kind.PASSAGES) == 1
    [shown] = row.payload["passages"]
    assert shown["article"] == "en/visiting/parking"
    with desk.app.test_request_context():
        html = message_html(row, lang="en")
    assert "Ana" in html
    assert "Reviewed" in html
    assert 'href="/help/en/visiting/parking"' in html
    assert "Was this helpful?" in html


def test_the_words_sent_are_the_published_ones(desk: Desk, ana: Staff, client: PageClient) -> None:
    """A browser says which passage, never what it says."""
    handoff, pat = claimed(desk, ana, PARKING)
    values = passage(html="<b>free</b>", text="free")
    client.call(f"/console/handoffs/{handoff}/passages", values)
    index = desk.services.publisher.index
    assert index is not None
    published = next(p for p in index.passages if p.article == "en/visiting/parking")
    assert desk.log(pat)[-1].payload["passages"][0]["html"] == published.html


def test_a_withdrawn_article_is_not_sent(desk: Desk, ana: Staff, client: PageClient) -> None:
    handoff, pat = claimed(desk, ana, PARKING)
    before = len(desk.log(pat))
    gone = client.call(f"/console/handoffs/{handoff}/passages", passage(article="en/gone"))
    assert gone.status_code == 422
    assert "Search again" in gone.get_json()["error"]["message"]
    assert len(desk.log(pat)) == before


def test_only_who_has_the_conversation_sends(desk: Desk, ana: Staff) -> None:
    handoff, pat = claimed(desk, ana, PARKING)
    before = len(desk.log(pat))
    bea = desk.sign_in(desk.agent("Bea"))
    refused = bea.call(f"/console/handoffs/{handoff}/passages", passage())
    assert refused.status_code == 409
    assert "Ana has this conversation" in refused.get_json()["error"]["message"]
    assert len(desk.log(pat)) == before


def test_it_works_without_script(desk: Desk, ana: Staff, client: PageClient) -> None:
    handoff, pat = claimed(desk, ana, PARKING)
    values = {**passage(), "conversation": pat}
    sent = client.post(f"/console/handoffs/{handoff}/passages", values)
    assert sent.headers["Location"] == page_of(pat)
    values = {"n": "1", "words": "", "article": "en/visiting/parking", "conversation": pat}
    kept = client.post(f"/console/handoffs/{handoff}/unhelpful", values)
    assert kept.headers["Location"] == page_of(pat)
    assert "Kept for the editors." in client.get(page_of(pat))


def test_not_helpful_is_kept_once_with_the_masked_question(
    desk: Desk, ana: Staff, client: PageClient
) -> None:
    handoff, pat = claimed(desk, ana, PARKING)
    asked_n = next(row.n for row in desk.log(pat) if row.author is Author.PATIENT)
    said = {"n": str(asked_n), "words": "ignored", "article": "en/visiting/parking"}
    for _ in range(2):
        assert client.call(f"/console/handoffs/{handoff}/unhelpful", said).status_code == 200
    searched = {"n": "0", "words": "my ssn is 123-45-6789", "article": "en/visiting/parking"}
    client.call(f"/console/handoffs/{handoff}/unhelpful", searched)
    with desk.reading() as session:
        rows = session.scalars(select(UnhelpfulSuggestion).order_by(UnhelpfulSuggestion.n)).all()
        assert [(row.n, row.question) for row in rows] == [
            (0, "my ssn is [ssn]"),
            (asked_n, PARKING),
        ]
        assert {(row.article_id, row.staff_id, row.handoff_id) for row in rows} == {
            ("en/visiting/parking", ana.id, handoff)
        }


def test_what_was_judged_goes_with_the_conversation(
    desk: Desk, ana: Staff, client: PageClient
) -> None:
    handoff, pat = claimed(desk, ana, PARKING)
    said = {"n": "0", "words": "parking", "article": "en/visiting/parking"}
    client.call(f"/console/handoffs/{handoff}/unhelpful", said)
    with desk.app.app_context():
        conversations.forget(desk.services, pat)
    with desk.reading() as session:
        assert session.scalars(select(UnhelpfulSuggestion)).all() == []
