"""Ports on the loop and AT commands one at a time, over real ptys with the test as the modem."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import threading
import tty
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import serial

from homeline.adapters.serial import MAX_BACKLOG, AtPort, Mute, Port, open_device, open_port
from homeline.errors import ConnectionLost, DecodeError, ModemError, PortError, TimedOut
from homeline.model import Reason
from homeline.protocol import at, commands, commands_sms


class Wire:
    """The modem's end of a pty. Non-blocking; `line` waits for what ends in CR."""

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        self.path = Path(os.ttyname(self.slave))
        self._heard = bytearray()
        self._news = asyncio.Event()
        asyncio.get_running_loop().add_reader(self.master, self._read)

    def _read(self) -> None:
        self._heard += os.read(self.master, 65536)
        self._news.set()

    async def until(self, end: bytes) -> bytes:
        async with asyncio.timeout(5):
            while end not in self._heard:
                self._news.clear()
                await self._news.wait()
        at_end = self._heard.index(end) + len(end)
        found = bytes(self._heard[:at_end])
        del self._heard[:at_end]
        return found

    def say(self, data: bytes) -> None:
        os.write(self.master, data)

    async def answer(self, data: bytes) -> bytes:
        line = await self.until(b"\r")
        self.say(data)
        return line

    def hang_up(self) -> None:
        if self.master >= 0:
            asyncio.get_running_loop().remove_reader(self.master)
            os.close(self.master)
            os.close(self.slave)
            self.master = -1


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    wire = Wire()
    yield wire
    wire.hang_up()


@pytest.fixture
async def port(wire: Wire) -> AsyncIterator[AtPort]:
    port = AtPort(await open_port(wire.path, 115200, 2.0), probe_wait=0.2)
    yield port
    await port.close()


async def test_commands_wait_for_their_turn(wire: Wire, port: AtPort) -> None:
    first = asyncio.create_task(port.run(commands.model()))
    second = asyncio.create_task(port.run(commands.revision()))
    assert await wire.until(b"\r") == b"AT+CGMM\r"
    await asyncio.sleep(0)
    wire.say(b"\r\nE1750\r\n\r\nOK\r\n")
    assert await wire.answer(b"\r\n11.126\r\n\r\nOK\r\n") == b"AT+CGMR\r"
    assert (await first, await second) == ("E1750", "11.126")


async def test_refusals_and_nonsense_are_told_apart(wire: Wire, port: AtPort) -> None:
    task = asyncio.create_task(port.run(commands.imei()))
    await wire.answer(b"\r\n+CME ERROR: 100\r\n")
    with pytest.raises(ModemError, match="100"):
        await task
    task = asyncio.create_task(port.run(commands.imei()))
    await wire.answer(b"\r\nnot an IMEI\r\n\r\nOK\r\n")
    with pytest.raises(DecodeError):
        await task


async def test_unsolicited_lines_go_to_whoever_is_set(wire: Wire, port: AtPort) -> None:
    heard: list[at.Unsolicited] = []
    port.on_unsolicited = heard.append
    task = asyncio.create_task(port.run(commands.model()))
    await wire.answer(b'\r\n+CMTI: "SM",3\r\n\r\nE1750\r\n\r\nOK\r\n')
    assert await task == "E1750"
    assert [line.line for line in heard] == ['+CMTI: "SM",3']


async def test_a_deadline_is_absolute_whatever_comes(wire: Wire, port: AtPort) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    task = asyncio.create_task(port.run(commands.model(), 0.3))
    while not task.done() and loop.time() - began < 3:
        wire.say(b"^RSSI:20\r\n\xff\xfe")
        await asyncio.wait([task], timeout=0.03)
    with pytest.raises(Mute) as caught:
        await task
    assert caught.value.noise
    assert loop.time() - began < 1.0  # 0.3 of the command and 0.2 of the resync


async def test_a_silent_command_of_a_living_modem_is_a_timeout_and_its_late_answer_nobodys(
    wire: Wire, port: AtPort
) -> None:
    task = asyncio.create_task(port.run(commands.model(), 0.05, again=False))
    await wire.until(b"AT+CGMM\r")
    await wire.until(b"AT+CMEE?\r")
    wire.say(b"\r\nlate\r\n\r\nOK\r\n\r\n+CMEE: 1\r\n\r\nOK\r\n")
    with pytest.raises(TimedOut) as caught:
        await task
    assert not isinstance(caught.value, Mute)
    task = asyncio.create_task(port.run(commands.revision()))
    await wire.answer(b"\r\n11.126\r\n\r\nOK\r\n")
    assert await task == "11.126"


async def test_a_swallowed_command_is_sent_again_after_a_gap_that_stays(wire: Wire, port: AtPort) -> None:
    task = asyncio.create_task(port.run(commands.attention()))
    await wire.answer(b"\r\nOK\r\n")
    await task
    task = asyncio.create_task(port.run(commands.model(), 0.05))
    await wire.until(b"AT+CGMM\r")  # swallowed
    await wire.until(b"AT+CMEE?\r")
    wire.say(b"\r\n+CMEE: 1\r\n\r\nOK\r\n")
    heard_at = asyncio.get_running_loop().time()
    await wire.answer(b"\r\nE1750\r\n\r\nOK\r\n")
    assert await task == "E1750"
    assert asyncio.get_running_loop().time() - heard_at >= 0.25
    assert port.gap > 0


async def test_a_pin_is_not_sent_again_when_it_is_swallowed(wire: Wire, port: AtPort) -> None:
    task = asyncio.create_task(port.run(commands.attention()))
    await wire.answer(b"\r\nOK\r\n")
    await task
    task2 = asyncio.create_task(port.run(commands.enter_pin("4711"), 0.05, again=False))
    await wire.until(b"4711")
    await wire.until(b"AT+CMEE?\r")
    wire.say(b"\r\n+CMEE: 1\r\n\r\nOK\r\n")
    with pytest.raises(TimedOut):
        await task2
    assert b"4711" not in wire._heard


async def test_the_payload_goes_out_behind_the_prompt_and_the_caller_knows(wire: Wire, port: AtPort) -> None:
    told: list[str] = []
    pdu = "0001000B911497111111F100000401020304"
    task = asyncio.create_task(port.run(commands_sms.send_pdu(pdu, 17), on_payload=lambda: told.append("sent")))
    await wire.until(b"AT+CMGS=17\r")
    assert told == []
    wire.say(b"\r\n> ")
    assert await wire.until(b"\x1a") == pdu.encode() + b"\x1a"
    assert told == ["sent"]
    wire.say(b"\r\n+CMGS: 42\r\n\r\nOK\r\n")
    assert await task == 42


@pytest.mark.parametrize("before", [True, False])
async def test_a_port_that_hangs_up_ends_what_waits_and_what_comes_after(
    wire: Wire, port: AtPort, before: bool
) -> None:
    task = asyncio.create_task(port.run(commands.model()))
    if not before:
        await wire.until(b"\r")
    wire.hang_up()
    with pytest.raises(ConnectionLost):
        await task
    assert port.lost.done()
    with pytest.raises(ConnectionLost):
        await port.run(commands.model())


async def test_a_cancelled_command_leaves_the_port_usable(wire: Wire, port: AtPort) -> None:
    task = asyncio.create_task(port.run(commands.model()))
    await wire.until(b"\r")
    task.cancel()
    await asyncio.wait([task])
    wire.say(b"\r\nE1750\r\n\r\nOK\r\n")
    later = asyncio.create_task(port.run(commands.revision()))
    line = await wire.until(b"\r")
    if b"CMEE" in line:  # the resync, if the late answer was not read yet
        wire.say(b"\r\n+CMEE: 1\r\n\r\nOK\r\n")
        await wire.until(b"AT+CGMR\r")
    wire.say(b"\r\n11.126\r\n\r\nOK\r\n")
    assert await later == "11.126"


async def test_a_port_that_takes_nothing_ends_as_lost_and_never_blocks(wire: Wire) -> None:
    asyncio.get_running_loop().remove_reader(wire.master)
    raw: Port = await open_port(wire.path, 115200, 2.0)
    lost = asyncio.Event()
    raw.start(lambda _data: None, lambda _why: lost.set())
    for _ in range(MAX_BACKLOG // 1000 + 100):
        if lost.is_set():
            break
        try:
            raw.write(b"x" * 1000)
        except ConnectionLost:
            break
        await asyncio.sleep(0)
    async with asyncio.timeout(2):
        await lost.wait()
        await raw.close()


async def test_output_that_waits_leaves_in_order(wire: Wire) -> None:
    raw = await open_port(wire.path, 115200, 2.0)
    raw.start(lambda _data: None, lambda _why: None)
    text = b"".join(b"%06d;" % number for number in range(8000))
    for start in range(0, len(text), 5000):
        raw.write(text[start : start + 5000])
    assert await wire.until(b"007999;") == text
    await raw.close()


async def test_an_open_port_is_locked_against_others(wire: Wire) -> None:
    first = await open_port(wire.path, 115200, 2.0)
    with pytest.raises(PortError) as caught:
        await open_port(wire.path, 115200, 2.0)
    assert caught.value.reason == Reason.PORT_OWNED
    await first.close()
    await (await open_port(wire.path, 115200, 2.0)).close()


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (serial.SerialException(errno.ENOENT, "no such file"), Reason.NO_PORT),
        (serial.SerialException(errno.EACCES, "no"), Reason.NO_PERMISSION),
        (serial.SerialException(errno.EBUSY, "busy"), Reason.PORT_OWNED),
        (serial.SerialException(errno.EIO, "gone"), Reason.UNPLUGGED),
        (serial.SerialException("Could not configure port: (25, 'Inappropriate ioctl')"), Reason.NOT_A_MODEM),
        (ValueError("Not a valid baudrate"), Reason.NOT_A_MODEM),
    ],
)
async def test_why_a_port_cannot_be_had(failure: Exception, reason: Reason) -> None:
    def opener(path: str, baudrate: int) -> serial.Serial:
        raise failure

    with pytest.raises(PortError) as caught:
        await open_port(Path("/dev/ttyUSB0"), 115200, 2.0, opener)
    assert caught.value.reason == reason
    assert "/dev/ttyUSB0" in str(caught.value)


async def test_a_port_opened_too_late_is_closed_again(wire: Wire) -> None:
    go = threading.Event()

    def opener(path: str, baudrate: int) -> serial.Serial:
        go.wait(10)
        return open_device(path, baudrate)

    with pytest.raises(PortError) as caught:
        await open_port(wire.path, 115200, 0.05, opener)
    assert caught.value.reason == Reason.OPEN_TIMEOUT
    go.set()
    async with asyncio.timeout(5):
        while True:  # its lock is let go once it is closed
            await asyncio.to_thread(threading.Event().wait, 0.02)
            with wire.path.open("rb+", buffering=0) as other:
                try:
                    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                break
