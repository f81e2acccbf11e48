"""From a PDU that a modem gave to what Homeline stores: never an exception, whatever the bytes are."""

from __future__ import annotations

from homeline.errors import DecodeError
from homeline.model import ReceivedPart
from homeline.protocol import pdu_decode
from homeline.protocol.pdu_decode import Deliver, StatusReport, Submit

# TP-PID, 9.2.3.9.
_SILENT, _RETURN_CALL, _ME_DOWNLOAD, _SIM_DOWNLOAD = 0x40, 0x5F, 0x7D, 0x7F
_PID_NOTES = {
    _SILENT: "silent (type 0)",
    _RETURN_CALL: "return call",
    _ME_DOWNLOAD: "data for the modem",
    _SIM_DOWNLOAD: "data for the SIM",
}
_REPLACE = range(0x41, 0x48)


def status_report(pdu: str) -> StatusReport | None:
    """The status report that a PDU is; None when it is anything else, also when it cannot be decoded."""
    try:
        decoded = pdu_decode.decode(pdu)
    except DecodeError:
        return None
    return decoded if isinstance(decoded, StatusReport) else None


def received_part(dongle: str, sim: str, pdu: str) -> ReceivedPart:
    """One received PDU with what the codec makes of it; what it cannot decode has `error` set and the rest empty."""
    try:
        decoded = pdu_decode.decode(pdu)
    except DecodeError as error:
        return ReceivedPart(dongle, sim, pdu, error=str(error))
    if not isinstance(decoded, Deliver):
        kind = "a status report" if isinstance(decoded, StatusReport) else "an outgoing message"
        return ReceivedPart(dongle, sim, pdu, error=f"{kind}, not a received message")
    stamp = decoded.timestamp
    user = decoded.user
    return ReceivedPart(
        dongle=dongle,
        sim=sim,
        pdu=pdu,
        sender=decoded.sender.text,
        sender_type=decoded.sender.type,
        sent_at=stamp.at if stamp else None,
        sent_offset=stamp.offset if stamp else None,
        text=user.text,
        data=user.data,
        encoding=user.encoding,
        message_class=decoded.coding.message_class,
        concat=user.concat,
        ports=user.ports,
        protocol=decoded.pid,
        replace=decoded.pid - _REPLACE.start + 1 if decoded.pid in _REPLACE else None,
        note=note(decoded),
    )


def note(decoded: Deliver | Submit) -> str:
    """What is special about a message, in words; empty for an ordinary one.

    Of a WAP push in parts the first tells what it can; `wap.describe` of the joined data tells all.
    """
    coding = decoded.coding
    notes = [str(waiting) for waiting in (coding.waiting, *decoded.user.header.waiting) if waiting]
    notes.append(_PID_NOTES.get(decoded.pid, ""))
    if decoded.user.ports and (not decoded.user.concat or decoded.user.concat.number == 1):
        from homeline.protocol import wap  # loaded with the first of its kind

        notes.append(wap.describe(decoded.user.data, decoded.user.ports))
    if coding.compressed:
        notes.append("compressed text")
    if decoded.user.header.broken:
        notes.append("broken header")
    if decoded.user.truncated:
        notes.append("cut short")
    return "; ".join(dict.fromkeys(filter(None, notes)))
