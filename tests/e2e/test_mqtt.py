"""An SMS at the dongle, and what a broker, Home Assistant and whoever gives orders there get of it."""

from __future__ import annotations

import asyncio
import compileall
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client
import pytest

from e2e.kit import Home, living
from e2e.test_footprint import wake_ups
from homeline_lab.bench import procfs
from homeline_lab.bench.ours import compile_daemon
from homeline_lab.mosquitto import PROGRAM, Ear, Mosquitto, free_port
from hostile import HOSTILE

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="mosquitto is not installed")

BASE = "homeline/cottage"
ANN = "+41791112233"
SECTION = """
config mqtt 'home'
	option host '127.0.0.1'
	option port '{port}'
	option client_id 'cottage'
{options}

config rule 'to_mqtt'
	list events 'message'
	list events 'ussd'
	list events 'report'
	list channels 'home'
"""


def section(port: int, **options: str | list[str]) -> str:
    lines = [
        f"\tlist {name} '{item}'" if isinstance(value, list) else f"\toption {name} '{item}'"
        for name, value in options.items()
        for item in (value if isinstance(value, list) else [value])
    ]
    return SECTION.format(port=port, options="\n".join(lines))


@asynccontextmanager
async def connected(root: Path, port: int, **options: Any) -> AsyncIterator[Home]:
    start = options.pop("start", True)
    async with living(root, extra=section(port, **options), start=start) as home:
        yield home


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    async with Mosquitto(tmp_path / "broker") as broker:
        yield broker


def says(**wanted: Any) -> Callable[[bytes], bool]:
    """Whether a payload is JSON with these values."""
    return lambda payload: bool(payload) and wanted.items() <= json.loads(payload).items()


async def test_an_sms_comes_as_a_document(broker: Mosquitto, tmp_path: Path) -> None:
    async with Ear(broker.port) as ear, connected(tmp_path, broker.port) as home:
        home.dongle.deliver("Grüezi 🙂", ANN)
        heard = await ear.wait(f"{BASE}/message/stick")
        document = json.loads(heard.payload)
        assert (document["text"], document["from"], document["kind"]) == ("Grüezi 🙂", ANN, "message")
        assert document["event_type"] == "message"
        done = await home.events.wait("delivery.done", lambda delivery: delivery["channel"] == "home")
        assert done["event"] == document["event"]
        assert f"{BASE}/message/stick" not in await ear.kept()
        assert ear.of(f"{BASE}/status") == [b"online"]
        await ear.wait(f"{BASE}/dongle/stick", says(state="ready", operator="Lab Mobile", unread=1))
        await home.router.stop()
        assert (await ear.kept())[f"{BASE}/status"] == b"offline"


async def test_hostile_texts_come_as_text_and_reach_no_state(broker: Mosquitto, tmp_path: Path) -> None:
    async with Ear(broker.port) as ear, connected(tmp_path, broker.port, discovery="1") as home:
        texts = {name: text for name, text in HOSTILE.items() if name not in ("long", "surrogates")}
        for text in texts.values():
            home.dongle.deliver(text, ANN)
        await ear.wait(f"{BASE}/message/stick", count=len(texts), timeout=30)
        came = [json.loads(payload)["text"] for payload in ear.of(f"{BASE}/message/stick")]
        assert sorted(came) == sorted(texts.values())
        await ear.wait(f"{BASE}/dongle/stick", says(unread=len(texts)))
        assert {heard.topic for heard in ear.heard} == {
            *(f"{BASE}/{rest}" for rest in ("status", "message/stick", "dongle/stick")),
            "homeassistant/device/homeline_cottage_stick/config",
        }
        kept = b"".join((await ear.kept()).values())
        assert b"script" not in kept and b"reboot" not in kept


class Relay:
    """Between the daemon and the broker: `mute` lets nothing of the broker through any more."""

    def __init__(self, target: int) -> None:
        self._target, self.mute, self.port = target, False, free_port()
        self._pumps: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Relay:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection("127.0.0.1", self._target)
        for source, sink, hush in ((reader, forth, False), (back, writer, True)):
            pump = asyncio.ensure_future(self._pump(source, sink, hush))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, hush: bool) -> None:
        try:
            while data := await source.read(65536):
                if not (hush and self.mute):
                    sink.write(data)
        except ConnectionError:
            pass
        finally:
            sink.close()


async def test_killed_between_the_broker_and_the_commit_it_is_repeated_under_the_same_id(
    broker: Mosquitto, tmp_path: Path
) -> None:
    topic = f"{BASE}/message/stick"
    async with Relay(broker.port) as relay, Ear(broker.port) as ear, connected(tmp_path, relay.port) as home:
        await ear.wait(f"{BASE}/dongle/stick", says(state="ready"))
        relay.mute = True
        home.dongle.deliver("once", ANN)
        first = await ear.wait(topic)
        await home.killed()
        await ear.wait(f"{BASE}/status", lambda payload: payload == b"offline")
        relay.mute = False
        await home.run()
        second = await ear.wait(topic, count=2)
        await home.events.wait("delivery.done", lambda delivery: delivery["channel"] == "home")
        assert json.loads(first.payload)["id"] == json.loads(second.payload)["id"]
        await home.killed()
        await home.run()
        await home.warm_up()
        texts = [json.loads(payload)["text"] for payload in ear.of(topic)]
        assert texts.count("once") == 2


async def test_a_broker_that_is_away_at_the_start_gets_everything_when_it_comes(tmp_path: Path) -> None:
    async with (
        Mosquitto(tmp_path / "broker", started=False) as broker,
        connected(tmp_path, broker.port, discovery="1") as home,
    ):
        for number in range(30):
            home.dongle.deliver(f"text {number}", ANN)
        await home.events.wait_for("message.received", 30, timeout=30)
        problems = await home.problems()
        assert "Connection refused" in problems["mqtt home"]
        await broker.start()
        async with Ear(broker.port) as ear:
            done = lambda delivery: delivery["channel"] == "home"  # noqa: E731
            await home.events.wait_for("delivery.done", 30, done, timeout=40)
            await ear.wait(f"{BASE}/dongle/stick", says(unread=30))
            assert "mqtt home" not in await home.problems()
            assert set(await ear.kept()) == {
                f"{BASE}/status",
                f"{BASE}/dongle/stick",
                "homeassistant/device/homeline_cottage_stick/config",
            }


async def test_a_broker_that_is_restarted(broker: Mosquitto, tmp_path: Path) -> None:
    async with connected(tmp_path, broker.port) as home:
        async with Ear(broker.port) as ear:
            await ear.wait(f"{BASE}/dongle/stick", says(state="ready"))
        await broker.stop(kill=True)
        home.dongle.deliver("meanwhile", ANN)
        await home.events.wait("message.received")
        await broker.start()
        async with Ear(broker.port) as ear:
            await ear.wait(f"{BASE}/message/stick", says(text="meanwhile"), timeout=30)
            await ear.wait(f"{BASE}/status", lambda payload: payload == b"online")


async def test_entities_go_with_what_they_are_about(broker: Mosquitto, tmp_path: Path) -> None:
    """A second dongle is removed while we do not run, then discovery is switched off, then the section goes."""
    second = "\nconfig dongle 'other'\n\toption usb_path '9-9'\n"
    config = "homeassistant/device/homeline_cottage_{}/config"
    async with Ear(broker.port) as ear, connected(tmp_path, broker.port, start=False, discovery="1") as home:
        home.router.configure(home.configuration(second))
        await home.run("")
        await ear.wait(config.format("stick"))
        await ear.wait(config.format("other"))
        await ear.wait(f"{BASE}/dongle/other", says(state="absent"))
        await home.killed()
        home.router.configure(home.configuration())
        await home.run()
        await ear.wait(config.format("other"), lambda payload: payload == b"")
        await ear.wait(f"{BASE}/dongle/other", lambda payload: payload == b"")
        plain = home.configuration()
        home.router.configure(plain.replace("option discovery '1'", "option discovery '0'"))
        await ear.wait(config.format("stick"), lambda payload: payload == b"")
        assert set(await ear.kept()) == {f"{BASE}/status", f"{BASE}/dongle/stick"}
        home.router.configure(plain.replace("config mqtt 'home'", "config mqtt 'away'").replace("cottage", "hut"))
        await ear.wait("homeline/hut/status")
        await ear.wait(f"{BASE}/status", lambda payload: payload == b"")
        assert not [topic for topic in await ear.kept() if topic.startswith(BASE)]


async def test_home_assistant_is_told_again_when_it_is_born(broker: Mosquitto, tmp_path: Path) -> None:
    config = "homeassistant/device/homeline_cottage_stick/config"
    async with Ear(broker.port) as ear, connected(tmp_path, broker.port, discovery="1"):
        await ear.wait(f"{BASE}/dongle/stick", says(state="ready", operator="Lab Mobile"))
        await ear.wait(config, lambda payload: b"E1750" in payload)
        before = ear.of(config)
        ear.say("homeassistant/status", "offline")
        ear.say("homeassistant/status", "online")
        await ear.wait(config, count=len(before) + 1)
        assert ear.of(config)[-1] == before[-1]


async def test_orders(broker: Mosquitto, tmp_path: Path) -> None:
    options = {"commands": ["send", "ussd", "mark_read"], "sms_to": ["+41791112*"], "ussd_codes": ["*100#"]}
    async with Ear(broker.port) as ear, connected(tmp_path, broker.port, **options) as home:
        await ear.wait(f"{BASE}/dongle/stick", says(state="ready"))
        order = json.dumps({"id": "a1", "to": "079 111 22 33", "text": "On my way"})
        ear.say(f"{BASE}/command/send", order)
        await ear.wait(f"{BASE}/result/a1", says(ok=True))
        sent = await home.events.wait("message.sent")
        assert (sent["peer"], sent["text"]) == (ANN, "On my way")
        await home.killed()  # and after a crash the same order is still known
        await home.run()
        await ear.wait(f"{BASE}/status", lambda payload: payload == b"online", count=2)
        ear.say(f"{BASE}/command/send", order)
        await ear.wait(f"{BASE}/result/a1", says(ok=True, message=sent["id"]), count=2)
        assert [message["text"] for message in await home.messages("out")] == ["On my way"]
        ear.say(f"{BASE}/command/ussd", json.dumps({"id": "b1", "code": "*100#"}))
        answer = json.loads((await ear.wait(f"{BASE}/result/b1")).payload)
        assert answer["ok"] and answer["text"]
        await ear.wait(f"{BASE}/ussd/stick", says(event_type="ussd"))
        ear.say(f"{BASE}/command/ussd", json.dumps({"id": "b2", "code": "**21*+41790000000#"}))
        await ear.wait(f"{BASE}/result/b2", says(ok=False))
        ear.say(f"{BASE}/command/reset", json.dumps({"id": "c1", "dongle": "stick"}))
        await ear.wait(f"{BASE}/result/c1", says(ok=False))
        home.dongle.deliver("hello", ANN)
        await ear.wait(f"{BASE}/dongle/stick", says(unread=1))
        ear.say(f"{BASE}/command/mark_read", json.dumps({"id": "d1", "dongle": "stick"}))
        await ear.wait(f"{BASE}/result/d1", says(ok=True, count=1))
        await ear.wait(f"{BASE}/dongle/stick", lambda payload: says(unread=0)(payload), count=2)


async def test_killed_again_and_again_nothing_is_lost_and_repeats_have_one_id(
    tmp_path: Path, broker: Mosquitto
) -> None:
    """The process is killed without any warning, at moments that nobody chose, while messages go out."""
    dice = random.Random(5)
    topic = f"{BASE}/message/stick"
    async with Ear(broker.port) as ear, connected(tmp_path, broker.port) as home:
        for turn in range(6):
            for number in range(8):
                home.dongle.deliver(f"{turn}.{number}", ANN)
            await asyncio.sleep(dice.uniform(0.0, 0.4))
            await home.killed()
            await home.run("")
        wanted = {f"{turn}.{number}" for turn in range(6) for number in range(8)}
        for text in sorted(wanted):
            await ear.wait(topic, says(text=text), timeout=30)
        await home.events.wait("delivery.done", lambda delivery: delivery["channel"] == "home")
        ids: dict[str, set[str]] = {}
        for document in map(json.loads, ear.of(topic)):
            ids.setdefault(document["text"], set()).add(document["id"])
        assert ids.keys() == wanted and {len(each) for each in ids.values()} == {1}
        async with asyncio.timeout(30):
            while (await home.call("list_deliveries", channel="home", state="pending"))["deliveries"]:
                await asyncio.sleep(0.1)
        assert not (await home.call("list_deliveries", channel="home", state="failed"))["deliveries"]


MEMORY = 5.0  # MB, without TLS; what the modules alone take, and as much again for buffers and for chance
QUIET = 12  # how often the threads may wake in five seconds: nothing but the broker's and our own keep-alive


async def test_a_connection_is_small_and_quiet(tmp_path: Path, broker: Mosquitto) -> None:
    compile_daemon()
    compileall.compile_dir(Path(paho.mqtt.client.__file__).parent, quiet=2)
    sizes = []
    for name, extra in (("without", ""), ("with", section(broker.port, discovery="1"))):
        (tmp_path / name).mkdir()
        async with living(tmp_path / name, extra=extra) as home:
            if extra:
                async with Ear(broker.port) as ear:
                    await ear.wait(f"{BASE}/dongle/stick", says(state="ready"))
            await home.warm_up()
            assert home.router.daemon is not None
            pid = home.router.daemon.pid
            await asyncio.sleep(1.0)  # let the last events and deliveries end
            before = wake_ups(pid)
            await asyncio.sleep(5.0)
            assert wake_ups(pid) - before <= QUIET
            sizes.append(procfs.memory([pid]))
    assert sizes[1] - sizes[0] <= MEMORY
