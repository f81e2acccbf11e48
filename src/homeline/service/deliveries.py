"""The dispatcher: works off the store's deliveries, each channel by itself.

One worker for each channel, so a broken channel delays no other. A worker sleeps until something new is there (`wake`)
or the next delivery is due; nothing polls. It takes from the store what it can send at once and no more, so a backlog
of thousands stays on flash. The end of each attempt is committed; a process that dies before leaves it pending.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from homeline.adapters.store import Store
from homeline.core import retry
from homeline.errors import DeliveryError, NotFound, StoreError
from homeline.model import Delivery, Event
from homeline.service.delivery_worker import LONGEST_SLEEP, Channel, Office, StoreCall, Worker, attempt, either

__all__ = ["Channel", "Dispatcher"]

log = logging.getLogger(__name__)

DELIVERIES = retry.Policy()
CHANNELS = retry.Policy(longest=300.0)


class Dispatcher:
    """Sends what rules wanted, again and again until it is done or given up."""

    def __init__(
        self,
        call: StoreCall,
        channels: Mapping[str, Channel],
        clock: Callable[[], int],
        random: Callable[[], float],
        on_done: Callable[[Delivery, Event], None],
        on_failed: Callable[[Delivery, Event], None],
        on_trouble: Callable[[str, str], None],
        policy: retry.Policy = DELIVERIES,
        rest: retry.Policy = CHANNELS,
    ) -> None:
        """Nothing happens before `start`. `random` gives numbers from [0, 1).

        The callbacks run in the loop, after the commit. `on_failed` gets a delivery that was given up, its last error
        within. `on_trouble` gets a channel's name and error when it stops working, and "" for the error when it works
        again. `policy` is for one delivery, `rest` for a whole channel that fails.
        """
        self._office = Office(call, clock, random, on_done, on_failed, on_trouble, policy, rest)
        self._channels = dict(channels)
        self._workers: dict[str, Worker] = {}
        self._retired: set[asyncio.Task[None]] = set()
        self._watch: asyncio.Task[None] | None = None
        self._look = asyncio.Event()

    def start(self) -> None:
        """Begin to work off what is pending. Call it in the loop."""
        self._watch = asyncio.ensure_future(self._watch_absent())
        self.replace(self._channels)

    def wake(self, channels: Collection[str] | None = None) -> None:
        """New deliveries may be due for these channels (None: for any)."""
        for name, worker in self._workers.items():
            if channels is None or name in channels:
                worker.wake()

    def hurry(self, channel: str) -> None:
        """What stood in this channel's way may be gone: what waits for it is tried now."""
        if channel in self._workers:
            self._workers[channel].hurry()

    def look(self) -> None:
        """Deliveries of channels that are no more may have ended."""
        self._look.set()

    def replace(self, channels: Mapping[str, Channel]) -> None:
        """Use other channels from now on. What is under way ends with the channel that it began with.

        A channel that does not equal the one before begins afresh, and what waited for it is tried at once.
        """
        self._channels = dict(channels)
        if self._watch is None:
            return
        for name in set(self._workers) - set(channels):
            self._retire(name)
        for name, channel in channels.items():
            worker = self._workers.get(name)
            if worker is None:
                self._workers[name] = Worker(self._office, name, channel)
            elif worker.channel != channel:
                worker.begin_afresh(channel)
        self._look.set()

    async def close(self, grace: float = 3.0) -> None:
        """Begin nothing more, and give what is under way `grace` seconds. What does not end stays pending."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        for name in list(self._workers):
            self._retire(name)
        retired = list(self._retired)
        if retired:
            await asyncio.wait(retired, timeout=grace)
        for task in retired:
            task.cancel()
        await asyncio.gather(*retired, return_exceptions=True)

    async def test(self, channel: str, delivery: Delivery, event: Event) -> None:
        """Send `event` through a channel, once and without a trace in the store.

        Raises NotFound for a channel that is not there, DeliveryError if it did not take it.
        """
        if channel not in self._channels:
            raise NotFound(f"There is no channel '{channel}'.")
        delivery = replace(delivery, revision=self._office.clock())  # so that no two tests have one Message-ID
        error = await attempt(self._channels[channel], delivery, event)
        if isinstance(error, DeliveryError):
            raise error

    def _retire(self, name: str) -> None:
        task = asyncio.ensure_future(self._workers.pop(name).finish())
        self._retired.add(task)
        task.add_done_callback(self._retired.discard)

    async def _watch_absent(self) -> None:
        """Give channels that are no more, or have a mistake, a worker while deliveries wait: they must end some day."""
        while True:
            self._look.clear()
            try:
                self._replace_absent(await self._office.call(Store.waiting_channels))
            except StoreError:
                pass  # the workers say so
            except Exception:  # a defect in one look must not end the watch
                log.exception("It could not be seen for which channels deliveries wait.")
            await either(self._look, LONGEST_SLEEP)

    def _replace_absent(self, waiting: Collection[str]) -> None:
        for name in waiting:
            if name not in self._workers:
                self._workers[name] = Worker(self._office, name, _Absent(name))
        for name in set(self._workers) - set(self._channels) - set(waiting):
            self._retire(name)
            self._office.on_trouble(name, "")


class _Absent:
    """The place of a channel that the configuration does not have, now."""

    concurrency = 1
    timeout = 1.0

    def __init__(self, name: str) -> None:
        self._name = name

    async def deliver(self, delivery: Delivery, event: Event) -> None:
        raise DeliveryError(
            f"The configuration has no channel '{self._name}', or it has a mistake.", retry_after=4 * 3600.0
        )
