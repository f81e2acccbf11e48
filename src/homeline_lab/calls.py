"""The one call that a simulated dongle can have: ringing, answering, hanging up. No sound."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from homeline_lab.at_line import AtError

if TYPE_CHECKING:
    from homeline_lab.modem import Modem

ACTIVE, DIALLING, ALERTING, INCOMING = 0, 2, 3, 4  # AT+CLCC <stat>


@dataclass(slots=True)
class Call:
    number: str
    is_incoming: bool
    state: int
    since: float


class Calls:
    """The call and what is told about it. Huawei's notices (^ORIG, ^CONF, ^CONN, ^CEND) on its models only."""

    def __init__(self, modem: Modem) -> None:
        self._modem = modem
        self.call: Call | None = None
        self.ring_interval = 3.0  # s
        self.answer_delay = 0.2  # s until the other side takes an outgoing call; it rings after half of it
        self._timer: asyncio.TimerHandle | None = None

    def incoming(self, number: str) -> None:
        """Somebody calls; nothing happens while another call is up."""
        if not self.call:
            self.call = self._new(number, True, INCOMING)
            self._ring()

    def _new(self, number: str, is_incoming: bool, state: int) -> Call:
        return Call(number, is_incoming, state, asyncio.get_running_loop().time())

    def _ring(self) -> None:
        if self.call and self.call.state == INCOMING:
            self._modem.tell("+CRING: VOICE" if self._modem.settings.crc else "RING")
            if self._modem.settings.clip:
                self._modem.tell(f"+CLIP: {caller(self.call.number)},,,,{0 if self.call.number else 1}")
            self._timer = self._modem.call_later(self.ring_interval, self._ring)

    def dial(self, number: str) -> None:
        """ATD: the network takes the call, rings the other side, who answers."""
        if self.call:
            raise AtError("CME", 3)
        if not self._modem.registered:
            raise AtError("CME", 30)
        self.call = self._new(number, False, DIALLING)
        self._modem.later(lambda: self._huawei("^ORIG:1,0"))
        self._timer = self._modem.call_later(self.answer_delay / 2, self._alerting)

    def _alerting(self) -> None:
        if self.call:
            self.call.state = ALERTING
            self._huawei("^CONF:1")
            self._timer = self._modem.call_later(self.answer_delay / 2, self._active)

    def _active(self) -> None:
        if self.call:
            self.call.state = ACTIVE
            self.call.since = asyncio.get_running_loop().time()
            self._huawei("^CONN:1,0")

    def answer(self) -> None:
        """ATA."""
        if not self.call or self.call.state != INCOMING:
            raise AtError("CME", 3)
        self._stop()
        self._modem.later(self._active)

    def end(self, *, by_network: bool) -> None:
        """Hang up, by either side. Nothing to do without a call."""
        call, self.call = self.call, None
        self._stop()
        if call:
            seconds = int(asyncio.get_running_loop().time() - call.since) if call.state == ACTIVE else 0
            self._modem.later(lambda: self._huawei(f"^CEND:1,{seconds},29,16"))
            if by_network and "huawei" not in self._modem.model.families:
                self._modem.tell("NO CARRIER")

    def listing(self) -> list[str]:
        """AT+CLCC."""
        call = self.call
        return [f"+CLCC: 1,{int(call.is_incoming)},{call.state},0,0,{caller(call.number)}"] if call else []

    def _huawei(self, line: str) -> None:
        if "huawei" in self._modem.model.families:
            self._modem.tell(line)

    def _stop(self) -> None:
        if self._timer:
            self._modem.drop_timer(self._timer)
        self._timer = None


def caller(number: str) -> str:
    """A number and its type as +CLIP and +CLCC write them."""
    return f'"{number}",{145 if number.startswith("+") else 129 if number else 128}'
