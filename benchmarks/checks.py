"""How many contradictions and duplicates the editor's checks find: `./clinic bench checks`.

Planted cases (tests/data/checks): those of the choosing half chose weights and thresholds, the
held-out ones were frozen before that and only judge. Each contradiction is tried as an article of
its own and as a section of another article, and with the true value, where the check has to be
silent. False alarms are pairs of shipped articles; these chose, too. `fit` prints the weights.
"""

from __future__ import annotations

import csv
import random
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.report import keep
from search.articles import Article
from search.encoder import Encoder, load_encoder
from search.index import Index, build
from web.articles.claims import claims_of
from web.articles.contradictions import FEATURES, Contradictions
from web.articles.duplicates import Duplicates
from web.config import load_settings

ROOT = Path(__file__).resolve().parent.parent
CASES = ROOT / "tests" / "data" / "checks"
HALVES = ("choosing", "held-out")
GOAL = {"recall": 0.8, "false_alarms": 2}
VALUE = re.compile(r"\[\[(.+?)\|(.+?)\]\]")
WRONG, RIGHT = r"\1", r"\2"

Row = Mapping[str, str]


def run() -> int:
    """Print the figures of both checks and keep them; 0, for what is missed is told."""
    encoder = load_encoder(ROOT / "var" / "models")
    index = shipped(encoder)
    figures = {
        "goal": GOAL,
        "contradictions": _contradictions(index, encoder),
        "duplicates": _duplicates(index, encoder),
        "speed": _speed(index, encoder),
    }
    for name, some in figures.items():
        print(name, some, flush=True)
    print(f"kept in {keep('checks', figures)}")
    return 0


def shipped(encoder: Encoder) -> Index:
    """Return the demo clinic's articles, phones and hours filled in."""
    settings = load_settings()
    facts = settings.facts("en") | {f"es:{k}": text for k, text in settings.facts("es").items()}
    return build(ROOT / "kb_articles", encoder, facts=facts, learn=False)[0]


def rows(name: str) -> list[Row]:
    with (CASES / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


# Contradictions -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    against: frozenset[str]
    half: str
    wrong: Article
    right: Article


def cases(index: Index, *, hosted: bool) -> Iterator[Case]:
    """hosted: as a section of an article about something else."""
    for number, row in enumerate(rows("contradictions")):
        against = frozenset(row["against"].split(","))
        host = _host(index, row, against, number) if hosted else None
        wrong, right = (_planted(index, row, value, host) for value in (WRONG, RIGHT))
        yield Case(against, row["half"], wrong, right)


def _host(index: Index, row: Row, against: frozenset[str], number: int) -> Article:
    others = [
        each
        for each in index.articles.values()
        if each.lang == row["lang"] and each.id not in against
    ]
    return random.Random(number).choice(others)


def _planted(index: Index, row: Row, value: str, host: Article | None) -> Article:
    text = VALUE.sub(value, row["text"])
    if host is not None:
        return replace(host, body=f"{host.body}\n\n## {row['title']}\n\n{text}\n")
    return _alone(index, row, text)


def _alone(index: Index, row: Row, text: str) -> Article:
    like = next(iter(index.articles.values()))
    return replace(
        like,
        id=f"{row['lang']}/planted",
        title=row["title"],
        lang=row["lang"],
        summary="",
        questions=(),
        body=text,
        translation_of="",
    )


def _contradictions(index: Index, encoder: Encoder) -> dict[str, Any]:
    known = Contradictions(index, encoder, load_settings().own_numbers)
    pairs = {
        frozenset((article.id, denial.article))
        for article in index.articles.values()
        for denial in known.of(article)
    }
    figures: dict[str, Any] = {"false_alarms_on_shipped_articles": len(pairs)}
    for hosted in (False, True):
        every = list(cases(index, hosted=hosted))
        for half in HALVES:
            some = [case for case in every if case.half == half]
            place = "as a section" if hosted else "alone"
            figures[f"{half}, {place}"] = _judged(known, some, _own_alarms(known, index))
    return figures


def _own_alarms(known: Contradictions, index: Index) -> set[tuple[str, str]]:
    """Return what hosts are warned of without a planted section."""
    return {
        (article.id, denial.own.said)
        for article in index.articles.values()
        for denial in known.of(article)
    }


def _judged(
    known: Contradictions, some: Sequence[Case], own: set[tuple[str, str]]
) -> dict[str, Any]:
    def named(article: Article) -> set[str]:
        new = (each for each in known.of(article) if (article.id, each.own.said) not in own)
        return {each.article for each in new}

    found = [named(case.wrong) for case in some]
    silent = [not named(case.right) for case in some]
    hits = sum(bool(case.against & names) for case, names in zip(some, found, strict=True))
    return {
        "cases": len(some),
        "warned": sum(map(bool, found)),
        "right_article": hits,
        "recall": round(hits / len(some), 3),
        "alarms_at_the_true_value": len(some) - sum(silent),
    }


# Duplicates ---------------------------------------------------------------------------------------


def _duplicates(index: Index, encoder: Encoder) -> dict[str, Any]:
    known = Duplicates(index, encoder)
    pairs = {
        frozenset((article.id, twin.article))
        for article in index.articles.values()
        if (twin := known.of(article)) is not None
    }
    figures: dict[str, Any] = {"false_alarms_on_shipped_articles": len(pairs)}
    for half in HALVES:
        some = [row for row in rows("duplicates") if row["half"] == half]
        twins = [(row["of"], known.of(_alone(index, row, row["text"]))) for row in some]
        named = [(of, twin.article if twin else "") for of, twin in twins]
        hits = sum(bool(of) and of == name for of, name in named)
        count = sum(bool(of) for of, _ in named)
        figures[half] = {
            "cases": count,
            "warned": sum(bool(of) and bool(name) for of, name in named),
            "right_article": hits,
            "recall": round(hits / count, 3),
            "new_topics": len(some) - count,
            "alarms_at_new_topics": sum(not of and bool(name) for of, name in named),
        }
    return figures


# Speed --------------------------------------------------------------------------------------------


def _speed(index: Index, encoder: Encoder) -> dict[str, float]:
    """Return seconds to look at a shipped article for the first time, and again after a change."""
    known, twins = (
        Contradictions(index, encoder, load_settings().own_numbers),
        Duplicates(index, encoder),
    )
    some = list(index.articles.values())
    started = time.perf_counter()
    known.of(some[0])
    begun = time.perf_counter() - started
    first: list[float] = []
    again: list[float] = []
    for article in some[1:41]:
        edited = replace(article, body=f"{article.body}\n\nThe roof is closed for 3 days.\n")
        for seen, times in ((article, first), (edited, again)):
            started = time.perf_counter()
            known.of(seen)
            twins.of(seen)
            times.append(time.perf_counter() - started)
    return {
        "once_per_index_s": round(begun, 3),
        "first_look_p50_s": round(median(first), 3),
        "first_look_most_s": round(max(first), 3),
        "after_an_edit_p50_s": round(median(again), 3),
    }


# Fitting ------------------------------------------------------------------------------------------


def fit() -> int:
    """Print weights: planted claims and what they deny are about one thing, shipped pairs not."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    encoder = load_encoder(ROOT / "var" / "models")
    index = shipped(encoder)
    known = Contradictions(index, encoder, load_settings().own_numbers)
    table = [*_of_planted(index, known), *_of_shipped(index, known)]
    values = np.array([row for row, _ in table])
    labels = np.array([label for _, label in table])
    scale = StandardScaler().fit(values)
    model = LogisticRegression(max_iter=5_000).fit(scale.transform(values), labels)
    weights = model.coef_[0] / scale.scale_
    for name, weight in zip(FEATURES, weights, strict=True):
        print(f'    "{name}": {weight:.2f},')
    print(f"BIAS = {model.intercept_[0] - weights @ scale.mean_:.2f}")
    return 0


def _of_planted(index: Index, known: Contradictions) -> Iterator[tuple[np.ndarray, bool]]:
    for hosted in (False, True):
        for case in cases(index, hosted=hosted):
            if case.half != "choosing":
                continue
            true = zip(claims_of(case.wrong), claims_of(case.right), strict=True)
            for claim, meant in true:
                if claim == meant:
                    continue
                rivals = known.rivals(claim, case.wrong)
                nearest, table = known.compared(claim, case.wrong, rivals)
                for rival, row in zip(nearest, table, strict=True):
                    is_it = index.names[rival.article] in case.against
                    if is_it and rival.claim.amount.meets(meant.amount):
                        yield row, True
                    elif not is_it and claim.denies(rival.claim):
                        yield row, False


def _of_shipped(index: Index, known: Contradictions) -> Iterator[tuple[np.ndarray, bool]]:
    for article in index.articles.values():
        for claim in claims_of(article):
            rivals = known.rivals(claim, article)
            if not rivals or known.is_known_phone(claim, rivals):
                continue
            nearest, table = known.compared(claim, article, rivals)
            for rival, row in zip(nearest, table, strict=True):
                if known.denies(claim, article, rival):
                    yield row, False


if __name__ == "__main__":
    sys.exit(fit() if sys.argv[1:] == ["fit"] else run())
