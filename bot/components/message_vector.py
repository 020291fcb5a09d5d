"""Rule: a message's vector becomes its features and leaves the message in the same step.

A vector can be turned back into words, so it is never stored in a tracker. A turn without a
usable vector still gets features: computed here, or zeros, which no intent is sure of.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.components import quiet_log
from bot.components.encoder import Encoder, ModelMissing


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=True)
class MessageVector(DenseFeaturizer, GraphComponent):
    """Give each message the sentence vector it brought along, times `scale`."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {**DenseFeaturizer.get_default_config(), "scale": 5.0}

    def __init__(
        self,
        config: dict[str, Any],
        name: str,
        model_storage: ModelStorage,
        resource: Resource,
        dimensions: int | None = None,
    ) -> None:
        super().__init__(name, config)
        self._scale = float(config["scale"])
        self._model_storage = model_storage
        self._resource = resource
        self._dimensions = dimensions
        self._encoder: Encoder | None = None

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        if not isinstance(config["scale"], (int, float)) or config["scale"] <= 0:
            raise InvalidConfigException(
                f"config.yml MessageVector scale: {config['scale']} is not above 0"
            )

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> MessageVector:
        return cls(config, execution_context.node_name, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> MessageVector:
        # Loaded means: messages of patients follow. From here on the log keeps their words out.
        quiet_log.install()
        with model_storage.read_from(resource) as folder:
            dimensions = int((folder / "dimensions").read_text(encoding="utf-8"))
        return cls(config, execution_context.node_name, model_storage, resource, dimensions)

    def train(self, training_data: TrainingData) -> Resource:
        """Remember how long the vectors are that the classifier learns from."""
        self._dimensions = len(self._loaded_encoder().encode("hello"))
        with self._model_storage.write_to(self._resource) as folder:
            (folder / "dimensions").write_text(str(self._dimensions), encoding="utf-8")
        return self._resource

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        for message in training_data.training_examples:
            if message.get(TEXT):
                self._add_features(message, self._loaded_encoder().encode(message.get(TEXT)))
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            metadata = message.get("metadata")
            # The dict is the one the tracker will store: taken out here, it is stored nowhere.
            brought = metadata.pop("vector", None) if isinstance(metadata, dict) else None
            vector = self._usable(brought)
            self._add_features(message, self._own(message) if vector is None else vector)
        return messages

    def _usable(self, brought: object) -> np.ndarray | None:
        if not isinstance(brought, list) or len(brought) != self._dimensions:
            return None
        try:
            vector = np.asarray(brought, dtype=np.float32)
        except (TypeError, ValueError):
            return None
        return vector if bool(np.isfinite(vector).all()) else None

    def _own(self, message: Message) -> np.ndarray:
        nothing = np.zeros(self._dimensions or 0, dtype=np.float32)
        try:
            vector = self._loaded_encoder().encode(message.get(TEXT) or "")
        except ModelMissing:
            return nothing
        return vector if len(vector) == self._dimensions else nothing

    def _loaded_encoder(self) -> Encoder:
        if self._encoder is None:
            self._encoder = Encoder(Path(os.environ.get("CLINIC_MODELS", "var/models")))
        return self._encoder

    def _add_features(self, message: Message, vector: np.ndarray) -> None:
        scaled = (vector * self._scale).reshape(1, -1)
        message.add_features(Features(scaled, FEATURE_TYPE_SENTENCE, TEXT, self._identifier))
