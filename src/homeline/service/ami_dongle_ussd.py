"""USSD through Asterisk's driver."""

from __future__ import annotations

import re

from homeline.errors import ActionRefused, EncodeError, ModemError
from homeline.protocol import dongle_events, quirks, ussd
from homeline.protocol.ami import Message
from homeline.protocol.ussd import Dialect, Reply
from homeline.service.ami_dongle_link import ACTION_DEADLINE, Link
from homeline.service.dongle_ussd import Dialogue
from homeline.service.host import Host, Timing

CODE = re.compile("[0-9*#]+", re.ASCII)  # all that the driver sends


class AmiUssd(Dialogue):
    """The USSD of one device. `ask` raises EncodeError, ModemError, TimedOut and ConnectionLost as well."""

    def __init__(self, link: Link, host: Host, timing: Timing) -> None:
        super().__init__(link.name, host, timing)
        self.maker = self.model = ""  # of the modem, by which its payloads are read
        self._link = link
        self._stop = link.ami.listen(link.dialect.action("NewCUSD"), self._told)

    def close(self) -> None:
        self._stop()

    async def cancel(self) -> None:
        """End an open session. Raises NoData, TimedOut, ConnectionLost."""
        async with self._link.turn:
            await self._link.command("AT+CUSD=2")

    async def _send(self, code: str) -> None:
        if not CODE.fullmatch(code):
            raise EncodeError("code: Asterisk's driver sends only digits, * and #")
        link = self._link
        async with link.turn:
            try:
                await link.ami.call(link.dialect.action("SendUSSD"), ACTION_DEADLINE, Device=link.name, USSD=code)
            except ActionRefused as error:
                raise ModemError(f"{link.name}: {error}") from error

    def _read(self, line: str) -> Reply:
        packed = Dialect.PACKED if quirks.find(self.maker, self.model).ussd_packed else None
        return ussd.parse(line, dialect=packed)

    def _told(self, event: Message) -> None:
        if self._link.ours(event):
            self.heard(dongle_events.unescape(event.get("Message")))
