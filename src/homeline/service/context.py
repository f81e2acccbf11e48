"""What the parts of the service share: the configuration in force, the store, the clock and the way to tell the bus."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from homeline.config import Config
from homeline.core import rules
from homeline.model import Event, Wanted
from homeline.service.database import Database

Emit = Callable[[str, dict[str, Any]], None]


@dataclass(slots=True)
class Context:
    """`emit` tells the bus and its subscribers; `wake` tells the dispatcher that deliveries are due."""

    config: Config
    database: Database
    clock: Callable[[], int]
    emit: Emit
    wake: Callable[[], None]

    def plan(self, event: Event) -> Sequence[Wanted]:
        """The deliveries that the rules in force want of an event. Pure, so the store's thread may call it."""
        return rules.match(self.config.rules, event, self.clock())

    def happened(self, event: Event | None) -> None:
        """Deliveries may have been made of `event`: let the dispatcher look."""
        if event is not None:
            self.wake()
