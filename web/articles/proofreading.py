"""What keeps an article from being published, and what makes it a worse answer; each with its mend.

Rule: pure, and the same for a file (`./clinic lint`, `doctor`) and for what stands in the editor's
form. What is wrong is said by the rules: of its facts, of its text, of its folder.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import date

from search.articles import Article
from web.articles import fact_rules, folder_rules, text_rules
from web.articles.folder_rules import Folder, Neighbour
from web.articles.problems import ArticleProblem, Found, Level


def problems_of(
    file: str,
    text: str,
    article: Article,
    today: date,
    neighbours: Collection[Neighbour] = (),
    own_numbers: Collection[str] = (),
    pictures: Collection[str] | None = None,
) -> Iterator[ArticleProblem]:
    """Look at one article.

    text: the file as it is, for the line numbers. article: read from it, its placeholders filled.
    neighbours: every article of the folder; this one's own row is passed over. own_numbers: the
    clinic's phones and addresses, which are no patient's. pictures: see Folder.
    """
    yield from own_problems(file, text, article, today, own_numbers)
    yield from folder_problems(file, text, article, Folder.of(neighbours, pictures))


def own_problems(
    file: str, text: str, article: Article, today: date, own_numbers: Collection[str] = ()
) -> Iterator[ArticleProblem]:
    """Yield what is wrong with it whatever else the folder holds."""
    lines = text.splitlines()
    for found in (
        *fact_rules.problems(article, today),
        *text_rules.problems(lines, article, own_numbers),
    ):
        yield _placed(file, lines, found)


def folder_problems(
    file: str, text: str, article: Article, folder: Folder
) -> Iterator[ArticleProblem]:
    """Yield what is wrong beside the others; quick, since each change of one changes it for all."""
    problems = list(folder_rules.problems(article, folder))
    lines = text.splitlines() if problems else []
    yield from (_placed(file, lines, found) for found in problems)


def is_ready(problems: Iterable[ArticleProblem]) -> bool:
    """Tell whether nothing found stops publishing."""
    return all(problem.level is not Level.FAIL for problem in problems)


def _placed(file: str, lines: list[str], found: Found) -> ArticleProblem:
    line = found.at if isinstance(found.at, int) else _line_of(lines, found.at)
    return ArticleProblem(file, line, found.what, found.mend, found.level, found.field)


def _line_of(lines: list[str], text: str) -> int:
    """Return the first line that holds the text; the first of the file when none does."""
    return next((n for n, line in enumerate(lines, start=1) if text in line), 1)
