"""The lab's router: rpcd's and procd's objects, root's part, and a daemon that is started, signalled and ended."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from homeline.adapters.bus import Bus
from homeline.errors import BusError
from homeline_lab import uci_command
from homeline_lab.router import Router

MAIN = "config homeline 'main'\n\toption enabled '1'\n"

# A daemon as small as can be: on the bus, and tells what it reads when it is signalled.
DAEMON = """
import asyncio, signal, sys
from pathlib import Path
from homeline.adapters.bus import Bus, Method
from homeline.paths import Paths

async def main():
    paths, stop = Paths(Path(sys.argv[1])), asyncio.Event()
    bus = Bus(paths.bus)
    async def applied():
        await bus.send_event("homeline.config.applied", {"text": (paths.config / "homeline").read_text()})
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, lambda: loop.create_task(applied()))
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    bus.publish("homeline", {})
    bus.start()
    await stop.wait()
    await bus.close()

asyncio.run(main())
"""


@pytest.fixture
async def router(tmp_path: Path) -> AsyncIterator[Router]:
    async with Router(tmp_path, password="open sesame") as made:
        yield made


@pytest.fixture
async def bus(router: Router) -> AsyncIterator[Bus]:
    made = Bus(router.paths.bus)
    made.start()
    await made.wait_ready(5)
    yield made
    await made.close()


async def start(router: Router) -> None:
    await router.start([sys.executable, "-c", DAEMON, str(router.paths.root)])
    await router.ready()


async def status_of(bus: Bus, *call: Any) -> int:
    with pytest.raises(BusError) as caught:
        await bus.call(*call)
    return caught.value.status


async def test_a_fresh_root_has_the_shipped_files(router: Router) -> None:
    for name in ("homeline", "homeline_secret"):
        path = router.paths.etc_config / name
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.read_text() == (Path(__file__).parents[2] / "files/etc/config" / name).read_text()


async def test_a_commit_over_the_bus_reaches_the_daemon(router: Router, bus: Bus) -> None:
    router.configure(MAIN)
    await start(router)
    events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    bus.listen("homeline.config.applied", lambda name, data: events.put_nowait(data))
    await bus.wait_ready(5)
    await bus.call("uci", "set", {"config": "homeline", "section": "main", "values": {"country": "CH"}})
    assert "country" not in (router.paths.etc_config / "homeline").read_text()
    assert "country" not in (router.paths.config / "homeline").read_text()
    await bus.call("uci", "commit", {"config": "homeline"})
    event = await asyncio.wait_for(events.get(), 5)
    assert event["text"] == "\nconfig homeline 'main'\n\toption enabled '1'\n\toption country 'CH'\n\n"


async def test_procd_event_copies_and_signals_only_for_our_files(router: Router, bus: Bus) -> None:
    router.configure(MAIN)
    await start(router)
    events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    bus.listen("homeline.config.applied", lambda name, data: events.put_nowait(data))
    await bus.wait_ready(5)
    router.configure(MAIN + "\toption country 'DE'\n")
    await bus.call("service", "event", {"type": "config.change", "data": {"package": "network"}})
    assert "DE" not in (router.paths.config / "homeline").read_text()
    await bus.call("service", "event", {"type": "config.change", "data": {"package": "homeline"}})
    assert "DE" in (await asyncio.wait_for(events.get(), 5))["text"]
    assert events.empty()


async def test_the_service_is_listed_deleted_and_set_again(router: Router, bus: Bus) -> None:
    await start(router)
    assert router.daemon
    shown = (await bus.call("service", "list", {"name": "homeline"}))["homeline"]["instances"]["instance1"]
    assert (shown["running"], shown["pid"]) == (True, router.daemon.pid)
    daemon = router.daemon
    await bus.call("service", "delete", {"name": "homeline"})
    assert daemon.returncode == 0
    assert (await bus.call("service", "list", {}))["homeline"]["instances"]["instance1"] == {"running": False}
    await bus.call("service", "set", {"name": "homeline"})
    await router.ready()
    assert await status_of(bus, "service", "delete", {"name": "network"}) == 4


async def test_the_daemon_ends_with_the_router(tmp_path: Path) -> None:
    async with Router(tmp_path) as router:
        await start(router)
        daemon = router.daemon
    assert daemon
    assert daemon.returncode == 0
    assert not router.paths.bus.exists()


async def test_uci_as_rpcd_answers(router: Router, bus: Bus) -> None:
    router.configure("config homeline 'main'\n\toption enabled '0'\nconfig rule\n\tlist channels 'a'\n")
    values = (await bus.call("uci", "get", {"config": "homeline"}))["values"]
    assert values["main"] == {
        ".anonymous": False, ".type": "homeline", ".name": "main", ".index": 0, "enabled": "0"
    }  # fmt: skip
    (rule,) = [value for value in values.values() if value[".type"] == "rule"]
    assert (rule[".anonymous"], rule["channels"]) == (True, ["a"])
    assert await bus.call("uci", "get", {"config": "homeline", "section": "main", "option": "enabled"}) == {
        "value": "0"
    }
    assert await bus.call("uci", "get", {"config": "homeline", "section": "@rule[-1]", "option": "channels"}) == {
        "value": ["a"]
    }
    made = await bus.call(
        "uci", "add", {"config": "homeline", "type": "rule", "name": "new", "values": {"enabled": True}}
    )
    assert made == {"section": "new"}
    await bus.call("uci", "delete", {"config": "homeline", "section": "main", "option": "enabled"})
    assert (await bus.call("uci", "changes", {"config": "homeline"}))["changes"] == [
        ["set", "new", "rule"], ["set", "new", "enabled", "1"], ["remove", "main", "enabled"]
    ]  # fmt: skip
    await bus.call("uci", "revert", {"config": "homeline"})
    assert (await bus.call("uci", "changes", {}))["changes"] == {}
    for arguments in ({"config": "none"}, {"config": "homeline", "section": "x"}):
        assert await status_of(bus, "uci", "get", arguments) == 4
    assert await status_of(bus, "uci", "get", {"config": "../passwd"}) == 2


async def test_sessions_stage_apart(router: Router, bus: Bus) -> None:
    assert await status_of(bus, "session", "login", {"username": "root", "password": "wrong"}) == 6
    login = await bus.call("session", "login", {"username": "root", "password": "open sesame"})
    session = {"ubus_rpc_session": login["ubus_rpc_session"]}
    assert await bus.call("session", "access", {**session, "object": "homeline", "function": "status"}) == {
        "access": True
    }
    change = {"config": "homeline", "section": "main", "values": {"country": "FR"}}
    await bus.call("uci", "set", {**session, **change})
    assert (await bus.call("uci", "changes", {}))["changes"] == {}
    assert (await bus.call("uci", "changes", session))["changes"] == {"homeline": [["set", "main", "country", "FR"]]}
    await bus.call("session", "destroy", session)
    assert await status_of(bus, "session", "access", {**session, "object": "homeline"}) == 4


def run(root: Path, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "homeline_lab", "uci", *arguments],
        env={**os.environ, "HOMELINE_LAB_ROOT": str(root)},
        capture_output=True,
        text=True,
        timeout=20,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_command_as_a_visitor_types_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "etc/config").mkdir(parents=True)
    (tmp_path / "etc/config/homeline").write_text(MAIN)
    assert run(tmp_path, "set", "homeline.main.country=CH") == (0, "")

    def uci(*arguments: str) -> tuple[int, str]:
        code = uci_command.main(["--root", str(tmp_path), *arguments])
        shown = capsys.readouterr()
        return code, shown.out + shown.err

    assert uci("get", "homeline.main.country") == (0, "CH\n")
    assert (tmp_path / "etc/config/homeline").read_text() == MAIN
    uci("set", "homeline.all=rule")
    uci("add_list", "homeline.all.senders=it's *")
    uci("add_list", "homeline.all.senders=+41*")
    assert uci("changes")[1].splitlines()[0] == "homeline: set main country CH"
    assert uci("commit", "homeline") == (0, "")
    assert uci("show", "homeline")[1].splitlines() == [
        "homeline.main=homeline",
        "homeline.main.enabled='1'",
        "homeline.main.country='CH'",
        "homeline.all=rule",
        "homeline.all.senders='it'\\''s *' '+41*'",
    ]
    uci("delete", "homeline.all")
    uci("revert", "homeline")
    assert uci("get", "homeline.all") == (0, "rule\n")
    assert uci("get", "homeline.all.nothing") == (1, "uci: homeline.all has no option nothing\n")
    assert uci("delete", "homeline.nothing")[0] == 1
    assert uci("set", "homeline.main.country")[0] == 1
    assert "usage" in uci("frobnicate")[1]
