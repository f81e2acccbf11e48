"""As much of HTTP/1.1 as a browser on the same machine needs: requests with a length, replies with a length."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, unquote, urlsplit

log = logging.getLogger(__name__)

LARGEST_HEAD, LARGEST_BODY = 65536, 65536  # octets; uhttpd takes no larger call either
IDLE = 120.0  # seconds that a connection may wait for its next request


@dataclass(frozen=True, slots=True)
class Asked:
    """A request. `path` is decoded."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    def form(self) -> dict[str, str]:
        """The fields of a posted form."""
        return dict(parse_qsl(self.body.decode(errors="replace"), keep_blank_values=True))

    def cookie(self, name: str) -> str:
        """A cookie's value, or nothing."""
        try:
            found = SimpleCookie(self.headers.get("cookie", "")).get(name)
        except CookieError:
            return ""
        return found.value if found else ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back."""

    body: bytes = b""
    kind: str = "text/html; charset=UTF-8"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Asked], Awaitable[Reply]]


class HttpServer:
    """`start` and `stop`; listens on loopback only. `port` 0 is any; the number is in `port` then."""

    def __init__(self, handler: Handler, port: int = 0) -> None:
        self.port = port
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port, limit=LARGEST_HEAD)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
                while asked := await asyncio.wait_for(_read(reader), IDLE):
                    await self._answer(asked, writer)
        except asyncio.CancelledError:
            pass  # the server stops: the connection is cut
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        try:
            reply = await self._handler(asked)
        except Exception:
            log.exception("%s %s failed", asked.method, asked.path)
            reply = Reply(b"failed", "text/plain", HTTPStatus.INTERNAL_SERVER_ERROR)
        headers = {"Content-Type": reply.kind, "Content-Length": str(len(reply.body)), **reply.headers}
        head = [
            f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}",
            *(f"{k}: {v}" for k, v in headers.items()),
        ]
        writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + (b"" if asked.method == "HEAD" else reply.body))
        await writer.drain()


async def _read(reader: asyncio.StreamReader) -> Asked | None:
    """The next request; None at the end of the connection. ValueError if it is none."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as end:
        if end.partial:
            raise
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(headers.get("content-length") or 0)
    if not 0 <= length <= LARGEST_BODY:
        raise ValueError("too long")
    parts = urlsplit(target)
    body = await reader.readexactly(length)
    return Asked(method, unquote(parts.path), dict(parse_qsl(parts.query)), headers, body)
