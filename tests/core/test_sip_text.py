"""What goes into a SIP MESSAGE."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.core import sip_text
from homeline.core.sip_text import CUT, LONGEST, MOST, cleaned, pieces, user
from homeline.protocol import ami
from hostile import HOSTILE


def test_a_short_text_is_one_piece_as_it_is() -> None:
    assert pieces("Grüße\nund\tKüsse 💋") == ["Grüße\nund\tKüsse 💋"]
    assert pieces("a\r\nb\rc") == ["a\nb\nc"]
    assert pieces("\0\x1b[2J") == ["[2J"]
    assert pieces("") == pieces("\0\n ") == ["-"]  # an empty MESSAGE would have no type


def test_a_long_text_is_parted_between_words() -> None:
    text = "word " * 400
    found = pieces(text)
    assert len(found) == 3
    assert "".join(found) == text.strip()
    assert all(piece.endswith(" ") for piece in found[:-1])


def test_what_is_far_too_long_is_cut() -> None:
    found = pieces("x" * 64_000)
    assert len(found) == MOST and found[-1].endswith(CUT) and not found[0].endswith(CUT)


@given(st.one_of(st.text(max_size=4000), st.sampled_from(sorted(HOSTILE.values()))))
def test_pieces_fit_and_lose_nothing(text: str) -> None:
    found = pieces(text)
    assert 1 <= len(found) <= MOST
    for piece in found:
        octets = piece.encode()
        assert 0 < len(octets) <= LONGEST
        assert not re.search("[\0-\x08\x0b-\x1f\x7f]", piece)
        assert len("Base64Body: ") + (len(octets) + 2) // 3 * 4 <= ami.LINE_SENT
    whole = "".join(found)
    assert whole == cleaned(text) or (whole.endswith(CUT) and cleaned(text).startswith(whole[:-1]))


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("+41791234567", "+41791234567"),
        ("444", "444"),
        ("Swisscom", "Swisscom"),
        ("Die Post", "DiePost"),
        ('"><sip:x@y>;a=b', "sipxyab"),
        ("a\r\nTo: b", "aTob"),
        ("الرسائل", sip_text.OURS),
        ("", sip_text.OURS),
        ("x" * 99, "x" * 40),
    ],
)
def test_who_it_is_from(peer: str, expected: str) -> None:
    assert user(peer) == expected
