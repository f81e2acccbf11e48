"""One document, given once: by HTTP, under a path that cannot be guessed, at a port of its own, for some minutes.

A telephone that scans a code fetches its account so. Whoever asks first with the path gets it, and then the port is
closed; so it is after some minutes, and after too many wrong paths. Requests are read within limits, and from other
addresses than those wanted nothing is read at all.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from contextlib import suppress

log = logging.getLogger(__name__)

LONGEST = 4096  # octets of a request, up to its empty line
PATIENCE = 5.0  # seconds for one
AT_ONCE = 4
WRONG = 20  # requests for something else, after which it is over
SECRET = 16  # octets of the path


class ServeOnce:
    """`body` makes the document, given the router's address by which it was asked for; `allowed` judges who asks.

    Addresses are those of IPv4 or IPv6, without a zone.
    """

    def __init__(self, body: Callable[[str], bytes], allowed: Callable[[str], bool], kind: str) -> None:
        self._body, self._allowed, self._kind = body, allowed, kind
        self.token = os.urandom(SECRET).hex()
        self.port = 0  # while it is closed
        self._server: asyncio.Server | None = None
        self._end: asyncio.TimerHandle | None = None
        self._busy, self._wrong = 0, 0

    async def open(self, address: str, seconds: float) -> None:
        """Listen at this address, or with "" at all of the router's. Raises OSError."""
        listening = _listening(address)
        self._server = await asyncio.start_server(self._answer, sock=listening, limit=LONGEST)
        self.port = listening.getsockname()[1]
        self._end = asyncio.get_running_loop().call_later(seconds, self.close)

    def close(self) -> None:
        """Listen no more; what is under way ends by itself."""
        if self._server is not None:
            self._server.close()
        if self._end is not None:
            self._end.cancel()
        self._server, self.port = None, 0

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._busy += 1
        peer = _plain(writer.get_extra_info("peername"))  # "" where it is gone already
        try:
            if peer and self._busy <= AT_ONCE and self._allowed(peer):
                async with asyncio.timeout(PATIENCE):
                    await self._converse(reader, writer)
        except (OSError, EOFError, asyncio.LimitOverrunError) as error:  # with TimeoutError
            log.debug("A request for a phone's account failed: %s", type(error).__name__)
        finally:
            self._busy -= 1
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        words = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n", 1)[0].split(b" ")
        status, content = "404 Not Found", b""
        if self.port and len(words) == 3 and words[0] == b"GET" and _same(words[1], f"/{self.token}"):
            self.close()  # before anything is awaited: nobody else gets it
            status, content = "200 OK", self._body(_plain(writer.get_extra_info("sockname")))
        else:
            self._wrong += 1
            if self._wrong >= WRONG:
                self.close()
        head = f"HTTP/1.1 {status}\r\nContent-Type: {self._kind}\r\nContent-Length: {len(content)}\r\n"
        writer.write(f"{head}Cache-Control: no-store\r\nConnection: close\r\n\r\n".encode() + content)
        await writer.drain()


def _listening(address: str) -> socket.socket:
    """A socket that listens, for both families where there is no address."""
    if address:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return socket.create_server((address, 0), family=family)
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", 0))


def _plain(name: tuple[str, int] | None) -> str:
    """The address of a socket's name; one of IPv4 as such, where it comes to a socket for both families."""
    return name[0].partition("%")[0].removeprefix("::ffff:") if name else ""


def _same(given: bytes, wanted: str) -> bool:
    """Whether they are equal, in a time that does not depend on where they differ."""
    from hmac import compare_digest  # loaded where a phone is being set up

    return compare_digest(given, wanted.encode())
