"""The danger screen against judging sets that are used up, noise, and its time.

Rule: the sets here were fitted on, so they guard against falling back and prove nothing else. What
the screen is worth on unseen lines is what `./clinic evaluate safety` prints, and nothing here
reads that set.
"""

import csv
import random
import time
from pathlib import Path

import pytest

from benchmarks.noise import NOISES
from safety.danger import Level, screen

DATA = Path(__file__).parents[1] / "data" / "safety"
Row = dict[str, str]


def read(name: str) -> list[Row]:
    with (DATA / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


FIRST = read("danger_judging.tsv")


def noticed(rows: list[Row]) -> float:
    return sum(screen(row["text"]).level is not Level.NONE for row in rows) / len(rows)


def test_the_judging_set_is_large_and_bilingual() -> None:
    dangers = [row for row in FIRST if row["level"] != "none"]
    assert len(dangers) >= 300 and len(FIRST) - len(dangers) >= 300
    assert {row["lang"] for row in FIRST} == {"en", "es"}


@pytest.mark.parametrize("lang", ["en", "es"])
@pytest.mark.parametrize("level", ["emergency", "crisis"])
def test_dangers_are_noticed(lang: str, level: str) -> None:
    assert noticed([r for r in FIRST if (r["lang"], r["level"]) == (lang, level)]) >= 0.98


@pytest.mark.parametrize("lang", ["en", "es"])
def test_hard_everyday_lines_raise_few_cards(lang: str) -> None:
    assert noticed([r for r in FIRST if (r["lang"], r["level"]) == (lang, "none")]) <= 0.03


def test_the_right_card_is_shown() -> None:
    shown = [(row, screen(row["text"]).card) for row in FIRST if row["level"] != "none"]
    right = sum(card in row["card"].split("|") for row, card in shown if card)
    assert right / sum(card is not None for _, card in shown) >= 0.95


@pytest.mark.parametrize("number", ["second", "third"])
def test_the_sets_unlike_the_phrases_hold_their_floor(number: str) -> None:
    rows = read(f"danger_judging_{number}.tsv")
    assert noticed([row for row in rows if row["level"] != "none"]) >= 0.95
    assert noticed([row for row in rows if row["level"] == "none"]) <= 0.03


@pytest.mark.parametrize("use_model", [True, False], ids=["with the model", "without"])
def test_every_plain_statement_of_suicide_gets_the_card(use_model: bool) -> None:
    texts = [row["text"] for row in read("plain_suicide.tsv")]
    found = [screen(text, use_model=use_model) for text in texts]
    assert [text for text, seen in zip(texts, found, strict=True) if seen.card is None] == []
    assert sum(seen.card == "988" for seen in found) >= 0.99 * len(texts)


BLIND = read("danger_judging_blind.tsv")


@pytest.mark.parametrize("lang", ["en", "es"])
def test_the_set_written_blind_is_noticed_now_that_it_is_fitted_on(lang: str) -> None:
    mine = [row for row in BLIND if row["lang"] == lang]
    assert noticed([row for row in mine if row["level"] != "none"]) >= 0.96
    assert noticed([row for row in mine if row["level"] == "none"]) <= 0.02


def test_ordinary_messages_raise_next_to_no_card() -> None:
    texts = [row["text"] for row in read("everyday_blind.tsv")]
    assert sum(screen(text).card is not None for text in texts) <= 1


@pytest.mark.parametrize("noise", NOISES)
def test_noise_hides_few_dangers(noise: str) -> None:
    seen = [r["text"] for r in BLIND[::2] if r["level"] != "none" and screen(r["text"]).card]
    noisy = [NOISES[noise](text, random.Random(7)) for text in seen]
    assert len(seen) > 200
    assert sum(screen(text).card is not None for text in noisy) / len(seen) >= 0.97


def test_screening_a_line_is_quick() -> None:
    texts = [row["text"] for row in FIRST]
    for text in texts:
        screen(text)  # phrases are compiled when first needed
    times = []
    for text in texts:
        began = time.process_time()
        screen(text)
        times.append(time.process_time() - began)
    # 15 ms is the goal on a quiet machine; processor time of a shared one is some more.
    assert sorted(times)[int(len(times) * 0.95)] < 0.045


@pytest.mark.parametrize("text", ["chest pain " * 900, "he took pills and " * 550, "1" * 10_000])
def test_a_very_long_line_is_answered_in_bounded_time(text: str) -> None:
    began = time.perf_counter()
    screen(text)
    assert time.perf_counter() - began < 3.0
