"""The client on the real ubusd, beside the real `ubus` command and python-ubus, where they are installed."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from homeline import errors
from homeline.adapters.bus import Bus, Method, Request
from homeline.errors import BusError, ConnectionLost
from homeline.protocol.blobmsg import Int64, Table, Type
from homeline.protocol.ubus_arguments import Param

pytestmark = pytest.mark.skipif(
    shutil.which("ubusd") is None or shutil.which("ubus") is None, reason="the real ubusd and `ubus` are not on PATH"
)
python_ubus = pytest.mark.skipif(
    importlib.util.find_spec("ubus") is None, reason="python-ubus (extra `openwrt`) is not installed: it needs libubus"
)


class Real:
    """A ubusd process that can be ended and started again."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "s"
        self._acl = folder / "acl.d"

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec("ubusd", "-s", str(self.path), "-A", str(self._acl))
        async with asyncio.timeout(5):
            while not self.path.exists():
                await asyncio.sleep(0.01)

    async def stop(self) -> None:
        self._process.kill()
        await self._process.wait()

    async def command(self, *args: str) -> tuple[int, str]:
        """Run `ubus`: its exit code and output."""
        process = await asyncio.create_subprocess_exec("ubus", "-s", str(self.path), *args, stdout=-1, stderr=-3)
        async with asyncio.timeout(10):
            out, _ = await process.communicate()
        return process.returncode or 0, out.decode()


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[Real]:
    daemon = Real(tmp_path)
    await daemon.start()
    yield daemon
    await daemon.stop()


async def echo(request: Request) -> Table:
    return {**request.args, "user": request.user, "at": Int64(1_700_000_000)}


async def missing(request: Request) -> None:
    raise errors.NotFound("no such message")


async def large(request: Request) -> Table:
    return {"text": "x" * request.args["size"]}


METHODS = {
    "echo": Method(echo, {"text": Param(Type.STRING, required=True), "n": Param(Type.INT32), "on": Param(Type.BOOL)}),
    "missing": Method(missing),
    "large": Method(large, {"size": Param(Type.INT32, required=True)}),
}


@pytest.fixture
async def ours(real: Real) -> AsyncIterator[Bus]:
    async with Bus(real.path) as bus:
        bus.publish("homeline", METHODS)
        await bus.wait_ready(5)
        yield bus


async def test_the_ubus_command_lists_and_calls_us(real: Real, ours: Bus) -> None:
    _, listed = await real.command("-v", "list", "homeline")
    assert [line.strip() for line in listed.splitlines()[1:]] == [
        '"echo":{"text":"String","n":"Integer","on":"Boolean"}',
        '"missing":{}',
        '"large":{"size":"Integer"}',
    ]
    code, out = await real.command("call", "homeline", "echo", '{"text": "é", "n": -3, "on": true}')
    reply = json.loads(out)
    assert code == 0
    assert reply.pop("user")
    assert reply == {"text": "é", "n": -3, "on": True, "at": 1_700_000_000}


@pytest.mark.parametrize(
    ("call", "status"),
    [(("missing",), 4), (("nope",), 3), (("echo",), 2), (("echo", '{"text": 5}'), 2), (("echo", '{"x": 5}'), 2)],
)
async def test_the_ubus_command_gets_our_status(real: Real, ours: Bus, call: tuple[str, ...], status: int) -> None:
    code, _ = await real.command("call", "homeline", *call)
    assert code == 256 - status  # the command ends with -status
    assert ours.connected


async def test_a_session_of_luci_is_let_through(real: Real, ours: Bus) -> None:
    code, _ = await real.command("call", "homeline", "echo", '{"text": "x", "ubus_rpc_session": "00"}')
    assert code == 0


async def test_large_replies(real: Real, ours: Bus) -> None:
    async with Bus(real.path) as caller:
        await caller.wait_ready(5)
        assert len((await caller.call("homeline", "large", {"size": 1_040_000}))["text"]) == 1_040_000
        with pytest.raises(BusError):
            await caller.call("homeline", "large", {"size": 2_000_000})
        replies = await asyncio.gather(*(caller.call("homeline", "echo", {"text": str(n)}) for n in range(1000)))
        assert [reply["text"] for reply in replies] == [str(n) for n in range(1000)]


async def test_events_and_notifications_reach_the_ubus_command(real: Real, ours: Bus) -> None:
    listening = await asyncio.create_subprocess_exec("ubus", "-s", str(real.path), "listen", "homeline.*", stdout=-1)
    following = await asyncio.create_subprocess_exec("ubus", "-s", str(real.path), "subscribe", "homeline", stdout=-1)
    assert listening.stdout is not None
    assert following.stdout is not None
    try:
        async with asyncio.timeout(10):
            while not ours.has_subscribers("homeline"):
                await asyncio.sleep(0.01)
            await ours.notify("homeline", "message.received", {"id": 2})
            assert json.loads(await following.stdout.readline()) == {"message.received": {"id": 2}}
            line = asyncio.create_task(listening.stdout.readline())
            while not line.done():  # `ubus listen` does not say when it is ready
                await ours.send_event("homeline.message.received", {"id": 1})
                await asyncio.wait([line], timeout=0.05)
        assert json.loads(line.result()) == {"homeline.message.received": {"id": 1}}
    finally:
        for process in (listening, following):
            process.kill()
            await process.wait()


async def test_the_ubus_command_sends_us_an_event(real: Real, ours: Bus) -> None:
    heard: asyncio.Queue[tuple[str, Table]] = asyncio.Queue()
    ours.listen("config.*", lambda name, data: heard.put_nowait((name, data)))
    await ours.wait_ready(5)
    await real.command("send", "config.change", '{"package": "homeline"}')
    assert await asyncio.wait_for(heard.get(), 5) == ("config.change", {"package": "homeline"})


async def test_after_a_restart_we_are_back_within_two_seconds(real: Real, ours: Bus) -> None:
    await real.stop()
    async with asyncio.timeout(5):
        while ours.connected:
            await asyncio.sleep(0.01)
    with pytest.raises(ConnectionLost):
        await ours.call("homeline", "echo")
    await real.start()
    await ours.wait_ready(2)
    code, _ = await real.command("call", "homeline", "echo", '{"text": "x"}')
    assert code == 0


SCRIPT = """
import json, sys, ubus
ubus.connect(sys.argv[1])
[reply] = ubus.call("homeline", "echo", {"text": "é", "n": 7, "on": True})
print(json.dumps([sorted(ubus.objects()["homeline"]), reply]))
ubus.disconnect()
"""


@python_ubus
async def test_python_ubus_calls_us(real: Real, ours: Bus) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", SCRIPT, str(real.path), stdout=-1, stderr=-1)
    async with asyncio.timeout(10):
        out, error = await process.communicate()
    assert process.returncode == 0, error.decode()
    methods, reply = json.loads(out)
    assert methods == sorted(METHODS)
    assert reply.pop("user")
    assert reply == {"text": "é", "n": 7, "on": True, "at": 1_700_000_000}
