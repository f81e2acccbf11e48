"""A call in words for people: the pieces of an e-mail about it. The other end's number and name are a stranger's."""

from __future__ import annotations

from collections.abc import Iterator

from homeline.model import Call, CallDirection, CallState

_HEADINGS = {
    CallState.MISSED: "Missed call",
    CallState.VOICEMAIL: "Voicemail",
    CallState.ANSWERED: "Call",
    CallState.FAILED: "Failed call",
    CallState.REFUSED: "Refused call",
}


def who(call: Call) -> str:
    """The other end: name and number, as far as they are known."""
    peer = call.peer or ("a withheld number" if call.direction is CallDirection.IN else "nobody")
    return f"{call.peer_name} ({peer})" if call.peer_name and call.peer_name != peer else peer


def noun(call: Call) -> str:
    """What it was, in one or two words."""
    return _HEADINGS.get(call.state, "Call")


def heading(call: Call) -> str:
    """Such as "Missed call from +41791234567"."""
    return f"{noun(call)} {'from' if call.direction is CallDirection.IN else 'to'} {who(call)}"


def sentence(call: Call) -> str:
    """What happened."""
    rang = _length((call.answered_at or call.ended_at) - call.started_at)
    if call.state is CallState.VOICEMAIL:
        return f"A message of {_length(call.recording_seconds)} was left." if call.recording else "A message was left."
    if call.state is CallState.ANSWERED and call.answered_at is not None:
        return f"It was answered after {rang} and lasted {_length(call.ended_at - call.answered_at)}."
    if call.state is CallState.MISSED:
        return f"It rang for {rang}; nobody answered."
    return f"It was {'not allowed' if call.state is CallState.REFUSED else 'not answered'}."


def details(call: Call) -> Iterator[tuple[str, str]]:
    """Names and values of the lines below; an empty value is left out."""
    yield "As the network wrote it", call.peer_raw if call.peer_raw != call.peer else ""
    yield "Line", call.line
    yield "Called number", call.dialled
    yield "Answered by" if call.direction is CallDirection.IN else "Called from", call.through
    yield "Allowed by", call.rule
    yield "Reason", call.reason
    yield "Recording", call.recording


def _length(seconds: int) -> str:
    minutes, rest = divmod(max(seconds, 0), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
