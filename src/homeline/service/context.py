"""What the parts of the service share: the configuration in force, the store, the clock and the way to tell the bus."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from homeline.config import Config
from homeline.core import rules
from homeline.model import Event, Wanted
from homeline.service.database import Database

LOGGED_TEXT = 500  # characters; logd cuts a line at 1024 octets

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
        """The deliveries that the rules in force want of an event, and the answers that it gets.

        Pure, so the store's thread may call it.
        """
        now = self.clock()
        wanted = rules.match(self.config.rules, event, now)
        if self.config.auto_replies:
            from homeline.core import answering  # only where somebody is answered

            wanted += answering.match(self.config, event, now)
        return wanted

    def number_for_log(self, number: str) -> str:
        """A number as the log may show it: its last two characters, unless the owner wants more (log_text)."""
        return number if self.config.main.log_text or len(number) <= 2 else "…" + number[-2:]

    def text_for_log(self, text: str) -> str:
        """The end of a log line about a text: empty unless the owner wants it there."""
        return f": {text[:LOGGED_TEXT]}" if self.config.main.log_text else ""

    def happened(self, event: Event | None) -> None:
        """Deliveries may have been made of `event`: let the dispatcher look."""
        if event is not None:
            self.wake()
