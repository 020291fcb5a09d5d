"""With the real sentence model: vectors as exported, outcomes as promised."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from search.answer import Engine, Found, Outcome, ask
from search.encoder import Encoder, ModelMissing, load_encoder, read_recipe
from search.index import Index, build

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "var" / "models"
DATA = ROOT / "tests" / "data"

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder(MODELS)


@pytest.fixture(scope="module")
def index(encoder: Encoder) -> Index:
    return build(DATA / "covid_faq" / "articles", encoder)[0]


def test_vectors_have_length_one_and_do_not_depend_on_company(encoder: Encoder) -> None:
    texts = ["where do i park", "", "word " * 3000, "🙂", "\ud800 lone", "医生"]
    together = encoder.encode(texts)
    assert together.shape == (6, 384)
    assert together.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-4)
    for text, vector in zip(texts, together, strict=True):
        np.testing.assert_array_equal(encoder.encode([text])[0], vector)
    assert encoder.encode([]).shape == (0, 384)


def test_it_was_checked_against_sentence_transformers() -> None:
    _, recipe = read_recipe(MODELS)
    assert recipe["lowest_cosine"] >= 0.99
    assert recipe["weights_sha256"].startswith("53aa5117")


def test_near_meanings_are_near(encoder: Encoder) -> None:
    cancel, call_off, parking = encoder.encode(
        ["How do I cancel an appointment?", "i have to call off my visit", "where can i park"]
    )
    assert cancel @ call_off > cancel @ parking + 0.2


def test_a_changed_model_file_is_refused(tmp_path: Path) -> None:
    folder, recipe = read_recipe(MODELS)
    shutil.copytree(folder, tmp_path / folder.name)
    (tmp_path / "current").write_text(recipe["recipe"])
    with (tmp_path / folder.name / "tokenizer.json").open("a") as file:
        file.write(" ")
    with pytest.raises(ModelMissing, match=r"tokenizer\.json.*python -m search export"):
        load_encoder(tmp_path)
    with pytest.raises(ModelMissing, match="python -m search export"):
        load_encoder(tmp_path / "nowhere")


def test_asking_loads_nothing_heavy() -> None:
    script = (
        "import sys; from pathlib import Path; from search.index import build; "
        "from search.encoder import load_encoder; from search.answer import ask; "
        "e = load_encoder(Path('var/models')); "
        "i, _ = build(Path('tests/data/covid_faq/articles'), None); ask(i, e, 'masks'); "
        "print([m for m in ('torch', 'scipy', 'sklearn', 'transformers', 'py3langid') "
        "if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert run.stdout.strip() == "[]", run.stderr


def test_the_assistants_environment_reads_the_same_model(encoder: Encoder) -> None:
    python = ROOT / ".venv-bot" / "bin" / "python"
    if not python.exists():
        pytest.skip(".venv-bot is not there")
    script = (
        "import sys, json, numpy as np, onnxruntime as o; from tokenizers import Tokenizer; "
        "from pathlib import Path; m = Path('var/models'); "
        "d = m / (m / 'current').read_text().strip(); "
        "s = o.InferenceSession(str(d / 'model.onnx'), providers=['CPUExecutionProvider']); "
        "t = np.array([Tokenizer.from_file(str(d / 'tokenizer.json')).encode('my visit').ids]); "
        "v = s.run(['vector'], {'input_ids': t, 'attention_mask': np.ones_like(t)})[0][0]; "
        "print(json.dumps(v.tolist()))"
    )
    run = subprocess.run(
        [python, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    vector = np.array([float(x) for x in run.stdout.strip()[1:-1].split(",")])
    assert vector @ encoder.encode(["my visit"])[0] > 0.999


@pytest.fixture
def say(index: Index, encoder: Encoder):  # type: ignore[no-untyped-def]
    def say(question: str, previous: str | None = None) -> Found:
        return ask(index, encoder, question, previous=previous)

    return say


def test_a_plain_question_gets_the_clinics_own_words(say, index: Index) -> None:  # type: ignore[no-untyped-def]
    found = say("what are the symptoms of covid-19?")
    assert found.outcome is Outcome.ANSWER
    assert found.engine is Engine.FULL
    texts = {passage.text for passage in index.passages}
    assert found.passages[0].text in texts
    assert found.shown.split("\n")[0] in found.passages[0].text
    assert len(found.shown.split()) <= 80
    assert 0.5 < found.confidence <= 1.0


def test_passages_come_best_first_from_three_articles(say) -> None:  # type: ignore[no-untyped-def]
    for question in ("masks", "pets", "", "how do i cook pasta"):
        found = say(question)
        scores = [passage.score for passage in found.passages]
        assert scores == sorted(scores, reverse=True)
        assert len({passage.article for passage in found.passages}) >= 3
        assert len(scores) <= 10


@pytest.mark.parametrize(
    "question",
    [
        "how do i cook pasta",
        "what's the capital of mongolia",
        "my car won't start",
        "play some jazz",
        "cual es la capital de peru",
    ],
)
def test_far_questions_get_none(say, question: str) -> None:  # type: ignore[no-untyped-def]
    assert say(question).outcome is Outcome.NONE


ODD = [
    "",
    " \t\n",
    "?",
    "🙂🙂🙂",
    "\x00\x01\x02",
    "\u202emasks\u202c",
    "the of and to",
    "医生什么时候上班",
    "где можно припарковаться",
    "x" * 10_000,
    "mask " * 2_000,
    "\ud800",
    "'; drop table message; --",
    "{{7*7}} ${7*7} <script>alert(1)</script>",
    "../../etc/passwd",
    "1" * 500,
]


@pytest.mark.parametrize("question", ODD)
def test_odd_input_gets_a_clear_outcome_and_never_an_answer(say, question: str) -> None:  # type: ignore[no-untyped-def]
    found = say(question)
    assert found.outcome in (Outcome.NONE, Outcome.CHOICES)
    assert found.question == question
    assert (found.shown == "") == (found.outcome is Outcome.NONE)


def test_misspelt_questions_are_understood(say) -> None:  # type: ignore[no-untyped-def]
    found = say("shoud my childern wear a mask to prottect from coronavirs")
    assert found.understood == "should my children wear a mask to protect from coronavirus"
    assert found.passages[0].article == say(found.understood).passages[0].article


def test_one_medicine_is_not_answered_with_another(encoder: Encoder, tmp_path: Path) -> None:
    for name in ("fosamax", "prednisone", "hypothyroidism"):
        text = f"# What are the side effects of {name}?\n\nTell us when {name} troubles you.\n"
        (tmp_path / f"{name}.md").write_text(text)
    index, _ = build(tmp_path, encoder)
    assert ask(index, encoder, "what are the side effects of fosamax").outcome is Outcome.ANSWER
    for name in ("topamax", "prednisolone", "hyperthyroidism"):
        found = ask(index, encoder, f"what are the side effects of {name}")
        assert found.outcome is not Outcome.ANSWER


def test_a_short_follow_up_takes_the_last_question_along(encoder: Encoder, tmp_path: Path) -> None:
    (tmp_path / "hours.md").write_text("# When are you open?\n\n8 to 6; Saturday 9 to 1.\n")
    (tmp_path / "park.md").write_text("# Where can I park?\n\nBehind the building.\n")
    (tmp_path / "cost.md").write_text("# What does a visit cost?\n\n120 dollars.\n")
    index, _ = build(tmp_path, encoder)
    found = ask(index, encoder, "and at the weekend?", previous="when are you open?")
    assert found.passages[0].article == "hours"
    assert found.understood == "when are you open? and at the weekend?"
    alone = ask(index, encoder, "where can i park", previous="when are you open?")
    assert (alone.passages[0].article, alone.understood) == ("park", "where can i park")


def test_a_spanish_question_is_offered_an_english_article(encoder: Encoder, tmp_path: Path) -> None:
    for name, text in {
        "park": "# Where can I park?\n\nBehind the building, free for two hours.\n",
        "cost": "# What does a visit cost?\n\n120 dollars.\n",
        "refill": "# How do I get a refill?\n\nAsk your pharmacy.\n",
    }.items():
        (tmp_path / f"{name}.md").write_text(text)
    index, _ = build(tmp_path, encoder)
    for question, wanted in (("¿Dónde puedo estacionar?", "park"), ("surtir mi receta", "refill")):
        found = ask(index, encoder, question)
        assert found.passages[0].article == wanted
        assert found.outcome is not Outcome.ANSWER


def test_an_article_stands_first_in_the_language_of_the_question(
    encoder: Encoder, tmp_path: Path
) -> None:
    (tmp_path / "en.md").write_text("---\ntitle: Where can I park?\n---\nBehind the building.\n")
    (tmp_path / "es.md").write_text(
        "---\ntitle: Estacionamiento\nlang: es\ntranslation_of: en\n---\nDetrás del edificio.\n"
    )
    (tmp_path / "cost.md").write_text("# What does a visit cost?\n\n120 dollars.\n")
    index, _ = build(tmp_path, encoder)
    assert ask(index, encoder, "where can i park").passages[0].article == "en"
    assert ask(index, encoder, "donde me puedo estacionar").passages[0].article == "es"


def test_the_question_is_found_inside_a_story(say) -> None:  # type: ignore[no-untyped-def]
    found = say(
        "My sister came back from a long trip on Monday and since then we have all been at home. "
        "She is tired and sleeps a lot, and I am cooking for everybody. We have an old dog, too, "
        "who loves her. Do my children need to wear a mask? I would rather not ask my neighbour."
    )
    wanted = say("Do my children need to wear a mask?").passages[0].article
    assert wanted in [passage.article for passage in found.passages][:3]


def test_without_the_model_words_alone_find_and_are_stricter(index: Index) -> None:
    found = ask(index, None, "Do children need to wear masks?")
    assert found.engine is Engine.LEXICAL
    assert found.vector is None
    assert found.passages[0].article == "cov-109" or "mask" in found.passages[0].text.lower()
    for question in ("how do i cook pasta", "", "the of and"):
        assert ask(index, None, question).outcome is not Outcome.ANSWER


def test_another_models_vectors_are_not_mixed(index: Index) -> None:
    class Other:
        recipe = "other"

        def encode(self, texts):  # type: ignore[no-untyped-def]
            raise AssertionError("not to be called")

    assert ask(index, Other(), "masks").engine is Engine.LEXICAL


@pytest.mark.parametrize("count", [1, 2, 5])
def test_small_knowledge_bases_answer_and_refuse(
    encoder: Encoder, tmp_path: Path, count: int
) -> None:
    pages = {
        "Where can I park?": "Behind the building, free for two hours.",
        "How do I cancel a visit?": "Call us the day before.",
        "What do I bring to my first visit?": "A photo card and your insurance card.",
        "How do I get a refill?": "Ask your pharmacy.",
        "Do you have interpreters?": "Yes, by phone, at no cost.",
    }
    for number, (title, text) in enumerate(list(pages.items())[:count]):
        (tmp_path / f"{number}.md").write_text(f"# {title}\n\n{text}\n")
    index, _ = build(tmp_path, encoder)
    assert ask(index, encoder, "where can i park my car").passages[0].article == "0"
    assert ask(index, encoder, "where can i park?").outcome is Outcome.ANSWER
    for far in ("tell me a joke", "who won the game", "do you do heart transplants"):
        assert ask(index, encoder, far).outcome is not Outcome.ANSWER
