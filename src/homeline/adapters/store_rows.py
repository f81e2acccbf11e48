"""Rows to values of the model, and the questions' answers that the model has no name for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from homeline.adapters.store_base import Row, hexed, inexact
from homeline.model import (
    Alert,
    Call,
    CallDirection,
    CallState,
    Delivery,
    DeliveryState,
    Direction,
    Disposition,
    Event,
    Message,
    MessageState,
    Part,
    Priority,
)

MESSAGE = (
    "message.id, direction, message.state, message.dongle, message.sim, message.peer, peer_raw, peer_name, "
    "message.text, message.at, sent_at, sent_offset, delivered_at, encoding, message_class, parts_total, parts_have, "
    "data, port_to, message.note, message.error, message.unread, report, flash, port_from"
)
PART = "number, pdu, text, state, reference, error"
DELIVERY = (
    "id, event, rule, channel, state, attempts, next_at, created_at, done_at, error, revision, hold_until, priority, "
    "carrier, digest"
)
CALL = (
    "id, direction, state, uid, dongle, line, peer, peer_raw, peer_name, dialled, through, rule, started_at, "
    "answered_at, ended_at, cause, reason, recording, recording_seconds, recording_size, unread"
)
ALERT = "id, key, text, advice, severity, dongle, raised_at, cleared_at, acknowledged, event"


@dataclass(slots=True)
class Receipt:
    """What became of one received part.

    `event` is there when the part made a message whole (or is one that cannot be decoded): its deliveries are made.
    `completed` is there instead when the message had already been delivered with gaps; it is delivered once more.
    """

    disposition: Disposition
    new: bool
    event: Event | None = None
    completed: Message | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Messages, newest first; `more` lie before the last; `unread` counts all unread messages of the store."""

    messages: Sequence[Message]
    more: bool
    unread: int


@dataclass(frozen=True, slots=True)
class Conversation:
    """All messages with one peer, both directions."""

    peer: str
    name: str
    last: Message
    unread: int
    count: int


@dataclass(frozen=True, slots=True)
class ConversationPage:
    """Conversations, the newest first; the next page is before the id of the last one's message."""

    conversations: Sequence[Conversation]
    more: bool
    unread: int


@dataclass(frozen=True, slots=True)
class Unseen:
    """What came in and the owner has not looked at."""

    missed: int
    voicemail: int


@dataclass(frozen=True, slots=True)
class CallPage:
    """Calls, newest first; `more` lie before the last; `unseen` counts those of the whole store."""

    calls: Sequence[Call]
    more: bool
    unseen: Unseen


@dataclass(frozen=True, slots=True)
class Summary:
    """How the deliveries of one rule, or one channel, fare. Times are None where it never happened."""

    name: str
    pending: int = 0
    failed: int = 0
    success_at: int | None = None
    error_at: int | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Recovery:
    """What the last run left half done: messages now `unknown`, and how many were put back in the queue."""

    unknown: Sequence[Message]
    requeued: int


def message_of(row: Row) -> Message:
    """A message from the columns `MESSAGE`."""
    values = list(row[:-1])
    values[1:3] = Direction(row[1]), MessageState(row[2])
    values[18] = None if row[18] is None else (row[18], row[-1])
    values[21:] = (bool(value) for value in values[21:])
    return Message(*values)


def part_of(row: Row) -> Part:
    """A part from the columns `PART`."""
    return Part(row[0], hexed(row[1]), inexact(row[2]), row[3], row[4], row[5])


def delivery_of(row: Row) -> Delivery:
    """A delivery from the columns `DELIVERY`."""
    values = [*row[:4], DeliveryState(row[4]), *row[5:12], Priority(row[12]), row[13], bool(row[14])]
    return Delivery(*values)


def call_of(row: Row) -> Call:
    """A call from the columns `CALL`."""
    values = [row[0], CallDirection(row[1]), CallState(row[2]), *row[3:-1], bool(row[-1])]
    return Call(*values)


def alert_of(row: Row) -> Alert:
    """An alert from the columns `ALERT`."""
    alert = Alert(*row)
    alert.acknowledged = bool(alert.acknowledged)
    return alert
