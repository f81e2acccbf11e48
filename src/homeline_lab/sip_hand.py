"""A SIP device that a test moves by hand: calls, and answers that nobody else would give."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass

from homeline_lab.sip_raw import request

Headers = Sequence[tuple[str, str]]

_KEPT = ("via", "from", "to", "call-id", "cseq")  # what an answer has of its request (RFC 3261 8.2.6.2)
_SDP = "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio 40002 RTP/AVP 0 8\r\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """A final answer: its status, such as 200, and the tag that the other side gave the dialogue."""

    status: int
    tag: str


class Hand(asyncio.DatagramProtocol):
    """`async with Hand("127.0.0.9", "alice", ("127.0.0.1", 5060)) as hand`: calls as `alice`, without a password.

    Whatever is asked of it is answered with `status` and `headers`; `asked` has the first lines.
    """

    def __init__(self, address: str, user: str, home: tuple[str, int], *, port: int = 0) -> None:
        self.address, self.user, self.home, self._port = address, user, home, port
        self.status, self.headers = "200 OK", list[tuple[str, str]]()
        self.asked: list[str] = []
        self._finals: asyncio.Queue[str] = asyncio.Queue()
        self._transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> Hand:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.address, self._port))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._transport
        self._transport.close()

    @property
    def source(self) -> tuple[str, int]:
        assert self._transport
        host, port = self._transport.get_extra_info("sockname")
        return host, port

    async def invite(self, dialled: str, call: str, headers: Headers = (), timeout: float = 10.0) -> Answer:
        """Calls, with `call` as tag and beginning of Call-ID; the final answer, acknowledged. TimeoutError."""
        assert self._transport
        packet = request(
            "INVITE", dialled, self.home, source=self.source, from_user=self.user, headers=headers, unique=call
        )
        self._transport.sendto(packet, self.home)
        async with asyncio.timeout(timeout):
            text = await self._finals.get()
        to = _header(text, "To")
        ack = request("ACK", dialled, self.home, source=self.source, from_user=self.user, unique=call).decode()
        ack = re.sub(r"(?m)^To: .*?(?=\r)", lambda _: f"To: {to}", ack, count=1)
        self._transport.sendto(ack.encode(), self.home)
        return Answer(int(text.split()[1]), to.partition(";tag=")[2])

    def datagram_received(self, data: bytes, address: tuple[str | object, int]) -> None:
        text = data.decode(errors="replace")
        first = text.partition("\r\n")[0]
        if first.startswith("SIP/2.0"):
            if first.split()[1] >= "200" and _header(text, "CSeq").endswith("INVITE"):
                self._finals.put_nowait(text)
        else:
            self.asked.append(first)
            if not first.startswith("ACK "):
                self._reply(text, address)

    def _reply(self, asked: str, address: tuple[str | object, int]) -> None:
        assert self._transport
        kept = [line for line in asked.split("\r\n") if line.partition(":")[0].lower() in _KEPT]
        kept = [f"{line};tag=hand" if line.startswith("To:") and ";tag=" not in line else line for line in kept]
        invited = asked.startswith("INVITE") and self.status.startswith("2")
        body = _SDP.format(host=self.address) if invited else ""
        if body:
            kept += [f"Contact: <sip:{self.user}@{self.source[0]}:{self.source[1]}>", "Content-Type: application/sdp"]
        more = [f"{name}: {value}" for name, value in self.headers]
        lines = [f"SIP/2.0 {self.status}", *kept, *more, f"Content-Length: {len(body)}", "", body]
        self._transport.sendto("\r\n".join(lines).encode(), address)


def _header(text: str, name: str) -> str:
    found = re.search(rf"(?m)^{name}: *(.*?)\r", text)
    return found[1] if found else ""
