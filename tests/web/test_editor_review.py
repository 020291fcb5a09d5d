"""Review by a second person: drafts, comments, revisions, days to come, changes from outside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from tests.web.editor_desk import PARKING, Writing, form_of, writing
from tests.web.staff_desk import PageClient
from web.articles import article_files, outside, review, revisions, translations
from web.articles.sweeping import Sweeper
from web.models import RoleName

NAME = "en/visiting/parking"
PAGE = f"/editor/articles/{NAME}"
SPANISH = """\
---
title: ¿Dónde me estaciono?
summary: Atrás de la casa.
questions:
  - estacionamiento
topic: visita
lang: es
status: published
owner: Front desk
reviewed_by: Demo content, not reviewed by a clinician
reviewed_on: 2026-10-01
review_by: 2027-05-01
translation_of: en/visiting/parking
---

Atrás de la casa. No cuesta nada.
"""


@pytest.fixture
def rui(room: Writing) -> PageClient:
    return room.someone("Rui", RoleName.REVIEWER)


def send(client: PageClient, action: str, path: str = PAGE, **changes: str) -> Any:
    return client.post(path, {**form_of(client.get(path)), "action": action, **changes})


def decide(client: PageClient, act: str, number: int, name: str = NAME, **more: str) -> Any:
    return client.post(f"/editor/review/{act}/{name}", {"number": str(number), **more})


def states(room: Writing, name: str = NAME) -> list[tuple[int, str]]:
    with room.desk.reading() as session:
        return [(row.number, row.state.value) for row in revisions.history(session, name)][::-1]


def test_a_second_person_brings_it_to_patients(
    room: Writing, eli: PageClient, rui: PageClient
) -> None:
    assert send(eli, "submit", body="Park on the roof.").status_code == 302
    assert room.text() == PARKING and "roof" not in room.live_text()
    assert "Eli asks for your review" in rui.get(PAGE)
    assert "Where do I park?" in rui.get("/editor/review/")
    assert "1<span" in rui.get("/editor/")  # the count in the header
    assert decide(rui, "approve", 2).status_code == 302
    assert "Park on the roof." in room.text() and "roof" in room.live_text()
    assert states(room) == [(1, "published"), (2, "published")]
    assert [act for act, _ in room.acts()] == ["article_submitted", "article_published"]


def test_who_wrote_it_does_not_approve_it(room: Writing, eli: PageClient, rui: PageClient) -> None:
    send(rui, "submit", body="Park on the roof.")
    assert "asks for your review" not in rui.get(PAGE)
    decide(rui, "approve", 2)
    assert "Somebody else has to approve it" in rui.get("/editor/")
    assert decide(eli, "approve", 2).status_code == 404  # no reviewer
    assert send(eli, "publish", body="Mine.").status_code == 404  # and nobody alone
    assert room.text() == PARKING


def test_a_reviewers_name_is_put_where_none_stands(tmp_path: Path) -> None:
    with writing(tmp_path, demo=False) as room:
        eli, rui = room.someone(), room.someone("Rui", RoleName.REVIEWER)
        assert send(eli, "submit", reviewed_by="", reviewed_on="").status_code == 302
        decide(rui, "approve", 2)
        assert "reviewed_by: Rui\nreviewed_on: 2026-11-23\n" in room.text()


def test_an_error_stops_the_way_to_review(room: Writing, eli: PageClient) -> None:
    answer = send(eli, "submit", owner="")
    assert answer.status_code == 422 and "Not sent for review" in answer.text
    assert states(room) == [(1, "published")]


def test_sent_back_with_the_reason(room: Writing, eli: PageClient, rui: PageClient) -> None:
    send(eli, "submit", body="Park on the roof.")
    decide(rui, "send-back", 2, comment="  ")
    assert states(room)[-1] == (2, "in_review")
    decide(rui, "send-back", 2, comment="Which roof?")
    assert states(room)[-1] == (2, "draft")
    page = eli.get(PAGE)
    assert "Which roof?" in page and "Rui on version 2" in page
    assert "Park on the roof." in form_of(page)["body"]
    decide(eli, "comment", 2, comment="The library's.")
    assert "The library&#39;s." in rui.get(PAGE)
    with room.desk.open() as session:
        raw = session.connection().exec_driver_sql("select sealed from review_comment").all()
    assert len(raw) == 2 and not any(b"roof" in row.sealed for row in raw)


def test_two_steps_at_once_end_in_one(room: Writing, eli: PageClient, rui: PageClient) -> None:
    send(eli, "submit", body="Park on the roof.")
    send(eli, "submit", body="Park in the cellar.")
    decide(rui, "approve", 2)  # the one Rui looked at is not the newest any more
    assert "Somebody else took the next step" in rui.get("/editor/")
    assert room.text() == PARKING
    assert states(room) == [(1, "published"), (2, "replaced"), (3, "in_review")]


def test_two_drafts_of_one_article_do_not_overwrite_each_other(
    room: Writing, eli: PageClient, rui: PageClient
) -> None:
    mine = form_of(eli.get(PAGE))
    send(rui, "save", body="Rui's words.")
    answer = eli.post(PAGE, {**mine, "body": "Eli's words.", "action": "save"})
    assert answer.status_code == 409
    assert "Rui&#39;s words." in answer.text and "Eli&#39;s words." in answer.text
    assert eli.post(PAGE, {**form_of(answer.text), "action": "save"}).status_code == 302
    assert "Eli's words." in form_of(rui.get(PAGE))["body"]


def test_any_revision_can_be_compared_and_brought_back(
    room: Writing, eli: PageClient, rui: PageClient
) -> None:
    send(eli, "submit", body="Park on the roof.", owner="Yard team")
    decide(rui, "approve", 2)
    page = rui.get(f"/editor/review/history/{NAME}?from=1&to=2")
    assert "From version 1 to version 2" in page
    assert ">Out</span><span" in page and ">In</span><span" in page and "Yard team" in page
    decide(eli, "restore", 1)
    assert "Park on the roof." in room.text()  # nothing is published by it
    assert states(room)[-1] == (3, "draft")
    send(eli, "submit")
    decide(rui, "approve", 4)
    assert room.text() == PARKING


def test_a_dropped_draft_stays_among_the_versions(room: Writing, eli: PageClient) -> None:
    send(eli, "save", body="A thought.")
    decide(eli, "discard", 2)
    assert "A thought." not in form_of(eli.get(PAGE))["body"]
    assert states(room)[-1] == (2, "discarded")


def test_a_new_article_is_no_file_before_it_is_approved(
    room: Writing, eli: PageClient, rui: PageClient
) -> None:
    form = form_of(eli.get("/editor/new?topic=visiting&lang=en&kind=directions"))
    assert "## How do I get there by bus?" in form["body"]
    values = {"title": "How do I get there?", "summary": "By bus 4.", "owner": "Front desk"}
    values |= {"body": "Take bus 4.", "review_by": "2027-05-20", "reviewed_on": "2026-11-20"}
    eli.post("/editor/new", {**form, **values, "action": "submit"})
    name = "en/visiting/how-do-i-get-there"
    assert room.files() == [f"{NAME}.md"]
    assert "How do I get there?" in eli.get("/editor/?status=in_review")
    decide(rui, "approve", 1, name)
    assert "Take bus 4." in room.text(name)


# Days --------------------------------------------------------------------------------------------


def test_what_is_approved_for_a_day_is_published_on_it(
    room: Writing, eli: PageClient, rui: PageClient
) -> None:
    sweeper = Sweeper(room.desk.services)
    send(eli, "submit", body="Park on the roof.", publish_on="2026-11-25")
    decide(rui, "approve", 2)
    sweeper.sweep()
    assert states(room)[-1] == (2, "scheduled") and room.text() == PARKING
    room.desk.clock.passes(days=2)
    sweeper.sweep()
    assert states(room)[-1] == (2, "published")
    assert "Park on the roof." in room.text()
    assert "article_approved" in [act for act, _ in room.acts()]


def test_a_day_that_finds_another_file_waits_for_a_person(
    room: Writing, eli: PageClient, rui: PageClient
) -> None:
    send(eli, "submit", body="Park on the roof.", publish_on="2026-11-25")
    decide(rui, "approve", 2)
    room.write(NAME, PARKING.replace("costs nothing", "costs $2"))
    room.desk.clock.passes(days=3)
    Sweeper(room.desk.services).sweep()
    assert (2, "in_review") in states(room)
    assert "costs $2" in room.text()


def test_an_article_ends_on_its_day(room: Writing, eli: PageClient, rui: PageClient) -> None:
    room.desk.services.publisher.clock = room.desk.clock
    send(eli, "submit", expires_on="2026-11-25")
    decide(rui, "approve", 2)
    assert room.live_text()
    room.desk.clock.now = datetime(2026, 11, 25, 8, 30, tzinfo=UTC)  # half past midnight there
    room.desk.services.publisher.refresh()
    assert not room.live_text()  # before any sweep
    sweeper = Sweeper(room.desk.services)
    sweeper.sweep()
    assert "status: withdrawn" in room.text()
    assert room.acts()[-1][0] == "article_expired"


def test_what_is_due_soon_is_listed_before_its_day(room: Writing, eli: PageClient) -> None:
    assert "Nothing is due" in eli.get("/editor/review/")
    room.desk.clock.now += timedelta(days=140)
    page = eli.get("/editor/review/")
    assert "2027-05-01" in page and "Past due" not in page
    assert "to look at" in page


# Outside -----------------------------------------------------------------------------------------


def test_a_change_by_hand_is_taken_up_and_shown(room: Writing, eli: PageClient) -> None:
    Sweeper(room.desk.services).sweep()
    assert "Changed outside" not in eli.get(PAGE)
    room.write(NAME, PARKING.replace("costs nothing", "costs $2"))
    assert "Changed outside the editor on November 23" in eli.get(PAGE)
    assert states(room) == [(1, "published"), (2, "published")]
    assert room.acts() == [("article_changed_outside", f"article:{NAME}")]
    assert "changed outside the editor" in eli.get(f"/editor/review/history/{NAME}")


def test_of_a_whole_folder_a_few_are_taken_up_at_a_time_so_that_patients_can_write(
    room: Writing,
) -> None:
    for number in range(24):
        room.write(f"en/visiting/parking-{number:02}", PARKING)
    room.write("es/visitas/estacionamiento", SPANISH)
    database, writes = room.desk.services.database, []
    event.listen(database.engine, "commit", writes.append)
    assert outside.take_up(room.desk.services) == 26
    assert len(writes) > 26 / outside.TAKEN_UP_AT_ONCE
    with room.desk.reading() as session:
        spanish = revisions.in_folder(session, "es/visitas/estacionamiento")
    assert spanish is not None and spanish.source_number == 1, "after what it is made from"


def test_a_draft_begun_before_a_change_by_hand_shows_both(
    room: Writing, eli: PageClient, rui: PageClient
) -> None:
    send(eli, "submit", body="Park on the roof.")
    room.write(NAME, PARKING.replace("costs nothing", "costs $2"))
    decide(rui, "approve", 2)
    assert "costs $2" in room.text()
    page = eli.get(PAGE)
    assert "changed outside the editor after this draft was begun" in page
    assert "costs $2" in page and "Park on the roof." in form_of(page)["body"]
    eli.post(PAGE, {**form_of(page), "action": "submit"})
    decide(rui, "approve", 4)
    assert "Park on the roof." in room.text()


# Autosave ----------------------------------------------------------------------------------------


def test_what_was_typed_is_kept_for_who_typed_it(
    room: Writing, eli: PageClient, rui: PageClient
) -> None:
    form = {**form_of(eli.get(PAGE)), "body": "Half a sent"}
    answer = eli.post("/editor/autosave", form)
    assert answer.status_code == 200 and answer.json["others"] == []
    assert "did not save it" in eli.get(PAGE)
    assert form_of(eli.get(f"{PAGE}?autosaved=1"))["body"] == "Half a sent"
    page = rui.get(PAGE)
    assert "Eli is writing in this article now" in page and "Half a sent" not in page
    assert rui.post("/editor/autosave", form_of(page)).json["others"] == ["Eli"]
    with room.desk.open() as session:
        [raw, _] = session.connection().exec_driver_sql("select sealed from autosave").all()
    assert b"Half a sent" not in raw.sealed
    assert send(eli, "save", body="A whole sentence.").status_code == 302
    assert "did not save it" not in eli.get(PAGE)


def test_an_autosave_says_when_the_article_has_moved_on(
    room: Writing, eli: PageClient, rui: PageClient
) -> None:
    form = form_of(eli.get(PAGE))
    send(rui, "save", body="Rui was faster.")
    assert eli.post("/editor/autosave", form).json["is_old"] is True


# Languages ---------------------------------------------------------------------------------------


def test_a_translation_follows_its_original(
    room: Writing, eli: PageClient, rui: PageClient
) -> None:
    spanish = "es/visita/estacionamiento"
    room.write(spanish, SPANISH)
    Sweeper(room.desk.services).sweep()
    room.desk.services.publisher.refresh()
    assert room.live_text(spanish)

    def change(body: str, number: int, **more: str) -> None:
        send(eli, "submit", body=body, **more)
        decide(rui, "approve", number)

    change("Park behind the house, please.", 2)
    assert "Older than its original" in eli.get("/editor/")
    assert room.live_text(spanish)  # only the words changed
    change("Park behind the house. It costs $5.", 3, is_substance="yes")
    assert "Kept from patients: facts changed" in eli.get("/editor/review/")
    assert not room.live_text(spanish)
    assert eli.client.get(f"/help/{spanish}").status_code == 404
    path = f"/editor/articles/{spanish}"
    send(eli, "submit", path, body="Atrás de la casa. Cuesta $5.", follows="yes")
    decide(rui, "approve", 2, spanish)
    assert "Cuesta $5." in room.live_text(spanish)
    assert "All say what their original says" in eli.get("/editor/review/")


def test_a_missing_translation_is_listed_and_can_be_begun(room: Writing, eli: PageClient) -> None:
    page = eli.get("/editor/review/")
    assert "Missing translations" in page and "0 times in 30 days" in page
    form = form_of(eli.get(f"/editor/new?lang=es&topic=visita&of={NAME}"))
    assert (form["translation_of"], form["lang"]) == (NAME, "es")


def test_a_machines_text_needs_a_named_person(
    room: Writing, eli: PageClient, rui: PageClient
) -> None:
    answer = send(eli, "submit", made_by="machine")
    assert answer.status_code in (302, 422)
    room.write(
        "en/visiting/robot",
        PARKING.replace("Where do I", "How does a robot").replace(
            "lang: en", "lang: en\nmade_by: machine"
        ),
    )
    translations.withhold(room.desk.services)
    room.desk.services.publisher.refresh()
    assert room.live_text() and not room.live_text("en/visiting/robot")


def test_a_full_disk_at_approval_changes_nothing(
    room: Writing, eli: PageClient, rui: PageClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(eli, "submit", body="Park on the roof.")

    def refuse(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(article_files, "_force_file", refuse)
    decide(rui, "approve", 2)
    assert "The disk is full" in rui.get("/editor/")
    assert room.text() == PARKING and states(room)[-1] == (2, "in_review")
    assert room.files() == [f"{NAME}.md"]


def test_an_article_says_what_links_to_it(room: Writing, eli: PageClient) -> None:
    bus = PARKING.replace("Where do I park?", "Which bus?").replace("is full", "[p](parking.md)")
    room.write("en/visiting/bus", bus)
    page = eli.get(PAGE)
    assert "What links here" in page and "Which bus?" in page


def test_nothing_of_a_review_is_open_to_others(room: Writing) -> None:
    zoe = room.desk.sign_in(room.desk.add("Zoe", RoleName.AGENT))
    for act in ("approve", "send-back", "comment", "restore", "discard"):
        assert decide(zoe, act, 1).status_code == 404
    assert zoe.client.get(f"/editor/review/history/{NAME}").status_code == 404
    assert review.MAX_COMMENT == 2_000
