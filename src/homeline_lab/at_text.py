"""Text mode (3GPP TS 27.005 3) as far as SMS programs use it, and ranges such as "(0-2),(0,1)"."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from homeline.errors import EncodeError, HomelineError
from homeline.protocol import gsm7
from homeline.protocol import pdu as codec
from homeline_lab.at_line import AtError
from homeline_lab.modem import Settings
from homeline_lab.sim import Status, Stored

_NAMES = {
    "REC UNREAD": Status.UNREAD,
    "REC READ": Status.READ,
    "STO UNSENT": Status.UNSENT,
    "STO SENT": Status.SENT,
    "ALL": 4,
}
STATUS_NAMES = "(" + ",".join(f'"{n}"' for n in _NAMES) + ")"


def status(name: str) -> int:
    """The number of "REC UNREAD" and so on; a missing one is that."""
    try:
        return _NAMES[name.upper() or "REC UNREAD"]
    except KeyError:
        raise AtError("CMS", 305) from None


def ranges(text: str) -> list[set[int]]:
    """The values that each bracket of "(0-2),(0,3)" allows."""
    groups = []
    for group in text.strip("()").split("),("):
        values: set[int] = set()
        for item in group.split(","):
            first, _, last = item.partition("-")
            values.update(range(int(first), int(last or first) + 1))
        groups.append(values)
    return groups


def charset(text: str, cscs: str) -> str:
    """A string in the character set of AT+CSCS, one character an octet; what a set lacks becomes a question mark."""
    if cscs == "UCS2":
        return text.encode("utf-16-be").hex().upper()
    if cscs == "IRA":
        return text.encode("ascii", "replace").decode("ascii")
    return b"".join(_septets(ch) for ch in text).decode("latin-1")


def _septets(ch: str) -> bytes:
    try:
        return gsm7.encode(ch)
    except EncodeError:
        return b"?"


def entry(head: str, stored: Stored, cscs: str) -> list[str]:
    """A message as +CMGR and +CMGL show it in text mode."""
    name = next(n for n, s in _NAMES.items() if s == stored.status)
    try:
        message = codec.decode(stored.pdu.hex())
    except HomelineError:
        return [f'{head}"{name}","",,', stored.pdu.hex().upper()]
    if isinstance(message, codec.StatusReport):
        return [f'{head}"{name}",6,{message.reference},"{message.recipient.text}",145,,,{message.status}']
    text = message.user.data.hex().upper() if message.user.data else charset(message.user.text, cscs)
    if isinstance(message, codec.Submit):
        return [f'{head}"{name}","{charset(message.recipient.text, cscs)}",', text]
    return [f'{head}"{name}","{charset(message.sender.text, cscs)}",,"{_time(message.timestamp)}"', text]


def _time(stamp: codec.Timestamp | None) -> str:
    """yy/MM/dd,hh:mm:ss±zz with the zone in quarters of an hour."""
    if stamp is None:
        return ""
    offset = stamp.offset or 0
    local = datetime.fromtimestamp(stamp.at, UTC).astimezone(timezone(timedelta(minutes=offset)))
    return f"{local:%y/%m/%d,%H:%M:%S}{offset // 15:+03d}"


def submit(settings: Settings, number: str, payload: bytes) -> bytes:
    """The SUBMIT of a text-mode AT+CMGS. It must fit one part."""
    try:
        if settings.cscs == "UCS2":
            text, number = _from_ucs2(payload.decode("ascii").strip()), _from_ucs2(number)
        else:
            text = gsm7.decode(bytes(b & 0x7F for b in payload)) if settings.cscs == "GSM" else payload.decode("ascii")
        report = int(settings.csmp.split(",")[0] or 17) & 0x20 != 0
        parts = codec.encode_submit(number, text, report=report)
    except (HomelineError, ValueError):
        raise AtError("CMS", 305) from None
    if len(parts) != 1:
        raise AtError("CMS", 305)
    return bytes.fromhex(parts[0].pdu)


def _from_ucs2(text: str) -> str:
    return bytes.fromhex(text).decode("utf-16-be")
