"""ubus for asyncio: call, publish, events, notifications, over one connection to ubusd that comes back by itself.

`Bus` holds what is wanted (objects, listeners, subscriptions) and keeps making connections. After each connect
everything wanted is put in place again, in the order in which it was asked for. What ubusd refuses (an ACL file that
is not there yet, a name that another program holds) is said in `Bus.problems` and tried again every `RETRY` seconds.
A call that is under way when the connection breaks fails with ConnectionLost: whether the other side has carried it
out is then unknown, so it is never repeated here.

A handler runs as a task of its own and answers whenever it is done; nothing else on the bus waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

from homeline.adapters.bus_connection import Connection, Item
from homeline.adapters.bus_items import Callback, Listener, Published, Subscription
from homeline.adapters.bus_method import Method, Request
from homeline.errors import BusError, ConnectionLost, HomelineError, TimedOut
from homeline.protocol import blobmsg, ubus
from homeline.protocol.blobmsg import Table
from homeline.protocol.ubus import Attributes, Status

__all__ = ["Bus", "Method", "Request"]

FIRST_DELAY, LAST_DELAY = 0.1, 1.0  # s between attempts to connect; the last keeps "back within 2 s of ubusd's return"
HELLO_DEADLINE = 5.0  # s for ubusd's first words
SETUP_DEADLINE = 5.0  # s for each thing to be put in place
RETRY = 2.0  # s between attempts at what ubusd refused

log = logging.getLogger("homeline.bus")


class Bus:
    """A client of ubusd. `async with Bus(path) as bus:`, or `start()` and `close()`.

    `publish`, `listen` and `subscribe` may be used before and after the start; they hold until the end.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._items: list[Item] = []
        self._published: dict[str, Published] = {}
        self._subscriptions: list[Subscription] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._problems: dict[str, str] = {}
        self._connection: Connection | None = None
        self._runner: asyncio.Task[None] | None = None
        self._kick = asyncio.Event()
        self._ready = asyncio.Event()

    async def __aenter__(self) -> Bus:
        self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def start(self) -> None:
        """Begin to connect, and go on until `close`."""
        self._runner = asyncio.get_running_loop().create_task(self._stay_connected())

    async def close(self) -> None:
        """Leave the bus. Handlers that still run are cancelled."""
        connection, tasks = self._connection, [*self._tasks]
        if self._runner is not None:
            tasks.append(self._runner)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if connection is not None:
            await connection.close()

    @property
    def connected(self) -> bool:
        return self._connection is not None

    @property
    def problems(self) -> tuple[str, ...]:
        """What is missing now, in words, with what would help."""
        return tuple(self._problems.values())

    async def wait_ready(self, timeout: float) -> None:
        """Wait until connected with everything wanted in place. Raises TimedOut, which says what is missing."""
        try:
            async with asyncio.timeout(timeout):
                await self._ready.wait()
        except TimeoutError:
            raise TimedOut("; ".join(self.problems) or f"no bus within {timeout:g} s") from None

    def publish(self, name: str, methods: dict[str, Method]) -> None:
        """Offer an object."""
        self._published[name] = Published(name, methods, self._tasks)
        self._want(self._published[name])

    def listen(self, pattern: str, callback: Callback) -> None:
        """Have `callback(name, data)` called for events of others whose name matches; a last `*` matches any rest."""
        self._want(Listener(pattern, callback))

    def subscribe(self, name: str, callback: Callback) -> None:
        """Have `callback(type, data)` called for notifications of another program's object, whenever it is there."""
        if not self._subscriptions:
            self.listen("ubus.object.add", self._appeared)
        self._subscriptions.append(Subscription(name, callback))
        self._want(self._subscriptions[-1])

    async def call(self, name: str, method: str, args: Table | None = None, timeout: float = 10.0) -> Table:
        """Call a method of another program's object; {} when it replies without data. `timeout` in seconds.

        Raises BusError with the status that came back, TimedOut, ConnectionLost, EncodeError for arguments that blobmsg
        cannot hold, and DecodeError for a reply that cannot be read.
        """
        table = blobmsg.encode(args or {})
        try:
            async with asyncio.timeout(timeout):
                status, data = await self._invoke(self._connected(), name, method, table)
        except TimeoutError:
            raise TimedOut(f"{name} {method}: no answer within {timeout:g} s") from None
        if status.status:
            raise BusError(f"{name} {method}: {ubus.status_text(status.status)}", status.status)
        return blobmsg.decode(data.data or b"") if data is not None else {}

    async def send_event(self, name: str, data: Table, timeout: float = 10.0) -> None:
        """Send an event to all who listen, this client excepted. Raises as `call` does."""
        table = ubus.send_event(name, data)
        try:
            async with asyncio.timeout(timeout):
                status, _ = await self._connected().invoke(ubus.EVENT_OBJECT, "send", table)
        except TimeoutError:
            raise TimedOut(f"event {name}: ubusd has not answered within {timeout:g} s") from None
        if status.status:
            raise BusError(f"event {name}: {ubus.status_text(status.status)}", status.status)

    def has_subscribers(self, name: str) -> bool:
        """Whether anybody has subscribed to our object of that name."""
        published = self._published[name]
        return published.has_subscribers and self._connection is not None and published in self._connection.placed

    async def notify(self, name: str, type_name: str, data: Table) -> None:
        """Notify those who subscribed to our object; nothing is sent when there are none. Raises ConnectionLost."""
        if self.has_subscribers(name):
            obj, table = self._published[name].id, blobmsg.encode(data)
            await self._connected().send(ubus.notify(0, obj, type_name, table, no_reply=True))

    def _connected(self) -> Connection:
        if self._connection is None:
            raise ConnectionLost("; ".join(self.problems) or "not connected to ubusd")
        return self._connection

    async def _invoke(
        self, connection: Connection, name: str, method: str, table: bytes
    ) -> tuple[Attributes, Attributes | None]:
        known = connection.ids.get(name)
        if known is not None:
            status, data = await connection.invoke(known, method, table)
            if status.status != Status.NOT_FOUND or status.object is not None:
                return status, data
            # ubusd itself does not know that id any more: the object's program was started anew, and has got nothing.
        found = await connection.find(name)
        if found is None:
            connection.ids.pop(name, None)
            raise BusError(f"no object '{name}' on the bus, or no right to call it", Status.NOT_FOUND)
        connection.ids[name] = found
        return await connection.invoke(found, method, table)

    def _want(self, item: Item) -> None:
        self._items.append(item)
        self._ready.clear()
        self._kick.set()

    def _appeared(self, _: str, data: Table) -> None:
        for subscription in self._subscriptions:
            if data.get("path") == subscription.name and self._connection is not None:
                self._connection.placed.discard(subscription)
                self._kick.set()

    async def _stay_connected(self) -> None:
        delay = FIRST_DELAY
        while True:
            started = asyncio.get_running_loop().time()
            connection = Connection()
            try:
                await self._open(connection)
                await self._keep(connection)
                self._say("connection", connection.reason)
            except (OSError, ConnectionLost) as error:
                self._say("connection", _connect_words(self.path, error))
            except Exception as error:  # a defect must not take us off the bus for good
                log.exception("The connection to ubusd failed by a defect")
                self._say("connection", f"the connection failed by a defect: {type(error).__name__}")
            finally:
                self._connection = None
                self._ready.clear()
                connection.abort(connection.reason)
            # One that lasted is a restart of ubusd; one that ended at once must not turn this into a busy loop.
            lasted = asyncio.get_running_loop().time() - started > 5
            delay = FIRST_DELAY if lasted else min(delay * 2, LAST_DELAY)
            await asyncio.sleep(delay)

    async def _open(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(HELLO_DEADLINE):
            await loop.create_unix_connection(lambda: connection, str(self.path))
            if await connection.hello is None:
                raise ConnectionLost(connection.reason)
        self._connection = connection
        self._solved("connection")

    async def _keep(self, connection: Connection) -> None:
        """Put everything wanted in place, again and again as it changes, until the connection is lost."""
        connection.lost.add_done_callback(lambda _: self._lost())
        while not connection.lost.done():
            self._kick.clear()
            complete = True
            for item in [item for item in self._items if item not in connection.placed]:
                complete &= await self._place(connection, item)
            if complete and not self._kick.is_set():
                self._ready.set()
            try:
                async with asyncio.timeout(None if complete else RETRY):
                    await self._kick.wait()
            except TimeoutError:
                continue

    def _lost(self) -> None:
        self._connection = None
        self._ready.clear()
        self._kick.set()

    async def _place(self, connection: Connection, item: Item) -> bool:
        connection.placed.add(item)  # before the wait: `_appeared` may take it out again meanwhile
        try:
            async with asyncio.timeout(SETUP_DEADLINE):
                await item.place(connection)
        except (HomelineError, TimeoutError) as error:
            connection.placed.discard(item)
            if not isinstance(error, ConnectionLost):
                self._say(item.key, str(error) or f"{item.key}: ubusd has not answered within {SETUP_DEADLINE:g} s")
            return False
        self._solved(item.key)
        return True

    def _say(self, key: str, words: str) -> None:
        """Log a problem once, however often it is met."""
        if self._problems.get(key) != words:
            log.warning("%s", words)
        self._problems[key] = words

    def _solved(self, key: str) -> None:
        if self._problems.pop(key, None) is not None:
            log.info("%s: as it should be again", key)


def _connect_words(path: Path, error: Exception) -> str:
    """Why there is no connection, and what would help."""
    if isinstance(error, FileNotFoundError):
        return f"{path} does not exist: ubusd is not running"
    if isinstance(error, PermissionError):
        return f"{path}: uid {os.geteuid()} may not open it; its mode should be 0666 and the folders above searchable"
    if isinstance(error, ConnectionRefusedError):
        return f"{path}: nobody listens there; ubusd has stopped"
    if isinstance(error, TimeoutError):
        return f"{path}: ubusd accepts the connection and says nothing"
    return f"{path}: {error}"
