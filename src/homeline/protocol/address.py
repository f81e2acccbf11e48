"""Addresses of 3GPP TS 23.040 9.1.2.5 and the service centre's field of TS 27.005 3.1: who sends, who receives."""

from __future__ import annotations

from dataclasses import dataclass

from homeline.errors import DecodeError, EncodeError
from homeline.protocol import gsm7

# Type of number, bits 6 to 4 of the type octet.
TYPES = ("unknown", "international", "national", "network", "subscriber", "alphanumeric", "abbreviated", "reserved")
ISDN = 1  # numbering plan, bits 3 to 0: E.164/E.163
# Semi-octets of 24.008 table 10.5.118; 0xF fills the last octet of an odd count.
_DIGITS = "0123456789*#abc"
_DIALLED = _DIGITS[:12]  # a, b and c are read, and not sent
MAX_DIGITS = 20  # 9.1.2.5: an address field has 12 octets at most
MAX_NAME_SEPTETS = 11


@dataclass(frozen=True, slots=True)
class Address:
    """A decoded address. `text` is digits (with + when international) or a name; `type` is one of TYPES."""

    text: str
    type: str = "unknown"


def decode(data: bytes, at: int) -> tuple[Address, int]:
    """The address at an offset and the offset behind it; raises DecodeError when it runs over the end.

    The length octet counts semi-octets that are used (9.1.2.5): 7 packed letters have 13 of them, 8 letters 14.
    """
    if at + 2 > len(data):
        raise DecodeError(f"octet {at}: address is missing")
    length = data[at]
    end = at + 2 + (length + 1) // 2
    if end > len(data):
        raise DecodeError(f"octet {at}: address of {length} semi-octets runs over the end")
    kind = TYPES[data[at + 1] >> 4 & 7]
    field = data[at + 2 : end]
    if kind == "alphanumeric":
        return Address(gsm7.decode(gsm7.unpack(field, length * 4 // 7)), kind), end
    return Address(_prefixed(decode_digits(field)[:length], kind), kind), end


def encode(text: str, kind: str = "") -> bytes:
    """An address field. Without `kind` a leading + means international and anything else unknown.

    Raises EncodeError for what is no number, or, with `kind` alphanumeric, for a name of over 11 septets.
    """
    if kind == "alphanumeric":
        septets = gsm7.encode(text)
        if len(septets) > MAX_NAME_SEPTETS:
            raise EncodeError(f"name of {len(septets)} septets, at most {MAX_NAME_SEPTETS} fit into an address")
        return bytes(((len(septets) * 7 + 3) // 4, _type_octet(kind))) + gsm7.pack(septets)
    digits = text.removeprefix("+")
    field = encode_digits(digits)
    return bytes((len(digits), _type_octet(kind or _guess(text)))) + field


def decode_smsc(data: bytes) -> tuple[str, int]:
    """The service centre in front of a TPDU, empty when the field is, and the offset of the TPDU.

    Its length octet counts octets, the type octet included. Raises DecodeError when it runs over the end.
    """
    if not data:
        raise DecodeError("empty PDU")
    end = 1 + data[0]
    if end > len(data):
        raise DecodeError(f"octet 0: service centre field of {data[0]} octets runs over the end")
    if data[0] < 2:
        return "", end
    return _prefixed(decode_digits(data[2:end]), TYPES[data[1] >> 4 & 7]), end


def encode_smsc(text: str) -> bytes:
    """The service centre's field; a single zero octet, the modem's own setting, for an empty text."""
    if not text:
        return b"\0"
    field = bytes((_type_octet(_guess(text)),)) + encode_digits(text.removeprefix("+"))
    return bytes((len(field),)) + field


def decode_digits(field: bytes) -> str:
    """Semi-octets, the lower one first, without fill."""
    return "".join(_DIGITS[nibble] for octet in field for nibble in (octet & 15, octet >> 4) if nibble != 15)


def encode_digits(digits: str) -> bytes:
    """Digits, * and # into semi-octets; raises EncodeError for anything else, none, and more than an address takes."""
    if not digits:
        raise EncodeError("the phone number is empty")
    if len(digits) > MAX_DIGITS:
        raise EncodeError(f"number of {len(digits)} digits, at most {MAX_DIGITS} fit into an address")
    nibbles = [_DIALLED.find(digit) for digit in digits]
    if -1 in nibbles:
        raise EncodeError(f"'{digits}' is not a phone number: {digits[nibbles.index(-1)]!r} is no digit")
    if len(nibbles) % 2:
        nibbles.append(15)
    return bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))


def _type_octet(kind: str) -> int:
    plan = 0 if kind == "alphanumeric" else ISDN  # 9.1.2.5: no plan applies to a name
    return 0x80 | TYPES.index(kind) << 4 | plan


def _guess(text: str) -> str:
    return "international" if text.startswith("+") else "unknown"


def _prefixed(digits: str, kind: str) -> str:
    return "+" + digits if kind == "international" and digits else digits
