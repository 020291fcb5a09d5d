"""Rule: words and pieces of words, each weighed by how rare it is, the whole of length 1.

Pieces (2 to 5 letters) hear Spanish endings and misspelling; without accents, as most people type.
Rasa's own counts are not weighed: "i" and "the" speak as loud as "refill", and a long message
louder than a short one. On an author it never read, weighing lifts English from 0.75 to 0.83 and
Spanish from 0.66 to 0.75.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import scipy.sparse
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.featurizers.sparse_featurizer.sparse_featurizer import SparseFeaturizer
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from sklearn.feature_extraction.text import TfidfVectorizer

KINDS: dict[str, dict[str, Any]] = {
    "pieces": {"analyzer": "char_wb", "ngram_range": (2, 5)},
    "words": {"analyzer": "word", "ngram_range": (1, 2), "token_pattern": r"\w+"},
}
# What one example alone contains says nothing of the next.
LEAST_EXAMPLES = 2

Weights = dict[str, dict[str, float]]


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=True)
class WordWeights(SparseFeaturizer, GraphComponent):
    """Give each message its weighed words and pieces, times `words` and `pieces`.

    The classifier's regularisation is fixed, so the two factors say how much each kind counts
    beside the sentence vector.
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {**SparseFeaturizer.get_default_config(), "pieces": 5.0, "words": 4.0}

    def __init__(
        self,
        config: dict[str, Any],
        name: str,
        model_storage: ModelStorage,
        resource: Resource,
        weights: Weights | None = None,
    ) -> None:
        super().__init__(name, config)
        self._factors = {kind: float(config[kind]) for kind in KINDS}
        self._model_storage = model_storage
        self._resource = resource
        self._counters = {kind: _counter(kind, known) for kind, known in (weights or {}).items()}

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        for kind in KINDS:
            if not isinstance(config[kind], (int, float)) or config[kind] <= 0:
                raise InvalidConfigException(
                    f"config.yml WordWeights {kind}: {config[kind]} is not above 0"
                )

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> WordWeights:
        return cls(config, execution_context.node_name, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> WordWeights:
        with model_storage.read_from(resource) as folder:
            weights = json.loads((folder / "weights.json").read_text(encoding="utf-8"))
        return cls(config, execution_context.node_name, model_storage, resource, weights)

    def train(self, training_data: TrainingData) -> Resource:
        """Learn how rare each word and piece is."""
        texts = [each.get(TEXT) for each in training_data.intent_examples if each.get(TEXT)]
        weights = {kind: _learned(kind, texts) for kind in KINDS}
        self._counters = {kind: _counter(kind, known) for kind, known in weights.items()}
        with self._model_storage.write_to(self._resource) as folder:
            (folder / "weights.json").write_text(json.dumps(weights), encoding="utf-8")
        return self._resource

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        self.process(training_data.training_examples)
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            text = message.get(TEXT) or ""
            parts = [
                counter.transform([text]) * self._factors[kind]
                for kind, counter in self._counters.items()
            ]
            features = scipy.sparse.hstack(parts).tocsr()
            message.add_features(Features(features, FEATURE_TYPE_SENTENCE, TEXT, self._identifier))
        return messages


def _learned(kind: str, texts: list[str]) -> dict[str, float]:
    """Return word or piece → weight."""
    counter = _plain(kind, min_df=LEAST_EXAMPLES).fit(texts)
    return dict(zip(counter.get_feature_names_out().tolist(), counter.idf_.tolist(), strict=True))


def _counter(kind: str, weights: dict[str, float]) -> TfidfVectorizer:
    counter = _plain(kind, vocabulary=list(weights))
    counter.idf_ = np.array(list(weights.values()))
    return counter


def _plain(kind: str, **settings: Any) -> TfidfVectorizer:
    # Counted once or twice makes little difference, hence sublinear.
    return TfidfVectorizer(
        strip_accents="unicode", sublinear_tf=True, norm="l2", **KINDS[kind], **settings
    )
