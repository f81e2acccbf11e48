"""The webhook's server: connections and their limits. What a request means is `endpoints`' business.

A client has `PATIENCE` for a whole request, however it drips. Where as many connections are open as may be, the one
that has kept us waiting for the longest gives way to the new one: silent clients cannot keep Twilio out.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from homeline.webhook.limits import Limits
from homeline.webhook.request import LONGEST_HEAD, Head, Refused, Reply, head

if TYPE_CHECKING:
    import ssl

log = logging.getLogger(__name__)

PATIENCE = 10.0  # seconds for a request, and for a client to take its reply
LINGERING = 2.0  # seconds in which what a refused client still sends is thrown away, so that it sees the reply
CONNECTIONS = 64
REQUESTS = 100  # in one connection
LOOPBACK = ("127.", "::1")

Answer = Callable[[Head, bytes], Awaitable[Reply]]


class Server:
    """Give it a listening socket. `answer` gets each request that is whole, and must not raise."""

    def __init__(self, answer: Answer, limits: Limits | None = None, patience: float = PATIENCE) -> None:
        self._answer, self._patience = answer, patience
        self._limits = limits or Limits()
        self._waiting: dict[asyncio.StreamWriter, None] = {}  # connections without a whole request, the oldest first
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._server: asyncio.Server | None = None
        self._refused = 0  # requests above the limits since the last line in the log

    async def listen(self, address: str, port: int, tls: ssl.SSLContext | None) -> int:
        """Begin; the port, where 0 was asked for. Raises OSError."""
        handshake = {"ssl_handshake_timeout": self._patience} if tls else {}
        self._server = await asyncio.start_server(
            self._serve, address, port, limit=LONGEST_HEAD, ssl=tls, backlog=CONNECTIONS, **handshake
        )
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    async def close(self) -> None:
        """Listen no more; requests under way have their time."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._waiting):
            writer.transport.abort()
        if self._open:
            await asyncio.wait(list(self._open), timeout=self._patience)
        for task in list(self._open):
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._open) >= CONNECTIONS and self._waiting:
            next(iter(self._waiting)).transport.abort()
        self._open[task] = writer
        try:
            if len(self._open) <= 2 * CONNECTIONS:
                await self._converse(reader, writer)
        except (OSError, EOFError, TimeoutError) as error:
            log.debug("A connection to the webhook ended: %s", type(error).__name__)
        finally:
            self._waiting.pop(writer, None)
            del self._open[task]
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        source = str((writer.get_extra_info("peername") or ("",))[0]).removeprefix("::ffff:")
        for _ in range(REQUESTS):
            try:
                request, body = await self._request(reader, writer, source)
            except Refused as refused:
                await self._refuse(reader, writer, refused)
                return
            reply = await self._answer(request, body)
            keep = request.keep and self._server is not None and self._server.is_serving()
            await self._send(writer, reply.octets(keep=keep))
            if not keep:
                return

    async def _request(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, source: str
    ) -> tuple[Head, bytes]:
        """The next request. Raises Refused, and what ends a connection."""
        self._waiting[writer] = None
        try:
            async with asyncio.timeout(self._patience):
                try:
                    octets = await reader.readuntil(b"\r\n\r\n")
                except asyncio.LimitOverrunError:
                    raise Refused(431, "The request's head is too long.") from None
                self._count(source)
                request = head(octets)
                if request.awaits and request.length:
                    await self._send(writer, b"HTTP/1.1 100 Continue\r\n\r\n")
                return request, await reader.readexactly(request.length)
        finally:
            self._waiting.pop(writer, None)

    def _count(self, source: str) -> None:
        """Raises Refused."""
        now = asyncio.get_running_loop().time()
        if not self._limits.take(source, now, shared=source.startswith(LOOPBACK)):
            if not self._refused:
                log.warning("More requests come to the webhook than are taken: some get 429")
            self._refused += 1
            raise Refused(429, "There are too many requests.")
        self._refused = 0

    async def _refuse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, refused: Refused) -> None:
        reply = Reply(refused.status, refused.words + "\n")
        await self._send(writer, reply.octets(keep=False))
        if writer.can_write_eof():
            writer.write_eof()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGERING):
                while await reader.read(65536):
                    pass

    async def _send(self, writer: asyncio.StreamWriter, octets: bytes) -> None:
        writer.write(octets)
        async with asyncio.timeout(self._patience):
            await writer.drain()
