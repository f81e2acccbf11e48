"""What the bus and the owner are told of deliveries and channels: what went out, was given up, or does not work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from homeline.adapters.store import Store
from homeline.errors import StoreError
from homeline.model import Delivery, DeliveryState, Event
from homeline.service import shapes
from homeline.service.alerts import Alerts
from homeline.service.context import Context
from homeline.service.troubles import Say

Spawn = Callable[[Coroutine[Any, Any, None]], None]

GRACE = 900.0  # seconds that a channel may be out of order before its owner is told


class ChannelAlerts:
    """The dispatcher's listener."""

    def __init__(self, context: Context, alerts: Alerts, say: Say, spawn: Spawn, grace: float = GRACE) -> None:
        """`spawn` runs a coroutine in the background."""
        self._context, self._alerts, self._say, self._spawn, self._grace = context, alerts, say, spawn, grace
        self._overdue: dict[str, asyncio.TimerHandle] = {}
        self._words: dict[str, str] = {}  # of channels that do not work
        self._working: set[str] = set()  # whose alerts of the last run, if any, are cleared

    def delivered(self, delivery: Delivery, event: Event) -> None:
        """It went out."""
        self._context.emit("homeline.delivery.done", shapes.delivery(delivery, event.digest))
        if delivery.attempts > 1:  # perhaps the last one that had been given up and was tried again
            self._spawn(self._clear_failed(delivery.channel))
        if delivery.channel not in self._working:
            self._working.add(delivery.channel)
            self._spawn(self._alerts.clear(f"channel.{delivery.channel}"))

    def gave_up(self, delivery: Delivery, event: Event) -> None:
        """It was given up."""
        self._context.emit("homeline.delivery.failed", shapes.delivery(delivery, event.digest))
        more = f" and {len(event.digest) - 1} others" if event.digest else ""
        self._spawn(
            self._alerts.raise_(
                f"delivery.{delivery.channel}",
                f"Event {delivery.event}{more} could not be forwarded to {delivery.channel}: {delivery.error}",
                f"When it works again: ubus call homeline retry_delivery '{{\"id\": {delivery.id}}}'",
            )
        )

    def trouble(self, channel: str, error: str) -> None:
        """A channel does not work; with "" it does again, or is no more."""
        self._say(
            f"channel {channel}", error, "Its deliveries wait, and are tried again by themselves." if error else ""
        )
        if error:
            self._words[channel] = error
            self._working.discard(channel)
            if channel not in self._overdue:
                loop = asyncio.get_running_loop()
                self._overdue[channel] = loop.call_later(self._grace, self._still, channel)
            return
        self._words.pop(channel, None)
        if (timer := self._overdue.pop(channel, None)) is not None:
            timer.cancel()
            self._spawn(self._alerts.clear(f"channel.{channel}"))

    def _still(self, channel: str) -> None:
        self._spawn(
            self._alerts.raise_(
                f"channel.{channel}",
                f"The channel {channel} does not work: {self._words.get(channel, '')}",
                "What is to go there waits, and is tried again by itself.",
            )
        )

    async def _clear_failed(self, channel: str) -> None:
        try:
            failed = await self._context.database(
                Store.list_deliveries, channel=channel, state=DeliveryState.FAILED, limit=1
            )
        except StoreError:
            return  # the next success looks again
        if not failed:
            await self._alerts.clear(f"delivery.{channel}")
