"""A simulated GSM dongle on ptys, with a network behind it: what programs find below <root>/dev and <root>/sys.

    async with Dongle("e1750", root) as dongle:
        dongle.deliver("hello", "+41791234567")
        await dongle.seen("+CMGD")

Answers come at once unless `faults.latency`, `pace` or a fault says otherwise. It lives in the running event loop.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType

from homeline_lab import sysfs
from homeline_lab.faults import Faults, Vanishing
from homeline_lab.models import MODELS, DongleModel, Interface
from homeline_lab.modem import Modem
from homeline_lab.network import STRANGER, Network, Sent
from homeline_lab.port import Port
from homeline_lab.sim import Sim, Slots, Status
from homeline_lab.wire import LAST_READ, Pace

LOG_ENTRIES = 50_000


@dataclass(frozen=True, slots=True)
class Traffic:
    """Octets that went over a port. `at` is the monotonic clock, the same in all processes of a machine."""

    at: float
    port: str
    direction: str  # ">>" to the dongle, "<<" from it
    data: bytes

    def __str__(self) -> str:
        return f"{self.at:.3f} {self.port} {self.direction} {self.data.decode('latin-1')!r}"


class Dongle:
    """A dongle that can be plugged in and out. Use as `async with`; `port` is the device file of its AT port."""

    def __init__(
        self,
        model: str | DongleModel = "e1750",
        root: Path | None = None,
        name: str = "ttyUSB0",
        *,
        usb_path: str = "1-1",
        every_port: bool = False,
        sim: Sim | None = None,
        no_sim: bool = False,
        network: Network | None = None,
        storages: Mapping[str, int] | None = None,
        imei: str = "",
        log: Path | None = None,
    ) -> None:
        """`name` is the tty of the AT port; with `every_port` that of the first interface, the others follow it.

        Without `root` there is neither sysfs nor a link: `port` is the pty itself. `storages` overrides sizes (SM, ME).
        """
        self.model = MODELS[model] if isinstance(model, str) else model
        self.root, self.name, self.usb_path, self.every_port = root, name, usb_path, every_port
        self.network = network or Network()
        self.modem = Modem(self.model, self.network, None if no_sim else sim or Sim(), storages or {})
        self.modem.imei = imei or self.model.imei
        self.modem.on_restart = self._restart
        self.modem.on_vanish = self._vanish
        self.network.on_change = self._changed
        self.next_name = ""  # tty name after the next re-enumeration; empty: the same again
        self.restart_time = 0.1  # s that the USB device is away after AT+CFUN=1,1
        self.pace: Pace | None = None
        self.log: deque[Traffic] = deque(maxlen=LOG_ENTRIES)
        self.started = time.monotonic()
        self._log_file = log
        self._ports: list[Port] = []
        self._shown: list[sysfs.Tty] = []
        self._waiters: list[asyncio.Future[None]] = []
        self._timers: set[asyncio.TimerHandle] = set()

    async def __aenter__(self) -> Dongle:
        self.plug(quiet=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Unplug for good."""
        for timer in self._timers:
            timer.cancel()
        self.network.close()
        self.unplug()

    # The USB side ------------------------------------------------------------------------------------------------

    @property
    def plugged(self) -> bool:
        return bool(self._ports)

    @property
    def at_port(self) -> Port:
        """The port that an SMS program should use. LookupError while unplugged."""
        return next(p for p in self._ports if p.kind is self.model.app_port.kind)

    @property
    def port(self) -> Path:
        """Its device file: the link below the root, or the pty itself without one."""
        port = self.at_port
        return self.root / "dev" / port.name if self.root else Path(port.wire.path)

    def plug(self, name: str = "", *, quiet: bool = False) -> None:
        """Power up and show the ports. `name` is a new tty name; `quiet` leaves out what a boot tells unasked."""
        if self._ports:
            return
        self.name = name or self.name
        for tty, interface in self._names():
            port = Port(tty, interface.kind, self.modem, lambda d, b, n=tty: self._trace(n, d, b))  # type: ignore[misc]
            port.wire.pace = self.pace
            self._ports.append(port)
        self.modem.ports = list(self._ports)
        interfaces = {n: i.number for n, i in self._names()}
        self._shown = [sysfs.Tty(p.name, interfaces[p.name], p.wire.path) for p in self._ports]
        self.network.attach(self.modem)
        self.modem.power_up(quiet=quiet)
        if self.root:
            sysfs.plug(self.root, self.usb_path, self.model, self.modem.imei, self._shown)
        self._changed()

    def unplug(self) -> None:
        """Pull it out: ports hang up, files go, the network finds nobody."""
        self.network.detach()
        self.modem.cancel_timers()
        self.modem.ports = []
        for port in self._ports:
            port.wire.close()
        if self.root and self._shown:
            sysfs.unplug(self.root, self.usb_path, self._shown)
        self._ports, self._shown = [], []
        self._changed()

    def replug(self, name: str = "", after: float = 0.0) -> None:
        """Out, and in again after so many seconds, perhaps under another name."""
        self.unplug()
        if after:
            self._call_later(after, lambda: self.plug(name))
        else:
            self.plug(name)

    def reset(self) -> None:
        """The modem starts again by itself, its USB side stays: all settings are lost, the boot is told."""
        self.modem.power_up()
        for port in self._ports:
            port.echo = self.model.echo

    def _restart(self) -> None:
        """AT+CFUN=1,1. The answer is read before the port goes."""
        name, self.next_name = self.next_name, ""
        self._call_later(LAST_READ, lambda: self.replug(name, self.restart_time))

    def _vanish(self, vanishing: Vanishing) -> None:
        self.unplug()
        if vanishing.back_as or vanishing.seconds:
            self._call_later(vanishing.seconds, lambda: self.plug(vanishing.back_as))

    def _names(self) -> list[tuple[str, Interface]]:
        if not self.every_port:
            return [(self.name, self.model.app_port)]
        match = re.fullmatch(r"(.*?)(\d+)", self.name)
        stem, first = (match[1], int(match[2])) if match else (self.name, 0)
        return [(f"{stem}{first + i}", interface) for i, interface in enumerate(self.model.interfaces)]

    def _call_later(self, delay: float, action: Callable[[], None]) -> None:
        def run() -> None:
            self._timers.discard(handle)
            action()

        handle = asyncio.get_running_loop().call_later(delay, run)
        self._timers.add(handle)

    # What a test does --------------------------------------------------------------------------------------------

    @property
    def faults(self) -> Faults:
        return self.modem.faults

    @property
    def sim(self) -> Sim | None:
        return self.modem.sim

    def insert_sim(self, sim: Sim | None) -> None:
        """Swap the card in a running dongle; None takes it out."""
        self.modem.insert(sim)
        self.modem.sim_usable()
        self.network.flush()

    def deliver(
        self,
        text: str,
        sender: str = STRANGER,
        *,
        at: datetime | None = None,
        flash: bool = False,
        repeat: int = 1,
        order: Sequence[int] | None = None,
    ) -> list[str]:
        """See Network.deliver."""
        return self.network.deliver(text, sender, at=at, flash=flash, repeat=repeat, order=order)

    def store(self, pdus: Sequence[bytes | str], memory: str = "SM", status: Status = Status.UNREAD) -> None:
        """Put PDUs into a storage in silence, as if they had come earlier. ValueError when it is full."""
        slots = self.slots(memory)
        for pdu in pdus:
            if slots.add(bytes.fromhex(pdu) if isinstance(pdu, str) else pdu, status) is None:
                raise ValueError(f"{memory} is full")

    def slots(self, memory: str = "SM") -> Slots:
        """A storage's slots, whatever state the SIM is in."""
        card = self.modem.sim.slots if self.modem.sim else None
        if memory == "SM":
            if card is None:
                raise ValueError("no SIM")
            return card
        return self.modem.device_slots

    def stored(self, memory: str = "SM") -> list[str]:
        """The PDUs in a storage, hex, by slot."""
        return [s.pdu.hex().upper() for _, s in sorted(self.slots(memory).used.items())]

    def say(self, line: str) -> None:
        """Any unsolicited line, now."""
        self.modem.tell(line)

    def noise(self, data: bytes) -> None:
        """Any octets on the AT port, now."""
        self.at_port.wire.send(data)

    def set_pace(self, pace: Pace | None) -> None:
        """How fast octets leave from now on: Pace.baud(115200), or Pace(1, 0.001) for one at a time. None: at once."""
        self.pace = pace
        for port in self._ports:
            port.wire.pace = pace

    # What a test sees --------------------------------------------------------------------------------------------

    @property
    def sent(self) -> list[Sent]:
        """What the network took."""
        return self.network.sent

    def count(self, command: str = "") -> int:
        """How often a command came since the start; all of them for ""."""
        return self.modem.commands[command.upper()] if command else sum(self.modem.commands.values())

    def transcript(self, since: float = 0.0) -> str:
        """The log as text, one line an entry, times of the monotonic clock."""
        return "\n".join(str(e) for e in self.log if e.at >= since)

    async def wait(self, condition: Callable[[], bool], timeout: float = 30.0) -> None:
        """Until something holds; looked at after all traffic. TimeoutError with the last traffic in its text."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while not condition():
            future: asyncio.Future[None] = loop.create_future()
            self._waiters.append(future)
            try:
                async with asyncio.timeout_at(deadline):
                    await future
            except TimeoutError:
                last = "\n".join(str(e) for e in list(self.log)[-20:])
                raise TimeoutError(f"not within {timeout} s; last traffic:\n{last}") from None

    async def seen(self, command: str, times: int = 1, timeout: float = 30.0) -> None:
        """Until so many more commands of that name have come."""
        target = self.count(command) + times
        await self.wait(lambda: self.count(command) >= target, timeout)

    def _trace(self, port: str, direction: str, data: bytes) -> None:
        entry = Traffic(time.monotonic(), port, direction, data)
        self.log.append(entry)
        if self._log_file:
            with self._log_file.open("a") as f:
                f.write(f"{entry}\n")
        self._changed()

    def _changed(self) -> None:
        """Wake the waiters once the loop turns, when the command that is being looked at has run."""
        waiters, self._waiters = self._waiters, []
        for future in waiters:
            if not future.done():
                future.set_result(None)
