"""The second layer: weights and model that belong together, and cards when a part of it fails."""

import ast
import json
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from safety import danger as danger_module
from safety import meaning
from safety.danger import Danger, Level, screen
from safety.examples import ExamplesInvalid, examples, examples_digest
from safety.kinds import kinds
from safety.meaning import (
    MANIFEST,
    MOST_READ,
    WEIGHTS,
    MeaningInvalid,
    parts_to_read,
    typed,
    weights,
)
from safety.tuned import ABOUT, FOLDER, GRAPH, TunedInvalid, log_odds, tuned
from safety.windows import MOST_WINDOWS, windows

ROOT = Path(__file__).parents[2]
MANIFEST_SAYS = json.loads(MANIFEST.read_text(encoding="utf-8"))
# Dangers that no phrase matches: worded for this test, and in no example.
UNPHRASED = [
    "my husband went down in the garden, he is grey and does not answer when I call his name",
    "grandma suddenly talks gibberish and half of her face hangs",
    "se me entumeció todo un lado y no me salen las palabras",
    "I bought the rope and said goodbye to my dog",
]
EVERYDAY = ["where do I park?", "¿cuánto cuesta una consulta?", "can I change my appointment"]


class Failing:
    """A sentence model that fails in a way of its own."""

    def __init__(self, answer: object) -> None:
        self.answer, self.calls = answer, 0

    def read(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.calls += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return np.asarray(self.answer, dtype=np.float32)


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise TunedInvalid

    monkeypatch.setattr(meaning, "tuned", missing)


@pytest.fixture
def no_phrases(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(text: str) -> Iterator[None]:
        yield from ()

    monkeypatch.setattr(danger_module, "_matches", nothing)


def test_the_shipped_weights_belong_to_the_shipped_examples() -> None:
    assert weights().manifest["examples"] == examples_digest(), "run: python -m safety.fit"
    assert set(weights().manifest["kinds"]) == set(kinds())


def test_the_weights_are_small_and_hold_no_pickle() -> None:
    assert WEIGHTS.stat().st_size <= 5_000_000
    with np.load(WEIGHTS, allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files)


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    damaged = tmp_path / WEIGHTS.name
    content = bytearray(WEIGHTS.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    with pytest.raises(MeaningInvalid, match=r"python -m safety\.fit"):
        weights(damaged, MANIFEST)
    with pytest.raises(MeaningInvalid):
        weights(tmp_path / "nowhere.npz", MANIFEST)


def test_without_weights_the_phrases_still_raise_a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> None:
        raise MeaningInvalid

    monkeypatch.setattr(meaning, "weights", gone)
    assert screen("I want to kill myself").card == "988"
    assert screen("no puedo respirar").card == "911"
    assert screen("where do I park?") == Danger(Level.NONE, None, None, ())


@pytest.mark.usefixtures("no_phrases", "no_model")
@pytest.mark.parametrize("text", UNPHRASED)
def test_a_danger_no_phrase_knows_is_noticed_by_its_words(text: str) -> None:
    found = screen(text)
    assert found.card is not None and not found.model
    assert found.why == (f"meaning:{found.kind}",)


@pytest.mark.parametrize("text", UNPHRASED)
def test_the_sentence_model_has_a_say(text: str) -> None:
    found = screen(text)
    assert found.card is not None and found.model


@pytest.mark.parametrize("text", EVERYDAY)
def test_everyday_questions_stay_quiet(text: str) -> None:
    assert screen(text).level is Level.NONE


@pytest.mark.usefixtures("no_model")
@pytest.mark.parametrize("text", EVERYDAY)
def test_everyday_questions_stay_quiet_without_the_model(text: str) -> None:
    assert screen(text) == Danger(Level.NONE, None, None, ())


BROKEN = [
    RuntimeError("gone"), MemoryError(), [[float("nan")] * 29], [], [[1.0, 2.0]], "words",
]  # fmt: skip


@pytest.mark.parametrize("answer", BROKEN, ids=repr)
def test_a_failing_model_costs_nobody_their_card(
    answer: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = Failing(answer)
    monkeypatch.setattr(meaning, "tuned", lambda: failing)
    for text in (*UNPHRASED, "I want to die"):
        assert screen(text).card is not None and not screen(text).model
    assert failing.calls > 0


@pytest.mark.parametrize("name", [GRAPH, "tokenizer.json"])
def test_a_damaged_model_is_refused(name: str, tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "model")
    damaged = bytearray((tmp_path / "model" / name).read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / "model" / name).write_bytes(damaged)
    with pytest.raises(TunedInvalid, match=r"python -m safety\.tune"):
        tuned(tmp_path / "model")
    with pytest.raises(TunedInvalid):
        tuned(tmp_path / "nowhere")


def test_the_model_knows_the_kinds_of_the_table() -> None:
    about = json.loads((FOLDER / ABOUT).read_text(encoding="utf-8"))
    assert about["kinds"] == [*sorted(kinds()), "none"]


def test_the_model_is_small_enough_to_be_kept_here() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 20_000_000


def test_the_model_does_not_tell_where_it_was_made() -> None:
    graph = (FOLDER / GRAPH).read_bytes()
    assert b"site-packages" not in graph and b"stack_trace" not in graph


def test_what_the_model_says_of_a_text_does_not_depend_on_its_company() -> None:
    alone, other = tuned().read(["my chest hurts"]), tuned().read(["open today", "my chest hurts"])
    assert np.array_equal(alone[0], other[1])
    assert log_odds(other)[0] < 0 < log_odds(other)[1]


def test_the_model_reads_every_word_of_a_long_message() -> None:
    words = [f"w{number}" for number in range(300)]
    read = [part.split(" ") for part in parts_to_read(words)]
    assert {word for part in read for word in part} == set(words)
    assert len(parts_to_read(["word"] * 5000)) == MOST_READ and parts_to_read([]) == [""]


def test_the_model_reads_mended_words() -> None:
    assert parts_to_read(typed("my chset hurt and i cant breeth").whole) == [
        "my chest hurt and i cant breath"
    ]


def test_a_half_character_does_not_stop_the_model() -> None:
    assert screen("\ud83d my chest hurts and my arm is numb").model


def test_when_the_phrases_fail_meaning_still_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(text: str) -> Iterator[None]:
        raise RuntimeError

    monkeypatch.setattr(danger_module, "_matches", broken)
    assert all(screen(text).card for text in UNPHRASED)


# What lines of other writers showed when the weights were fitted; floors, not goals. "judged": the
# judging set given up last; "example": the second authors' lines, harder than those.
FLOORS = [
    ("with_model", "noticed: judged", 0.98),
    ("with_model", "noticed: judged es", 0.97),
    ("with_model", "noticed: example", 0.93),
    ("with_model", "noticed: example es", 0.91),
    ("with_model", "noticed: mixed", 0.91),
    ("with_model", "noticed: noisy", 0.92),
    ("without_model", "noticed: judged", 0.95),
]
# Above what the set in use shows: of the set given up last no line was read before.
CEILINGS = [
    ("with_model", "false alarms: judged", 0.07),
    ("with_model", "false alarms: ordinary traffic", 0.007),
    ("without_model", "false alarms: judged", 0.075),
    ("without_model", "false alarms: ordinary traffic", 0.008),
]


@pytest.mark.parametrize(("stack", "name", "floor"), FLOORS)
def test_held_out_dangers_are_noticed(stack: str, name: str, floor: float) -> None:
    hits, total = MANIFEST_SAYS[stack]["figures"][name]
    assert total >= 150 and hits / total >= floor


@pytest.mark.parametrize(("stack", "name", "most"), CEILINGS)
def test_held_out_near_misses_raise_few_cards(stack: str, name: str, most: float) -> None:
    hits, total = MANIFEST_SAYS[stack]["figures"][name]
    assert total >= 400 and hits / total <= most


TRAINING = {"sklearn", "scipy", "torch", "onnx", "transformers"}


def test_screening_imports_nothing_that_fits() -> None:
    run_time = [p for p in (ROOT / "safety").glob("*.py") if p.stem not in ("fit", "tune")]
    assert len(run_time) > 15
    for path in run_time:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & TRAINING, path
            assert not any(name.startswith(("safety.fit", "safety.tune.")) for name in names), path


def test_an_example_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "safety" / "examples", tmp_path / "examples")
    with (tmp_path / "examples" / "en" / "burn.tsv").open("a", encoding="utf-8") as file:
        file.write("sunshine\tno such kind\n")
    with pytest.raises(ExamplesInvalid, match=r"en/burn\.tsv:\d+: .*'sunshine'"):
        examples(tmp_path / "examples")


def test_there_are_enough_examples_of_every_kind_in_both_languages() -> None:
    found = examples()
    assert sum(each.is_danger for each in found) >= 2500
    assert sum(not each.is_danger for each in found) >= 2000
    for lang in ("en", "es"):
        assert {each.kind for each in found if each.lang == lang} == {"none", *kinds()}


def test_a_long_message_is_cut_into_windows_that_hold_all_its_words() -> None:
    text = "I had a lovely weekend with my sister. then my chest began to hurt, and also my arm"
    whole = typed(text)
    kept = [word for window in whole.windows for word in window]
    assert len(whole.windows) >= 2
    assert kept == [word for word in whole.whole if word not in (",", ".")]
    assert windows(["where", "do", "i", "park"]) == []
    assert len(windows(["word"] * 5000)) == MOST_WINDOWS


def test_screening_with_the_model_is_quick() -> None:
    texts = [each.text for each in examples()[::80]]
    for text in texts[:10]:
        screen(text)
    times = []
    for text in texts:
        began = time.process_time()
        screen(text)
        times.append(time.process_time() - began)
    # The goal is 15 ms on a quiet machine; processor time of a shared one is some more.
    assert sorted(times)[int(len(times) * 0.95)] < 0.045
