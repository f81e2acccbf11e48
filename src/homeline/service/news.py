"""What happened, told to whoever listens: the bus, and channels that show states."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)

Listener = Callable[[str, dict[str, Any]], None]


class News:
    """`emit` calls every listener with the event's name and data, which no listener may change."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` for each event from now on; the result ends that. It must not wait."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def emit(self, name: str, data: dict[str, Any]) -> None:
        """Tell everybody. A listener with a defect hinders no other."""
        for listener in list(self._listeners):
            try:
                listener(name, data)
            except Exception:
                log.exception("A listener to %s failed.", name)
