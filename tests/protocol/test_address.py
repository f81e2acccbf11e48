"""Address fields, 3GPP TS 23.040 9.1.2.5."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.errors import DecodeError, EncodeError
from homeline.protocol import address
from homeline.protocol.address import Address


@pytest.mark.parametrize(
    ("field", "text", "kind"),
    [
        ("0B911497214365F7", "+41791234567", "international"),
        ("0BA11497214365F7", "41791234567", "national"),
        ("03B111F2", "112", "network"),
        ("04C92143", "1234", "subscriber"),
        ("03E921F3", "123", "abbreviated"),
        ("03F921F3", "123", "reserved"),
        ("0481AB10", "#*01", "unknown"),
        ("0381DCFE", "abc", "unknown"),
        ("0081", "", "unknown"),
        ("0091", "", "international"),
        ("04812143", "1234", "unknown"),
        ("03812143", "123", "unknown"),  # a digit where the fill should be is not one
    ],
)
def test_types(field: str, text: str, kind: str) -> None:
    assert address.decode(bytes.fromhex(field), 0)[0] == Address(text, kind)


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("00D0", ""),
        ("02D041", "A"),
        ("04D0C118", "A1"),
        ("0DD0CDF2396C7EBB01", "Megafon"),  # 49 bits are 13 semi-octets: the other seven bits are no @
        ("0ED0CDF2396C7EBB01", "Megafon@"),  # 56 bits are 14
        ("12D0C8329BFD065DDF7236", "Hello Worl"),
    ],
)
def test_names(field: str, name: str) -> None:
    assert address.decode(bytes.fromhex(field), 0)[0].text == name


@pytest.mark.parametrize("field", ["", "0B", "0B91", "0B9114972143", "FF91" + "21" * 20])
def test_running_over_the_end(field: str) -> None:
    with pytest.raises(DecodeError, match="address"):
        address.decode(bytes.fromhex(field), 0)


@pytest.mark.parametrize("field", ["", "07", "0791"])
def test_service_centre_over_the_end(field: str) -> None:
    with pytest.raises(DecodeError):
        address.decode_smsc(bytes.fromhex(field))


@pytest.mark.parametrize(("field", "end"), [("00", 1), ("0191", 2)])
def test_no_service_centre(field: str, end: int) -> None:
    assert address.decode_smsc(bytes.fromhex(field)) == ("", end)


@pytest.mark.parametrize("text", ["", "+", "++41", "12 34", "12-34", "abc", "1" * 21, "１２", "12\n", "+41\0"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(EncodeError):
        address.encode(text)


def test_a_name_too_long() -> None:
    assert address.encode("elevenchars", "alphanumeric")[0] == 20
    with pytest.raises(EncodeError, match="12 septets"):
        address.encode("twelve chars", "alphanumeric")


@given(st.text("0123456789*#", min_size=1, max_size=20), st.sampled_from(["", "+"]))
def test_number_and_back(digits: str, plus: str) -> None:
    octets = address.encode(plus + digits)
    assert address.decode(b"xx" + octets + b"yy", 2) == (
        Address(plus + digits, "international" if plus else "unknown"),
        2 + len(octets),
    )


@given(st.text("ABCxyz €é!@", max_size=7))
def test_name_and_back(name: str) -> None:
    try:
        octets = address.encode(name, "alphanumeric")
    except EncodeError:
        return
    assert address.decode(octets, 0) == (Address(name, "alphanumeric"), len(octets))


@given(st.binary(max_size=30), st.integers(0, 30))
def test_any_octets(octets: bytes, at: int) -> None:
    try:
        decoded, end = address.decode(octets, at)
    except DecodeError:
        return
    assert at + 2 <= end <= len(octets)
    assert decoded.type in address.TYPES
