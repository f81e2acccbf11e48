"""Octets of SMS TPDUs as a service centre handles them (3GPP TS 23.040 9.2): SUBMIT in, DELIVER and STATUS-REPORT out.

On purpose the lab takes PDUs apart and puts them together by itself, so that a mistake in `homeline.protocol` cannot
hide behind the same mistake here. Text is not its business: user data pass through untouched.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone


@dataclass(frozen=True, slots=True)
class Address:
    """9.1.2.5: the length octet's number, the type octet and the rest as they stand in the PDU."""

    length: int
    type: int
    value: bytes

    @property
    def octets(self) -> bytes:
        return bytes((self.length, self.type)) + self.value

    @property
    def text(self) -> str:
        """Digits, with + where the type is international. An alphanumeric one as hex."""
        if self.type & 0x70 == 0x50:
            return self.value.hex()
        digits = "".join("0123456789*#abc"[n] for n in nibbles(self.value) if n != 0xF)[: self.length]
        return ("+" if self.type & 0x70 == 0x10 else "") + digits


@dataclass(frozen=True, slots=True)
class Submission:
    """A SUBMIT as the network took it."""

    smsc: bytes  # the service centre's field, its length octet included
    first: int
    recipient: Address
    pid: int
    dcs: int
    rest: bytes  # TP-UDL and TP-UD
    tpdu: bytes

    @property
    def wants_report(self) -> bool:
        return bool(self.first & 0x20)


def nibbles(data: bytes) -> list[int]:
    """Semi-octets, low one first."""
    return [n for b in data for n in (b & 15, b >> 4)]


def semi_octets(digits: str) -> bytes:
    """Digits packed two an octet, swapped, filled with F (9.1.2.3)."""
    values = ["0123456789*#abc".index(d) for d in digits.lower()]
    if len(values) % 2:
        values.append(0xF)
    return bytes(low | high << 4 for low, high in zip(values[::2], values[1::2], strict=True))


def number_address(number: str) -> Address:
    """An address of a phone number: international with a leading +, else unknown."""
    digits = number.lstrip("+")
    return Address(len(digits), 0x91 if number.startswith("+") else 0x81, semi_octets(digits))


def name_address(name: str) -> Address:
    """An alphanumeric sender of up to 11 characters of ASCII's letters, digits and blanks (same codes in GSM 03.38)."""
    bits, width, out = 0, 0, bytearray()
    for ch in name[:11]:
        bits |= (ord(ch) & 0x7F) << width
        width += 7
        while width >= 8:
            out.append(bits & 0xFF)
            bits, width = bits >> 8, width - 8
    if width:
        out.append(bits)
    used = (len(name[:11]) * 7 + 3) // 4  # useful semi-octets
    return Address(used, 0xD0, bytes(out))


def sender_address(sender: str) -> Address:
    """Of a number, or of a name where it has other characters than digits, +, * and #."""
    plain = sender[1:] if sender.startswith("+") else sender
    return number_address(sender) if plain and all(c in "0123456789*#" for c in plain) else name_address(sender)


def smsc_field(number: str) -> bytes:
    """The service centre in front of a PDU; its length counts octets (3GPP TS 27.005 3.1 <pdu>)."""
    if not number:
        return b"\x00"
    value = semi_octets(number.lstrip("+"))
    return bytes((len(value) + 1, 0x91 if number.startswith("+") else 0x81)) + value


def time_stamp(at: datetime) -> bytes:
    """9.2.3.11: local time and the zone in quarters of an hour, semi-octets swapped, bit 3 is the sign."""
    offset = at.utcoffset() or timedelta()
    quarters = int(abs(offset.total_seconds()) // 900)
    fields = (at.year % 100, at.month, at.day, at.hour, at.minute, at.second, quarters)
    octets = bytearray(v // 10 | (v % 10) << 4 for v in fields)
    if offset < timedelta():
        octets[6] |= 0x08
    return bytes(octets)


def now(offset_minutes: int = 0) -> datetime:
    """The service centre's clock in a zone east of UTC."""
    return datetime.now(UTC).astimezone(timezone(timedelta(minutes=offset_minutes)))


def parse_submit(pdu: bytes) -> Submission:
    """A SUBMIT with the service centre's field in front. ValueError where it is too short or no SUBMIT."""
    try:
        smsc, tpdu = pdu[: pdu[0] + 1], pdu[pdu[0] + 1 :]
        if tpdu[0] & 3 != 1:
            raise ValueError("no SMS-SUBMIT")
        end = 4 + (tpdu[2] + 1) // 2
        recipient = Address(tpdu[2], tpdu[3], tpdu[4:end])
        validity = (0, 7, 1, 7)[tpdu[0] >> 3 & 3]
        rest = tpdu[end + 2 + validity :]
        pid, dcs, length = tpdu[end], tpdu[end + 1], rest[0]
    except IndexError as e:
        raise ValueError("SMS-SUBMIT is cut off") from e
    expected = (length * 7 + 7) // 8 if dcs & 0xEC == 0 or dcs & 0xF4 == 0xF0 else length
    if len(rest) - 1 != expected:
        raise ValueError(f"user data: {len(rest) - 1} octets, {expected} wanted")
    return Submission(smsc, tpdu[0], recipient, pid, dcs, rest, tpdu)


def deliver(submit: Submission, sender: Address, at: datetime, smsc: str) -> bytes:
    """What the network makes of a SUBMIT for its recipient: a DELIVER with the service centre in front."""
    first = 0x04 | submit.first & 0xC0  # reply path and user data header stay; no more messages to send
    head = bytes((first,)) + sender.octets + bytes((submit.pid, submit.dcs)) + time_stamp(at)
    return smsc_field(smsc) + head + submit.rest


def status_report(reference: int, recipient: Address, sent: datetime, done: datetime, status: int, smsc: str) -> bytes:
    """9.2.2.3, with the service centre in front. Status 0 is delivered, 0x20.. still trying, 0x40.. failed for good."""
    body = bytes((0x06, reference)) + recipient.octets + time_stamp(sent) + time_stamp(done) + bytes((status,))
    return smsc_field(smsc) + body


def is_report(pdu: bytes) -> bool:
    return len(pdu) > pdu[0] + 1 and pdu[pdu[0] + 1] & 3 == 2


def message_class(pdu: bytes) -> int | None:
    """The class of a DELIVER (TS 23.038 4), None where it has none or is cut off."""
    tpdu = pdu[pdu[0] + 1 :]
    at = 3 + (tpdu[1] + 1) // 2 + 1 if len(tpdu) > 1 else 0
    if not at or at >= len(tpdu):
        return None
    dcs = tpdu[at]
    return dcs & 3 if dcs & 0xD0 == 0x10 or dcs & 0xF0 == 0xF0 else None
