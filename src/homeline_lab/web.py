"""A web server for the lab, which answers as it is told: late, in drips, with rubbish, or not at all.

async with WebServer() as server:
    server.replies.append(Reply(429, headers=(("Retry-After", "7"),)))
    …
    request = (await server.wait_for(1))[0]
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import repeat

LARGEST_BODY = 1 << 20


@dataclass(frozen=True, slots=True)
class Heard:
    """One request. Names of headers are in lower case; a name that came twice has its values joined by a comma."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer with, and how badly.

    `raw` takes the place of all that an answer is made of. `pause` (s) comes before each single octet. `silent` sends
    nothing and keeps the connection. `endless` goes on with octets until the peer hangs up. `reset` ends the
    connection after what was sent, and with nothing sent.
    """

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    raw: bytes | None = None
    pause: float = 0.0
    silent: bool = False
    endless: bytes = b""
    reset: bool = False

    def octets(self) -> bytes:
        if self.raw is not None:
            return self.raw
        try:
            phrase = HTTPStatus(self.status).phrase
        except ValueError:
            phrase = ""
        given = {name.lower() for name, _ in self.headers}
        own = () if "content-length" in given else (("Content-Length", str(len(self.body))),)
        lines = [f"HTTP/1.1 {self.status} {phrase}", *(f"{name}: {value}" for name, value in (*self.headers, *own))]
        return "".join(f"{line}\r\n" for line in (*lines, "")).encode("latin-1") + self.body


@dataclass
class WebServer:
    """Listens on `host` and `port` (0: any; the number is in `port` then) while it is entered.

    Each request takes the first of `replies`; when there is none, `answer` is asked, which may take its time and is
    cancelled when the peer hangs up. `deaf` accepts connections and reads nothing. `on_request` hears of a request
    before it is answered.
    """

    answer: Callable[[Heard], Reply | Awaitable[Reply]] = field(default=lambda _heard: Reply())
    tls: ssl.SSLContext | None = None
    host: str = "127.0.0.1"
    port: int = 0
    deaf: bool = False
    on_request: Callable[[Heard], None] | None = None
    replies: deque[Reply] = field(default_factory=deque)
    heard: list[Heard] = field(default_factory=list)
    connections: int = 0
    open_connections: int = 0

    async def __aenter__(self) -> WebServer:
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._accept, self.host, self.port, ssl=self.tls, limit=LARGEST_BODY)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        """Without a path."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"

    async def wait_for(self, count: int, timeout: float = 10.0) -> list[Heard]:
        """The requests, once there are `count`. Raises TimeoutError."""
        await self.until(lambda: len(self.heard) >= count, timeout)
        return self.heard

    async def until(self, condition: Callable[[], bool], timeout: float = 10.0) -> None:
        """Wait until it holds; it is looked at when a request came or a connection began or ended."""
        async with asyncio.timeout(timeout), self._changed:
            await self._changed.wait_for(condition)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        await self._count(1)
        try:
            await self._serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        except asyncio.CancelledError:
            pass  # asyncio's streams log a task that was cancelled, and nobody waits for this one
        finally:
            writer.close()
            self._tasks.discard(task)
            await self._count(-1)

    async def _count(self, change: int) -> None:
        async with self._changed:
            self.open_connections += change
            self._changed.notify_all()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.deaf:
            await reader.read(0)
            await self._until_gone(reader)
            return
        heard = await _request(reader)
        async with self._changed:
            self.heard.append(heard)
            self._changed.notify_all()
        if self.on_request is not None:
            self.on_request(heard)
        reply = self.replies.popleft() if self.replies else self.answer(heard)
        if not isinstance(reply, Reply):
            answer = asyncio.ensure_future(reply)
            gone = asyncio.ensure_future(self._until_gone(reader))
            await asyncio.wait((answer, gone), return_when=asyncio.FIRST_COMPLETED)
            gone.cancel()
            if not answer.done():
                answer.cancel()
                return
            reply = answer.result()
        await self._send(reader, writer, reply)

    async def _send(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, reply: Reply) -> None:
        if reply.silent:
            await self._until_gone(reader)
            return
        octets = b"" if reply.reset and reply.raw is None else reply.octets()
        for piece in (bytes([octet]) for octet in octets) if reply.pause else (octets,):
            await asyncio.sleep(reply.pause)
            writer.write(piece)
            await writer.drain()
        if reply.endless:
            for piece in repeat(reply.endless):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(reply.pause)
        if reply.reset:
            connection = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def _until_gone(self, reader: asyncio.StreamReader) -> None:
        while await reader.read(4096):
            pass


async def _request(reader: asyncio.StreamReader) -> Heard:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, version = head[0].split(" ")
    assert version == "HTTP/1.1"
    headers: dict[str, str] = {}
    for line in head[1:-2]:
        name, colon, value = line.partition(":")
        assert colon and name == name.strip(), f"no header: {line!r}"
        key = name.lower()
        headers[key] = f"{headers[key]}, {value.strip()}" if key in headers else value.strip()
    assert "host" in headers
    return Heard(method, path, headers, await reader.readexactly(int(headers.get("content-length", 0))))
