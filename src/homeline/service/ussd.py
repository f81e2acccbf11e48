"""USSD: one dialogue with the network at a time for each dongle, answers remembered and forwarded by the rules.

What was asked and answered lately is kept in memory: codes and balances are of no use after a restart.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Mapping
from typing import Any, Protocol

from homeline.adapters.store import Store
from homeline.errors import HomelineError, InvalidArgument, NoData, StoreError
from homeline.model import DongleStatus, EventKind
from homeline.protocol.blobmsg import Int64
from homeline.protocol.ussd import Reply
from homeline.service.context import Context
from homeline.service.picking import pick

log = logging.getLogger(__name__)

KEPT = 50  # exchanges
CODE_LENGTH = 182  # characters: 160 octets of packed 7-bit text (3GPP TS 23.038 5)


class Dialer(Protocol):
    """What USSD wants of a driver."""

    status: DongleStatus

    async def ussd(self, code: str) -> Reply:
        """Send a code, or an answer to an open menu, and wait for the network."""
        ...

    async def ussd_cancel(self) -> None: ...


class Ussd:
    """Codes and their answers."""

    def __init__(self, context: Context, dongles: Mapping[str, Dialer]) -> None:
        self._context = context
        self._dongles = dongles
        self._open: dict[str, bool] = {}  # dongles whose network waits for an answer
        self._history: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._turns: dict[str, asyncio.Lock] = {}

    async def send(self, code: str, dongle: str) -> dict[str, Any]:
        """The network's answer: `text`, and `more` when it is a menu that waits for an answer."""
        if not code or len(code) > CODE_LENGTH or not code.isprintable():
            raise InvalidArgument(f"code: must be 1 to {CODE_LENGTH} printable characters.")
        dialer = pick(self._dongles, dongle)
        reply = await dialer.ussd(code)
        return await self._take(dialer.status.name, reply, code)

    def turn(self, dongle: str) -> asyncio.Lock:
        """What the service does by itself on a dongle is done one after the other: it has one dialogue at a time."""
        return self._turns.setdefault(dongle, asyncio.Lock())

    async def ask(self, code: str, dongle: str) -> str:
        """The network's answer to a code by itself: a menu is closed again. Raises as `send`."""
        answer = await self.send(code, dongle)
        if answer["more"]:
            with contextlib.suppress(HomelineError):
                await self.cancel(dongle)
        return str(answer["text"])

    async def cancel(self, dongle: str) -> None:
        """End an open dialogue; NoData where there is none."""
        dialer = pick(self._dongles, dongle)
        if not self._open.pop(dialer.status.name, False):
            raise NoData("No USSD dialogue is open.")
        await dialer.ussd_cancel()

    async def unasked(self, dongle: str, reply: Reply) -> None:
        """The network sent something that no code asked for."""
        await self._take(dongle, reply, "")

    def history(self) -> list[dict[str, Any]]:
        """The last exchanges, newest first."""
        return list(self._history)

    def menus(self) -> list[str]:
        """The dongles whose network waits for an answer."""
        return [name for name, waits in self._open.items() if waits]

    async def _take(self, dongle: str, reply: Reply, code: str) -> dict[str, Any]:
        context = self._context
        self._open[dongle] = reply.session_open
        now = context.clock()
        text = reply.text or reply.meaning  # the network may end a dialogue without a word
        answer = {"text": text, "more": reply.session_open}
        shown = {"dongle": dongle, "code": code, "at": Int64(now), **answer}
        self._history.appendleft(shown)
        try:
            event = await context.database(
                Store.add_event, EventKind.USSD, now, dongle, code, text, {"code": code}, context.plan
            )
        except StoreError as error:
            log.warning("%s: the USSD answer could not be stored for the rules: %s", dongle, error)
        else:
            context.happened(event)
        context.emit("homeline.ussd.received", shown)
        return answer
