"""The client against what ubusd was recorded to say: it sends, octet for octet, what libubus sent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from homeline.adapters.bus import Bus, Method, Request
from homeline.errors import BusError
from homeline.protocol import blobmsg, ubus
from homeline.protocol.blobmsg import Table, Type
from homeline.protocol.ubus import Kind
from homeline.protocol.ubus_arguments import Param
from ubus_captures import Piece, frames, turns

OBJECT = "demo.gateway"


@contextlib.asynccontextmanager
async def replay(path: Path, script: list[Piece]) -> AsyncIterator[asyncio.Future[None]]:
    """A server that says ubusd's part and holds the client against the recorded one; the result is there at the end."""
    end: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for turn in script:
                if turn.from_client:
                    async with asyncio.timeout(5):
                        assert (await reader.readexactly(len(turn.data))).hex() == turn.data.hex()
                else:
                    writer.write(turn.data)
            end.set_result(None)
        except Exception as error:
            end.set_exception(error)

    server = await asyncio.start_unix_server(serve, path)
    try:
        yield end
    finally:
        server.close()


def conversation(name: str, until: int | None = None) -> list[Piece]:
    return [turn for turn in turns(name)[:until] if turn.connection == 1]


@pytest.mark.parametrize(
    "name",
    [
        "call_status",
        "call_echo",
        "call_deferred",
        "call_large",
        "call_no_data",
        "call_error_not_found_status",
        "call_unknown_method",
        "call_unknown_object",
    ],
)
async def test_a_call_is_what_the_ubus_command_sends(name: str, tmp_path: Path) -> None:
    sent = [ubus.parse(frame.body) for frame in frames(name, from_client=True)]
    method, args = (sent[1].method or "", blobmsg.decode(sent[1].data or b"")) if len(sent) > 1 else ("m", {})
    got = [ubus.parse(frame.body) for frame in frames(name, from_client=False)]
    status = got[-1].status
    reply = next((blobmsg.decode(each.data) for each in got if each.data is not None), {})
    async with replay(tmp_path / "s", conversation(name)) as end, Bus(tmp_path / "s") as bus:
        await bus.wait_ready(5)
        if status:
            with pytest.raises(BusError) as raised:
                await bus.call(sent[0].path or "", method, args)
            assert raised.value.status == status
        else:
            assert await bus.call(OBJECT, method, args) == reply
        await asyncio.wait_for(end, 5)


async def test_listening_is_what_the_ubus_command_sends(tmp_path: Path) -> None:
    heard: list[tuple[str, Table]] = []
    async with replay(tmp_path / "s", conversation("listen_and_send")) as end, Bus(tmp_path / "s") as bus:
        bus.listen("demo.*", lambda name, data: heard.append((name, data)))
        await asyncio.wait_for(end, 5)
    assert heard == [("demo.event", {"id": 1, "text": "x"})]


async def test_an_event_is_what_the_ubus_command_sends(tmp_path: Path) -> None:
    script = [turn for turn in turns("listen_and_send") if turn.connection == 2]
    async with replay(tmp_path / "s", script) as end, Bus(tmp_path / "s") as bus:
        await bus.wait_ready(5)
        await bus.send_event("demo.event", {"id": 1, "text": "x"})
        await asyncio.wait_for(end, 5)


async def test_an_object_of_ours_answers_as_the_recorded_one(tmp_path: Path) -> None:
    """All of `provider` up to `poke`, where libubus waits for its subscribers' answers and we do not."""
    script = conversation("provider")
    poke = next(
        index
        for index, turn in enumerate(script)
        if not turn.from_client
        and any(ubus.parse(frame.body).method == "poke" for frame in ubus.Framer().feed(turn.data))
    )
    sent = [(frame, ubus.parse(frame.body)) for frame in frames("provider", from_client=True)]
    signature = next(found.signature for _, found in sent if found.signature is not None)
    status = next(found.data for frame, found in sent if frame.kind == Kind.DATA and found.data is not None)

    async def handle(request: Request) -> Table | None:
        match request.method:
            case "status":
                return blobmsg.decode(status)
            case "echo":
                return dict(request.args)
            case "later":
                await asyncio.sleep(request.args["ms"] / 1000)
                return {"done": True}
            case "fail":
                raise BusError("as asked", request.args["code"])
        return None

    methods = {
        name: Method(handle, {arg: Param(Type(kind)) for arg, kind in args.items()})
        for name, args in blobmsg.decode(signature).items()
    }
    async with replay(tmp_path / "s", script[:poke]) as end, Bus(tmp_path / "s") as bus:
        bus.publish(OBJECT, methods)
        await asyncio.wait_for(end, 10)
