"""How long "which answers change?" takes: `./clinic bench effects`.

Made knowledge bases of 1,000 and 10,000 articles (the demo clinic's, copied under other names and
numbers), and 1,000 questions of patients that were never asked before, as after a start; then the
same once more, as while one writes. And how long it takes from the word "publish" until a question
gets the new text, by the product's own publisher on files.
"""

from __future__ import annotations

import random
import re
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.report import keep
from search.answer import ask
from search.articles import Article
from search.assembly import assemble
from search.encoder import Encoder, Vectors, load_encoder
from search.index import Index, build
from web.articles import article_files, effects
from web.articles.publishing import Publisher
from web.articles.vector_memory import VectorMemory
from web.config import load_settings

ROOT = Path(__file__).resolve().parent.parent
SIZES = (1_000, 10_000)
REQUESTS = ROOT / "tests" / "data" / "clinc150" / "in_scope.tsv"
GOAL_S = 5.0
ARTICLE = "en/visiting/parking"
TITLE = re.compile(r'^title: "?(.*?)"?$', re.MULTILINE)
SAMPLES = re.compile(r"^questions:\n(?: *- .*\n)*", re.MULTILINE)
NUMBER = re.compile(r" \(\d+\)")


def run() -> int:
    """Print a row per size and return 0: what is missed is told."""
    encoder = load_encoder(ROOT / "var" / "models")
    clinic, _ = build(ROOT / "kb_articles", encoder)
    asked = _asked(clinic)
    rows = []
    cheap = _Numbered(encoder)
    for size in SIZES:
        index = _grown(clinic, cheap, size)
        row = {"articles": size, "passages": len(index.passages), **_timed(index, encoder, asked)}
        row |= _published(cheap, size)
        print(row, flush=True)
        rows.append(row)
    print(f"kept in {keep('effects', {'goal_s': GOAL_S, 'rows': rows})}")
    return 0


def _asked(clinic: Index) -> list[tuple[str, str]]:
    """Return half about a clinic, half about anything else."""
    own = [(text, one.lang) for one in clinic.articles.values() for text in one.questions]
    far = [
        (line.split("\t")[0], "en")
        for line in REQUESTS.read_text(encoding="utf-8").splitlines()[1:]
    ]
    chance = random.Random(1)
    return chance.sample(own, 500) + chance.sample(far, 500)


def _grown(clinic: Index, cheap: _Numbered, size: int) -> Index:
    """Copies differ by a number in the title, so each passage is embedded for itself."""
    articles: dict[str, Article] = {}
    originals = list(clinic.articles.values())
    for number in range(size):
        one = originals[number % len(originals)]
        if number < len(originals):
            articles[one.id] = one
            continue
        name = f"{one.id}-{number}"
        articles[name] = replace(
            one, id=name, title=f"{one.title} ({number})", questions=(), translation_of=""
        )
    return assemble(dict(sorted(articles.items())), cheap, None)


class _Numbered:
    """The real model, a copy's text taken for its original's: 40,000 passages take an hour."""

    def __init__(self, encoder: Encoder) -> None:
        self._memory = VectorMemory(kept=100_000)
        self._encoder = self._memory.over(encoder)
        self.recipe = encoder.recipe

    def encode(self, texts: Sequence[str]) -> Vectors:
        return self._encoder.encode([NUMBER.sub("", text) for text in texts])


def _timed(index: Index, encoder: Encoder, asked: list[tuple[str, str]]) -> dict[str, float]:
    remembering = VectorMemory().over(encoder)
    article = index.articles[ARTICLE]
    edited = replace(article, body=f"{article.body}\n\nThe roof is closed in winter.\n")
    figures = {}
    for name in ("first_s", "again_s"):
        started, began_at = time.perf_counter(), time.monotonic()
        after = effects.with_draft(index, remembering, article.id, edited)
        questions = effects.questions_for(index, after, article.id, ROOT / "kb_articles", asked)
        found = effects.effects(index, after, remembering, questions, article.id, began_at=began_at)
        figures[name] = round(time.perf_counter() - started, 2)
        figures[f"{name.removesuffix('_s')}_tried"] = found.tried
    return {**figures, "questions": found.known}


def _published(cheap: _Numbered, size: int) -> dict[str, float]:
    """Publish an edit among so many files; return the seconds until it is the answer."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "articles"
        _write(folder, size)
        places = {"articles": folder, "var": Path(place) / "var"}
        settings = load_settings().model_copy(update=places)
        publisher = Publisher(settings, load_model=lambda _: cheap)
        publisher.load_encoder()
        publisher.refresh()  # by words
        publisher.refresh()  # by meaning
        content = article_files.read(folder, ARTICLE).content
        edited = content + b"\n## Where do zeppelins land?\n\nZeppelins land on the roof.\n"
        started = time.perf_counter()
        with publisher.writing(ARTICLE, edited, article_files.digest_of(content)):
            pass
        publisher.refresh()
        assert publisher.index is not None
        found = ask(publisher.index, cheap, "where do zeppelins land")
        took_s = time.perf_counter() - started
    if "Zeppelins land on the roof" not in found.passages[0].text:
        raise RuntimeError("the edit is not what comes first")
    return {"publish_to_answer_s": round(took_s, 2)}


def _write(folder: Path, size: int) -> None:
    """The clinic's own files, and copies of them with a number in the title and no questions."""
    shutil.copytree(ROOT / "kb_articles", folder)
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.md"))}
    copied = list(texts.items())
    for number in range(len(copied), size):
        path, text = copied[number % len(copied)]
        text = SAMPLES.sub("", TITLE.sub(rf'title: "\1 ({number})"', text, count=1), count=1)
        path.with_name(f"{path.stem}-{number}.md").write_text(text, encoding="utf-8")
