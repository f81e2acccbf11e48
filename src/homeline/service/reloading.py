"""Changes of the configuration: a commit is announced, root's helper copies the files, the copy is applied.

The daemon cannot read UCI's own files (root's, 0600). It sees that they changed, asks procd for a reload, and takes the
copy that the helper renames into place. That copy is watched too, so nothing depends on how procd tells us.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from homeline import config
from homeline.adapters.bus import Bus
from homeline.config import Config
from homeline.errors import HomelineError
from homeline.paths import Paths
from homeline.service.context import Context
from homeline.service.troubles import Say

log = logging.getLogger(__name__)

WAIT = 3.0  # seconds for root's helper to copy the files
BUS_WAIT = 60.0  # seconds for a bus that is away when a commit is to be announced
CHANGE = {"type": "config.change", "data": {"package": "homeline"}}
ADVICE = "Run: /etc/init.d/homeline reload"


class Reloader:
    """`on_change(before)` is called when another configuration is in force; `say` tells why one is not."""

    def __init__(
        self,
        context: Context,
        bus: Bus,
        paths: Paths,
        on_change: Callable[[Config], None],
        say: Say,
    ) -> None:
        self._context, self._bus, self._paths = context, bus, paths
        self._on_change, self._say = on_change, say
        self._taken = asyncio.Event()

    async def announce(self) -> None:
        """Somebody committed: ask procd for the reload that lets root's helper copy the files."""
        try:
            await self._bus.wait_ready(BUS_WAIT)
            await self._bus.call("service", "event", CHANGE)
        except HomelineError as error:
            self._say("reload", f"A change of the configuration could not be announced: {error}.", ADVICE)
        else:
            self._say("reload", "", "")

    def take(self) -> None:
        """Take the copy of the configuration as it is now."""
        before = self._context.config
        self._context.config = config.load(self._paths.config, before)
        self._taken.set()
        if self._context.config == before:
            return
        self.log_problems()
        self._on_change(before)

    def log_problems(self) -> None:
        """What is wrong with the configuration in force."""
        for problem in self._context.config.problems:
            log.warning("Configuration: %s: %s", problem.where, problem.text)

    async def until(self, holds: Callable[[Config], bool], timeout: float) -> bool:
        """Have root's helper run, and wait until the configuration in force is as wanted; False after `timeout` s."""
        try:
            async with asyncio.timeout(timeout):
                await self.announce()
                while not holds(self._context.config):
                    self._taken.clear()
                    await self._taken.wait()
        except TimeoutError:
            return False
        return True

    async def reload(self) -> None:
        """Have the files copied, and take them."""
        self._taken.clear()
        try:
            await self._bus.call("service", "event", CHANGE)
            await asyncio.wait_for(self._taken.wait(), WAIT)
        except (HomelineError, TimeoutError) as error:
            log.warning("Root's helper did not copy the configuration (%s): the last copy is taken.", error)
            self.take()
