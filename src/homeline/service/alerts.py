"""Alerts: raised once, refreshed while they last, cleared when their cause is gone, and forwarded by the rules."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import NamedTuple

from homeline.adapters.store import Store
from homeline.errors import StoreError
from homeline.model import Problem
from homeline.service import shapes
from homeline.service.context import Context

log = logging.getLogger(__name__)


class Unstored(NamedTuple):
    """An alert that the store could not take."""

    text: str
    advice: str
    severity: str
    dongle: str


@dataclass(slots=True)
class Alerts:
    """Raises and clears alerts. What the store cannot take is a problem of `status` until it can."""

    context: Context
    _unstored: dict[str, Unstored] = field(default_factory=dict)

    async def raise_(
        self, key: str, text: str, advice: str = "", severity: str = "warning", dongle: str = "", logged: str = ""
    ) -> None:
        """Raise the alert `key`, or refresh it while it is open. Never fails.

        `logged` takes the place of a text that holds what the log may not: numbers.
        """
        log.warning("Alert: %s %s", logged or text, advice)
        await self._raise(key, Unstored(text, advice, severity, dongle))

    async def _raise(self, key: str, item: Unstored) -> None:
        context = self.context
        try:
            alert, new, event = await context.database(Store.raise_alert, key, *item, context.clock(), context.plan)
        except StoreError:
            self._unstored[key] = item
            return
        self._unstored.pop(key, None)
        if new:
            context.emit("homeline.alert.raised", shapes.alert(alert))
        context.happened(event)

    async def store_again(self) -> None:
        """The store can be written again."""
        for key, item in list(self._unstored.items()):
            await self._raise(key, item)

    def problems(self) -> list[Problem]:
        """The alerts that are not stored."""
        return [Problem(key, item.text, item.advice) for key, item in self._unstored.items()]

    async def clear(self, key: str) -> None:
        """The cause of `key` is gone. Never fails."""
        self._unstored.pop(key, None)
        context = self.context
        try:
            alert = await context.database(Store.clear_alert, key, context.clock())
        except StoreError:
            return
        if alert is not None:
            context.emit("homeline.alert.cleared", shapes.alert(alert))
