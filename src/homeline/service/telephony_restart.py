"""Asterisk started and started again. The daemon cannot do it: it leaves a request for root's helper, and has it look.

A request is a file with one word; the helper carries it out and removes it. Asterisk is started again only while no
channel is up, unless the owner says so.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from homeline.adapters.ami import Ami
from homeline.errors import HomelineError
from homeline.service.telephony_record import Record
from homeline.service.troubles import Say

log = logging.getLogger(__name__)

START, RESTART = "start", "restart"  # start also has a running Asterisk read all its files
HELPER_TIMEOUT = 15.0  # seconds for root's helper to take a request
POLL = 0.1  # seconds
PATIENCE = 8.0  # seconds that Asterisk may be away before it is started
RESTART_TIME = 30.0  # seconds that Asterisk may take to end, as asked
LEAST, MOST = 60.0, 900.0  # seconds between two requests to start it
IDLE_LOOK = 20.0  # seconds between two looks whether all calls have ended; the end of a channel is a hint too
ADVICE = "Run: /etc/init.d/asterisk restart"
BY_HAND = "It ends calls: ubus call homeline render_config '{\"restart\": true}'"
KEY = "asterisk restart"


class Restarter:
    """`look` from time to time; it returns in how many seconds it wants to look again."""

    def __init__(
        self, ami: Ami, request: Path, record: Record, announce: Callable[[], Awaitable[None]], say: Say
    ) -> None:
        """`announce` has procd run root's helper."""
        self._ami, self._request, self._record, self._announce, self._say = ami, request, record, announce, say
        self._away_since: float | None = None
        self._start_again = LEAST
        self._started_at = float("-inf")
        self.tries = 0  # how often Asterisk was to be started since it went away
        self._restarted, self._restarted_at = -1.0, 0.0  # which Asterisk was to be started again, and when
        self.demanded = False  # the owner wants it now
        self.unheard = False  # Asterisk cannot know our account yet, so there is nothing to wait for

    async def look(self, *, needed: bool, by_itself: bool) -> float | None:
        """`needed`: only a restart brings what was written. `by_itself`: it may happen when no channel is up."""
        if not self._ami.connected:
            return await self._away()
        self._away_since, self._start_again, self.tries = None, LEAST, 0
        if not (needed or self.demanded):
            self._say(KEY, "", "")
            return None
        now = asyncio.get_running_loop().time()
        if self._ami.started == self._restarted and now < self._restarted_at + RESTART_TIME:
            return self._restarted_at + RESTART_TIME - now  # it is about to end
        if self.demanded or (by_itself and await self._idle()):
            self.demanded = False
            self._restarted, self._restarted_at = self._ami.started, now
            self._record.restarting(time.monotonic())
            await self._ask(RESTART)
            return RESTART_TIME
        when = "It happens when no call is up." if by_itself else BY_HAND
        self._say(KEY, "A part of the configuration takes effect when Asterisk is started again.", when)
        return IDLE_LOOK

    async def _away(self) -> float:
        """Asterisk is not there: it may be starting; after a while it is started."""
        now = asyncio.get_running_loop().time()
        if self._away_since is None:
            self._away_since = now
        tried = self._started_at > self._away_since
        due = self._started_at + self._start_again if tried else self._away_since + PATIENCE
        if now < due and not self.unheard:
            return due - now
        self.unheard = False
        if tried:
            self._start_again = min(self._start_again * 2, MOST)
        self._started_at = now
        self.tries += 1
        await self._ask(START)
        return self._start_again

    async def _idle(self) -> bool:
        try:
            return not await self._ami.list("CoreShowChannels")
        except HomelineError:
            return False

    async def _ask(self, word: str) -> None:
        log.info("Root's helper is asked to %s Asterisk", word)
        try:
            self._request.write_text(f"{word}\n")
        except OSError as error:
            self._say(KEY, f"Root's helper cannot be asked to {word} Asterisk: {error.strerror}.", ADVICE)
            return
        await self._announce()
        for _ in range(int(HELPER_TIMEOUT / POLL)):
            if not self._request.exists():
                break
            await asyncio.sleep(POLL)
        else:
            self._request.unlink(missing_ok=True)
            self._say(KEY, f"Root's helper did not {word} Asterisk.", ADVICE)
            return
        if not self._ami.connected:
            self._ami.reconnect()
