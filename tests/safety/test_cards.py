"""The cards: fixed, whole, safe, and easy to read in both languages."""

import html
import re

import pytest

from safety.cards import FOLDER, card_html
from safety.kinds import CARDS

PHONES = {
    "emergency_phone": "911",
    "crisis_phone": "988",
    "poison_phone": "1-800-222-1222",
    "violence_phone": "1-800-799-7233",
    "clinic.phone": "(503) 555-0110",
}
EVERY = [(card, lang) for card in CARDS for lang in ("en", "es")]


def words_of(card: str, lang: str) -> list[list[str]]:
    """Return the sentences of a card as a patient sees it, as words."""
    text = html.unescape(re.sub(r"<[^>]+>", ". ", card_html(card, lang, PHONES)))
    text = re.sub(r"[\d()-]+(?:[ -][\d-]+)*", "nine", text)
    sentences = (re.findall(r"[^\W\d_]+", one) for one in re.split(r"[.!?:]+", text))
    return [sentence for sentence in sentences if sentence]


def syllables(word: str, lang: str) -> int:
    vowels = "aeiouáéíóúü" if lang == "es" else "aeiouy"
    groups = len(re.findall(f"[{vowels}]+", word.lower()))
    silent = lang == "en" and word.endswith("e") and not word.endswith("le") and groups > 1
    return max(1, groups - silent)


def shape(card: str, lang: str) -> tuple[float, float]:
    """Return words per sentence and syllables per word."""
    sentences = words_of(card, lang)
    words = [word for sentence in sentences for word in sentence]
    spoken = sum(syllables(word, lang) for word in words)
    return len(words) / len(sentences), spoken / len(words)


@pytest.mark.parametrize("card", CARDS)
def test_an_english_card_is_read_at_grade_5_or_below(card: str) -> None:
    length, spoken = shape(card, "en")
    assert 0.39 * length + 11.8 * spoken - 15.59 <= 5.0  # Flesch-Kincaid grade


@pytest.mark.parametrize("card", CARDS)
def test_a_spanish_card_is_easy_by_fernandez_huerta(card: str) -> None:
    length, spoken = shape(card, "es")
    # 80 and above: "easy", the fifth grade of the table by Fernández Huerta (1959).
    assert 206.84 - 60 * spoken - 1.02 * length >= 80


@pytest.mark.parametrize(("card", "lang"), EVERY)
def test_every_card_offers_the_emergency_number_by_a_tap(card: str, lang: str) -> None:
    shown = card_html(card, lang, PHONES)
    assert 'href="tel:911"' in shown and "{{" not in shown
    assert f'class="kb-card kb-card--{card}" lang="{lang}"' in shown


@pytest.mark.parametrize(("card", "lang"), EVERY)
def test_a_tap_calls_the_number_that_is_read(card: str, lang: str) -> None:
    shown = card_html(card, lang, PHONES)
    links = re.findall(r'href="(?:tel|sms):([^"]*)">([^<]*)</a>', shown)
    assert [called for called, _ in links] == [re.sub(r"\D", "", read) for _, read in links]
    read = re.sub(r"<[^>]+>", "", shown)
    assert read.count("555-0110") == (card == "violence"), "no number in pieces"


@pytest.mark.parametrize(("card", "lang"), EVERY)
def test_a_card_says_that_a_clinician_has_yet_to_approve_it(card: str, lang: str) -> None:
    head = (FOLDER / lang / f"{card}.md").read_text(encoding="utf-8")[:200]
    assert "status: awaiting clinician approval" in head


def test_the_crisis_card_can_be_called_and_texted() -> None:
    shown = card_html("988", "en", PHONES)
    assert 'href="tel:988"' in shown and 'href="sms:988"' in shown


def test_other_countries_name_their_own_numbers() -> None:
    shown = card_html("988", "en", {**PHONES, "crisis_phone": "116 123", "emergency_phone": "112"})
    assert 'href="tel:116123"' in shown and "988" not in shown.replace("kb-card--988", "")


def test_values_are_escaped_and_no_link_can_be_smuggled_in() -> None:
    shown = card_html("violence", "en", {**PHONES, "clinic.phone": '"><script>alert(1)</script>'})
    assert "<script" not in shown and 'href="tel:1"' in shown


@pytest.mark.parametrize("lang", ["fr", "", "../..", "zz", "EN-us", "日本"])
def test_an_unknown_language_gets_the_english_card(lang: str) -> None:
    assert card_html("911", lang, PHONES) == card_html("911", "en", PHONES)


def test_without_any_number_of_the_clinic_the_card_still_helps() -> None:
    shown = card_html("violence", "es", {})
    assert 'href="tel:911"' in shown and "{{" not in shown
    assert card_html("nonsense", "en", {}) == card_html("911", "en", {})


@pytest.mark.parametrize(("lang", "words"), [("en", "cannot send help"), ("es", "no manda ayuda")])
def test_the_emergency_card_says_that_the_chat_sends_no_help(lang: str, words: str) -> None:
    assert words in card_html("911", lang, PHONES)
