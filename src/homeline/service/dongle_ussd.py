"""USSD of one dongle: a code out, the network's answer in, one dialogue at a time."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from homeline.adapters.serial import AtPort, Mute
from homeline.core.bringup import PASSING, Modem
from homeline.errors import DecodeError, EncodeError, HomelineError, ModemError, NoData, NotSupported, TimedOut
from homeline.protocol import commands, ussd
from homeline.protocol.notices import Other
from homeline.protocol.ussd import Dialect, Reply
from homeline.service.host import Host, Timing

log = logging.getLogger(__name__)


class Dialogue:
    """What is the same whoever owns the modem. A driver gives `_send`, `cancel` and `_read`."""

    def __init__(self, name: str, host: Host, timing: Timing) -> None:
        self._name, self._host, self._timing = name, host, timing
        self._replies: asyncio.Queue[Reply] | None = None  # of the code that waits for its answer

    async def ask(self, code: str) -> Reply:
        """Send a code, or an answer to an open menu, and wait for the network.

        Raises NotSupported (another code still waits), TimedOut (the network stays silent), and what `_send` raises.
        """
        if self._replies is not None:
            raise NotSupported(f"{self._name}: another USSD code still waits for its answer")
        self._replies = asyncio.Queue()
        try:
            await self._send(code)
            return await self._answer(self._replies)
        except TimeoutError:
            with contextlib.suppress(*PASSING, NoData):
                await self.cancel()
            raise TimedOut(f"{self._name}: no USSD answer within {self._timing.ussd:g} s") from None
        finally:
            self._replies = None

    async def cancel(self) -> None:
        """End an open session."""
        raise NotImplementedError

    async def _send(self, code: str) -> None:
        raise NotImplementedError

    def _read(self, line: str) -> Reply:
        """Raises DecodeError."""
        raise NotImplementedError

    def heard(self, line: str) -> None:
        """A +CUSD line came."""
        try:
            reply = self._read(line)
        except DecodeError as error:
            self._host.notice(self._name, Other(line, str(error)))
            return
        if self._replies is not None:
            self._replies.put_nowait(reply)
        else:
            self._host.ussd(self._name, reply)

    async def _answer(self, replies: asyncio.Queue[Reply]) -> Reply:
        """The first reply that is an answer. One that only ends something may be of an older session: wait a little."""
        heard: list[Reply] = []
        async with asyncio.timeout(self._timing.ussd):
            heard.append(await replies.get())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._timing.ussd_grace):
                while heard[-1].meaning:
                    heard.append(await replies.get())
        return ussd.answer(heard) or heard[-1]


class UssdDialogue(Dialogue):
    """The USSD of one dongle while one port is open.

    `ask` raises ModemError, EncodeError (characters that this modem cannot send), Mute and ConnectionLost as well.
    """

    def __init__(self, name: str, port: AtPort, modem: Modem, host: Host, timing: Timing) -> None:
        super().__init__(name, host, timing)
        self._port, self._modem = port, modem
        self._dialect: Dialect | None = None  # the one that this modem took

    async def cancel(self) -> None:
        """End an open session. Raises ModemError, TimedOut, Mute, ConnectionLost."""
        await self._port.run(commands.ussd_cancel())

    def _read(self, line: str) -> Reply:
        packed = Dialect.PACKED if self._modem.quirks.ussd_packed else None
        return ussd.parse(line, self._modem.character_set, packed)

    async def _send(self, code: str) -> None:
        refused: HomelineError | None = None
        for dialect in self._dialects():
            try:
                await self._port.run(commands.ussd(*ussd.encode(code, dialect)))
            except Mute:
                raise
            except (ModemError, EncodeError) as error:
                refused = refused or error
                continue
            self._dialect = dialect
            return
        assert refused is not None
        raise refused

    def _dialects(self) -> list[Dialect]:
        if self._dialect is not None:
            return [self._dialect]
        if self._modem.quirks.ussd_packed:
            return [Dialect.PACKED, Dialect.PLAIN]
        if self._modem.character_set == "UCS2":
            return [Dialect.UCS2]
        return [Dialect.PLAIN, Dialect.PACKED]
