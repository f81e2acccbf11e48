"""Minutes a day for calls out, granted to Asterisk's dial plan for a few minutes at a time.

A grant is `ID,UNTIL,SECONDS` in AstDB; the dial plan counts what it uses of it as `ID,SECONDS` beside it, reserving
before a call and giving back after it (docs/asterisk.md). No grant that still holds, no call: so nothing goes out
uncounted while we are away or the clock is not set.

An id is good for one day, and holds the seconds that the day's calls had used before it: `20261123x0x9f3a`. So nothing
needs to be remembered here, and neither our restart nor a change of the configuration gives minutes twice. Where AstDB
was lost (RAM), the call log says what was used.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from homeline.adapters.store import Store
from homeline.config_calls import Outbound
from homeline.errors import ActionRefused, HomelineError, TimedOut
from homeline.service.call_records import Manager
from homeline.service.context import Context
from homeline.service.status import CLOCK_FLOOR
from homeline.telephony import GRANT_FAMILY, USED_FAMILY

log = logging.getLogger(__name__)

EVERY = 120.0  # seconds between two renewals
LASTS = 300  # seconds that a grant holds: more than two renewals, so that one may fail
PAUSE = 10.0  # seconds after a renewal that failed
CAUGHT_UP = 60.0  # seconds for the records of before the login to reach the call log

_ID = re.compile(r"([0-9]{8})x([0-9]{1,6})x[0-9a-f]{4}")
_NUMBER = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class Grant:
    """What AstDB has for one outbound section."""

    id: str
    day: str  # YYYYMMDD, local time
    base: int  # seconds that were used on that day before this grant
    until: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Day:
    """Today, by the router's local time."""

    name: str  # YYYYMMDD
    begin: int


class Budgets:
    """`run` it while Asterisk is wanted; `look` when configuration, connection or clock changed."""

    def __init__(self, context: Context, manager: Manager, caught_up: Callable[[], Awaitable[None]]) -> None:
        """`caught_up` returns when every call of before the login is in the call log."""
        self._context, self._manager, self._caught_up = context, manager, caught_up
        self._look = asyncio.Event()
        self._left: dict[str, int] = {}
        self._trouble = ""  # what the last renewal failed with

    def look(self) -> None:
        """Renew now."""
        self._look.set()

    def left(self, outbound: str) -> int | None:
        """Seconds that an outbound section has left today, as last seen; None where they are not counted or known."""
        return self._left.get(outbound) if self._manager.connected else None

    async def run(self) -> None:
        """Renew for ever."""
        while True:
            self._look.clear()
            pause = EVERY
            try:
                if self._manager.connected:
                    await self.renew()
                self._trouble = ""
            except HomelineError as error:
                if str(error) != self._trouble:
                    log.warning("The day's minutes could not be granted: %s", error)
                self._trouble = str(error)
                pause = PAUSE
            try:
                async with asyncio.timeout(pause):
                    await self._look.wait()
            except TimeoutError:
                continue

    async def renew(self) -> None:
        """Write the grants that the configuration wants, and end the others. Raises StoreError, and what AMI raises."""
        now = self._context.clock()
        if now < CLOCK_FLOOR:
            self._left = {}
            return
        try:
            async with asyncio.timeout(CAUGHT_UP):
                await self._caught_up()
        except TimeoutError:
            raise TimedOut("the calls of before are not in the call log yet") from None
        grants = {name: found for name, value in (await self._family(GRANT_FAMILY)).items() if (found := grant(value))}
        used = await self._family(USED_FAMILY)
        day = today(now)
        wanted = [item for item in self._context.config.outbounds if item.enabled and item.daily_minutes]
        self._left = {item.name: await self._renew(item, grants.get(item.name), used, day, now) for item in wanted}
        for name in set(grants) - set(self._left):
            await self._end(name, grants[name], day)

    async def _family(self, family: str) -> dict[str, str]:
        found = await self._manager.list("DBGetTree", Family=family)
        return {item.get("Key").removeprefix(f"/{family}/"): item.get("Val") for item in found}

    async def _renew(self, item: Outbound, found: Grant | None, used: dict[str, str], day: Day, now: int) -> int:
        """Write one grant; the seconds that are left of it."""
        if found is not None and found.day == day.name:
            name, base = found.id, found.base
        else:
            base = await self._context.database(Store.seconds_used, item.name, day.begin)
            base = min(base, 999_999)
            name = f"{day.name}x{base}x{os.urandom(2).hex()}"
        seconds = max(item.daily_minutes * 60 - base, 0)
        await self._put(item.name, name, now + LASTS, seconds)
        return max(seconds - spent(used.get(item.name, ""), name), 0)

    async def _end(self, outbound: str, found: Grant, day: Day) -> None:
        """No minutes for this section: it is gone, off or without a limit. Its count stays while it matters."""
        if found.day != day.name:
            for family in (GRANT_FAMILY, USED_FAMILY):
                try:
                    await self._manager.call("DBDel", Family=family, Key=outbound)
                except ActionRefused as error:
                    log.debug("A grant was gone already: %s", error)
        elif found.until:
            await self._put(outbound, found.id, 0, found.seconds)

    async def _put(self, outbound: str, name: str, until: int, seconds: int) -> None:
        await self._manager.call("DBPut", Family=GRANT_FAMILY, Key=outbound, Val=f"{name},{until},{seconds}")


def grant(value: str) -> Grant | None:
    """A grant of ours; None for anything else."""
    name, _, rest = value.partition(",")
    until, _, seconds = rest.partition(",")
    found = _ID.fullmatch(name)
    if not found or not _NUMBER.fullmatch(until) or not _NUMBER.fullmatch(seconds):
        return None
    return Grant(name, found[1], int(found[2]), int(until), int(seconds))


def spent(value: str, name: str) -> int:
    """The seconds that the dial plan has used of a grant."""
    counted, _, seconds = value.partition(",")
    return int(seconds) if counted == name and _NUMBER.fullmatch(seconds) else 0


def today(now: int) -> Day:
    """The day that it is where the router stands."""
    time.tzset()  # the owner may have changed the time zone
    local = time.localtime(now)
    begin = int(time.mktime((local.tm_year, local.tm_mon, local.tm_mday, 0, 0, 0, 0, 0, -1)))
    return Day(time.strftime("%Y%m%d", local), begin)
