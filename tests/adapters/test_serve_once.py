"""A document that is given once, to whoever may have it and knows the path."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from homeline.adapters import serve_once
from homeline.adapters.serve_once import AT_ONCE, LONGEST, WRONG, ServeOnce
from hostile import HOSTILE

SECRET = b"<config>secret</config>"


def anybody(_address: str) -> bool:
    return True


@asynccontextmanager
async def serving(
    allowed: Callable[[str], bool] = anybody, address: str = "127.0.0.1", seconds: float = 60.0
) -> AsyncIterator[ServeOnce]:
    served = ServeOnce(lambda at: SECRET + at.encode(), allowed, "application/xml")
    await served.open(address, seconds)
    try:
        yield served
    finally:
        served.close()


async def asked(port: int, request: bytes, host: str = "127.0.0.1") -> bytes:
    """The whole answer; b"" where the connection was just closed."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(request)
    try:
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: router\r\n\r\n".encode("utf-8", "surrogateescape")


async def test_once_and_no_more() -> None:
    async with serving() as served:
        port = served.port
        head, _, body = (await asked(port, get(f"/{served.token}"))).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"Content-Type: application/xml" in head
        assert f"Content-Length: {len(body)}".encode() in head
        assert body == SECRET + b"127.0.0.1"
        with pytest.raises(OSError):
            await asked(port, get(f"/{served.token}"))


async def test_of_two_at_the_same_time_one_gets_it() -> None:
    async with serving() as served:
        answers = await asyncio.gather(
            *(asked(served.port, get(f"/{served.token}")) for _ in range(AT_ONCE)), return_exceptions=True
        )
        assert sum(SECRET in answer for answer in answers if isinstance(answer, bytes)) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_both_families_at_one_port(host: str) -> None:
    seen: list[str] = []
    async with serving(lambda address: seen.append(address) is None, "") as served:
        if host == "::1" and not socket.has_dualstack_ipv6():
            pytest.skip("this machine has no IPv6")
        assert (await asked(served.port, get(f"/{served.token}"), host)).endswith(host.encode())
        assert seen == [host]


@pytest.mark.parametrize(
    "request_",
    [
        get("/"),
        get("/" + "0" * 32),
        b"POST /{token} HTTP/1.1\r\n\r\n",
        b"GET /{token}\r\n\r\n",
        b"GET /{token}x HTTP/1.1\r\n\r\n",
        b"GET //{token} HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\r\n\r\n",
        *(
            get(text.replace("\r", "").replace("\n", ""))
            for name, text in HOSTILE.items()
            if name not in ("surrogates", "long")
        ),
    ],
)
async def test_anything_else_gets_nothing(request_: bytes) -> None:
    async with serving() as served:
        answer = await asked(served.port, request_.replace(b"{token}", served.token.encode()))
        assert answer.startswith(b"HTTP/1.1 404 ")
        assert SECRET not in answer
        assert SECRET in await asked(served.port, get(f"/{served.token}"))


async def test_strangers_are_not_even_read() -> None:
    async with serving(lambda address: address != "127.0.0.1") as served:
        assert await asked(served.port, get(f"/{served.token}")) == b""
        assert served.port


async def test_it_ends_after_its_time() -> None:
    async with serving(seconds=0.01) as served:
        while served.port:
            await asyncio.sleep(0.005)


async def test_who_guesses_ends_it() -> None:
    async with serving() as served:
        for number in range(WRONG):
            assert served.port, number
            await asked(served.port, get(f"/{number}"))
        assert served.port == 0


@pytest.mark.parametrize(
    "request_", [b"GET /" + b"x" * 2 * LONGEST, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * LONGEST, b""]
)
async def test_those_who_say_too_much_or_nothing(request_: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve_once, "PATIENCE", 0.05)
    async with serving() as served:
        assert SECRET not in await asked(served.port, request_)
        assert SECRET in await asked(served.port, get(f"/{served.token}"))


async def test_many_who_wait_do_not_keep_others_out_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve_once, "PATIENCE", 0.05)
    async with serving() as served:
        waiting = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(AT_ONCE)]
        assert await asked(served.port, get(f"/{served.token}")) == b""
        for reader, writer in waiting:
            assert await reader.read() == b""
            writer.close()
        assert SECRET in await asked(served.port, get(f"/{served.token}"))


async def test_paths_differ() -> None:
    async with serving() as one, serving() as other:
        assert one.token != other.token
        assert len(one.token) == 32
