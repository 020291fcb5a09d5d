"""The articles as a reader finds them: by topic, by search, in the other language.

Rule: pure, and made from the public index alone; what is not in it does not exist here. The order
of topics and the first articles are the clinic's choice (`clinic.toml`), the rest the alphabet's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from search.answer import Found, Outcome, PassageFound
from search.articles import Article
from search.index import Index
from search.passages import Passage, render
from web.config import Settings
from web.wording import say

OTHER = "other"  # the topic of an article that names none
FIRST_ARTICLES = 6
MAX_RELATED = 6
MAX_RESULTS = 6
# Further behind the best one than this, a page is there by chance.
RESULTS_BEHIND = 0.3
OPENING_WORDS = 32
MIN_CONTENTS = 3
# Net "helpful" that lifts an article onto the first page: one reader alone does not.
HELPFUL_ENOUGH = 3


@dataclass(frozen=True)
class Topic:
    """`id`: what its articles say under `topic`."""

    id: str
    lang: str
    name: str
    about: str
    articles: tuple[Article, ...]


@dataclass(frozen=True)
class Result:
    """An article that was found; `heading` and `anchor` of its best passage."""

    article: Article
    heading: str
    anchor: str
    opening: str


# Topics ------------------------------------------------------------------------------------------


def topics(index: Index, settings: Settings, lang: str) -> tuple[Topic, ...]:
    """Return the topics of a language, the clinic's own order first; articles by title."""
    groups: dict[str, list[Article]] = {}
    for article in sorted(index.articles.values(), key=lambda each: each.title.casefold()):
        if article.lang == lang:
            groups.setdefault(article.topic or OTHER, []).append(article)
    places = {key: place for place, key in enumerate(settings.topics)}
    found = [_topic(name, lang, articles, settings) for name, articles in groups.items()]
    last = len(places)
    return tuple(sorted(found, key=lambda each: (places.get(f"{lang}/{each.id}", last), each.name)))


def topic(index: Index, settings: Settings, topic_id: str, lang: str) -> Topic | None:
    """Return a topic; in the other language where only that one has it."""
    others = [other for other in settings.clinic.languages if other != lang]
    every = (each for one in (lang, *others) for each in topics(index, settings, one))
    return next((each for each in every if each.id == topic_id), None)


def _topic(name: str, lang: str, articles: Iterable[Article], settings: Settings) -> Topic:
    named = settings.topics.get(f"{lang}/{name}")
    if named is not None:
        return Topic(name, lang, named.name, named.about, tuple(articles))
    plain = say(lang, "help.other_topics") if name == OTHER else _plain(name)
    return Topic(name, lang, plain, "", tuple(articles))


def _plain(name: str) -> str:
    words = name.replace("_", " ").replace("-", " ")
    return words[:1].upper() + words[1:]


def twin_topic(index: Index, settings: Settings, of: Topic, lang: str) -> Topic | None:
    """Return the topic that most of its articles' translations stand in."""
    twins = (twin(index, article, lang) for article in of.articles)
    counts = Counter(each.topic or OTHER for each in twins if each is not None)
    if not counts:
        return None
    return topic(index, settings, counts.most_common(1)[0][0], lang)


# Articles ----------------------------------------------------------------------------------------


def twin(index: Index, article: Article, lang: str) -> Article | None:
    """Return the same article in a language; itself in its own."""
    if article.lang == lang:
        return article
    origin = article.translation_of or article.id
    family = (index.articles.get(origin), *index.articles.values())
    return next((each for each in family if each and _is_kin(each, origin, lang)), None)


def _is_kin(article: Article, origin: str, lang: str) -> bool:
    return article.lang == lang and origin in (article.id, article.translation_of)


def first_articles(
    index: Index, settings: Settings, lang: str, helpful: Mapping[str, int]
) -> tuple[Article, ...]:
    """Return what readers called helpful most, then what the clinic named.

    helpful: article → how many more readers said yes than no.
    """
    ordered = sorted(helpful, key=lambda name: (-helpful[name], name))
    praised = [name for name in ordered if helpful[name] >= HELPFUL_ENOUGH]
    named = list(settings.knowledge_base.start_with)
    known = (index.articles.get(name) for name in (*praised, *named))
    found = (twin(index, each, lang) for each in known if each is not None)
    return tuple(dict.fromkeys(each for each in found if each is not None))[:FIRST_ARTICLES]


def related(of: Topic, article: Article) -> tuple[Article, ...]:
    """Return its neighbours in the topic, those it is followed by in the list first."""
    names = [each.id for each in of.articles]
    place = names.index(article.id) if article.id in names else 0
    around = (*of.articles[place + 1 :], *of.articles[:place])
    return around[:MAX_RELATED]


@lru_cache(maxsize=512)
def body(article: Article) -> str:
    """Return the whole article as safe HTML, the same that the passages are cut from."""
    return render(article)


def sections(index: Index, article: Article) -> tuple[Passage, ...]:
    """Return the opening and the passages below the headings of the top level, in order."""
    return tuple(each for each in index.passages if each.article == article.id and not each.trail)


def contents(index: Index, article: Article) -> tuple[Passage, ...]:
    """Return what a table of contents links to; nothing where the page is short."""
    headed = tuple(
        each
        for each in sections(index, article)
        if each.anchor and each.heading not in ("", article.title)
    )
    return headed if len(headed) >= MIN_CONTENTS else ()


# Search ------------------------------------------------------------------------------------------


def results(index: Index, found: Found) -> tuple[Result, ...]:
    """Return the articles worth a look, best first; none where the search says none."""
    if found.outcome is Outcome.NONE or not found.passages:
        return ()
    least = found.passages[0].score - RESULTS_BEHIND
    best: dict[str, PassageFound] = {}
    for passage in found.passages:
        if passage.score >= least:
            best.setdefault(passage.article, passage)
    return tuple(_results(index, best))[:MAX_RESULTS]


def _results(index: Index, best: Mapping[str, PassageFound]) -> Iterator[Result]:
    for name, passage in best.items():
        article = index.articles[name]
        heading = "" if passage.heading == article.title else passage.heading
        anchor = passage.anchor if heading else ""
        yield Result(article, heading, anchor, opening(passage.text))


def opening(text: str) -> str:
    """Return the first words of a passage on one line; lists and tables read as a sentence."""
    told = ""
    was_item = was_row = False
    for line in text.split("\n"):
        is_row = " | " in line
        is_head, was_row = is_row and not was_row, is_row
        if is_head:
            continue
        is_item = is_row or line.startswith("- ")
        ends = told.endswith((".", "!", "?", ":", ";")) or not (is_item and was_item)
        told += (" " if ends else "; ") + _item(line)
        was_item = is_item
    words = told.split()
    if len(words) <= OPENING_WORDS:
        return " ".join(words)
    return " ".join(words[:OPENING_WORDS]).rstrip(".,;:") + " …"


def _item(line: str) -> str:
    """Return a list's item, or a table's row as "name: value, value"."""
    return line.removeprefix("- ").replace(" | ", ": ", 1).replace(" | ", ", ")


def card_as_section(html: str) -> str:
    """Return a danger card with a heading of a page's first level below its title.

    In the chat it stands in a message, three levels down.
    """
    return re.sub(r"(</?)h4\b", r"\1h2", html)
