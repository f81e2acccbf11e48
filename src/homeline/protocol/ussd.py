"""USSD over AT+CUSD (3GPP TS 27.007 7.15): codes out, the network's texts in.

What stands between the quotes depends on the modem: the text itself in the character set of AT+CSCS, hex of packed
septets (most Huawei), or hex of UCS-2 (others where a text needs it, all with AT+CSCS="UCS2"). Nothing in the line says
which it is, so the data coding scheme, the character set and the shape of the payload are weighed. Payloads are Latin-1
strings of octets, as the framer gives them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from homeline.errors import DecodeError
from homeline.protocol import gsm7, pdu_coding
from homeline.protocol.at_fields import octets_as_text, unquote
from homeline.protocol.gsm7_tables import DEFAULT, EXTENSION, overlay
from homeline.protocol.pdu_coding import EIGHT_BIT, GSM7, UCS2

GSM7_DCS, UCS2_DCS = 0x0F, 0x48  # cell broadcast scheme, 23.038 5: no language given
_HEAD = re.compile(r"\+CUSD:\s*(\d)\s*(?:,|\Z)", re.ASCII)
_HEX = re.compile(r"(?:[0-9A-F]{2})+|(?:[0-9a-f]{2})+")
_LANGUAGE = re.compile(r"[a-z]{2}\r")
_UNICODE_LANGUAGE = 0x11  # UCS-2 after two octets that are the packed letters of a language
# Modems that speak of the GSM set leave these as they are in ASCII: the letters meant otherwise hardly occur in it.
_LOOSE = gsm7.Alphabet(overlay(DEFAULT, {0x24: "$", 0x40: "@", 0x5F: "_"}), EXTENSION)


class State(IntEnum):
    """The <m> of +CUSD."""

    DONE = 0  # an answer, or a notice that wants none
    WANTED = 1  # an answer and a question: the session stays open
    ENDED = 2  # the network ended the session
    ELSEWHERE = 3  # another client answered
    UNSUPPORTED = 4
    TIMED_OUT = 5


_MEANINGS = {
    State.ENDED: "the network ended the session",
    State.ELSEWHERE: "another client has answered",
    State.UNSUPPORTED: "the network does not support this code",
    State.TIMED_OUT: "the network did not answer in time",
}


class Dialect(StrEnum):
    """How a modem writes and reads payloads."""

    PLAIN = "plain"
    PACKED = "packed"
    UCS2 = "ucs2"


@dataclass(frozen=True, slots=True)
class Reply:
    """One +CUSD line."""

    state: State
    text: str = ""
    dcs: int | None = None
    dialect: Dialect = Dialect.PLAIN  # as which the payload was read

    @property
    def session_open(self) -> bool:
        """The network waits for an answer."""
        return self.state is State.WANTED

    @property
    def meaning(self) -> str:
        """What the state says where there is no text; empty for an answer."""
        return _MEANINGS.get(self.state, "")


def parse(line: str, charset: str = "", dialect: Dialect | None = None) -> Reply:
    """A +CUSD line, which may hold line ends within its quotes, or lack them or the closing one.

    Raises DecodeError for anything else.
    """
    line = line.strip()
    match = _HEAD.match(line)
    if match is None or int(match[1]) > max(State):
        raise DecodeError(f"not a +CUSD line: {line[:60]!a}")
    payload, dcs = _payload(line[match.end() :].strip())
    return decode(int(match[1]), payload, dcs, charset, dialect)


def decode(
    state: int, payload: str, dcs: int | None = None, charset: str = "", dialect: Dialect | None = None
) -> Reply:
    """The reply of a +CUSD line's parts. `charset` is the setting of AT+CSCS, `dialect` what is known of the model.

    Never fails on a payload: what is no sense as hex is text. Raises DecodeError for a state that does not exist.
    """
    if not 0 <= state <= max(State):
        raise DecodeError(f"+CUSD: state {state} does not exist")
    kind = _kind(payload, dcs, charset.upper(), dialect)
    if kind is Dialect.PLAIN:
        text = _plain(payload, charset.upper())
    elif kind is Dialect.UCS2:
        text = _ucs2(bytes.fromhex(payload), dcs)
    elif _alphabet(dcs) == EIGHT_BIT:
        text = bytes.fromhex(payload).decode("utf-8", "replace")
    else:
        text = _packed(bytes.fromhex(payload), dcs)
    return Reply(State(state), text, dcs, kind)


def encode(code: str, dialect: Dialect) -> tuple[str, int]:
    """Payload and data coding scheme of a code or an answer. Raises EncodeError for what the dialect cannot write."""
    septets = b"".join(gsm7.encode_char(char) or b"\xff" for char in code)
    fits = b"\xff" not in septets
    if dialect is Dialect.PLAIN:
        gsm7.encode(code)  # raises, and names the character
        return code, GSM7_DCS
    if dialect is Dialect.PACKED and fits:
        return pack(septets).hex().upper(), GSM7_DCS
    return pdu_coding.encode_ucs2(code).hex().upper(), GSM7_DCS if fits else UCS2_DCS


def pack(septets: bytes) -> bytes:
    """Packed with the padding of 23.038 6.1.2.3.1: seven spare bits are a CR, and a text that ends in a CR at an octet
    boundary gets another one, since the receiver takes it for padding."""
    spare = len(septets) % 8
    padded = spare == 7 or (spare == 0 and septets.endswith(b"\r"))
    return gsm7.pack(septets + b"\r" if padded else septets)


def unpack(data: bytes) -> bytes:
    """All septets without the padding of `pack`."""
    septets = gsm7.unpack(data, gsm7.capacity(len(data)))
    padded = len(septets) % 8 == 0 or (len(septets) % 8 == 1 and septets.endswith(b"\r\r"))
    return septets[:-1] if padded and septets.endswith(b"\r") else septets


def answer(replies: Sequence[Reply]) -> Reply | None:
    """Which of the replies to one code is the answer. Some networks release an older session first, or tell of another
    client: such a line counts only where no other comes."""
    if not replies:
        return None
    return next((reply for reply in replies if not reply.meaning), replies[-1])


def _payload(rest: str) -> tuple[str, int | None]:
    """What stands between the quotes, and the coding scheme: digits, or nothing, behind the last comma."""
    text, comma, scheme = rest.rpartition(",")
    scheme = scheme.strip()
    if not comma or not re.fullmatch("[0-9]{0,3}", scheme):
        text, scheme = rest, ""
    return unquote(text.rstrip()), int(scheme) if scheme else None


def _alphabet(dcs: int | None) -> str:
    """23.038 5, the cell broadcast scheme; empty when there is none."""
    if dcs is None:
        return ""
    group = dcs >> 4
    if dcs == _UNICODE_LANGUAGE:
        return UCS2
    if group in (4, 5, 6, 7, 9):
        return (GSM7, EIGHT_BIT, UCS2, GSM7)[dcs >> 2 & 3]
    return EIGHT_BIT if group == 15 and dcs & 4 else GSM7


def _kind(payload: str, dcs: int | None, charset: str, dialect: Dialect | None) -> Dialect:
    """As what to read a payload."""
    if dialect is Dialect.PLAIN or not _HEX.fullmatch(payload):
        return Dialect.PLAIN
    alphabet = _alphabet(dcs)
    if alphabet == UCS2 or dialect is Dialect.UCS2:
        return Dialect.UCS2
    if dialect is Dialect.PACKED:
        return Dialect.PACKED
    whole = len(payload) % 4 == 0
    if whole and (charset == "UCS2" or _looks_like_ucs2(bytes.fromhex(payload))):
        return Dialect.UCS2
    # A text of mere digits is a balance or a code rather than hex that happens to have no letter.
    return Dialect.PLAIN if payload.isdigit() else Dialect.PACKED


def _looks_like_ucs2(data: bytes) -> bool:
    return not any(data[::2])


def _plain(payload: str, charset: str) -> str:
    if not payload.isascii():
        return octets_as_text(payload)
    if charset != "GSM":
        return payload
    text = gsm7.decode(payload.encode("ascii"), _LOOSE)
    # Brackets in pairs are brackets: not every modem that says GSM converts.
    for pair, letters in (("[]", "ÄÑ"), ("{}", "äñ")):
        if payload.count(pair[0]) == payload.count(pair[1]):
            text = text.replace(letters[0], pair[0]).replace(letters[1], pair[1])
    return text


def _packed(data: bytes, dcs: int | None) -> str:
    text = gsm7.decode(unpack(data))
    return text[3:] if dcs == 0x10 and _LANGUAGE.match(text) else text


def _ucs2(data: bytes, dcs: int | None) -> str:
    """Some modems print their whole buffer: a zero character ends the text."""
    if dcs == _UNICODE_LANGUAGE and len(data) > 1 and _is_language(gsm7.unpack(data[:2], 2)):
        data = data[2:]
    return pdu_coding.decode_ucs2(data).split("\0")[0]


def _is_language(septets: bytes) -> bool:
    return all(ord("a") <= septet <= ord("z") for septet in septets)
