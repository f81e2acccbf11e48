"""Twilio's signatures, against Twilio's own library and the example of its documentation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from homeline.webhook import signature

# www.twilio.com/docs/usage/security, "Validating signatures"
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
GIVEN = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Caller", "+12349013030"),
    ("Digits", "1234"),
    ("From", "+12349013030"),
    ("To", "+18005551212"),
]
SIGNED = "0/KCTR6DLpKmkAf8muzZqo1nDgQ="
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)


class Several(dict[str, str]):
    """Parameters of which some come twice, as the library wants them."""

    def __init__(self, given: list[tuple[str, str]]) -> None:
        super().__init__(given)
        self._given = given

    def getall(self, name: str) -> list[str]:
        return [value for each, value in self._given if each == name]


def test_the_documented_example() -> None:
    assert signature.of(URL, GIVEN, "12345") == SIGNED
    assert signature.is_valid(SIGNED, URL, reversed(GIVEN), "12345")


@given(st.lists(st.tuples(NAMES, st.text(st.characters(codec="utf-8"), max_size=40)), max_size=8), NAMES)
def test_what_the_library_signs_is_valid_and_nothing_else(given: list[tuple[str, str]], token: str) -> None:
    made = RequestValidator(token).compute_signature(URL, Several(given))
    assert signature.is_valid(made, URL, given, token)
    assert not signature.is_valid(made, URL, [*given, ("one more parameter", "")], token)
    assert not signature.is_valid(made, f"{URL}&more=1", given, token)
    assert not signature.is_valid(made, URL, given, token + "x")


@pytest.mark.parametrize(
    ("configured", "called"),
    [
        ("https://a.example/x", "https://a.example:443/x"),
        ("http://a.example/x", "http://a.example:80/x"),
        ("https://a.example:8443/x", "https://a.example/x"),
        ("https://[2001:db8::1]/x", "https://[2001:db8::1]:443/x"),
    ],
)
def test_with_the_port_and_without(configured: str, called: str) -> None:
    assert signature.is_valid(signature.of(called, GIVEN, "t"), configured, GIVEN, "t")


@pytest.mark.parametrize("forged", ["", "=", "x" * 5000, "ünïcode", "\udcff", SIGNED[:-1], SIGNED.swapcase()])
def test_forged_ones(forged: str) -> None:
    assert not signature.is_valid(forged, URL, GIVEN, "12345")


def test_without_a_token_nothing_is_valid() -> None:
    assert not signature.is_valid(signature.of(URL, GIVEN, ""), URL, GIVEN, "")
