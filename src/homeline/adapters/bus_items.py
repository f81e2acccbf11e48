"""What can be wanted on ubus: objects of ours, events, notifications. Each is put in place on every new connection."""

from __future__ import annotations

import asyncio
import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Callable

from homeline.adapters.bus_connection import Connection
from homeline.adapters.bus_method import Method, answer
from homeline.errors import BusError, ConnectionLost, DecodeError
from homeline.protocol import blobmsg, ubus
from homeline.protocol.blobmsg import Table
from homeline.protocol.ubus import Attributes, Frame, Kind, Status
from homeline.protocol.ubus_arguments import signature

RUNNING_LIMIT = 2000  # handlers under way at once; a caller above it is told NO_MEMORY

log = logging.getLogger("homeline.bus")

Callback = Callable[[str, Table], None]


class Published:
    """An object of ours with its methods."""

    def __init__(self, name: str, methods: dict[str, Method], tasks: set[asyncio.Task[None]]) -> None:
        self.key, self.name, self.methods = f"object {name}", name, methods
        self.id = 0
        self.has_subscribers = False
        self._tasks = tasks
        self._types = signature({name: method.params for name, method in methods.items()})

    async def place(self, connection: Connection) -> None:
        self.has_subscribers = False
        status, self.id = await connection.add_object(self, self.name, self._types)
        if status:
            raise BusError(
                f"ubusd refuses the object '{self.name}' ({ubus.status_text(status)}): another program has published"
                f" it, or no file in /usr/share/acl.d lets uid {os.geteuid()} publish it",
                status,
            )

    def received(self, connection: Connection, frame: Frame, call: Attributes) -> None:
        if frame.kind == Kind.NOTIFY:
            self.has_subscribers = bool(call.active)
        elif frame.kind == Kind.INVOKE and call.object is not None:
            self._invoked(connection, call.object, frame, call)

    def _invoked(self, connection: Connection, obj: int, frame: Frame, call: Attributes) -> None:
        method = self.methods.get(call.method or "")
        if method is None or len(self._tasks) >= RUNNING_LIMIT:
            status = Status.METHOD_NOT_FOUND if method is None else Status.NO_MEMORY
            connection.send_now(ubus.status(frame.seq, frame.peer, status, obj))
            return
        task = asyncio.get_running_loop().create_task(self._serve(connection, method, obj, frame, call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, connection: Connection, method: Method, obj: int, frame: Frame, call: Attributes) -> None:
        wire = await answer(self.name, method, obj, frame, call)
        try:
            await connection.send(wire)
        except ConnectionLost:
            log.info("%s %s: nobody is left to answer", self.name, call.method)


class _Callback(ABC):
    """A listener or subscription: an object without a name, whose calls go to a callback."""

    def __init__(self, key: str, callback: Callback) -> None:
        self.key, self._callback = key, callback
        self.id = 0

    @abstractmethod
    async def place(self, connection: Connection) -> None:
        """Have ubusd send what the callback is for."""

    async def has_object(self, connection: Connection) -> None:
        if connection.objects.get(self.id) is not self:
            status, self.id = await connection.add_object(self)
            if status:
                raise BusError(f"{self.key}: ubusd makes no object for it ({ubus.status_text(status)})", status)

    def received(self, connection: Connection, frame: Frame, call: Attributes) -> None:
        if frame.kind != Kind.INVOKE or call.method is None:
            return
        try:
            self._callback(call.method, blobmsg.decode(call.data or b""))
        except DecodeError as error:
            log.warning("%s: '%s' cannot be read: %s", self.key, call.method, error)
        except Exception:
            log.exception("%s: '%s' failed", self.key, call.method)
        if not call.no_reply:
            connection.send_now(ubus.status(frame.seq, frame.peer, Status.OK, self.id))


class Listener(_Callback):
    """Events whose names match a pattern."""

    def __init__(self, pattern: str, callback: Callback) -> None:
        super().__init__(f"events {pattern}", callback)
        self.pattern = pattern

    async def place(self, connection: Connection) -> None:
        await self.has_object(connection)
        status, _ = await connection.invoke(ubus.EVENT_OBJECT, "register", ubus.register_event(self.id, self.pattern))
        if status.status:
            words = f"{ubus.status_text(status.status)}; uid {os.geteuid()} needs 'listen' in /usr/share/acl.d"
            raise BusError(f"ubusd sends no events '{self.pattern}': {words}", status.status)


class Subscription(_Callback):
    """Notifications of another program's object, which may come and go."""

    def __init__(self, name: str, callback: Callback) -> None:
        super().__init__(f"notifications of {name}", callback)
        self.name = name
        self._target: int | None = None

    async def place(self, connection: Connection) -> None:
        """Subscribe if the object is there; if not, its `ubus.object.add` brings us here again."""
        await self.has_object(connection)
        target = await connection.find(self.name)
        if target is None or target == self._target:
            return
        status, _ = await connection.request(lambda seq: ubus.subscribe(seq, self.id, target))
        if status.status:
            words = f"{ubus.status_text(status.status)}; uid {os.geteuid()} needs 'subscribe' in /usr/share/acl.d"
            raise BusError(f"ubusd refuses notifications of '{self.name}': {words}", status.status)
        self._target = target

    async def has_object(self, connection: Connection) -> None:
        if connection.objects.get(self.id) is not self:
            self._target = None
        await super().has_object(connection)

    def received(self, connection: Connection, frame: Frame, call: Attributes) -> None:
        if frame.kind == Kind.UNSUBSCRIBE and call.target == self._target:
            self._target = None
        super().received(connection, frame, call)
