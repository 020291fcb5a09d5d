"""Run by the assistant's Python: hold conversations with the trained model in one process.

Reads a list of conversations from standard input, each a list of {"message", "metadata"}, and
prints, per conversation, the replies to each turn and what the tracker store then keeps.
"""

import asyncio
import contextlib
import json
import sys
from typing import Any

from rasa.core.agent import load_agent
from rasa.core.channels.channel import CollectingOutputChannel, UserMessage
from rasa.core.utils import AvailableEndpoints


async def talk(model: str, conversations: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    endpoints = AvailableEndpoints.read_endpoints("bot/endpoints.yml")
    agent = await load_agent(model_path=model, endpoints=endpoints)
    held = []
    for number, turns in enumerate(conversations):
        sender = f"conversation-{number}.1"
        replies = [await _reply(agent, sender, turn) for turn in turns]
        kept = await agent.tracker_store.retrieve(sender)
        events = [event.as_dict() for event in kept.events] if kept else []
        held.append({"replies": replies, "events": events})
    return held


async def _reply(agent: Any, sender: str, turn: dict[str, Any]) -> list[dict[str, Any]]:
    channel = CollectingOutputChannel()
    message = UserMessage(
        turn["message"], channel, sender, input_channel="rest", metadata=turn.get("metadata")
    )
    await agent.handle_message(message)
    items: list[dict[str, Any]] = channel.messages
    return items


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    # Rasa logs to standard output.
    with contextlib.redirect_stdout(sys.stderr):
        held = asyncio.run(talk(sys.argv[1], asked))
    json.dump(held, sys.stdout)
