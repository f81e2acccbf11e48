"""One connection to ubusd, from its hello to its end. Used once: `bus.Bus` makes the next."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from homeline.errors import BusError, ConnectionLost, DecodeError
from homeline.protocol import ubus
from homeline.protocol.ubus import Attributes, Frame, Kind, Status

SEND_DEADLINE = 10.0  # s that ubusd may leave our socket unread before the connection is given up

log = logging.getLogger("homeline.bus")


class Item(Protocol):
    """Something wanted on the bus, which has an object there while it is in place."""

    key: str  # names it in `Bus.problems`

    async def place(self, connection: Connection) -> None: ...

    def received(self, connection: Connection, frame: Frame, call: Attributes) -> None: ...


class _Waiting:
    """A request without its answer yet."""

    __slots__ = ("data", "future", "on_data", "peer")

    def __init__(self, peer: int, on_data: Callable[[Attributes], None] | None) -> None:
        self.peer, self.on_data = peer, on_data
        self.data: Attributes | None = None
        self.future: asyncio.Future[Attributes | None] = asyncio.get_running_loop().create_future()


class Connection(asyncio.Protocol):
    """One connection to ubusd from hello to its end: requests out, answers matched, the rest to the objects' items."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.hello: asyncio.Future[int | None] = loop.create_future()
        self.lost: asyncio.Future[None] = loop.create_future()
        self.reason = "ubusd closed the connection"
        self.objects: dict[int, Item] = {}
        self.ids: dict[str, int] = {}  # of others' objects that were called
        self.placed: set[Item] = set()
        self._framer = ubus.Framer()
        self._waiting: dict[int, _Waiting] = {}
        self._seq = 0
        self._writable = asyncio.Event()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._writable.set()

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None:
            self.reason = f"the connection to ubusd broke: {error}"
        self._writable.set()
        # In this order: who waits for a reply must find the bus marked as lost when it wakes.
        for future in (self.lost, self.hello):
            if not future.done():
                future.set_result(None)
        for waiting in self._waiting.values():
            if not waiting.future.done():
                waiting.future.set_result(None)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def abort(self, reason: str) -> None:
        self.reason = reason
        if self._transport is not None:
            self._transport.abort()

    async def close(self) -> None:
        """Send what is buffered, if ubusd takes it within a second, and end."""
        self.reason = "closed"
        if self._transport is not None:
            self._transport.close()
            await asyncio.wait([self.lost], timeout=1)
            self._transport.abort()

    async def send(self, wire: bytes) -> None:
        """Write a message when ubusd has read enough of those before. Raises ConnectionLost."""
        try:
            async with asyncio.timeout(None if self._writable.is_set() else SEND_DEADLINE):
                while not self._writable.is_set():  # another that waited may have filled the buffer again
                    await self._writable.wait()
        except TimeoutError:
            self.abort(f"ubusd has read nothing for {SEND_DEADLINE:g} s")
        if not self.send_now(wire):
            raise ConnectionLost(self.reason)

    def send_now(self, wire: bytes) -> bool:
        """Write a message if that needs no waiting; False when it does, or the connection is gone."""
        if self._transport is None or self._transport.is_closing() or not self._writable.is_set():
            return False
        self._transport.write(wire)
        return True

    async def request(
        self, build: Callable[[int], bytes], peer: int = 0, on_data: Callable[[Attributes], None] | None = None
    ) -> tuple[Attributes, Attributes | None]:
        """Send what `build` makes of a sequence number, and wait: (final status, last data).

        The caller sets the deadline. `on_data` runs before anything that ubusd sent after the data is looked at.
        Raises ConnectionLost.
        """
        seq = self._next_sequence()
        wire = build(seq)
        waiting = self._waiting[seq] = _Waiting(peer, on_data)
        try:
            await self.send(wire)
            status = await waiting.future
        finally:
            del self._waiting[seq]
        if status is None:
            raise ConnectionLost(self.reason)
        return status, waiting.data

    def _next_sequence(self) -> int:
        if len(self._waiting) >= 0xFFFF:
            raise BusError("65535 calls are under way", Status.NO_MEMORY)
        while True:
            self._seq = self._seq + 1 & 0xFFFF
            if self._seq not in self._waiting:
                return self._seq

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._framer.feed(data):
                self._received(frame)
        except DecodeError as error:
            self.abort(f"ubusd sent what is not ubus: {error}")

    def _received(self, frame: Frame) -> None:
        try:
            found = ubus.parse(frame.body)
        except DecodeError as error:
            log.warning("a message of kind %d cannot be read: %s", frame.kind, error)
            return
        if frame.kind == Kind.HELLO and not self.hello.done():
            self.hello.set_result(frame.peer)
        elif frame.kind in (Kind.STATUS, Kind.DATA):
            self._replied(frame, found)
        elif frame.kind in (Kind.INVOKE, Kind.NOTIFY, Kind.UNSUBSCRIBE):
            self._delivered(frame, found)

    def _replied(self, frame: Frame, found: Attributes) -> None:
        waiting = self._waiting.get(frame.seq)
        if waiting is None or waiting.peer != frame.peer or waiting.future.done():
            return  # its caller has given up
        if frame.kind == Kind.STATUS:
            waiting.future.set_result(found)
            return
        waiting.data = found
        if waiting.on_data is not None:
            waiting.on_data(found)

    def _delivered(self, frame: Frame, found: Attributes) -> None:
        item = self.objects.get(found.object or 0)
        if item is not None and (found.method is not None or frame.kind != Kind.INVOKE):
            item.received(self, frame, found)
        elif frame.kind == Kind.INVOKE and found.object is not None:
            status = Status.NOT_FOUND if item is None else Status.INVALID_ARGUMENT
            self.send_now(ubus.status(frame.seq, frame.peer, status, found.object))

    async def add_object(self, item: Item, path: str | None = None, types: bytes | None = None) -> tuple[int, int]:
        """Have ubusd make an object for `item`: (status, id)."""
        status, data = await self.request(
            lambda seq: ubus.add_object(seq, path, types), on_data=lambda found: self._added(item, found)
        )
        return status.status or 0, data.object if data is not None and data.object is not None else 0

    def _added(self, item: Item, found: Attributes) -> None:
        if found.object is not None:
            self.objects[found.object] = item

    async def find(self, name: str) -> int | None:
        """The id of the object of that name now, or None."""
        status, data = await self.request(lambda seq: ubus.lookup(seq, name))
        return data.object if not status.status and data is not None else None

    async def invoke(self, obj: int, method: str, table: bytes) -> tuple[Attributes, Attributes | None]:
        return await self.request(lambda seq: ubus.invoke(seq, obj, method, table), peer=obj)
