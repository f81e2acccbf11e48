"""The ears and mouths of the lab's calls: a server of Asterisk's AudioSocket protocol in this process.

Asterisk's application AudioSocket connects to it, names the call by a UUID and then exchanges frames: one octet kind,
two octets length (big endian), payload. Audio is signed 16 bit little endian, 8000 samples a second, 20 ms a frame.
"""

from __future__ import annotations

import asyncio
import struct
import uuid
from array import array
from collections.abc import Callable
from contextlib import suppress

from homeline_lab.tone import FRAME, RATE, loudness, share, sine

HANG_UP, NAME, DTMF, AUDIO = 0x00, 0x01, 0x03, 0x10
WINDOW = 800  # samples that are judged at a time: 100 ms
ENOUGH = 0.7  # share of a tone in what is heard
SILENCE = bytes(2 * FRAME)


class Audio:
    """One call's: what is said into it (`play`), what is heard in it."""

    def __init__(self) -> None:
        self.id = str(uuid.uuid4())
        self.connected = asyncio.Event()
        self.closed = asyncio.Event()
        self.heard = array("h")  # all of it
        self.keys = ""  # DTMF
        self._hz = 0.0
        self._more = asyncio.Condition()

    def play(self, hz: float) -> None:
        """A tone from now on; 0 is silence."""
        self._hz = hz

    async def hears(self, hz: float, timeout: float = 5.0) -> None:
        """Until this tone is heard for 200 ms from now on. TimeoutError that says what was heard instead."""
        await self._until(lambda window: share(window, hz) > ENOUGH, f"{hz} Hz", timeout)

    async def hears_nothing(self, timeout: float = 5.0) -> None:
        """Until there is silence, or no audio at all, for 200 ms from now on."""
        await self._until(lambda window: loudness(window) < FRAME, "silence", timeout)

    async def _until(self, holds: Callable[[array[int]], bool], what: str, timeout: float) -> None:
        begin = at = len(self.heard)
        in_a_row = 0
        try:
            async with asyncio.timeout(timeout), self._more:
                while in_a_row < 2:
                    while in_a_row < 2 and at + WINDOW <= len(self.heard):
                        in_a_row = in_a_row + 1 if holds(self.heard[at : at + WINDOW]) else 0
                        at += WINDOW
                    if in_a_row < 2:
                        await self._more.wait()
        except TimeoutError:
            raise TimeoutError(f"{what} was not heard within {timeout} s, but {self.describe(begin)}") from None

    async def presses(self, keys: str, timeout: float = 5.0) -> None:
        """Until the other end has pressed these keys, and no others. TimeoutError says which it has."""
        try:
            async with asyncio.timeout(timeout), self._more:
                await self._more.wait_for(lambda: self.keys == keys)
        except TimeoutError:
            raise TimeoutError(f"not {keys!r} but {self.keys!r} was pressed within {timeout} s") from None

    def describe(self, begin: int = 0) -> str:
        """What was heard, for an error text."""
        got = self.heard[begin:]
        tones = [hz for hz in range(200, 2000, 20) if share(got[-4 * WINDOW :], hz) > ENOUGH / 4]
        seconds = len(got) / RATE
        return f"{seconds:.1f} s of audio, loudness {loudness(got):.0f}, tones near {tones or 'none'} Hz"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until Asterisk ends it."""
        self.connected.set()
        speaking = asyncio.ensure_future(self._speak(writer))
        try:
            while True:
                kind, length = struct.unpack(">BH", await reader.readexactly(3))
                payload = await reader.readexactly(length)
                if kind == AUDIO:
                    self.heard.frombytes(payload)
                    async with self._more:
                        self._more.notify_all()
                elif kind == DTMF:
                    self.keys += payload.decode(errors="replace")
                    async with self._more:
                        self._more.notify_all()
                elif kind == HANG_UP:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            speaking.cancel()
            self.closed.set()

    async def _speak(self, writer: asyncio.StreamWriter) -> None:
        """A frame each 20 ms by the clock, so that a late one is followed by an early one."""
        clock = asyncio.get_running_loop().time
        due, first = clock(), 0
        with suppress(ConnectionError):
            while True:
                frame = sine(self._hz, FRAME, first=first) if self._hz else SILENCE
                writer.write(struct.pack(">BH", AUDIO, len(frame)) + frame)
                first += FRAME
                due = max(due + FRAME / RATE, clock() - 0.1)
                await asyncio.sleep(max(0.0, due - clock()))


class AudioServer:
    """`async with AudioServer() as server:`; its address is given to Asterisk, its `expect` tells it of a call."""

    def __init__(self) -> None:
        self._waiting: dict[str, Audio] = {}
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> AudioServer:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def address(self) -> str:
        assert self._server
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    def expect(self, audio: Audio) -> None:
        self._waiting[audio.id] = audio

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            kind, length = struct.unpack(">BH", await reader.readexactly(3))
            name = str(uuid.UUID(bytes=await reader.readexactly(length)))
            if kind == NAME and name in self._waiting:
                await self._waiting.pop(name).serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, ValueError, asyncio.CancelledError):
            pass  # whoever waits for this call has a deadline
        finally:
            self._tasks.discard(task)
            writer.close()
