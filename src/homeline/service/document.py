"""An event as JSON for programs: webhooks, MQTT, commands. `docs/events.md` has the schema, which only ever grows."""

from __future__ import annotations

from typing import Any

from homeline.model import Delivery, Event

VERSION = 1


def document(key: str, delivery: Delivery, event: Event) -> dict[str, Any]:
    """Plain values only: text, integers, lists and tables of them. Times are seconds since 1970, UTC."""
    return {
        "version": VERSION,
        "id": key,
        "event": event.id,
        "kind": str(event.kind),
        "rule": delivery.rule,
        "at": event.at,
        "dongle": event.dongle,
        "from": event.peer,
        "text": event.text,
    }
