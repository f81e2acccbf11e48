"""User data headers, 3GPP TS 23.040 9.2.3.24."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.model import Concat
from homeline.protocol import udh
from homeline.protocol.udh import Element, Header, Waiting


@pytest.mark.parametrize(
    ("octets", "concat"),
    [
        ("0003FF0201", Concat(255, 8, 2, 1)),
        ("0804FFFFFFFF", Concat(65535, 16, 255, 255)),
        ("0003010200", None),  # part 0
        ("0003010001", None),  # of none
        ("0003010203", None),  # part 3 of 2
        ("00020102", None),  # too short an element
        ("00030102010003020202", Concat(2, 8, 2, 2)),  # repeated: the last one counts
        ("00030502010003020200", Concat(5, 8, 2, 1)),  # the last one is void, so to be ignored
    ],
)
def test_concatenation(octets: str, concat: Concat | None) -> None:
    assert udh.decode(bytes.fromhex(octets)).concat == concat


def test_unknown_elements_are_kept() -> None:
    header = udh.decode(bytes.fromhex("0A03000501" + "7000" + "040215B3"))
    assert header.elements == (Element(0x0A, b"\x00\x05\x01"), Element(0x70, b""), Element(0x04, b"\x15\xb3"))
    assert header.ports == (0x15, 0xB3)


@pytest.mark.parametrize(
    ("octets", "waiting", "words"),
    [
        ("01028003", Waiting("voicemail", True, 3, store=True), "voicemail waiting (3)"),
        ("01020000", Waiting("voicemail", False, 0, store=False), "no voicemail waiting"),
        ("01020102", Waiting("fax", True, 2, store=False), "fax waiting (2)"),
        ("01028201", Waiting("e-mail", True, 1), "e-mail waiting (1)"),
        ("01028301", Waiting("other message", True, 1), "other message waiting (1)"),
        ("01028701", Waiting("video message", True, 1), "video message waiting (1)"),
        ("0102E001", Waiting("voicemail", True, 1), "voicemail waiting (1)"),  # profile 4
        ("01028501", Waiting("message", True, 1), "message waiting (1)"),  # reserved
    ],
)
def test_special_message_indication(octets: str, waiting: Waiting, words: str) -> None:
    assert udh.decode(bytes.fromhex(octets)).waiting == (waiting,)
    assert str(waiting) == words


def test_several_indications() -> None:
    kinds = [waiting.kind for waiting in udh.decode(bytes.fromhex("0102800101028102")).waiting]
    assert kinds == ["voicemail", "fax"]


@pytest.mark.parametrize("octets", ["00", "0003", "00030102", "050423F0", "0003010201FF", "000301020100"])
def test_header_with_an_element_that_runs_over_the_end_is_ignored(octets: str) -> None:
    assert udh.decode(bytes.fromhex(octets)) == Header(broken=True)


ELEMENTS = st.lists(st.builds(Element, st.integers(0, 255), st.binary(max_size=12)), max_size=8)


@given(ELEMENTS)
def test_elements_and_back(elements: list[Element]) -> None:
    octets = udh.encode(elements)
    assert udh.decode(octets[1:]).elements == tuple(elements)
    assert octets == b"" if not elements else octets[0] == len(octets) - 1


@given(st.binary(max_size=60))
def test_any_octets(octets: bytes) -> None:
    header = udh.decode(octets)
    assert header.broken or udh.encode(header.elements)[1:] == octets


@given(st.sampled_from([8, 16]), st.integers(0, 255), st.integers(1, 255), st.data())
def test_concat_element(bits: int, reference: int, total: int, data: st.DataObject) -> None:
    place = Concat(reference, bits, total, data.draw(st.integers(1, total)))
    assert udh.decode(udh.encode([udh.concat_element(place)])[1:]).concat == place
