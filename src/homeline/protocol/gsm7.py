"""The GSM 7-bit alphabet of 3GPP TS 23.038 6: packing, and septets to text and back.

A *septet* is an integer 0..127, a string of them is `bytes`. An alphabet is a pair of tables: the locking one, which
gives a septet its character, and the single shift one, which gives the septet after an escape (0x1B) its character.
Language 0 is the default alphabet with its extension table; 1 to 13 are the national languages (6.2.1.2.4), whose
tables are loaded when the first message wants them.
"""

from __future__ import annotations

from typing import NamedTuple

from homeline.errors import DecodeError, EncodeError
from homeline.protocol.gsm7_tables import DEFAULT, ESCAPE, EXTENSION, UNDEFINED

# An escape that leads nowhere is displayed as a space (6.2.1.1, note 1); a no-break one shows that it was not sent so.
NOWHERE = "\xa0"


class Alphabet(NamedTuple):
    """The two tables that are in force for a message."""

    locking: str
    single: str


_DEFAULT_ALPHABET = Alphabet(DEFAULT, EXTENSION)


def alphabet(locking: int = 0, single: int = 0) -> Alphabet:
    """The alphabet of a locking and a single shift language.

    A language without such a table (2 has no locking one, numbers above 13 are reserved) falls back to the default's,
    as 23.038 6.2.1.2.3 and 6.2.1.2.2 want it from a receiver that does not know a language.
    """
    if not locking and not single:
        return _DEFAULT_ALPHABET
    from homeline.protocol import gsm7_national  # most households never get such a message

    return Alphabet(gsm7_national.locking(locking) or DEFAULT, gsm7_national.single(single) or EXTENSION)


def pack(septets: bytes, fill: int = 0) -> bytes:
    """Septets into octets, after `fill` zero bits that align them to a user data header (23.040 9.2.3.24)."""
    bits = 0
    for septet in reversed(septets):
        bits = bits << 7 | septet
    return (bits << fill).to_bytes((len(septets) * 7 + fill + 7) // 8, "little")


def unpack(data: bytes, count: int, fill: int = 0) -> bytes:
    """`count` septets out of octets, after `fill` bits; raises DecodeError when there are fewer."""
    if count > capacity(len(data), fill):
        raise DecodeError(f"{count} septets announced, {capacity(len(data), fill)} there")
    bits = int.from_bytes(data, "little") >> fill
    return bytes(bits >> 7 * index & 0x7F for index in range(count))


def capacity(octets: int, fill: int = 0) -> int:
    """How many septets lie in so many octets after `fill` bits."""
    return max(0, octets * 8 - fill) // 7


def decode(septets: bytes, tables: Alphabet = _DEFAULT_ALPHABET) -> str:
    """Text of septets. Nothing is dropped: what a table does not define becomes U+FFFD, and an escape without an
    extension character shows the character of the locking table (6.2.1.1), or NOWHERE when nothing follows it."""
    locking, single = tables
    if ESCAPE not in septets:
        return "".join(map(locking.__getitem__, septets))
    out = []
    rest = iter(septets)
    for septet in rest:
        if septet != ESCAPE:
            out.append(locking[septet])
            continue
        after = next(rest, ESCAPE)
        char = NOWHERE if after == ESCAPE else single[after]
        out.append(locking[after] if char == UNDEFINED else char)
    return "".join(out)


def encode_char(char: str, tables: Alphabet = _DEFAULT_ALPHABET) -> bytes:
    """One or two septets; empty when the alphabet has no such character."""
    if char == UNDEFINED:
        return b""
    septet = tables.locking.find(char)
    if septet >= 0:
        return bytes((septet,))
    septet = tables.single.find(char)
    return bytes((ESCAPE, septet)) if septet >= 0 else b""


def encode(text: str, tables: Alphabet = _DEFAULT_ALPHABET) -> bytes:
    """Septets of a text; raises EncodeError that names the first character that the alphabet lacks."""
    out = bytearray()
    for position, char in enumerate(text):
        septets = encode_char(char, tables)
        if not septets:
            raise EncodeError(f"character {position} (U+{ord(char):04X}) is not in the GSM 7-bit alphabet")
        out += septets
    return bytes(out)
