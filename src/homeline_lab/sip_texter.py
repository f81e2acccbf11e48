"""A softphone that writes and is written to: REGISTER, OPTIONS and MESSAGE by hand over UDP, and nothing of calls.

async with Texter("127.0.0.9", "desk", "password", ("127.0.0.1", 5060)) as desk:
    await desk.register()
    assert await desk.write("+41791234567", "Hello") == 202
    text = await desk.read()
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
import re
from collections import deque
from dataclasses import dataclass, field

TIMEOUT = 10.0  # seconds for an answer
_KEPT = ("via", "from", "to", "call-id", "cseq")  # what an answer has of its request (RFC 3261 8.2.6.2)
AGAIN = 0.5  # seconds until a request is sent once more, as RFC 3261 17.1.2.1 begins


@dataclass(frozen=True, slots=True)
class Text:
    """A MESSAGE that came."""

    sender: str  # user part of From
    text: str
    headers: dict[str, str] = field(default_factory=dict)  # names in small letters


class Texter(asyncio.DatagramProtocol):
    """`answers` are the statuses with which the next MESSAGEs are answered, "" is not at all; after them 200.

    `texts` are all that came, what came again left out.
    """

    def __init__(self, address: str, user: str, password: str, home: tuple[str, int]) -> None:
        self.address, self.user, self._password, self.home = address, user, password, home
        self.answers: deque[str] = deque()
        self.texts: list[Text] = []
        self.deaf = False  # hears nothing at all
        self._seen: dict[str, str] = {}  # branch of a MESSAGE: how it was answered
        self._unread: asyncio.Queue[Text] = asyncio.Queue()
        self._finals: dict[str, asyncio.Future[str]] = {}  # by branch
        self._numbers = itertools.count(1)
        self._transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> Texter:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.address, 0))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._transport
        self._transport.close()

    @property
    def source(self) -> tuple[str, int]:
        assert self._transport
        host, port = self._transport.get_extra_info("sockname")
        return host, port

    async def register(self, expires: int = 600) -> None:
        """0 ends it."""
        uri = f"sip:{self.home[0]}:{self.home[1]}"
        contact = f"Contact: <sip:{self.user}@{self.source[0]}:{self.source[1]}>\r\nExpires: {expires}\r\n"
        status = await self._ask("REGISTER", uri, f"<sip:{self.user}@{self.home[0]}>", contact, b"")
        assert status == 200, status

    async def write(self, to: str, text: str | bytes, *, call: str = "", kind: str = "text/plain") -> int:
        """Sends a MESSAGE to a number of the router's; the final status."""
        uri = f"sip:{to}@{self.home[0]}:{self.home[1]}"
        body = text if isinstance(text, bytes) else text.encode()
        return await self._ask("MESSAGE", uri, f"<{uri}>", f"Content-Type: {kind}\r\n", body, call)

    async def read(self, timeout: float = TIMEOUT) -> Text:
        """The next MESSAGE that was answered with 2xx. TimeoutError."""
        async with asyncio.timeout(timeout):
            return await self._unread.get()

    async def _ask(self, method: str, uri: str, to: str, headers: str, body: bytes, call: str = "") -> int:
        """A request, with the password where it is asked for; the final status."""
        call = call or os.urandom(8).hex()
        number = next(self._numbers)
        text = await self._once(method, uri, to, headers, body, call, number)
        if challenge := re.search(r"(?mi)^WWW-Authenticate: Digest (.*?)\r$", text):
            proof = f"Authorization: {self._digest(challenge[1], method, uri)}\r\n"
            text = await self._once(method, uri, to, headers + proof, body, call, next(self._numbers))
        return int(text.split()[1])

    async def _once(self, method: str, uri: str, to: str, headers: str, body: bytes, call: str, number: int) -> str:
        assert self._transport
        host, port = self.source
        branch = f"z9hG4bK{os.urandom(8).hex()}"
        head = (
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};branch={branch};rport\r\nMax-Forwards: 70\r\n"
            f"From: <sip:{self.user}@{self.home[0]}>;tag=texter\r\nTo: {to}\r\nCall-ID: {call}\r\n"
            f"CSeq: {number} {method}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        )
        final = self._finals[branch] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(TIMEOUT):
                while True:
                    self._transport.sendto(head.encode() + body, self.home)
                    done, _ = await asyncio.wait([final], timeout=AGAIN)
                    if done:
                        return str(final.result())
        finally:
            del self._finals[branch]

    def _digest(self, challenge: str, method: str, uri: str) -> str:
        """RFC 2617 3.2.2, with qop=auth."""
        said = dict(re.findall(r'(\w+)="?([^",]*)"?', challenge))
        own = os.urandom(4).hex()
        first, second = _md5(f"{self.user}:{said['realm']}:{self._password}"), _md5(f"{method}:{uri}")
        response = _md5(f"{first}:{said['nonce']}:00000001:{own}:auth:{second}")
        return (
            f'Digest username="{self.user}", realm="{said["realm"]}", nonce="{said["nonce"]}", uri="{uri}", '
            f'response="{response}", algorithm=MD5, qop=auth, nc=00000001, cnonce="{own}"'
            + (f', opaque="{said["opaque"]}"' if "opaque" in said else "")
        )

    def datagram_received(self, data: bytes, address: tuple[str | object, int]) -> None:
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.decode(errors="replace").split("\r\n")
        pairs = [line.partition(":") for line in lines[1:]]
        headers = {name.strip().lower(): value.strip() for name, _, value in reversed(pairs)}
        branch = headers.get("via", "").partition("branch=")[2].partition(";")[0]
        if self.deaf:
            return
        if lines[0].startswith("SIP/2.0 "):
            final = self._finals.get(branch)
            if final is not None and not final.done() and lines[0].split()[1] >= "200":
                final.set_result(f"{head.decode(errors='replace')}\r\n")
        elif lines[0].startswith("MESSAGE "):
            self._answer(lines, self._took(branch, headers, body.decode(errors="replace")), address)
        elif not lines[0].startswith("ACK "):
            self._answer(lines, "200 OK", address)

    def _took(self, branch: str, headers: dict[str, str], text: str) -> str:
        """The answer to a MESSAGE, the same when it comes again."""
        if branch not in self._seen:
            status = self._seen[branch] = self.answers.popleft() if self.answers else "200 OK"
            sender = re.search(r"<sip:([^@>]*)@", headers.get("from", ""))
            found = Text(sender[1] if sender else "", text, headers)
            self.texts.append(found)
            if status.startswith("2"):
                self._unread.put_nowait(found)
        return self._seen[branch]

    def _answer(self, asked: list[str], status: str, address: tuple[str | object, int]) -> None:
        assert self._transport
        if not status:
            return
        kept = [line for line in asked if line.partition(":")[0].lower() in _KEPT]
        kept = [f"{line};tag=x" if line.lower().startswith("to:") and ";tag=" not in line else line for line in kept]
        self._transport.sendto("\r\n".join([f"SIP/2.0 {status}", *kept, "Content-Length: 0", "", ""]).encode(), address)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()
