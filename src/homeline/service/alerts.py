"""Alerts: raised once, refreshed while they last, cleared when their cause is gone, and forwarded by the rules."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from homeline.adapters.store import Store
from homeline.errors import StoreError
from homeline.model import Problem
from homeline.service import shapes
from homeline.service.context import Context

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Alerts:
    """Raises and clears alerts. What the store cannot take is kept as a problem in memory."""

    context: Context
    unstored: dict[str, Problem]

    async def raise_(self, key: str, text: str, advice: str = "", severity: str = "warning", dongle: str = "") -> None:
        """Raise the alert `key`, or refresh it while it is open. Never fails."""
        log.warning("Alert: %s %s", text, advice)
        context = self.context
        try:
            alert, new, event = await context.database(
                Store.raise_alert, key, text, advice, severity, dongle, context.clock(), context.plan
            )
        except StoreError:
            self.unstored[key] = Problem(key, text, advice)
            return
        if new:
            context.emit("homeline.alert.raised", shapes.alert(alert))
        context.happened(event)

    async def clear(self, key: str) -> None:
        """The cause of `key` is gone. Never fails."""
        self.unstored.pop(key, None)
        context = self.context
        try:
            alert = await context.database(Store.clear_alert, key, context.clock())
        except StoreError:
            return
        if alert is not None:
            context.emit("homeline.alert.cleared", shapes.alert(alert))
