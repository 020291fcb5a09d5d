"""How the articles answer the clinic's own questions, and those written blind: `./clinic evaluate`.

The clinic's own stand in kb_articles/questions.tsv with the articles each should get, none where it
should get none; each that fails is listed with what it got. The blind sets are in
tests/data/clinic_questions, with who wrote and who labelled them. Nothing is tuned on them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from benchmarks.report import keep
from search.answer import Outcome, ask
from search.encoder import Encoder, load_encoder
from search.evaluate import Judged, failure, read_questions, summary
from search.evaluate import judge as judge_all
from search.index import Index, build

ROOT = Path(__file__).resolve().parent.parent
OWN = ROOT / "kb_articles" / "questions.tsv"
SETS = ROOT / "tests" / "data" / "clinic_questions"
LANGUAGES = ("en", "es")
COLUMNS = ("has article", "first", "first 3", "answered", "right", "wrong", "has none", "said so")


def run() -> int:
    """Print a row per set and language, and keep them; return 0: there is no bar to miss."""
    encoder = load_encoder(ROOT / "var" / "models")
    index, _ = build(ROOT / "kb_articles", encoder)
    own = _own(index, encoder)
    print("set      lang  " + "  ".join(f"{name:>11}" for name in COLUMNS))
    rows = []
    for path in sorted(SETS.glob("*.tsv")):
        for lang in LANGUAGES:
            counts = count(judge(index, encoder, path, lang))
            rows.append({"set": path.stem, "lang": lang, **counts})
            figures = "  ".join(f"{counts[name]:>11}" for name in COLUMNS)
            print(f"{path.stem:<9}{lang:<4}  {figures}")
    print(f"kept in {keep('questions', {'own': own, 'rows': rows})}")
    return 0


def _own(index: Index, encoder: Encoder) -> dict[str, int]:
    """Ask the clinic's own questions; print what fails, and what came of all."""
    judged = list(judge_all(index, encoder, read_questions(OWN))) if OWN.exists() else []
    for one in judged:
        if one.failed or (not one.wanted and not one.none_right):
            found = failure(one)
            wanted = " or ".join(found["articles"]) or "none"
            got = ", ".join(found["found"]) if one.found.outcome is not Outcome.NONE else ""
            print(f"{one.found.question!r}: wanted {wanted}, got {one.found.outcome} {got}")
    print(f"the clinic's own questions: {summary(judged)}\n")
    return summary(judged)


def judge(index: Index, encoder: Encoder, path: Path, lang: str) -> list[Judged]:
    """Ask the questions of one language, each on its own."""
    langs = [line.split("\t")[2] for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    questions = zip(read_questions(path), langs, strict=True)
    return [
        Judged(ask(index, encoder, question), wanted)
        for (question, wanted), question_lang in questions
        if question_lang == lang
    ]


def count(judged: Iterable[Judged]) -> dict[str, int]:
    """Return a number per column; `said so`: no article answers, and none was shown or listed."""
    every = list(judged)
    answerable = [one for one in every if one.wanted]
    unanswerable = [one for one in every if not one.wanted]
    return {
        "has article": len(answerable),
        "first": sum(one.first for one in answerable),
        "first 3": sum(one.first3 for one in answerable),
        "answered": sum(one.answered for one in every),
        "right": sum(one.answered_right for one in every),
        "wrong": sum(one.wrong for one in every),
        "has none": len(unanswerable),
        "said so": sum(one.found.outcome is Outcome.NONE for one in unanswerable),
    }
