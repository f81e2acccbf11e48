"""The 7-bit alphabets against the standard's tables, other projects' vectors, and properties."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from at_rows import rows
from homeline.errors import DecodeError, EncodeError
from homeline.protocol import gsm7, gsm7_national
from homeline.protocol.gsm7_tables import ESCAPE, UNDEFINED

CAPTURES = Path(__file__).parents[1] / "captures/sms"
TABLES = [json.loads(line) for line in (CAPTURES / "tables.jsonl").read_text().splitlines()]
LANGUAGES = range(14)
CHARSET = [param for param in rows("charset") if param.values[0].get("kind") != "ucs2"]


@pytest.mark.parametrize("row", TABLES, ids=lambda row: f"{row['name']}-{row['table']}")
def test_table_is_the_standards(row: Any) -> None:
    cells = " ".join(row["rows"]).split()
    printed = "".join(UNDEFINED if cell == "----" else chr(int(cell, 16)) for cell in cells)
    table = getattr(gsm7.alphabet(row["language"], row["language"]), row["table"])
    assert len(table) == 128
    assert table == printed


def test_all_tables_are_covered() -> None:
    single = {row["language"] for row in TABLES if row["table"] == "single"}
    locking = {row["language"] for row in TABLES if row["table"] == "locking"}
    assert single == set(LANGUAGES)
    assert locking == set(LANGUAGES) - {gsm7_national.SPANISH}  # A.3.2 is void


@pytest.mark.parametrize("language", [14, 100, 255])
def test_unknown_language_is_the_default(language: int) -> None:
    assert gsm7.alphabet(language, language) == gsm7.alphabet()


def test_no_table_has_a_character_at_the_escape() -> None:
    for language in LANGUAGES:
        assert {table[ESCAPE] for table in gsm7.alphabet(language, language)} == {UNDEFINED}


@pytest.mark.parametrize("row", CHARSET)
def test_other_projects_vectors(row: Any) -> None:
    """Replacing and dropping letters on request is not offered: a text that 7-bit lacks goes as UCS-2, unchanged."""
    text = row["text"]
    if row["kind"] in ("char", "packed"):
        septets = bytes.fromhex(row["septets"])
        assert gsm7.encode(text) == septets
        assert gsm7.decode(septets) == text
    if row["kind"] == "char_decode_only":
        assert gsm7.decode(bytes.fromhex(row["septets"])) == text
    if row["kind"] in ("char_decode_only", "not_gsm", "char_replace", "discard"):
        with pytest.raises(EncodeError):
            gsm7.encode(text)
    if row["kind"] == "packed":
        packed = bytes.fromhex(row["packed"])
        assert gsm7.pack(gsm7.encode(text)) == packed
        assert gsm7.unpack(packed, row["septet_count"]) == gsm7.encode(text)


@pytest.mark.parametrize(
    ("septets", "text"),
    [
        (b"a\x1b", "a\xa0"),  # an escape at the very end
        (b"a\x1b\x1bb", "a\xa0b"),  # reserved for a further table
        (b"\x1ba", "a"),  # 6.2.1.1: not in the extension table, so the default table's letter
        (b"\x1b\x65\x1b\x3c", "€["),
        (b"\x1b\x0a", "\f"),
    ],
)
def test_escapes(septets: bytes, text: str) -> None:
    assert gsm7.decode(septets) == text


def test_the_first_septet_of_a_single_shift_table() -> None:
    tables = gsm7.alphabet(gsm7_national.HINDI, gsm7_national.HINDI)
    assert gsm7.encode("@", tables) == b"\x1b\x00"
    assert gsm7.decode(b"\x1b\x00", tables) == "@"


def test_undefined_septet_of_a_locking_table_is_kept_as_a_mark() -> None:
    assert gsm7.decode(b"\x00\x0c\x01", gsm7.alphabet(locking=gsm7_national.BENGALI)) == "\u0981\ufffd\u0982"


def test_error_names_character_and_place() -> None:
    with pytest.raises(EncodeError, match=r"character 2 \(U\+4E16\)"):
        gsm7.encode("ab世")


def test_unpacking_more_than_there_is() -> None:
    with pytest.raises(DecodeError, match="9 septets announced, 8 there"):
        gsm7.unpack(bytes(7), 9)
    with pytest.raises(DecodeError):
        gsm7.unpack(b"", 1)


@given(st.binary(max_size=160).map(lambda data: bytes(octet & 0x7F for octet in data)), st.integers(0, 6))
def test_packing_and_back(septets: bytes, fill: int) -> None:
    packed = gsm7.pack(septets, fill)
    assert len(packed) == (len(septets) * 7 + fill + 7) // 8
    assert gsm7.unpack(packed, len(septets), fill) == septets
    assert gsm7.capacity(len(packed), fill) >= len(septets)


@given(st.data(), st.sampled_from(LANGUAGES), st.sampled_from(LANGUAGES))
def test_text_and_back(data: st.DataObject, locking: int, single: int) -> None:
    tables = gsm7.alphabet(locking, single)
    letters = sorted(set("".join(tables)) - {UNDEFINED})
    text = data.draw(st.text(st.sampled_from(letters), max_size=80))
    assert gsm7.decode(gsm7.encode(text, tables), tables) == text


@given(st.binary(max_size=160).map(lambda data: bytes(octet & 0x7F for octet in data)), st.sampled_from(LANGUAGES))
def test_every_septet_reads_as_something(septets: bytes, language: int) -> None:
    text = gsm7.decode(septets, gsm7.alphabet(language, language))
    assert len(septets) - septets.count(ESCAPE) <= len(text) <= len(septets)
