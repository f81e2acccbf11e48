"""Amounts as networks write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.core import amounts


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12.50", "12.50"),
        ("12,50", "12.50"),
        ("1.234,56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("1 234,56", "1234.56"),
        ("1\u202f234,56", "1234.56"),
        ("1'234.56", "1234.56"),
        ("1\u2019234.56", "1234.56"),
        ("12.345.678", "12345678.00"),
        ("1,234,567.8", "1234567.80"),
        ("1.234", "1234.00"),
        ("1,234", "1234.00"),
        ("0.234", "0.234"),
        ("0,5", "0.50"),
        (".5", "0.50"),
        ("1234.567", "1234.567"),
        ("12.3456789", "12.3456"),
        ("-3,50", "-3.50"),
        ("\u22123.5", "-3.50"),
        ("+7", "7.00"),
        ("12.-", "12.00"),
        ("12.", "12.00"),
        ("\u0661\u0662\u066b\u0665", "12.50"),
        ("0", "0.00"),
    ],
)
def test_rows(text: str, value: str) -> None:
    found = amounts.parse(text)
    assert found is not None
    assert amounts.shown(found) == value


def test_currencies_with_three_decimals() -> None:
    assert amounts.parse("1.234", "kwd") == 12_340
    assert amounts.parse("1.234", "EUR") == 12_340_000


@pytest.mark.parametrize("text", ["", "-", ".", ",", "abc", "1a", "1,2,3.4.5", "1" * 13, "1.2.3,4,5", "٫", "9" * 50])
def test_what_is_no_amount(text: str) -> None:
    assert amounts.parse(text) is None


@given(st.text(max_size=60))
def test_any_text_is_taken_or_not(text: str) -> None:
    found = amounts.parse(text)
    assert found is None or abs(found) < 10**13 * amounts.SCALE


@given(st.integers(-(10**11), 10**11))
def test_what_is_shown_is_read_again(value: int) -> None:
    shown = amounts.shown(value)
    if len(shown.partition(".")[2]) == 3 and len(shown.lstrip("-").partition(".")[0]) <= 3:
        assert amounts.parse(shown, "KWD") == value
    else:
        assert amounts.parse(shown) == value
