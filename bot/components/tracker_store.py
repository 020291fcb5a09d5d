"""Rule: what a patient wrote is kept in memory only, for an hour at most, and not for everyone.

The web process owns the log of a conversation; Rasa needs the last turns and nothing else.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import SerializedTrackerAsText, TrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker

from bot.components import quiet_log


@dataclass(frozen=True)
class Kept:
    serialised: str
    forget_at_s: float


class ForgetfulTrackerStore(TrackerStore, SerializedTrackerAsText):
    """Hold trackers in memory, oldest first.

    `keep_s` counts from a conversation's first message, not from its last one, so no text is
    older than that. `now_s` is passed in by tests.
    """

    def __init__(
        self,
        domain: Domain | None,
        host: str | None = None,
        event_broker: EventBroker | None = None,
        keep_s: float = 3600,
        max_conversations: int = 5000,
        now_s: Callable[[], float] = time.monotonic,
        **kwargs: Any,
    ) -> None:
        super().__init__(domain, event_broker, **kwargs)
        quiet_log.install()
        self._keep_s = min(float(keep_s), 3600.0)
        self._max_conversations = int(max_conversations)
        self._now_s = now_s
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    async def save(self, tracker: DialogueStateTracker) -> None:
        self._forget()
        now_s = self._now_s()
        before = self._kept.get(tracker.sender_id)
        if before is None:
            # Not only with the next message: after the last one of the day there is none.
            asyncio.get_running_loop().call_later(self._keep_s + 1, self._forget)
        forget_at_s = before.forget_at_s if before else now_s + self._keep_s
        self._kept[tracker.sender_id] = Kept(self.serialise_tracker(tracker), forget_at_s)
        while len(self._kept) > self._max_conversations:
            self._kept.popitem(last=False)

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        self._forget()
        kept = self._kept.get(sender_id)
        return self.deserialise_tracker(sender_id, kept.serialised) if kept else None

    async def keys(self) -> Iterable[str]:
        self._forget()
        return list(self._kept)

    def _forget(self) -> None:
        # Insertion order is also the order of forget_at_s: saving again changes neither.
        now_s = self._now_s()
        while self._kept and next(iter(self._kept.values())).forget_at_s <= now_s:
            self._kept.popitem(last=False)
