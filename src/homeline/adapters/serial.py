"""Serial ports on the event loop: opening them with a deadline, bytes in and out, and AT commands one at a time.

pyserial opens and configures, since it knows the termios of every platform; reading and writing is the loop's. Opening
and closing can block for long in the kernel (a dead USB device, output that nobody takes), so both are done in threads
of their own, which hold up neither the loop nor the end of the program.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import termios
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import serial

from homeline.errors import ConnectionLost, PortError, TimedOut
from homeline.model import Reason
from homeline.protocol import at

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")

READ_SIZE = 4096
MAX_BACKLOG = 65536  # octets that a port may hold back before it counts as broken
CLOSE_WAIT = 3.0  # seconds
PROBE_WAIT = 2.0  # seconds in which a living modem answers a resync
CANCEL_WAIT = 0.1  # seconds a modem has for ending its input
SWALLOW_GAP = 0.3  # seconds; some E1750 firmware swallows commands that come closer to the last answer
QUIET = 0.5  # seconds after which an open quote of +CUSD counts as never closed

_REASONS = {
    errno.EACCES: Reason.NO_PERMISSION,
    errno.EPERM: Reason.NO_PERMISSION,
    errno.EBUSY: Reason.PORT_OWNED,
    errno.EAGAIN: Reason.PORT_OWNED,  # the exclusive lock is taken
    errno.ENOENT: Reason.NO_PORT,
    errno.ENODEV: Reason.UNPLUGGED,
    errno.ENXIO: Reason.UNPLUGGED,
    errno.EIO: Reason.UNPLUGGED,
}


class Mute(TimedOut):
    """The modem answers neither the command nor a resync. `noise` says that it sent bytes all the same."""

    def __init__(self, message: str, noise: bool) -> None:
        super().__init__(message)
        self.noise = noise


def open_device(path: str, baudrate: int) -> serial.Serial:
    """Open, lock and configure; what pyserial, termios and the system raise passes through."""
    device = serial.Serial(path, baudrate, timeout=0, exclusive=True)
    try:
        # pyserial lets a read return nothing at once; with VMIN=1 an empty read can only mean that the port hung up.
        settings = termios.tcgetattr(device.fileno())
        settings[6][termios.VMIN] = 1
        termios.tcsetattr(device.fileno(), termios.TCSANOW, settings)
    except (OSError, termios.error):
        device.close()
        raise
    return device


Opener = Callable[[str, int], serial.Serial]


async def open_port(path: Path, baudrate: int, timeout: float, opener: Opener = open_device) -> Port:
    """Open and lock a port. Raises PortError with a reason: open_timeout, port_owned, no_permission, no_port, …"""
    try:
        async with asyncio.timeout(timeout):
            device = await in_thread(lambda: opener(str(path), baudrate), unwanted=_close)
            return Port(device, path)
    except TimeoutError:
        raise PortError(f"{path}: opening it did not end within {timeout:g} s", Reason.OPEN_TIMEOUT) from None
    except (OSError, ValueError, termios.error) as error:
        raise _port_error(path, error) from error


def in_thread(work: Callable[[], R], unwanted: Callable[[R], None] = lambda _result: None) -> asyncio.Future[R]:
    """The result of `work` in a daemon thread; `unwanted` gets it, in a thread too, if nobody waits any more.

    For what the kernel may hold for long: such a thread holds up neither the loop nor the end of the program.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[R] = loop.create_future()

    def settle(result: R) -> None:
        if future.done():
            threading.Thread(target=unwanted, args=(result,), daemon=True).start()
        else:
            future.set_result(result)

    def refuse(error: Exception) -> None:
        if not future.done():
            future.set_exception(error)

    def run() -> None:
        try:
            result = work()
        except Exception as error:  # pyserial lets several kinds through: the waiter sorts them
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(refuse, error)
            return
        try:
            loop.call_soon_threadsafe(settle, result)
        except RuntimeError:
            unwanted(result)

    threading.Thread(target=run, name="serial port", daemon=True).start()
    return future


def _port_error(path: Path, error: Exception) -> PortError:
    """The PortError of what pyserial raised: its own errors carry the system's number, at times only in the chain."""
    number = getattr(error, "errno", None)
    if number is None and isinstance(error, termios.error) and error.args:
        number = error.args[0]
    if number is None and isinstance(error.__context__, OSError | termios.error) and error.__context__.args:
        number = error.__context__.args[0]
    if not isinstance(number, int):
        return PortError(f"{path} cannot be used as a serial port ({error})", Reason.NOT_A_MODEM)
    return PortError(f"{path} cannot be opened: {os.strerror(number)}", _REASONS.get(number, Reason.NOT_A_MODEM))


def _close(device: serial.Serial) -> None:
    with contextlib.suppress(OSError, termios.error, serial.SerialException):
        termios.tcflush(device.fileno(), termios.TCIOFLUSH)  # else the kernel waits until output has left
    with contextlib.suppress(OSError, termios.error, serial.SerialException):
        device.close()


class Port:
    """An open port: bytes in by a callback, bytes out at once or as soon as the port takes them."""

    def __init__(self, device: serial.Serial, path: Path) -> None:
        self.path = path
        self._device, self._fd = device, device.fileno()
        self._loop = asyncio.get_running_loop()
        self._on_data: Callable[[bytes], None] = lambda _data: None
        self._on_lost: Callable[[str], None] = lambda _why: None
        self._backlog = bytearray()
        self._open = True

    def start(self, on_data: Callable[[bytes], None], on_lost: Callable[[str], None]) -> None:
        """Begin to read. `on_lost` is called once, with words, when the port hangs up or breaks; not after `close`."""
        self._on_data, self._on_lost = on_data, on_lost
        self._loop.add_reader(self._fd, self._readable)

    def write(self, data: bytes) -> None:
        """Send `data` in order; what the port does not take now waits. Raises ConnectionLost on a closed port."""
        if not self._open:
            raise ConnectionLost(f"{self.path} is closed")
        if not self._backlog:
            data = data[self._write_some(data) :]
        if not data or not self._open:
            return
        if len(self._backlog) + len(data) > MAX_BACKLOG:
            self._lose(f"{self.path} takes no more bytes")
            return
        if not self._backlog:
            self._loop.add_writer(self._fd, self._writable)
        self._backlog += data

    def discard_output(self) -> None:
        """Drop what has not left yet, so that an abandoned command does not go out later."""
        if self._open:
            self._stop_writing()
            with contextlib.suppress(OSError, termios.error):
                termios.tcflush(self._fd, termios.TCOFLUSH)

    async def close(self) -> None:
        """Close the port; waits a short time for the kernel, so that it can be opened again."""
        if self._open:
            self._stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_WAIT):
                await in_thread(lambda: _close(self._device))

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(f"{self.path} went away ({error.strerror})")
            return
        if data:
            self._on_data(data)
        else:
            self._lose(f"{self.path} hung up")

    def _writable(self) -> None:
        del self._backlog[: self._write_some(bytes(self._backlog))]
        if not self._backlog:
            self._stop_writing()

    def _write_some(self, data: bytes) -> int:
        try:
            return os.write(self._fd, data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            self._lose(f"{self.path} went away ({error.strerror})")
            return 0

    def _stop_writing(self) -> None:
        self._backlog.clear()
        self._loop.remove_writer(self._fd)

    def _stop(self) -> None:
        self._open = False
        self._loop.remove_reader(self._fd)
        self._stop_writing()

    def _lose(self, why: str) -> None:
        if self._open:
            self._stop()
            self._loop.call_soon(self._on_lost, why)


def _ignore() -> None:
    """Nobody wants to know."""


class AtPort:
    """An AT conversation on an open port: one command at a time, each with a deadline that noise does not extend."""

    def __init__(
        self,
        port: Port,
        *,
        name: str = "",
        gap: float = 0.0,
        probe_wait: float = PROBE_WAIT,
    ) -> None:
        self.gap = gap  # seconds kept between an answer and the next command; grows when the modem swallows commands
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()  # why the port went away
        self.on_unsolicited: Callable[[at.Unsolicited], None] = lambda _line: None  # whose lines these are changes
        self._port, self._name = port, name or port.path.name
        self._probe_wait = probe_wait
        self._loop = asyncio.get_running_loop()
        self._channel = at.Channel()
        self._turn = asyncio.Lock()
        self._waiter: asyncio.Future[Any] | None = None
        self._on_payload: Callable[[], None] = _ignore
        self._heard_at = 0.0  # loop time of the last byte
        self._quiet: asyncio.TimerHandle | None = None
        port.start(self._data, self._gone)

    @property
    def path(self) -> Path:
        return self._port.path

    async def run(
        self,
        command: at.Command[T],
        timeout: float | None = None,
        *,
        again: bool = True,
        on_payload: Callable[[], None] = _ignore,
    ) -> T:
        """The answer to `command`, after those that wait before it. `timeout` counts from when it is sent.

        Raises ModemError (refused), TimedOut (not answered, but the modem lives), Mute (nor does it answer anything
        else), ConnectionLost, DecodeError (an answer without sense). A command that was swallowed because it came too
        soon after the last answer is sent again, unless `again` is false or a payload went out; `on_payload` is called
        just before one does, so that the caller knows whether the command may have had its effect.
        """
        limit = command.timeout if timeout is None else timeout
        async with self._turn:
            await self._probe("the modem is out of step")
            await self._keep_gap()
            sent_at = self._loop.time()
            hasty = self._is_hasty()
            try:
                return await self._converse(command, limit, on_payload)
            except TimedOut as error:
                swallowed = hasty and again and self._heard_at < sent_at
                await self._probe(str(error))
                if not swallowed:
                    raise
            self._keep_more_gap()
            await self._keep_gap()
            return await self._converse(command, limit, on_payload)

    async def resync(self) -> None:
        """Find the answer to a question of our own among what may still come for others. Raises Mute."""
        async with self._turn:
            await self._keep_gap()
            hasty = self._is_hasty()
            try:
                await self._resync("the modem does not answer")
            except Mute:
                if not hasty:
                    raise
                await asyncio.sleep(SWALLOW_GAP)
                await self._resync("the modem does not answer")
                self._keep_more_gap()

    async def cancel_input(self) -> None:
        """End whatever input the modem may wait for (ESC, Ctrl-Z), then resync. Raises Mute, ConnectionLost."""
        async with self._turn:
            self._port.write(at.ESC + at.CTRL_Z)
            await asyncio.sleep(CANCEL_WAIT)
            await self._resync("the modem does not answer")

    async def write_blindly(self, command: at.Command[Any]) -> None:
        """Send a command and wait for no answer: the last try with a modem that is mute."""
        async with self._turn:
            self._port.write(b"\r" + command.line.encode("ascii") + b"\r")

    async def close(self) -> None:
        """Close the port. A command that runs ends with ConnectionLost."""
        if self._quiet is not None:
            self._quiet.cancel()
        self._gone(f"{self._port.path} was closed")
        await self._port.close()

    async def _probe(self, what: str) -> None:
        """Get back in step after an abandoned command, unless its late answer has done so."""
        if not self._channel.in_step:
            await self._resync(what)

    async def _resync(self, what: str) -> None:
        """Raises Mute, with `what` happened first, when the modem does not answer."""
        began = self._loop.time()
        try:
            await self._exchange("resync", self._channel.resync, self._probe_wait, _ignore)
        except TimedOut:
            raise Mute(f"{what}, nor anything else", noise=self._heard_at >= began) from None

    def _is_hasty(self) -> bool:
        """Whether a command now comes so soon after the last answer that some modem would swallow it."""
        return self._loop.time() - self._heard_at < SWALLOW_GAP and self.gap < SWALLOW_GAP

    def _keep_more_gap(self) -> None:
        self.gap = SWALLOW_GAP
        log.info("%s: the modem swallows hasty commands: from now on they wait for %g s", self._name, self.gap)

    async def _keep_gap(self) -> None:
        if self.gap > 0 and (wait := self._heard_at + self.gap - self._loop.time()) > 0:
            await asyncio.sleep(wait)

    async def _converse(self, command: at.Command[T], timeout: float, on_payload: Callable[[], None]) -> T:
        value: T = await self._exchange(command.name, lambda: self._channel.start(command), timeout, on_payload)
        return value

    async def _exchange(
        self, name: str, start: Callable[[], bytes], timeout: float, on_payload: Callable[[], None]
    ) -> Any:
        if self.lost.done():
            raise ConnectionLost(self.lost.result())
        log.debug("%s > %s", self._name, name)
        self._waiter, self._on_payload = self._loop.create_future(), on_payload
        deadline = self._loop.call_later(timeout, self._abandon, f"no answer within {timeout:g} s")
        try:
            self._port.write(start())
            return await self._waiter
        finally:
            deadline.cancel()
            self._waiter = None
            if self._channel.busy:  # cancelled: what still comes belongs to nobody
                self._abandon("given up")

    def _abandon(self, why: str) -> None:
        self._port.discard_output()
        self._handle(self._channel.abandon(why))

    def _finish(self, outcome: at.Answer | at.Failed) -> None:
        error = outcome.error if isinstance(outcome, at.Failed) else None
        log.debug("%s < %s", self._name, error or "OK")
        if self._waiter is None or self._waiter.done():
            return
        if isinstance(outcome, at.Failed):
            self._waiter.set_exception(outcome.error)
        else:
            self._waiter.set_result(outcome.value)

    def _data(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        self._handle(self._channel.feed(data))
        if b"+CUSD" in data:
            self._watch_quote()

    def _watch_quote(self) -> None:
        if self._quiet is not None:
            self._quiet.cancel()
        self._quiet = self._loop.call_later(QUIET, self._end_quote)

    def _end_quote(self) -> None:
        """Let go of a +CUSD line whose quote never closed; a command that runs does so at its own deadline."""
        if not self._channel.busy:
            self._handle(self._channel.abandon("quiet"))

    def _handle(self, events: list[at.Event]) -> None:
        for event in events:
            if isinstance(event, at.Write):
                self._on_payload()
                self._send_payload(event.data)
            elif isinstance(event, at.Unsolicited):
                log.debug("%s < %s", self._name, event.line.partition(":")[0])
                self.on_unsolicited(event)
            else:
                self._finish(event)

    def _send_payload(self, data: bytes) -> None:
        with contextlib.suppress(ConnectionLost):  # then the waiter is told by `_gone`
            self._port.write(data)

    def _gone(self, why: str) -> None:
        if not self.lost.done():
            self.lost.set_result(why)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(ConnectionLost(why))
