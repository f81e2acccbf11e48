"""A bus for laptops and tests: a server that speaks ubusd's protocol, so that clients cannot tell it from the real one.

The `ubus` command, libubus and our own client work against it. What differs from ubusd: instead of ACL files there is
one hook (`permits`), file descriptors are not passed on, and objects may live in this process (`add_local`). These
survive `stop` and `start`, which is what a restart of the bus is to a client.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from homeline.adapters.bus_method import Method, answer
from homeline.errors import DecodeError
from homeline.protocol import blobmsg, ubus
from homeline.protocol.blobmsg import Table
from homeline.protocol.ubus import Attributes, Frame, Kind, Status
from homeline.protocol.ubus_arguments import signature
from homeline_lab.ubusd_peers import BusObject, ObjectType, Peer

log = logging.getLogger(__name__)

Permits = Callable[[Peer, str, str], bool]


def random_id() -> int:
    """As ubusd: 32 random bits, the first 1024 numbers left to its own objects."""
    return ubus.FIRST_OBJECT + secrets.randbelow((1 << 32) - ubus.FIRST_OBJECT)


class Ubusd:
    """The server. `async with Ubusd(path) as bus:`, or `start` and `stop` as often as wanted.

    `permits(peer, action, name)` says who may "publish", "access" (call, look up), "listen", "send" and "subscribe".
    `next_id` gives the ids of clients, types and objects, in the order in which ubusd draws them.
    """

    def __init__(
        self,
        path: Path,
        *,
        mode: int = 0o666,
        permits: Permits = lambda peer, action, name: True,
        next_id: Callable[[], int] = random_id,
    ) -> None:
        self.path = path
        self.permits = permits
        self.clients: dict[int, Peer] = {}
        self.objects: dict[int, BusObject] = {}
        self._mode, self._next_id = mode, next_id
        self._types: dict[int, ObjectType] = {}
        self._names: dict[str, BusObject] = {}
        self._local: dict[str, dict[str, Method]] = {}
        self._monitors: dict[Peer, int] = {}
        self._event_sequence = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Ubusd:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen on the socket, with nothing known of an earlier life but the local objects."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        self._server = await asyncio.get_running_loop().create_unix_server(lambda: Peer(self), str(self.path))
        self.path.chmod(self._mode)
        for name, methods in self._local.items():
            self._host(name, methods)

    async def stop(self) -> None:
        """Cut every connection, as the end of ubusd does, and remove the socket."""
        if self._server is not None:
            self._server.close()
        clients = list(self.clients.values())
        for client in clients:
            client.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *[client.ended for client in clients], return_exceptions=True)
        for table in (self.objects, self._types, self._names):
            table.clear()
        self.path.unlink(missing_ok=True)

    def add_local(self, name: str, methods: dict[str, Method]) -> None:
        """Offer an object of this process."""
        self._local[name] = methods
        if self._server is not None and self._server.is_serving():
            self._host(name, methods)

    def remove_local(self, name: str) -> None:
        """Take a local object off the bus."""
        del self._local[name]
        if name in self._names:
            self._free(self._names[name])

    def names(self) -> list[str]:
        """The objects that are on the bus."""
        return sorted(self._names)

    def send_event(self, name: str, data: Table) -> None:
        """Send an event as ubusd itself, to all who listen."""
        self._event(None, name, blobmsg.encode(data))

    def _host(self, name: str, methods: dict[str, Method]) -> None:
        types = self._new_type(signature({method: each.params for method, each in methods.items()}))
        self._add(BusObject(self._new_id(self.objects), None, name, types, methods))

    def _new_id(self, taken: dict[int, Peer] | dict[int, BusObject] | dict[int, ObjectType]) -> int:
        while (fresh := self._next_id()) in taken:
            pass
        return fresh

    def _new_type(self, types: bytes) -> ObjectType:
        made = ObjectType(self._new_id(self._types), types)
        self._types[made.id] = made
        return made

    # --- connections --------------------------------------------------------------------------------------------------

    def connected(self, peer: Peer) -> None:
        peer.id = self._new_id(self.clients)
        self.clients[peer.id] = peer
        self._send(peer, ubus.hello(peer.id))

    def disconnected(self, peer: Peer) -> None:
        del self.clients[peer.id]
        self._monitors.pop(peer, None)
        for obj in list(peer.objects):
            self._free(obj)

    def received(self, peer: Peer, frame: Frame) -> None:
        """Carry out one message of a client's."""
        self._copy(peer, frame, sent=False)
        try:
            found = ubus.parse(frame.body)
        except DecodeError as error:
            log.info("client %08x: %s", peer.id, error)
            found = Attributes()
        handle = _HANDLERS.get(frame.kind)
        status = Status.INVALID_COMMAND if handle is None else handle(self, peer, frame, found)
        if status is not None:
            self._send(peer, ubus.status(frame.seq, frame.peer, status))

    def _send(self, peer: Peer, wire: bytes) -> None:
        if self._monitors:
            for frame in ubus.Framer().feed(wire):
                self._copy(peer, frame, sent=True)
        peer.write(wire)

    def _copy(self, peer: Peer, frame: Frame, *, sent: bool) -> None:
        for monitor in self._monitors:
            self._monitors[monitor] += 1
            monitor.write(ubus.monitored(self._monitors[monitor], peer.id, frame, sent=sent))

    # --- objects ------------------------------------------------------------------------------------------------------

    def _add_object(self, peer: Peer, frame: Frame, found: Attributes) -> Status | None:
        types: ObjectType | None = None
        if found.type is not None:
            types = self._types.get(found.type)
        elif found.signature is not None:
            with suppress(DecodeError):
                blobmsg.decode(found.signature)
                types = self._new_type(found.signature)
        obj = BusObject(self._new_id(self.objects), peer, found.path, types)
        if found.path is not None and (found.path in self._names or not self.permits(peer, "publish", found.path)):
            return Status.INVALID_ARGUMENT
        self._add(obj)
        peer.objects.insert(0, obj)
        type_id = types.id if types is not None and found.signature is not None else None
        self._send(peer, ubus.added(frame.seq, obj.id, type_id))
        return Status.OK

    def _add(self, obj: BusObject) -> None:
        self.objects[obj.id] = obj
        if obj.type is not None:
            obj.type.users += 1
        if obj.name is not None:
            self._names[obj.name] = obj
            self._object_event(obj, "ubus.object.add")

    def _remove_object(self, peer: Peer, frame: Frame, found: Attributes) -> Status | None:
        if found.object is None:
            return Status.INVALID_ARGUMENT
        obj = self.objects.get(found.object)
        if obj is None:
            return Status.NOT_FOUND
        if obj.client is not peer:
            return Status.PERMISSION_DENIED
        last = obj.type is not None and obj.type.users == 1
        self._send(peer, ubus.added(frame.seq, obj.id, obj.type.id if obj.type is not None and last else None))
        self._free(obj)
        return Status.OK

    def _free(self, obj: BusObject) -> None:
        for target in list(obj.targets):
            self._unsubscribe(obj, target)
        for subscriber in list(obj.subscribers):
            subscriber.sequence += 1
            if subscriber.client is not None:
                self._send(subscriber.client, ubus.gone(subscriber.sequence, subscriber.id, obj.id))
            self._unsubscribe(subscriber, obj)
        obj.patterns.clear()
        if obj.name is not None:
            self._object_event(obj, "ubus.object.remove")
            del self._names[obj.name]
        if obj.client is not None:
            obj.client.objects.remove(obj)
        del self.objects[obj.id]
        if obj.type is not None:
            obj.type.users -= 1
            if not obj.type.users:
                del self._types[obj.type.id]

    def _lookup(self, peer: Peer, frame: Frame, found: Attributes) -> Status | None:
        if found.path == "":
            return Status.INVALID_ARGUMENT
        pattern = "*" if found.path is None else found.path
        names = [name for name in sorted(self._names, key=str.encode) if _matches(name, pattern)]
        if not names and found.path is not None:
            return Status.NOT_FOUND
        for name in names:
            obj = self._names[name]
            if obj.type is not None and self.permits(peer, "access", name):
                self._send(peer, ubus.found(frame.seq, name, obj.id, obj.type.id, obj.type.signature))
        return Status.OK

    # --- calls --------------------------------------------------------------------------------------------------------

    def _invoke(self, peer: Peer, frame: Frame, found: Attributes) -> Status | None:
        if found.method is None or found.object is None:
            return Status.INVALID_ARGUMENT
        own = _SYSTEM.get(found.object)
        if own is not None:
            return own(self, peer, frame, found)
        obj = self.objects.get(found.object)
        if obj is None:
            return Status.NOT_FOUND
        if obj.name is not None and not self.permits(peer, "access", obj.name):
            return Status.PERMISSION_DENIED
        found.user, found.group = peer.user, peer.group
        if obj.client is None:
            self._answer(peer, obj, frame._replace(peer=obj.id), found)
        else:
            self._send(obj.client, ubus.forward(frame.seq, peer.id, found, obj.id))
        return None

    def _answer(self, peer: Peer, obj: BusObject, frame: Frame, call: Attributes) -> None:
        method = obj.methods.get(call.method or "")
        if method is None:
            self._send(peer, ubus.status(frame.seq, frame.peer, Status.METHOD_NOT_FOUND, obj.id))
            return

        async def run() -> None:
            self._send(peer, await answer(obj.name or "", method, obj.id, frame, call))

        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _response(self, peer: Peer, frame: Frame, found: Attributes) -> Status | None:
        missing = found.status is None if frame.kind == Kind.STATUS else found.data is None
        obj = self.objects.get(found.object or 0)
        caller = self.clients.get(frame.peer)
        if not missing and obj is not None and obj.client is peer and caller is not None:
            self._send(caller, ubus.message(frame.kind, frame.seq, obj.id, frame.body))
        return None

    def _ping(self, peer: Peer, frame: Frame, found: Attributes) -> Status | None:
        self._send(peer, ubus.message(Kind.DATA, frame.seq, frame.peer, frame.body))
        return Status.OK

    # --- subscriptions ------------------------------------------------------------------------------------------------

    def _subscribe(self, peer: Peer, frame: Frame, found: Attributes) -> Status | None:
        obj, status = self._subscriber(peer, found)
        if obj is None or found.target is None:
            return status
        target = self.objects.get(found.target)
        if target is None or target.client is None:
            return Status.NOT_FOUND
        if target.client is peer:
            return Status.INVALID_ARGUMENT
        if target.name is not None and not self.permits(peer, "subscribe", target.name):
            return Status.NOT_FOUND
        target.subscribers.insert(0, obj)
        obj.targets.insert(0, target)
        if len(target.subscribers) == 1:
            self._tell_active(target)
        return Status.OK

    def _remove_subscription(self, peer: Peer, frame: Frame, found: Attributes) -> Status | None:
        obj, status = self._subscriber(peer, found)
        if obj is None:
            return status
        for target in obj.targets:
            if target.id == found.target:
                self._unsubscribe(obj, target)
                return Status.OK
        return Status.NOT_FOUND

    def _subscriber(self, peer: Peer, found: Attributes) -> tuple[BusObject | None, Status]:
        if found.object is None or found.target is None:
            return None, Status.INVALID_ARGUMENT
        obj = self.objects.get(found.object)
        if obj is None:
            return None, Status.NOT_FOUND
        return (obj, Status.OK) if obj.client is peer else (None, Status.INVALID_ARGUMENT)

    def _unsubscribe(self, obj: BusObject, target: BusObject) -> None:
        obj.targets.remove(target)
        target.subscribers.remove(obj)
        if not target.subscribers:
            self._tell_active(target)

    def _tell_active(self, obj: BusObject) -> None:
        obj.sequence += 1
        if obj.client is not None:
            self._send(obj.client, ubus.active(obj.sequence, obj.id, bool(obj.subscribers)))

    def _notify(self, peer: Peer, frame: Frame, found: Attributes) -> Status | None:
        if found.method is None or found.object is None:
            return Status.INVALID_ARGUMENT
        obj = self.objects.get(found.object)
        if obj is None:
            return Status.NOT_FOUND
        if obj.client is not peer:
            return Status.PERMISSION_DENIED
        if not found.no_reply:
            self._send(peer, ubus.notified(frame.seq, obj.id, [each.id for each in obj.subscribers]))
        found.user, found.group = peer.user, peer.group
        for subscriber in obj.subscribers:
            if subscriber.client is not None:
                wire = ubus.forward(frame.seq, peer.id, found, subscriber.id, no_reply=bool(found.no_reply))
                self._send(subscriber.client, wire)
        return None

    # --- ubusd's own objects ------------------------------------------------------------------------------------------

    def _event_object(self, peer: Peer, frame: Frame, found: Attributes) -> Status | None:
        try:
            args = blobmsg.decode(found.data or b"")
        except DecodeError:
            return Status.INVALID_ARGUMENT
        if found.method == "register":
            return self._register(peer, args)
        if found.method == "send":
            return self._forward_event(peer, args)
        return Status.INVALID_COMMAND

    def _register(self, peer: Peer, args: Table) -> Status:
        obj_id, pattern = args.get("object"), args.get("pattern")
        if not isinstance(obj_id, int) or not isinstance(pattern, str):
            return Status.INVALID_ARGUMENT
        obj = self.objects.get(obj_id & 0xFFFFFFFF)
        if obj is None:
            return Status.NOT_FOUND
        if obj.client is not peer or not pattern or not self.permits(peer, "listen", pattern.removesuffix("*")):
            return Status.PERMISSION_DENIED
        obj.patterns.append(pattern)
        return Status.OK

    def _forward_event(self, peer: Peer, args: Table) -> Status:
        name, data = args.get("id"), args.get("data")
        if not isinstance(name, str) or not isinstance(data, dict):
            return Status.INVALID_ARGUMENT
        if name.startswith("ubus.") or not self.permits(peer, "send", name):
            return Status.PERMISSION_DENIED
        self._event(peer, name, blobmsg.encode(data))
        return Status.OK

    def _object_event(self, obj: BusObject, name: str) -> None:
        self._event(None, name, blobmsg.encode({"id": ubus.signed(obj.id), "path": obj.name}))

    def _event(self, sender: Peer | None, name: str, table: bytes) -> None:
        listening = [
            (pattern, obj)
            for obj in self.objects.values()
            for pattern in obj.patterns
            if _matches(name, pattern) and obj.client is not sender
        ]
        for obj in dict.fromkeys(obj for _, obj in sorted(listening, key=lambda entry: entry[0].encode())):
            self._event_sequence += 1
            if obj.client is not None:
                self._send(obj.client, ubus.event(self._event_sequence, obj.id, name, table))

    def _acl_object(self, peer: Peer, frame: Frame, found: Attributes) -> Status | None:
        if found.method != "query":
            return Status.INVALID_COMMAND
        table = blobmsg.encode({"seq": 0, "acl": []})
        self._send(peer, ubus.data(frame.seq, frame.peer, ubus.ACL_OBJECT, table))
        return Status.OK

    def _monitor_object(self, peer: Peer, frame: Frame, found: Attributes) -> Status | None:
        if peer.uid or peer.gid:
            return Status.PERMISSION_DENIED
        if found.method not in ("add", "remove"):
            return Status.METHOD_NOT_FOUND
        self._monitors.pop(peer, None)
        if found.method == "add":
            self._monitors[peer] = 0
        return Status.OK


def _matches(name: str, pattern: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


_Handle = Callable[[Ubusd, Peer, Frame, Attributes], Status | None]

_HANDLERS: dict[int, _Handle] = {
    Kind.PING: Ubusd._ping,
    Kind.ADD_OBJECT: Ubusd._add_object,
    Kind.REMOVE_OBJECT: Ubusd._remove_object,
    Kind.LOOKUP: Ubusd._lookup,
    Kind.INVOKE: Ubusd._invoke,
    Kind.STATUS: Ubusd._response,
    Kind.DATA: Ubusd._response,
    Kind.SUBSCRIBE: Ubusd._subscribe,
    Kind.UNSUBSCRIBE: Ubusd._remove_subscription,
    Kind.NOTIFY: Ubusd._notify,
}

_SYSTEM: dict[int, _Handle] = {
    ubus.EVENT_OBJECT: Ubusd._event_object,
    ubus.ACL_OBJECT: Ubusd._acl_object,
    ubus.MONITOR_OBJECT: Ubusd._monitor_object,
}
