"""Joining parts: the pure decisions."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.core import joining
from homeline.core.joining import OpenMessage
from homeline.model import Concat, ReceivedPart


def opened(number: int, *parts: int, first: int | None = 1000, last: int | None = None) -> OpenMessage:
    return OpenMessage(number, frozenset(parts), first, first if last is None else last)


@pytest.mark.parametrize(
    ("number", "stamp", "candidates", "expected"),
    [
        (1, 1000, [], None),
        (2, 1003, [opened(7, 1)], 7),
        (1, 1000, [opened(7, 1)], None),  # it has that number: the reference is used again
        (2, 1000 + joining.WINDOW, [opened(7, 1)], 7),
        (2, 1001 + joining.WINDOW, [opened(7, 1)], None),
        (2, 999 - joining.WINDOW, [opened(7, 1)], None),
        (3, 1500, [opened(7, 1, 2, first=1000, last=2000)], 7),  # between the stamps of the others
        (2, 5003, [opened(7, 1, first=4800), opened(8, 1, first=5000)], 8),  # the nearest
        (2, 5003, [opened(8, 1, first=5000), opened(7, 1, first=4800)], 8),
        (2, 5003, [opened(7, 1, first=5003), opened(8, 1, first=5003)], 7),  # equally near: the first given
        (2, None, [opened(7, 1)], 7),  # no stamp could be read
        (2, 1000, [opened(7, 1, first=None)], 7),
    ],
)
def test_choose(number: int, stamp: int | None, candidates: list[OpenMessage], expected: int | None) -> None:
    assert joining.choose(number, stamp, candidates) == expected


@pytest.mark.parametrize(
    ("texts", "total", "expected"),
    [
        ({1: "a", 2: "b", 3: "c"}, 3, "abc"),
        ({1: "a", 3: "c"}, 3, "a[part 2 of 3 missing]c"),
        ({3: "c"}, 5, "[parts 1-2 of 5 missing]c[parts 4-5 of 5 missing]"),
        ({}, 2, "[parts 1-2 of 2 missing]"),
        ({1: "x\ud83d", 2: "\ude00y"}, 2, "x\N{GRINNING FACE}y"),
        ({1: "x\ud83d"}, 2, "x\ufffd[part 2 of 2 missing]"),
        ({1: "", 2: ""}, 2, ""),
    ],
)
def test_join_text(texts: dict[int, str], total: int, expected: str) -> None:
    assert joining.join_text(texts, total) == expected


@given(st.text(st.characters(), max_size=30), st.lists(st.integers(0, 30), max_size=5))
def test_text_cut_anywhere_is_whole_again(text: str, cuts: list[int]) -> None:
    """Cut between any two UTF-16 units, through surrogate pairs too."""
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    units = text.encode("utf-16-le")
    edges = [0, *sorted(min(2 * cut, len(units)) for cut in cuts), len(units)]
    pieces = [units[a:b].decode("utf-16-le", "surrogatepass") for a, b in itertools.pairwise(edges)]
    assert joining.join_text(dict(enumerate(pieces, 1)), len(pieces)) == text


@given(st.sets(st.integers(1, 255)), st.integers(1, 255))
def test_gaps_are_all_that_is_missing(have: set[int], total: int) -> None:
    runs = joining.gaps(have, total)
    missing = [number for first, last in runs for number in range(first, last + 1)]
    assert missing == [number for number in range(1, total + 1) if number not in have]
    assert all(b[0] > a[1] + 1 for a, b in itertools.pairwise(runs))


@given(st.text(st.characters(codec=None, categories=None), max_size=20))
def test_whole_characters_can_be_stored(text: str) -> None:
    whole = joining.whole_characters(text)
    assert whole.encode().decode() == whole
    assert joining.whole_characters(whole) == whole


def test_whole_characters_keeps_text() -> None:
    assert joining.whole_characters("a\0\u00fc\N{GRINNING FACE}") == "a\0\u00fc\N{GRINNING FACE}"


TPDU = "040B911497214365F70000521102103040000568C37A3C05"


@pytest.mark.parametrize(
    "again",
    [
        "07911497940600F0" + TPDU,
        "0791149794060010" + TPDU,  # another service centre's address
        "00" + TPDU,  # none: some modems leave it out with direct delivery
        "07911497940600F0" + "00" + TPDU[2:],  # TP-MMS: more messages wait
        ("07911497940600F0" + TPDU).lower(),
    ],
)
def test_a_part_seen_again_has_the_same_key(again: str) -> None:
    assert joining.part_key("sim", again) == joining.part_key("sim", "07911497940600F0" + TPDU)


def test_other_parts_have_other_keys() -> None:
    pdus = ["", "00", "zz", "FF00", "00" + TPDU, "00" + TPDU[:-2] + "06", "00" + TPDU.replace("5211", "5212")]
    keys = {joining.part_key(sim, pdu) for pdu in pdus for sim in ("", "sim", "other")}
    assert len(keys) == 3 * len(pdus)
    assert {len(key) for key in keys} == {16}


@given(st.text(max_size=20), st.text(st.characters(codec=None, categories=None), max_size=40))
def test_any_text_has_a_key(sim: str, pdu: str) -> None:
    assert len(joining.part_key(sim, pdu)) == 16


@pytest.mark.parametrize(
    ("concat", "error", "joins"),
    [
        (None, "", False),
        (Concat(1, 8, 3, 1), "", True),
        (Concat(1, 8, 3, 3), "", True),
        (Concat(1, 8, 3, 4), "", False),
        (Concat(1, 8, 3, 0), "", False),
        (Concat(1, 8, 0, 0), "", False),
        (Concat(1, 8, 1, 1), "", False),
        (Concat(1, 8, 3, 1), "cannot be decoded", False),
    ],
)
def test_concat_of(concat: Concat | None, error: str, joins: bool) -> None:
    part = ReceivedPart("d", "sim", "00", concat=concat, error=error)
    assert joining.concat_of(part) == (concat if joins else None)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("+41791234567", "0791234567", True),
        ("+41791234567", "41791234567", True),
        ("+41791234567", "0041791234567", True),
        ("+41791234567", "+41791234568", False),
        ("+41791234567", "+43791234567", True),  # the country cannot be told from a national form
        ("+3545812345", "5812345", True),
        ("+3545812345", "05812345", True),
        ("12345", "12345", True),
        ("12345", "+4112345", False),  # a short code is compared as a whole
        ("12345", "012345", True),
        ("", "", False),
        ("Bank", "Bank", False),
        ("", "+41791234567", False),
        ("+41 79 123 45 67", "0791234567", True),
    ],
)
def test_same_number(one: str, other: str, same: bool) -> None:
    assert joining.same_number(one, other) is same
    assert joining.same_number(other, one) is same
