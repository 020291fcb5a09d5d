"""The second layer: weights that belong to their examples, and cards when a part of it fails."""

import ast
import json
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from safety import danger as danger_module
from safety import meaning
from safety.danger import Danger, Level, screen
from safety.examples import ExamplesInvalid, examples, examples_digest
from safety.kinds import CARDS, kinds
from safety.meaning import MANIFEST, WEIGHTS, MeaningInvalid, typed, weights
from safety.windows import MOST, windows
from search.encoder import Encoder, load_encoder

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

    def __init__(self, answer: object, recipe: str = MANIFEST_SAYS["model"]) -> None:
        self.answer, self.recipe, self.calls = answer, recipe, 0

    def encode(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        self.calls += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return np.asarray(self.answer, dtype=np.float32)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder(ROOT / "var" / "models")


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


@pytest.mark.usefixtures("no_phrases")
@pytest.mark.parametrize("text", UNPHRASED)
def test_a_danger_no_phrase_knows_is_noticed_by_its_words(text: str) -> None:
    found = screen(text)
    assert found.card is not None and not found.model
    assert found.why == (f"meaning:{found.kind}",)


@pytest.mark.model
@pytest.mark.parametrize("text", UNPHRASED)
def test_the_sentence_model_has_a_say_where_there_is_one(text: str, encoder: Encoder) -> None:
    found = screen(text, encoder)
    assert found.card is not None and found.model


@pytest.mark.model
@pytest.mark.parametrize("text", EVERYDAY)
def test_everyday_questions_stay_quiet(text: str, encoder: Encoder) -> None:
    assert screen(text).level is screen(text, encoder).level is Level.NONE


BROKEN = [
    RuntimeError("gone"), MemoryError(), [[float("nan")] * 384], [], [[1.0, 2.0]], "words",
]  # fmt: skip


@pytest.mark.parametrize("answer", BROKEN, ids=repr)
def test_a_failing_model_costs_nobody_their_card(answer: object) -> None:
    failing = Failing(answer)
    for text in (*UNPHRASED, "I want to die"):
        assert screen(text, failing) == screen(text)
    assert failing.calls > 0


def test_a_model_the_weights_were_not_fitted_with_is_left_alone() -> None:
    other = Failing(RuntimeError(), recipe="another-model")
    assert screen(UNPHRASED[0], other) == screen(UNPHRASED[0])
    assert other.calls == 0


@pytest.mark.parametrize("number", ["int8", "float32"])
def test_the_same_model_in_other_numbers_is_used(number: str) -> None:
    recipe = f"all-minilm-l6-v2-53aa5117-{number}-mean-256"
    assert weights().fits(Failing(None, recipe))


def test_when_the_phrases_fail_meaning_still_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(text: str) -> Iterator[None]:
        raise RuntimeError

    monkeypatch.setattr(danger_module, "_matches", broken)
    assert all(screen(text).card for text in UNPHRASED)


# What held-out folds of the examples showed when the weights were fitted; floors, not goals.
FLOORS = [
    ("with_model", "noticed: example", 0.79),
    ("with_model", "noticed: example es", 0.74),
    ("with_model", "noticed: mixed", 0.70),
    ("with_model", "noticed: noisy", 0.74),
    ("without_model", "noticed: example", 0.70),
]
CEILINGS = [
    (stack, name, most)
    for stack in ("with_model", "without_model")
    for name, most in (("false alarms: example", 0.0305), ("false alarms: ordinary traffic", 0.012))
]


@pytest.mark.parametrize(("stack", "name", "floor"), FLOORS)
def test_held_out_dangers_are_noticed(stack: str, name: str, floor: float) -> None:
    hits, total = MANIFEST_SAYS[stack]["figures"][name]
    assert total >= 500 and hits / total >= floor


@pytest.mark.parametrize(("stack", "name", "most"), CEILINGS)
def test_held_out_near_misses_raise_few_cards(stack: str, name: str, most: float) -> None:
    hits, total = MANIFEST_SAYS[stack]["figures"][name]
    assert total >= 1000 and hits / total <= most


def test_screening_imports_nothing_that_fits() -> None:
    run_time = [path for path in (ROOT / "safety").glob("*.py") if path.stem != "fit"]
    assert len(run_time) > 15
    for path in run_time:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & {"sklearn", "scipy"}, path
            assert not any(name.startswith("safety.fit") for name in names), path


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
    assert len(windows(["word"] * 5000)) == MOST


@pytest.mark.model
def test_screening_with_the_model_is_quick(encoder: Encoder) -> None:
    texts = [each.text for each in examples()[::40]]
    for text in texts[:10]:
        screen(text, encoder)
    times = []
    for text in texts:
        began = time.perf_counter()
        screen(text, encoder)
        times.append(time.perf_counter() - began)
    # 15 ms is the goal on a quiet machine; the bound here allows for a shared one.
    assert sorted(times)[int(len(times) * 0.95)] < 0.09


@pytest.mark.model
@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_with_the_model_it_never_raises_either(text: str) -> None:
    found = screen(text, load_once())
    assert (found.level is Level.NONE) == (found.card is None) == (found.kind is None)
    assert found.card is None or found.card in CARDS


def load_once(loaded: list[Encoder] = []) -> Encoder:  # noqa: B006 — hypothesis wants no fixture
    if not loaded:
        loaded.append(load_encoder(ROOT / "var" / "models"))
    return loaded[0]
