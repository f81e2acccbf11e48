"""Receiving: parts from the drivers into the store, whole messages out to the bus and the dispatcher."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

from homeline.adapters.store import Receipt, Store
from homeline.errors import NoData, StoreError
from homeline.model import Direction, Disposition, DongleStatus, Event, ReceivedPart
from homeline.service import numbering, shapes
from homeline.service.context import Context
from homeline.service.unbroken import unbroken

log = logging.getLogger(__name__)

LATEST_CHECK = 3600.0  # seconds: an upper bound on the sleep until the next lone part is due, for clocks that jump


class Inbox:
    """Stores what the drivers hand on and says so. A part is committed before `received` returns."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._parts_wait = asyncio.Event()

    async def received(self, parts: Sequence[ReceivedPart], archived: bool) -> Sequence[Disposition]:
        """Commit parts in one transaction; what each may become on the SIM. Raises StoreError: they must stay there."""
        return await unbroken(self._receive(parts, archived))

    async def _receive(self, parts: Sequence[ReceivedPart], archived: bool) -> Sequence[Disposition]:
        context = self._context
        country = context.config.main.country
        known = [replace(part, peer=await numbering.peer(part.sender, country, part.sender_type)) for part in parts]
        receipts = await context.database(Store.receive, known, context.clock(), context.plan, archived=archived)
        for receipt in receipts:
            self._announce(receipt)
        if any(receipt.new and receipt.event is None for receipt in receipts):
            self._parts_wait.set()
        return [receipt.disposition for receipt in receipts]

    def _announce(self, receipt: Receipt) -> None:
        if receipt.event is not None:
            self._tell(receipt.event)
        elif receipt.completed is not None:
            self._context.emit("homeline.message.received", shapes.message(receipt.completed))
            self._context.wake()

    def _tell(self, event: Event) -> None:
        message = event.message
        if message is None:
            return
        if message.direction is Direction.IN:
            peer, text = self._context.number_for_log(message.peer), self._context.text_for_log(message.text)
            log.info("Message %d received by %s from %s%s", message.id, message.dongle, peer, text)
            self._context.emit("homeline.message.received", shapes.message(message))
        self._context.happened(event)

    async def release(self, status: DongleStatus, forward: bool) -> int:
        """Take the archived messages of the SIM in a dongle into the inbox; how many. NoData for no SIM."""
        if not status.sim:
            raise NoData(f"The SIM in {status.name} is not known yet.")
        context = self._context
        events = await context.database(Store.release_archived, status.sim, context.clock(), context.plan, forward)
        for event in events:
            self._tell(event)
        return len(events)

    async def watch_parts(self) -> None:
        """Deliver parts that stayed alone for longer than the time limit; sleeps until the next one is due."""
        while True:
            try:
                wait = await self._expire()
            except StoreError as error:
                log.warning("Lone parts could not be looked at: %s", error)
                wait = LATEST_CHECK / 60
            self._parts_wait.clear()
            try:
                await asyncio.wait_for(self._parts_wait.wait(), wait)
            except TimeoutError:
                continue

    def look(self) -> None:
        """The clock was set: lone parts may be due."""
        self._parts_wait.set()

    async def _expire(self) -> float:
        context = self._context
        limit = context.config.main.join_timeout
        now = context.clock()
        for event in await context.database(Store.expire_parts, now, limit, context.plan):
            self._tell(event)
        due = await context.database(Store.next_expiry, limit)
        return LATEST_CHECK if due is None else min(max(due - now, 1), LATEST_CHECK)
