"""HEP version 3, by which Asterisk shows the SIP messages that it sends and gets (module res_hep_pjsip).

Source: "HEP/EEP v3" of the SIPCAPTURE project. A packet is `HEP3`, its length, and chunks: vendor, type and length of
two octets each, then the value. Lengths count all that precedes the value too. Of a message only what tells its fate is
read, and all of it may be a stranger's: whoever sends a packet to Asterisk's port is shown here as well.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from homeline.errors import DecodeError

KEY, PAYLOAD = 0x0E, 0x0F  # types of chunks: authenticate key, captured packet
LONGEST_HEAD = 8192  # octets of a SIP message in which its headers are looked for

_MAGIC = b"HEP3"
_STATUS = re.compile(rb"SIP/2\.0 ([1-6][0-9][0-9]) ")
# In full, or compact as RFC 3261 7.3.3 has it. `[ \t]*` before the colon is allowed there too.
_CALL_ID = re.compile(rb"^(?:Call-ID|i)[ \t]*:[ \t]*([!-~]{1,256})[ \t]*\r$", re.IGNORECASE | re.MULTILINE)
_CSEQ = re.compile(rb"^CSeq[ \t]*:[ \t]*[0-9]{1,10}[ \t]+MESSAGE[ \t]*\r$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Seen:
    """A SIP MESSAGE (RFC 3428), or an answer to one."""

    call_id: str
    status: int  # of an answer; 0 is the request itself
    mark: str  # of a request: the value of the header that was asked for; "" where it has none


def payload(packet: bytes, key: bytes) -> bytes:
    """The SIP message within a packet. Raises DecodeError for what is no HEP, and for a packet without our key."""
    chunks = dict(_chunks(packet))
    if chunks.get(KEY) != key:
        raise DecodeError("HEP: it has another key than ours")
    if PAYLOAD not in chunks:
        raise DecodeError("HEP: there is no message in it")
    return chunks[PAYLOAD]


def _chunks(packet: bytes) -> Iterator[tuple[int, bytes]]:
    if len(packet) < 6 or not packet.startswith(_MAGIC):
        raise DecodeError("HEP: it does not begin with HEP3")
    end = min(int.from_bytes(packet[4:6]), len(packet))
    at = 6
    while at + 6 <= end:
        vendor, kind, length = struct.unpack_from(">HHH", packet, at)
        if length < 6 or at + length > end:
            raise DecodeError(f"HEP: the chunk at octet {at} has a wrong length")
        if vendor == 0:
            yield kind, packet[at + 6 : at + length]
        at += length


def seen(message: bytes, header: str) -> Seen | None:
    """What a SIP message tells of a MESSAGE, and the value of its `header`; None where it is of another method."""
    answer = _STATUS.match(message)
    if not answer and not message.startswith(b"MESSAGE "):
        return None
    head = message[:LONGEST_HEAD].partition(b"\r\n\r\n")[0] + b"\r"
    call_id = _CALL_ID.search(head)
    if call_id is None or not _CSEQ.search(head):
        return None
    mark = None
    if not answer:
        mark = re.search(rb"^" + re.escape(header.encode()) + rb": ([!-~]{1,64})\r$", head, re.MULTILINE)
    return Seen(call_id[1].decode("ascii"), int(answer[1]) if answer else 0, mark[1].decode("ascii") if mark else "")
