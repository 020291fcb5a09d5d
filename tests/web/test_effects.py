"""Which answers an edit changes, and one question tried on what is published and on the draft."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from search.answer import Outcome
from search.encoder import Encoder, load_encoder
from search.index import Index, build
from search.text import fold
from tests.web.editor_desk import Writing, form_of
from web.articles import effects
from web.articles.effects import Kind, Question, Source
from web.models import RoleName

ROOT = Path(__file__).resolve().parents[2]
PARKING = "en/visiting/parking"
GARAGE = "do i have to pay for the garage"


@pytest.fixture(scope="module")
def model() -> Encoder:
    return load_encoder(ROOT / "var" / "models")


@pytest.fixture(scope="module")
def clinic(model: Encoder) -> Index:
    return build(ROOT / "kb_articles", model)[0]


def of_patients(*texts: str, lang: str = "en") -> list[Question]:
    return [Question(text, lang, Source.PATIENT) for text in texts]


# What changes ------------------------------------------------------------------------------------


@pytest.mark.model
def test_a_withdrawn_article_loses_its_answers_and_no_others(clinic: Index, model: Encoder) -> None:
    asked = of_patients(GARAGE, "how do i pay my bill online")
    assert all(effects.answer(clinic, model, one).is_answer for one in asked), "the test's ground"
    without = effects.with_draft(clinic, model, PARKING, None)
    found = effects.effects(clinic, without, model, asked, PARKING)
    assert [(one.kind, one.question.text) for one in found.changes] == [(Kind.LOST, GARAGE)]
    assert found.changes[0].before.article == PARKING


@pytest.mark.model
def test_an_article_brought_back_gains_them_again(clinic: Index, model: Encoder) -> None:
    without = effects.with_draft(clinic, model, PARKING, None)
    back = effects.with_draft(without, model, PARKING, clinic.articles[PARKING])
    found = effects.effects(without, back, model, of_patients(GARAGE), PARKING)
    assert [(one.kind, one.after.article) for one in found.changes] == [(Kind.GAINED, PARKING)]


@pytest.mark.model
def test_other_words_of_the_same_answer_are_told(clinic: Index, model: Encoder) -> None:
    article = clinic.articles[PARKING]
    asked = of_patients(GARAGE)
    before = effects.answer(clinic, model, asked[0])
    first = before.shown.split()[0]
    edited = replace(article, body=article.body.replace(first, f"Please note: {fold(first)}", 1))
    draft = effects.with_draft(clinic, model, PARKING, edited)
    found = effects.effects(clinic, draft, model, asked, PARKING)
    assert [one.kind for one in found.changes] == [Kind.OTHER]
    assert found.changes[0].after.shown != before.shown


@pytest.mark.model
def test_the_short_way_finds_what_the_long_way_finds(clinic: Index, model: Encoder) -> None:
    """Only questions near the article are asked in full; of the others, one in 200 may change."""
    names = list(clinic.articles)[::9]
    asked = [
        Question(text, article.lang, Source.PATIENT)
        for article in clinic.articles.values()
        for text in article.questions[:2]
    ]
    before = [effects.answer(clinic, model, one) for one in asked]
    for name in names[:4]:
        without = effects.with_draft(clinic, model, name, None)
        found = effects.effects(clinic, without, model, asked, name, within_s=600)
        changed = {
            question.text
            for question, was in zip(asked, before, strict=True)
            if effects._kind(was, effects.answer(without, model, question)) is not None
        }
        short = {one.question.text for one in found.changes}
        assert short <= changed
        assert len(changed - short) <= len(asked) / 200, name


def test_when_time_is_short_the_rest_is_counted_and_told(room: Writing) -> None:
    index = room.desk.services.publisher.index
    assert index is not None
    ticks = itertools.count()
    found = effects.effects(
        index,
        index,
        None,
        of_patients(*"abcdefgh"),
        PARKING,
        within_s=3.5,
        clock=lambda: float(next(ticks)),
    )
    assert (found.tried, found.known) == (3, 8)


def test_the_clinics_own_questions_come_first_and_each_wording_once(room: Writing) -> None:
    room.write("questions", "")
    (room.folder / "questions.md").unlink()
    (room.folder / effects.REGRESSION_FILE).write_text(
        f"query\tarticles\nIs parking free\t{PARKING}\nwho won the match\t\n"
    )
    index = room.desk.services.publisher.index
    assert index is not None
    asked = [("is parking  FREE", "en"), ("where is the lift", "en")]
    found = effects.questions_for(index, index, PARKING, room.folder, asked)
    assert [(one.text, one.source) for one in found] == [
        ("Is parking free", Source.REGRESSION),
        ("who won the match", Source.REGRESSION),
        ("garage: where", Source.OWN),
        ("where is the lift", Source.PATIENT),
    ]
    assert found[0].wanted == {PARKING}
    assert found[1].wanted == frozenset()


def test_an_answer_the_clinic_does_not_want_is_marked() -> None:
    none = effects.Answer(Outcome.NONE, "", "", "", "")
    parking = effects.Answer(Outcome.ANSWER, PARKING, "Where do I park?", "", "Behind the house.")
    wanted = Question("how do i get home", "en", Source.REGRESSION, frozenset({"en/rides"}))
    assert effects.Change(Kind.GAINED, wanted, none, parking).is_wrong
    right = replace(wanted, wanted=frozenset({PARKING}))
    assert not effects.Change(Kind.GAINED, right, none, parking).is_wrong
    assert not effects.Change(Kind.LOST, wanted, parking, none).is_wrong


# The pages ---------------------------------------------------------------------------------------


def test_what_stands_in_the_form_is_tried_and_nothing_is_saved(room: Writing) -> None:
    eli = room.someone()
    form = form_of(eli.get(f"/editor/articles/{PARKING}"))
    before = room.files(), room.text()
    form["body"] = "Park on the roof. It costs nothing."
    answer = eli.post("/editor/effects", form)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "What this edit changes" in page
    assert (room.files(), room.text()) == before
    assert room.acts() == []


def test_a_form_without_a_title_says_what_is_missing(room: Writing) -> None:
    eli = room.someone()
    form = form_of(eli.get("/editor/new"))
    answer = eli.post("/editor/effects", form)
    assert answer.status_code == 422
    assert "no title or no words" in answer.get_data(as_text=True)


def test_a_question_is_tried_with_its_score_and_its_words(room: Writing) -> None:
    page = room.someone().get("/editor/effects?q=where+do+i+park+my+van")
    assert "Published:" in page
    assert "Where do I park?" in page
    assert "park" in page
    assert "% sure" in page


def test_a_reviewer_tries_a_question_on_the_saved_draft(room: Writing) -> None:
    eli = room.someone()
    form = form_of(eli.get(f"/editor/articles/{PARKING}"))
    form["body"] = "Park on the roof. It costs nothing."
    assert eli.post(f"/editor/articles/{PARKING}", {**form, "action": "submit"}).status_code == 302
    rui = room.someone("Rui", RoleName.REVIEWER)
    page = rui.get(f"/editor/effects/{PARKING}?q=may+i+park+on+the+roof")
    assert "With the draft:" in page
    assert "Published:" in page
    assert "roof" in page.split("With the draft:")[1]


def test_only_editors_and_reviewers_see_it(room: Writing) -> None:
    ana = room.someone("Ana", RoleName.AGENT)
    for path in ("/editor/effects", "/editor/gaps", f"/editor/effects/{PARKING}"):
        assert room.desk.client().client.get(path).status_code == 302, "to the sign-in"
        assert ana.client.get(path).status_code in (403, 404)
