"""What becomes of our MESSAGEs, told by packets over a real socket. tests/e2e has Asterisk's own."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator

import pytest

from homeline.adapters.sip_watch import HEADER, MOST_WATCHED, SipWatch
from homeline.protocol import hep

KEY = "d0cf453761ffc6e7"


def packet(first: str, call: str, *headers: str, key: str = KEY) -> bytes:
    message = "\r\n".join([first, f"Call-ID: {call}", "CSeq: 7 MESSAGE", *headers, "", ""]).encode()
    chunks = b"".join(
        struct.pack(">HHH", 0, kind, len(value) + 6) + value
        for kind, value in ((hep.KEY, key.encode()), (hep.PAYLOAD, message))
    )
    return b"HEP3" + struct.pack(">H", len(chunks) + 6) + chunks


def request(call: str, mark: str, key: str = KEY) -> bytes:
    return packet("MESSAGE sip:desk@127.0.0.9 SIP/2.0", call, f"{HEADER}: {mark}", key=key)


def answer(call: str, status: int, key: str = KEY) -> bytes:
    return packet(f"SIP/2.0 {status} Said", call, key=key)


class Asterisk:
    """Who sends packets to the port."""

    def __init__(self, watch: SipWatch, port: int) -> None:
        self._socket, self._watch, self.port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), watch, port

    async def says(self, *packets: bytes) -> None:
        """All have been looked at when this returns: a round of the loop takes one, and the first of ours is heard."""
        self._watch.heard.clear()
        for data in (*packets, packet("OPTIONS sip:x SIP/2.0", "last", key=self._watch.key)):
            self._socket.sendto(data, ("127.0.0.1", self.port))
        await self._watch.heard.wait()
        for _ in packets:
            await asyncio.sleep(0)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
async def watch() -> AsyncIterator[SipWatch]:
    found = SipWatch()
    yield found
    found.close()


@pytest.fixture
async def asterisk(watch: SipWatch) -> AsyncIterator[Asterisk]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    await watch.open(port, KEY)
    found = Asterisk(watch, port)
    yield found
    found.close()


async def heard(fate: asyncio.Future[int]) -> int:
    async with asyncio.timeout(5):
        return await fate


async def test_the_final_answer_is_the_fate(watch: SipWatch, asterisk: Asterisk) -> None:
    one, two = watch.expect("aaaa"), watch.expect("bbbb")
    await asterisk.says(request("c1", "aaaa"), request("c2", "bbbb"), answer("c2", 100), answer("c2", 415))
    assert await heard(two.answer) == 415
    assert one.sent and not one.answer.done()
    await asterisk.says(answer("c1", 180), answer("c1", 202), answer("c1", 500))
    assert await heard(one.answer) == 202


async def test_what_is_not_ours_is_nothing(watch: SipWatch, asterisk: Asterisk) -> None:
    """Another key, another mark, an answer to a call that nobody knows, and our mark once more from somewhere else."""
    fate = watch.expect("aaaa")
    await asterisk.says(request("c0", "aaaa", key="guessed"), answer("c0", 200), request("c9", "cccc"), b"", b"HEP3")
    assert not fate.sent
    await asterisk.says(request("c1", "aaaa"), request("c2", "aaaa"), answer("c2", 200), answer("c1", 200, key=""))
    assert fate.sent and fate.call_id == "c1" and not fate.answer.done()
    await asterisk.says(answer("c1", 486))
    assert await heard(fate.answer) == 486


async def test_what_is_forgotten_is_heard_no_more(watch: SipWatch, asterisk: Asterisk) -> None:
    fate = watch.expect("aaaa")
    await asterisk.says(request("c1", "aaaa"))
    watch.forget(fate)
    await asterisk.says(answer("c1", 200))
    assert fate.answer.cancelled()
    first = watch.expect("m0")
    for number in range(1, MOST_WATCHED + 1):
        watch.expect(f"m{number}")
    assert first.answer.cancelled()


async def test_the_port_may_move_and_may_be_anothers(watch: SipWatch, asterisk: Asterisk) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        taken = other.getsockname()[1]
        with pytest.raises(OSError):
            await watch.open(taken, KEY)
    await watch.open(taken, KEY)
    await watch.open(taken, KEY)  # already
    moved = Asterisk(watch, taken)
    fate = watch.expect("aaaa")
    await moved.says(request("c1", "aaaa"), answer("c1", 200))
    assert await heard(fate.answer) == 200
    await watch.open(taken, "another-key")
    last = watch.expect("bbbb")
    await moved.says(request("c2", "bbbb"), request("c2", "bbbb", "another-key"), answer("c2", 200, "another-key"))
    assert await heard(last.answer) == 200
    moved.close()
