"""The client on the test bus: calls, objects, events, and everything that can break."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline import errors
from homeline.adapters import bus as bus_module
from homeline.adapters import bus_connection, bus_items
from homeline.adapters.bus import Bus, Method, Request
from homeline.adapters.bus_connection import Connection
from homeline.adapters.bus_items import Published
from homeline.errors import BusError, ConnectionLost, EncodeError, TimedOut
from homeline.protocol import blobmsg, ubus
from homeline.protocol.blobmsg import Int64, Table, Type
from homeline.protocol.ubus import Kind, Status
from homeline.protocol.ubus_arguments import Param
from homeline_lab.ubusd import Ubusd


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Ubusd]:
    async with Ubusd(tmp_path / "s") as running:
        yield running


@pytest.fixture
async def ours(daemon: Ubusd) -> AsyncIterator[Bus]:
    async with Bus(daemon.path) as bus:
        await bus.wait_ready(5)
        yield bus


@pytest.fixture
async def theirs(daemon: Ubusd) -> AsyncIterator[Bus]:
    async with Bus(daemon.path) as bus:
        await bus.wait_ready(5)
        yield bus


@contextlib.contextmanager
def quick(monkeypatch: pytest.MonkeyPatch, **seconds: float) -> Iterator[None]:
    for name, value in seconds.items():
        monkeypatch.setattr(bus_connection if name == "SEND_DEADLINE" else bus_module, name, value)
    yield


async def until(condition: Callable[[], object], seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


async def echo(request: Request) -> Table:
    return request.args


async def empty(request: Request) -> Table | None:
    return None


ECHO = {"echo": Method(echo, {"value": Param(Type.UNSPEC), "id": Param(Type.INT32)})}


# --- calls ------------------------------------------------------------------------------------------------------------


async def test_every_type_goes_there_and_back(ours: Bus, theirs: Bus) -> None:
    ours.publish("a", ECHO)
    await ours.wait_ready(5)
    value = {
        "text": "é",
        "n": -5,
        "big": 1 << 40,
        "time": Int64(7),
        "yes": True,
        "x": 1.5,
        "none": None,
        "l": [1, ["a"]],
    }
    assert await theirs.call("a", "echo", {"value": value}) == {"value": value}


async def test_the_request_says_who_calls(ours: Bus, theirs: Bus) -> None:
    seen: list[Request] = []

    async def handle(request: Request) -> None:
        seen.append(request)

    ours.publish("a", {"m": Method(handle, {"id": Param(Type.INT32)})})
    await ours.wait_ready(5)
    assert await theirs.call("a", "m", {"id": Int64(3), "ubus_rpc_session": "abc"}) == {}
    [request] = seen
    assert (request.object, request.method, request.args, request.session) == ("a", "m", {"id": 3}, "abc")
    assert request.user
    assert request.group


RAISED = [
    (errors.InvalidArgument("x"), 2),
    (errors.NotFound("x"), 4),
    (errors.NoData("x"), 5),
    (errors.PermissionDenied("x"), 6),
    (errors.TimedOut("x"), 7),
    (errors.NotSupported("x"), 8),
    (errors.StoreError("x"), 9),
    (errors.BusError("x", 3), 3),
    (TimeoutError(), 7),
    (ValueError("a fault of ours"), 9),
    (errors.EncodeError("an argument that cannot be written"), 2),
]


@pytest.mark.parametrize(("error", "status"), RAISED, ids=[type(error).__name__ for error, _ in RAISED])
async def test_what_a_handler_raises_becomes_a_status(ours: Bus, theirs: Bus, error: Exception, status: int) -> None:
    async def fail(request: Request) -> None:
        raise error

    ours.publish("a", {"fail": Method(fail)})
    await ours.wait_ready(5)
    with pytest.raises(BusError) as raised:
        await theirs.call("a", "fail")
    assert raised.value.status == status


WRONG: list[tuple[str, Table, int]] = [
    ("echo", {"id": "x"}, 2),
    ("echo", {"other": 1}, 2),
    ("nope", {}, 3),
]


@pytest.mark.parametrize(("method", "args", "status"), WRONG)
async def test_wrong_calls_are_refused_with_words_in_the_log(
    ours: Bus, theirs: Bus, method: str, args: Table, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ours.publish("a", ECHO)
    await ours.wait_ready(5)
    with pytest.raises(BusError) as raised:
        await theirs.call("a", method, args)
    assert raised.value.status == status
    if status == Status.INVALID_ARGUMENT:
        assert f"a {method}: " in caplog.text
        assert next(iter(args)) in caplog.text


async def test_arguments_that_are_no_table_are_an_invalid_argument(ours: Bus, daemon: Ubusd) -> None:
    ours.publish("a", ECHO)
    await ours.wait_ready(5)
    reader, writer = await asyncio.open_unix_connection(daemon.path)
    obj = next(obj for obj in daemon.objects.values() if obj.name == "a")
    writer.write(ubus.invoke(1, obj.id, "echo", b"\x85\xff\xff\xff"))
    await reader.readexactly(len(ubus.hello(1)))
    assert await reader.readexactly(28) == ubus.status(1, obj.id, Status.INVALID_ARGUMENT, obj.id)
    writer.close()


async def test_a_missing_object_is_named(theirs: Bus) -> None:
    with pytest.raises(BusError, match="no object 'nope'") as raised:
        await theirs.call("nope", "m")
    assert raised.value.status == Status.NOT_FOUND


async def test_a_slow_handler_delays_nobody(ours: Bus, theirs: Bus) -> None:
    released = asyncio.Event()

    async def slow(request: Request) -> Table:
        await released.wait()
        return {"done": True}

    ours.publish("a", {"slow": Method(slow), **ECHO})
    await ours.wait_ready(5)
    first = asyncio.create_task(theirs.call("a", "slow"))
    assert await theirs.call("a", "echo", {"id": 1}) == {"id": 1}
    assert not first.done()
    released.set()
    assert await first == {"done": True}


async def test_a_handler_that_never_ends_is_ended(ours: Bus, theirs: Bus) -> None:
    ended = asyncio.Event()

    async def stuck(request: Request) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    ours.publish("a", {"stuck": Method(stuck, timeout=0.05)})
    await ours.wait_ready(5)
    with pytest.raises(BusError) as raised:
        await theirs.call("a", "stuck")
    assert raised.value.status == Status.TIMEOUT
    assert ended.is_set()


async def test_a_call_without_an_answer_ends_at_its_deadline(ours: Bus, theirs: Bus) -> None:
    released = asyncio.Event()

    async def late(request: Request) -> Table:
        await released.wait()
        return {"late": True}

    ours.publish("a", {"late": Method(late), **ECHO})
    await ours.wait_ready(5)
    with pytest.raises(TimedOut, match=r"a late: no answer within 0\.05 s"):
        await theirs.call("a", "late", timeout=0.05)
    released.set()
    for number in range(5):  # the late answer goes to nobody, and confuses no other call
        assert await theirs.call("a", "echo", {"id": number}) == {"id": number}


async def test_a_thousand_calls_at_once(ours: Bus, theirs: Bus) -> None:
    ours.publish("a", ECHO)
    await ours.wait_ready(5)
    replies = await asyncio.gather(*(theirs.call("a", "echo", {"id": number}) for number in range(1000)))
    assert replies == [{"id": number} for number in range(1000)]


async def test_more_handlers_than_the_limit_are_refused_at_once(
    ours: Bus, theirs: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_items, "RUNNING_LIMIT", 2)
    released = asyncio.Event()

    async def slow(request: Request) -> None:
        await released.wait()

    ours.publish("a", {"slow": Method(slow)})
    await ours.wait_ready(5)
    calls = [asyncio.create_task(theirs.call("a", "slow")) for _ in range(3)]
    done, waiting = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
    [refused] = [task.exception() for task in done]
    assert isinstance(refused, BusError)
    assert refused.status == Status.NO_MEMORY
    released.set()
    assert await asyncio.gather(*waiting) == [{}, {}]


async def test_large_replies_pass_and_too_large_ones_are_refused(
    ours: Bus, theirs: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    async def large(request: Request) -> Table:
        return {"x": "y" * request.args["size"]}

    ours.publish("a", {"large": Method(large, {"size": Param(Type.INT32, required=True)})})
    await ours.wait_ready(5)
    for size in (70_000, 1_048_000):
        assert len((await theirs.call("a", "large", {"size": size}))["x"]) == size
    for size in (1_048_570, 3_000_000):
        with pytest.raises(BusError) as raised:
            await theirs.call("a", "large", {"size": size})
        assert raised.value.status == Status.UNKNOWN_ERROR
    assert "1048576 that a message on the bus may have" in caplog.text
    assert ours.connected
    assert len((await theirs.call("a", "large", {"size": 9}))["x"]) == 9


async def test_arguments_that_are_too_large_are_refused_here(ours: Bus, theirs: Bus) -> None:
    ours.publish("a", ECHO)
    await ours.wait_ready(5)
    for size in (1_048_560, 2_000_000):
        with pytest.raises(EncodeError, match="1048576"):
            await theirs.call("a", "echo", {"value": "x" * size})
    assert await theirs.call("a", "echo", {"id": 1}) == {"id": 1}


async def test_an_object_that_came_back_with_another_id_is_called_without_an_error(ours: Bus, theirs: Bus) -> None:
    async def call_once(name: str) -> Table:
        async with Bus(ours.path) as owner:
            owner.publish("a", {"m": Method(echo, {"id": Param(Type.INT32)})})
            await owner.wait_ready(5)
            return await theirs.call(name, "m", {"id": 1})

    assert await call_once("a") == {"id": 1}
    assert await call_once("a") == {"id": 1}
    with pytest.raises(BusError, match="no object 'a'"):
        await theirs.call("a", "m")


async def test_a_not_found_of_the_object_itself_is_not_asked_again(ours: Bus, theirs: Bus) -> None:
    asked = []

    async def missing(request: Request) -> None:
        asked.append(1)
        raise errors.NotFound("no such message")

    ours.publish("a", {"m": Method(missing)})
    await ours.wait_ready(5)
    for _ in range(2):
        with pytest.raises(BusError):
            await theirs.call("a", "m")
    assert len(asked) == 2


# --- events and notifications -----------------------------------------------------------------------------------------


async def test_events_reach_those_who_listen_and_not_their_sender(ours: Bus, theirs: Bus) -> None:
    heard: list[tuple[str, Table]] = []
    own: list[str] = []
    theirs.listen("homeline.*", lambda name, data: heard.append((name, data)))
    ours.listen("*", lambda name, data: own.append(name))
    await theirs.wait_ready(5)
    await ours.wait_ready(5)
    await ours.send_event("other.thing", {})
    await ours.send_event("homeline.message.received", {"id": 1})
    await until(lambda: heard)
    assert heard == [("homeline.message.received", {"id": 1})]
    assert not own


async def test_a_callback_that_fails_is_logged_and_the_next_event_comes(
    ours: Bus, theirs: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[int] = []

    def callback(name: str, data: Table) -> None:
        heard.append(data["id"])
        raise ValueError("a fault of ours")

    theirs.listen("x", callback)
    await theirs.wait_ready(5)
    await ours.send_event("x", {"id": 1})
    await ours.send_event("x", {"id": 2})
    await until(lambda: heard == [1, 2])
    assert "events x: 'x' failed" in caplog.text


async def test_an_event_that_may_not_be_sent_says_so(daemon: Ubusd, ours: Bus) -> None:
    daemon.permits = lambda peer, action, name: action != "send"
    with pytest.raises(BusError, match="permission denied") as raised:
        await ours.send_event("homeline.x", {})
    assert raised.value.status == Status.PERMISSION_DENIED


async def test_subscribers_get_notifications_whenever_the_object_is_there(daemon: Ubusd, theirs: Bus) -> None:
    heard: list[tuple[str, Table]] = []
    theirs.subscribe("a", lambda name, data: heard.append((name, data)))
    await theirs.wait_ready(5)  # the object need not be there yet
    for turn in range(2):
        async with Bus(daemon.path) as owner:
            owner.publish("a", ECHO)
            await until(lambda owner=owner: owner.has_subscribers("a"))
            await owner.notify("a", "changed", {"turn": turn})
            await until(lambda turn=turn: len(heard) == turn + 1)
    assert heard == [("changed", {"turn": 0}), ("changed", {"turn": 1})]


async def test_without_subscribers_nothing_is_sent(ours: Bus, theirs: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    ours.publish("a", ECHO)
    await ours.wait_ready(5)
    async with Bus(ours.path) as ear:
        ear.subscribe("a", lambda name, data: None)
        await until(lambda: ours.has_subscribers("a"))
    await until(lambda: not ours.has_subscribers("a"))
    sent: list[bytes] = []
    monkeypatch.setattr(Connection, "send_now", lambda self, wire: sent.append(wire) is None)
    await ours.notify("a", "changed", {})
    assert not sent


# --- the connection ---------------------------------------------------------------------------------------------------


async def test_after_a_restart_of_ubusd_everything_is_back_within_two_seconds(daemon: Ubusd, theirs: Bus) -> None:
    heard: list[tuple[str, int]] = []
    hold = asyncio.Event()
    began = asyncio.Event()

    async def slow(request: Request) -> Table:
        began.set()
        await hold.wait()
        return {"done": True}

    async with Bus(daemon.path) as ours:
        ours.publish("a", {"slow": Method(slow), **ECHO})
        theirs.listen("x", lambda name, data: heard.append((name, data["id"])))
        theirs.subscribe("a", lambda name, data: heard.append((name, data["id"])))
        await ours.wait_ready(5)
        await until(lambda: ours.has_subscribers("a"))
        for turn in range(2):
            pending = asyncio.create_task(theirs.call("a", "slow"))
            await began.wait()
            began.clear()
            await daemon.stop()
            with pytest.raises(ConnectionLost, match="ubusd closed the connection"):
                await pending
            await until(lambda: not ours.connected)
            with pytest.raises(ConnectionLost):
                await ours.call("a", "echo")
            with pytest.raises(ConnectionLost):
                await ours.send_event("x", {})
            assert not ours.has_subscribers("a")
            await until(lambda: "does not exist" in "".join(ours.problems + theirs.problems))
            await daemon.start()
            await asyncio.gather(ours.wait_ready(2), theirs.wait_ready(2))
            await until(lambda: ours.has_subscribers("a"), 2)
            assert not ours.problems
            assert await theirs.call("a", "echo", {"id": turn}) == {"id": turn}
            await ours.send_event("x", {"id": turn})
            await ours.notify("a", "n", {"id": turn})
            await until(lambda turn=turn: {("x", turn), ("n", turn)} <= set(heard))
        hold.set()  # the handlers whose callers are gone end quietly
        assert len(heard) == 4


async def test_publishing_and_listening_need_no_connection_yet(tmp_path: Path) -> None:
    bus = Bus(tmp_path / "s")
    bus.publish("a", ECHO)
    bus.start()
    with pytest.raises(TimedOut, match="does not exist: ubusd is not running"):
        await bus.wait_ready(0.05)
    async with Ubusd(tmp_path / "s") as daemon:
        await bus.wait_ready(2)
        assert [obj.name for obj in daemon.objects.values()] == ["a"]
    await bus.close()


async def test_closing_ends_handlers_and_leaves_nothing_behind(daemon: Ubusd, theirs: Bus) -> None:
    ended = asyncio.Event()
    began = asyncio.Event()

    async def stuck(request: Request) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    before = asyncio.all_tasks()
    async with Bus(daemon.path) as ours:
        ours.publish("a", {"stuck": Method(stuck)})
        await ours.wait_ready(5)
        pending = asyncio.create_task(theirs.call("a", "stuck", timeout=0.5))
        await began.wait()
    assert ended.is_set()
    await until(lambda: not any(obj.name == "a" for obj in daemon.objects.values()))
    with pytest.raises(TimedOut):
        await pending
    assert asyncio.all_tasks() <= before | {pending}
    await Bus(daemon.path).close()  # one that was never started


@pytest.fixture
def nobody() -> Iterator[Callable[[bool], None]]:
    """Drop root's rights, which no mode keeps out, and take them back."""
    root = os.geteuid() == 0

    def switch(on: bool) -> None:
        if root:
            os.seteuid(65534 if on else 0)

    yield switch
    switch(False)


async def test_a_socket_that_may_not_be_opened_is_named_and_tried_again(
    nobody: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o755)
        async with Ubusd(folder / "s", mode=0o000) as daemon:
            nobody(True)
            async with Bus(daemon.path) as bus:
                bus.publish("a", ECHO)
                with pytest.raises(TimedOut, match=f"uid {os.geteuid()} may not open it; its mode should be 0666"):
                    await bus.wait_ready(0.3)
                nobody(False)
                daemon.path.chmod(0o666)
                nobody(True)
                await bus.wait_ready(2)
                assert not bus.problems
                nobody(False)
    finally:
        nobody(False)
        shutil.rmtree(folder)


async def test_a_refused_object_is_named_and_tried_again_without_holding_up_the_others(
    daemon: Ubusd, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    allowed: set[str] = {"b"}
    daemon.permits = lambda peer, action, name: name in allowed
    with quick(monkeypatch, RETRY=0.05):
        async with Bus(daemon.path) as bus:
            bus.publish("a", ECHO)
            bus.listen("x", lambda name, data: None)
            bus.publish("b", ECHO)
            with pytest.raises(TimedOut, match=r"refuses the object 'a'.*acl\.d lets uid .* sends no events 'x'"):
                await bus.wait_ready(0.3)
            assert [obj.name for obj in daemon.objects.values() if obj.name] == ["b"]
            assert caplog.text.count("refuses the object 'a'") == 1  # said once, however often it is tried
            allowed.update(("a", "x"))
            await bus.wait_ready(5)
            assert not bus.problems
    assert [len(obj.patterns) for obj in daemon.objects.values()] in ([], [0, 1, 0])


class Server:
    """A socket that does what a broken ubusd might."""

    def __init__(self, path: Path, script: Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]) -> None:
        self.connections = 0
        self._path, self._script = path, script

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        result = self._script(reader, writer)
        if asyncio.iscoroutine(result):
            await result

    async def __aenter__(self) -> Server:
        self._server = await asyncio.start_unix_server(self._serve, self._path)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self._path.unlink(missing_ok=True)


async def test_a_server_that_says_nothing_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Server(tmp_path / "s", lambda reader, writer: reader.read()) as server:
        with quick(monkeypatch, HELLO_DEADLINE=0.05):
            async with Bus(tmp_path / "s") as bus:
                with pytest.raises(TimedOut, match="accepts the connection and says nothing"):
                    await bus.wait_ready(0.3)
                assert not bus.connected
                assert 1 <= server.connections <= 4


@pytest.mark.parametrize(
    "greeting",
    [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", ubus.hello(5) + b"\1" * 12, ubus.hello(5)[:7], ubus.status(1, 2, 0)],
)
async def test_a_server_that_talks_nonsense_is_tried_again_in_no_hurry(tmp_path: Path, greeting: bytes) -> None:
    def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        writer.close()

    async with Server(tmp_path / "s", greet) as server, Bus(tmp_path / "s") as bus:
        await until(lambda: server.connections == 2)
        await asyncio.sleep(0.2)
        assert server.connections == 2  # the pauses grow: 0.2, 0.4, 0.8, 1 s
        assert bus.problems


async def test_a_connection_cut_in_the_middle_of_a_reply_fails_the_call_and_comes_back(tmp_path: Path) -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(ubus.hello(5))
        await reader.readexactly(len(ubus.lookup(1, "a")))
        writer.write(ubus.found(1, "a", 77, 78, b"") + ubus.status(1, 0, 0))
        await reader.readexactly(len(ubus.invoke(2, 77, "m", b"")))
        writer.write(ubus.data(2, 77, 77, blobmsg.encode({"x": "y" * 1000}))[:500])
        writer.close()

    async with Bus(tmp_path / "s") as bus:
        async with Server(tmp_path / "s", half):
            await bus.wait_ready(5)
            with pytest.raises(ConnectionLost):
                await bus.call("a", "m")
        async with Ubusd(tmp_path / "s") as daemon:
            daemon.add_local("a", ECHO)
            await bus.wait_ready(2)
            assert await bus.call("a", "echo", {"id": 1}) == {"id": 1}


async def test_a_ubusd_that_stops_reading_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()
        writer.write(ubus.hello(5))
        await asyncio.sleep(30)

    async with Server(tmp_path / "s", deaf) as server:
        with quick(monkeypatch, SEND_DEADLINE=0.2):
            async with Bus(tmp_path / "s") as bus:
                await bus.wait_ready(5)
                calls = [bus.send_event("x", {"x": "y" * 100_000}, timeout=5) for _ in range(30)]
                results = await asyncio.gather(*calls, return_exceptions=True)
                assert {type(result) for result in results} == {ConnectionLost}
                assert "ubusd has read nothing for 0.2 s" in str(results[0])
                await until(lambda: server.connections == 2)


async def test_a_caller_that_never_reads_cannot_hold_us_up(ours: Bus, theirs: Bus, daemon: Ubusd) -> None:
    async def large(request: Request) -> Table:
        return {"x": "y" * 100_000}

    ours.publish("a", {"large": Method(large), **ECHO})
    await ours.wait_ready(5)
    obj = next(obj for obj in daemon.objects.values() if obj.name == "a")
    _, writer = await asyncio.open_unix_connection(daemon.path)
    writer.transport.pause_reading()
    for seq in range(200):
        writer.write(ubus.invoke(seq, obj.id, "large", b""))
    for number in range(20):
        assert await theirs.call("a", "echo", {"id": number}, timeout=2) == {"id": number}
    writer.close()


@given(st.lists(st.binary(max_size=40) | st.just(ubus.active(1, 7, True)), max_size=4), st.booleans())
def test_any_bytes_from_the_bus_break_nothing_but_the_connection(chunks: list[bytes], wrapped: bool) -> None:
    async def feed() -> None:
        connection = Connection()
        connection.objects[7] = Published("a", ECHO, set())
        for chunk in chunks:
            if wrapped:
                body = ubus.number(ubus.Attr.OBJID, 7) + chunk + bytes(-len(chunk) % 4)
                chunk = ubus.message(Kind.INVOKE, 1, 2, body)
            connection.data_received(chunk)

    asyncio.run(feed())
