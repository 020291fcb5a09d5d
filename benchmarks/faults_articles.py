"""Articles and indexes damaged on the disk, and an index made anew while patients ask."""

from __future__ import annotations

import random
import shutil
import threading
import time
from pathlib import Path

from benchmarks.fault import Row
from benchmarks.product import ROOT
from benchmarks.report import quantiles_ms
from search.answer import ask
from search.articles import ArticleInvalid
from search.encoder import load_encoder
from search.index import ArticleStatus, build
from search.storage import IndexDamaged, IndexMissing, load, save
from tests.fakes import FakeEncoder


def damaged_articles(size: int, folder: Path) -> Row:
    good = shutil.copytree(ROOT / "kb_articles", folder / "articles")
    whole, _ = build(good, None)
    paths = sorted(good.rglob("*.md"))
    chance = random.Random(0)
    for number in range(size):
        damage = DAMAGES[number % len(DAMAGES)]
        source = chance.choice(paths).read_bytes()
        (good / f"zz-damaged-{number:03}.md").write_bytes(damage(source, chance))
    index, reports = build(good, None)
    named = {
        report.article
        for report in reports
        if report.status is ArticleStatus.ERROR and report.reason and report.line
    }
    assert len(named) == size, f"{size - len(named)} damaged articles were not named"
    assert set(index.articles) == set(whole.articles), "the good ones are all there"
    assert ask(index, None, "where do I park").passages
    figure = f"{len(named)} named with line and reason, {len(index.articles)} good ones served"
    return Row("damaged articles", size, f"{size} files damaged in 5 ways", figure)


def _cut_front(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randint(5, 40)]


def _noise(_content: bytes, chance: random.Random) -> bytes:
    return bytes(chance.randrange(128, 256) for _ in range(500))


def _no_end_of_front(content: bytes, _chance: random.Random) -> bytes:
    return content.replace(b"\n---\n", b"\n", 1)


def _broken_yaml(content: bytes, _chance: random.Random) -> bytes:
    return content.replace(b"title:", b"title: [unclosed\n ti: {", 1)


def _huge(content: bytes, _chance: random.Random) -> bytes:
    return content + b"a " * 3_000_000


DAMAGES = (_cut_front, _noise, _no_end_of_front, _broken_yaml, _huge)


def damaged_indexes(size: int, folder: Path) -> Row:
    index, _ = build(ROOT / "kb_articles", FakeEncoder())
    save(index, folder / "whole")
    chance, noticed, same = random.Random(0), 0, 0
    for number in range(size):
        place = shutil.copytree(folder / "whole", folder / "damaged", symlinks=True)
        files = sorted(path for path in place.rglob("*") if path.is_file())
        _damage(files[number % len(files)], chance)
        try:
            found = load(place)
            same += found.articles == index.articles and len(found.passages) == len(index.passages)
        except (IndexDamaged, IndexMissing, ArticleInvalid, OSError, ValueError, KeyError):
            noticed += 1
        save(index, place)  # what the publisher does next
        assert load(place).articles == index.articles, "made again"
        shutil.rmtree(place)
    assert noticed == size, f"{size - noticed} damaged indexes were loaded, {same} of them whole"
    return Row(
        "damaged indexes", size, f"{size} × bytes changed or cut", f"{noticed} noticed, made again"
    )


def _damage(file: Path, chance: random.Random) -> None:
    content = bytearray(file.read_bytes())
    if chance.random() < 0.3 or not content:
        file.write_bytes(content[: len(content) // 2])
        return
    at = chance.randrange(len(content))
    content[at] ^= 1 << chance.randrange(8)
    file.write_bytes(content)


def reindexes(size: int, folder: Path) -> Row:
    """50 questions a second over HTTP's own path are in `load`; here the search path alone."""
    encoder = load_encoder(ROOT / "var" / "models")
    articles = shutil.copytree(ROOT / "kb_articles", folder / "articles")
    changed = sorted(articles.rglob("*.md"))[0]
    original = changed.read_text(encoding="utf-8")
    held = {"index": build(articles, encoder)[0]}
    stopping, took, errors = threading.Event(), list[float](), list[str]()

    def asking() -> None:
        number, began = 0, time.monotonic()
        while not stopping.wait(max(0.0, began + number / 50 - time.monotonic())):
            started = time.monotonic()
            try:
                ask(held["index"], encoder, f"where do I park number {number}")
            except Exception as error:
                errors.append(type(error).__name__)
            took.append(time.monotonic() - started)
            number += 1

    thread = threading.Thread(target=asking)
    thread.start()
    time.sleep(4)
    idle, took[:] = list(took), []
    built = 0
    for number in range(size):
        changed.write_text(f"{original}\n\nChange {number}.\n", encoding="utf-8")
        index, reports = build(articles, encoder, previous=held["index"])
        built += any(report.status is ArticleStatus.INDEXED for report in reports)
        held["index"] = index
        time.sleep(0.1)
    stopping.set()
    thread.join()
    before, during = quantiles_ms(idle)["p95_ms"], quantiles_ms(took)["p95_ms"]
    assert built == size and not errors, (built, errors[:3])
    figure = f"0 errors in {len(took)} questions, p95 {during} ms, idle {before} ms"
    ratio = during / before
    assert ratio <= 2.0, f"{figure}: {ratio:.1f} ×"
    return Row(
        "re-indexes under 50 questions/s", size, f"{built} rebuilt", f"{figure}: {ratio:.1f} ×"
    )
