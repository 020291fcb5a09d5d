"""The contact form: what is accepted, what is said of a mistake, what is masked."""

from __future__ import annotations

import pytest

from web.chat.contact import MAX_CHARACTERS, ContactInvalid, check

GOOD = {"name": "Pat", "phone": "503 555 0123", "message": "Please call me about my bill."}


@pytest.mark.parametrize(
    "phone",
    [
        "503 555 0123",
        "(503) 555-0123",
        "+1 503.555.0123",
        "5035550123",
        "555-0123",
        "503 555 0123 ext. 12",
        "503/5550123 x4",
        "+44 20 7946 0958",
    ],
)
def test_it_works_with_phones_as_people_write_them(phone: str) -> None:
    assert check({**GOOD, "phone": phone}).as_dict() == {**GOOD, "phone": phone}


@pytest.mark.parametrize("email", ["pat@example.com", "p.a+t@mail.example.co", "pät@exämple.com"])
def test_an_email_is_enough(email: str) -> None:
    contact = check({"name": "Pat", "email": email, "message": "Hello"})
    assert contact.as_dict() == {"name": "Pat", "email": email, "message": "Hello"}


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        ({"name": ""}, {"name": "name_missing"}),
        ({"name": "   "}, {"name": "name_missing"}),
        ({"name": None}, {"name": "name_missing"}),
        ({"message": ""}, {"message": "message_missing"}),
        ({"phone": ""}, {"phone": "reach_missing"}),
        ({"phone": "call me"}, {"phone": "phone_wrong"}),
        ({"phone": "555"}, {"phone": "phone_wrong"}),
        ({"phone": "1" * 16}, {"phone": "phone_wrong"}),
        ({"email": "pat@"}, {"email": "email_wrong"}),
        ({"email": "pat@home"}, {"email": "email_wrong"}),
        ({"email": "pat example.com"}, {"email": "email_wrong"}),
        ({"message": "x" * (MAX_CHARACTERS["message"] + 1)}, {"message": "too_long"}),
        (
            {"name": "", "phone": "", "message": ""},
            {"name": "name_missing", "phone": "reach_missing", "message": "message_missing"},
        ),
    ],
)
def test_each_mistake_is_named_at_its_field(
    change: dict[str, str | None], faults: dict[str, str]
) -> None:
    with pytest.raises(ContactInvalid) as refusal:
        check({**GOOD, **change})
    assert refusal.value.fields == faults


def test_fields_nobody_asked_for_are_dropped() -> None:
    assert "ssn" not in check({**GOOD, "ssn": "123-45-6789"}).as_dict()


def test_identifiers_in_the_free_text_are_masked_and_the_way_to_reach_them_is_not() -> None:
    contact = check({**GOOD, "message": "My social security number is 123-45-6789."})
    assert "123-45-6789" not in contact.message
    assert contact.phone == "503 555 0123"


def test_a_refusal_does_not_repeat_what_was_typed() -> None:
    with pytest.raises(ContactInvalid) as refusal:
        check({**GOOD, "phone": "my secret"})
    assert "secret" not in str(refusal.value)
