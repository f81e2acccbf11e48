"""TPDUs of 3GPP TS 23.040 9.2.2 as they arrive: hex to DELIVER, SUBMIT and STATUS-REPORT.

The service centre's field comes first, as modems print it (TS 27.005 3.1). The length that a modem announces beside a
PDU is not wanted: published and real ones are often wrong, and the PDU says everything itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from homeline.errors import DecodeError
from homeline.model import Concat
from homeline.protocol import address, gsm7, pdu_coding, pdu_time, udh
from homeline.protocol.address import Address
from homeline.protocol.pdu_coding import Coding
from homeline.protocol.pdu_time import Timestamp, Validity
from homeline.protocol.udh import Header

_NOT_HEX = re.compile("[^0-9A-Fa-f]")
# First octet, 9.2.3.
TYPE_MASK, TYPE_DELIVER, TYPE_SUBMIT, TYPE_REPORT = 0x03, 0, 1, 2
NO_MORE_MESSAGES = REJECT_DUPLICATES = 0x04
VALIDITY_MASK, VALIDITY_ENHANCED, VALIDITY_RELATIVE, VALIDITY_ABSOLUTE = 0x18, 0x08, 0x10, 0x18
REPORT_REQUEST, HAS_HEADER, REPLY_PATH = 0x20, 0x40, 0x80


@dataclass(frozen=True, slots=True)
class UserData:
    """The content. Text is set for gsm7 and ucs2, data for 8bit and for compressed text, which stays unread."""

    encoding: str = pdu_coding.GSM7
    text: str = ""
    data: bytes = b""
    header: Header = udh.NONE
    truncated: bool = False  # its length octet promises more than there is

    @property
    def concat(self) -> Concat | None:
        return self.header.concat

    @property
    def ports(self) -> tuple[int, int] | None:
        return self.header.ports


@dataclass(frozen=True, slots=True)
class Deliver:
    """SMS-DELIVER: a message from the network."""

    smsc: str
    sender: Address
    pid: int
    dcs: int
    timestamp: Timestamp | None
    user: UserData
    reply_path: bool = False
    tpdu_length: int = 0  # octets without the service centre's field

    @property
    def coding(self) -> Coding:
        return pdu_coding.decode(self.dcs)


@dataclass(frozen=True, slots=True)
class Submit:
    """SMS-SUBMIT: a message to the network, as a modem stores or sends it."""

    smsc: str
    recipient: Address
    reference: int
    pid: int
    dcs: int
    validity: Validity | None
    user: UserData
    report: bool = False
    reject_duplicates: bool = False
    reply_path: bool = False
    tpdu_length: int = 0

    @property
    def coding(self) -> Coding:
        return pdu_coding.decode(self.dcs)


@dataclass(frozen=True, slots=True)
class StatusReport:
    """SMS-STATUS-REPORT: what became of a message that was sent."""

    smsc: str
    reference: int
    recipient: Address
    timestamp: Timestamp | None  # when the service centre took the message
    discharge: Timestamp | None  # when it was delivered or given up
    status: int  # TP-ST, 9.2.3.15
    more_to_come: bool = False
    tpdu_length: int = 0

    @property
    def delivered(self) -> bool:
        """The transaction is complete (0x00 to 0x1F)."""
        return self.status < 0x20

    @property
    def failed(self) -> bool:
        """Given up: a permanent error, or a temporary one that is tried no more."""
        return self.status >= 0x40

    @property
    def outcome(self) -> Literal["delivered", "pending", "failed"]:
        """`delivered`, `pending` (the centre still tries) or `failed`."""
        return "delivered" if self.delivered else "failed" if self.failed else "pending"


def decode(pdu: str) -> Deliver | Submit | StatusReport:
    """Any of the three from hex, either case. Raises DecodeError, nothing else, that names the octet or field."""
    data = parse_hex(pdu)
    smsc, at = address.decode_smsc(data)
    if at >= len(data):
        raise DecodeError(f"octet {at}: nothing follows the service centre field")
    kind = data[at] & TYPE_MASK
    if kind == TYPE_DELIVER:
        return _deliver(smsc, data, at)
    if kind == TYPE_SUBMIT:
        return _submit(smsc, data, at)
    if kind == TYPE_REPORT:
        return _status_report(smsc, data, at)
    raise DecodeError(f"octet {at}: message type 3 is reserved")


def parse_hex(pdu: str) -> bytes:
    """Octets of hex text; raises DecodeError with the column of the first character that is none."""
    text = pdu.strip()
    if bad := _NOT_HEX.search(text):
        raise DecodeError(f"column {bad.start() + 1}: {bad[0]!r} is not hexadecimal")
    if len(text) % 2:
        raise DecodeError(f"odd number of hex digits ({len(text)})")
    return bytes.fromhex(text)


def _deliver(smsc: str, data: bytes, start: int) -> Deliver:
    sender, at = address.decode(data, start + 1)
    pid, dcs = _take(data, at, 2, "protocol identifier and coding scheme")
    stamp = pdu_time.decode_time(_take(data, at + 2, 7, "time stamp"))
    user = _user_data(data, at + 9, pdu_coding.decode(dcs), bool(data[start] & HAS_HEADER))
    return Deliver(smsc, sender, pid, dcs, stamp, user, bool(data[start] & REPLY_PATH), len(data) - start)


def _submit(smsc: str, data: bytes, start: int) -> Submit:
    first, reference = _take(data, start, 2, "message reference")
    recipient, at = address.decode(data, start + 2)
    pid, dcs = _take(data, at, 2, "protocol identifier and coding scheme")
    validity, at = _validity(data, at + 2, first & VALIDITY_MASK)
    return Submit(
        smsc=smsc,
        recipient=recipient,
        reference=reference,
        pid=pid,
        dcs=dcs,
        validity=validity,
        user=_user_data(data, at, pdu_coding.decode(dcs), bool(first & HAS_HEADER)),
        report=bool(first & REPORT_REQUEST),
        reject_duplicates=bool(first & REJECT_DUPLICATES),
        reply_path=bool(first & REPLY_PATH),
        tpdu_length=len(data) - start,
    )


def _status_report(smsc: str, data: bytes, start: int) -> StatusReport:
    """What may follow the status (9.2.2.3: parameter indicator and more) says nothing about the delivery.

    An SMS-COMMAND has the same type on its way to the network (9.2.3.1). Modems send none, and one is seldom read as
    a report: only its error names it.
    """
    first, reference = _take(data, start, 2, "message reference")
    try:
        recipient, at = address.decode(data, start + 2)
        times = _take(data, at, 15, "times and status")
    except DecodeError as error:
        raise DecodeError(f"status report, {error} (an SMS-COMMAND, which is not read, has the same type)") from None
    stamp, discharge = pdu_time.decode_time(times[:7]), pdu_time.decode_time(times[7:14])
    status, more = times[14], not first & NO_MORE_MESSAGES
    return StatusReport(smsc, reference, recipient, stamp, discharge, status, more, len(data) - start)


def _validity(data: bytes, at: int, form: int) -> tuple[Validity | None, int]:
    if not form:
        return None, at
    if form == VALIDITY_RELATIVE:
        return Validity(pdu_time.decode_relative(_take(data, at, 1, "validity period")[0]) * 60), at + 1
    field = _take(data, at, 7, "validity period")
    if form == VALIDITY_ENHANCED:
        return pdu_time.decode_enhanced(field), at + 7
    until = pdu_time.decode_time(field)
    return (Validity(until=until) if until else None), at + 7


def _user_data(data: bytes, at: int, coding: Coding, has_header: bool) -> UserData:
    """9.2.3.24. A length octet that promises more than there is gives what is there; octets left over are ignored."""
    length = _take(data, at, 1, "user data length")[0]
    septets = coding.alphabet == pdu_coding.GSM7 and not coding.compressed
    promised = (length * 7 + 7) // 8 if septets else length
    field = data[at + 1 : at + 1 + promised]
    header = udh.NONE
    skip = 0
    if has_header and field:
        skip = 1 + field[0]
        if skip > len(field):
            raise DecodeError(f"octet {at + 1}: user data header of {field[0]} octets is longer than the user data")
        header = udh.decode(field[1:skip])
    user = _septets(field, length, skip, header) if septets else _octets(field[skip:], coding, header)
    return replace(user, truncated=True) if len(field) < promised else user


def _septets(field: bytes, length: int, skip: int, header: Header) -> UserData:
    """Text begins at the first septet boundary after the header, which counts in septets too (figure 9.2.3.24 (a))."""
    taken = (skip * 8 + 6) // 7
    count = max(0, min(length, gsm7.capacity(len(field))) - taken)
    septets = gsm7.unpack(field[skip:], count, taken * 7 - skip * 8)
    text = gsm7.decode(septets, gsm7.alphabet(header.locking, header.single))
    return UserData(pdu_coding.GSM7, text, header=header)


def _octets(body: bytes, coding: Coding, header: Header) -> UserData:
    if coding.alphabet == pdu_coding.UCS2 and not coding.compressed:
        place = header.concat
        continues = place is not None and place.number < place.total
        text = pdu_coding.decode_ucs2(body, continues=continues, continued=place is not None and place.number > 1)
        return UserData(pdu_coding.UCS2, text, header=header)
    return UserData(pdu_coding.EIGHT_BIT, data=body, header=header)


def _take(data: bytes, at: int, count: int, what: str) -> bytes:
    if at + count > len(data):
        raise DecodeError(f"octet {len(data)}: the PDU ends before its {what}")
    return data[at : at + count]
