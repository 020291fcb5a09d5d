"""Run by the assistant's Python: hold conversations with the trained model in one process.

Each line of standard input is a list of conversations, each a list of {"message", "metadata"}. The
answer to it holds, per conversation, the replies to each turn and what the tracker store then
keeps. Conversations that open alike share that opening: it is talked once, and gone on from.
"""

import asyncio
import contextlib
import json
import sys
from typing import Any

from rasa.core.agent import load_agent
from rasa.core.channels.channel import CollectingOutputChannel, UserMessage
from rasa.core.utils import AvailableEndpoints

Replies = list[list[dict[str, Any]]]


class Talker:
    def __init__(self, agent: Any) -> None:
        self._agent = agent
        self._store = agent.tracker_store
        self._openings: dict[str, tuple[Any, Replies]] = {}
        self._count = 0

    async def hold(self, turns: list[dict[str, Any]]) -> dict[str, Any]:
        self._count += 1
        sender = f"conversation-{self._count}.1"
        replies = await self._open(sender, turns[0]) if len(turns) > 1 else []
        replies += [await self._reply(sender, turn) for turn in turns[len(replies) :]]
        kept = await self._store.retrieve(sender)
        events = [event.as_dict() for event in kept.events] if kept else []
        return {"replies": replies, "events": events}

    async def _open(self, sender: str, first: dict[str, Any]) -> Replies:
        key = json.dumps(first)
        if key not in self._openings:
            replies = [await self._reply(f"opening-{self._count}.1", first)]
            self._openings[key] = (await self._store.retrieve(f"opening-{self._count}.1"), replies)
        opening, replies = self._openings[key]
        going_on = opening.copy()
        going_on.sender_id = sender
        await self._store.save(going_on)
        return list(replies)

    async def _reply(self, sender: str, turn: dict[str, Any]) -> list[dict[str, Any]]:
        channel = CollectingOutputChannel()
        message = UserMessage(
            turn["message"], channel, sender, input_channel="rest", metadata=turn.get("metadata")
        )
        await self._agent.handle_message(message)
        items: list[dict[str, Any]] = channel.messages
        return items


async def serve(model: str, answers: Any) -> None:
    endpoints = AvailableEndpoints.read_endpoints("bot/endpoints.yml")
    talker = Talker(await load_agent(model_path=model, endpoints=endpoints))
    for line in sys.stdin:
        held = [await talker.hold(turns) for turns in json.loads(line)]
        answers.write(json.dumps(held) + "\n")
        answers.flush()


if __name__ == "__main__":
    # Rasa logs to standard output.
    answers = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        asyncio.run(serve(sys.argv[1], answers))
