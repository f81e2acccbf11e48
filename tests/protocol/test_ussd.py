"""+CUSD in its three dialects (3GPP TS 27.007 7.15, 23.038 5 and 6.1.2.3)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from at_rows import rows
from homeline.errors import DecodeError, EncodeError
from homeline.protocol import gsm7, ussd
from homeline.protocol.ussd import Dialect, Reply, State

KINDS = {
    "plain": Dialect.PLAIN,
    "hex of packed 7-bit": Dialect.PACKED,
    "hex of UCS2": Dialect.UCS2,
    "hex of UCS2 with language code": Dialect.UCS2,
}


@pytest.mark.parametrize("row", rows("ussd"))
def test_other_projects_vectors(row: Any) -> None:
    charset = row["context"].get("cscs", "")
    if row["should"] == "error":  # a final result of the AT command: no +CUSD at all
        with pytest.raises(DecodeError):
            ussd.parse(row["reply"], charset)
        return
    lines = [line for line in row.get("reply_lines", [row["reply"]]) if line.startswith("+CUSD")]
    reply = ussd.answer([ussd.parse(line, charset) for line in lines])
    expected = row["expected"]
    assert reply is not None
    assert (reply.state, reply.text, reply.dcs) == (expected["status"], expected["text"], expected["dcs"])
    assert reply.session_open == expected["session_open"]
    assert reply.dialect is KINDS[expected["payload"]]


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("+CUSD: 4", Reply(State.UNSUPPORTED)),
        ("+CUSD:5", Reply(State.TIMED_OUT)),
        ('+CUSD: 2,""', Reply(State.ENDED)),
        ('+CUSD: 0,"",15', Reply(State.DONE, "", 15)),
        ('+CUSD: 1,"a, "b", c",15', Reply(State.WANTED, 'a, "b", c', 15)),
        ('+CUSD: 0,"x",', Reply(State.DONE, "x")),
        ("+CUSD: 0,C8329BFD06,15", Reply(State.DONE, "Hello", 15, Dialect.PACKED)),
        ("+CUSD: 0,Balance 5,50 EUR,15", Reply(State.DONE, "Balance 5,50 EUR", 15)),
        ('+CUSD: 0,"cut', Reply(State.DONE, "cut")),
        ('+CUSD: 0,"cut,15', Reply(State.DONE, "cut", 15)),
        ("+CUSD: 9", None),
        ("+CUSD: ", None),
        ("+CUSD: 0 nonsense", None),
        ("OK", None),
    ],
)
def test_lines(line: str, reply: Reply | None) -> None:
    if reply is None:
        with pytest.raises(DecodeError, match="CUSD"):
            ussd.parse(line)
        return
    assert ussd.parse(line) == reply


@pytest.mark.parametrize(
    ("payload", "dcs", "charset", "dialect", "text"),
    [
        ("1234", 15, "GSM", None, "1234"),  # digits alone are a balance, not hex
        ("1234", 15, "GSM", Dialect.PACKED, "Φh"),
        ("0031003200330034", 15, "UCS2", None, "1234"),
        ("0031003200330034", 15, "GSM", None, "1234"),  # every other octet is zero
        ("042F", 72, "GSM", None, "Я"),
        ("042F", 72, "GSM", Dialect.PACKED, "Я"),  # the scheme is surer than the habit of the model
        ("D83DDC4D", 72, "", None, "👍"),
        ("D83D", 72, "", None, "\ufffd"),
        ("ABC", 72, "GSM", None, "ABC"),  # no octets: what else than text
        ("Balance", 72, "GSM", None, "Balance"),
        ("FACE", 15, "GSM", Dialect.PLAIN, "FACE"),
        ("[1] Info {x}", 15, "GSM", None, "[1] Info {x}"),
        ("Gr~^e [rger", None, "GSM", None, "GrüÜe Ärger"),
        ("a_b@c $5", 15, "GSM", None, "a_b@c $5"),
        ("\0", 15, "GSM", None, "@"),
        ("100 \x1be", 15, "GSM", None, "100 €"),
        ("w{hlen", 15, "IRA", None, "w{hlen"),
        ("w\xc3\xa4hlen", 15, "UTF-8", None, "wählen"),
        ("w\xe4hlen", 15, "8859-1", None, "wählen"),
        ("5 €", 15, "UTF-8", None, "5 €"),  # not as the framer gives it, and no reason to lose a letter
        ("414243", 0xF4, "GSM", None, "414243"),
        ("4A4B4C", 0xF4, "GSM", None, "JKL"),
    ],
)
def test_payloads(payload: str, dcs: int | None, charset: str, dialect: Dialect | None, text: str) -> None:
    assert ussd.decode(0, payload, dcs, charset, dialect).text == text


@pytest.mark.parametrize(
    ("dcs", "alphabet"),
    [
        *((dcs, Dialect.PACKED) for dcs in (0x00, 0x0F, 0x10, 0x21, 0x40, 0x50, 0x60, 0x70, 0x90, 0x80, 0xF0, 0x4C)),
        *((dcs, Dialect.UCS2) for dcs in (0x11, 0x48, 0x58, 0x68, 0x78, 0x98, 0x5A)),
    ],
)
def test_coding_schemes(dcs: int, alphabet: Dialect) -> None:
    assert ussd.decode(0, "C8329BFD", dcs).dialect is alphabet


def test_language_in_front_of_a_7_bit_text() -> None:
    packed = gsm7.pack(gsm7.encode("en\rHello")).hex().upper()
    assert ussd.decode(0, packed, 0x10).text == "Hello"
    assert ussd.decode(0, packed, 0x0F).text == "en\rHello"


def test_language_in_front_of_ucs2_only_where_there_is_one() -> None:
    assert ussd.decode(0, "6139" + "00480069", 0x11).text == "Hi"
    assert ussd.decode(0, "00480069", 0x11).text == "Hi"


@pytest.mark.parametrize(
    ("code", "dialect", "payload", "dcs"),
    [
        ("*100#", Dialect.PLAIN, "*100#", 15),
        ("*100#", Dialect.PACKED, "AA180C3602", 15),
        ("*100#", Dialect.UCS2, "002A0031003000300023", 15),
        ("1", Dialect.PACKED, "31", 15),
        ("ответ", Dialect.PACKED, "043E0442043204350442", 72),
        ("да", Dialect.UCS2, "04340430", 72),
    ],
)
def test_codes(code: str, dialect: Dialect, payload: str, dcs: int) -> None:
    assert ussd.encode(code, dialect) == (payload, dcs)


def test_a_code_that_plain_text_cannot_say() -> None:
    with pytest.raises(EncodeError):
        ussd.encode("да", Dialect.PLAIN)


@pytest.mark.parametrize(
    ("septets", "packed"),
    [
        (b"1234567", "31D98C56B3DD1A"),  # seven spare bits are a CR
        (b"12345678", "31D98C56B3DD70"),
        (b"1234567\r", "31D98C56B3DD1A0D"),  # a CR that is meant gets a second one
    ],
)
def test_padding(septets: bytes, packed: str) -> None:
    assert ussd.pack(septets).hex().upper() == packed
    assert ussd.unpack(bytes.fromhex(packed)) == septets


def test_states_have_words() -> None:
    assert [bool(Reply(state).meaning) for state in State] == [False, False, True, True, True, True]
    assert ussd.answer([]) is None
    assert ussd.answer([Reply(State.ENDED, "bye")]) == Reply(State.ENDED, "bye")


@given(st.text("0123456789*#abcXYZ é€ß\r", min_size=1, max_size=100), st.sampled_from([Dialect.PACKED, Dialect.UCS2]))
def test_there_and_back(text: str, dialect: Dialect) -> None:
    payload, dcs = ussd.encode(text, dialect)
    reply = ussd.parse(f'+CUSD: 1,"{payload}",{dcs}', "UCS2" if dialect is Dialect.UCS2 else "GSM", dialect)
    assert reply == Reply(State.WANTED, text, dcs, dialect)


@given(
    st.text(st.characters(max_codepoint=255), max_size=80),
    st.none() | st.integers(0, 255),
    st.sampled_from(["", "GSM"]),
)
def test_any_payload(payload: str, dcs: int | None, charset: str) -> None:
    for dialect in (None, *Dialect):
        ussd.decode(0, payload, dcs, charset, dialect).text.encode()


@given(st.binary(max_size=60), st.none() | st.integers(0, 255), st.sampled_from(["", "GSM", "UCS2"]))
def test_any_hex(octets: bytes, dcs: int | None, charset: str) -> None:
    for dialect in (None, *Dialect):
        ussd.decode(1, octets.hex().upper(), dcs, charset, dialect).text.encode()


@given(st.text(max_size=80))
def test_any_line(line: str) -> None:
    try:
        ussd.parse("+CUSD:" + line)
    except DecodeError:
        return
