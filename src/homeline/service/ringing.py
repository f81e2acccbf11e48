"""Calls to a dongle that this daemon drives: it has no voice, so a call rings until the caller gives up.

RING and +CLIP come every few seconds; when they stop, or the modem says that the call has ended, it was missed. One
call at a time: a modem tells no more.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from homeline.core import call_log
from homeline.errors import StoreError
from homeline.model import Call
from homeline.protocol.notices import Caller, CallPhase, CallProgress, Notice, Ring
from homeline.service.calls import Calls
from homeline.service.context import Context

log = logging.getLogger(__name__)

SILENCE = 8.0  # seconds without a ring after which the caller has given up: networks ring every 3 to 6
INTERNATIONAL = 145  # type of number (3GPP TS 24.008 10.5.4.7)
STORE_PAUSE = 5.0  # seconds until a call is tried again that could not be stored
TRIES = 720  # for an hour; what is then still not stored is given up, with a line in the log

Spawn = Callable[[Coroutine[Any, Any, None]], None]


@dataclass(slots=True)
class _Ringing:
    """A call that rings now."""

    token: str
    started_at: int
    timer: asyncio.TimerHandle
    number: str | None = None  # "" is withheld, None: not told yet
    told: bool = False


class RingingDongles:
    """`heard` gets what the modems say; the calls go to the log."""

    def __init__(self, context: Context, calls: Calls, spawn: Spawn, silence: float = SILENCE) -> None:
        self._context, self._calls, self._spawn, self._silence = context, calls, spawn, silence
        self._now: dict[str, _Ringing] = {}

    def heard(self, dongle: str, notice: Notice) -> None:
        """A dongle said something about a call."""
        if isinstance(notice, Ring | Caller):
            self._rings(dongle, notice)
        elif isinstance(notice, CallProgress) and notice.phase is CallPhase.ENDED:
            self._stopped(dongle)

    def forget(self, dongle: str) -> None:
        """The dongle is no more: whoever rang has been missed."""
        self._stopped(dongle)

    def _rings(self, dongle: str, notice: Ring | Caller) -> None:
        call = self._now.get(dongle)
        timer = asyncio.get_running_loop().call_later(self._silence, self._stopped, dongle)
        if call is None:
            call = self._now[dongle] = _Ringing(os.urandom(8).hex(), self._context.clock(), timer)
        else:
            call.timer.cancel()
            call.timer = timer
            if isinstance(notice, Ring) and call.number is None:
                call.number = ""  # a second ring, and nobody said who
        if isinstance(notice, Caller):
            call.number = _number(notice) or call.number or ""
        if call.number is not None and not call.told:
            call.told = True
            self._spawn(self._began(self._row(dongle, call)))

    def _stopped(self, dongle: str) -> None:
        call = self._now.pop(dongle, None)
        if call is not None:
            call.timer.cancel()
            self._spawn(self._missed(self._row(dongle, call)))

    def _row(self, dongle: str, call: _Ringing) -> Call:
        line = next((line.name for line in self._context.config.lines if line.dongle == dongle), "")
        return call_log.rang(dongle, call.token, call.number or "", line, call.started_at, self._context.clock())

    async def _began(self, call: Call) -> None:
        call = await self._calls.known(call)
        call.ended_at = 0
        self._calls.began(call)

    async def _missed(self, call: Call) -> None:
        for _ in range(TRIES):
            try:
                await self._calls.ended(call)
                return
            except StoreError:
                await asyncio.sleep(STORE_PAUSE)
        log.error("%s: a missed call could not be stored", call.dongle)


def _number(caller: Caller) -> str:
    number = caller.number[: call_log.LONGEST_NUMBER]
    return f"+{number}" if caller.type == INTERNATIONAL and number.isdecimal() else number
