"""After a hard chat: a break, the next ones to others, and a check-in that nobody else reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.web.staff_desk import Desk, PageClient
from tests.web.test_sealing import leaks
from web.desk import board, check_ins, handoff_offers, handoffs, hard_chats
from web.models import Handoff, HardChat, RoleName, Staff
from web.privacy import retention

ROLES = (RoleName.AGENT, RoleName.EDITOR, RoleName.REVIEWER, RoleName.MANAGER, RoleName.PRIVACY)
SECRET = "xylophone nights"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    care = {"break_min": 10, "hard_chats_per_day": 2, "support": "Rosa, extension 210"}
    desk = Desk(tmp_path, care=care, assignment={"offer_after_s": 10, "chats_per_agent": 4})
    yield desk
    desk.close()


@pytest.fixture
def client(desk: Desk, ana: Staff) -> PageClient:
    return desk.sign_in(ana)


def closed(desk: Desk, staff: Staff, **how: object) -> int:
    desk.here(staff)
    handoff_id = desk.waiting(**how)
    with desk.open() as session:
        handoffs.claim(session, handoff_id, staff.id)
        handoffs.resolve(session, handoff_id, staff.id)
    return handoff_id


def hard(desk: Desk, staff: Staff) -> int:
    return closed(desk, staff, reason="danger", urgent=True)


def page_of(desk: Desk, client: PageClient, handoff_id: int) -> str:
    return client.get(f"/console/conversations/{desk.conversation_of(handoff_id)}")


def offered_to(desk: Desk, handoff_id: int) -> int | None:
    desk.clock.passes(seconds=11)
    with desk.open() as session:
        handoff_offers.offer_due(session, desk.clock())
        return session.get_one(Handoff, handoff_id).offered_to_id


def is_staffed(desk: Desk) -> bool:
    with desk.open() as session:
        return handoffs.is_staffed(session)


# The break ---------------------------------------------------------------------------------------


def test_a_break_is_offered_after_danger_and_taken_with_one_click(
    desk: Desk, client: PageClient, ana: Staff
) -> None:
    handoff_id = hard(desk, ana)
    page = page_of(desk, client, handoff_id)
    assert "Take 10 minutes" in page and "Rosa, extension 210" in page
    client.post(f"/console/care/chats/{handoff_id}/take")
    assert not is_staffed(desk), "no new chats on a break"
    assert "On a break until 10:10 am" in client.get("/console/")
    assert "Take 10 minutes" not in page_of(desk, client, handoff_id)
    desk.clock.passes(minutes=10)
    desk.here(ana)
    assert is_staffed(desk), "it ends by itself"
    assert "On a break" not in client.get("/console/")


def test_a_break_is_never_forced(desk: Desk, client: PageClient, ana: Staff) -> None:
    handoff_id = hard(desk, ana)
    client.post(f"/console/care/chats/{handoff_id}/skip")
    assert is_staffed(desk)
    page = page_of(desk, client, handoff_id)
    assert "Take 10 minutes" not in page and "That was hard" not in page


def test_coming_back_early_takes_a_click(desk: Desk, client: PageClient, ana: Staff) -> None:
    client.post("/console/care/break")
    assert not is_staffed(desk)
    assert "You are on a break until 10:10 am" in client.get("/console/care/")
    client.post("/console/care/back")
    assert is_staffed(desk)


def test_on_a_break_ones_own_chats_stay(desk: Desk, client: PageClient, ana: Staff) -> None:
    waiting = desk.waiting()
    with desk.open() as session:
        handoffs.claim(session, waiting, ana.id)
    client.post("/console/care/break")
    desk.clock.passes(minutes=5)
    client.call("/console/ping")
    assert desk.sweep() == 0
    values = {"text": "I am here.", "client_id": "k" * 16}
    assert client.call(f"/console/handoffs/{waiting}/messages", values).status_code == 201


@pytest.mark.parametrize("what", ["abuse", "block", "said"])
def test_abuse_a_block_or_ones_own_word_make_a_chat_hard(
    desk: Desk, client: PageClient, ana: Staff, what: str
) -> None:
    handoff_id = closed(desk, ana, reason="abuse" if what == "abuse" else "asked")
    if what == "block":
        pat = desk.conversation_of(handoff_id)
        values = {"what": "conversation", "hours": "1"}
        client.post(f"/console/conversations/{pat}/block", values)
    if what == "said":
        assert "Take 10 minutes" not in page_of(desk, client, handoff_id)
        client.post(f"/console/care/chats/{handoff_id}/hard")
    assert "Take 10 minutes" in page_of(desk, client, handoff_id)


def test_nobody_speaks_for_another(desk: Desk, client: PageClient, ana: Staff) -> None:
    others = closed(desk, desk.agent("Bea"))
    for act in ("hard", "take", "skip"):
        assert client.call(f"/console/care/chats/{others}/{act}").status_code == 409
        client.post(f"/console/care/chats/{others}/{act}")
    with desk.reading() as session:
        assert session.get(HardChat, others) is None
    assert is_staffed(desk)


# The next ones to others -------------------------------------------------------------------------


def test_the_next_chat_goes_to_somebody_else_even_busier(desk: Desk, ana: Staff) -> None:
    bea = desk.agent("Bea")
    busy = desk.waiting()
    with desk.open() as session:
        handoffs.claim(session, busy, bea.id)
    hard(desk, ana)
    desk.clock.passes(minutes=5)
    desk.here(ana, bea)
    assert offered_to(desk, desk.waiting()) == bea.id
    desk.clock.passes(minutes=6)
    desk.here(ana, bea)
    assert offered_to(desk, desk.waiting()) == ana.id, "after ten minutes it is as before"


def test_alone_one_is_asked_all_the_same(desk: Desk, ana: Staff) -> None:
    hard(desk, ana)
    desk.here(ana)
    assert offered_to(desk, desk.waiting()) == ana.id


def test_a_days_share_of_hard_chats_goes_to_others_and_ordinary_ones_do_not(
    desk: Desk, ana: Staff
) -> None:
    bea = desk.agent("Bea")
    for _ in range(2):
        hard(desk, ana)
    desk.clock.passes(minutes=11)
    desk.here(ana, bea)
    busy = desk.waiting()
    with desk.open() as session:
        handoffs.claim(session, busy, bea.id)
    ordinary = desk.waiting()
    assert offered_to(desk, ordinary) == ana.id
    with desk.open() as session:
        handoffs.claim(session, ordinary, ana.id)
        handoffs.resolve(session, ordinary, ana.id)
    desk.clock.passes(minutes=2)
    desk.here(ana, bea)
    assert offered_to(desk, desk.waiting(reason="danger", urgent=True)) == bea.id
    desk.clock.passes(days=1)
    desk.here(ana, bea)
    with desk.reading() as session:
        assert hard_chats.had_share(session, [ana.id], desk.clock()) == frozenset()


def test_the_wallboard_says_when_all_have_had_their_share_and_never_of_one(
    desk: Desk, client: PageClient, ana: Staff
) -> None:
    says = "Everybody here has had their share"
    for _ in range(2):
        hard(desk, ana)
    desk.here(ana)
    assert says not in client.get("/console/board"), "of one person it would tell who"
    bea = desk.agent("Bea")
    assert says not in client.get("/console/board")
    for _ in range(2):
        hard(desk, bea)
    desk.here(ana, bea)
    assert says in client.get("/console/board")
    with desk.reading() as session:
        assert board.now(session, desk.clock()).all_had_share
        assert hard_chats.team_today(session, desk.clock()) is None, "two are not a team's total"


def test_the_managers_total_needs_five_people(desk: Desk, ana: Staff) -> None:
    team = [ana, *(desk.agent(name) for name in ("Bea", "Cai", "Dee"))]
    max_ = desk.sign_in(desk.add("Max", RoleName.MANAGER))
    for each in team:
        hard(desk, each)
    assert "no number is shown" in max_.get("/insights/team/")
    hard(desk, desk.agent("Eva"))
    assert "The team has had 5 hard chats today" in max_.get("/insights/team/")


def test_what_was_said_of_a_chat_goes_with_the_day(desk: Desk, ana: Staff) -> None:
    handoff_id = closed(desk, ana)
    with desk.open() as session:
        hard_chats.say_so(session, handoff_id, ana.id, desk.clock())
    for days, kept in ((0.5, True), (1, False)):
        desk.clock.passes(days=days)
        retention.forget_old(desk.services)
        with desk.reading() as session:
            assert (session.get(HardChat, handoff_id) is not None) is kept


# The check-in ------------------------------------------------------------------------------------


def test_a_check_in_is_kept_shown_to_oneself_and_changed(
    desk: Desk, client: PageClient, ana: Staff
) -> None:
    values = {"week": "hard", "load": "much", "support": "nonsense", "words": SECRET}
    client.post("/console/care/check-in", values)
    page = client.get("/console/care/")
    assert SECRET in page
    assert re.search(r'id="check-week-hard"[^>]* checked', page)
    with desk.reading() as session:
        [row] = check_ins.own(session, ana.id)
        assert row.answers == {"week": "hard", "load": "much"}
    client.post("/console/care/check-in", {"week": "good", "words": "better"})
    page = client.get("/console/care/")
    assert SECRET not in page and "better" in page
    assert leaks(desk.settings.var_dir, SECRET, "better") == []


def test_earlier_weeks_can_be_removed_and_go_by_themselves(desk: Desk, ana: Staff) -> None:
    for _ in range(2):
        desk.sign_in(ana).post("/console/care/check-in", {"week": "good"})
        desk.clock.passes(weeks=1)
    client = desk.sign_in(ana)
    assert "Monday, November 23, 2026" in client.get("/console/care/")
    client.post("/console/care/check-in/2026-11-23/remove")
    assert "Monday, November 23, 2026" not in client.get("/console/care/")
    assert client.post("/console/care/check-in/soon/remove").status_code == 404
    desk.clock.passes(weeks=check_ins.KEPT_WEEKS + 1)
    retention.forget_old(desk.services)
    with desk.reading() as session:
        assert check_ins.own(session, ana.id) == []


def check_in_all(desk: Desk, *answers: dict[str, str]) -> list[Staff]:
    team = [desk.agent(f"Agent{number}") for number in range(len(answers))]
    with desk.open() as session:
        for staff, said in zip(team, answers, strict=True):
            check_ins.keep(session, staff.id, said, SECRET, desk.clock())
    return team


def sums(desk: Desk) -> list[check_ins.TeamWeek]:
    with desk.reading() as session:
        return check_ins.team(session, desk.clock())


GOOD, HARD = {"week": "good", "load": "right"}, {"week": "hard", "load": "right"}


def test_a_manager_sees_sums_of_five_once_the_week_is_over(desk: Desk) -> None:
    check_in_all(desk, GOOD, GOOD, HARD, HARD, HARD)
    max_ = desk.add("Max", RoleName.MANAGER)
    assert sums(desk) == [], "while it goes on, each new answer would tell of one person"
    desk.clock.passes(weeks=1)
    page = desk.sign_in(max_).get("/insights/team/")
    assert "Good 2 · Mixed 0 · Hard 3" in page
    assert "5 answers" in page
    assert SECRET not in page


def test_four_answers_are_no_team(desk: Desk) -> None:
    check_in_all(desk, GOOD, GOOD, HARD, HARD)
    desk.clock.passes(weeks=1)
    assert sums(desk) == []


def test_what_all_answered_alike_is_not_shown(desk: Desk) -> None:
    """Everybody "hard" would tell each one's answer."""
    check_in_all(desk, GOOD, HARD, HARD, HARD, HARD)
    desk.clock.passes(weeks=1)
    [week] = sums(desk)
    by_id = {each.question.id: each.counts for each in week.questions}
    assert by_id == {"week": (1, 0, 4), "load": None, "support": None}


def test_no_page_file_or_api_gives_a_persons_mood_or_rank(desk: Desk, ana: Staff) -> None:
    """Every page without a parameter, as every other role: no words, no answer beside a name."""
    with desk.open() as session:
        check_ins.keep(session, ana.id, HARD, SECRET, desk.clock())
    check_in_all(desk, GOOD, GOOD, HARD, HARD, HARD)
    handoff_id = hard(desk, ana)
    with desk.open() as session:
        hard_chats.say_so(session, handoff_id, ana.id, desk.clock())
    desk.clock.passes(weeks=1)
    boss = desk.sign_in(desk.add("Zed", *ROLES))
    paths = sorted(
        str(rule)
        for rule in desk.app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.arguments
    )
    paths += ["/insights/conversations.csv", "/insights/turns.csv"]
    looked = 0
    for path in paths:
        if path.endswith("/stream"):
            continue
        answer = boss.client.get(path)
        text = answer.get_data(as_text=True)
        assert SECRET not in text, path
        if path.startswith(("/insights", "/console/board")):
            assert "Ana" not in text and "Agent0" not in text, path
        looked += answer.status_code == 200
    assert looked > 10


def test_each_reads_only_their_own_page(desk: Desk, client: PageClient, ana: Staff) -> None:
    client.post("/console/care/check-in", {"week": "hard", "words": SECRET})
    bea = desk.sign_in(desk.agent("Bea"))
    assert SECRET not in bea.get("/console/care/")
    bea.post("/console/care/check-in/2026-11-23/remove")
    assert SECRET in client.get("/console/care/")
    for role in (RoleName.MANAGER, RoleName.PRIVACY, RoleName.EDITOR):
        other = desk.sign_in(desk.add(role.value, role))
        assert other.client.get("/console/care/").status_code == 404


def test_a_week_begins_on_monday_at_the_clinic(desk: Desk) -> None:
    with desk.reading():
        monday = check_ins.week_of(desk.clock())
        assert check_ins.week_of(desk.clock() - timedelta(hours=11)) == monday - timedelta(weeks=1)
