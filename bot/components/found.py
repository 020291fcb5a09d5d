"""Rule: what the web process knows about a turn reaches the rules as slots, in closed words.

Anything but the words below is read as the most careful one of them, so a rule can never
meet a value it has no branch for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import ENTITIES
from rasa.shared.nlu.training_data.message import Message

KB_OUTCOMES = ("answer", "choices", "none")
LANGUAGES = ("en", "es")


def slots_of(metadata: Mapping[str, Any]) -> dict[str, str | bool]:
    """Return one value for every slot the rules and replies read."""
    kb = metadata.get("kb")
    lang = metadata.get("lang")
    return {
        "kb": kb if kb in KB_OUTCOMES else "none",
        "misses": misses_word(metadata.get("misses")),
        "lang": lang if lang in LANGUAGES else "en",
        "open": metadata.get("open") is True,
        "waiting": metadata.get("waiting") is True,
    }


def misses_word(misses: object) -> str:
    """Return none, once or more: rules match words, not ranges."""
    if not isinstance(misses, int) or misses <= 0:
        return "none"
    return "once" if misses == 1 else "more"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class Found(GraphComponent):
    """Put the turn's facts into the message as entities, which the domain maps to slots."""

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> Found:
        return cls()

    @staticmethod
    def validate_config(config: dict[str, Any]) -> None:
        """Accept it: there is nothing to set."""

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            metadata = message.get("metadata")
            # Without metadata (rasa test, rasa shell) the slots stay as they are.
            if metadata:
                message.set(ENTITIES, _entities(metadata), add_to_output=True)
        return messages


def _entities(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"entity": name, "value": value, "extractor": Found.__name__}
        for name, value in slots_of(metadata).items()
    ]
