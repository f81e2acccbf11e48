"""WAP push and the MMS notice in it: WAP-230-WSP 8.2.4 and 8.4, OMA-TS-MMS_ENC 7.

A push comes as 8-bit data to port 2948, often in several parts, whose data must be put together first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from homeline.errors import DecodeError

PUSH_PORTS = (2948, 2949)  # the second one is for secure sessions
_PUSH_TYPES = (0x06, 0x07)  # Push and ConfirmedPush
# Content types that are pushed (WSP table 40); the others are shown by number.
_CONTENT_TYPES = {
    0x2D: "text/vnd.wap.si",
    0x2E: "application/vnd.wap.sic",
    0x2F: "text/vnd.wap.sl",
    0x30: "application/vnd.wap.slc",
    0x31: "text/vnd.wap.co",
    0x32: "application/vnd.wap.coc",
    0x35: "text/vnd.wap.connectivity-xml",
    0x36: "application/vnd.wap.connectivity-wbxml",
    0x3E: "application/vnd.wap.mms-message",
    0x44: "application/vnd.syncml.notification",
}
_MMS = "application/vnd.wap.mms-message"
# MMS header fields (OMA-TS-MMS_ENC 7.4), with the high bit that they bear.
_LOCATION, _EXPIRY, _FROM, _TYPE, _SIZE, _SUBJECT, _TRANSACTION = 0x83, 0x88, 0x89, 0x8C, 0x8E, 0x96, 0x98
_NOTIFICATION = 0x82
_ADDRESS_PRESENT, _RELATIVE = 0x80, 0x81
_CHARSETS = {4: "iso-8859-1", 1000: "utf-16-be", 1015: "utf-16"}  # IANA numbers; everything else is read as UTF-8
_LONGEST_NOTE = 300


@dataclass(frozen=True, slots=True)
class Push:
    """A pushed object."""

    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class MmsNotice:
    """M-Notification.ind: a multimedia message waits at `location`. Empty and None where it does not say."""

    sender: str = ""
    subject: str = ""
    size: int | None = None  # octets
    expires_in: int | None = None  # seconds after it was sent
    expires_at: int | None = None  # seconds since 1970 UTC
    transaction: str = ""
    location: str = ""

    def __str__(self) -> str:
        words = ["MMS notice"]
        if self.sender:
            words.append(f"from {self.sender}")
        if self.subject:
            words.append(f"\N{LEFT DOUBLE QUOTATION MARK}{self.subject}\N{RIGHT DOUBLE QUOTATION MARK}")
        if self.size is not None:
            words.append(f"of {self.size} bytes")
        if self.expires_in is not None:
            words.append(f"kept {_span(self.expires_in)}")
        return " ".join(words)


def describe(data: bytes, ports: tuple[int, int] | None) -> str:
    """What whole data to a port are, in a line for people; empty when they are no WAP push."""
    if not ports or ports[0] not in PUSH_PORTS:
        return ""
    try:
        push = parse(data)
        text = str(mms_notice(push.body)) if push.content_type == _MMS else f"WAP push of {push.content_type}"
    except DecodeError:
        text = "WAP push"
    return "".join(char if char.isprintable() else " " for char in text[:_LONGEST_NOTE])


def parse(data: bytes) -> Push:
    """A push PDU of connectionless WSP; raises DecodeError for anything else."""
    if len(data) < 3 or data[1] not in _PUSH_TYPES:
        raise DecodeError("octet 1: not a WAP push")
    length, at = _uintvar(data, 2)
    if not 0 < length <= len(data) - at:
        raise DecodeError(f"octet 2: {length} octets of headers announced, {len(data) - at} there")
    return Push(_content_type(data[at : at + length]), data[at + length :])


def mms_notice(body: bytes) -> MmsNotice:
    """The notification in an MMS push; raises DecodeError when it is another kind of MMS message, or broken.

    A field after which reading stops (unknown values have no length of their own) does not take back those before it.
    """
    fields = dict(_fields(body))
    if fields.get(_TYPE) != bytes((_NOTIFICATION,)):
        raise DecodeError("not an MMS notification")
    kind, moment = _expiry(fields.get(_EXPIRY, b""))
    return MmsNotice(
        sender=_address(fields.get(_FROM, b"")),
        subject=_encoded_string(fields.get(_SUBJECT, b"")),
        size=_integer(fields[_SIZE]) if _SIZE in fields else None,
        expires_in=moment if kind == _RELATIVE else None,
        expires_at=moment if kind != _RELATIVE else None,
        transaction=_text(fields.get(_TRANSACTION, b"")),
        location=_text(fields.get(_LOCATION, b"")),
    )


def _fields(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Header fields with their values, whose first octet tells how long they are (WSP 8.4.1.2)."""
    at = 0
    while at + 1 < len(body) and body[at] & 0x80:
        end = _value_end(body, at + 1)
        yield body[at], body[at + 1 : end]
        at = end


def _value_end(body: bytes, at: int) -> int:
    first = body[at]
    if first & 0x80:
        return at + 1  # a short integer or a token
    if first < 31:
        return at + 1 + first
    if first == 31:
        length, after = _uintvar(body, at + 1)
        return after + length
    end = body.find(0, at)
    return len(body) if end < 0 else end + 1


def _uintvar(data: bytes, at: int) -> tuple[int, int]:
    """A variable length integer of at most five octets (WSP 8.1.2) and the offset behind it."""
    value = 0
    for index in range(at, min(at + 5, len(data))):
        value = value << 7 | data[index] & 0x7F
        if not data[index] & 0x80:
            return value, index + 1
    raise DecodeError(f"octet {at}: a length has no end")


def _content_type(headers: bytes) -> str:
    """WSP 8.4.2.24: a short integer, a text, or one of them behind a length, with parameters after it."""
    at = 0
    if headers[0] < 31:
        at = 1
    elif headers[0] == 31:
        at = _uintvar(headers, 1)[1]
    if at >= len(headers):
        raise DecodeError("the push has no content type")
    if headers[at] & 0x80:
        number = headers[at] & 0x7F
        return _CONTENT_TYPES.get(number, f"content type 0x{number:02X}")
    return _text(headers[at:])


def _text(value: bytes) -> str:
    """A text string up to its NUL, with the quote that precedes a first octet above 127 taken off."""
    return value.split(b"\0")[0].removeprefix(b"\x7f").decode("utf-8", "replace")


def _encoded_string(value: bytes) -> str:
    """OMA-TS-MMS_ENC 7.4: a text, or a length, a character set and a text.

    The set is a short integer, a long one, or with some centres a bare number.
    """
    if not value or value[0] > 31:
        return _text(value)
    at = _uintvar(value, 1)[1] if value[0] == 31 else 1
    if at >= len(value):
        return ""
    number = value[at] & 0x7F
    at += 1
    if number == 2 and not value[at - 1] & 0x80:
        number = int.from_bytes(value[at : at + 2], "big")
        at += 2
    text = value[at:]
    charset = _CHARSETS.get(number)
    if charset is None:
        return _text(text)
    return text.removeprefix(b"\x7f").decode(charset, "ignore").split("\0")[0]  # a cut half of a letter is none


def _address(value: bytes) -> str:
    """The sender behind its length and the token that says there is one, without the type of its address."""
    if len(value) < 3 or value[1] != _ADDRESS_PRESENT:
        return ""
    return _encoded_string(value[2:]).split("/TYPE=")[0]


def _expiry(value: bytes) -> tuple[int, int | None]:
    """The token (absolute or relative) and the seconds behind it."""
    if len(value) < 3:
        return 0, None
    return value[1], _integer(value[2:])


def _integer(value: bytes) -> int:
    """A short integer, or a long one behind its length (WSP 8.4.2.1)."""
    return value[0] & 0x7F if value[0] & 0x80 else int.from_bytes(value[1 : 1 + value[0]], "big")


def _span(seconds: int) -> str:
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} seconds"
