"""An event as JSON for programs: webhooks, MQTT, commands. `docs/events.md` has the schema, which only ever grows.

Plain values only: text, integers, booleans, lists and tables of them. Times are seconds since 1970, UTC. What is empty
or unknown is left out, but for the fields that every document has. Half surrogates become "?", binary data hexadecimal.
"""

from __future__ import annotations

import json
from typing import Any

from homeline.config import Rule
from homeline.model import Call, Event, EventKind, Message
from homeline.service import eventtext

VERSION = 1
LARGEST = 65536  # octets as JSON with UTF-8
SHORTEST = 128  # characters that are left of a text

Table = dict[str, Any]


def document(key: str, rule: Rule, event: Event, code: str, subject: str, number: str) -> Table:
    """The whole document of a delivery; `number` is our own, as far as it is known."""
    head = {"version": VERSION, "id": key, "rule": rule.name, "priority": str(rule.priority)}
    made = head | _event(event, code, subject, number)
    if event.digest:
        made["events"] = [_event(each, "", eventtext.line(eventtext.subject(each)), number) for each in event.digest]
    return _bounded(_clean(made))


def _event(event: Event, code: str, subject: str, number: str) -> Table:
    """What every document has, then what belongs to the kind."""
    at, offset = eventtext.moment(event)
    table = {
        "event": event.id,
        "kind": "digest" if event.digest else str(event.kind),
        "at": at,
        "time": eventtext.iso(at, offset),
        "dongle": event.dongle,
        "from": event.peer,
        "text": event.text,
        "subject": subject,
    } | _filled({"to": (event.call.dialled if event.call else "") or number, "code": code})
    if event.digest:
        return table | {"from": "", "text": ""}
    if event.message is not None:
        table["message"] = _message(event.message, event.fields.get("pdu", ""))
    if event.call is not None:
        table["call"] = _call(event.call)
    if event.kind in _OTHERS:
        table[str(event.kind)] = _filled({name: _plain(event.fields.get(name, "")) for name in _OTHERS[event.kind]})
    return table


# What the fields of events that are neither messages nor calls are called (`Store.add_event`).
_OTHERS = {
    EventKind.USSD: ("code",),
    EventKind.ALERT: ("key", "severity", "advice", "alert"),
    EventKind.REPORT: ("status", "error", "message"),
}


def _plain(value: str) -> str | int:
    """An id is stored as text."""
    return int(value) if value.isascii() and value.isdigit() and len(value) < 16 else value


def _message(message: Message, pdu: str) -> Table:
    missing = message.parts_total - message.parts_have
    return {"state": str(message.state), "stored_at": message.at, "parts": message.parts_total} | _filled(
        {
            "name": message.peer_name,
            "from_raw": message.peer_raw if message.peer_raw != message.peer else "",
            "sent_at": message.sent_at,
            "sent_offset": message.sent_offset,
            "parts_missing": missing if missing > 0 else None,
            "encoding": message.encoding,
            "class": message.message_class,
            "data": message.data.hex(),
            "port": message.ports[0] if message.ports else None,
            "note": message.note,
            "error": message.error,
            "pdu": pdu,
        }
    )


def _call(call: Call) -> Table:
    talked = call.ended_at - call.answered_at if call.answered_at is not None else None
    return {"direction": str(call.direction), "state": str(call.state), "started_at": call.started_at} | _filled(
        {
            "name": call.peer_name,
            "from_raw": call.peer_raw if call.peer_raw != call.peer else "",
            "line": call.line,
            "dialled": call.dialled,
            "through": call.through,
            "allowed_by": call.rule,
            "answered_at": call.answered_at,
            "ended_at": call.ended_at or None,
            "seconds": talked,
            "cause": call.cause or None,
            "reason": call.reason,
            "recording": call.recording,
            "recording_seconds": call.recording_seconds or None,
            "recording_size": call.recording_size or None,
        }
    )


def _filled(table: Table) -> Table:
    return {name: value for name, value in table.items() if value not in ("", None)}


def _clean(value: Any) -> Any:
    """The same with text that UTF-8 can hold."""
    if isinstance(value, str):
        return eventtext.whole(value)
    if isinstance(value, dict):
        return {name: _clean(each) for name, each in value.items()}
    return [_clean(each) for each in value] if isinstance(value, list) else value


def _bounded(made: Table) -> Table:
    """The document, its longest texts cut and `truncated` set where it would be too large; then its last events."""
    limit = LARGEST // len(made.get("events", (1,)))  # at first: many long texts would take long to weigh
    bounded = _cut(made, max(limit, SHORTEST))
    while _size(bounded) > LARGEST:
        if limit > SHORTEST:
            limit //= 2
            bounded = _cut(bounded, max(limit, SHORTEST))
        else:
            bounded["events"] = bounded["events"][: len(bounded["events"]) // 2]
    return made if bounded == made else {**bounded, "id": made["id"], "truncated": True}


def _size(made: Table) -> int:
    return len(json.dumps(made, ensure_ascii=False).encode())


def _cut(value: Any, limit: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= limit else value[: limit - 1] + "…"
    if isinstance(value, dict):
        return {name: _cut(each, limit) for name, each in value.items()}
    return [_cut(each, limit) for each in value] if isinstance(value, list) else value
