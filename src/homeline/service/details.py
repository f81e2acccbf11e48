"""What a page of messages shows beside each, when it asks: the one-time code in it, and how far it was forwarded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from homeline.adapters.store import Store
from homeline.core import onetime
from homeline.model import Direction, Message


def of(store: Store, messages: Sequence[Message]) -> list[dict[str, Any]]:
    """For each message `code` and `deliveries`, where it has them. Runs beside the store: codes take their time."""
    states = store.delivery_states([message.id for message in messages])
    found: list[dict[str, Any]] = []
    for message in messages:
        shown: dict[str, Any] = {}
        if message.direction is Direction.IN and (code := onetime.find(message.text)):
            shown["code"] = code
        if message.id in states:
            shown["deliveries"] = states[message.id]
        found.append(shown)
    return found
