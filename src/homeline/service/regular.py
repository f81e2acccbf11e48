"""What is done every so many days by itself: the life of a `schedule` and of a `balance` section.

How it goes on is durable, so a router that was off catches up, once. Each try has a key of its own: one that a crash
cut off is not made twice.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from typing import Any

from homeline.adapters.store import Store
from homeline.core import regular, times
from homeline.core.regular import Progress
from homeline.errors import ConfigError, HomelineError, StoreError
from homeline.model import DongleState, Registration
from homeline.protocol.blobmsg import Int64
from homeline.service.channels import Made, World
from homeline.service.delivery_worker import either

log = logging.getLogger(__name__)

LOOK = 900.0  # seconds: the longest sleep, for clocks that are set
STORE_PAUSE = 60.0  # seconds until a store that failed is asked again
NEWS = ("homeline.dongle.changed", "homeline.message.sent", "homeline.message.failed")

Table = dict[str, Any]


class Regular(Made, ABC):
    """Subclasses say what is done. `account` has name, dongle, every, at and roaming."""

    kind = ""  # the section's type

    def __init__(self, account: Any, world: World) -> None:
        """Raises ConfigError for a dongle that is not there."""
        if account.dongle not in (dongle.name for dongle in world.context.config.dongles):
            raise ConfigError(account.name, "dongle", account.dongle, "there is no such dongle")
        self.account, self._world = account, world
        self._source = f"{self.kind}:{account.name}"
        self._progress: Progress | None = None  # None: not read yet
        self._waits = ""
        self._error = ""
        self._news = asyncio.Event()

    @abstractmethod
    async def _act(self, key: str) -> bool:
        """Do it, once for each `key`; False if that is not over yet. Raises HomelineError."""

    @abstractmethod
    async def _failed(self, error: HomelineError, again: str) -> None:
        """Raise the alert; `again` says in words when it is tried again."""

    @abstractmethod
    async def _succeeded(self) -> None:
        """Clear the alert."""

    def look(self) -> None:
        """Something may stand differently: the clock, a dongle, a message."""
        self._news.set()

    def status(self) -> Table:
        """What `status` shows of it."""
        account, progress = self.account, self._progress
        shown: Table = {"name": account.name, "dongle": account.dongle, "every": account.every}
        if progress is not None and progress.since:
            shown["next_at"] = Int64(regular.next_try(progress, account.every, account.at))
            if progress.done:
                shown["last_success"] = Int64(progress.done)
        words = {"waits": self._waits, "error": self._error}
        return shown | {name: text for name, text in words.items() if text}

    async def run(self) -> None:
        """Until cancelled."""
        stop = self._world.listen(lambda name, _: self.look() if name in NEWS else None)
        try:
            while True:
                self._news.clear()
                try:
                    pause = await self._turn()
                except StoreError as error:
                    log.warning("%s waits for the database: %s", self._source, error)
                    pause = STORE_PAUSE
                await either(self._news, pause)
        finally:
            stop()

    async def _turn(self) -> float:
        """Do what is due; in how many seconds to look again."""
        account, now = self.account, self._world.context.clock()
        if now < times.CLOCK_SET:
            self._waits = "The clock is not set."
            return LOOK
        progress = await self._recall(now)
        pause = regular.next_try(progress, account.every, account.at) - now
        self._waits = self._hindrance() if pause <= 0 else ""
        if pause > 0 or self._waits:
            return min(pause, LOOK) if pause > 0 else LOOK
        await self._try(progress)
        return LOOK if self._waits else 0.0

    def _hindrance(self) -> str:
        """Why it cannot or must not be done now; "" if it can."""
        dongle = self._world.dongles.get(self.account.dongle)
        if dongle is None or dongle.status.state is not DongleState.READY:
            return "The dongle is not ready."
        if dongle.status.registration is Registration.ROAMING and not self.account.roaming:
            return "The SIM is abroad."
        return ""

    async def _try(self, progress: Progress) -> None:
        turn = regular.due(progress, self.account.every, self.account.at)
        try:
            async with self._world.ussd.turn(self.account.dongle):
                over = await self._act(f"{turn}.{progress.failures}")
        except StoreError:
            raise
        except HomelineError as error:
            await self._note_failure(progress, error)
            return
        if not over:
            self._waits = "The message waits to be sent."
            return
        self._error = ""
        await self._keep(regular.after_success(progress, self._world.context.clock()))
        log.info("%s: done", self._source)
        await self._succeeded()

    async def _note_failure(self, progress: Progress, error: HomelineError) -> None:
        self._error = str(error)
        now = self._world.context.clock()
        progress = regular.after_failure(progress, now)
        await self._keep(progress)
        at = regular.next_try(progress, self.account.every, self.account.at)
        await self._failed(error, f"in {_span(at - now)}")

    # -- what lasts ---------------------------------------------------------------------------------------------------

    async def _recall(self, now: int) -> Progress:
        if self._progress is None:
            self._progress = await self._world.context.database(_read, self._source)
        if not self._progress.since:
            await self._keep(Progress(now))
        sane = regular.sane(self._progress, now)
        if sane is not self._progress:
            await self._keep(sane)
        return self._progress

    async def _keep(self, progress: Progress) -> None:
        await self._world.context.database(_write, self._source, progress)
        self._progress = progress


# In the table `done`, by `KIND:NAME`: `ended` with `failures`, and a row for each other time.
def _read(store: Store, source: str) -> Progress:
    ended, failures = store.last_done(source)
    since, done, tried = (store.last_done(f"{source}:{name}")[0] for name in ("since", "done", "tried"))
    return Progress(since, ended, done, tried, failures)


def _write(store: Store, source: str, progress: Progress) -> None:
    """The row that says that a turn is over comes last: until then it is done again, under the same key."""
    for name in ("since", "done", "tried"):
        if store.last_done(f"{source}:{name}")[0] != getattr(progress, name):
            store.note_done(f"{source}:{name}", getattr(progress, name))
    store.note_done(source, progress.ended, progress.failures)


def _span(seconds: int) -> str:
    if seconds >= 2 * 86400:
        return f"{round(seconds / 86400)} days"
    return f"{round(seconds / 3600)} hours" if seconds >= 2 * 3600 else f"{max(round(seconds / 60), 1)} minutes"
