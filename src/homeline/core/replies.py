"""Answers to forwarded mails: the token by which an answer is known, and what can be answered at all.

A token is `EVENT-MAC`: the event's id and 80 bits of a keyed BLAKE2b (RFC 7693 2.9) of mailbox and id. Its characters
survive mail servers that turn addresses into lower case. Who has a token had a mail of ours before them, and can answer
that one event's peer; nothing else follows from it.
"""

from __future__ import annotations

import base64
import re

from homeline.model import CallDirection, Direction, Event, EventKind

try:
    from _blake2 import blake2b  # as core.joining does, and why
except ImportError:
    from hashlib import blake2b

KEY_BYTES = 32
DAYS = 90  # an older event is not answered
MAX_PARTS = 10  # SMS of one answer
LOCAL_LIMIT = 64  # characters before the @ (RFC 5321 4.5.3.1.1)
LONGEST = 36  # characters of a token

_FORM = r"([0-9]{1,19})-([a-z2-7]{16})"
_WHOLE = re.compile(_FORM)
_IN_SUBJECT = re.compile(rf"\[#{_FORM}\]", re.IGNORECASE)
_NUMBER = re.compile(r"\+?[0-9]{3,15}")


def token(key: bytes, mailbox: str, event: int) -> str:
    """The token of an event. `key` is KEY_BYTES long and this router's secret."""
    mac = blake2b(f"{mailbox}\0{event}".encode(), digest_size=10, key=key).digest()
    return f"{event}-{base64.b32encode(mac).decode().lower()}"


def digest(text: str) -> str:
    """A short name for any text."""
    return blake2b(text.encode("utf-8", "replace"), digest_size=10).hexdigest()


def event_of(key: bytes, mailbox: str, found: str) -> int | None:
    """The event that a token is of; None for one that we did not make."""
    match = _WHOLE.fullmatch(found)
    # Compared without care for time: nobody can time what is looked at every few minutes.
    return int(match[1]) if match and token(key, mailbox, int(match[1])) == found else None


def in_addresses(address: str, headers: str) -> list[str]:
    """What may be tokens in header values that have `user+TOKEN@domain`, in order, where `address` is user@domain."""
    local, _, domain = address.rpartition("@")
    pattern = rf"(?<![^\s<,;:\"']){re.escape(local)}\+{_FORM}@{re.escape(domain)}(?![A-Za-z0-9.-]*[A-Za-z0-9])"
    return [f"{a}-{b}".lower() for a, b in re.findall(pattern, headers, re.IGNORECASE)]


def in_subject(subject: str) -> list[str]:
    """What may be tokens in a subject, as `[#TOKEN]`."""
    return [f"{a}-{b}".lower() for a, b in _IN_SUBJECT.findall(subject)]


def address_with(address: str, found: str) -> str:
    """The address by which a token comes back."""
    local, _, domain = address.rpartition("@")
    return f"{local}+{found}@{domain}"


def answerable(event: Event) -> bool:
    """Whether an SMS can answer it: it came from, or is about, somebody with a number."""
    if len(event.digest) > 1 or not _NUMBER.fullmatch(event.peer):
        return False
    if event.kind is EventKind.MESSAGE:
        return event.message is None or event.message.direction is Direction.IN
    if event.kind in (EventKind.CALL, EventKind.VOICEMAIL):
        return event.call is None or event.call.direction is CallDirection.IN
    return event.kind is EventKind.REPORT
