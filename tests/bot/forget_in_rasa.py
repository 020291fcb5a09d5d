"""Run by the assistant's Python: what the tracker store still holds, as its clock moves on."""

import asyncio
import contextlib
import json
import sys

from rasa.shared.core.domain import Domain
from rasa.shared.core.events import UserUttered

from bot.components.tracker_store import ForgetfulTrackerStore


async def held_after(domain: Domain) -> dict[str, object]:
    clock = {"now_s": 0.0}
    store = ForgetfulTrackerStore(domain, max_conversations=3, now_s=lambda: clock["now_s"])

    async def say(sender: str, text: str) -> None:
        tracker = await store.get_or_create_tracker(sender)
        tracker.update(UserUttered(text))
        await store.save(tracker)

    await say("pat", "first")
    kept = await store.retrieve("pat")
    assert kept
    found: dict[str, object] = {"kept": [e.text for e in kept.events if type(e) is UserUttered]}
    clock["now_s"] = 3000.0
    await say("pat", "second")
    clock["now_s"] = 3599.0
    found["before_an_hour"] = list(await store.keys())
    # The hour runs from the first message: writing again does not make old words older.
    clock["now_s"] = 3600.0
    found["after_an_hour"] = list(await store.keys())
    for sender in ("a", "b", "c", "d"):
        await say(sender, "hello")
    found["capped"] = list(await store.keys())
    greedy = ForgetfulTrackerStore(domain, keep_s=86400, now_s=lambda: clock["now_s"])
    await greedy.save(await greedy.get_or_create_tracker("pat"))
    clock["now_s"] += 3600
    found["after_an_hour_though_told_a_day"] = list(await greedy.keys())
    idle = ForgetfulTrackerStore(domain, keep_s=0.2)
    await idle.save(await idle.get_or_create_tracker("pat"))
    await asyncio.sleep(1.5)
    found["idle"] = list(idle._kept)
    return found


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        result = asyncio.run(held_after(Domain.load("bot/domain")))
    json.dump(result, sys.stdout)
