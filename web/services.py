"""What the parts of one running application share.

Rule: made once by `create_app`, never changed afterwards; views ask `services()`, threads are given
it. Nothing here is a module-level global, so two applications can live in one process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import cast

from flask import Flask, current_app

from web.articles.comparing import Comparisons
from web.articles.publishing import Publisher
from web.articles.usage import Usage
from web.articles.vector_memory import VectorMemory
from web.chat.bus import Bus
from web.chat.free_workers import FreeWorkers
from web.chat.overload import Overload
from web.chat.rasa import Rasa
from web.chat.stream import Cap, Hub, Remembered, Seen, Typing
from web.config import Settings
from web.db import Database, utc_now
from web.desk.guidance import Shelf
from web.metrics import Metrics

EXTENSION = "front_desk"


@dataclass(frozen=True)
class Services:
    """`secret`: the key of digests and hashes. `stopping`: set when the process is to end."""

    settings: Settings
    database: Database
    hub: Hub
    bus: Bus | None  # where there may be other hosts, on PostgreSQL
    typing: Typing
    seen: Seen
    streams: Cap
    polls: Cap
    staffed: Remembered  # whether a person is there now; told to Rasa with each turn
    publisher: Publisher
    guides: Shelf
    rasa: Rasa
    secret: bytes
    clock: Callable[[], datetime] = utc_now
    metrics: Metrics = field(default_factory=Metrics)
    overload: Overload = field(default_factory=Overload)
    free_workers: FreeWorkers = field(default_factory=FreeWorkers)
    usage: Usage = field(default_factory=Usage)
    question_vectors: VectorMemory = field(default_factory=VectorMemory)
    comparisons: Comparisons = field(default_factory=Comparisons)
    stopping: threading.Event = field(default_factory=threading.Event)

    def today(self) -> date:
        """Return the day it is at the clinic."""
        return self.clock().astimezone(self.settings.calendar.zone).date()


def services() -> Services:
    """Return those of the current application."""
    return of(current_app)


def of(app: Flask) -> Services:
    return cast(Services, app.extensions[EXTENSION])
