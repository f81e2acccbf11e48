"""Requests by HTTP, from the loop: each in a thread of its own, never more than a few, each ended by its deadline.

The standard library's `http.client` blocks, so it works in threads that do not keep the process from ending. A name is
looked up once, and the connection goes to an address that was checked: a name that leads elsewhere the next time
(DNS rebinding) gains nothing.

What this takes is loaded with the first request: 5.5 MB for `http.client`, which brings `email` and `ssl`, and with the
first one by TLS 2 to 3 MB more for what it trusts (Python 3.11 on x86-64, OpenSSL 3).
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Sequence

from homeline.adapters.http_address import Url, is_address, is_own, parse
from homeline.adapters.http_exchange import (
    LONGEST_PAUSE,
    OWNERS_PAUSE,
    Answer,
    Exchange,
    Failure,
    HttpError,
    Request,
)
from homeline.errors import HomelineError, TimedOut

__all__ = ["LONGEST_PAUSE", "OWNERS_PAUSE", "Answer", "Client", "Failure", "HttpError", "Request", "Url", "parse"]

Resolve = Callable[[str, float], Awaitable[Sequence[str]]]

GRACE = 2.0  # seconds for a thread to see that its time is over
EXCERPT = 200  # characters of an answer that an error shows


class Client:
    """`await client.request(…)`. Its requests wait for none but its own."""

    def __init__(self, resolve: Resolve, slots: int, own: Callable[[str], bool] = is_own) -> None:
        """`resolve` is that of `resolve.Resolver`; `slots` is how many requests are under way at once.

        `own` tells whether an address is the router itself.
        """
        self._resolve, self._own = resolve, own
        self._slots = asyncio.Semaphore(slots)

    async def request(self, request: Request) -> Answer:
        """The server's answer, whatever its status. Raises HttpError, ValueError for a URL that is none.

        When cancelled the connection is shut down.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + request.timeout
        url = parse(request.url)
        try:
            async with asyncio.timeout_at(deadline):
                await self._slots.acquire()
        except TimeoutError:
            raise HttpError(f"Other requests to {url.host} still wait for their answers.", Failure.TIMEOUT) from None
        try:
            addresses = await self._addresses(url, request, deadline - loop.time())
            ended = self._begin(exchange := Exchange(request, url, addresses, deadline))
        except BaseException:
            self._slots.release()
            raise
        timer = loop.call_at(deadline, exchange.stop)
        try:
            async with asyncio.timeout_at(deadline + GRACE):
                return await ended
        except TimeoutError:
            raise HttpError(f"{url.host} did not answer within {request.timeout:g} s.", Failure.TIMEOUT) from None
        finally:
            timer.cancel()
            exchange.stop()

    async def _addresses(self, url: Url, request: Request, seconds: float) -> Sequence[str]:
        """Where to connect to: what the name leads to, without the router's own addresses."""
        found: Sequence[str] = (url.host,)
        if not is_address(url.host):
            try:
                found = await self._resolve(url.host, max(seconds, 0.0))
            except TimedOut as error:
                raise HttpError(f"{error}.", Failure.TIMEOUT) from None
            except HomelineError as error:
                raise HttpError(f"{error}.", Failure.DNS) from None
        if not found:
            raise HttpError(f"{url.host}: there is no address of this name.", Failure.DNS)
        allowed = found if request.allow_local else [each for each in found if not self._own(each)]
        if not allowed:
            raise HttpError(
                f"{url.host} is the router itself, to which nothing is sent unless allow_local is set.", Failure.OWN
            )
        return allowed

    def _begin(self, exchange: Exchange) -> asyncio.Future[Answer]:
        """Begin in a thread, which gives its slot back when it has ended."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()

        def end(outcome: Answer | Exception) -> None:
            self._slots.release()
            if future.done():
                return
            if isinstance(outcome, Answer):
                future.set_result(outcome)
            else:
                future.set_exception(outcome)

        def work() -> None:
            outcome = exchange.outcome()
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(end, outcome)

        try:
            threading.Thread(target=work, name="http", daemon=True).start()
        except RuntimeError:
            raise HttpError("The router has no memory for another thread now.", Failure.BROKEN) from None
        return future


def excerpt(body: bytes, secrets: Sequence[str] = ()) -> str:
    """The beginning of what a server said, as one printable line without our secrets."""
    text = body[: 8 * EXCERPT].decode("utf-8", "replace")
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"
