"""The client of Asterisk's manager with a real Asterisk: accounts, classes, limits, and Asterisk going away."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from asterisk_kit import asterisk_programs, chan_dongle
from homeline.adapters import ami as ami_module
from homeline.adapters.ami import Ami
from homeline.errors import ActionRefused, ConnectionLost, EncodeError, TimedOut
from homeline.protocol import ami as protocol
from homeline.protocol.ami import Message
from homeline_lab.asterisk import Asterisk, Programs, free_port
from hostile import HOSTILE

__all__ = ["asterisk_programs", "chan_dongle"]

MANAGER = """[general]
enabled = yes
port = {port}
bindaddr = 127.0.0.1
[homeline]
secret = {secret}
deny = 0.0.0.0/0.0.0.0
permit = 127.0.0.1/255.255.255.255
read = {read}
write = {write}
"""
BLANKS = "".join(map(chr, range(33)))  # what Asterisk takes off a value's beginning
EXTENSIONS = "[lab]\nexten => 1,1,Answer()\n same => n,Wait(60)\n"


def manager(port: int, secret: str = "s1", write: tuple[str, ...] = protocol.WRITE, enabled: str = "yes") -> str:
    text = MANAGER.format(port=port, secret=secret, read=",".join(protocol.READ), write=",".join(write))
    return text.replace("enabled = yes", f"enabled = {enabled}")


@pytest.fixture
async def asterisk(tmp_path: Path, asterisk_programs: Programs) -> AsyncIterator[Asterisk]:
    files = {"manager.conf": manager(free_port()), "extensions.conf": EXTENSIONS}
    async with Asterisk(tmp_path, files=files, programs=asterisk_programs) as running:
        yield running


class Client:
    """`Ami` with what it said."""

    def __init__(self, asterisk: Asterisk) -> None:
        self.port = int(re.findall(r"port = (\d+)", (asterisk.etc / "manager.conf").read_text())[0])
        self.secret = "s1"
        self.said: asyncio.Queue[str] = asyncio.Queue()
        self.states: list[bool] = []
        self.changed = asyncio.Event()
        self.ami = Ami(self.port, "homeline", lambda: self.secret, say=lambda _, text, __: self.said.put_nowait(text))
        self.ami.on_state(self._state)

    def _state(self, connected: bool) -> None:
        self.states.append(connected)
        self.changed.set()

    async def again(self) -> None:
        """Until the connection was lost and is there again."""
        async with asyncio.timeout(20):
            while self.states[-2:] != [False, True]:
                self.changed.clear()
                await self.changed.wait()

    async def told(self, words: str) -> str:
        async with asyncio.timeout(20):
            while words not in (text := await self.said.get()):
                pass
        return text


@pytest.fixture
async def client(asterisk: Asterisk) -> AsyncIterator[Client]:
    found = Client(asterisk)
    task = asyncio.create_task(found.ami.run())
    await found.ami.wait_connected(10)
    yield found
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_it_is_known_who_is_there(client: Client, asterisk_programs: Programs) -> None:
    assert client.ami.version.startswith(asterisk_programs.version)
    assert protocol.version(client.ami.version) >= (18,)
    assert 0 <= time.monotonic() - client.ami.started < 60


async def agrees(asterisk: Asterisk, action: str) -> None:
    found = re.search(r"\[?Privilege(?:\]|:)\s*(\S+)", await asterisk.cli(f"manager show command {action}"))
    assert found, action
    shown = set(found[1].replace("<none>", "").split(",")) - {"all", ""}
    assert set(protocol.PRIVILEGES[action]) == shown, action


async def test_the_drivers_actions_need_what_we_note(
    tmp_path: Path, asterisk_programs: Programs, chan_dongle: Path
) -> None:
    files = {"dongle.conf": "[general]\n[defaults]\n"}
    async with Asterisk(tmp_path, files=files, modules=(chan_dongle,), programs=asterisk_programs) as asterisk:
        for action in protocol.PRIVILEGES:
            if action.startswith("Dongle"):
                await agrees(asterisk, action)


async def test_the_account_may_do_all_that_we_need_and_not_more(client: Client, asterisk: Asterisk) -> None:
    """Each class that we note for an action is one that Asterisk says; without `command` there are no commands."""
    for action in protocol.PRIVILEGES:
        if not action.startswith(("Dongle", "Quectel")):
            await agrees(asterisk, action)
    with pytest.raises(ActionRefused, match="Permission denied"):
        await client.ami.command("core show uptime")


async def test_commands_with_the_class_for_them(client: Client, asterisk: Asterisk) -> None:
    asterisk.write({"manager.conf": manager(client.port, write=protocol.WRITE_DRIVERS)})
    await asterisk.cli("manager reload")
    client.ami.reconnect()
    await client.again()
    assert "System uptime" in (await client.ami.command("core show uptime"))[0]
    with pytest.raises(ActionRefused, match="No such command 'nonsense'"):
        await client.ami.command("nonsense")


async def test_nothing_to_list(client: Client) -> None:
    for action in ("PJSIPShowEndpoints", "PJSIPShowAors", "PJSIPShowAuths", "PJSIPShowContacts", "CoreShowChannels"):
        assert await client.ami.list(action) == [], action
    assert await client.ami.list("DBGetTree", Family="nothing") == []


async def test_a_hostile_value_comes_back_as_it_went_or_does_not_go(client: Client) -> None:
    came_back = set()
    for name, text in HOSTILE.items():
        value = text[:900].strip(BLANKS)
        try:
            await client.ami.call("DBPut", Family="lab", Key="key", Val=value or "empty")
        except EncodeError:
            continue
        (item,) = await client.ami.list("DBGetTree", Family="lab", Key="key")
        assert item.get("Val") == (value or "empty"), name
        came_back.add(name)
    assert set(HOSTILE) - came_back == {
        *("path", "header", "smtp", "mbox", "mime", "uci", "at", "answer", "log line", "surrogates")
    }


async def test_asterisk_takes_the_longest_line_and_the_most_that_we_send(client: Client) -> None:
    value = "x" * (protocol.LINE_SENT - len("Val: "))
    await client.ami.call("DBPut", Family="lab", Key="long", Val=value)
    (item,) = await client.ami.list("DBGetTree", Family="lab", Key="long")
    assert item.get("Val") == value
    assert (await client.ami.call("Ping", Padding=["x"] * (protocol.LINES_SENT - 2))).get("Ping") == "Pong"


async def test_many_at_once(client: Client) -> None:
    await asyncio.gather(*(client.ami.call("DBPut", Family="n", Key=str(n), Val=str(n)) for n in range(200)))
    items = await client.ami.list("DBGetTree", Family="n")
    assert {item.get("Key"): item.get("Val") for item in items} == {f"/n/{n}": str(n) for n in range(200)}


async def test_events_of_a_call(client: Client) -> None:
    heard: asyncio.Queue[Message] = asyncio.Queue()
    for event in ("Newchannel", "Hangup", "UserEvent"):
        client.ami.listen(event, heard.put_nowait)
    await client.ami.call(
        "Originate", Channel="Local/1@lab", Application="UserEvent", Data="Hello,Key: 7", Async="true"
    )
    events = []
    async with asyncio.timeout(10):
        while not {"Newchannel", "Hangup", "UserEvent"} <= {item.event for item in events}:
            events.append(await heard.get())
    (user,) = (item for item in events if item.event == "UserEvent")
    assert (user.get("UserEvent"), user.get("Key")) == ("Hello", "7")


async def test_asterisk_is_killed_and_comes_back(client: Client, asterisk: Asterisk) -> None:
    call = asyncio.ensure_future(
        client.ami.call("Originate", 30, Channel="Local/1@lab", Application="Wait", Data="60", Async="false")
    )
    heard = asyncio.Event()
    client.ami.listen("Newchannel", lambda _: heard.set())
    await heard.wait()
    await asterisk.kill()
    with pytest.raises(ConnectionLost):
        await asyncio.gather(call, client.ami.call("Ping"))
    await client.told("Nobody listens")
    await asterisk.start()
    await client.ami.wait_connected(15)
    assert client.states == [True, False, True]
    assert (await client.ami.call("Ping")).get("Ping") == "Pong"


async def test_asterisk_is_restarted(client: Client, asterisk: Asterisk) -> None:
    await asterisk.restart()
    await client.again()
    assert client.ami.connected and 0 <= time.monotonic() - client.ami.started < 20


async def test_another_secret_is_said_and_found(client: Client, asterisk: Asterisk) -> None:
    asterisk.write({"manager.conf": manager(client.port, secret="s2")})
    await asterisk.cli("manager reload")
    client.ami.reconnect()
    assert "Authentication failed" in await client.told("refuses the account")
    assert not client.ami.connected
    client.secret = "s2"
    client.ami.reconnect()
    await client.ami.wait_connected(10)


async def test_the_manager_is_switched_off_and_on(client: Client, asterisk: Asterisk) -> None:
    asterisk.write({"manager.conf": manager(client.port, enabled="no")})
    await asterisk.restart()
    assert "its manager is off" in await client.told("Nobody listens")
    asterisk.write({"manager.conf": manager(client.port)})
    await asterisk.cli("manager reload")
    await client.ami.wait_connected(10)


async def test_another_port(client: Client, asterisk: Asterisk) -> None:
    client.ami.port = free_port()
    asterisk.write({"manager.conf": manager(client.ami.port)})
    await asterisk.cli("manager reload")
    client.ami.reconnect()
    await client.again()
    assert (await client.ami.call("Ping")).get("Ping") == "Pong"


async def test_an_asterisk_that_hangs_is_left_and_met_again(
    client: Client, asterisk: Asterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asterisk.process is not None
    monkeypatch.setattr(ami_module, "QUIET", 0.2)
    monkeypatch.setattr(ami_module, "PING_DEADLINE", 0.2)
    monkeypatch.setattr(ami_module, "GREETING_DEADLINE", 0.5)
    client.ami.reconnect()
    await client.again()
    asterisk.process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, asterisk.process.pid, os.WSTOPPED | os.WNOWAIT)  # until all its threads stand
    try:
        with pytest.raises(TimedOut):
            await client.ami.call("Ping", 0.05)
        await client.told("says nothing")  # it was left, and the next connection hears nothing
    finally:
        asterisk.process.send_signal(signal.SIGCONT)
    monkeypatch.setattr(ami_module, "QUIET", 60.0)
    await client.ami.wait_connected(15)
    assert (await client.ami.call("Ping")).get("Ping") == "Pong"
