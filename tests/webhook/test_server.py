"""The webhook's server over real connections: what slow, greedy and rude clients get."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trustme

from homeline.webhook import server
from homeline.webhook.limits import Limits, Rate
from homeline.webhook.request import Head, Reply, form
from homeline.webhook.server import CONNECTIONS, Server
from hostile import HOSTILE
from webhook.kit import exchange, request, status

MANY = Limits(Rate(10_000, 10_000), Rate(10_000, 10_000))
PATIENCE = 30.0


async def echo(head: Head, body: bytes) -> Reply:
    return Reply(200, f"{head.path} {dict(form(head, body))}" if body else head.path)


@asynccontextmanager
async def serving(
    limits: Limits = MANY, patience: float = PATIENCE, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    made = Server(echo, limits, patience)
    try:
        yield await made.listen("127.0.0.1", 0, tls)
    finally:
        await made.close()


async def test_a_request_and_its_reply() -> None:
    async with serving() as port:
        answer = await exchange(port, request("/voice", {"To": "+41 é"}, signature="x"))
    assert status(answer) == 200
    assert answer.endswith("/voice {'To': '+41 é'}".encode())


async def test_requests_in_a_row_are_answered_in_order() -> None:
    octets = b"".join(request(f"/{n}", {"n": str(n)}, signature="x", close=n == 19) for n in range(20))
    async with serving() as port:
        answer = await exchange(port, octets)
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 20
    assert [int(piece.split(b" ")[0]) for piece in answer.split(b"\r\n\r\n/")[1:]] == list(range(20))


async def test_a_request_in_single_octets() -> None:
    octets = request("/voice", {"a": "b"}, signature="x")
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for octet in octets:
            writer.write(bytes((octet,)))
            await writer.drain()
        assert status(await asyncio.wait_for(reader.read(), 30)) == 200
        writer.close()


async def test_a_body_that_is_announced_and_awaits_leave() -> None:
    octets = request("/voice", {"a": "b"}, signature="x", headers={"Expect": "100-continue"})
    head, _, body = octets.partition(b"\r\n\r\n")
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head + b"\r\n\r\n")
        leave = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
        assert status(leave) == 100
        writer.write(body)
        assert status(await asyncio.wait_for(reader.read(), 30)) == 200
        writer.close()


@pytest.mark.parametrize("announced", [True, False])
async def test_ten_megabytes(announced: bool) -> None:
    """Refused in words, and nothing of it is held."""
    size = 10 << 20
    length = f"Content-Length: {size}\r\n" if announced else "Transfer-Encoding: chunked\r\n"
    head = f"POST /sms HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n{length}\r\n"
    async with serving() as port:
        answer = await exchange(port, head.encode() + b"Body=" + b"x" * size)
    assert status(answer) == (413 if announced else 501)


async def test_a_head_without_an_end() -> None:
    async with serving() as port:
        assert status(await exchange(port, b"POST /voice HTTP/1.1\r\nA: " + b"x" * 100_000)) == 431


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
async def test_hostile_octets(text: str) -> None:
    octets = text.encode("utf-8", "surrogatepass") + b"\r\n\r\n"
    async with serving() as port:
        assert status(await exchange(port, octets)) in (400, 431)
        answer = await exchange(
            port, request("/sms", {"Body": text.encode("utf-8", "replace").decode()[:9000]}, signature="x")
        )
        assert status(answer) == 200


async def test_who_drips_is_cut_off() -> None:
    async with serving(patience=0.2) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /voice HTTP/1.1\r\n")
        assert await asyncio.wait_for(reader.read(), 30) == b""
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request("/voice", {"a": "b"}, signature="x")[:-1])
        assert await asyncio.wait_for(reader.read(), 30) == b""
        writer.close()


async def test_silent_clients_do_not_keep_others_out() -> None:
    async with serving() as port:
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS * 2)]
        answer = await exchange(port, request("/voice", {"a": "b"}, signature="x"))
        assert status(answer) == 200
        ended = [asyncio.ensure_future(reader.read()) for reader, _ in silent[: CONNECTIONS // 2]]
        await asyncio.wait_for(asyncio.wait(ended), 30)  # the first of them gave way
        for _, writer in silent:
            writer.close()


async def test_too_many_requests(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(Limits(Rate(3, 0.001), Rate(3, 0.001))) as port:
        found = [status(await exchange(port, request("/voice", {}, signature="x"))) for _ in range(6)]
    assert found == [200, 200, 200, 429, 429, 429]
    assert caplog.text.count("some get 429") == 1


async def test_a_client_that_goes_before_the_reply(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as port:
        for _ in range(20):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request("/voice", {"a": "b"}, signature="x"))
            writer.transport.abort()
        assert status(await exchange(port, request("/voice", {}, signature="x"))) == 200
    assert not caplog.records


async def test_what_is_under_way_is_answered_at_the_end() -> None:
    began, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_head: Head, _body: bytes) -> Reply:
        began.set()
        await go_on.wait()
        return Reply(204)

    made = Server(slow, MANY)
    port = await made.listen("127.0.0.1", 0, None)
    answer = asyncio.ensure_future(exchange(port, request("/voice", {}, signature="x", close=False)))
    await asyncio.wait_for(began.wait(), 30)
    closing = asyncio.ensure_future(made.close())
    await asyncio.sleep(0)
    go_on.set()
    assert status(await answer) == 204
    await asyncio.wait_for(closing, 30)
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_tls() -> None:
    context, authority = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), trustme.CA()
    authority.issue_cert("localhost").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with serving(tls=context) as port:
        assert b"HTTP" not in await exchange(port, b"POST /voice HTTP/1.1\r\n\r\n")
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting, server_hostname="localhost")
        writer.write(request("/voice", {"a": "b"}, signature="x"))
        assert status(await asyncio.wait_for(reader.read(), 30)) == 200
        writer.close()


def test_limits_of_the_module() -> None:
    """Twilio gives up after 15 seconds."""
    assert server.PATIENCE < 15
