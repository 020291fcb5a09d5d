"""What an article has in common with the published ones: it says the same, or denies one.

Rule: reads only; a hint names the line, the other article and its words. Without vectors nothing is
compared. What is published is looked through once for each index.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from search.articles import PUBLIC, Article
from search.assembly import assemble
from search.encoder import Encoder
from search.index import Index, read_folder
from web.articles.contradictions import Contradictions, Denial
from web.articles.duplicates import Duplicates
from web.articles.problems import ArticleProblem, Level
from web.articles.publishing import Publisher
from web.articles.text_rules import first_of_text

MOST_QUOTED = 160


class Comparison:
    """own_numbers: the clinic's phones, which a placeholder fills in."""

    def __init__(self, index: Index, encoder: Encoder, own_numbers: Collection[str]) -> None:
        self._contradictions = Contradictions(index, encoder, own_numbers)
        self._duplicates = Duplicates(index, encoder)
        self._articles = index.articles

    def problems_of(self, file: str, text: str, article: Article) -> Iterator[ArticleProblem]:
        """text: the file as it is, for the line numbers. article: its placeholders filled."""
        twin = self._duplicates.of(article)
        if twin is not None:
            title = self._articles[twin.article].title
            what = f"{twin.article} says nearly the same ({title})"
            mend = "Merge the two, or make titles and texts say how they differ."
            yield ArticleProblem(file, 1, what, mend, Level.WARN, "title", twin.article)
        above = first_of_text(text.splitlines()) - 1
        for denial in self._contradictions.of(article):
            yield _problem(file, above, denial)


def _problem(file: str, above: int, denial: Denial) -> ArticleProblem:
    line = denial.own.line
    kind = denial.own.amount.kind
    what = f"{denial.article} gives another {kind}: “{_quoted(denial.other.said)}”"
    mend = "If both are about the same, correct one. If not, say here what this one is for."
    field = None if line else "summary"
    return ArticleProblem(
        file, above + line if line else 1, what, mend, Level.WARN, field, denial.article
    )


def _quoted(words: str) -> str:
    return words if len(words) <= MOST_QUOTED else f"{words[: MOST_QUOTED - 1]}…"


class Comparisons:
    """Keeps the comparison with the index of now."""

    def __init__(self) -> None:
        self._made: tuple[Index, Encoder, Comparison] | None = None

    def with_index(
        self, index: Index | None, encoder: Encoder | None, own_numbers: Collection[str]
    ) -> Comparison | None:
        """Return None where there are no vectors to compare by."""
        if index is None or encoder is None or not index.store.size:
            return None
        if encoder.recipe != index.recipe:
            return None
        made = self._made
        if made is None or made[0] is not index or made[1] is not encoder:
            made = self._made = (index, encoder, Comparison(index, encoder, own_numbers))
        return made[2]


def of_folder(publisher: Publisher) -> Comparison | None:
    """Compare with the folder as it is; nothing is written. None without articles or model."""
    settings = publisher.settings
    publisher.load_encoder()
    publisher.load_stored()
    if publisher.encoder is None or not settings.articles_dir.is_dir():
        return None
    facts = publisher.facts()
    articles, _ = read_folder(settings.articles_dir, audience=PUBLIC, facts=facts, skip_demo=False)
    if not articles:
        return None
    index = assemble(articles, publisher.encoder, publisher.index)
    return Comparison(index, publisher.encoder, settings.own_numbers)
