"""The channels by which messages go out, and what else works by itself, as the configuration has them."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import re
from collections.abc import Sequence
from typing import Any

from homeline.adapters.mail import remove_other_settings
from homeline.errors import ConfigError
from homeline.service.channels import PACKAGES, Active, Timed, World
from homeline.service.deliveries import Channel
from homeline.service.keeping import keep

log = logging.getLogger(__name__)

PATIENCE = 3.0  # seconds at the end for a modem to hang up

Key = tuple[str, str]  # type and name of a section


class Accounts:
    """`apply` makes them anew, after each change; those that did not change go on."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._wanted: tuple[Key, ...] = ()
        self._made: dict[Key, Any] = {}
        self._running: dict[Key, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def apply(self) -> dict[str, Channel]:
        """The channels by name. One that cannot be is left out and said; what works by itself is started and ended."""
        config = self._world.context.config
        channels = [*config.emails, *config.accounts, *config.auto_replies]
        others = [*config.mailboxes, *config.schedules, *config.balances]
        wanted = {_key(section): section for section in (*channels, *others) if getattr(section, "enabled", True)}
        for gone in set(self._wanted) - set(wanted):
            self._say(gone, "")
        self._wanted = tuple(wanted)
        made = {key: self._build(key, section) for key, section in wanted.items()}
        for key in dict.fromkeys((*self._made, *made)):
            if self._made.get(key) is not made.get(key):
                self._replace(key, made.get(key))
        self._made = {key: thing for key, thing in made.items() if thing is not None}
        self._tidy()
        return {section.name: self._made[key] for section in channels if (key := _key(section)) in self._made}

    def things(self) -> list[tuple[str, str, Any]]:
        """Type and name of each section that is in use, and what was made of it; None where it could not be."""
        return [(*key, self._made.get(key)) for key in self._wanted]

    def look(self) -> None:
        """The clock was set: what is done at certain times looks at it."""
        for thing in self._made.values():
            if isinstance(thing, Timed):
                thing.look()

    async def close_timed(self) -> None:
        """End what is done at certain times, while it still has its dongle: it may have to hang up."""
        timed = [task for key, task in self._running.items() if isinstance(self._made.get(key), Timed)]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await _end(timed)

    async def close(self) -> None:
        """End everything that works by itself."""
        await _end([*self._running.values(), *self._ending])

    def _build(self, key: Key, section: Any) -> Any:
        """The thing of before where nothing changed, else a new one; None, and said, where it cannot be."""
        try:
            made = importlib.import_module(f"homeline.service.channels.{key[0]}").build(section, self._world)
        except ModuleNotFoundError as error:
            package = PACKAGES.get(key[0], "homeline")
            self._say(key, f"It needs {error.name}, which is not installed.", f"Install the package {package}.")
            return None
        except (ConfigError, OSError) as error:
            self._say(key, str(error))
            return None
        before = self._made.get(key)
        if before == made:
            return before
        self._say(key, "")
        return made

    def _replace(self, key: Key, thing: Any) -> None:
        """End the work of the thing of before and begin the new one's, if it works by itself."""
        last = self._running.pop(key, None)
        if last is not None:
            last.cancel()
            self._ending.add(last)
            last.add_done_callback(self._ending.discard)
        if isinstance(thing, Active):
            self._running[key] = asyncio.ensure_future(self._run(last, key, thing))

    async def _run(self, last: asyncio.Task[None] | None, key: Key, active: Active) -> None:
        """Run it once the one before it has ended: two of them would be in each other's way."""
        if last is not None:
            await asyncio.wait([last])
        await keep(" ".join(key), active.run, self._world.say)

    def _say(self, key: Key, words: str, advice: str = "") -> None:
        self._world.say(" ".join(key), words, advice)

    def _tidy(self) -> None:
        emails = self._world.context.config.emails
        try:
            remove_other_settings(self._world.paths, [account.name for account in emails if not account.command])
        except OSError as error:
            log.warning("Settings of removed mail accounts could not be deleted: %s", error)


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _key(section: Any) -> Key:
    """`SipMessage` is the class of a section `sip_message`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(section).__name__).lower(), section.name
