"""Sees what becomes of the SIP MESSAGEs that Asterisk sends for us.

Asterisk's manager says of a MESSAGE that it is on its way, and nothing about the answer of the phone. So Asterisk's
module res_hep_pjsip sends us a copy of each SIP message, over UDP on loopback. Each of our MESSAGEs has a mark in a
header that nobody can guess; the copy of the request tells its Call-ID, and the answers have that too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from homeline.errors import DecodeError
from homeline.protocol import hep

HEADER = "X-Homeline-Mark"
MOST_WATCHED = 200  # MESSAGEs at once: more are never sent, and a leak must not grow

Stop = Callable[[], None]


@dataclass(slots=True, eq=False)
class Fate:
    """One MESSAGE: whether Asterisk has sent it, and the phone's final answer."""

    mark: str
    sent: bool = False
    call_id: str = ""
    answer: asyncio.Future[int] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class SipWatch(asyncio.DatagramProtocol):
    """`await open(port, key)`, then `expect` a mark before the MESSAGE with it is sent."""

    def __init__(self) -> None:
        self.port, self.heard = 0, asyncio.Event()  # set when anything has come; who clears it waits for the next
        self.key = ""
        self._transport: asyncio.BaseTransport | None = None
        self._by_mark: dict[str, Fate] = {}
        self._by_call: dict[str, Fate] = {}

    async def open(self, port: int, key: str) -> None:
        """Listen there, if not already. OSError where another program does."""
        if self._transport is not None and (port, key) == (self.port, self.key):
            return
        self.close()
        await asyncio.sleep(0)  # only then the socket is closed
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", port))
        self.port, self.key = port, key

    def close(self) -> None:
        """Listen no more. What is expected stays without an answer."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def expect(self, mark: str) -> Fate:
        """The fate of the MESSAGE with this mark, which `forget` ends."""
        while len(self._by_mark) >= MOST_WATCHED:
            self.forget(next(iter(self._by_mark.values())))
        fate = self._by_mark[mark] = Fate(mark)
        return fate

    def forget(self, fate: Fate) -> None:
        """Nobody waits for it any more."""
        self._by_mark.pop(fate.mark, None)
        self._by_call.pop(fate.call_id, None)
        fate.answer.cancel()

    def datagram_received(self, data: bytes, _: tuple[str | object, int]) -> None:
        """One packet, of Asterisk or of whoever else is on this router."""
        try:
            message = hep.payload(data, self.key.encode())
        except DecodeError:
            return
        self.heard.set()
        found = hep.seen(message, HEADER) if self._by_mark else None
        if found is None:
            return
        if not found.status:
            fate = self._by_mark.get(found.mark)
            if fate is not None and not fate.sent:  # a request with a mark that was used is a stranger's echo
                fate.sent, fate.call_id = True, found.call_id
                self._by_call[found.call_id] = fate
        elif found.status >= 200 and (fate := self._by_call.get(found.call_id)) and not fate.answer.done():
            fate.answer.set_result(found.status)
