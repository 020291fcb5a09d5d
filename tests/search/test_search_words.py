"""Words: folding, language, spelling, BM25, sentences, follow-ups, and the piece that is shown."""

from __future__ import annotations

from collections import Counter

import pytest

from search.followup import joined
from search.gloss import english_of, meant
from search.language import notice_language
from search.lexical import index_terms
from search.shown import MAX_WORDS, as_html, best_piece
from search.spelling import Vocabulary
from search.text import oddness, terms_of, words_of
from search.views import sentences_of


def test_case_accents_and_width_are_folded() -> None:
    assert words_of("Don't CANCELÉ ｆｕｌｌ COVID-19") == ["dont", "cancele", "full", "covid", "19"]
    assert terms_of("vacunación", "es") == terms_of("VACUNACION", "es")
    assert terms_of("refills", "en") == terms_of("refill", "en")


def test_names_are_far_from_everyday_speech() -> None:
    assert oddness("house") < 0.2 < oddness("retinoblastoma") == 1.0


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("donde estaciono", "es"),
        ("cita", "es"),
        ("hay escaleras", "es"),
        ("efectos secundarios", "es"),
        ("tos seca", "es"),
        ("no puedo ir manana", "es"),
        ("¿?", "es"),
        ("where do i park", "en"),
        ("refill", "en"),
        ("flu shot", "en"),
        ("do you have a doctor for kids", "en"),
    ],
)
def test_the_language_of_a_few_words_is_noticed(text: str, lang: str) -> None:
    assert notice_language(text, "xx") == lang


@pytest.mark.parametrize("text", ["", "12345", "x", "!!!", "covid", "医生"])
def test_a_text_that_does_not_tell_gets_the_language_offered(text: str) -> None:
    assert notice_language(text, "es") == "es"
    assert notice_language(text, "en") == "en"


@pytest.mark.parametrize(
    ("spanish", "english"),
    [
        ("Quiero hacer una cita.", "i want make an appointment."),
        ("¿Tienen Medicaid?", "do you have medicaid?"),
        ("pastillas, recetas", "pills, prescriptions"),
        ("", ""),
    ],
)
def test_spanish_is_read_as_rough_english(spanish: str, english: str) -> None:
    assert english_of(spanish) == english


def test_a_phrase_is_not_found_across_a_full_stop() -> None:
    assert english_of("codigo de verificacion") == "verification code"
    assert "verification code" not in english_of("codigo. de verificacion")


def test_english_is_read_as_it_stands() -> None:
    assert meant("Can I see a doctor?", "en") == "Can I see a doctor?"


def test_rare_words_count_more_and_absent_ones_nothing() -> None:
    index = index_terms([["visit", "cost"], ["visit", "park"], ["visit", "visit"]])
    scores = index.score(["park", "visit", "unheard"])
    assert int(scores.argmax()) == 1
    assert scores[2] > 0
    assert index.score(["unheard"]).tolist() == [0, 0, 0]
    assert index.rarity_of("unheard") > index.rarity_of("park") > index.rarity_of("visit")
    assert index.passages_of("visit").tolist() == [0, 1, 2]


@pytest.fixture
def vocabulary() -> Vocabulary:
    text = (
        "appointment appointments prescription refill fosamax metformin hypothyroidism referral "
        "prednisone cancellation"
    )
    return Vocabulary(Counter(words_of(text * 3)))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("my apointment", "my appointment"),
        ("PRESCIPTION, please", "prescription, please"),
        ("a refferal?", "a referral?"),
        ("cancelation", "cancellation"),
    ],
)
def test_a_misspelt_word_is_mended(vocabulary: Vocabulary, typed: str, meant: str) -> None:
    understood = vocabulary.mend(typed)
    assert understood.text == meant
    assert not understood.is_guess


@pytest.mark.parametrize(
    "text", ["house and garden", "estacionamiento", "magneticas", "xx", "12345678", "zzzzzzzz"]
)
def test_other_words_are_left_alone(vocabulary: Vocabulary, text: str) -> None:
    assert vocabulary.mend(text).text == text


@pytest.mark.parametrize("name", ["topamax", "prednisolone", "hyperthyroidism", "losamax"])
def test_one_name_is_never_silently_taken_for_another(vocabulary: Vocabulary, name: str) -> None:
    understood = vocabulary.mend(f"side effects of {name}")
    assert understood.is_guess or understood.text == f"side effects of {name}"


def test_a_story_is_cut_into_its_sentences() -> None:
    story = (
        "I was told last week that I have gallstones. My neighbour had hers out in May. "
        "Do I have to have the surgery? I am rather scared, to be honest."
    )
    pieces = sentences_of(story)
    assert "Do I have to have the surgery?" in pieces
    assert sentences_of("Do I have to have the surgery?") == []
    assert all(len(piece.split()) <= 30 for piece in sentences_of("word " * 5000))


@pytest.mark.parametrize(
    "question", ["and on saturday?", "what about kids", "is it free", "y los sabados?", "how much"]
)
def test_a_question_that_leans_on_the_last_one_takes_it_along(question: str) -> None:
    assert joined(question, "When are you open?") == f"When are you open? {question}"


@pytest.mark.parametrize(
    "question", ["where can i park my car", "", "refill my blood pressure pills"]
)
def test_a_question_that_stands_alone_does_not(question: str) -> None:
    assert joined(question, "When are you open?") is None


def rarity(term: str) -> float:
    return 1.0


def test_a_short_passage_is_shown_whole() -> None:
    assert best_piece("One.\n- two\n- three", "en", set(), rarity) == "One.\n- two\n- three"


def test_the_piece_that_names_what_was_asked_is_shown_in_whole_sentences() -> None:
    filler = "This sentence speaks of quite other things for a while. " * 12
    text = f"{filler}The fee for parking is four dollars. {filler}".strip()
    piece = best_piece(text, "en", set(terms_of("parking fee", "en")), rarity)
    assert "The fee for parking is four dollars." in piece
    assert len(piece.split()) <= MAX_WORDS
    assert piece.startswith(("This", "The"))
    assert piece.endswith(".")


def test_a_list_keeps_its_lines_and_its_lead() -> None:
    filler = "This sentence speaks of quite other things for a while. " * 12
    text = f"{filler.strip()}\nPlease bring:\n- a photo card\n- your insurance card\n- a list"
    piece = best_piece(text, "en", set(terms_of("insurance card", "en")), rarity)
    assert "Please bring:\n- a photo card\n- your insurance card\n- a list" in piece


def test_a_sentence_without_end_is_cut_at_the_limit() -> None:
    piece = best_piece("word " * 300, "en", set(), rarity)
    assert len(piece.split()) <= MAX_WORDS
    assert piece.endswith("…")


def test_a_piece_is_shown_as_what_it_was_and_no_word_of_it_is_markup() -> None:
    piece = "Bring <both>:\n- your card & a photo\n- {0} your pills\nDay | Hours\nMonday | 8 to 5"
    assert as_html(piece) == (
        "<p>Bring &lt;both&gt;:</p>"
        "<ul><li>your card &amp; a photo</li><li>{0} your pills</li></ul>"
        "<table><tbody><tr><td>Day</td><td>Hours</td></tr>"
        "<tr><td>Monday</td><td>8 to 5</td></tr></tbody></table>"
    )
    assert as_html("") == "<p></p>"
