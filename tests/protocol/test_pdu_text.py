"""How a text is written and cut into parts (3GPP TS 23.040 9.2.3.24.1, 23.038 6)."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.errors import EncodeError
from homeline.protocol import gsm7_national, pdu
from homeline.protocol.pdu import Content, Preview
from homeline.protocol.pdu_text import segments


@pytest.mark.parametrize(
    ("text", "encoding", "parts", "left"),
    [
        ("", "gsm7", 1, 160),
        ("hello", "gsm7", 1, 155),
        ("x" * 160, "gsm7", 1, 0),
        ("x" * 161, "gsm7", 2, 2 * 153 - 161),
        ("x" * 306, "gsm7", 2, 0),
        ("€" * 80, "gsm7", 1, 0),
        ("€" * 81, "gsm7", 2, 153 - 10),  # 76 fit into the first part, whose last septet stays empty
        ("ç", "ucs2", 1, 69),
        ("я" * 70, "ucs2", 1, 0),
        ("я" * 71, "ucs2", 2, 2 * 67 - 71),
        ("👍" * 35, "ucs2", 1, 0),
        ("👍" * 36, "ucs2", 2, 67 - 6),  # 33 pairs fit into 67 code units
        ("x" * 153 * 255, "gsm7", 255, 0),
    ],
)
def test_preview(text: str, encoding: str, parts: int, left: int) -> None:
    assert pdu.preview(text) == Preview(encoding, parts, left)
    assert len(pdu.encode_submit("+1", text)) == parts


def test_more_parts_than_can_be_joined() -> None:
    with pytest.raises(EncodeError, match="256 parts"):
        pdu.preview("x" * (153 * 255 + 1))


@pytest.mark.parametrize("content", [Content("ж" * 1_000_000), Content(data=bytes(1_000_000))])
def test_a_text_beyond_all_measure_costs_no_time(content: Content) -> None:
    started = time.perf_counter()
    with pytest.raises(EncodeError, match="message of 1000000 characters"):
        pdu.encode_submit("+1", content)
    assert time.perf_counter() - started < 0.05


def test_an_escape_pair_is_not_cut() -> None:
    first, second = segments(Content("x" * 152 + "€" + "y" * 20))
    assert (first.text, second.text) == ("x" * 152, "€" + "y" * 20)


def test_a_surrogate_pair_is_not_cut() -> None:
    first, second = segments(Content("я" * 66 + "👍" + "я" * 20))
    assert (first.text, second.text) == ("я" * 66, "👍" + "я" * 20)


@pytest.mark.parametrize(
    "cluster",
    ["и\u0306", "e\u0301\u0323", "👍🏽", "👩\u200d👩\u200d👧", "❤\ufe0f", "कि"],
)
@pytest.mark.parametrize("before", [65, 66])
def test_a_letter_keeps_its_marks(cluster: str, before: int) -> None:
    first, second = segments(Content("я" * before + cluster + "я" * 40))
    whole_in_first = first.text == "я" * before + cluster + "я" * (len(first.text) - before - len(cluster))
    assert whole_in_first or second.text.startswith(cluster)


def test_endless_marks_are_cut_all_the_same() -> None:
    parts = segments(Content("я" + "\u0306" * 300))
    assert "".join(part.text for part in parts) == "я" + "\u0306" * 300
    assert all(len(part.body) <= 134 for part in parts)


TURKISH, SPANISH, PORTUGUESE, HINDI = (
    gsm7_national.TURKISH,
    gsm7_national.SPANISH,
    gsm7_national.PORTUGUESE,
    gsm7_national.HINDI,
)


@pytest.mark.parametrize(
    ("text", "languages", "encoding", "elements"),
    [
        ("plain", (TURKISH,), "gsm7", ""),  # the default alphabet wherever it will do
        ("ışık" * 20, (), "ucs2", ""),
        ("ışık" * 20, (TURKISH,), "gsm7", "250101"),  # all its letters are in the locking table
        ("x" * 97 + "ş", (TURKISH,), "gsm7", "240101"),  # as small as the locking one: single shift comes first
        ("x" * 100 + "ş", (SPANISH,), "ucs2", ""),  # not its letter
        ("está aquí" * 8, (SPANISH,), "gsm7", "240102"),
        ("ã" * 100, (SPANISH, PORTUGUESE), "gsm7", "250103"),
        ("नमस्ते" * 20 + "१", (HINDI,), "gsm7", "250106240106"),
        ("ş", (TURKISH,), "ucs2", ""),  # two octets against a header
    ],
)
def test_national_language_only_on_wish_and_where_smaller(
    text: str, languages: tuple[int, ...], encoding: str, elements: str
) -> None:
    part = segments(Content(text, languages=languages))[0]
    header = "".join(f"{e.id:02X}{len(e.data):02X}{e.data.hex()}" for e in part.elements if e.id in (0x24, 0x25))
    assert (part.encoding, header) == (encoding, elements)
    assert pdu.preview(text, languages).encoding == encoding


def test_wished_encodings() -> None:
    assert segments(Content("abc", encoding="ucs2"))[0].body == "abc".encode("utf-16-be")
    assert segments(Content("ş" * 9, encoding="gsm7", languages=(TURKISH,)))[0].encoding == "gsm7"
    with pytest.raises(EncodeError, match=r"character 1 \(U\+015F\)"):
        segments(Content("aş", encoding="gsm7"))
    with pytest.raises(EncodeError, match="latin1"):
        segments(Content("a", encoding="latin1"))


@pytest.mark.parametrize("encoding", ["auto", "ucs2"])
def test_half_a_character_is_refused(encoding: str) -> None:
    with pytest.raises(EncodeError, match="character 2 of the text is half a surrogate pair"):
        segments(Content("яя\ud83d", encoding=encoding))


@pytest.mark.parametrize(("reference", "bits"), [(256, 8), (-1, 8), (65536, 16)])
def test_reference_out_of_range(reference: int, bits: int) -> None:
    with pytest.raises(EncodeError, match="reference"):
        segments(Content("a", concat_reference=reference, concat_bits=bits))


@pytest.mark.parametrize("ports", [(65536, 0), (0, 65536), (-1, 0)])
def test_ports_out_of_range(ports: tuple[int, int]) -> None:
    with pytest.raises(EncodeError, match="65535"):
        pdu.encode_submit("+1", Content("a", ports=ports))


def test_binary_data_in_parts() -> None:
    data = bytes(range(256))
    parts = segments(Content(data=data, ports=(2948, 9200), concat_reference=77, concat_bits=16))
    assert b"".join(part.body for part in parts) == data
    assert [len(part.body) for part in parts] == [140 - 13, 140 - 13, 2]


TEXTS = st.text(
    st.one_of(st.sampled_from("abc é€[]{}^\n@ΔÜ"), st.characters(exclude_categories=["Cs"])), max_size=700
) | st.text("ab€{ç👍и\u0306", max_size=700)


@given(TEXTS, st.sampled_from([8, 16]), st.sets(st.sampled_from(range(1, 14)), max_size=3))
def test_parts_put_together_are_the_text(text: str, bits: int, languages: set[int]) -> None:
    content = Content(text, languages=tuple(languages), concat_reference=200, concat_bits=bits)
    encoded = pdu.encode_submit("+41791234567", content)
    decoded = [pdu.decode(part.pdu) for part in encoded]
    texts = []
    for number, part in enumerate(decoded, 1):
        assert isinstance(part, pdu.Submit)
        assert not part.user.truncated
        assert part.tpdu_length == encoded[number - 1].length <= 164
        assert part.user.text == encoded[number - 1].text
        place = part.user.concat
        if len(decoded) == 1:
            assert place is None
        else:
            assert place is not None
            assert (place.reference, place.bits, place.total, place.number) == (200, bits, len(decoded), number)
        texts.append(part.user.text)
    assert "".join(texts) == text
    assert len(decoded) >= pdu.preview(text, tuple(languages)).parts


@given(TEXTS)
def test_room_left_is_exact(text: str) -> None:
    """One more character of the encoding fits for each that is said to be left, and no more."""
    before = pdu.preview(text)
    letter = "a" if before.encoding == "gsm7" else "я"
    full = pdu.preview(text + letter * before.left)
    assert (full.encoding, full.parts, full.left) == (before.encoding, before.parts, 0)
    assert pdu.preview(text + letter * (before.left + 1)).parts > before.parts
