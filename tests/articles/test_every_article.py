"""Every shipped article keeps the promises of docs/editors.md; a failure names the article."""

import re
from collections import Counter
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import frontmatter
import pytest

from search.articles import read_article, unknown_placeholders
from web.articles.reading import fernandez_huerta, flesch_kincaid, plain_text, syllables
from web.config import load_settings

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / "kb_articles"
PATHS = sorted(FOLDER.rglob("*.md"))
DEMO = "Demo content, not reviewed by a clinician"
REQUIRED = ("title", "summary", "topic", "owner", "reviewed_by", "source")
LINK = re.compile(r"\]\(([^)]+)\)")
RAW_PHONE = re.compile(r"\d{3}\W{1,2}\d{4}\b")
RAW_HOUR = re.compile(r"\b\d{1,2}:\d{2}\b|\b\d{1,2}\s*(?:am|pm|a\.\s?m\.|p\.\s?m\.)", re.IGNORECASE)
RAW_ADDRESS = re.compile(r"\b\d+ Harbor Street|@[\w.-]+\.\w+|https?://", re.IGNORECASE)


def article_id(path: Path) -> str:
    return path.relative_to(FOLDER).with_suffix("").as_posix()


every_article = pytest.mark.parametrize("path", PATHS, ids=article_id)


@cache
def read(path: Path) -> tuple[dict[str, Any], str]:
    post = frontmatter.loads(path.read_text(encoding="utf-8"))
    return dict(post.metadata), post.content


@pytest.fixture
def facts(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What publishing fills in, from the shipped clinic.toml."""
    monkeypatch.delenv("CLINIC_CONFIG", raising=False)
    return load_settings().facts("en")


def plain_sections(body: str) -> list[str]:
    return [plain_text(section) for section in re.split(r"^## .*$", body, flags=re.MULTILINE)]


def numbers(text: str) -> set[str]:
    return set(re.findall(r"\$?\d+(?:,\d{3})*%?", text))


def test_there_are_enough_articles_in_both_languages() -> None:
    public = Counter(m["lang"] for m, _ in map(read, PATHS) if m["audience"] == "public")
    assert public["en"] >= 60
    assert public["es"] >= 60


def test_each_public_article_can_be_read_in_spanish() -> None:
    public = {article_id(p) for p in PATHS if read(p)[0]["audience"] == "public"}
    english = {article for article in public if article.startswith("en/")}
    translated = {read(p)[0].get("translation_of") for p in PATHS}
    assert english - translated == set()


@pytest.mark.parametrize("name", ["en/billing/payment-plans", "es/facturas/pagos-mensuales"])
def test_the_least_payment_pays_the_bill_off_in_the_time_named(name: str) -> None:
    _, body = read(FOLDER / f"{name}.md")
    rows = re.findall(r"^\| \$([\d,]+) \| \$(\d+) \| (\d+) m", body, re.MULTILINE)
    assert len(rows) >= 3
    for owed, monthly, months in rows:
        assert int(owed.replace(",", "")) == int(monthly) * int(months)


def test_titles_are_unique_in_each_language() -> None:
    titles = Counter((m["lang"], m["title"].casefold()) for m, _ in map(read, PATHS))
    assert [title for title, count in titles.items() if count > 1] == []


def test_no_sample_question_stands_in_two_articles() -> None:
    questions = Counter(q.casefold() for m, _ in map(read, PATHS) for q in m["questions"])
    assert [question for question, count in questions.items() if count > 1] == []


@every_article
def test_its_front_matter_is_complete(path: Path) -> None:
    fields, _ = read(path)
    assert [name for name in REQUIRED if not str(fields.get(name) or "").strip()] == []
    assert fields["reviewed_by"] == DEMO
    assert fields["status"] == "published"
    assert (fields["audience"] == "staff") == (path.parts[-2] == "staff")
    assert fields["lang"] in ("en", "es")
    assert article_id(path).split("/")[:2] == [fields["lang"], fields["topic"]]


@every_article
def test_its_review_dates_are_half_a_year_to_a_year_apart(path: Path) -> None:
    fields, _ = read(path)
    reviewed_on, review_by = fields["reviewed_on"], fields["review_by"]
    assert date(2026, 8, 1) <= reviewed_on <= date(2026, 11, 15)
    assert 175 <= (review_by - reviewed_on).days <= 366


@every_article
def test_it_has_questions_in_words_of_their_own(path: Path) -> None:
    fields, _ = read(path)
    questions = fields["questions"]
    assert all(isinstance(question, str) and question.strip() for question in questions)
    folded = {re.sub(r"\W+", " ", text).strip().casefold() for text in questions}
    assert len(folded) == len(questions) >= 3
    assert re.sub(r"\W+", " ", fields["title"]).strip().casefold() not in folded


@every_article
def test_it_says_enough_under_two_or_more_headings(path: Path) -> None:
    _, body = read(path)
    assert len(plain_text(body).split()) >= 150
    assert body.count("\n## ") >= 2
    assert not re.search(r"^#(?!# )", body, re.MULTILINE), "only ## headings: the title is the #"


@every_article
def test_each_section_fits_in_the_chat(path: Path) -> None:
    _, body = read(path)
    lengths = [len(section.split()) for section in plain_sections(body)]
    assert max(lengths) <= 110
    assert min(lengths) >= 8


@every_article
def test_all_its_placeholders_are_filled_in(path: Path, facts: dict[str, str]) -> None:
    article = read_article(path, FOLDER, facts)
    assert unknown_placeholders(article) == ()
    assert not re.search(r"[{}]", f"{article.title}{article.summary}{article.body}")


@every_article
def test_it_names_phones_hours_and_addresses_only_by_placeholder(path: Path) -> None:
    fields, body = read(path)
    # Patients may say "at 2am" in a sample question; it is never shown.
    shown = f"{fields['title']}\n{fields['summary']}\n{body}"
    for rule in (RAW_PHONE, RAW_HOUR, RAW_ADDRESS):
        assert rule.findall(shown) == []


@every_article
def test_lists_of_hours_stand_on_a_line_of_their_own(path: Path) -> None:
    _, body = read(path)
    for name in ("hours", "chat_hours", "holidays"):
        mark = f"{{{{clinic.{name}}}}}"
        assert body.count(mark) == body.count(f"\n\n{mark}\n\n")


@every_article
def test_its_links_lead_to_an_article_for_the_same_readers(path: Path) -> None:
    fields, body = read(path)
    for target in LINK.findall(body):
        if target.startswith("{{"):
            continue
        linked = (path.parent / target).resolve()
        assert linked in PATHS, target
        there, _ = read(linked)
        assert there["lang"] == fields["lang"], target
        assert there["audience"] == "public", target


@every_article
def test_it_is_easy_to_read(path: Path) -> None:
    fields, body = read(path)
    if fields["lang"] == "es":
        assert fernandez_huerta(body) >= 60
    else:
        assert flesch_kincaid(body) <= 8


@every_article
def test_a_translation_names_its_source(path: Path) -> None:
    fields, _ = read(path)
    if fields["lang"] == "en":
        assert "translation_of" not in fields
        return
    source, _ = read(FOLDER / f"{fields['translation_of']}.md")
    assert source["lang"] == "en"
    assert source["audience"] == fields["audience"]


@every_article
def test_a_translation_names_the_same_numbers(path: Path) -> None:
    fields, body = read(path)
    if fields["lang"] == "en":
        return
    there, source = read(FOLDER / f"{fields['translation_of']}.md")
    assert numbers(f"{fields['summary']}\n{body}") == numbers(f"{there['summary']}\n{source}")


def test_no_article_is_translated_twice() -> None:
    sources = Counter(m["translation_of"] for m, _ in map(read, PATHS) if "translation_of" in m)
    assert [source for source, count in sources.items() if count > 1] == []


def test_the_reading_grade_tells_plain_from_hard_text() -> None:
    plain = "Call us. We are here for you. You can pay by card."
    hard = (
        "Patients experiencing difficulties regarding reimbursement should immediately "
        "communicate with the organization responsible for administrating their insurance."
    )
    assert flesch_kincaid(plain) < 4 < 15 < flesch_kincaid(hard)


def test_the_spanish_grade_tells_plain_from_hard_text() -> None:
    plain = "Llame a la clínica. Le damos una cita. No paga nada."
    hard = (
        "Los procedimientos administrativos correspondientes a la reprogramación requieren "
        "autorización institucional anticipada, independientemente de las circunstancias."
    )
    assert fernandez_huerta(hard) < 60 < 90 < fernandez_huerta(plain)


@pytest.mark.parametrize(
    ("word", "lang", "count"),
    [
        ("late", "en", 1),
        ("table", "en", 2),
        ("moved", "en", 1),
        ("started", "en", 2),
        ("appointment", "en", 3),
        ("farmacia", "es", 3),
        ("día", "es", 2),
        ("cita", "es", 2),
        ("autobús", "es", 3),
    ],
)
def test_it_counts_syllables_nearly_as_a_reader_does(word: str, lang: str, count: int) -> None:
    assert syllables(word, lang) == count
