"""The test bus: what the real ubusd answered, octet for octet, and our own objects on it."""

from __future__ import annotations

import asyncio
import grp
import json
import pwd
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from homeline.adapters.bus_method import Method, Request
from homeline.errors import BusError
from homeline.protocol import blobmsg, ubus
from homeline.protocol.blobmsg import Table, Type
from homeline.protocol.ubus import Attributes, Frame, Kind, Status
from homeline.protocol.ubus_arguments import Param
from homeline_lab.ubusd import Ubusd
from ubus_captures import FOLDER, frames, turns

OBJECT = "demo.gateway"


class Client:
    """A bare connection: bytes out, frames in."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer
        self._framer = ubus.Framer()
        self._frames: list[Frame] = []

    async def read(self, size: int) -> bytes:
        async with asyncio.timeout(5):
            return await self._reader.readexactly(size)

    async def frame(self) -> tuple[Frame, Attributes]:
        async with asyncio.timeout(5):
            while not self._frames:
                data = await self._reader.read(65536)
                assert data, "the bus closed the connection"
                self._frames += self._framer.feed(data)
        frame = self._frames.pop(0)
        return frame, ubus.parse(frame.body)

    async def expect(self, kind: Kind) -> tuple[Frame, Attributes]:
        frame, found = await self.frame()
        assert frame.kind == kind
        return frame, found

    async def status(self) -> int | None:
        return (await self.expect(Kind.STATUS))[1].status

    async def silent(self) -> bool:
        """Nothing more has come: an echo of ours is the next thing."""
        self.writer.write(ubus.message(Kind.PING, 999, 0))
        frame, _ = await self.frame()
        assert await self.status() == Status.OK
        return frame.kind == Kind.DATA and frame.seq == 999


Connect = Callable[[], Any]


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Ubusd]:
    async with Ubusd(tmp_path / "s") as running:
        yield running


@pytest.fixture
async def connect(bus: Ubusd) -> AsyncIterator[Connect]:
    made: list[Client] = []

    async def new() -> Client:
        made.append(Client(*await asyncio.open_unix_connection(bus.path)))
        await made[-1].expect(Kind.HELLO)
        return made[-1]

    yield new
    for client in made:
        client.writer.close()


# --- the recordings ---------------------------------------------------------------------------------------------------


def recorded(name: str) -> list[tuple[Frame, Attributes]]:
    return [(frame, ubus.parse(frame.body)) for frame in frames(name, from_client=False)]


def ids(name: str) -> Iterator[int]:
    """The ids that ubusd drew, in its order: the object's type, the object, the client."""
    found = [attributes for _, attributes in recorded(name)]
    listed = next((attributes for attributes in found if attributes.path == OBJECT), None)
    if listed is not None:
        yield listed.type or 0
        yield listed.object or 0
    yield recorded(name)[0][0].peer
    yield from (
        each.object for each in found if each.object and not (each.path or each.data or each.status is not None)
    )


def recorded_methods(name: str) -> dict[str, Method]:
    """An object that answers as the recorded one did."""
    reply = next(
        (each.data for frame, each in recorded(name) if frame.kind == Kind.DATA and each.data is not None), None
    )
    ended = [each.status for _, each in recorded(name) if each.status is not None and each.object is not None]

    async def handle(request: Request) -> Table | None:
        if ended and ended[0]:
            raise BusError("as recorded", ended[0])
        return None if reply is None else blobmsg.decode(reply)

    signature = next(each.signature for _, each in recorded("call_status") if each.signature is not None)
    return {
        method: Method(handle, {arg: Param(Type(kind)) for arg, kind in args.items()})
        for method, args in blobmsg.decode(signature).items()
    }


REPLAYED = [
    "list_all",
    "list_missing",
    "list_verbose",
    "call_status",
    "call_echo",
    "call_deferred",
    "call_large",
    "call_no_data",
    "call_error_not_found_status",
    "call_unknown_method",
    "call_unknown_object",
    "wait_for",
]


@pytest.mark.parametrize("name", REPLAYED)
async def test_a_recorded_client_gets_what_ubusd_sent(name: str, tmp_path: Path) -> None:
    drawn = ids(name)
    async with Ubusd(tmp_path / "s", next_id=lambda: next(drawn)) as bus:
        if any(each.path == OBJECT for _, each in recorded(name)):
            bus.add_local(OBJECT, recorded_methods(name))
        client = Client(*await asyncio.open_unix_connection(bus.path))
        for turn in turns(name):
            if turn.from_client:
                client.writer.write(turn.data)
            else:
                assert (await client.read(len(turn.data))).hex() == turn.data.hex()
        client.writer.close()


async def test_recorded_events_go_where_ubusd_sent_them(tmp_path: Path) -> None:
    """Two connections: one registers for `demo.*`, the other sends an event.

    An event's sequence number counts the events that ubusd ever sent, so it is not compared.
    """
    drawn = iter([0xE23221DF, 0x20A962C8, 0x692931B0])
    clients: dict[int, Client] = {}
    async with Ubusd(tmp_path / "s", next_id=lambda: next(drawn)) as bus:
        for turn in turns("listen_and_send"):
            if turn.connection not in clients:
                clients[turn.connection] = Client(*await asyncio.open_unix_connection(bus.path))
            if turn.from_client:
                clients[turn.connection].writer.write(turn.data)
            else:
                got = await clients[turn.connection].read(len(turn.data))
                assert without_event_numbers(got) == without_event_numbers(turn.data)
        for client in clients.values():
            client.writer.close()


def without_event_numbers(stream: bytes) -> list[Frame]:
    frames = ubus.Framer().feed(stream)
    return [frame._replace(seq=0) if frame.kind == Kind.INVOKE else frame for frame in frames]


@pytest.mark.parametrize("name", ["subscribe", "subscribe_gone"])
async def test_recorded_subscribers_get_what_ubusd_sent(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = pwd.getpwuid(0), grp.getgrgid(0)  # who made the recordings
    monkeypatch.setattr(pwd, "getpwuid", lambda _: root[0])
    monkeypatch.setattr(grp, "getgrgid", lambda _: root[1])
    listed = next(each for _, each in recorded(name) if each.path == OBJECT)
    hello, subscriber = recorded(name)[0][0].peer, recorded(name)[1][1].object
    # The provider's own client id is seen where it notifies.
    provider_id = next((frame.peer for frame, _ in recorded(name) if frame.kind == Kind.INVOKE), 0x1234)
    drawn = iter([provider_id, listed.type or 0, listed.object or 0, hello, subscriber or 0])
    async with Ubusd(tmp_path / "s", next_id=lambda: next(drawn)) as bus:
        provider = Client(*await asyncio.open_unix_connection(bus.path))
        provider.writer.write(ubus.add_object(1, OBJECT, listed.signature))
        for kind in (Kind.HELLO, Kind.DATA, Kind.STATUS):
            await provider.expect(kind)
        client = Client(*await asyncio.open_unix_connection(bus.path))
        for turn in turns(name):
            if turn.from_client:
                client.writer.write(turn.data)
                continue
            pushed = [frame for frame in ubus.Framer().feed(turn.data) if frame.kind in (Kind.INVOKE, Kind.UNSUBSCRIBE)]
            expected = turn.data
            if pushed:  # what the provider caused, after what answers the subscriber
                before = len(turn.data) - sum(12 + len(frame.body) for frame in pushed)
                assert (await client.read(before)).hex() == turn.data[:before].hex()
                expected = turn.data[before:]
                _, active = await provider.expect(Kind.NOTIFY)
                assert active.active is True
                await provoke(provider, pushed[0], listed.object or 0)
            assert (await client.read(len(expected))).hex() == expected.hex()
        client.writer.close()
        provider.writer.close()


async def provoke(provider: Client, pushed: Frame, obj: int) -> None:
    found = ubus.parse(pushed.body)
    if pushed.kind == Kind.UNSUBSCRIBE:
        provider.writer.write(ubus.remove_object(2, obj))
    else:
        provider.writer.write(ubus.notify(pushed.seq, obj, found.method or "", found.data or b"", no_reply=False))


# --- behaviour the recordings do not show ----------------------------------------------------------------------------


async def published(client: Client, name: str | None = "a", seq: int = 1) -> int:
    client.writer.write(ubus.add_object(seq, name, blobmsg.encode({"m": {}}) if name else None))
    _, found = await client.expect(Kind.DATA)
    assert await client.status() == Status.OK
    return found.object or 0


async def test_a_name_is_given_once_and_free_again(connect: Connect) -> None:
    one, two = await connect(), await connect()
    obj = await published(one)
    two.writer.write(ubus.add_object(1, "a", b""))
    assert await two.status() == Status.INVALID_ARGUMENT
    two.writer.write(ubus.remove_object(2, obj))
    assert await two.status() == Status.PERMISSION_DENIED
    one.writer.write(ubus.remove_object(2, obj))
    await one.expect(Kind.DATA)
    assert await one.status() == Status.OK
    assert await published(two) != obj


async def test_lookups_are_sorted_and_filtered(bus: Ubusd, connect: Connect) -> None:
    bus.permits = lambda peer, action, name: name != "b.hidden"
    for name in ("b.two", "a", "b.one", "b.hidden"):
        bus.add_local(name, {})
    client = await connect()
    expected = {None: ["a", "b.one", "b.two"], "b.*": ["b.one", "b.two"], "a": ["a"], "*": ["a", "b.one", "b.two"]}
    for pattern, names in expected.items():
        client.writer.write(ubus.lookup(1, pattern))
        assert [(await client.expect(Kind.DATA))[1].path for _ in names] == names
        assert await client.status() == Status.OK
    for pattern, status in {"c*": Status.NOT_FOUND, "b": Status.NOT_FOUND, "": Status.INVALID_ARGUMENT}.items():
        client.writer.write(ubus.lookup(2, pattern))
        assert await client.status() == status


async def test_calls_go_to_the_owner_with_the_callers_name_and_back(connect: Connect) -> None:
    owner, caller = await connect(), await connect()
    obj = await published(owner)
    caller.writer.write(ubus.invoke(7, obj, "m", blobmsg.encode({"x": 1})))
    frame, call = await owner.expect(Kind.INVOKE)
    assert (call.method, call.object, blobmsg.decode(call.data or b"")) == ("m", obj, {"x": 1})
    assert call.user
    assert call.group
    owner.writer.write(ubus.data(frame.seq, frame.peer, obj, b"") + ubus.status(frame.seq, frame.peer, 4, obj))
    assert (await caller.expect(Kind.DATA))[0][:3] == (Kind.DATA, 7, obj)
    assert await caller.status() == 4


async def test_an_answer_for_an_object_of_another_is_not_passed_on(connect: Connect) -> None:
    owner, caller, stranger = await connect(), await connect(), await connect()
    obj = await published(owner)
    caller.writer.write(ubus.invoke(7, obj, "m", b""))
    frame, _ = await owner.expect(Kind.INVOKE)
    stranger.writer.write(ubus.status(frame.seq, frame.peer, 0, obj))
    assert await stranger.silent()
    assert await caller.silent()


@pytest.mark.parametrize(
    ("wire", "status"),
    [
        (ubus.message(77, 1, 0), Status.INVALID_COMMAND),
        (ubus.message(Kind.INVOKE, 1, 0), Status.INVALID_ARGUMENT),
        (ubus.message(Kind.INVOKE, 1, 0, b"\xff\xff\xff\xff"), Status.INVALID_ARGUMENT),
        (ubus.invoke(1, 0x99999999, "m", b""), Status.NOT_FOUND),
        (ubus.invoke(1, ubus.EVENT_OBJECT, "nope", b""), Status.INVALID_COMMAND),
        (ubus.invoke(1, ubus.EVENT_OBJECT, "send", b"\xff"), Status.INVALID_ARGUMENT),
        (ubus.invoke(1, ubus.EVENT_OBJECT, "send", ubus.send_event("ubus.fake", {})), Status.PERMISSION_DENIED),
        (ubus.invoke(1, ubus.EVENT_OBJECT, "register", ubus.register_event(5, "x")), Status.NOT_FOUND),
        (ubus.remove_object(1, 5), Status.NOT_FOUND),
        (ubus.subscribe(1, 5, 6), Status.NOT_FOUND),
        (ubus.notify(1, 5, "x", b"", no_reply=False), Status.NOT_FOUND),
    ],
)
async def test_nonsense_gets_ubusds_status(connect: Connect, wire: bytes, status: Status) -> None:
    client = await connect()
    client.writer.write(wire)
    assert await client.status() == status
    assert await client.silent()


async def test_a_stream_that_is_not_ubus_is_cut_and_others_go_on(bus: Ubusd, connect: Connect) -> None:
    bad, good = await connect(), await connect()
    bad.writer.write(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises((AssertionError, ConnectionError)):
        await bad.frame()
    assert await good.silent()


async def test_subscribing_twice_ends_twice_and_tells_the_owner_once(connect: Connect) -> None:
    owner, other = await connect(), await connect()
    obj = await published(owner)
    ear = await published(other, None)
    for seq in (2, 3):
        other.writer.write(ubus.subscribe(seq, ear, obj))
        assert await other.status() == Status.OK
    assert (await owner.expect(Kind.NOTIFY))[1].active is True
    other.writer.write(ubus.subscribe(4, ear, obj, undo=True))
    assert await other.status() == Status.OK
    assert await owner.silent()
    other.writer.close()
    assert (await owner.expect(Kind.NOTIFY))[1].active is False


async def test_a_client_that_never_reads_loses_messages_and_delays_nobody(bus: Ubusd, connect: Connect) -> None:
    async def large(request: Request) -> Table:
        return {"x": "y" * 100_000}

    bus.add_local("a", {"m": Method(large)})
    lazy, good = await connect(), await connect()
    lazy.writer.write(ubus.lookup(1, "a"))
    obj = (await lazy.expect(Kind.DATA))[1].object
    lazy.writer.transport.pause_reading()
    for seq in range(100):
        lazy.writer.write(ubus.invoke(seq, obj or 0, "m", b""))
    for seq in range(20):
        good.writer.write(ubus.invoke(seq, obj or 0, "m", b""))
        await good.expect(Kind.DATA)
        assert await good.status() == Status.OK


async def test_stop_cuts_and_start_brings_local_objects_back(bus: Ubusd, connect: Connect) -> None:
    bus.add_local("a", {})
    client = await connect()
    await bus.stop()
    with pytest.raises((AssertionError, ConnectionError)):
        await client.frame()
    assert not bus.path.exists()
    await bus.start()
    client = await connect()
    client.writer.write(ubus.lookup(1, None))
    assert (await client.expect(Kind.DATA))[1].path == "a"


async def test_the_sockets_mode_is_as_asked(tmp_path: Path) -> None:
    async with Ubusd(tmp_path / "s", mode=0o600) as bus:
        assert bus.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(shutil.which("ubus") is None, reason="the real `ubus` command is not on PATH")
async def test_the_real_ubus_command_sees_no_difference(bus: Ubusd) -> None:
    bus.add_local(OBJECT, recorded_methods("call_status"))

    async def run(*args: str) -> str:
        process = await asyncio.create_subprocess_exec("ubus", "-s", str(bus.path), *args, stdout=-1, stderr=-1)
        async with asyncio.timeout(10):
            out, error = await process.communicate()
        assert process.returncode == 0, error
        return out.decode()

    assert (await run("-v", "list")).splitlines()[1:] == (FOLDER / "provider.list.txt").read_text().splitlines()[1:]
    assert json.loads(await run("call", OBJECT, "status")) == json.loads((FOLDER / "provider.status.json").read_text())
    await run("wait_for", OBJECT)
    await run("send", "demo.event", '{"id": 1}')
