"""Strangers: SIP requests written by hand, right and wrong, sent over UDP from whatever loopback address.

A stranger does not wait for answers and does not follow any dialogue; what came back is counted by its status.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

METHODS = (
    "INVITE",
    "REGISTER",
    "OPTIONS",
    "SUBSCRIBE",
    "MESSAGE",
    "REFER",
    "NOTIFY",
    "PUBLISH",
    "UPDATE",
    "BYE",
    "INFO",
)

# What is dialled by those who try their luck. Each would be a call, or a command, where a dial plan is careless.
DIALLED = (
    "+41791234567",
    "00441632960000",
    "0",
    "112",
    "s",
    "i",
    "h",
    "t",
    "*",
    "#",
    "1&Local/112@default",
    "1%26Local%2F112%40default",
    "41791234567&Dongle/stick/0900123456",
    "${SHELL(id)}",
    "%24%7BSHELL(id)%7D",
    "$[1+1]",
    "1,1,1",
    "1%2C1",
    "s%00@x",
    "a\\'b\\\"c",
    "homeline",
    "%0d%0aAction:%20Originate",
    "1" * 200,
    "+" + "9" * 40,
    "alice",
    "٣٤",
    "1;ext=2",
    "1?Header=2",
)

_SDP = (
    "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    "m=audio 40000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)


def request(
    method: str,
    user: str,
    target: tuple[str, int],
    *,
    source: tuple[str, int],
    from_user: str = "stranger",
    headers: Sequence[tuple[str, str]] = (),
    body: str | None = None,
    unique: str = "",
) -> bytes:
    """A request as a well-behaved client would send it. `headers` are added as they are, twice if given twice."""
    uri = f"sip:{user}@{target[0]}:{target[1]}" if user else f"sip:{target[0]}:{target[1]}"
    name = unique or f"{random.getrandbits(64):x}"
    if body is None:
        body = _SDP.format(host=source[0]) if method == "INVITE" else ""
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: SIP/2.0/UDP {source[0]}:{source[1]};branch=z9hG4bK{name};rport",
        "Max-Forwards: 70",
        f'From: "stranger" <sip:{from_user}@{target[0]}>;tag={name}',
        f"To: <{uri}>",
        f"Call-ID: {name}@{source[0]}",
        f"CSeq: 1 {method}",
        f"Contact: <sip:{from_user}@{source[0]}:{source[1]}>",
        *(f"{header}: {value}" for header, value in headers),
        *(["Content-Type: application/sdp"] if method == "INVITE" else []),
        f"Content-Length: {len(body.encode())}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def damaged(good: bytes, dice: random.Random) -> bytes:
    """The same, broken in one of the ways that parsers stumble over."""
    head, _, body = good.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    at = dice.randrange(1, len(lines))
    ways = (
        lambda: good[: dice.randrange(1, len(good))],
        lambda: bytes(dice.randrange(256) if dice.random() < 0.02 else octet for octet in good),
        lambda: b"\r\n".join([*lines[:at], lines[at], *lines[at:]]) + b"\r\n\r\n" + body,  # a header twice
        lambda: b"\r\n".join([*lines[:at], *lines[at + 1 :]]) + b"\r\n\r\n" + body,  # a header missing
        lambda: head + b"\r\nX: " + b"A" * 8000 + b"\r\n\r\n" + body,
        lambda: good.replace(b"Content-Length: ", b"Content-Length: -"),
        lambda: good.replace(b"Content-Length: ", b"Content-Length: 9999999999999999"),
        lambda: good.replace(b"CSeq: 1", b"CSeq: 99999999999999999999"),
        lambda: good.replace(b"Max-Forwards: 70", b"Max-Forwards: 0"),
        lambda: good.replace(b"SIP/2.0", b"SIP/9.9", 1),
        lambda: good.replace(b"@", b"\x00", 1),
        lambda: good.replace(b"v=0", b"v=0\r\n" + b"m=audio 1 RTP/AVP 0\r\n" * 200),
        lambda: good.replace(b"\r\n", b"\n"),
        lambda: bytes(dice.randrange(256) for _ in range(dice.randrange(1, 1500))),
    )
    return dice.choice(ways)()


def hostile(
    count: int,
    target: tuple[str, int],
    *,
    source: tuple[str, int],
    names: Sequence[str] = (),
    headers: Sequence[tuple[str, str]] = (),
    seed: int = 0,
) -> Iterator[bytes]:
    """So many requests of one stranger, the same for the same seed: half of them INVITE, a third of them damaged.

    `names` are those of the house that a stranger may have guessed: accounts, trunks, numbers. `headers` are added to
    some of them.
    """
    dice = random.Random(seed)
    for i in range(count):
        good = request(
            "INVITE" if dice.random() < 0.5 else dice.choice(METHODS),
            dice.choice((*DIALLED, *names)),
            target,
            source=source,
            from_user=dice.choice(("stranger", "anonymous", "+41441234567", *names)),
            headers=headers if dice.random() < 0.5 else (),
            unique=f"{seed}-{i}-{dice.getrandbits(32):x}",
        )
        yield damaged(good, dice) if dice.random() < 0.3 else good


class Stranger(asyncio.DatagramProtocol):
    """`async with Stranger("127.0.0.9") as stranger: await stranger.send(…)`. `answers` counts what came back."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.answers: Counter[str] = Counter()  # "INVITE 401": how often
        self._answered = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> Stranger:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.address, 0))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._transport
        self._transport.close()
        await asyncio.gather(*self._tasks)

    @property
    def source(self) -> tuple[str, int]:
        assert self._transport
        host, port = self._transport.get_extra_info("sockname")
        return host, port

    async def send(self, packets: Iterable[bytes], target: tuple[str, int], *, a_second: int = 1000) -> int:
        """Sends them at this rate, and says how many they were."""
        assert self._transport
        sent = 0
        for packet in packets:
            self._transport.sendto(packet, target)
            sent += 1
            if sent % 20 == 0:
                await asyncio.sleep(20 / a_second)
        return sent

    async def ask(self, packet: bytes, target: tuple[str, int], timeout: float = 5.0) -> str:
        """Sends one and gives the first final status that comes back, such as "INVITE 403". TimeoutError."""
        assert self._transport
        before = self.answers.copy()
        self._transport.sendto(packet, target)
        async with asyncio.timeout(timeout), self._answered:
            while True:
                new = [status for status in self.answers - before if not status.split()[1].startswith("1")]
                if new:
                    return new[0]
                await self._answered.wait()

    def datagram_received(self, data: bytes, _address: tuple[str | object, int]) -> None:
        lines = data.decode(errors="replace").split("\r\n")
        status = lines[0].removeprefix("SIP/2.0 ")[:3]
        method = next((line.split()[-1] for line in lines if line.lower().startswith("cseq:")), "?")
        if status.isdigit():
            self.answers[f"{method} {status}"] += 1
            task = asyncio.ensure_future(self._wake())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _wake(self) -> None:
        async with self._answered:
            self._answered.notify_all()
