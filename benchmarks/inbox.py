"""How long does the inbox take with ten thousand conversations stored?

Each list of the inbox is asked for as a browser does it, in the real application on a database of
its own: 10,000 conversations of eight lines each, most of them closed, 200 waiting, 60 in hand.
"""

from __future__ import annotations

import random
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from flask.testing import FlaskClient

from web import create_app, make_services
from web.accounts.staff import add_staff
from web.config import load_settings
from web.db import utc_now
from web.desk.inbox import Box
from web.models import Author, Conversation, Handoff, HandoffState, Kind, Message, RoleName
from web.services import Services

CONVERSATIONS = 10_000
LINES = 8
TIMES = 15
LIMIT_S = 2.0
PASSWORD = "four quiet words here"
EMAIL = "ana@simulated.example"
OPEN = [HandoffState.REQUESTED] * 200 + [HandoffState.CLAIMED] * 60
OVER = (HandoffState.RESOLVED, HandoffState.RETURNED, HandoffState.ABANDONED)


def run() -> int:
    with tempfile.TemporaryDirectory() as folder:
        slowest = max(_measure(Path(folder)))
    print(f"The slowest list: {slowest * 1000:.0f} ms (promised: {LIMIT_S:g} s).")
    return 0 if slowest < LIMIT_S else 1


def _measure(folder: Path) -> Iterator[float]:
    settings = load_settings().model_copy(update={"var": folder, "rasa_url": "http://127.0.0.1:9"})
    services = make_services(settings)
    app = create_app(settings, services)
    with app.app_context(), services.database.transaction() as session:
        ana = add_staff(session, EMAIL, "Ana", [RoleName.AGENT], PASSWORD)
    fill(services, ana.id)
    client = app.test_client()
    _sign_in(client)
    for box in Box:
        took = sorted(_seconds(client, f"/console/?box={box.value}") for _ in range(TIMES))
        print(f"{box.value:10} median {statistics.median(took) * 1000:5.0f} ms, worst ", end="")
        print(f"{took[-1] * 1000:5.0f} ms")
        yield took[-1]
    services.hub.close()
    services.database.dispose()


def _seconds(client: FlaskClient, path: str) -> float:
    began = time.perf_counter()
    answer = client.get(path)
    took = time.perf_counter() - began
    assert answer.status_code == 200, path
    return took


def _sign_in(client: FlaskClient) -> None:
    page = client.get("/account/sign-in").get_data(as_text=True)
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    values = {"email": EMAIL, "password": PASSWORD, "csrf_token": found.group(1)}
    client.post("/account/sign-in", data=values)


def fill(services: Services, staff_id: int, count: int = CONVERSATIONS) -> None:
    """Store conversations of all ages and states; the open ones are the newest."""
    chance, now = random.Random(0), utc_now()
    for first in range(0, count, 500):
        numbers = range(first, min(first + 500, count))
        with services.database.transaction() as session:
            for n in numbers:
                at = now - timedelta(minutes=5 * (n + 1))
                session.add(_conversation(n, at))
            session.flush()
            for n in numbers:
                at = now - timedelta(minutes=5 * (n + 1))
                session.add_all(_lines(n, at))
                session.add(_handoff(n, at, staff_id, chance))


def _conversation(n: int, at: datetime) -> Conversation:
    return Conversation(
        id=f"conversation-{n}",
        token_hash=f"{n:064}",
        site="demo",
        lang="es" if n % 5 == 0 else "en",
        address_hash="a" * 64,
        created_at=at,
        last_message_at=at,
        last_seen_at=at,
        last_n=LINES,
    )


def _lines(n: int, at: datetime) -> Iterator[Message]:
    for line in range(1, LINES + 1):
        yield Message(
            conversation_id=f"conversation-{n}",
            n=line,
            author=Author.PATIENT if line % 2 else Author.BOT,
            kind=Kind.TEXT,
            text=f"Line {line} of patient {n}, about the hours of the clinic and a bill",
            created_at=at,
        )


def _handoff(n: int, at: datetime, staff_id: int, chance: random.Random) -> Handoff:
    state = OPEN[n] if n < len(OPEN) else chance.choice(OVER)
    is_over = state in OVER
    return Handoff(
        conversation_id=f"conversation-{n}",
        state=state,
        reason="asked",
        desk=chance.choice(("appointments", "billing", "front")),
        requested_at=at,
        claimed_at=at if state is HandoffState.CLAIMED or is_over else None,
        closed_at=at + timedelta(minutes=9) if is_over else None,
        staff_id=staff_id if state is not HandoffState.REQUESTED else None,
    )
