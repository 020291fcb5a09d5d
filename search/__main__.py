"""The search commands: build, ask, evaluate, export.

Rule: formats and exit codes are those of docs/contracts.md, section 2.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, BinaryIO

import click

from search.answer import Found, ask
from search.chart import chart, named_risks
from search.encoder import Encoder, ModelMissing, load_encoder
from search.evaluate import QuestionsInvalid, failure, judge, read_questions, summary
from search.index import ArticleStatus, Index, IndexDamaged, IndexMissing, build, load, save

MODELS = Path("var/models")


class CouldNotRun(click.ClickException):
    """One line of reason, exit code 1."""

    exit_code = 1

    def show(self, file: Any = None) -> None:
        click.echo(" ".join(self.message.split()), err=True)


_models = click.option("--models", type=click.Path(path_type=Path), default=MODELS, hidden=True)
_index = click.option("--index", "directory", type=click.Path(path_type=Path), required=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Search a folder of Markdown articles."""


@main.command("build")
@click.option("--articles", "folder", type=click.Path(path_type=Path), required=True)
@_index
@click.option("--audience", type=click.Choice(["public", "staff"]), default="public")
@_models
def build_command(folder: Path, directory: Path, audience: str, models: Path) -> None:
    """Index every *.md below a folder; one row per article, then a summary."""
    if not folder.is_dir():
        raise CouldNotRun(f"{folder} is not a folder")
    index, reports = build(
        folder, _encoder(models), previous=_previous(directory), audience=audience
    )
    try:
        save(index, directory)
    except OSError as error:
        raise CouldNotRun(f"the index could not be written: {error.strerror}") from error
    for report in reports:
        _write(asdict(report))
    counts = {str(status): sum(r.status is status for r in reports) for status in ArticleStatus}
    _write({"articles": len(index.articles), "passages": len(index.passages), **counts})


@main.command("ask")
@_index
@click.option("--jsonl", is_flag=True, required=True, help="A question per line on standard input.")
@_models
def ask_command(directory: Path, jsonl: bool, models: Path) -> None:
    """Answer questions, one JSON line for each line."""
    index, encoder = _loaded(directory), _encoder(models)
    for question in lines_of(sys.stdin.buffer):
        _write(as_row(ask(index, encoder, question)))


@main.command("evaluate")
@_index
@click.option("--questions", type=click.Path(path_type=Path), required=True)
@click.option("--svg", type=click.Path(path_type=Path, dir_okay=False))
@_models
def evaluate_command(directory: Path, questions: Path, svg: Path | None, models: Path) -> None:
    """Ask a file of questions with known articles: a row per failure, then the counts.

    Standard error tells how many answers would be wrong were more or fewer given.
    """
    try:
        wanted = read_questions(questions)
    except QuestionsInvalid as error:
        raise CouldNotRun(str(error)) from error
    index, encoder = _loaded(directory), _encoder(models)
    rows = []
    for judged in judge(index, encoder, wanted):
        rows.append(judged)
        if judged.failed:
            _write(failure(judged))
    for risk in named_risks(rows):
        click.echo(risk, err=True)
    _write(summary(rows))
    if svg is not None:
        svg.write_text(chart(rows), encoding="utf-8")


@main.command("export")
@_models
@click.option("--model", type=click.Path(path_type=Path, exists=True, file_okay=False))
def export_command(models: Path, model: Path | None) -> None:
    """Export the sentence model to ONNX, checked against sentence-transformers."""
    from search.export import ExportFailed, export

    try:
        export(models, lambda text: click.echo(text, err=True), model)
    except ExportFailed as error:
        raise CouldNotRun(str(error)) from error


def lines_of(stream: BinaryIO) -> Iterable[str]:
    """Yield the lines; only \\n ends one, as \\r, \\x85 and U+2028 may stand inside a question."""
    for line in stream:
        yield line.removesuffix(b"\n").decode("utf-8", "replace")


def as_row(found: Found) -> dict[str, Any]:
    row = {field.name: getattr(found, field.name) for field in fields(found)}
    row["passages"] = [asdict(passage) for passage in found.passages]
    del row["vector"], row["also"]  # a line is one question
    return row


def _write(row: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(row, ensure_ascii=True) + "\n")
    sys.stdout.flush()


def _encoder(models: Path) -> Encoder | None:
    try:
        return load_encoder(models)
    except ModelMissing as error:
        click.echo(f"{error}; searching by words alone", err=True)
        return None


def _loaded(directory: Path) -> Index:
    try:
        return load(directory)
    except (IndexMissing, IndexDamaged) as error:
        raise CouldNotRun(str(error)) from error


def _previous(directory: Path) -> Index | None:
    try:
        return load(directory)
    except (IndexMissing, IndexDamaged):
        return None


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.stdout.reconfigure(newline="\n")  # type: ignore[union-attr]
    main(prog_name="python -m search")
