"""How well questions are put together by meaning: `./clinic bench groups`.

Public requests with their intents (tests/data/clinc150), as patients would send them: many of few
intents, few of many. The threshold was chosen on one half of the intents; the other half judges.
Adjusted Rand index, 1 is the labels' own grouping, 0 is chance. k-means is told how many there are,
or guesses by the usual rule; HDBSCAN's outliers are groups of one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.metrics import adjusted_rand_score

from benchmarks.report import keep
from search.encoder import Encoder, Vectors, load_encoder
from web.articles.grouping import groups_of

ROOT = Path(__file__).resolve().parent.parent
REQUESTS = ROOT / "tests" / "data" / "clinc150" / "in_scope.tsv"
DRAWS = 5
SEED = 1

Labels = NDArray[np.int64]


def run() -> int:
    """Print a row per way of grouping and half, and keep them."""
    encoder = load_encoder(ROOT / "var" / "models")
    halves = _halves(_by_intent())
    rows = []
    print(f"{'':<28}" + "".join(f"{name:>12}" for name in halves))
    draws = {name: [_draw(half, encoder, n) for n in range(DRAWS)] for name, half in halves.items()}
    for way, group in WAYS.items():
        scores = {
            name: round(mean(adjusted_rand_score(y, group(v, y)) for v, y in some), 3)
            for name, some in draws.items()
        }
        print(f"{way:<28}" + "".join(f"{score:>12.3f}" for score in scores.values()), flush=True)
        rows.append({"way": way, **scores})
    print(f"kept in {keep('groups', {'draws': DRAWS, 'rows': rows})}")
    return 0


def _by_intent() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in REQUESTS.read_text(encoding="utf-8").splitlines()[1:]:
        text, intent = line.split("\t")
        found.setdefault(intent, []).append(text)
    return found


def _halves(intents: dict[str, list[str]]) -> dict[str, list[list[str]]]:
    names = sorted(intents)
    random.Random(SEED).shuffle(names)
    at = len(names) // 2
    return {
        "chosen on": [intents[name] for name in names[:at]],
        "judged on": [intents[name] for name in names[at:]],
    }


def _draw(half: Sequence[list[str]], encoder: Encoder, seed: int) -> tuple[Vectors, Labels]:
    """Draw a few of most intents and many of some, as patients ask."""
    chance = random.Random(seed)
    texts, labels = [], []
    for number, some in enumerate(half):
        count = min(len(some), int(2 * chance.paretovariate(1)))
        texts += chance.sample(some, count)
        labels += [number] * count
    return encoder.encode(texts), np.array(labels)


def _ours(vectors: Vectors, _: Labels) -> Labels:
    labels = np.empty(len(vectors), dtype=np.int64)
    for number, rows in enumerate(groups_of(vectors)):
        labels[rows] = number
    return labels


def _k_means(vectors: Vectors, k: int) -> Labels:
    return np.asarray(KMeans(k, n_init=4, random_state=SEED).fit_predict(vectors))


def _hdbscan(vectors: Vectors, smallest: int) -> Labels:
    labels = np.array(HDBSCAN(min_cluster_size=smallest, copy=True).fit_predict(vectors))
    alone = labels < 0
    labels[alone] = labels.max() + 1 + np.arange(alone.sum())
    return labels


WAYS: dict[str, Callable[[Vectors, Labels], Labels]] = {
    "ours (average linkage)": _ours,
    "k-means, told how many": lambda vectors, labels: _k_means(vectors, len(set(labels.tolist()))),
    "k-means, root of n/2": lambda vectors, _: _k_means(vectors, int((len(vectors) / 2) ** 0.5)),
    "HDBSCAN, 2 or more": lambda vectors, _: _hdbscan(vectors, 2),
    "HDBSCAN, 5 or more": lambda vectors, _: _hdbscan(vectors, 5),
}
