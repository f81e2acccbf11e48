"""What became of a call: the dial plan's record, or a dongle's ringing, as a row of the call log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeline.config import Config
from homeline.model import Call, CallDirection, CallState

if TYPE_CHECKING:
    from homeline.protocol.call_record import Record, Times

try:
    # hashlib would load OpenSSL's libcrypto, some 4 MB on a router, for the same function.
    from _blake2 import blake2b
except ImportError:  # pragma: no cover - a Python that builds it under another name
    from hashlib import blake2b

ANSWERED = "ANSWER"  # Asterisk's DIALSTATUS
NO_NUMBER = "s"  # the extension that Asterisk takes where the network does not say which number was called
LONGEST_NUMBER = 64  # characters of a number that are kept

# The dial plan's own reasons.
REASONS = {
    "not_a_number": "what was dialled is not one telephone number",
    "not_allowed": "no outbound section allows it",
    "closed": "calls out are closed until a problem is solved",
    "no_grant": "nobody counted the day's minutes",
    "no_minutes": "the day's minutes were used up",
    "busy": "as many calls as allowed were up",
    "not_proved": "it was not proved to be a call of our account",
    "no_line": "the configuration has no line for the dongle",
    "withheld": "the caller withheld the number",
}

# ITU-T Q.850, what people ask about.
CAUSES = {
    1: "the number does not exist",
    17: "busy",
    18: "no answer from the phone",
    19: "nobody answered",
    21: "rejected",
    22: "the number changed",
    27: "the other end is out of order",
    28: "the number is not complete",
    34: "no line was free",
    38: "the network is out of order",
    41: "a failure that may pass",
    42: "the network is overloaded",
    50: "not subscribed",
    57: "not allowed",
    58: "not available now",
}
STATUSES = {
    "BUSY": "busy",
    "NOANSWER": "nobody answered",
    "CANCEL": "given up before an answer",
    "CHANUNAVAIL": "nothing could be reached",
    "CONGESTION": "no line was free",
}


def digest(*texts: str) -> str:
    """32 hexadecimal digits that stand for some texts."""
    return blake2b("\0".join(texts).encode("utf-8", "replace"), digest_size=16).hexdigest()


def uid(key: str, value: str) -> str:
    """What makes a record unique. The key alone does not: a router's clock starts with the same second at each boot."""
    return f"{key[:150]}-{digest(key, value)}"


def made(record: Record, times: Times, value: str, config: Config) -> Call:
    """The call of a record, without its recording. `peer` is yet to be made international."""
    direction = record.direction or _refused_direction(record, config)
    state = _state(record, direction)
    other = record.number if direction is CallDirection.IN else record.dialled
    return Call(
        id=0,
        direction=direction,
        state=state,
        uid=uid(record.key, value),
        dongle=_dongle(record, config),
        line=record.line or _carrier(record, config),
        peer=other,
        peer_raw=other,
        peer_name=record.name if direction is CallDirection.IN else "",
        dialled=record.dialled if direction is CallDirection.IN and record.dialled != NO_NUMBER else "",
        through=record.answered_by if direction is CallDirection.IN else record.source,
        rule=record.rule,
        started_at=times.started_at,
        answered_at=times.answered_at if state is CallState.ANSWERED else None,
        ended_at=times.ended_at,
        cause=record.cause,
        reason=_reason(record, state),
        unread=state is CallState.MISSED,
    )


def unreadable(key: str, value: str, error: str, now: int) -> Call:
    """A record that says nothing: a missed call, for all that the owner can do about it."""
    return Call(
        id=0,
        direction=CallDirection.IN,
        state=CallState.MISSED,
        uid=uid(key, value),
        started_at=now,
        ended_at=now,
        reason=f"the record of this call cannot be read: {error}",
        unread=True,
    )


def rang(dongle: str, token: str, number: str, line: str, started_at: int, ended_at: int) -> Call:
    """A call to a dongle that has no way to Asterisk: it can only be missed."""
    return Call(
        id=0,
        direction=CallDirection.IN,
        state=CallState.MISSED,
        uid=f"{dongle}-{token}",
        dongle=dongle,
        line=line,
        peer=number,
        peer_raw=number,
        started_at=started_at,
        ended_at=ended_at,
        unread=True,
    )


def _state(record: Record, direction: CallDirection) -> CallState:
    if record.direction is None:
        return CallState.REFUSED
    if record.answered_at is not None and (record.answered_by or record.status == ANSWERED):
        return CallState.ANSWERED
    return CallState.MISSED if direction is CallDirection.IN else CallState.FAILED


def _refused_direction(record: Record, config: Config) -> CallDirection:
    ours = any(phone.name == record.source for phone in config.phones)
    return CallDirection.OUT if ours else CallDirection.IN


def _dongle(record: Record, config: Config) -> str:
    found = next((line.dongle for line in config.lines if line.name == record.line), "")
    if not found and any(dongle.name == record.source for dongle in config.dongles):
        return record.source
    return found


def _carrier(record: Record, config: Config) -> str:
    """What carries the calls of an outbound section: a line or a trunk."""
    return next((section.via for section in config.outbounds if section.name == record.rule), "")


def _reason(record: Record, state: CallState) -> str:
    if state is CallState.ANSWERED:
        return ""
    if record.reason:
        return REASONS.get(record.reason) or record.reason.replace("_", " ")
    if state is CallState.MISSED:
        return ""
    return CAUSES.get(record.cause, "") or STATUSES.get(record.status, "")
