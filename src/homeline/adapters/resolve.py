"""Host names to addresses. The C library may take half a minute and more to say that it does not know: nothing waits.

Each lookup has a thread that does not keep the process from ending, and there is one at most for each name: who asks
again while it hangs waits for the same one. A name is looked up as octets, since Python would load its tables of
international names for text.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable

from homeline.errors import HomelineError, TimedOut

Lookup = Callable[[str], tuple[str, ...]]


class Unresolved(HomelineError):
    """A name has no address now; the message says why."""


class Resolver:
    """`lookup` is the C library's, or a test's: it may block, raises OSError, and runs in a thread of its own."""

    def __init__(self, lookup: Lookup | None = None) -> None:
        self._lookup = lookup or system_lookup
        self._under_way: dict[str, asyncio.Future[tuple[str, ...]]] = {}

    async def resolve(self, host: str, timeout: float) -> tuple[str, ...]:
        """All addresses of `host`, IPv4 first, in an order that does not change from answer to answer.

        `timeout` in seconds. Raises TimedOut, and Unresolved with the system's words.
        """
        future = self._under_way.get(host)
        if future is None:
            future = self._begin(host)
        try:
            async with asyncio.timeout(timeout):
                return await asyncio.shield(future)
        except TimeoutError:
            raise TimedOut(f"{host}: no name server has answered within {timeout:.3g} s") from None
        except OSError as error:
            raise Unresolved(f"{host}: {_words(error)}") from None

    def _begin(self, host: str) -> asyncio.Future[tuple[str, ...]]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[tuple[str, ...]] = loop.create_future()
        self._under_way[host] = future
        future.add_done_callback(lambda done: self._done(host, done))

        def work() -> None:
            outcome: tuple[str, ...] | OSError
            try:
                outcome = self._lookup(host)
            except Exception as error:
                outcome = error if isinstance(error, OSError) else OSError(str(error))
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(_settle, future, outcome)

        threading.Thread(target=work, name=f"resolve {host}", daemon=True).start()
        return future

    def _done(self, host: str, future: asyncio.Future[tuple[str, ...]]) -> None:
        del self._under_way[host]
        if not future.cancelled():
            future.exception()  # nobody may be waiting for it any more, which is no defect


def _settle(future: asyncio.Future[tuple[str, ...]], outcome: tuple[str, ...] | OSError) -> None:
    if isinstance(outcome, OSError):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


def system_lookup(host: str) -> tuple[str, ...]:
    """What the system's resolver says: hosts file, name servers. Blocks. Raises OSError."""
    found = socket.getaddrinfo(host.encode("ascii"), None, type=socket.SOCK_DGRAM, flags=socket.AI_ADDRCONFIG)
    addresses = {str(item[4][0]) for item in found}
    return tuple(sorted((a for a in addresses if "%" not in a), key=lambda a: (":" in a, a)))


def _words(error: OSError) -> str:
    if isinstance(error, socket.gaierror) and error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", -5)):
        return "there is no such name"
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        return "no name server answers"
    return error.strerror or str(error)
