"""Names are looked up without holding anything up."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from homeline.adapters.resolve import Resolver, Unresolved, system_lookup
from homeline.errors import TimedOut


class Names:
    """A resolver at the byte edge: it blocks until it is let go, as the C library does."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go = threading.Event()
        self.answer: tuple[str, ...] | Exception = ("192.0.2.1",)

    def __call__(self, host: str) -> tuple[str, ...]:
        self.asked.append(host)
        assert self.go.wait(20)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def test_the_systems_own_resolver_finds_this_machine() -> None:
    found = await Resolver().resolve("localhost", 10)
    assert "127.0.0.1" in found or "::1" in found


def test_addresses_are_in_one_order_and_none_needs_an_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = ["2001:db8::2", "192.0.2.9", "fe80::1%eth0", "192.0.2.10", "192.0.2.9", "2001:db8::1"]
    asked = []

    def getaddrinfo(host: object, *_: object, **__: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        asked.append(host)
        return [(0, 0, 0, "", (row, 0)) for row in rows]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    expected = ("192.0.2.10", "192.0.2.9", "2001:db8::1", "2001:db8::2")
    assert system_lookup("sip.example") == expected
    rows.reverse()
    assert system_lookup("sip.example") == expected
    assert asked == [b"sip.example"] * 2  # octets: text would load the tables of international names


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (socket.gaierror(socket.EAI_NONAME, "x"), "sip.example: there is no such name"),
        (socket.gaierror(socket.EAI_AGAIN, "x"), "sip.example: no name server answers"),
        (OSError(13, "Permission denied"), "sip.example: Permission denied"),
        (UnicodeEncodeError("ascii", "ü", 0, 1, "no"), "sip.example: 'ascii' codec can't encode"),
    ],
)
async def test_what_is_wrong_is_said(error: Exception, words: str) -> None:
    names = Names()
    names.go.set()
    names.answer = error
    with pytest.raises(Unresolved, match=words):
        await Resolver(names).resolve("sip.example", 10)


async def test_a_lookup_that_hangs_is_left_and_not_begun_again() -> None:
    names = Names()
    resolver = Resolver(names)
    for _ in range(3):
        with pytest.raises(TimedOut, match=r"sip\.example: no name server has answered within 0\.01 s"):
            await resolver.resolve("sip.example", 0.01)
    assert names.asked == ["sip.example"]
    waiting = asyncio.ensure_future(resolver.resolve("sip.example", 10))
    await asyncio.sleep(0)
    names.go.set()
    assert await waiting == ("192.0.2.1",)
    assert await resolver.resolve("sip.example", 10) == ("192.0.2.1",)
    assert names.asked == ["sip.example"] * 2


async def test_one_name_does_not_wait_for_another() -> None:
    stuck, quick = Names(), Names()
    quick.go.set()
    resolver = Resolver(lambda host: (stuck if host == "stuck.example" else quick)(host))
    waiting = asyncio.ensure_future(resolver.resolve("stuck.example", 20))
    assert await resolver.resolve("quick.example", 10) == ("192.0.2.1",)
    assert not waiting.done()
    stuck.go.set()
    await waiting


def test_a_lookup_that_hangs_does_not_keep_the_process() -> None:
    """The loop ends with a thread still in the C library; what that says later is heard by nobody."""
    names = Names()

    async def left() -> None:
        with pytest.raises(TimedOut):
            await Resolver(names).resolve("sip.example", 0.01)

    asyncio.run(left())
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "resolve sip.example"]
    assert thread.daemon
    names.go.set()
    thread.join(10)
    assert not thread.is_alive()
