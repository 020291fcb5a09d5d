"""A chat is closed: how it ended, a minute to write it down, a day to come back, and thanks."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from tests.web.staff_desk import Desk, PageClient
from tests.web.test_sealing import leaks
from web.chat import conversations
from web.config import SettingsInvalid, load_settings
from web.desk import handoff_offers, handoffs, thanks, wrap_up
from web.models import Conversation, Handoff, RoleName, Staff, WrapUp
from web.privacy import export

A_WHILE = timedelta(hours=1)


@pytest.fixture
def client(desk: Desk, ana: Staff) -> PageClient:
    return desk.sign_in(ana)


def closed(desk: Desk, staff: Staff, *texts: str) -> int:
    """A chat this agent has resolved. Returns the handoff's id."""
    handoff_id = desk.waiting(*texts)
    with desk.open() as session:
        handoffs.claim(session, handoff_id, staff.id)
        handoff = handoffs.resolve(session, handoff_id, staff.id)
        session.get_one(Conversation, handoff.conversation_id).last_message_at = desk.clock()
    return handoff_id


def page_of(desk: Desk, client: PageClient, handoff_id: int) -> str:
    return client.get(f"/console/conversations/{desk.conversation_of(handoff_id)}")


def kept(desk: Desk, handoff_id: int) -> WrapUp:
    with desk.reading() as session:
        return session.get_one(WrapUp, handoff_id)


# Writing it down ---------------------------------------------------------------------------------


def test_one_click_says_how_it_ended(desk: Desk, client: PageClient, ana: Staff) -> None:
    handoff_id = closed(desk, ana)
    assert "How did it end?" in page_of(desk, client, handoff_id)
    client.post(f"/console/handoffs/{handoff_id}/wrap-up", {"code": "visit"})
    assert kept(desk, handoff_id).code == "visit"
    page = page_of(desk, client, handoff_id)
    assert re.search(r'value="visit" aria-pressed="true"', page)
    assert "Visit made or changed" in page[page.index("data-card") :]


def test_tags_note_and_day_are_kept_with_whichever_button(
    desk: Desk, client: PageClient, ana: Staff
) -> None:
    handoff_id = closed(desk, ana)
    values = {
        "code": "will_call",
        "tags": " portal,  new   card, portal,,",
        "note": "Ask Rosa about the form.",
        "follow_up_on": "2026-11-25",
    }
    client.post(f"/console/handoffs/{handoff_id}/wrap-up", values)
    row = kept(desk, handoff_id)
    assert (row.tags, row.note) == (["portal", "new card"], "Ask Rosa about the form.")
    assert str(row.follow_up_on) == "2026-11-25"
    client.post(f"/console/handoffs/{handoff_id}/wrap-up", {"note": "Rosa knows."})
    row = kept(desk, handoff_id)
    assert (row.code, row.tags, row.note) == ("will_call", [], "Rosa knows.")


def test_the_note_is_for_staff_alone(desk: Desk, client: PageClient, ana: Staff) -> None:
    """Not in the patient's copy, not in the transcript, and in no file in the clear."""
    handoff_id = closed(desk, ana)
    pat = desk.conversation_of(handoff_id)
    values = {"code": "answered", "tags": "marimba", "note": "xylophone"}
    client.post(f"/console/handoffs/{handoff_id}/wrap-up", values)
    assert "xylophone" in page_of(desk, client, handoff_id)
    with desk.reading() as session:
        held = str(export.everything(session, pat, "en", "http://clinic.example/"))
    assert "Pat" in held or "person" in held
    assert "xylophone" not in held and "marimba" not in held
    assert leaks(desk.settings.var_dir, "xylophone", "marimba") == []


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"code": "nonsense"}, "not on the clinic"),
        ({"follow_up_on": "2026-11-22"}, "from today to 2026-12-22:"),
        ({"follow_up_on": "2026-12-23"}, "from today to 2026-12-22:"),
        ({"follow_up_on": "soon"}, "like 2026-11-30"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_a_reason(
    desk: Desk, client: PageClient, ana: Staff, values: dict[str, str], says: str
) -> None:
    handoff_id = closed(desk, ana)
    refusal = client.call(f"/console/handoffs/{handoff_id}/wrap-up", values)
    assert refusal.status_code == 422
    assert refusal.json is not None
    assert says in refusal.json["error"]["message"]


def test_only_who_had_the_chat_writes_how_it_ended(
    desk: Desk, client: PageClient, ana: Staff
) -> None:
    bea = desk.agent("Bea")
    others, still_open = closed(desk, bea), desk.waiting()
    with desk.open() as session:
        handoffs.claim(session, still_open, ana.id)
    for handoff_id in (others, still_open):
        refusal = client.call(f"/console/handoffs/{handoff_id}/wrap-up", {"code": "answered"})
        assert refusal.status_code == 409
        with desk.reading() as session:
            assert session.get(WrapUp, handoff_id) is None
    assert "How did it end?" not in page_of(desk, client, others)
    assert client.call("/console/handoffs/999999/wrap-up", {}).status_code == 404


def test_the_clinic_names_its_own_codes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path / "var", wrap_up=[{"id": "sold", "name": "Ticket sold"}])
    ana = desk.agent("Ana")
    page = page_of(desk, desk.sign_in(ana), closed(desk, ana))
    assert "Ticket sold" in page and "Visit made" not in page
    desk.close()
    text = (Path(__file__).parents[2] / "clinic.toml").read_text(encoding="utf-8")
    code = '\n[[wrap_up]]\nid = "a"\nname = "A"\n'
    (tmp_path / "clinic.toml").write_text(text + code * 2, encoding="utf-8")
    monkeypatch.setenv("CLINIC_CONFIG", str(tmp_path / "clinic.toml"))
    with pytest.raises(SettingsInvalid, match="two codes of this id"):
        load_settings()


def test_wrap_up_has_words_for_a_code_that_is_gone(desk: Desk) -> None:
    assert wrap_up.code_name(desk.settings, "visit") == "Visit made or changed"
    assert wrap_up.code_name(desk.settings, "long_gone") == "long_gone"


# A minute of wrap-up -----------------------------------------------------------------------------


def offered_to(desk: Desk, handoff_id: int) -> int | None:
    with desk.open() as session:
        handoff_offers.offer_due(session, desk.clock())
        return session.get_one(Handoff, handoff_id).offered_to_id


def test_who_is_wrapping_up_is_asked_after_who_is_free(desk: Desk, ana: Staff) -> None:
    """Bea has been idle for less time than Ana's last chat took, and still comes first."""
    bea = desk.agent("Bea")
    closed(desk, bea)
    desk.clock.passes(seconds=70)
    desk.here(ana, bea)
    waits = desk.waiting()
    desk.clock.passes(seconds=40)
    closed(desk, ana)
    desk.clock.passes(seconds=10)
    desk.here(ana, bea)
    assert offered_to(desk, waits) == bea.id


def test_the_minute_counts_as_a_chat_and_ends_by_itself_or_by_a_click(tmp_path: Path) -> None:
    one_at_once = {"offer_after_s": 10, "chats_per_agent": 1}
    desk = Desk(tmp_path, assignment=one_at_once)
    ana = desk.agent("Ana")
    client = desk.sign_in(ana)
    for ends_by_click in (False, True):
        handoff_id = closed(desk, ana)
        waits = desk.waiting()
        desk.clock.passes(seconds=30)
        desk.here(ana)
        assert offered_to(desk, waits) is None
        assert "Ready for the next" in page_of(desk, client, handoff_id)
        if ends_by_click:
            client.post(f"/console/handoffs/{handoff_id}/wrap-up", {"ready": "1", "note": "n"})
            assert kept(desk, handoff_id).note == "n"
        else:
            desk.clock.passes(seconds=31)
            desk.here(ana)
        assert "Ready for the next" not in page_of(desk, client, handoff_id)
        assert offered_to(desk, waits) == ana.id
        with desk.open() as session:
            handoffs.claim(session, waits, ana.id)
            handoffs.resolve(session, waits, ana.id)
        desk.clock.passes(minutes=5)
        desk.here(ana)
    desk.close()


# Coming back to it -------------------------------------------------------------------------------


def test_a_follow_up_is_due_on_its_day_and_done_by_anybody(
    desk: Desk, client: PageClient, ana: Staff
) -> None:
    handoff_id = closed(desk, ana)
    values = {"code": "will_call", "follow_up_on": "2026-11-25"}
    client.post(f"/console/handoffs/{handoff_id}/wrap-up", values)
    box = client.get("/console/?box=follow_up")
    assert "Follow up Wed, Nov 25, Ana" in box
    assert "You wanted to come back" not in box
    desk.clock.passes(days=2)
    client = desk.sign_in(ana)
    assert "Follow up today, Ana" in client.get("/console/?box=follow_up")
    assert "You wanted to come back to a conversation today" in client.get("/console/")
    desk.clock.passes(days=1)
    bea = desk.sign_in(desk.agent("Bea"))
    box = bea.get("/console/?box=follow_up")
    assert "Late: follow up Wed, Nov 25, Ana" in box
    assert "You wanted to come back" not in box, "it is Ana who wanted to"
    page = page_of(desk, bea, handoff_id)
    assert "Done, I came back to it" in page
    for status in (200, 409):
        answer = bea.call(f"/console/handoffs/{handoff_id}/followed-up")
        assert answer.status_code == status
    assert "Nothing to come back to." in bea.get("/console/?box=follow_up")


def test_follow_ups_stand_in_the_order_of_their_days(desk: Desk, ana: Staff) -> None:
    client = desk.sign_in(ana)
    days = ("2026-12-03", "2026-11-24", "2026-11-30")
    for day in days:
        handoff_id = closed(desk, ana, f"for {day}")
        client.post(f"/console/handoffs/{handoff_id}/wrap-up", {"follow_up_on": day})
    box = client.get("/console/?box=follow_up")
    assert re.findall(r"for (2026-\d\d-\d\d)", box) == sorted(days)


# Thanks ------------------------------------------------------------------------------------------


def rate(desk: Desk, handoff_id: int, score: int, words: str) -> None:
    with desk.open() as session:
        pat = session.get_one(Handoff, handoff_id).conversation_id
        conversations.rate(session, pat, score, words, desk.settings)
        session.get_one(Handoff, handoff_id).closed_at = just_before_rating(session, pat)


def just_before_rating(session: Session, conversation_id: str) -> datetime:
    """A rating takes the real time, and the desk here has a clock of its own."""
    rated_at = session.get_one(Conversation, conversation_id).rated_at
    assert rated_at is not None
    return rated_at - timedelta(minutes=1)


def test_thanks_reach_the_agent_who_had_the_chat_and_nobody_else(
    desk: Desk, client: PageClient, ana: Staff
) -> None:
    rate(desk, closed(desk, ana), 5, "You were so kind, marimba")
    rate(desk, closed(desk, ana), 2, "Too slow, xylophone")
    page = client.get("/console/care/thanks")
    assert "You were so kind, marimba" in page
    assert "xylophone" not in page
    bea = desk.sign_in(desk.agent("Bea"))
    assert "marimba" not in bea.get("/console/care/thanks")
    max_ = desk.sign_in(desk.add("Max", RoleName.MANAGER))
    assert max_.client.get("/console/care/thanks").status_code == 404


def test_a_rating_belongs_to_the_last_agent_before_it(desk: Desk, ana: Staff) -> None:
    bea = desk.agent("Bea")
    first = closed(desk, ana)
    pat = desk.conversation_of(first)
    desk.clock.passes(minutes=5)
    desk.here(bea)
    desk.ask(pat)
    with desk.open() as session:
        again = handoffs.open_handoff(session, pat)
        assert again is not None
        handoffs.claim(session, again.id, bea.id)
        handoffs.resolve(session, again.id, bea.id)
        conversations.rate(session, pat, 5, "thank you", desk.settings)
    with desk.open() as session:
        session.get_one(Handoff, again.id).closed_at = just_before_rating(session, pat)
        session.get_one(Handoff, first).closed_at = just_before_rating(session, pat) - A_WHILE
        assert thanks.of_staff(session, ana.id) == []
        assert [each.words for each in thanks.of_staff(session, bea.id)] == ["thank you"]


def test_a_low_rating_reads_the_words_only_to_its_agent(
    desk: Desk, client: PageClient, ana: Staff
) -> None:
    handoff_id = closed(desk, ana)
    rate(desk, handoff_id, 2, "Too slow, xylophone")
    assert "xylophone" in page_of(desk, client, handoff_id)
    assert "xylophone" not in page_of(desk, desk.sign_in(desk.agent("Bea")), handoff_id)
