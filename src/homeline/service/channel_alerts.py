"""What the bus and the owner are told of deliveries and channels: what went out, was given up, or does not work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from homeline.adapters.store import Store
from homeline.errors import StoreError
from homeline.model import Delivery, DeliveryState, Event
from homeline.service import shapes
from homeline.service.alerts import Alerts
from homeline.service.context import Context
from homeline.service.troubles import Say

GRACE = 900.0  # seconds that a channel may be out of order before its owner is told


@dataclass(slots=True)
class ChannelAlerts:
    """The dispatcher's listener. `spawn` runs a coroutine in the background."""

    context: Context
    alerts: Alerts
    say: Say
    spawn: Callable[[Coroutine[Any, Any, None]], None]
    grace: float = GRACE
    _overdue: dict[str, asyncio.TimerHandle] = field(default_factory=dict)
    _words: dict[str, str] = field(default_factory=dict)  # of channels that do not work
    _working: set[str] = field(default_factory=set)  # whose alerts of the last run, if any, are cleared

    def delivered(self, delivery: Delivery, event: Event) -> None:
        """It went out."""
        self.context.emit("homeline.delivery.done", shapes.delivery(delivery, event.digest))
        if delivery.attempts > 1:  # perhaps the last one that had been given up and was tried again
            self.spawn(self._clear_failed(delivery.channel))
        if delivery.channel not in self._working:
            self._working.add(delivery.channel)
            self.spawn(self.alerts.clear(f"channel.{delivery.channel}"))

    def gave_up(self, delivery: Delivery, event: Event) -> None:
        """It was given up."""
        self.context.emit("homeline.delivery.failed", shapes.delivery(delivery, event.digest))
        more = f" and {len(event.digest) - 1} others" if event.digest else ""
        self.spawn(
            self.alerts.raise_(
                f"delivery.{delivery.channel}",
                f"Event {delivery.event}{more} could not be forwarded to {delivery.channel}: {delivery.error}",
                f"When it works again: ubus call homeline retry_delivery '{{\"id\": {delivery.id}}}'",
            )
        )

    def trouble(self, channel: str, error: str) -> None:
        """A channel does not work; with "" it does again, or is no more."""
        self.say(
            f"channel {channel}", error, "Its deliveries wait, and are tried again by themselves." if error else ""
        )
        if error:
            self._words[channel] = error
            self._working.discard(channel)
            if channel not in self._overdue:
                loop = asyncio.get_running_loop()
                self._overdue[channel] = loop.call_later(self.grace, self._still, channel)
            return
        self._words.pop(channel, None)
        if (timer := self._overdue.pop(channel, None)) is not None:
            timer.cancel()
            self.spawn(self.alerts.clear(f"channel.{channel}"))

    def _still(self, channel: str) -> None:
        self.spawn(
            self.alerts.raise_(
                f"channel.{channel}",
                f"The channel {channel} does not work: {self._words.get(channel, '')}",
                "What is to go there waits, and is tried again by itself.",
            )
        )

    async def _clear_failed(self, channel: str) -> None:
        try:
            failed = await self.context.database(
                Store.list_deliveries, channel=channel, state=DeliveryState.FAILED, limit=1
            )
        except StoreError:
            return  # the next success looks again
        if not failed:
            await self.alerts.clear(f"delivery.{channel}")
