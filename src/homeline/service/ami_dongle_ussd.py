"""USSD through Asterisk's driver.

The driver writes a code as most Huawei want it, packed, whatever the modem is: others get it by an AT command of ours.
Either way the driver does not say that the modem refused it; then there is just no answer.
"""

from __future__ import annotations

import re

from homeline.errors import ActionRefused, EncodeError, ModemError
from homeline.protocol import dongle_events, quirks, ussd
from homeline.protocol.ami import Message
from homeline.protocol.dongle_events import Device
from homeline.protocol.ussd import Dialect, Reply
from homeline.service.ami_dongle_link import ACTION_DEADLINE, Link
from homeline.service.dongle_ussd import Dialogue
from homeline.service.host import Host, Timing

CODE = re.compile("[0-9*#]+", re.ASCII)  # all that the driver sends


class AmiUssd(Dialogue):
    """The USSD of one device. `ask` raises EncodeError, ModemError, TimedOut and ConnectionLost as well."""

    def __init__(self, link: Link, host: Host, timing: Timing) -> None:
        super().__init__(link.name, host, timing)
        self._link = link
        self._packed = True  # the modem writes and reads packed septets
        self._charset = ""
        self._stop = link.ami.listen(link.dialect.action("NewCUSD"), self._told)

    def know(self, device: Device) -> None:
        """What the modem is, by which its payloads are written and read."""
        self._packed = quirks.find(device.manufacturer, device.model).ussd_packed
        self._charset = "UCS2" if device.ucs2 else ""

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
            if not self._packed:
                payload, scheme = ussd.encode(code, Dialect.UCS2 if self._charset else Dialect.PLAIN)
                await link.command(f'AT+CUSD=1,"{payload}",{scheme}')
                return
            try:
                await link.ami.call(link.dialect.action("SendUSSD"), ACTION_DEADLINE, Device=link.name, USSD=code)
            except ActionRefused as error:
                raise ModemError(f"{link.name}: {error}") from error

    def _read(self, line: str) -> Reply:
        return ussd.parse(line, self._charset, Dialect.PACKED if self._packed else None)

    def _told(self, event: Message) -> None:
        if self._link.ours(event):
            self.heard(dongle_events.unescape(event.get("Message")))
