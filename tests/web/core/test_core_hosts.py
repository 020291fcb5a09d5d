"""Two hosts on one PostgreSQL: what one does, the other shows.

Rule: two applications with a `var` and a folder of articles each, as on two machines; the database
between them is a real PostgreSQL.
"""

from __future__ import annotations

import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select, text, update

from search.answer import Outcome
from tests import postgresql
from tests.conftest import PASSWORD, Patient, Search, write_article, write_articles
from tests.fakes import FakeEncoder, FakeRasa
from tests.web.staff_desk import PageClient
from web import checks, create_app, limits, make_services
from web.accounts.staff import add_staff
from web.articles import article_files, hosts
from web.background import Background
from web.chat import leases, turns
from web.checks import Level
from web.config import Settings
from web.db import alone, utc_now
from web.limits import Limit, SharedCounts
from web.models import Origin, RateCount, Revision, RevisionState, RoleName, SharedSecret, Turn
from web.privacy import audit
from web.services import Services, of

pytestmark = pytest.mark.skipif(not postgresql.SERVER, reason="about hosts on one PostgreSQL")


@pytest.fixture
def make_host(
    settings: Settings, prepared: Path, encoder: FakeEncoder, tmp_path: Path
) -> Iterator[Callable[[str], Flask]]:
    """Make a host of its own: another `var`, another folder, the same database."""
    made: list[tuple[Flask, Background]] = []

    def make(name: str) -> Flask:
        var = tmp_path / name / "var"
        shutil.copytree(prepared, var)
        keys = {"keys_file": tmp_path / "keys"}  # the operator gives all hosts the same
        articles = write_articles(tmp_path / name / "articles")
        own = settings.model_copy(update={"var": var, "articles": articles, **keys})
        services = make_services(own, load_model=lambda _: encoder)
        app = create_app(own, services)
        app.testing = False
        background = Background(app)
        background.start()
        made.append((app, background))
        assert services.bus is not None and services.bus.is_listening.wait(10)
        services.publisher.wait_until_searchable(10)
        return app

    yield make
    for app, background in made:
        background.stop()
        of(app).database.dispose()


@dataclass
class Hosts:
    """One and other, and Pat's browser on either."""

    one: Flask
    other: Flask

    def pat(self) -> Patient:
        return Patient(self.one.test_client())


@pytest.fixture
def two(make_host: Callable[[str], Flask], search: Search) -> Hosts:
    search.finds(Outcome.ANSWER, "en/parking")
    return Hosts(make_host("one"), make_host("other"))


def moved(patient: Patient, client: FlaskClient) -> Patient:
    """The same patient, whose next requests go to another host."""
    there = Patient.__new__(Patient)
    there.client, there.id, there.token = client, patient.id, patient.token
    return there


def test_a_row_written_on_one_host_wakes_a_stream_on_the_other(two: Hosts) -> None:
    pat = two.pat()
    there = moved(pat, two.other.test_client())
    heard: list[float] = []

    def wait() -> None:
        rows = there.get("/log?after=0&wait_s=10").json["messages"]
        assert rows
        heard.append(time.monotonic())

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.5)
    said = time.monotonic()
    pat.say("where do I park")
    waiting.join(10)
    assert heard and heard[0] - said < 3.0, "woken, not by a time-out"


def test_the_same_message_posted_to_both_at_once_is_one_row(two: Hosts) -> None:
    pat = two.pat()
    there = moved(pat, two.other.test_client())
    with ThreadPoolExecutor(8) as pool:
        for round_ in range(5):
            posts = [
                pool.submit(patient.say, f"message {round_}", f"client-{round_:04}")
                for patient in (pat, there) * 4
            ]
            answers = [post.result() for post in posts]
            assert {answer.status_code for answer in answers} == {202}
            assert len({answer.json["n"] for answer in answers}) == 1
    assert pat.say("other words", "client-0000").status_code == 409
    assert there.say("other words", "client-0000").status_code == 409
    assert sum(row["author"] == "patient" for row in pat.log()) == 5


def test_each_turn_is_answered_once_and_in_order(two: Hosts, rasa: FakeRasa) -> None:
    rasa.delay_s = 0.02
    patients = [two.pat() for _ in range(6)]
    for round_ in range(4):
        for patient in patients:
            to = two.one if round_ % 2 else two.other
            assert moved(patient, to.test_client()).say(f"question {round_}").status_code == 202
    deadline = time.monotonic() + 30
    while any(patient.state()["working"] for patient in patients):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    with of(two.one).database.reading() as session:
        done = session.scalars(select(Turn).order_by(Turn.done_at)).all()
    assert {turn.fence for turn in done} == {1}, "none was taken twice"
    for patient in patients:
        own = [turn.n for turn in done if turn.conversation_id == patient.id]
        assert len(own) == 4 and own == sorted(own)
        rows = patient.log()
        assert [row["n"] for row in rows] == list(range(1, len(rows) + 1))
        assert sum(row["author"] == "bot" for row in rows) == 4


def test_a_dead_hosts_turn_is_taken_up_by_the_other(two: Hosts) -> None:
    pat, services = two.pat(), of(two.one)
    for app in (two.one, two.other):  # their workers leave the turn to us
        of(app).stopping.set()
        of(app).free_workers.close()
    time.sleep(0.3)
    pat.say("where do I park")
    with two.one.app_context(), services.database.transaction() as session:
        lost = leases.take(session, services, "a host that dies here")
        session.execute(update(Turn).values(lease_until=utc_now() - timedelta(seconds=1)))
    assert lost is not None
    with services.database.transaction() as session:
        assert leases.recover(session, services) == 1
    worker = turns.Workers(of(two.other), two.other.app_context, count=0)
    assert worker.do_one()
    assert [row["author"] for row in pat.log()] == ["patient", "bot"]


def test_who_types_on_one_host_is_seen_on_the_other(two: Hosts) -> None:
    pat = two.pat()
    of(two.one).typing.mark(pat.id, "agent")
    deadline = time.monotonic() + 5
    while not of(two.other).typing.is_typing(pat.id, "agent"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    of(two.one).typing.clear(pat.id, "agent")
    while of(two.other).typing.is_typing(pat.id, "agent"):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_all_hosts_share_the_key_of_digests_and_it_is_sealed(two: Hosts) -> None:
    assert of(two.one).secret == of(two.other).secret
    assert two.one.secret_key == two.other.secret_key
    with of(two.one).database.reading() as session:
        kept = session.scalars(select(SharedSecret)).one()
        assert kept.value == of(two.one).secret.hex()
    held = postgresql.stored(of(two.one).settings.database)
    assert of(two.one).secret not in held and of(two.one).secret.hex().encode() not in held


def test_the_audit_chain_holds_when_both_write_at_once(two: Hosts) -> None:
    def write(app: Flask) -> None:
        for number in range(15):
            with app.app_context(), of(app).database.transaction() as session:
                audit.record(session, audit.Act.CLAIMED, f"conversation:{number}", staff_id=None)

    with ThreadPoolExecutor(4) as pool:
        for job in [pool.submit(write, app) for app in (two.one, two.other) * 2]:
            job.result()
    with of(two.one).database.reading() as session:
        chain = audit.check(session)
    assert (chain.entries, chain.broken_at) == (60, None)


def test_what_one_host_publishes_the_other_indexes_within_five_seconds(
    two: Hosts, tmp_path: Path
) -> None:
    draft = write_article(
        tmp_path / "draft", "en/parking", "Where do I park?", "visiting", "Park on the roof."
    )
    before = article_files.read(of(two.one).settings.articles_dir, "en/parking")
    publish(of(two.one), "en/parking", before.content)
    publish(of(two.one), "en/parking", draft.read_bytes())
    index = of(two.other).publisher.index
    assert index is not None and "roof" not in text_of(two.other)
    started = time.monotonic()
    while "roof" not in text_of(two.other):
        assert time.monotonic() - started < 5.0
        time.sleep(0.05)
    assert "roof" in text_of(two.one)


def test_an_old_file_is_never_taken_for_a_change(two: Hosts, tmp_path: Path) -> None:
    services = of(two.one)
    folder = services.settings.articles_dir
    first = article_files.read(folder, "en/parking")
    publish(services, "en/parking", first.content)
    publish(services, "en/parking", first.content.replace(b"house", b"barn"))
    with services.database.reading() as session:
        old = [Old("en/parking", first.digest), Old("en/parking", "made by hand")]
        assert hosts.changed_here(session, old) == old[1:]


@dataclass(frozen=True)
class Old:
    article_id: str
    digest: str


def test_a_host_that_starts_with_other_files_takes_the_published_ones(
    two: Hosts, make_host: Callable[[str], Flask]
) -> None:
    services = of(two.one)
    content = article_files.read(services.settings.articles_dir, "en/parking").content
    publish(services, "en/parking", content.replace(b"house", b"barn"))
    late = make_host("late")  # its folder says "house" still
    assert "barn" in (of(late).settings.articles_dir / "en/parking.md").read_text()
    kept = of(late).settings.var_dir / "replaced-articles" / "en/parking.md"
    assert "house" in kept.read_text()


def test_a_file_changed_by_hand_is_left_to_be_taken_up(two: Hosts) -> None:
    services = of(two.one)
    folder = services.settings.articles_dir
    publish(services, "en/parking", article_files.read(folder, "en/parking").content)
    (folder / "en/parking.md").write_text("---\ntitle: By hand\n---\nBy hand.\n")
    hosts.write_out(services)
    assert "By hand" in (folder / "en/parking.md").read_text()


def test_of_two_sweeps_one_waits_for_nobody(two: Hosts) -> None:
    with of(two.one).database.transaction() as session:
        assert alone(session, "sweep", wait=False)
        with of(two.other).database.transaction() as another:
            assert not alone(another, "sweep", wait=False)


def test_a_member_of_staff_signed_in_on_one_host_is_known_on_the_other(two: Hosts) -> None:
    with two.one.app_context(), of(two.one).database.transaction() as session:
        add_staff(session, "max@clinic.example", "Max", [RoleName.MANAGER], PASSWORD)
    two.one.testing = True  # its cookies are for http as well
    client = two.one.test_client()
    page = PageClient(client)
    page.sign_in("max@clinic.example", PASSWORD)
    cookie = client.get_cookie("front_desk")
    assert cookie is not None
    elsewhere = two.other.test_client()
    elsewhere.set_cookie("front_desk", cookie.value)
    assert elsewhere.get("/insights/").status_code == 200


def test_tries_to_sign_in_are_counted_over_both(two: Hosts) -> None:
    codes = []
    for number in range(12):
        app = (two.one, two.other)[number % 2]
        app.testing = True  # its cookies are for http as well
        page = PageClient(app.test_client())
        codes.append(page.sign_in("max@clinic.example", f"guess {number}").status_code)
    assert codes == [200] * 10 + [429] * 2
    with of(two.one).database.reading() as session:
        keys = session.scalars(select(RateCount.key)).all()
    assert keys and all(re.fullmatch(r"[0-9a-f]{64}", key) for key in keys), "nobody is named"


def test_the_doctor_looks_at_the_server(two: Hosts) -> None:
    found = {check.what: check.level for check in checks.database_checks(of(two.one).settings)}
    fine = [what for what, level in found.items() if level is Level.OK]
    assert any(re.fullmatch(r"PostgreSQL 1\d", what) for what in fine)
    assert any("clock: PostgreSQL's is 0." in what for what in fine)
    assert any("connections left" in what for what in found)
    # The tests' server does not wait for its disk, and that is seen.
    assert [what for what, level in found.items() if level is Level.FAIL and "power cut" in what]


def test_of_many_at_once_no_more_than_the_limit_get_through(two: Hosts) -> None:
    one, other = (SharedCounts(of(app).database) for app in (two.one, two.other))
    limit = Limit(20, 60)
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda n: (one, other)[n % 2].take("a", limit), range(60)))
    assert sum(wait is None for wait in waits) == 20
    assert all(50 < wait <= 60 for wait in waits if wait is not None)
    assert one.look("a", limit) is not None and one.look("b", limit) is None
    other.forget("a")
    assert one.take("a", limit) is None


def test_where_much_is_allowed_the_database_is_asked_now_and_then(two: Hosts) -> None:
    one, other = (SharedCounts(of(app).database) for app in (two.one, two.other))
    limit, asked = Limit(600, 60), []
    event.listen(of(two.one).database.engine, "commit", asked.append)
    allowed = sum((one, other)[n % 2].take("a", limit) is None for n in range(600))
    assert allowed == 600 and one.take("a", limit) is not None
    assert len(asked) < 15


def test_a_count_from_before_the_clock_was_set_back_holds_nobody_up(two: Hosts) -> None:
    counts, limit = SharedCounts(of(two.one).database), Limit(1, 60)
    assert counts.take("a", limit) is None
    with of(two.one).database.transaction() as session:
        session.execute(text("update rate_count set times = array[times[1] + 7200]"))
    assert counts.take("a", limit) is None
    assert counts.take("a", limit) is not None


def test_what_no_window_holds_any_more_is_removed(two: Hosts) -> None:
    database = of(two.one).database
    SharedCounts(database).take("old", Limit(1, -1))
    SharedCounts(database).take("new", Limit(1, 60))
    limits.forget_old(database)
    with database.reading() as session:
        assert session.scalars(select(RateCount.key)).all() == ["new"]


def publish(services: Services, article: str, content: bytes) -> None:
    """What `review` does when a reviewer says yes."""
    replaces = article_files.read(services.settings.articles_dir, article).digest
    with (
        services.publisher.writing(article, content, replaces),
        services.database.transaction() as session,
    ):
        count = len(session.scalars(select(Revision)).all())
        session.add(
            Revision(
                article_id=article,
                number=count + 1,
                state=RevisionState.PUBLISHED,
                origin=Origin.EDITOR,
                content=content.decode(),
                digest=article_files.digest_of(content),
                base_digest=replaces,
                created_at=utc_now(),
                decided_at=utc_now(),
            )
        )
    services.publisher.refresh()


def text_of(app: Flask) -> str:
    index = of(app).publisher.index
    assert index is not None
    return " ".join(passage.text for passage in index.passages)
