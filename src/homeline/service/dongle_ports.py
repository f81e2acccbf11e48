"""Finding a dongle's AT port by what the configuration says of it, and opening it.

Port names change; so the port is looked for by IMEI (asked of each modem), by USB socket, by name, or by being the only
one. Ports are tried one at a time in the whole daemon, those that the kind of modem makes likely first.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from homeline.adapters import owner, serial, usb
from homeline.adapters.serial import AtPort, Mute
from homeline.adapters.usb import Candidate, Device
from homeline.config import Dongle
from homeline.errors import ConnectionLost, DecodeError, ModemError, PortError, TimedOut
from homeline.model import Reason
from homeline.paths import Paths
from homeline.protocol import commands, quirks
from homeline.service.host import Timing

log = logging.getLogger(__name__)

DEAF_TRIES = 3  # a device that answered on no port so often, and is of no known maker, is left alone from then on

# Of several ports that could not be had, the error that tells most is shown.
_TELLING = (Reason.PORT_OWNED, Reason.NO_PERMISSION, Reason.OPEN_TIMEOUT, Reason.NOT_A_MODEM)


@dataclass(slots=True)
class PortBook:
    """What the serial dongles of one daemon know together: who has which port, and what devices answered."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    taken: dict[Path, str] = field(default_factory=dict)  # port to dongle
    imeis: dict[Device, str] = field(default_factory=dict)
    ports: dict[Device, Path] = field(default_factory=dict)  # which port answered
    deaf: Counter[Device] = field(default_factory=Counter)

    def forget_absent(self, present: set[Device]) -> None:
        """Drop what is known of devices that were unplugged."""
        for known in (self.imeis, self.ports, self.deaf):
            for device in [device for device in known if device not in present]:
                del known[device]


@dataclass(slots=True)
class Link:
    """An open AT port that is this dongle's."""

    at: AtPort
    candidate: Candidate
    lock: owner.Lock
    book: PortBook

    async def close(self) -> None:
        """Give everything back. May be called twice."""
        await self.at.close()
        self.lock.release()
        self.book.taken.pop(self.candidate.port, None)


class Finder:
    """Looks for one dongle's port."""

    def __init__(self, config: Dongle, paths: Paths, timing: Timing, book: PortBook, opener: serial.Opener) -> None:
        self._config, self._paths, self._timing, self._book, self._opener = config, paths, timing, book, opener

    async def open(self, opening: Callable[[Candidate], None]) -> Link:
        """The open port of the dongle; `opening` is told of each port that is tried. Raises PortError."""
        async with self._book.turn:
            errors = []
            for candidate in self._candidates(await self._look()):
                opening(candidate)
                try:
                    link = await self._try(candidate)
                except PortError as error:
                    log.debug("%s: %s", self._config.name, error)
                    errors.append(error)
                    self._book.deaf[candidate.device] += error.reason == Reason.NOT_A_MODEM
                    continue
                del self._book.deaf[candidate.device]
                ours = False
                try:
                    ours = await self._is_ours(link)
                finally:  # also when the dongle's settings change meanwhile
                    if not ours:
                        await link.close()
                if ours:
                    return link
        raise _most_telling(errors) or PortError(self._absent(), Reason.NO_PORT)

    def _absent(self) -> str:
        config = self._config
        if config.port:
            return f"{config.port} is not there"
        if config.usb_path:
            return f"no serial port in USB socket {config.usb_path}"
        return f"no modem with IMEI {config.imei} is plugged in" if config.imei else "no USB modem is plugged in"

    async def _look(self) -> list[Candidate]:
        """All ports there are. Reading what a device calls itself waits for the kernel while that resets the device."""
        try:
            async with asyncio.timeout(self._timing.open):
                return await serial.in_thread(lambda: usb.candidates(self._paths.sys, self._paths.dev))
        except TimeoutError:
            raise PortError("the kernel does not say what USB devices there are", Reason.OPEN_TIMEOUT) from None

    def _candidates(self, found: list[Candidate]) -> list[Candidate]:
        """The ports to try, in order. Raises PortError when none can be chosen."""
        config, book = self._config, self._book
        devices = usb.by_device(found)
        book.forget_absent(set(devices))
        if config.port:
            port = self._paths.inside(config.port)
            return [usb.at_path(port, found)] if os.path.lexists(port) else []
        if config.usb_path:
            devices = {device: ports for device, ports in devices.items() if device[0] == config.usb_path}
        elif config.imei:
            devices = {device: ports for device, ports in devices.items() if self._may_be_ours(device, len(ports))}
        devices = {d: ports for d, ports in devices.items() if not any(port.port in book.taken for port in ports)}
        if len(devices) > 1 and not config.has_identity:
            sockets = ", ".join(device[0] for device in devices)
            raise PortError(f"several modems are plugged in (USB sockets {sockets})", Reason.NOT_CONFIGURED)
        return [port for device, ports in devices.items() for port in self._in_order(device, ports)]

    def _may_be_ours(self, device: Device, ports: int) -> bool:
        """Devices of other makers are not opened for ever: that resets some boards."""
        if (known := self._book.imeis.get(device)) is not None:
            return _same_imei(known, self._config.imei)
        return bool(quirks.port_hints(device[2])) or self._book.deaf[device] < DEAF_TRIES * ports

    def _in_order(self, device: Device, ports: list[Candidate]) -> list[Candidate]:
        known = self._book.ports.get(device)
        ordered = usb.preferred(ports, quirks.port_hints(device[2]))
        return [port for port in ordered if port.port == known] or ordered

    async def _try(self, candidate: Candidate) -> Link:
        """Open a port on which a modem answers. Raises PortError."""
        port, paths = candidate.port, self._paths
        if (who := self._book.taken.get(port)) is not None:
            raise PortError(f"{port} is the dongle {who}'s", Reason.PORT_OWNED)
        held = owner.lock(port, paths.locks, paths.proc)
        try:
            opened = await serial.open_port(port, self._config.baudrate, self._timing.open, self._opener)
        except PortError as error:
            held.release()
            if error.reason in (Reason.PORT_OWNED, Reason.NO_PERMISSION):
                raise await self._explained(port, error.reason) from error
            raise
        except BaseException:
            held.release()
            raise
        at = AtPort(opened, name=self._config.name, probe_wait=self._timing.probe)
        self._book.taken[port] = self._config.name
        link = Link(at, candidate, held, self._book)
        try:
            await self._greet(at)
        except BaseException:
            await link.close()
            raise
        return link

    async def _explained(self, port: Path, reason: str) -> PortError:
        """In a thread: who has a port is found by looking through the open files of all processes."""
        paths = self._paths
        words = await serial.in_thread(lambda: owner.explain(port, reason, paths.locks, paths.proc))
        return PortError(words, reason)

    async def _greet(self, at: AtPort) -> None:
        """Raises PortError unless a modem answers."""
        try:
            with contextlib.suppress(TimedOut, ModemError):  # the marker of a resync tells more than any OK
                await at.run(commands.attention(), self._timing.probe)
            await at.resync()
        except Mute as error:
            raise PortError(f"{at.path}: nothing there answers AT", Reason.NOT_A_MODEM) from error
        except ConnectionLost as error:
            raise PortError(str(error), Reason.UNPLUGGED) from error

    async def _is_ours(self, link: Link) -> bool:
        device, wanted = link.candidate.device, self._config.imei
        self._book.ports[device] = link.candidate.port
        if not wanted:
            return True
        imei = self._book.imeis.get(device)
        if imei is None:
            try:
                imei = await link.at.run(commands.imei())
            except (ModemError, DecodeError, TimedOut, ConnectionLost) as error:
                log.info("%s: %s does not tell its IMEI: %s", self._config.name, link.candidate.port, error)
                return False
            self._book.imeis[device] = imei
        return _same_imei(imei, wanted)


def _same_imei(one: str, other: str) -> bool:
    return one[:14] == other[:14]  # what follows is a check digit, or the software's version (3GPP TS 23.003 6.2)


def _most_telling(errors: list[PortError]) -> PortError | None:
    return min(errors, key=lambda e: _TELLING.index(r) if (r := Reason(e.reason)) in _TELLING else 9, default=None)
