# ruff: noqa: T201 - a tool to run by hand: it prints.
"""Fit search/confidence.json on public sets, and say how well it does on unseen articles.

Run by hand when the ranking or a signal changes (12 minutes on one core, 5 the next time):

    .venv/bin/python tests/search/fit_confidence.py --medquad DIR --covid DIR --clinc FILE [--write]

DIR: a folder with articles/ and its questions (tests/data/README.md names the sets). The articles
are cut in two halves that share none; each half is also cut into knowledge bases of 200 to 5
articles, where the questions of what was cut away are near misses. Weights fitted on one half are
judged on the other; `--write` then fits on both. Needs torch.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import itertools
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from search import answer, learning
from search.answer import LISTED
from search.articles import Article, parse_article
from search.assembly import assemble
from search.confidence import FARTHEST, WEIGHTS_FILE, Model
from search.encoder import Encoder, Vectors, load_encoder
from search.index import Index, build
from search.language import notice_language
from search.ranking import View, rank
from search.signals import NAMES, signals
from search.storage import IndexDamaged, IndexMissing, load, save
from search.text import words_of
from search.thresholds import Thresholds
from search.views import views_of

SIZES = {"medquad": (200, 100, 50, 50, 25, 25, 10, 10, 5, 5), "covid": (40, 20, 10)}
# Requests to a virtual assistant, one article for each intent: they say one thing in many words, as
# patients do who ask for the front desk. Half of these bases have sample questions.
REQUEST_SIZES = (55, 55, 30, 30, 15, 15, 8, 8)
SMALL_TALK = frozenset(
    "alarm calculator change_accent change_ai_name change_speed change_user_name change_volume "
    "definition do_you_have_pets flip_coin fun_fact goodbye greeting how_old_are_you maybe "
    "next_song no repeat spelling tell_joke thank_you timer user_name what_can_i_ask_you "
    "what_is_your_name what_song where_are_you_from whisper_mode who_do_you_work_for yes make_call "
    "time date".split()
)
# Asked of a clinic, too.
LIKE_A_CLINICS = frozenset(
    "insurance insurance_change bill_balance bill_due pay_bill vaccines directions translate "
    "schedule_meeting meeting_schedule nutrition_info reset_settings current_location uber traffic "
    "are_you_a_bot change_language how_busy report_lost_card order_status distance cancel "
    "confirm_reservation cancel_reservation accept_reservations report_fraud".split()
)
FAR_QUESTIONS = 400
NETWORKS, HIDDEN, TURNS, RATE = 3, 16, 40, 3e-3
SET_WEIGHT = {"medquad": 1.0, "covid": 2.0, "requests": 2.0, "clinic": 2.0}


@dataclass
class Question:
    text: str
    gold: frozenset[str]
    kind: str


@dataclass
class Base:
    """One knowledge base with the signals of the questions put to it."""

    name: str
    half: int
    size: int
    index: Index
    is_whole: bool = False
    """Holds all articles, so no weights are fitted on it: a half judges its own questions."""
    kinds: list[str] = field(default_factory=list)
    inside: list[bool] = field(default_factory=list)
    first: list[bool] = field(default_factory=list)
    first3: list[bool] = field(default_factory=list)
    by_meaning: list[Any] = field(default_factory=list)
    by_words: list[Any] = field(default_factory=list)
    left_out: list[Any] = field(default_factory=list)
    one_topic: float = 0.0
    shipped: list[Any] = field(default_factory=list)


class Remembering:
    """An encoder that embeds each text once: the same questions are put to many knowledge bases."""

    def __init__(self, encoder: Encoder) -> None:
        self.recipe = encoder.recipe
        self._encoder = encoder
        self._seen: dict[str, Vectors] = {}

    def encode(self, texts: Sequence[str]) -> Vectors:
        for text in texts:
            if text not in self._seen:
                self._seen[text] = self._encoder.encode([text])[0]
        return np.stack([self._seen[text] for text in texts])


def main() -> None:
    arguments, started = read_arguments(), time.monotonic()
    say(started, "embedding the articles, the first time for about 6 minutes")
    encoder = Remembering(load_encoder(arguments.models))
    bases = []
    for base in every_base(arguments, encoder):
        bases.append(base)
        what = f"{base.name} half {base.half}, {base.size} articles: {len(base.kinds)} questions"
        say(started, what)
    fitted = {}
    for half in (0, 1):
        fitted[half] = fit_all([base for base in bases if base.half != half])
        say(started, f"weights fitted without half {half}")
    report(bases, fitted)
    if arguments.write:
        write(fit_all(bases))
        say(started, f"{WEIGHTS_FILE} written, from both halves")


def say(started: float, text: str) -> None:
    print(f"{time.monotonic() - started:5.0f} s  {text}", flush=True)


def every_base(arguments: argparse.Namespace, encoder: Encoder) -> Iterator[Base]:
    for name in ("medquad", "covid"):
        yield from knowledge_bases(name, getattr(arguments, name), arguments, encoder)
    yield from request_bases(arguments, encoder)
    yield from clinic_bases(arguments, encoder)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Fit search/confidence.json")
    parser.add_argument("--medquad", type=Path, required=True)
    parser.add_argument("--covid", type=Path, required=True)
    parser.add_argument("--clinc", type=Path, required=True)
    parser.add_argument("--clinic", type=Path, default=Path("kb_articles"))
    parser.add_argument("--models", type=Path, default=Path("var/models"))
    parser.add_argument("--indexes", type=Path, default=Path("var/fit"))
    parser.add_argument("--write", action="store_true")
    return parser.parse_args()


def knowledge_bases(
    name: str, folder: Path, arguments: argparse.Namespace, encoder: Encoder
) -> Iterator[Base]:
    whole = whole_index(folder / "articles", arguments.indexes / name, encoder)
    questions = read_questions(name, folder)
    for half in (0, 1):
        names = [article for article in whole.articles if half_of(article) == half]
        mine = [question for question in questions if belongs(question, names, half)]
        far = far_questions(arguments.clinc, half)
        base = Base(name, half, len(whole.articles), whole, is_whole=True)
        fill(base, [q for q in questions if half_of_question(q) == half] + far, encoder)
        yield base
        for turn, size in enumerate((len(names), *SIZES[name])):
            chance = random.Random(turn * 7 + half)
            chosen = set(names) if size >= len(names) else set(chance.sample(names, size))
            base = Base(name, half, len(chosen), assemble(part_of(whole, chosen), encoder, whole))
            fill(base, pick(mine, chosen, far, chance, is_whole=turn == 0), encoder)
            yield base


def request_bases(arguments: argparse.Namespace, encoder: Encoder) -> Iterator[Base]:
    """Make knowledge bases of intents; the other half's intents are their near misses."""
    said: dict[str, list[str]] = {}
    for row in read_rows(arguments.clinc):
        if row["intent"] not in SMALL_TALK:
            said.setdefault(row["intent"], []).append(row["text"])
    odd = [q for q in read_questions("medquad", arguments.medquad) if q.kind == "short"]
    for half in (0, 1):
        intents = sorted(intent for intent in said if half_of(intent) == half)
        others = [Question(said[i][20], frozenset(), "request") for i in said if i not in intents]
        far = [Question(q.text, frozenset(), "far") for q in odd if half_of(q.text) == half][:150]
        for turn, size in enumerate(REQUEST_SIZES):
            chance = random.Random(turn * 11 + half)
            chosen = chance.sample(intents, min(size, len(intents)))
            samples = 3 * (turn % 2)
            articles = {i: request_article(i, said[i], samples) for i in sorted(chosen)}
            base = Base("requests", half, len(chosen), assemble(articles, encoder))
            asked = [Question(t, frozenset({i}), "request") for i in chosen for t in said[i][20:26]]
            left = [i for i in intents if i not in chosen]
            near = others + [Question(said[i][21], frozenset(), "request") for i in left]
            fill(base, asked + near + chance.sample(far, 50), encoder)
            yield base


def request_article(intent: str, said: list[str], samples: int) -> Article:
    questions = "".join(f"- {text}\n" for text in said[2 : 2 + samples])
    text = f"---\ntitle: {said[0]}\nlang: en\nquestions:\n{questions}---\n{said[1]}. {said[10]}.\n"
    return parse_article(intent, text.encode(), {})


def clinic_bases(arguments: argparse.Namespace, encoder: Encoder) -> Iterator[Base]:
    """Halves of our own articles; every second sample question asks, those of the other half miss.

    Spanish and English are bases of their own.
    """
    whole = whole_index(arguments.clinic, arguments.indexes / "clinic", encoder)
    odd = [q for q in read_questions("medquad", arguments.medquad) if q.kind == "short"]
    talk = [r["text"] for r in read_rows(arguments.clinc) if r["intent"] in SMALL_TALK]
    trades: dict[int, list[str]] = {0: [], 1: []}
    for row in read_rows(arguments.clinc):
        if row["intent"] not in SMALL_TALK | LIKE_A_CLINICS:
            trades[half_of(row["intent"])].append(row["text"])
    for lang, half, turn in itertools.product(("en", "es"), (0, 1), (0, 1, 2, 3)):
        names = [name for name in whole.articles if name.startswith(f"{lang}/")]
        mine = [name for name in names if half_of(name) == half]
        chance = random.Random(turn * 13 + half)
        chosen = mine if turn < 2 else sorted(chance.sample(mine, 12))
        asks = {name: whole.articles[name].questions[turn % 2 :: 2] for name in names}
        articles = {
            name: replace(
                whole.articles[name],
                questions=tuple(q for q in whole.articles[name].questions if q not in asks[name]),
            )
            for name in chosen
        }
        base = Base("clinic", half, len(chosen), assemble(articles, encoder))
        kind = f"clinic-{lang}"
        questions = [Question(q, frozenset({name}), kind) for name in chosen for q in asks[name]]
        others = [q for name in names if half_of(name) != half for q in asks[name]]
        near = [Question(q, frozenset(), kind) for q in others]
        far = [Question(text, frozenset(), "far") for text in chance.sample(talk, 30)]
        far += [Question(q.text, frozenset(), "far") for q in odd if half_of(q.text) == half][:30]
        far += [Question(text, frozenset(), "far") for text in chance.sample(trades[half], 80)]
        fill(base, questions + near + (far if lang == "en" else []), encoder, lang)
        yield base


def whole_index(articles: Path, directory: Path, encoder: Encoder) -> Index:
    try:
        previous: Index | None = load(directory)
    except (IndexMissing, IndexDamaged):
        previous = None
    index, _ = build(articles, encoder, previous=previous, learn=False)
    save(index, directory)
    return index


def read_questions(name: str, folder: Path) -> list[Question]:
    if name == "covid":
        rows = read_rows(folder / "questions.tsv")
        return [Question(r["query"], golds(r["articles"]), "covid") for r in rows]
    rows = read_rows(folder / "medquad_queries.tsv")
    return [
        Question(
            row["query"],
            golds(row["article_ids"]),
            "lay" if row["source"] == "lay" else row["form"],
        )
        for row in rows
    ]


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def golds(text: str) -> frozenset[str]:
    return frozenset(part for part in text.split("|") if part)


def half_of(text: str) -> int:
    return int(hashlib.md5(text.encode()).hexdigest(), 16) % 2


def belongs(question: Question, names: list[str], half: int) -> bool:
    if question.gold:
        return question.gold <= set(names)
    return half_of_question(question) == half


def half_of_question(question: Question) -> int:
    return half_of(min(question.gold) if question.gold else question.text.lower()[:12])


def far_questions(path: Path, half: int) -> list[Question]:
    rows = [row for row in read_rows(path) if half_of(row["intent"]) == half]
    random.Random(0).shuffle(rows)
    return [Question(row["text"], frozenset(), "far") for row in rows[:FAR_QUESTIONS]]


def part_of(whole: Index, chosen: set[str]) -> dict[str, Article]:
    return {name: article for name, article in whole.articles.items() if name in chosen}


def pick(
    mine: list[Question],
    chosen: set[str],
    far: list[Question],
    chance: random.Random,
    *,
    is_whole: bool,
) -> list[Question]:
    inside = [question for question in mine if question.gold & chosen]
    outside = [question for question in mine if not question.gold & chosen]
    limit = len(outside) if is_whole else max(40, int(len(inside) * 1.5))
    near = chance.sample(outside, min(limit, len(outside)))
    return inside + near + chance.sample(far, min(len(far), max(30, len(inside) // 4)))


def fill(base: Base, questions: list[Question], encoder: Encoder, lang: str = "en") -> None:
    left_out = [
        learning.leave_out(base.index, *own) for own in learning.own_questions(base.index, lang)
    ]
    shipped = [
        learning.ask_far(base.index, text, encoder)
        for text in learning.far_away()
        if notice_language(text) == lang
    ]
    base.one_topic = learning.one_topic(left_out, base.size)
    base.shipped = [asked.signals(base.index) for asked in shipped]
    base.left_out = [asked.signals(base.index) for asked in left_out]
    for question in questions:
        views = views_of(question.text, lang, encoder)
        ranked = rank(base.index, views, lang)
        words = words_of(question.text)
        names = [base.index.names[number] for number in dict.fromkeys(ranked.articles.tolist())]
        base.kinds.append(question.kind)
        base.inside.append(bool(question.gold & base.index.articles.keys()))
        base.first.append(bool(question.gold.intersection(names[:1])))
        base.first3.append(bool(question.gold.intersection(names[:3])))
        base.by_meaning.append(signals(base.index, ranked, words, lang))
        bare = rank(base.index, [View(None, view.terms) for view in views], lang)
        base.by_words.append(signals(base.index, bare, words, lang))


def fit_all(bases: list[Base]) -> dict[str, Model]:
    bases = [base for base in bases if not base.is_whole]
    models = {}
    for kind, ending in (("by_meaning", ""), ("by_words", "_by_words")):
        values = [np.array(getattr(base, kind)) for base in bases]
        every = [np.ones(len(base.kinds), dtype=bool) for base in bases]
        even = [np.full(len(b.kinds), SET_WEIGHT[b.name] / np.sqrt(len(b.kinds))) for b in bases]
        models[f"right{ending}"] = fit(values, [base.first for base in bases], every, even)
        models[f"listed{ending}"] = fit(values, [base.first3 for base in bases], every, even)
        far = [np.array([kind == "far" for kind in base.kinds]) for base in bases]
        use = [np.array(b.first3) | f for b, f in zip(bases, far, strict=True)]
        # Those far away count together as much as those with an answer.
        fair = [
            np.sqrt(u.sum()) / np.where(f, f.sum(), (u & ~f).sum() or 1)
            for u, f in zip(use, far, strict=True)
        ]
        models[f"about{ending}"] = fit(values, [~f for f in far], use, fair)
    return models


def fit(values: list[Any], labels: list[Any], use: list[Any], weights: list[Any]) -> Model:
    """Fit some small networks and join them into one: their mean strays less than each."""
    chosen = np.concatenate(use)
    wanted = np.concatenate(labels)[chosen].astype(float)
    weight = np.concatenate(weights)[chosen]
    values = np.concatenate(values)[chosen]
    middle, spread = values.mean(axis=0), np.maximum(values.std(axis=0), 0.02)
    scaled = np.clip((values - middle) / spread, -FARTHEST, FARTHEST)
    nets = [train(scaled, wanted, weight / weight.mean(), seed) for seed in range(NETWORKS)]
    return Model(
        middle,
        spread,
        inner=np.concatenate([net[0].weight.detach().numpy().T for net in nets], axis=1),
        inner_bias=np.concatenate([net[0].bias.detach().numpy() for net in nets]),
        outer=np.concatenate([net[3].weight.detach().numpy()[0] for net in nets]) / NETWORKS,
        bias=float(np.mean([net[3].bias.detach().numpy()[0] for net in nets])),
    )


def train(values: Any, wanted: Any, weights: Any, seed: int) -> Any:
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    x, y, w = (torch.tensor(part, dtype=torch.float32) for part in (values, wanted, weights))
    net = torch.nn.Sequential(
        torch.nn.Linear(x.shape[1], HIDDEN),
        torch.nn.Tanh(),
        torch.nn.Dropout(0.3),
        torch.nn.Linear(HIDDEN, 1),
    )
    steps = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=0.5)
    loss = torch.nn.BCEWithLogitsLoss(reduction="none")
    for turn in range(TURNS):
        for rows in torch.randperm(len(x)).split(512):
            steps.zero_grad()
            (loss(net(x[rows])[:, 0], y[rows]) * w[rows]).mean().backward()
            steps.step()
        steps.param_groups[0]["lr"] = RATE * (1 - turn / TURNS) + 1e-5
    return net


def report(bases: list[Base], models: dict[int, dict[str, Model]]) -> None:
    """Print what weights fitted on the other half do, by kind of question and size of the base."""
    sums: dict[str, Any] = {}
    for base in bases:
        fitted = models[base.half]
        values = np.array(base.by_meaning)
        chance = np.array([fitted["right"].probability(row) for row in values])
        among = np.array([fitted["listed"].probability(row) for row in values])
        about = np.array([fitted["about"].probability(row) for row in values])
        thresholds = thresholds_of(base, fitted)
        answered = chance >= [answer.needed(row, thresholds) for row in values]
        listed = (about >= thresholds.choices) & (among >= LISTED)
        inside, first, first3 = map(np.array, (base.inside, base.first, base.first3))
        size = "large" if base.size > 150 else "middle" if base.size >= 40 else "small"
        size = "whole" if base.is_whole else size
        for kind in dict.fromkeys(base.kinds):
            own = np.array([k == kind for k in base.kinds])
            total = sums.setdefault(f"{kind:6} {size:6}", np.zeros(9))
            helped = (answered & first) | (~answered & listed & first3)
            total += [
                (own & inside).sum(),
                (own & first).sum(),
                (own & first3).sum(),
                (own & answered & first).sum(),
                (own & helped).sum(),
                (own & ~inside).sum(),
                (own & ~inside & answered).sum(),
                (own & ~inside & ~answered & listed).sum(),
                (own & answered).sum(),
            ]
    print(f"{'kind   base':14}   in first first3 right helped |  out answer choices | precision")
    for name, s in sorted(sums.items()):
        n, out = max(1, s[0]), max(1, s[5])
        print(
            f"{name:14} {int(s[0]):4} {s[1] / n:5.3f} {s[2] / n:6.3f} {s[3] / n:5.3f} "
            f"{s[4] / n:6.3f} |"
            f" {int(s[5]):4} {s[6] / out:6.3f} {s[7] / out:7.3f} | {s[3] / max(1, s[8]):.3f}"
        )


def thresholds_of(base: Base, fitted: dict[str, Model]) -> Thresholds:
    return learning.decide(
        [fitted["right"].probability(row) for row in base.left_out],
        [fitted["right"].probability(row) for row in base.shipped],
        [fitted["about"].probability(row) for row in base.shipped],
        base.one_topic,
    )


def write(models: dict[str, Model]) -> None:
    rows = {name: as_row(model) for name, model in models.items()}
    about = (
        "Made by tests/search/fit_confidence.py from MedQuAD, LiveQA, MeQSum (CC-BY-4.0), "
        "COVID-QA (Apache-2.0) and CLINC150 (CC-BY-3.0)."
    )
    # A line for each row of numbers.
    text = json.dumps({"about": about, "models": rows}).replace("], ", "],\n").replace("{", "{\n")
    WEIGHTS_FILE.write_text(text + "\n", encoding="utf-8")


def as_row(model: Model) -> dict[str, Any]:
    """By signal: its middle and spread, then its weight for each hidden unit."""
    columns = np.column_stack((model.middle, model.spread, model.inner))
    return {
        "signals": {name: rounded(row) for name, row in zip(NAMES, columns, strict=True)},
        "inner_bias": rounded(model.inner_bias),
        "outer": rounded(model.outer),
        "bias": round(model.bias, 5),
    }


def rounded(values: Any) -> list[float]:
    return [round(float(value), 5) for value in values]


if __name__ == "__main__":
    main()
