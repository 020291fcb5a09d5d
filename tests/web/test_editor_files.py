"""An article taken apart and put together: what was not touched stays, the rest is read back."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from search.articles import parse_article
from tests.web.editor_desk import PARKING
from web.articles import drafts, front_matter
from web.articles.drafts import Draft

SHIPPED = Path(__file__).resolve().parents[2] / "kb_articles"

NASTY = (
    "Parking: where?",
    "no",
    "null",
    "17:30",
    "1.50",
    "- a dash",
    "# not a comment",
    "a # comment?",
    "{{clinic.phone}} is ours",
    "[a] list",
    "'quoted'",
    '"quoted"',
    "back\\slash",
    "¿Dónde está? 🅿️",
    "tab\tinside",
    "key: value: more",
    "@here",
    "%percent",
    "&anchor *alias",
    "| pipe",
    "> more",
    "!tag",
    "---",
    "...",
    "?",
    "a" * 500,
    "line\u2028separator",
)


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_whatever_is_typed_is_read_back(text: str) -> None:
    document = front_matter.read(PARKING.encode())
    changed = document.with_values({"title": text, "questions": (text, "plain"), "source": text})
    content = changed.to_bytes()
    wanted = " ".join(text.split())
    article = parse_article("en/a", content, {})
    assert (article.title, article.questions, article.source) == (wanted, (wanted, "plain"), wanted)
    again = front_matter.read(content)
    assert (again.value("title"), again.values("questions")) == (wanted, (wanted, "plain"))
    # Other readers of the file, git hooks for one, see a text as well.
    front = yaml.safe_load(content.decode().split("---\n")[1]) if text != "---" else None
    assert front is None or isinstance(front["title"], str)


def test_the_value_it_has_already_changes_no_line() -> None:
    document = front_matter.read(PARKING.encode())
    same = {
        key: document.values(key) if key in front_matter.LISTS else document.value(key)
        for key in document.keys()
    }
    assert document.with_values(same).with_body(document.body).to_bytes() == PARKING.encode()


def test_every_shipped_article_survives_the_form_untouched() -> None:
    for path in SHIPPED.rglob("*.md"):
        content = path.read_bytes()
        document = front_matter.read(content)
        shown = drafts.of_document(document)
        form = {**shown.fields, "questions": "\r\n".join(shown.questions)}
        form["body"] = shown.body.replace("\n", "\r\n")
        typed = drafts.of_form(form, shown)
        made = drafts.to_document(typed, document, "published", shown)
        assert made.to_bytes() == content, path


def test_an_emptied_field_leaves_the_file() -> None:
    document = front_matter.read(PARKING.encode())
    text = document.with_values({"owner": "", "questions": ()}).to_bytes().decode()
    assert "owner" not in text and "questions" not in text and "van" in text
    assert "x_board_note: seen in May\ntopic: visiting\n" in text


def test_fields_written_in_braces_or_twice_are_understood() -> None:
    braces = front_matter.read(b'---\n{title: "A: b", x: [1, 2], n: {deep: 1}}\n---\nText\n')
    assert braces.value("title") == "A: b"
    changed = braces.with_values({"title": "New"}).to_bytes()
    front = yaml.load(changed.decode().split("---\n")[1], Loader=yaml.BaseLoader)
    assert front == {"title": "New", "x": ["1", "2"], "n": {"deep": "1"}}
    twice = front_matter.read(b"---\ntitle: one\nowner: x\ntitle: two\n---\nText\n")
    assert twice.value("title") == "two"
    assert twice.with_values({"title": "three"}).to_bytes().count(b"title") == 1


@pytest.mark.parametrize("front", ["", "# only a comment\n", "\n\n", "oops\n", "- a\n- b\n"])
def test_a_front_matter_without_fields_can_get_some(front: str) -> None:
    content = f"---\n{front}---\nText\n".encode()
    document = front_matter.read(content)
    assert document.to_bytes() == content
    made = document.mended().with_values({"title": "Where?"}).to_bytes()
    assert parse_article("en/a", made, {}).title == "Where?"


@pytest.mark.parametrize(
    ("title", "topic", "name"),
    [
        ("¿Dónde me estaciono?", "Visita", "es/visita/donde-me-estaciono"),
        ("../../etc/passwd", "..", "es/other/etc-passwd"),
        ("🅿️", "", "es/other/article"),
        ("x" * 300, "a/b\\c", f"es/a-b-c/{'x' * 60}"),
    ],
)
def test_a_new_articles_name_is_plain_whatever_was_typed(title: str, topic: str, name: str) -> None:
    assert drafts.name_for(Draft({"title": title, "topic": topic, "lang": "es"})) == name


def test_a_form_too_long_is_refused_and_control_characters_vanish() -> None:
    before = drafts.blank("a", "en", demo=False)
    with pytest.raises(drafts.DraftTooLong):
        drafts.of_form({"title": "x" * 1001}, before)
    with pytest.raises(drafts.DraftTooLong):
        drafts.of_form({"body": "x" * 200_001}, before)
    typed = drafts.of_form({"title": "a\0b\x1b\ud800\ufeff", "body": "x\0\r\ny"}, before)
    assert (typed.title, typed.body) == ("ab", "x\ny")
