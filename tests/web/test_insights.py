"""Insights: the numbers, the tables behind them, and CSV files that add up to the same."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from sqlalchemy import event, update

from search.answer import Outcome
from tests.web.staff_desk import MONDAY_MORNING, Desk, PageClient
from web.articles import help_feedback
from web.chat import conversations, receiving, screening
from web.chat.acts import Typed
from web.chat.replies import Hand, Plan, Reply
from web.desk import handoffs
from web.insights import reading, spreadsheet, sums
from web.insights.reading import ConversationRow, Period
from web.models import (
    AnsweredBy,
    Author,
    Conversation,
    Kind,
    RoleName,
    Shown,
    Turn,
    TurnState,
)
from web.privacy import audit
from web.views.insights import ceiling, duration

DAY = MONDAY_MORNING.date()  # the 23rd of November 2026, a Monday
PERIOD = Period(DAY, DAY)


class Clinic(Desk):
    """A desk on which whole conversations can be laid down."""

    def talk(self, *turns: dict[str, Any], lang: str = "en", **how: Any) -> str:
        conversation_id = self.patient_without_words(lang)
        for turn in turns:
            self.turn(conversation_id, **turn)
        if how:
            with self.open() as session:
                session.execute(
                    update(Conversation).where(Conversation.id == conversation_id).values(**how)
                )
        return conversation_id

    def patient_without_words(self, lang: str = "en") -> str:
        conversation_id, _ = conversations.start(
            self.services, lang=lang, site="demo", page_url=None, address_hash="a" * 64
        )
        return conversation_id

    def turn(
        self,
        conversation_id: str,
        text: str = "where is it",
        shown: Shown | None = Shown.NONE,
        article: str | None = None,
        helpful: bool | None = None,
        fallback: bool = False,
        state: TurnState = TurnState.DONE,
        outcome: str | None = None,
        payload: dict[str, Any] | None = None,
    ) -> int:
        """Returns the number of the patient's message."""
        with self.open() as session:
            said = conversations.append(
                session,
                conversation_id,
                author=Author.PATIENT,
                kind=Kind.TEXT,
                text=text,
                payload=payload or {},
                at=self.clock(),
            )
            turn = Turn(
                conversation_id=conversation_id,
                n=said.n,
                state=state,
                outcome=outcome or (shown.value if shown in list(Outcome) else None),
                shown=shown.value if shown else None,
                confidence=0.5,
                engine="full",
                answered_by=AnsweredBy.FALLBACK if fallback else AnsweredBy.RASA,
                created_at=self.clock(),
            )
            session.add(turn)
            session.flush()
            if shown is Shown.ANSWER:
                self.passage(session, turn, article or "en/parking", helpful)
            return said.n

    def passage(self, session: Any, turn: Turn, article: str, helpful: bool | None) -> None:
        shown = {"article": article, "title": f"About {article}", "html": "<p>…</p>"}
        row = conversations.append(
            session,
            turn.conversation_id,
            author=Author.BOT,
            kind=Kind.PASSAGES,
            payload={"passages": [shown], "asked_n": turn.n},
            turn_id=turn.id,
            reply_position=0,
        )
        row.helpful = helpful

    def card(self, conversation_id: str, card: str) -> None:
        with self.open() as session:
            conversations.append(
                session,
                conversation_id,
                author=Author.BOT,
                kind=Kind.DANGER,
                payload={"card": card, "html": "<p>911</p>"},
            )

    def hand_off(self, conversation_id: str, agent: Any, wait_s: int | None) -> None:
        """An agent comes after wait_s; None: the patient leaves before."""
        with self.open() as session:
            handoffs.request(session, conversation_id, "asked")
            handoff = handoffs.open_handoff(session, conversation_id)
            assert handoff is not None
            at = self.clock() + timedelta(seconds=wait_s or 0)
            if wait_s is None:
                handoffs.abandon(session, conversation_id)
            else:
                handoffs.claim(session, handoff.id, agent.id, at)
                handoffs.resolve(session, handoff.id, agent.id)

    def a_busy_day(self) -> None:
        ana = self.agent()
        answer = {"shown": Shown.ANSWER}
        one = self.talk(
            {**answer, "helpful": True},
            {"text": "can i bring my horse", "fallback": True},
            {"text": "hi", "shown": Shown.OTHER, "outcome": "none"},
            rating=5,
        )
        two = self.talk({"text": "=1+1 Can I bring my HORSE?"}, {"shown": Shown.CHOICES}, rating=2)
        self.clock.passes(hours=3, minutes=2)
        three = self.talk(
            {**answer, "article": "es/pagos", "helpful": False},
            {**answer, "article": "es/pagos"},
            {"text": "¿Puedo traer mi caballo?"},
            lang="es",
        )
        self.here(ana)
        for conversation_id, wait_s in ((one, 30), (two, 300), (three, None)):
            self.hand_off(conversation_id, ana, wait_s)
        self.card(two, "911")
        self.card(three, "988")
        self.patient_without_words()  # a panel in which nothing was said


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    clinic = Clinic(tmp_path)
    yield clinic
    clinic.close()


@pytest.fixture
def max_(clinic: Clinic) -> PageClient:
    return clinic.sign_in(clinic.add("Max", RoleName.MANAGER))


def read(clinic: Clinic, period: Period = PERIOD) -> tuple[ConversationRow, ...]:
    with clinic.reading() as session:
        return reading.read(session, period, clinic.settings.calendar.zone)


def test_it_works(clinic: Clinic, max_: PageClient) -> None:
    clinic.a_busy_day()
    page = max_.get("/insights/?from=2026-11-23&to=2026-11-23")
    assert "Monday, November 23, 2026" in page
    assert "can i bring my horse" in page and "About es/pagos" in page
    assert max_.client.get("/account/start").headers["Location"].endswith("/insights/")


def test_the_totals_are_what_happened(clinic: Clinic) -> None:
    clinic.a_busy_day()
    found = sums.totals(read(clinic))
    assert found == sums.Totals(
        conversations=3,
        patient_messages=8,
        turns=8,
        answered=3,
        choices=1,
        none=3,
        other=1,
        fallback=1,
        helpful_yes=1,
        helpful_no=1,
        handed_off=3,
        handoffs=3,
        claimed=2,
        abandoned=1,
        messages_left=0,
        wait_median_s=165,
        wait_longest_s=300,
        danger_cards=2,
        ratings=2,
        rating_mean=3.5,
    )
    assert found.answered_share == 3 / 7


# The files ---------------------------------------------------------------------------------------


def rows_of(client: PageClient, name: str, span: str = "from=2026-11-23&to=2026-11-23") -> Any:
    answer = client.client.get(f"/insights/{name}.csv?{span}")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))


def test_the_files_add_up_to_the_totals_of_the_page(clinic: Clinic, max_: PageClient) -> None:
    clinic.a_busy_day()
    found = sums.totals(read(clinic))
    talks, turns = rows_of(max_, "conversations"), rows_of(max_, "turns")
    added: Counter[str] = Counter()
    for row in talks:
        added.update({key: int(row[key]) for key in row if key in SUMS})
    shown = Counter(row["shown"] for row in turns)
    helpful = Counter(row["helpful"] for row in turns)
    waits = [int(wait) for row in talks for wait in row["waits_s"].split(";") if wait]
    ratings = [int(row["rating"]) for row in talks if row["rating"]]
    cards = sum(int(row[key]) for row in talks for key in row if key.startswith("card_"))
    from_conversations = sums.Totals(
        conversations=len(talks),
        claimed=len(waits),
        handed_off=sum(row["handoffs"] != "0" for row in talks),
        wait_median_s=median(waits),
        wait_longest_s=max(waits),
        danger_cards=cards,
        ratings=len(ratings),
        rating_mean=sum(ratings) / len(ratings),
        **{key: added[key] for key in SUMS},
    )
    assert from_conversations == found
    assert len(turns) == found.turns
    assert (shown["answer"], shown["choices"], shown["none"], shown["other"]) == (
        found.answered,
        found.choices,
        found.none,
        found.other,
    )
    assert (helpful["yes"], helpful["no"]) == (found.helpful_yes, found.helpful_no)
    assert sum(int(row["fallback"]) for row in turns) == found.fallback
    hours = Counter(int(row["hour"]) for row in turns)
    assert {hour: hours[hour] for hour in range(24)} == sums.by_hour(read(clinic))


SUMS = (
    "patient_messages",
    "turns",
    "answered",
    "choices",
    "none",
    "other",
    "fallback",
    "helpful_yes",
    "helpful_no",
    "handoffs",
    "abandoned",
    "messages_left",
)


def test_no_cell_is_a_formula(clinic: Clinic, max_: PageClient) -> None:
    signs = "=+-@\t＝＋－＠"
    clinic.talk(*({"text": f"{sign}cmd|' /C calc'!A1, \"x\"\n2"} for sign in signs))
    cells = [cell for row in rows_of(max_, "turns") for cell in row.values()]
    assert not [cell for cell in cells if cell.startswith(tuple(signs))]
    questions = [row["unanswered_question"] for row in rows_of(max_, "turns")]
    assert questions == [f"'{sign}cmd|' /C calc'!A1, \"x\"\n2" for sign in signs]
    assert spreadsheet.safe(-5) == "-5"  # a number of ours stays one


def test_answered_questions_are_in_no_file(clinic: Clinic, max_: PageClient) -> None:
    clinic.talk({"text": "my very own words", "shown": Shown.ANSWER})
    for name in ("turns", "conversations"):
        answer = max_.client.get(f"/insights/{name}.csv?from=2026-11-23&to=2026-11-23")
        assert b"very own words" not in answer.data
    assert "very own words" not in max_.get("/insights/")


def test_a_download_is_written_down(clinic: Clinic, max_: PageClient) -> None:
    rows_of(max_, "turns")
    with clinic.reading() as session:
        last = audit.entries(session)[-1]
    assert (last.act, last.subject) == (
        "insights_exported",
        "insights:turns:2026-11-23_2026-11-23",
    )


# The period --------------------------------------------------------------------------------------


def test_days_are_the_clinics_days(clinic: Clinic) -> None:
    """23:30 on Sunday in California is Monday in UTC."""
    for at, rating in (
        (datetime(2026, 11, 23, 7, 30, tzinfo=UTC), 1),
        (datetime(2026, 11, 23, 8, 0, tzinfo=UTC), 2),
        (datetime(2026, 11, 24, 7, 59, tzinfo=UTC), 3),
        (datetime(2026, 11, 24, 8, 0, tzinfo=UTC), 4),
    ):
        clinic.clock.now = at
        clinic.talk({}, rating=rating)
    assert [row.rating for row in read(clinic)] == [2, 3]
    days = sums.by_day(read(clinic, Period(date(2026, 11, 22), date(2026, 11, 24))), PERIOD)
    assert days == {DAY: 2}


@pytest.mark.parametrize("day", [date(2026, 3, 8), date(2026, 11, 1)])
def test_a_day_with_a_change_of_clocks_is_whole(clinic: Clinic, day: date) -> None:
    zone = clinic.settings.calendar.zone
    begins, ends = Period(day, day).within(zone)
    hours = (ends.astimezone(UTC) - begins.astimezone(UTC)).total_seconds() / 3600
    assert hours == (23 if day.month == 3 else 25)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("from=2026-11-20&to=2026-11-10", "lies before the first"),
        ("from=soon&to=2026-11-10", "Give both days"),
        ("from=2026-11-10", "Give both days"),
        ("from=0001-01-01&to=9999-12-31", "longest period"),
        ("from=2020-01-01&to=2026-11-10", "longest period"),
    ],
)
def test_what_is_no_period_is_told_and_exports_nothing(
    clinic: Clinic, max_: PageClient, query: str, told: str
) -> None:
    assert told in max_.get(f"/insights/?{query}")
    assert max_.client.get(f"/insights/turns.csv?{query}").status_code == 400


def test_days_without_anybody_are_a_calm_page(clinic: Clinic, max_: PageClient) -> None:
    page = max_.get("/insights/?from=2026-11-01&to=2026-11-02")
    assert "Nobody wrote in these days" in page
    assert rows_of(max_, "turns", "from=2026-11-01&to=2026-11-02") == []


# Questions and articles --------------------------------------------------------------------------


def test_one_wording_is_one_entry_and_the_latest_comes_first(clinic: Clinic) -> None:
    clinic.talk({"text": "Can I bring my horse?"}, {"text": "can i  bring my horse"})
    clinic.clock.passes(minutes=1)
    clinic.talk({"text": "¡Caballo!"}, lang="es")
    clinic.clock.passes(minutes=1)
    clinic.talk({"text": "CAN I BRING MY HORSE!"})
    found = sums.unanswered(read(clinic))
    assert [(each.question, each.times, each.patients, each.langs) for each in found] == [
        ("CAN I BRING MY HORSE!", 3, 2, ("en",)),
        ("¡Caballo!", 1, 1, ("es",)),
    ]


def test_none_of_these_leads_back_to_the_question(clinic: Clinic) -> None:
    conversation_id = clinic.talk({"text": "my first words", "shown": Shown.CHOICES})
    with clinic.open() as session:
        row = conversations.append(
            session,
            conversation_id,
            author=Author.BOT,
            kind=Kind.CHOICES,
            payload={"choices": [], "asked_n": 1},
        )
    clinic.turn(conversation_id, "", payload={"choice": "", "of": row.n})
    assert [each.question for each in sums.unanswered(read(clinic))] == ["my first words"]


def test_only_masked_words_are_shown(clinic: Clinic, max_: PageClient) -> None:
    conversation_id, _ = conversations.start(
        clinic.services, lang="en", site="demo", page_url=None, address_hash="a" * 64
    )
    raw = "my ssn is 123-45-6789, where is my horse"
    act = Typed(raw)
    seen = screening.screened(clinic.settings, raw, "en")
    receiving.receive(clinic.services, conversation_id, "client-1", act, seen)
    with clinic.open() as session:
        session.execute(update(Turn).values(state=TurnState.DONE, shown=Shown.NONE))
    page = max_.get("/insights/")
    assert "where is my horse" in page and "[ssn]" in page
    assert "6789" not in page


def test_words_said_in_danger_are_no_unanswered_question(clinic: Clinic, max_: PageClient) -> None:
    conversation_id = clinic.talk({"text": "he hit me last night"})
    with clinic.open() as session:
        conversations.append(
            session,
            conversation_id,
            author=Author.SYSTEM,
            kind=Kind.DANGER,
            text="",
            payload={"card": "violence"},
            at=clinic.clock(),
        )
    assert sums.totals(read(clinic)).none == 1
    assert sums.unanswered(read(clinic)) == []
    assert [row["unanswered_question"] for row in rows_of(max_, "turns")] == [""]


def test_a_turn_an_agent_cut_short_is_no_unanswered_question(clinic: Clinic) -> None:
    clinic.talk({"state": TurnState.SILENCED}, {"state": TurnState.RUNNING, "shown": None})
    found = sums.totals(read(clinic))
    assert (found.none, found.other) == (0, 2)


def test_a_turn_of_an_old_version_counts_as_its_search_did(clinic: Clinic) -> None:
    clinic.talk({"shown": None, "outcome": "choices"}, {"shown": None, "text": "horse"})
    found = sums.totals(read(clinic))
    assert (found.choices, found.none) == (1, 1)
    assert [each.question for each in sums.unanswered(read(clinic))] == ["horse"]


def test_articles_are_ordered_by_use_and_by_complaint(clinic: Clinic) -> None:
    def shown(article: str, helpful: bool | None = None) -> dict[str, Any]:
        return {"shown": Shown.ANSWER, "article": article, "helpful": helpful}

    clinic.talk(shown("en/a"), shown("en/a", True), shown("en/b", False), shown("en/c", True))
    clinic.talk(shown("en/b", False), shown("en/a", False), shown("en/d"))
    found = sums.articles(read(clinic))
    assert [(each.id, each.times) for each in found] == [
        ("en/a", 3),
        ("en/b", 2),
        ("en/c", 1),
        ("en/d", 1),
    ]
    assert [each.id for each in sums.helped_least(found)] == ["en/b", "en/a"]


# What a turn shows -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "waiting", "shown"),
    [
        ([Reply(Kind.TEXT, "Hello!")], False, Shown.OTHER),
        ([Reply(Kind.TEXT, "Hello!"), Reply(Kind.PASSAGES)], False, Shown.ANSWER),
        ([Reply(Kind.CHOICES)], False, Shown.CHOICES),
        ([Reply(Kind.TEXT, "Not found", {"replies": []})], False, Shown.NONE),
        ([Reply(Kind.TEXT, "Not found")], True, Shown.NONE),
        ([Reply(Kind.TEXT, "Not found"), Hand("failed_twice")], False, Shown.NONE),
        ([Hand("asked")], False, Shown.OTHER),
        ([Reply(Kind.FORM)], False, Shown.OTHER),
    ],
)
def test_what_the_patient_got_is_told_by_the_replies(
    steps: list[Reply | Hand], waiting: bool, shown: Shown
) -> None:
    assert Plan(tuple(steps), Outcome.NONE, AnsweredBy.RASA).shown(waiting) is shown


def test_a_fallback_without_an_answer_found_nothing() -> None:
    plan = Plan((Reply(Kind.TEXT, "Sorry"),), Outcome.NONE, AnsweredBy.FALLBACK)
    assert plan.shown(False) is Shown.NONE


def test_what_readers_of_the_help_pages_said(clinic: Clinic, max_: PageClient) -> None:
    assert "Help pages that helped least" not in max_.get("/insights/")
    said = [("en/parking", True, ""), ("en/parking", False, "no <b> bus"), ("es/pagos", False, "")]
    with clinic.open() as session:
        for number, (article, helpful, comment) in enumerate(said):
            form = help_feedback.Form(f"{number}", article, "r")
            help_feedback.save(session, form, helpful=helpful, comment=comment, on=DAY)
    page = max_.get("/insights/?from=2026-11-23&to=2026-11-23")
    panel = page.partition('id="readers-title"')[2].partition("</section>")[0]
    assert "helped 1, did not help 2." in panel
    assert panel.index("es/pagos") < panel.index("en/parking"), "the least helpful first"
    assert "no &lt;b&gt; bus" in page
    assert "no &lt;b&gt; bus" not in max_.get("/insights/?from=2026-11-22&to=2026-11-22")


# Cost and access ---------------------------------------------------------------------------------


def queries_of(clinic: Clinic, client: PageClient, path: str) -> int:
    statements: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.lstrip().lower().startswith("select"):
            statements.append(statement)

    engine = clinic.services.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        assert client.client.get(path).status_code == 200
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return len(statements)


@pytest.mark.parametrize("page", ["", "turns.csv", "conversations.csv"])
def test_more_conversations_cost_no_more_queries(
    clinic: Clinic, max_: PageClient, page: str
) -> None:
    path = f"/insights/{page}?from=2026-11-23&to=2026-11-24"
    clinic.a_busy_day()
    few = queries_of(clinic, max_, path)
    for _ in range(10):
        clinic.talk({"shown": Shown.ANSWER}, {"text": "horse"}, rating=3)
    assert queries_of(clinic, max_, path) == few
    assert few <= 13  # two of them say who is signed in


@pytest.mark.parametrize("role", [None, RoleName.AGENT, RoleName.EDITOR, RoleName.REVIEWER])
def test_others_find_no_insights(clinic: Clinic, role: RoleName | None) -> None:
    client = clinic.sign_in(clinic.add("Zoe", *([role] if role else [])))
    for path in ("/insights/", "/insights/turns.csv", "/insights/conversations.csv"):
        assert client.client.get(path).status_code == 404
        stranger = clinic.app.test_client().get(path, headers={"Accept": "text/html"})
        assert stranger.status_code == 302


def test_there_are_no_other_files(max_: PageClient) -> None:
    assert max_.client.get("/insights/staff.csv").status_code == 404
    assert max_.client.get("/insights/").headers["Cache-Control"] == "no-store"


def test_the_ends_of_axes_are_round() -> None:
    ends = [ceiling(value) for value in (0, 1, 2, 3, 7, 9, 10, 11, 99, 101)]
    assert ends == [1, 1, 2, 3, 8, 10, 10, 20, 100, 200]
    assert all(first <= second for first, second in pairwise(ends))


def test_spans_of_time_are_short_words() -> None:
    spans = [duration(each) for each in (None, 0, 59, 60, 3599, 3900)]
    assert spans == ["–", "0 s", "59 s", "1 min", "1 h 0 min", "1 h 5 min"]
