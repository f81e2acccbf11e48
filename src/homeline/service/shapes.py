"""How Homeline's values look on the bus (docs/ubus.md). Tables of JSON types; times are int64 seconds since 1970 UTC.

Empty and unknown values are left out, so that a reader can test for a key; flags and states are always there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from homeline.adapters.store import Conversation
from homeline.model import Alert, Call, Delivery, DongleStatus, Event, Message, Part, Problem
from homeline.protocol.blobmsg import Int64
from homeline.service.logs import Line

Table = dict[str, Any]


def _filled(table: Table) -> Table:
    return {key: value for key, value in table.items() if value not in ("", None)}


def _time(seconds: int | None) -> Int64 | None:
    return None if seconds is None else Int64(seconds)


def message(item: Message) -> Table:
    """A message as lists and events show it."""
    return {
        "id": Int64(item.id),
        "direction": item.direction.value,
        "state": item.state.value,
        "unread": item.unread,
        "parts": item.parts_total,
        "text": item.text,
    } | _filled(
        {
            "dongle": item.dongle,
            "peer": item.peer,
            "peer_raw": item.peer_raw,
            "name": item.peer_name,
            "at": _time(item.at),
            "sent_at": _time(item.sent_at),
            "sent_offset": item.sent_offset,
            "delivered_at": _time(item.delivered_at),
            "encoding": item.encoding,
            "class": item.message_class,
            "flash": True if item.message_class == 0 or item.flash else None,
            "parts_missing": item.parts_total - item.parts_have if item.parts_have < item.parts_total else None,
            "data": item.data.hex(),
            "port": item.ports[0] if item.ports else None,
            "note": item.note,
            "error": item.error,
            "report": True if item.report else None,
        }
    )


def part(item: Part) -> Table:
    """One raw part of a message."""
    return {"number": item.number, "pdu": item.pdu} | _filled(
        {"text": item.text, "state": item.state, "reference": item.reference, "error": item.error}
    )


def delivery(item: Delivery, digest: Sequence[Event] = ()) -> Table:
    """A delivery; `digest` are the events that went out with it."""
    return {
        "id": Int64(item.id),
        "event": Int64(item.event),
        "rule": item.rule,
        "channel": item.channel,
        "state": item.state.value,
        "attempts": item.attempts,
        "created_at": Int64(item.created_at),
    } | _filled(
        {
            "next_at": _time(item.next_at) if item.state == "pending" else None,
            "done_at": _time(item.done_at),
            "note" if item.state == "done" else "error": item.error,
            "priority": "" if item.priority == "normal" else item.priority.value,
            "hold_until": _time(item.hold_until or None),
            "digest": Int64(item.digest) if item.digest else None,
            "events": [Int64(event.id) for event in digest] or None,
        }
    )


def call(item: Call) -> Table:
    """A call as lists and events show it; one that goes on has no id yet."""
    return {
        "direction": item.direction.value,
        "state": item.state.value,
        "unread": item.unread,
    } | _filled(
        {
            "id": Int64(item.id) if item.id else None,
            "dongle": item.dongle,
            "line": item.line,
            "peer": item.peer,
            "peer_raw": item.peer_raw,
            "name": item.peer_name,
            "dialled": item.dialled,
            "through": item.through,
            "rule": item.rule,
            "started_at": _time(item.started_at),
            "answered_at": _time(item.answered_at),
            "ended_at": _time(item.ended_at or None),
            "cause": item.cause or None,
            "reason": item.reason,
            "recording": item.recording,
            "seconds": item.recording_seconds or None,
            "size": item.recording_size or None,
        }
    )


def conversation(item: Conversation) -> Table:
    return {"peer": item.peer, "count": item.count, "unread": item.unread, "last": message(item.last)} | _filled(
        {"name": item.name}
    )


def alert(item: Alert) -> Table:
    return {
        "id": Int64(item.id),
        "key": item.key,
        "text": item.text,
        "severity": item.severity,
        "acknowledged": item.acknowledged,
        "raised_at": Int64(item.raised_at),
    } | _filled(
        {
            "advice": item.advice,
            "dongle": item.dongle,
            "cleared_at": _time(item.cleared_at),
            "event": Int64(item.event) if item.event else None,
        }
    )


def log_line(line: Line) -> Table:
    return {"id": line.number, "at": Int64(line.at), "level": line.level, "text": line.text}


def problem(item: Problem) -> Table:
    return _filled({"where": item.where, "text": item.text, "advice": item.advice})


def problems(items: Sequence[Problem]) -> list[Table]:
    return [problem(item) for item in items]


def dongle(item: DongleStatus) -> Table:
    """What is known of one dongle."""
    return {
        "name": item.name,
        "driver": item.driver.value,
        "state": item.state.value,
        "reason": item.reason.value,
        "since": Int64(item.since),
        "registration": item.registration.value,
    } | _filled(
        {
            "detail": item.detail,
            "port": item.port,
            "usb_path": item.usb_path,
            "manufacturer": item.manufacturer,
            "model": item.model,
            "firmware": item.firmware,
            "imei": item.imei,
            "iccid": item.iccid,
            "imsi": item.imsi,
            "number": item.number,
            "operator": item.operator,
            "technology": item.technology,
            "signal_dbm": item.signal_dbm,
            "voice": item.voice,
            "storage_used": item.storage_used,
            "storage_size": item.storage_size,
            "pin_tries": item.pin_tries,
        }
    )
