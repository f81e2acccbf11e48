"""An event in words for people, for every channel: one line that says what it is, its text, when it happened.

What a stranger wrote is in all of them, as it came: a channel makes it safe for its own form.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from homeline.model import CallDirection, Event, EventKind, Message, MessageState
from homeline.service import calltext

LINE_LIMIT = 200  # characters of one line of ours, for nothing of ours is longer
_HEX_LINE = 64
_LATEST = 253402300799  # 9999-12-31: what RFC 5322 3.3 can write

NOUNS = {
    EventKind.MESSAGE: "SMS",
    EventKind.REPORT: "Delivery report",
    EventKind.USSD: "USSD",
    EventKind.ALERT: "Alert",
    EventKind.CALL: "Call",
    EventKind.VOICEMAIL: "Voicemail",
}


def subject(event: Event) -> str:
    """Kind, peer and time of an event in one line. The peer is the stranger's text: not yet safe for a header."""
    if event.kind is EventKind.ALERT:
        return f"Alert: {event.text}"
    when = words(*moment(event))
    if event.call is not None:
        return f"{calltext.heading(event.call)}, {when}"
    if event.kind is EventKind.USSD:
        return f"USSD answer to {event.peer}, {when}" if event.peer else f"USSD from the network, {when}"
    if event.kind is EventKind.REPORT:
        return f"SMS to {who(event)} {event.fields.get('status') or 'reported'}, {when}"
    return f"{noun(event)} from {who(event)}, {when}"


def body(event: Event) -> str:
    """The event's text, then who, when and through which dongle. Half surrogates, which UTF-8 has not, become "?".

    The stranger's text comes first because mail programs show a mail's first line. What follows the last `-- ` is ours;
    sender and time are in the subject and the headers too, where the text cannot imitate them.
    """
    below = "".join(f"{name}: {value}\n" for name, value in details(event) if value)
    return whole(f"{brief(event)}\n\n-- \n{below}")


def brief(event: Event) -> str:
    """What `body` has above the `-- `, for channels that show who and when in their own way."""
    return whole("\n".join(content(event)))


def whole(text: str) -> str:
    """The text as UTF-8 can hold it: half surrogates become "?"."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def moment(event: Event) -> tuple[int, int]:
    """When it happened: seconds since 1970 and minutes east of UTC. The service centre's time where there is one."""
    message = event.message
    if message is not None and message.sent_at is not None and 0 <= message.sent_at < _LATEST - 86400:
        offset = message.sent_offset or 0
        return message.sent_at, offset if abs(offset) < 1440 else 0
    at = event.call.started_at if event.call is not None else event.at
    return min(max(at, 0), _LATEST), 0


def noun(event: Event) -> str:
    """What it is, in a word or two."""
    message = event.message
    if event.call is not None:
        return calltext.noun(event.call)
    if message is None:
        return NOUNS[event.kind]
    if message.error:
        return "Undecodable SMS"
    if "MMS notice" in message.note:
        return "MMS notice"
    if message.state is MessageState.INCOMPLETE:
        return "Incomplete SMS"
    return "Binary SMS" if message.data and not message.text else "SMS"


def who(event: Event) -> str:
    """The other end: name and number, as far as they are known."""
    if event.call is not None:
        return calltext.who(event.call)
    name = event.message.peer_name if event.message else ""
    peer = event.peer or "an unknown sender"
    return f"{name} ({peer})" if name and name != peer else peer


def content(event: Event) -> Iterator[str]:
    """The lines above the details."""
    message = event.message
    if message is not None and message.error:
        yield f"This message could not be decoded: {message.error}"
        yield "As the network sent it (hexadecimal):"
        yield from _hex_lines(event.fields.get("pdu", ""))
    if event.call is not None:
        yield calltext.sentence(event.call)
    if event.text or (message is None and event.call is None):
        yield event.text
    if message is not None and message.data:
        from homeline.protocol import wap  # loaded with the first of its kind

        yield wap.describe(message.data, message.ports) or f"Binary data of {len(message.data)} bytes"
        yield "As it came (hexadecimal):"
        yield from _hex_lines(message.data.hex())
    if advice := event.fields.get("advice"):
        yield ""
        yield advice


def _hex_lines(text: str) -> Iterator[str]:
    for at in range(0, len(text), _HEX_LINE):
        yield text[at : at + _HEX_LINE]


def details(event: Event) -> Iterator[tuple[str, str]]:
    """Names and values of the lines below the text; an empty value is left out."""
    at, offset = moment(event)
    yield "Event", f"{noun(event)} {event.id}"
    yield "To" if _went_out(event) else "From", line(who(event)) if event.peer else ""
    yield "Dongle", line(event.dongle)
    yield "Time", words(at, offset)
    if event.message is not None:
        yield from _message_details(event.message)
    if event.call is not None:
        yield from ((name, line(value)) for name, value in calltext.details(event.call))
    for name, value in event.fields.items():
        if name not in ("advice", "pdu"):
            yield line(name.replace("_", " ").capitalize()), line(value)


def _went_out(event: Event) -> bool:
    if event.call is not None:
        return event.call.direction is not CallDirection.IN
    return event.kind is EventKind.REPORT


def _message_details(message: Message) -> Iterator[tuple[str, str]]:
    yield "Sender as the network wrote it", line(message.peer_raw) if message.peer_raw != message.peer else ""
    yield "Stored here", words(message.at, 0)
    if message.state is MessageState.INCOMPLETE:
        yield "Parts", f"{message.parts_have} of {message.parts_total}, the others did not come"
    yield "Port", str(message.ports[0]) if message.ports else ""
    yield "Class", "0, to be shown at once" if message.message_class == 0 else ""
    yield "Kind", line(message.note)


def line(text: str) -> str:
    """One line of printable characters, bounded: white space becomes a space, what cannot be shown a sign for that."""
    if len(text) > LINE_LIMIT:
        text = text[: LINE_LIMIT - 1] + "…"
    return "".join(c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in text)


def zone(offset: int, colon: str) -> str:
    """Minutes east of UTC as +02:00, with `colon` between hours and minutes."""
    hours, minutes = divmod(abs(offset), 60)
    return f"{'-' if offset < 0 else '+'}{hours:02}{colon}{minutes:02}"


def local(at: int, offset: int) -> time.struct_time:
    """A time by the clock of a zone."""
    return time.gmtime(at + offset * 60)


def iso(at: int, offset: int) -> str:
    """Such as 2024-05-01T14:03:00+02:00 (RFC 3339)."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", local(at, offset)) + zone(offset, ":")


def words(at: int, offset: int) -> str:
    """For people: 2024-05-01 14:03:00 +02:00, the clock of whoever sent it."""
    return time.strftime("%Y-%m-%d %H:%M:%S ", local(at, offset)) + zone(offset, ":")
