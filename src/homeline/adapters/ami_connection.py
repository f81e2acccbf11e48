"""One connection to Asterisk's manager, from its greeting to its end. Used once: `ami.Ami` makes the next."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping, Sequence

from homeline.errors import ConnectionLost, ProtocolError
from homeline.protocol import ami
from homeline.protocol.ami import Message

UNREAD_LIMIT = 64 * 1024  # octets that Asterisk may leave unread before the connection is given up
LIST_LIMIT = 10_000  # messages in the answer to one action

log = logging.getLogger("homeline.ami")

Fields = Mapping[str, str | Sequence[str]]


class _Pending:
    """An action without its whole answer yet."""

    __slots__ = ("future", "items", "reply", "wants_list")

    def __init__(self, wants_list: bool) -> None:
        self.wants_list = wants_list
        self.reply: Message | None = None
        self.items: list[Message] = []
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Connection(asyncio.Protocol):
    """Actions out, answers matched by ActionID, all other events to `on_event`.

    ActionIDs begin with 64 random bits: what a stranger injects into an event cannot answer an action (`protocol.ami`).
    Asterisk writes a list in one go, so an event between its items was written by a stranger into one of them.
    """

    def __init__(self, on_event: Callable[[Message], None]) -> None:
        loop = asyncio.get_running_loop()
        self.greeted: asyncio.Future[str] = loop.create_future()  # "" is lost before
        self.booted: asyncio.Future[Message | None] = loop.create_future()  # FullyBooted; None is lost before
        self.lost: asyncio.Future[None] = loop.create_future()
        self.reason = "Asterisk closed the connection"
        self.heard = 0.0  # the loop's time of the last octets
        self._on_event = on_event
        self._loop = loop
        self._parser = ami.Parser()
        self._pending: dict[str, _Pending] = {}
        self._listed: _Pending | None = None  # whose list has begun and not ended
        self._prefix = os.urandom(8).hex()
        self._count = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.heard = self._loop.time()

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None:
            self.reason = f"the connection to Asterisk broke: {error}"
        # In this order: who waits for an answer must find the connection marked as lost when it wakes.
        if not self.lost.done():
            self.lost.set_result(None)
        if not self.greeted.done():
            self.greeted.set_result("")
        if not self.booted.done():
            self.booted.set_result(None)
        for pending in self._pending.values():
            if not pending.future.done():
                pending.future.set_exception(ConnectionLost(self.reason))

    def abort(self, reason: str) -> None:
        """End the connection at once; what waits fails with ConnectionLost."""
        if not self.lost.done():
            self.reason = reason
        if self._transport is not None:
            self._transport.abort()

    async def request(self, action: str, fields: Fields, wants_list: bool = False) -> tuple[Message, list[Message]]:
        """Send an action and wait for its response, or for the end of its list where there is one.

        The caller sets the deadline. Raises ConnectionLost, EncodeError, ProtocolError.
        """
        self._count += 1
        action_id = f"{self._prefix}-{self._count}"
        wire = ami.encode(action, fields, action_id)
        pending = self._pending[action_id] = _Pending(wants_list)
        try:
            self._send(wire)
            await pending.future
        finally:
            del self._pending[action_id]
            if self._listed is pending:
                self._listed = None
        assert pending.reply is not None
        if pending.reply.cut or any(item.cut for item in pending.items):
            raise ProtocolError(f"{action}: Asterisk's answer is too long")
        return pending.reply, pending.items

    def _send(self, wire: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            raise ConnectionLost(self.reason)
        if self._transport.get_write_buffer_size() > UNREAD_LIMIT:
            self.abort("Asterisk does not read what it is asked")
            raise ConnectionLost(self.reason)
        self._transport.write(wire)

    def data_received(self, data: bytes) -> None:
        self.heard = self._loop.time()
        for message in self._parser.feed(data):
            self._received(message)
        if self._parser.greeting and not self.greeted.done():
            self.greeted.set_result(self._parser.greeting)
        elif self._parser.greeting == "":
            self.abort("what listens there is not Asterisk's manager")

    def _received(self, message: Message) -> None:
        pending = self._pending.get(message.action_id)
        if message.response and pending is not None:
            self._replied(pending, message)
        elif message.event and not (pending and self._collected(pending, message)) and self._listed is None:
            if message.event == "FullyBooted" and not self.booted.done():
                self.booted.set_result(message)
            self._on_event(message)

    def _replied(self, pending: _Pending, message: Message) -> None:
        if pending.reply is not None or pending.future.done():
            return
        pending.reply = message
        if pending.wants_list and message.get("EventList").lower() == "start":
            self._listed = pending
        else:
            pending.future.set_result(None)

    def _collected(self, pending: _Pending, message: Message) -> bool:
        """Whether the event is part of the list that is waited for."""
        if pending.reply is None or not pending.wants_list or pending.future.done():
            return False
        if message.get("EventList").lower() in ("complete", "cancelled"):
            self._listed = None
            pending.future.set_result(None)
        elif len(pending.items) >= LIST_LIMIT:
            pending.future.set_exception(ProtocolError(f"Asterisk's list has more than {LIST_LIMIT} items"))
        else:
            pending.items.append(message)
        return True
