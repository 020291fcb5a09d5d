"""The danger screen: every topic with what it must notice and what it must leave alone."""

import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safety import danger as danger_module
from safety.danger import Level, phrases_fire, screen
from safety.kinds import CARDS, kinds
from safety.meaning import parts_to_read, typed
from safety.rules import HERE, LANGUAGES, lines_of, rules

NOTICED = {
    "cardiac": ["I have crushing chest pain", "me duele mucho el pecho"],
    "stroke": ["his face is drooping on one side", "se le torció la boca de repente"],
    "breathing": ["I can't breathe", "no puedo respirar"],
    "unconscious": ["my wife is unconscious", "mi papá no despierta"],
    "anaphylaxis": ["my throat is closing", "se me está cerrando la garganta"],
    "bleeding": ["I can't stop the bleeding", "no deja de sangrar"],
    "seizure": ["my son is having a seizure right now", "mi hija está convulsionando"],
    "infant": ["my newborn has a fever", "mi recién nacido tiene fiebre"],
    "pregnancy": [
        "I am 30 weeks pregnant and bleeding heavily",
        "estoy embarazada y estoy sangrando mucho",
    ],
    "overdose": [
        "he took fentanyl and is turning blue",
        "le pusimos narcan y se pasó de fentanilo",
    ],
    "sepsis": [
        "stiff neck, fever and the light hurts",
        "tengo fiebre de 40 y el cuello tieso",
    ],
    "diabetes": ["my blood sugar is 35", "tengo el azúcar en 550"],
    "head_injury": [
        "she hit her head and keeps vomiting",
        "se golpeó la cabeza y no deja de vomitar",
    ],
    "injury": ["my brother got stabbed", "le dieron un balazo"],
    "burn": [
        "boiling water spilled on my baby",
        "le cayó agua hirviendo en la cara",
    ],
    "heat_cold": [
        "he stopped sweating in the heat and is confused",
        "dejó de sudar con el calor y está confundido",
    ],
    "acute_pain": [
        "sudden severe pain in my testicle",
        "dolor insoportable en el testículo de repente",
    ],
    "general_emergency": ["please send an ambulance", "manden una ambulancia"],
    "overdose_on_purpose": [
        "I took all my pills on purpose",
        "me tomé todas las pastillas a propósito",
    ],
    "suicide": ["I want to kill myself", "me quiero matar"],
    "third_person_risk": ["my son says he wants to kill himself", "mi hija se quiere matar"],
    "psychosis_command": [
        "the voices tell me to hurt people",
        "las voces me dicen que mate a alguien",
    ],
    "postpartum": [
        "I gave birth and keep picturing drowning my baby",
        "di a luz y pienso en ahogarlo, a mi bebé",
    ],
    "self_harm": ["I keep cutting myself", "no puedo dejar de cortarme"],
    "assault": ["I was raped", "me violaron"],
    "abuse": ["my husband hits me", "mi esposo me pega"],
    "harm_to_others": ["I am going to kill my boss", "voy a matar a mi jefe"],
    "poison": ["my toddler drank bleach", "mi hijo se tomó el cloro"],
}

NEAR_MISSES = [
    "¿Podrían mandarme mejor un mensajito con la fecha?",
    "no quiero más mensajes de texto",
    "no chest pain, just the copay",
    "no me duele el pecho, solo el copago",
    "heart clinic hours",
    "suicide prevention class",
    "clase de prevención del suicidio",
    "heart attack in 2019, do I still need aspirin",
    "my father died of a stroke",
    "mi papá murió de un derrame",
    "Dr. Payne",
    "dying to know when you open",
    "me muero por saber mis resultados",
    "this bill is killing me",
    "bored to death in the waiting room",
    "do you offer a CPR course",
    "what are the signs of a stroke",
    "cuáles son los síntomas de un infarto",
    "my baby is breathing fine, just stuffy",
    "mi bebé respira bien",
    "I am not suicidal, I need a refill",
    "my phone died during the video visit",
    "can I cut the pill in half",
    "flu shot hours",
    "the bleeding stopped yesterday",
    "poison ivy rash",
    "I live on Gunshot Lane",
    "I missed a dose of metformin",
]

GUARDED = [
    ("no I can't breathe", "911"),
    ("not a joke, I want to die", "988"),
    ("I don't want to live", "988"),
    ("I can't stop the bleeding", "911"),
    ("she isn't breathing", "911"),
    ("my dad is slumped and his face is drooping", "911"),
    ("what is the copay, also my chest is tight and my left arm is numb", "911"),
    ("everyone would be better off without me", "988"),
    ("no, no puedo respirar", "911"),
    ("no es broma, me quiero morir", "988"),
    ("todos estarían mejor sin mí", "988"),
]

PLAIN_SUICIDE = [
    "I want to kill myself", "I want to die", "I'm going to end my life", "I am suicidal",
    "I don't want to be alive", "I want to end it all", "I want to hang myself",
    "I tried to kill myself last night", "I'm going to shoot myself",
    "me quiero matar", "quiero morirme", "voy a quitarme la vida", "ya no quiero vivir",
    "quiero suicidarme", "pienso en matarme", "quiero ahorcarme",
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "text"), [(kind, text) for kind, texts in NOTICED.items() for text in texts]
)
def test_each_kind_is_noticed_in_both_languages(kind: str, text: str) -> None:
    found = screen(text)
    assert found.kind == kind, found
    assert (found.level, found.card) == (kinds()[kind].level, kinds()[kind].card)


def test_no_kind_of_the_table_is_left_untested() -> None:
    assert set(NOTICED) == set(kinds())


@pytest.mark.parametrize("text", ["snake bit me", "se electrocutó"])
def test_in_so_few_words_a_phrase_is_never_overruled(text: str) -> None:
    assert screen(text).card == "911"


@pytest.mark.parametrize("text", NEAR_MISSES)
def test_a_near_miss_raises_no_card(text: str) -> None:
    found = screen(text)
    assert (found.level, found.kind, found.card, found.why) == (Level.NONE, None, None, ())


@pytest.mark.parametrize(("text", "card"), GUARDED)
def test_a_guard_never_silences_a_real_danger(text: str, card: str) -> None:
    assert screen(text).card == card


@pytest.mark.parametrize("text", PLAIN_SUICIDE)
def test_a_plain_statement_of_suicide_is_always_noticed(text: str) -> None:
    assert screen(text).card == "988"


NOISE = {
    "upper case": str.upper,
    "double spaces": lambda text: text.replace(" ", "   "),
    "zero width": lambda text: "\u200b".join(text),
    "look-alike letters": lambda text: text.translate(str.maketrans("aeo", "аео")),
    "leetspeak": lambda text: text.replace("e", "3").replace("o", "0"),
    "stretched letters": lambda text: re.sub(r"([aeiou])(?=[a-z]*$)", r"\1\1\1\1", text),
    "emoji": lambda text: f"😭 {text.replace(' ', ' 😭 ', 1)} 💔",
    "punctuation": lambda text: f"{text.replace(' ', ', ', 1)}!!!",
    "full width": lambda text: "".join(
        chr(ord(c) + 0xFEE0) if "a" <= c <= "z" else c for c in text
    ),
    "accents": lambda text: text.replace("a", "á"),
    "no spaces": lambda text: text.replace(" ", ""),
    "dots between": lambda text: text.replace(" ", "."),
}


@pytest.mark.parametrize("noise", sorted(NOISE))
@pytest.mark.parametrize("text", ["i want to die", "i cant breathe", "kill myself", "quiero morir"])
def test_noise_does_not_hide_a_plain_danger(noise: str, text: str) -> None:
    assert screen(NOISE[noise](text)).level is not Level.NONE


@pytest.mark.parametrize(
    "text",
    [
        "k i l l myself",
        "k.i.l.l myself",
        "kms",
        "suic1de thoughts i have",
        "cant breth",
        "1 h4v3 4 p41n 1n my ch3st 4nd 4rm",
        "qu13r0 m0r1rm3",
    ],
)
def test_disguised_words_are_read(text: str) -> None:
    assert screen(text).level is not Level.NONE


def test_the_first_card_is_the_one_that_saves_the_life_at_risk_now() -> None:
    assert screen("he punched me and now I can't breathe").card == "911"
    assert screen("my husband hits me and I want to kill myself").card == "988"


def test_digits_that_are_no_letters_stay_digits() -> None:
    read = parts_to_read(typed("b12 and an h1n1 shot at 3pm, 5mg").whole)
    assert read == ["b12 and an h1n1 shot at 3 pm , 5 mg"]


@pytest.mark.parametrize(
    ("text", "card"),
    [
        ("I took my methadone twice by mistake and can hardly keep my eyes open", "911"),
        ("a spirit tells me to set myself on fire", "988"),
        ("my husband hits me and swears he will kill me if I leave", "violence"),
    ],
)
def test_what_is_said_chooses_the_card_and_not_one_word_of_it(text: str, card: str) -> None:
    assert screen(text).card == card


def test_without_the_model_words_can_speak_against_a_phrase() -> None:
    text = "is the self-harm support group for teens full, my therapist put us on the list"
    assert phrases_fire(text) and screen(text, use_model=False).card is None


def test_why_names_a_line_a_clinician_can_find() -> None:
    for name in screen("I want to kill myself").why:
        place, number = name.split(":")
        lang, topic = place.split("/")
        numbers = {line.number for line in lines_of(HERE / "phrases" / lang / f"{topic}.txt")}
        assert int(number) in numbers


def test_a_fault_in_the_rules_still_raises_a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(text: str) -> Iterator[None]:
        raise RuntimeError

    monkeypatch.setattr(danger_module, "_matches", broken)
    assert screen("I want to die").card == "988"
    assert screen("no puedo respirar").card == "911"
    assert screen("what time do you open").level is Level.NONE


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300))
def test_it_never_raises_and_its_answer_is_whole(text: str) -> None:
    found = screen(text)
    assert (found.level is Level.NONE) == (found.card is None) == (found.kind is None)
    assert found.card is None or found.card in CARDS


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["please help", "what are your hours.", "my copay is 20 dollars.", "hello"]),
    st.sampled_from(["I want to kill myself", "I can't breathe", "me quiero matar"]),
)
def test_words_around_a_danger_do_not_hide_it(around: str, danger: str) -> None:
    assert screen(f"{around} {danger}").level is not Level.NONE
    assert screen(f"{danger}. {around}").level is not Level.NONE


@pytest.mark.parametrize("use_model", [True, False])
def test_a_danger_at_the_end_of_a_very_long_message_is_noticed(use_model: bool) -> None:
    assert screen("what are your hours? " * 400 + "I can't breathe", use_model).card == "911"


def test_every_phrase_file_names_its_source_and_its_approval() -> None:
    for lang in LANGUAGES:
        for path in (HERE / "phrases" / lang).glob("*.txt"):
            if path.stem in ("words", "real_words", "text_speak"):
                continue
            head = path.read_text(encoding="utf-8")[:600]
            assert re.search(r"# (Source|Fuente):", head), path
            assert re.search(r"# (Approved by|Aprobado por):", head), path


def test_both_languages_speak_of_the_same_kinds() -> None:
    spoken = {
        lang: {rule.kind for rule in rules() if rule.name.startswith(lang)}
        for lang in "en es".split()
    }
    assert spoken["en"] == spoken["es"] == set(kinds())
