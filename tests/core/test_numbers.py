"""Numbers: what becomes E.164, and what keeps the network's own text."""

from __future__ import annotations

import subprocess
import sys
import time

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.core.numbers import MAX_TEXT, Number, NumberKind, is_e164, normalize, peer

NUMBER, SHORT, NAME, WITHHELD, UNKNOWN = NumberKind


@pytest.mark.parametrize(
    ("text", "country", "expected"),
    [
        # international: no country needed
        ("+41791234567", "", Number("+41791234567", "CH", NUMBER)),
        ("+41 79 123 45 67", "", Number("+41791234567", "CH", NUMBER)),
        ("+41 (0)79 123 45 67", "", Number("+41791234567", "CH", NUMBER)),
        ("+1-212-555-1234", "CH", Number("+12125551234", "US", NUMBER)),
        ("+390612345678", "", Number("+390612345678", "IT", NUMBER)),  # Italy keeps its 0
        ("+77012345678", "", Number("+77012345678", "KZ", NUMBER)),  # one code, two countries
        ("+883510001234567", "", Number("+883510001234567", "", NUMBER)),  # no country's
        # national: by the configured country
        ("0791234567", "CH", Number("+41791234567", "CH", NUMBER)),
        ("079 123 45 67", "CH", Number("+41791234567", "CH", NUMBER)),
        ("0041791234567", "CH", Number("+41791234567", "CH", NUMBER)),
        ("01141791234567", "US", Number("+41791234567", "CH", NUMBER)),
        ("2125551234", "US", Number("+12125551234", "US", NUMBER)),
        ("89161234567", "RU", Number("+79161234567", "RU", NUMBER)),
        ("0612345678", "IT", Number("+390612345678", "IT", NUMBER)),
        ("0791234567", "", Number("", "", UNKNOWN)),
        ("0791234567", "ZZ", Number("", "", UNKNOWN)),
        ("5551234", "US", Number("", "", UNKNOWN)),  # needs an area code that nobody said
        ("12345678901234567890", "CH", Number("", "", UNKNOWN)),
        # what never becomes a number
        ("333", "CH", Number("", "", SHORT)),
        ("+333", "CH", Number("", "", SHORT)),
        ("116117", "DE", Number("", "", SHORT)),
        ("SwissPass", "CH", Number("", "", NAME)),
        ("1-800-FLOWERS", "US", Number("", "", NAME)),
        ("*100#", "CH", Number("", "", NAME)),
        ("٠٧٩١٢٣٤٥٦٧", "CH", Number("", "", NAME)),
        ("０７９１２３４５６７", "CH", Number("", "", NAME)),
        ("079;ext=1", "CH", Number("", "", NAME)),
        ("+41791234567\nBcc: x", "CH", Number("", "", NAME)),
        ("(((", "CH", Number("", "", NAME)),
        ("9" * 10_000, "CH", Number("", "", NAME)),
        ("", "CH", Number("", "", WITHHELD)),
        ("  ", "CH", Number("", "", WITHHELD)),
    ],
)
def test_normalize(text: str, country: str, expected: Number) -> None:
    assert normalize(text, country) == expected
    assert peer(text, country) == (expected.e164 or text)


def test_an_alphanumeric_sender_of_digits_is_a_name() -> None:
    assert normalize("41791234567", "CH", "alphanumeric").kind is NAME
    assert peer("+41791234567", "CH", "alphanumeric") == "+41791234567"
    assert peer("0791234567", "CH", "alphanumeric") == "0791234567"


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_every_regions_mobile_numbers_meet_in_one_form(region: str) -> None:
    """The example in national and in international form is one conversation."""
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    if example is None:
        pytest.skip(f"phonenumbers has no example of a mobile number for {region}")
    e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    national = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.NATIONAL)
    if sum(character.isdigit() for character in national) <= 6:  # an island whose numbers look like short codes
        assert peer(national, region) == national
    else:
        assert peer(national, region) == e164
    assert normalize(e164, region).e164 == peer(e164, "") == e164


@given(st.text(max_size=60), st.sampled_from(["", "CH", "US", "ZZ", "001", "x" * 50]))
def test_any_text_ends_as_e164_or_as_itself(text: str, country: str) -> None:
    number = normalize(text, country)
    assert (number.kind is NUMBER) == bool(number.e164)
    assert peer(text, country) == (number.e164 or text)
    if number.e164:
        assert number.e164[0] == "+"
        assert number.e164[1:].isascii()
        assert number.e164[1:].isdigit()
        assert normalize(number.e164, "") == number  # once normalised, for ever


@given(st.text(alphabet="0123456789+ ()-./", max_size=MAX_TEXT), st.sampled_from(["CH", "DE", "US", "AR", "MX"]))
def test_what_looks_like_a_number_never_raises(text: str, country: str) -> None:
    assert peer(peer(text, country), country) == peer(text, country)


@given(st.from_regex(r"\+[0-9]{5,17}", fullmatch=True), st.sampled_from(["", "CH", "US", "ZZ"]))
def test_what_is_e164_already_stays_as_it_is(text: str, country: str) -> None:
    if is_e164(text):
        assert normalize(text, country).e164 == text


def test_long_text_is_not_worked_on() -> None:
    before = time.perf_counter()
    for text in ("9" * 1_000_000, "+" * 1_000_000, "(" * 1_000_000, " " * 1_000_000 + "1"):
        normalize(text, "CH")
    assert time.perf_counter() - before < 1  # each is one or two passes, 30 ms in all; the library is not asked


def fresh(code: str) -> str:
    """What a new interpreter prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30).stdout


def test_the_library_is_loaded_by_national_numbers_only() -> None:
    code = (
        "import sys; from homeline.core.numbers import peer\n"
        "peer('+41791234567', 'CH'); peer('333', 'CH'); peer('SwissPass', 'CH'); peer('', 'CH')\n"
        "print('phonenumbers' in sys.modules); peer('0791234567', 'CH'); print('phonenumbers' in sys.modules)"
    )
    assert fresh(code).split() == ["False", "True"]


def test_without_the_library_national_numbers_keep_their_text() -> None:
    code = (
        "import sys; sys.modules['phonenumbers'] = None\n"
        "from homeline.core.numbers import normalize, peer\n"
        "print(peer('0791234567', 'CH'), normalize('+41791234567', '').e164, normalize('0791234567', 'CH').kind)"
    )
    assert fresh(code).split() == ["0791234567", "+41791234567", "unknown"]
