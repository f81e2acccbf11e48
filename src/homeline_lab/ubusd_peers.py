"""What the test bus keeps: its clients' connections, and the objects on it."""

from __future__ import annotations

import asyncio
import grp
import logging
import pwd
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from homeline.adapters.bus_method import Method
from homeline.errors import DecodeError
from homeline.protocol import ubus
from homeline.protocol.ubus import Frame

log = logging.getLogger(__name__)

QUEUE_LIMIT = 1 << 20  # octets a client may leave unread before what comes on top is dropped (UBUS_CLIENT_MAX_TXQ_LEN)


@dataclass(eq=False, slots=True)
class ObjectType:
    """A signature that objects share."""

    id: int
    signature: bytes
    users: int = 0


@dataclass(eq=False, slots=True)
class BusObject:
    """An object of a client's, or of this process (`client` is None)."""

    id: int
    client: Peer | None
    name: str | None = None
    type: ObjectType | None = None
    methods: dict[str, Method] = field(default_factory=dict)
    subscribers: list[BusObject] = field(default_factory=list)  # the newest first, as in ubusd
    targets: list[BusObject] = field(default_factory=list)
    patterns: list[str] = field(default_factory=list)
    sequence: int = 0


class Server(Protocol):
    """Who carries out what clients send."""

    def connected(self, peer: Peer) -> None: ...

    def received(self, peer: Peer, frame: Frame) -> None: ...

    def disconnected(self, peer: Peer) -> None: ...


class Peer(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, bus: Server) -> None:
        self.id = 0
        self.uid = self.gid = -1
        self.user = self.group = ""
        self.objects: list[BusObject] = []  # the newest first
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._bus = bus
        self._framer = ubus.Framer()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        peer: socket.socket = transport.get_extra_info("socket")
        _, self.uid, self.gid = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        with suppress(KeyError):  # a uid without a name: ubusd would refuse it, a container may have it
            self.user = pwd.getpwuid(self.uid).pw_name
            self.group = grp.getgrgid(self.gid).gr_name
        self._bus.connected(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._bus.disconnected(self)
        self.ended.set_result(None)

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._framer.feed(data):
                self._bus.received(self, frame)
        except DecodeError as error:
            log.warning("client %08x: %s", self.id, error)
            self.close()

    def write(self, wire: bytes) -> None:
        """Send, or drop where the client reads too slowly: ubusd keeps no more than `QUEUE_LIMIT` for anybody."""
        if self._transport is None or self._transport.is_closing():
            return
        queued = self._transport.get_write_buffer_size()
        if queued and queued + len(wire) > QUEUE_LIMIT:
            log.warning("client %08x has %d octets unread: a message is dropped", self.id, queued)
            return
        self._transport.write(wire)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()
