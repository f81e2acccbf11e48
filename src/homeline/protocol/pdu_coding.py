"""The data coding scheme octet of 3GPP TS 23.038 4, all of its groups, and UCS-2 text."""

from __future__ import annotations

from dataclasses import dataclass

from homeline.errors import EncodeError
from homeline.protocol.udh import WAITING_KINDS, Waiting

GSM7, EIGHT_BIT, UCS2 = "gsm7", "8bit", "ucs2"
# Bits 3 and 2 of the general group. The fourth value is reserved and read as the default alphabet.
_ALPHABETS = (GSM7, EIGHT_BIT, UCS2, GSM7)
_CLASS_PRESENT = 0x10
_COMPRESSED = 0x20


@dataclass(frozen=True, slots=True)
class Coding:
    """What a data coding scheme says."""

    alphabet: str = GSM7  # gsm7, 8bit or ucs2
    message_class: int | None = None  # 0 is displayed at once (flash)
    compressed: bool = False
    delete: bool = False  # the automatic deletion group
    waiting: Waiting | None = None


def decode(octet: int) -> Coding:
    """Every octet has a meaning: reserved ones are read as the default alphabet, as clause 4 wants."""
    group = octet >> 4
    if group < 8:
        return Coding(
            alphabet=_ALPHABETS[octet >> 2 & 3],
            message_class=octet & 3 if octet & _CLASS_PRESENT else None,
            compressed=bool(octet & _COMPRESSED),
            delete=group >= 4,
        )
    if group == 15:
        return Coding(EIGHT_BIT if octet & 4 else GSM7, octet & 3)
    if group >= 12:
        waiting = Waiting(WAITING_KINDS[octet & 3], active=bool(octet & 8), store=group != 12)
        return Coding(UCS2 if group == 14 else GSM7, waiting=waiting)
    return Coding()


def encode(alphabet: str, message_class: int | None = None) -> int:
    """The octet of the general group; raises EncodeError for a class that does not exist."""
    octet = _ALPHABETS.index(alphabet) << 2
    if message_class is None:
        return octet
    if not 0 <= message_class <= 3:
        raise EncodeError(f"message class {message_class} does not exist (0 to 3)")
    return octet | _CLASS_PRESENT | message_class


def decode_ucs2(data: bytes, *, continues: bool = False, continued: bool = False) -> str:
    """UCS-2 read as UTF-16, which is what phones send. A lone surrogate or an odd last octet becomes U+FFFD.

    Some senders cut a surrogate pair in two between the parts of a message. In a part that another one follows
    (`continues`) or precedes (`continued`) the half at that end is kept, for whoever joins the parts to complete.
    """
    text = data.decode("utf-16-be", "replace")
    if continues and text and len(data) % 2 == 0 and 0xD8 <= data[-2] <= 0xDB:
        text = text[:-1] + chr(int.from_bytes(data[-2:], "big"))
    if continued and text and 0xDC <= data[0] <= 0xDF and len(data) > 1:
        text = chr(int.from_bytes(data[:2], "big")) + text[1:]
    return text


def encode_ucs2(text: str) -> bytes:
    """UTF-16; raises EncodeError for a lone surrogate, which is no character."""
    try:
        return text.encode("utf-16-be")
    except UnicodeEncodeError as error:
        raise EncodeError(f"character {error.start} of the text is half a surrogate pair") from None
