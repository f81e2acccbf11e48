"""TPDUs of 3GPP TS 23.040 9.2.2 from values: SUBMIT to be sent, DELIVER and STATUS-REPORT as a network makes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from homeline.errors import EncodeError
from homeline.protocol import address, gsm7, pdu_coding, pdu_decode, pdu_text, pdu_time, udh
from homeline.protocol.pdu_text import Content, Segment
from homeline.protocol.pdu_time import Timestamp, Validity


@dataclass(frozen=True, slots=True)
class Encoded:
    """One PDU. `length` is what AT+CMGS wants: octets without the service centre's field."""

    pdu: str  # hex, upper case
    length: int
    encoding: str
    text: str  # this part's; empty for 8-bit data


def encode_submit(
    number: str,
    content: Content | str,
    *,
    smsc: str = "",
    reference: int = 0,
    validity: Validity | None = None,
    report: bool = False,
    reject_duplicates: bool = False,
    reply_path: bool = False,
    pid: int = 0,
) -> list[Encoded]:
    """A message as one PDU or several. Raises EncodeError for a bad number, text, or option.

    The modem puts in a message reference of its own (9.2.3.6), so 0 is as good as any.
    """
    form, period = _validity(validity)
    first = pdu_decode.TYPE_SUBMIT | form
    first |= pdu_decode.REPORT_REQUEST * report | pdu_decode.REJECT_DUPLICATES * reject_duplicates
    first |= pdu_decode.REPLY_PATH * reply_path
    destination = bytes((_octet(reference, "message reference"),)) + address.encode(number)
    front = address.encode_smsc(smsc)
    return [
        _finish(
            front, first | has_header, destination + bytes((_octet(pid, "protocol identifier"), dcs)) + period, part
        )
        for part, has_header, dcs in _parts(content)
    ]


def encode_deliver(
    sender: str,
    content: Content | str,
    timestamp: Timestamp,
    *,
    sender_type: str = "",
    smsc: str = "",
    pid: int = 0,
    reply_path: bool = False,
) -> list[Encoded]:
    """A message as a network delivers it; `sender_type` alphanumeric makes the sender a name."""
    first = pdu_decode.TYPE_DELIVER | pdu_decode.NO_MORE_MESSAGES | pdu_decode.REPLY_PATH * reply_path
    origin = address.encode(sender, sender_type)
    front = address.encode_smsc(smsc)
    stamp = pdu_time.encode_time(timestamp)
    return [
        _finish(front, first | has_header, origin + bytes((_octet(pid, "protocol identifier"), dcs)) + stamp, part)
        for part, has_header, dcs in _parts(content)
    ]


def encode_status_report(
    reference: int, recipient: str, timestamp: Timestamp, discharge: Timestamp, status: int = 0, *, smsc: str = ""
) -> str:
    """A status report in hex; `status` is TP-ST (9.2.3.15), 0 for delivered."""
    first = pdu_decode.TYPE_REPORT | pdu_decode.NO_MORE_MESSAGES
    body = bytes((first, _octet(reference, "message reference"))) + address.encode(recipient)
    body += pdu_time.encode_time(timestamp) + pdu_time.encode_time(discharge) + bytes((_octet(status, "status"),))
    return (address.encode_smsc(smsc) + body).hex().upper()


def _parts(content: Content | str) -> Iterator[tuple[Segment, int, int]]:
    """Each part with its header flag and its data coding scheme."""
    content = Content(content) if isinstance(content, str) else content
    for part in pdu_text.segments(content):
        dcs = pdu_coding.encode(part.encoding, content.message_class)
        yield part, pdu_decode.HAS_HEADER if part.elements else 0, dcs


def _finish(front: bytes, first: int, middle: bytes, part: Segment) -> Encoded:
    tpdu = bytes((first,)) + middle + _user_data(part)
    return Encoded((front + tpdu).hex().upper(), len(tpdu), part.encoding, part.text)


def _user_data(part: Segment) -> bytes:
    """9.2.3.16 and 9.2.3.24: length in units, header, and for septets the fill bits up to the next boundary."""
    header = udh.encode(part.elements)
    if part.encoding != pdu_coding.GSM7:
        return bytes((len(header) + len(part.body),)) + header + part.body
    taken = (len(header) * 8 + 6) // 7
    packed = gsm7.pack(part.body, taken * 7 - len(header) * 8)
    return bytes((taken + len(part.body),)) + header + packed


def _validity(validity: Validity | None) -> tuple[int, bytes]:
    """The format bits of the first octet and the field."""
    if validity is None:
        return 0, b""
    if validity.until:
        return pdu_decode.VALIDITY_ABSOLUTE, pdu_time.encode_time(validity.until)
    minutes = -(-(validity.seconds or 0) // 60)
    return pdu_decode.VALIDITY_RELATIVE, bytes((pdu_time.encode_relative(minutes),))


def _octet(value: int, what: str) -> int:
    if not 0 <= value <= 255:
        raise EncodeError(f"{what} {value} is outside 0 to 255")
    return value
