"""Asterisk, as the service keeps it: its files made and applied, its manager's connection, and what lives on that.

Built when `sip.enabled` is first on. `ami` stays the same object for as long as the daemon runs, so whoever needs
Asterisk may keep it; while Asterisk or `sip.enabled` is off it is just not connected.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from typing import Any

from homeline.adapters.ami import Ami
from homeline.paths import Paths
from homeline.service.context import Context
from homeline.service.keeping import keep
from homeline.service.troubles import Say

Work = Callable[[], Coroutine[Any, Any, None]]

ACCOUNT = "homeline"  # of the manager


class Telephony:
    """`add` parts, then `apply` at the start and after each change of the configuration; `close` at the end."""

    def __init__(self, context: Context, paths: Paths, say: Say) -> None:
        self._context, self._paths, self._say = context, paths, say
        self.ami = Ami(context.config.sip.ami_port, ACCOUNT, self._secret)
        self._parts: list[tuple[str, Work]] = [("manager's connection", self.ami.run)]
        self._running: list[asyncio.Task[None]] = []

    def add(self, name: str, work: Work) -> None:
        """`work` runs while Asterisk is wanted; kept alive as `keeping.keep` does. Add before the first `apply`."""
        self._parts.append((name, work))

    async def apply(self) -> None:
        """The configuration in force may be another one."""
        config = self._context.config
        if not (config.main.enabled and config.sip.enabled):
            await self.close()
        elif not self._running:
            self._running = [asyncio.create_task(keep(name, work, self._say)) for name, work in self._parts]

    async def close(self) -> None:
        """End all parts. `apply` may start them again."""
        running, self._running = self._running, []
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _secret(self) -> str:
        """The manager account's password, which is kept in the file that has it for Asterisk; "" if there is none."""
        try:
            text = (self._paths.rendered / "manager.conf").read_text()
        except OSError:
            return ""
        found = re.search(r"^secret\s*=\s*([0-9a-f]+)$", text, re.MULTILINE)
        return found[1] if found else ""
