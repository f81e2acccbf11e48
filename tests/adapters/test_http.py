"""Requests against a server that misbehaves on command: each ends with an answer or in words, in its time."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from homeline.adapters.http import LONGEST_PAUSE, Answer, Client, Failure, HttpError, Request, excerpt, parse
from homeline.adapters.http_exchange import redirected, retry_after
from homeline.adapters.resolve import Resolver
from homeline_lab.web import Reply, WebServer
from hostile import HOSTILE

SECRET = "p4ssw0rd"


async def nobody(_host: str, _seconds: float) -> Sequence[str]:
    raise AssertionError("an address needs no looking up")


async def here(_host: str, _seconds: float) -> Sequence[str]:
    return ("127.0.0.1",)


@contextlib.asynccontextmanager
async def serving(*replies: Reply, tls: ssl.SSLContext | None = None) -> AsyncIterator[WebServer]:
    async with WebServer(tls=tls) as server:
        server.replies.extend(replies)
        yield server


def to(server: WebServer, path: str = f"/hook?token={SECRET}", **options: object) -> Request:
    wanted: dict[str, object] = {"body": b"hello", "timeout": 10.0, "allow_local": True, **options}
    return Request("POST", server.url + path, **wanted)  # type: ignore[arg-type]


async def refusal(request: Request, client: Client | None = None) -> HttpError:
    with pytest.raises(HttpError) as caught:
        await (client or Client(here, 2)).request(request)
    error = caught.value
    assert SECRET not in str(error)
    assert SECRET not in repr(request)
    assert error.__cause__ is None
    return error


async def test_a_request_goes_out_whole() -> None:
    async with serving(Reply(201, b"thanks", (("Retry-After", "7"),))) as server:
        request = to(server, headers=(("X-One", "1"), ("Content-Type", "text/plain")))
        assert await Client(nobody, 1).request(request) == Answer(201, b"thanks", 7.0)
        (heard,) = server.heard
    assert (heard.method, heard.path, heard.body) == ("POST", f"/hook?token={SECRET}", b"hello")
    assert heard.headers == {
        "accept-encoding": "identity",
        "host": f"127.0.0.1:{server.port}",
        "x-one": "1",
        "content-type": "text/plain",
        "connection": "close",
        "content-length": "5",
    }


async def test_ipv6_with_its_brackets() -> None:
    async with WebServer(host="::1") as server:
        await Client(nobody, 1).request(to(server))
        assert server.heard[0].headers["host"] == f"[::1]:{server.port}"


@pytest.mark.parametrize("value", [*HOSTILE.values(), "a\r\nX-Admin: 1", "a\nb", "a\0b"])
async def test_no_header_brings_another(value: str) -> None:
    """Values come from the configuration, which allows ASCII alone; whatever else is refused, or is one header."""
    async with serving() as server:
        with contextlib.suppress(ValueError, HttpError):
            await Client(nobody, 1).request(to(server, headers=(("X-Text", value),)))
        for heard in server.heard:
            assert set(heard.headers) == {"accept-encoding", "host", "x-text", "connection", "content-length"}


# -- a server that misbehaves ------------------------------------------------------------------------------------------

SLOW = {
    "says nothing": Reply(silent=True),
    "drips its headers": Reply(pause=0.05, headers=(("X-Long", "x" * 2000),)),
    "sends headers without end": Reply(raw=b"HTTP/1.1 200 OK\r\n", endless=b"X-A: b\r\n", pause=0.05),
    "sends interim answers without end": Reply(raw=b"", endless=b"HTTP/1.1 100 Continue\r\n\r\n", pause=0.01),
}


@pytest.mark.parametrize("how", SLOW)
async def test_a_slow_server_ends_at_the_deadline(how: str) -> None:
    async with serving(SLOW[how]) as server:
        client = Client(nobody, 1)
        error = await refusal(to(server, timeout=0.4), client)
        assert (error.failure, error.permanent, error.retry_after) == (Failure.TIMEOUT, False, None)
        assert str(error) == "127.0.0.1 did not answer within 0.4 s."
        await server.until(lambda: not server.open_connections)
        assert (await client.request(to(server))).status == 200  # the slot is free again


async def test_a_slow_server_with_tls_ends_at_the_deadline(ca: trustme.CA, tmp_path: Path) -> None:
    async with serving(Reply(pause=0.05, headers=(("X-Long", "x" * 2000),)), tls=certified(ca, "127.0.0.1")) as server:
        request = to(server, timeout=0.6, ca_file=trusted(ca, tmp_path))
        assert (await refusal(request)).failure is Failure.TIMEOUT
        await server.until(lambda: not server.open_connections)


async def test_a_server_that_reads_nothing() -> None:
    async with WebServer(deaf=True) as server:
        error = await refusal(to(server, body=bytes(20_000_000), timeout=0.4))
        assert error.failure is Failure.TIMEOUT
        await server.until(lambda: not server.open_connections)


async def test_a_server_that_accepts_and_never_secures() -> None:
    async with WebServer(deaf=True) as server:
        request = Request("POST", f"https://127.0.0.1:{server.port}/", timeout=0.4, allow_local=True)
        error = await refusal(request)
        assert str(error) == "127.0.0.1 did not secure the connection within 0.4 s."
        await server.until(lambda: not server.open_connections)


async def test_a_server_whose_queue_is_full() -> None:
    """Its kernel drops what asks for a connection, as a network that swallows packets does."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as busy, contextlib.ExitStack() as stack:
        port = busy.getsockname()[1]
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        error = await refusal(Request("GET", f"http://127.0.0.1:{port}/", timeout=0.4, allow_local=True))
        assert str(error) == "127.0.0.1 did not accept a connection within 0.4 s."


BROKEN = {
    "hangs up": Reply(reset=True),
    "hangs up in the headers": Reply(raw=b"HTTP/1.1 200 OK\r\nX-A", reset=True),
    "ends in the status": Reply(raw=b"HTTP/1.1"),
    "speaks something else": Reply(raw=b"220 mail.example.org ESMTP\r\n"),
    "sends nothing but octets": Reply(raw=bytes(range(256)) * 300),
    "sends a status that is none": Reply(raw=b"HTTP/1.1 abc OK\r\n\r\n"),
    "sends a thousand headers": Reply(raw=b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1000 + b"\r\n"),
    "sends a header of 100 kB": Reply(raw=b"HTTP/1.1 200 OK\r\nA: " + b"b" * 100_000 + b"\r\n\r\n"),
}


@pytest.mark.parametrize("how", BROKEN)
async def test_what_is_no_answer(how: str) -> None:
    async with serving(BROKEN[how]) as server:
        error = await refusal(to(server))
        assert (error.failure, error.permanent, error.retry_after) == (Failure.BROKEN, False, None)
        assert str(error).startswith(("127.0.0.1 ended the connection early", "The connection to 127.0.0.1 broke"))


TAKEN = {
    "a body that breaks off": (Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), b"abc"),
    "a body that is reset": (Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", reset=True), b""),
    "chunks that are none": (Reply(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), b""),
    "chunks": (Reply(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"), b"abc"),
    "no length": (Reply(raw=b"HTTP/1.0 200 OK\r\n\r\nabc"), b"abc"),
    "a length that is none": (Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabc"), b"abc"),
    "no content": (Reply(raw=b"HTTP/1.1 204 No Content\r\n\r\n"), b""),
    "ten megabytes": (Reply(body=bytes(10_000_000)), bytes(65536)),
}


@pytest.mark.parametrize("how", TAKEN)
async def test_the_status_counts_whatever_becomes_of_the_body(how: str) -> None:
    reply, body = TAKEN[how]
    async with serving(reply) as server:
        assert (await Client(nobody, 1).request(to(server))) in (
            Answer(200, body),
            Answer(204, body),
        )


async def test_a_body_that_drips_past_the_deadline_was_still_taken() -> None:
    async with serving(Reply(raw=b"HTTP/1.1 200 OK\r\n\r\n", endless=b"a", pause=0.01)) as server:
        found = await Client(nobody, 1).request(to(server, timeout=1.5))
        assert found.status == 200
        await server.until(lambda: not server.open_connections)


async def test_an_answer_before_the_request_was_read() -> None:
    """A server that refuses a large body by its head, and hangs up."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.write_eof()
        while await reader.read(65536):
            pass
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        request = Request("POST", f"http://127.0.0.1:{port}/", body=bytes(2_000_000), timeout=10, allow_local=True)
        assert (await Client(nobody, 1).request(request)).status == 413


async def test_nobody_is_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    error = await refusal(Request("GET", f"http://127.0.0.1:{port}/?{SECRET}", allow_local=True))
    assert (error.failure, error.retry_after) == (Failure.CONNECT, None)
    assert str(error) == "127.0.0.1 cannot be connected to: Connection refused."


async def test_the_next_address_is_tried() -> None:
    async def two(_host: str, _seconds: float) -> Sequence[str]:
        return ("127.0.0.2", "127.0.0.1")

    async with serving() as server:
        request = to(server)
        request = Request("POST", f"http://lab.example:{server.port}/", body=b"x", allow_local=True)
        assert (await Client(two, 1).request(request)).status == 200
        assert server.heard[0].headers["host"] == f"lab.example:{server.port}"


# -- cancelling and slots ----------------------------------------------------------------------------------------------


async def test_cancelling_frees_the_slot() -> None:
    async with serving(Reply(silent=True)) as server:
        client = Client(nobody, 1)
        task = asyncio.ensure_future(client.request(to(server, timeout=100)))
        await server.wait_for(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.until(lambda: not server.open_connections)
        assert (await client.request(to(server))).status == 200


async def test_cancelling_ends_what_is_still_connecting() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as busy, contextlib.ExitStack() as stack:
        port = busy.getsockname()[1]
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        client = Client(nobody, 1)
        request = Request("GET", f"http://127.0.0.1:{port}/", timeout=100, allow_local=True)
        task = asyncio.ensure_future(client.request(request))
        while not client._slots.locked() or not any(thread.name == "http" for thread in threading.enumerate()):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(10), client._slots:
            pass


async def test_an_address_of_a_kind_that_the_router_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one is tried."""

    class NoIpv6(socket.socket):
        def __init__(self, family: int = -1, *args: Any, **kwargs: Any) -> None:
            if family == socket.AF_INET6:
                raise OSError(97, "Address family not supported by protocol")
            super().__init__(family, *args, **kwargs)

    async def two(_host: str, _seconds: float) -> Sequence[str]:
        return ("::1", "127.0.0.1")

    async with serving() as server:
        monkeypatch.setattr(socket, "socket", NoIpv6)
        request = Request("GET", f"http://lab.example:{server.port}/", allow_local=True)
        assert (await Client(two, 1, lambda _: False).request(request)).status == 200


async def test_a_connection_that_waits_for_long_is_kept_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Telegram's answer may take a minute, in which a router on the way would forget the connection."""
    found: list[list[int]] = []

    class Watched(socket.socket):
        def connect(self, address: Any) -> None:
            options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            kept = self.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            found.append([kept, *(self.getsockopt(socket.IPPROTO_TCP, option) for option in options)])
            super().connect(address)

    async with serving() as server:
        monkeypatch.setattr(socket, "socket", Watched)
        await Client(nobody, 1).request(to(server))
    assert found == [[1, 20, 10, 3]]


async def test_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_self: object) -> None:
        raise RuntimeError("can't start new thread")

    async with serving() as server:
        client = Client(nobody, 1)
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", start)
            assert (await refusal(to(server), client)).failure is Failure.BROKEN
        assert (await client.request(to(server))).status == 200


async def test_no_more_at_once_than_there_are_slots() -> None:
    async with serving(*[Reply(silent=True)] * 9) as server:
        client = Client(nobody, 2)
        under_way = [asyncio.ensure_future(client.request(to(server, timeout=100))) for _ in range(2)]
        await server.wait_for(2)
        others = (client.request(to(server, timeout=0.5)) for _ in range(2))
        errors = list(map(str, await asyncio.gather(*others, return_exceptions=True)))
        assert errors == ["Other requests to 127.0.0.1 still wait for their answers."] * 2
        assert len([thread for thread in threading.enumerate() if thread.name == "http"]) == len(server.heard) == 2
        for task in under_way:
            task.cancel()
        await asyncio.wait(under_way)
    async with asyncio.timeout(5):
        while any(thread.name == "http" for thread in threading.enumerate()):
            await asyncio.sleep(0.01)


async def test_the_loop_is_never_held() -> None:
    """A server that accepts and stays silent, and a name that takes its time."""
    async with serving(Reply(silent=True)) as server:
        task = asyncio.ensure_future(Client(nobody, 1).request(to(server, timeout=0.5)))
        turns = 0
        while not task.done():
            before = time.monotonic()
            await asyncio.sleep(0)
            turns += 1
            assert time.monotonic() - before < 0.4  # far from what it would be held for: the machine may be busy
        assert turns > 10
        with pytest.raises(HttpError):
            await task


# -- names -------------------------------------------------------------------------------------------------------------


async def test_a_name_that_is_gone() -> None:
    def gone(_host: str) -> tuple[str, ...]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    client = Client(Resolver(gone).resolve, 1)
    error = await refusal(Request("GET", f"https://hook.example/{SECRET}"), client)
    assert (str(error), error.failure) == ("hook.example: there is no such name.", Failure.DNS)
    assert error.retry_after is None


async def test_a_name_server_that_is_silent() -> None:
    go = threading.Event()

    def slow(_host: str) -> tuple[str, ...]:
        go.wait(20)
        return ()

    client = Client(Resolver(slow).resolve, 1)
    error = await refusal(Request("GET", "https://hook.example/", timeout=0.2), client)
    assert error.failure is Failure.TIMEOUT
    go.set()


OWN = ["127.0.0.1", "127.8.8.8", "0.0.0.0", "::1", "::", "169.254.1.1", "fe80::1", "::ffff:127.0.0.1", "224.0.0.1"]
OWN += ["64:ff9b::7f00:1", "2002:7f00:1::1", "::127.0.0.1", "0.1.2.3", "255.255.255.255", "ff02::1"]


@pytest.mark.parametrize("address", OWN)
async def test_the_router_itself_is_not_asked(address: str) -> None:
    async def leads(_host: str, _seconds: float) -> Sequence[str]:
        return (address,)

    literal = f"[{address}]" if ":" in address else address
    for host in ("router.example", literal):
        error = await refusal(Request("GET", f"http://{host}:1/{SECRET}"), Client(leads, 1))
        assert error.failure is Failure.OWN
        assert error.retry_after == 300
        assert "allow_local" in str(error)


async def test_a_name_is_looked_up_once_and_only_what_was_checked_is_connected_to() -> None:
    answers = [("127.0.0.9",), ("127.0.0.1",)]

    async def rebinds(_host: str, _seconds: float) -> Sequence[str]:
        return answers.pop(0)

    async with serving(Reply(307, headers=(("Location", "/elsewhere"),))) as server:
        seen: list[str] = []

        def own(address: str) -> bool:
            seen.append(address)
            return False

        client = Client(rebinds, 1, own)
        error = await refusal(Request("GET", f"http://hook.example:{server.port}/"), client)
        assert error.failure is Failure.CONNECT  # nothing listens there
        assert seen == ["127.0.0.9"]
        await client.request(Request("GET", f"http://hook.example:{server.port}/"))
        assert seen == ["127.0.0.9", "127.0.0.1"]
        assert len(server.heard) == 2  # the redirect went to the same address


# -- redirects ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [307, 308])
async def test_a_redirect_on_the_same_host_keeps_method_and_body(status: int) -> None:
    async with serving(Reply(status, headers=(("Location", "other?a=b"),))) as server:
        await Client(nobody, 1).request(to(server, "/a/hook"))
        assert [(heard.method, heard.path, heard.body) for heard in server.heard] == [
            ("POST", "/a/hook", b"hello"),
            ("POST", "/a/other?a=b", b"hello"),
        ]


REDIRECTED = [
    (302, "/other", "in a way that would lose what a POST sends"),
    (303, "/other", "in a way that would lose what a POST sends"),
    (307, "http://elsewhere.example/", "to another host"),
    (307, "//elsewhere.example/", "to another host"),
    (307, "http://127.0.0.1:1/", "to another port"),
    (307, "ftp://127.0.0.1/", "to what is no address"),
    (307, "http://user:secret@127.0.0.1/", "to what is no address"),
    (307, "javascript:alert(1)", "to what is no address"),
    (307, "http://127.0.0.1 x/", "to what is no address"),
    (307, "/\u00e4", "to what is no address"),
    (307, "http://[::1", "to what is no address"),
]


@pytest.mark.parametrize(("status", "location", "words"), REDIRECTED)
async def test_a_redirect_that_is_not_followed(status: int, location: str, words: str) -> None:
    async with serving(Reply(status, headers=(("Location", location),))) as server:
        error = await refusal(to(server))
        assert str(error) == f"127.0.0.1 redirects ({status}) {words}. Enter the final URL."
        assert (error.failure, error.retry_after, error.permanent) == (Failure.REDIRECT, 300, False)
        assert len(server.heard) == 1


async def test_redirects_without_end() -> None:
    async with WebServer(lambda _heard: Reply(308, headers=(("Location", "/again"),))) as server:
        error = await refusal(to(server))
        assert str(error) == "127.0.0.1 redirects again and again."
        assert len(server.heard) == 4


ELSEWHERE = [
    ("http://a.example/x", "GET", 302, "https://a.example/y", "https://a.example/y"),
    ("http://a.example:8080/x", "POST", 308, "https://A.example/y", "https://a.example/y"),
    ("http://a.example:8080/x", "POST", 308, "https://a.example:8080/y", "https://a.example:8080/y"),
    ("https://a.example/x/y?q", "POST", 307, "?r", "https://a.example/x/y?r"),
    ("https://a.example/x/y", "POST", 307, "//a.example./z#part", "https://a.example/z"),
    ("https://[2001:db8::1]/x", "POST", 307, "/y", "https://[2001:db8::1]/y"),
]


@pytest.mark.parametrize(("url", "method", "status", "location", "target"), ELSEWHERE)
def test_where_a_redirect_leads(url: str, method: str, status: int, location: str, target: str) -> None:
    new = redirected(parse(url), method, status, location)
    assert f"{'https' if new.secure else 'http'}://{new.authority}{new.path}" == target


async def test_a_redirect_that_leads_nowhere_is_an_answer() -> None:
    async with serving(Reply(307)) as server:
        assert (await Client(nobody, 1).request(to(server))).status == 307


async def test_a_redirect_from_tls_to_none(ca: trustme.CA, tmp_path: Path) -> None:
    async with serving(tls=certified(ca, "127.0.0.1")) as server:
        server.replies.append(Reply(307, headers=(("Location", f"http://127.0.0.1:{server.port}/"),)))
        error = await refusal(to(server, ca_file=trusted(ca, tmp_path)))
        assert "a connection that is not secured" in str(error)


# -- TLS ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


def certified(ca: trustme.CA, *names: str, until: datetime | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*names, not_after=until).configure_cert(context)
    return context


def trusted(ca: trustme.CA, folder: Path) -> str:
    path = folder / "ca.pem"
    ca.cert_pem.write_to_path(path)
    return str(path)


async def test_tls_with_the_owners_authority(ca: trustme.CA, tmp_path: Path) -> None:
    async with serving(tls=certified(ca, "hook.example")) as server:
        request = Request("POST", f"https://hook.example:{server.port}/", body=b"x", allow_local=True)
        request = Request("POST", request.url, body=b"x", allow_local=True, ca_file=trusted(ca, tmp_path))
        assert (await Client(here, 1).request(request)).status == 200
        assert server.heard[0].headers["host"] == f"hook.example:{server.port}"


async def test_tls_that_is_not_to_be_trusted(ca: trustme.CA, tmp_path: Path) -> None:
    own, expired = trusted(ca, tmp_path), datetime(2020, 1, 1, tzinfo=UTC)
    for context, ca_file, words in (
        (certified(ca, "hook.example", until=expired), own, "its certificate has expired"),
        (certified(ca, "other.example"), own, "its certificate is for another name"),
        (certified(trustme.CA(), "hook.example"), own, "from an authority that is not trusted"),
        (certified(ca, "hook.example"), "", "from an authority that is not trusted"),
        (certified(ca, "hook.example"), str(tmp_path / "missing.pem"), "missing.pem: No such file"),
        (certified(ca, "hook.example"), __file__, "cannot be read"),
    ):
        async with serving(tls=context) as server:
            request = Request("POST", f"https://hook.example:{server.port}/{SECRET}", ca_file=ca_file, allow_local=True)
            error = await refusal(request)
            assert (error.failure, error.retry_after) == (Failure.TLS, 300)
            assert words in str(error)
            assert server.heard == []
            if ca_file == own:
                unchecked = Request("POST", request.url, verify=False, allow_local=True)
                assert (await Client(here, 1).request(unchecked)).status == 200


async def test_tls_to_a_server_without() -> None:
    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        error = await refusal(Request("GET", f"https://127.0.0.1:{port}/", allow_local=True, timeout=10))
        assert error.failure in (Failure.TLS, Failure.BROKEN)  # as the machine hurries: rubbish, or the end of it


async def test_a_ca_file_that_changed_is_read_again(ca: trustme.CA, tmp_path: Path) -> None:
    other = trustme.CA()
    path = trusted(other, tmp_path)
    async with serving(tls=certified(ca, "127.0.0.1")) as server:
        assert (await refusal(to(server, ca_file=path))).failure is Failure.TLS
        trusted(ca, tmp_path)
        assert (await Client(nobody, 1).request(to(server, ca_file=path))).status == 200


# -- what is read of an answer -----------------------------------------------------------------------------------------

NOW = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def at(seconds: float) -> str:
    return format_datetime(datetime.fromtimestamp(NOW + seconds, UTC), usegmt=True)


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        (None, None, None),
        ("", None, None),
        ("0", None, 0.0),
        (" 120 ", None, 120.0),
        ("99999999999999999999", None, LONGEST_PAUSE),
        ("-5", None, None),
        ("1.5", None, None),
        ("\u0665", None, None),
        ("soon", None, None),
        (at(60), None, 60.0),
        (at(-60), None, 0.0),
        (at(10_000_000), None, LONGEST_PAUSE),
        (at(60), at(30), 30.0),  # by the server's clock
        (at(60), "rubbish", 60.0),
        ("Mon, 32 Foo 99999 99:99:99 GMT", None, None),
    ],
)
def test_retry_after(value: str | None, date: str | None, seconds: float | None) -> None:
    assert retry_after(value, date, NOW) == seconds


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_an_excerpt_is_one_printable_line_without_secrets(text: str) -> None:
    shown = excerpt(f"{SECRET} {text} {SECRET}".encode("utf-8", "replace"), (SECRET, ""))
    assert shown.isprintable()
    assert len(shown) <= 200
    assert SECRET not in shown
    assert shown.startswith("***")
