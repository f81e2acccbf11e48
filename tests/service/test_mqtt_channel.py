"""The MQTT channel with a real store and a real broker: deliveries, states, orders and what becomes of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from homeline.adapters.store import Store
from homeline.config import Dongle
from homeline.config_channels import Mqtt
from homeline.errors import DeliveryError, ModemError, StoreError
from homeline.model import (
    Call,
    CallDirection,
    CallState,
    Delivery,
    DongleState,
    Event,
    EventKind,
    MessageState,
    Problem,
)
from homeline.protocol.ussd import Reply, State
from homeline.service.channels import mqtt, mqtt_commands, mqtt_states
from homeline.service.channels.mqtt import MqttChannel, build
from homeline_lab.mosquitto import PROGRAM, Ear, Mosquitto, free_port
from hostile import HOSTILE
from service.kit import ANN, BOB, CONFIG, NOW, Sender, Service, parts

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="mosquitto is not installed")

BASE = "homeline/cottage"
DELIVERY = Delivery(1, 7, "all", "home")
STATE = f"{BASE}/dongle/stick"
DISCOVERY = "homeassistant/device/homeline_cottage_stick/config"


class Stick(Sender):
    """A dongle that sends, answers USSD and can be reset."""

    def __init__(self, name: str = "stick") -> None:
        super().__init__(name)
        self.status.operator = "Lab Mobile"
        self.codes: list[str] = []
        self.resets = 0
        self.ussd_error: Exception | None = None
        self.hold: asyncio.Event | None = None

    async def ussd(self, code: str) -> Reply:
        self.codes.append(code)
        if self.hold is not None:
            await self.hold.wait()
        if self.ussd_error is not None:
            raise self.ussd_error
        return Reply(State.DONE, "CHF 12.50 left")

    async def ussd_cancel(self) -> None: ...

    async def reset(self) -> None:
        self.resets += 1


@dataclass
class Room:
    """A channel at work, everything around it, and an ear at its broker."""

    service: Service
    broker: Mosquitto
    ear: Ear
    hurried: list[str] = field(default_factory=list)
    stick: Stick = field(default_factory=Stick)

    @asynccontextmanager
    async def working(self, **options: Any) -> AsyncIterator[MqttChannel]:
        """A channel of such a section, which runs. What it says in `finally` has been said when this ends."""
        section = self.section(**options)
        self.service.context.config = replace(self.service.context.config, accounts=(section,))
        channel = build(section, self.service.world(hurry=self.hurried.append))
        running = asyncio.ensure_future(channel.run())
        try:
            yield channel
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    def section(self, **options: Any) -> Mqtt:
        given = {"host": "127.0.0.1", "port": self.broker.port, "client_id": "cottage", "timeout": 5}
        return Mqtt("home", **{**given, **options})

    async def order(self, command: str, /, **given: Any) -> dict[str, Any]:
        """Ask for something and wait for the answer."""
        count = len(self.ear.of(f"{BASE}/result/{given['id']}"))
        self.ear.say(f"{BASE}/command/{command}", json.dumps(given))
        return dict(json.loads((await self.ear.wait(f"{BASE}/result/{given['id']}", count=count + 1)).payload))

    async def listening(self) -> None:
        await self.ear.wait(STATE)

    async def outbox(self) -> list[str]:
        page = await self.service.database(Store.list_messages)
        return [message.text for message in page.messages][::-1]


@pytest.fixture
async def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Room]:
    monkeypatch.setattr(mqtt_states, "SETTLE", 0.0)
    monkeypatch.setattr(mqtt_states, "AGAIN", 0.0)
    monkeypatch.setattr(mqtt.random, "random", lambda: 0.0)
    async with Mosquitto(tmp_path / "broker") as broker, Service(tmp_path) as service, Ear(broker.port) as ear:
        room = Room(service, broker, ear)
        service.dongles["stick"] = room.stick
        yield room


def says(**wanted: Any) -> Callable[[bytes], bool]:
    return lambda payload: bool(payload) and wanted.items() <= json.loads(payload).items()


def event(text: str = "hello", kind: EventKind = EventKind.MESSAGE, **more: Any) -> Event:
    return Event(7, kind, NOW, "stick", ANN, text, **more)


# -- deliveries -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
async def test_any_text_is_delivered_as_text(room: Room, text: str) -> None:
    async with room.working() as channel:
        await channel.deliver(DELIVERY, event(text))
        document = json.loads((await room.ear.wait(f"{BASE}/message/stick")).payload)
        assert document["text"] == room.service.world().wording.note(DELIVERY, event(text)).document["text"]
        assert {heard.topic for heard in room.ear.heard} <= {f"{BASE}/message/stick", f"{BASE}/status", STATE}


async def test_each_kind_has_its_topic(room: Room) -> None:
    call = Call(7, CallDirection.IN, CallState.MISSED, "u", dongle="stick", peer=ANN, started_at=NOW)
    async with room.working() as channel:
        for kind in EventKind:
            if kind is not EventKind.CODE:
                given = {"call": call} if kind in (EventKind.CALL, EventKind.VOICEMAIL) else {}
                await channel.deliver(DELIVERY, event(kind=kind, **given))
        await channel.deliver(DELIVERY, replace(event(kind=EventKind.ALERT), dongle=""))
        await room.ear.wait(f"{BASE}/alert")
        topics = [heard.topic.removeprefix(f"{BASE}/") for heard in room.ear.heard]
    assert set(topics) >= {"message/stick", "report/stick", "ussd/stick", "alert/stick", "call/stick", "alert"}
    types = [json.loads(payload)["event_type"] for payload in room.ear.of(f"{BASE}/call/stick")]
    assert types == ["missed", "voicemail"]


async def test_a_bundle_has_a_topic_of_its_own(room: Room) -> None:
    one, two = event("one"), replace(event("two"), id=8)
    async with room.working() as channel:
        await channel.deliver(DELIVERY, replace(one, digest=(one, two)))
        document = json.loads((await room.ear.wait(f"{BASE}/digest/stick")).payload)
    assert [each["text"] for each in document["events"]] == ["one", "two"] and document["event_type"] == "digest"


async def test_two_attempts_have_one_id(room: Room) -> None:
    async with room.working() as channel:
        await channel.deliver(DELIVERY, event())
        await channel.deliver(DELIVERY, event())
        await room.ear.wait(f"{BASE}/message/stick", count=2)
    first, second = map(json.loads, room.ear.of(f"{BASE}/message/stick"))
    assert first == second


async def test_without_a_broker_a_delivery_says_why_and_waits(room: Room) -> None:
    async with room.working(port=free_port()) as channel:
        for _ in range(2):
            with pytest.raises(DeliveryError, match="Connection refused") as caught:
                await channel.deliver(DELIVERY, event())
            assert not caught.value.permanent
        assert not channel.connected
        (problem,) = [each for each in room.service.said.all() if each.where == "mqtt home"]
        assert "Connection refused" in problem.text and "wait" in problem.advice


async def test_a_delivery_at_the_start_waits_for_the_first_connection(room: Room) -> None:
    section = room.section()
    channel = build(section, room.service.world())
    early = asyncio.ensure_future(channel.deliver(DELIVERY, event()))
    await asyncio.sleep(0)
    running = asyncio.ensure_future(channel.run())
    await asyncio.wait_for(early, 10)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_broker_that_comes_back_is_told_to_the_dispatcher(room: Room) -> None:
    async with room.working() as channel:
        await room.ear.wait(f"{BASE}/status")
        await channel.deliver(DELIVERY, event())
        assert room.hurried == ["home"]
        await room.broker.stop(kill=True)
        async with asyncio.timeout(10):
            while channel.connected:
                await asyncio.sleep(0.01)
        with pytest.raises(DeliveryError):
            await channel.deliver(DELIVERY, event())
        await room.broker.start()
        async with asyncio.timeout(20):
            while not channel.connected:
                await asyncio.sleep(0.01)
        await channel.deliver(DELIVERY, event())
        assert room.hurried == ["home", "home"]
        assert not room.service.said.all()


async def test_a_broker_that_does_not_confirm(room: Room) -> None:
    async with room.working(timeout=1) as channel:
        await room.listening()
        room.broker.freeze()
        with pytest.raises(DeliveryError, match="did not confirm within 1 s"):
            await channel.deliver(DELIVERY, event())
        room.broker.thaw()


async def test_a_wrong_password_is_tried_rarely_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    paused = asyncio.Event()

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        paused.set()
        await asyncio.Event().wait()

    async with Mosquitto(tmp_path / "broker", users={"me": "right"}) as broker, Service(tmp_path) as service:
        section = Mqtt("home", "127.0.0.1", broker.port, user="me", password="wr0ng", client_id="cottage")
        channel = build(section, service.world())
        monkeypatch.setattr(mqtt.asyncio, "sleep", sleep)
        running = asyncio.ensure_future(channel.run())
        await asyncio.wait_for(paused.wait(), 10)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        (problem,) = service.said.all()
        assert pauses[0] >= 300 and "wr0ng" not in problem.text and "docs/mqtt.md" in problem.advice


def test_equal_sections_make_equal_channels(tmp_path: Path) -> None:
    one, two = (object.__new__(MqttChannel) for _ in range(2))
    one.account, two.account = Mqtt("home", "a"), Mqtt("home", "a")
    assert one == two
    two.account = Mqtt("home", "b")
    assert one != two


# -- states -----------------------------------------------------------------------------------------------------------


async def test_states_follow(room: Room) -> None:
    async with room.working():
        await room.ear.wait(STATE, says(state="ready", operator="Lab Mobile", unread=0, missed_at=None))
        await room.service.database(Store.receive, parts("hello"), NOW, room.service.context.plan)
        room.service.news.emit("homeline.message.received", {})
        await room.ear.wait(STATE, says(unread=1))
        call = Call(0, CallDirection.IN, CallState.MISSED, "u", "stick", peer=BOB, peer_raw=BOB, started_at=NOW - 5)
        await room.service.database(Store.add_call, call, NOW, "missed", room.service.context.plan)
        room.service.news.emit("homeline.call.missed", {})
        await room.ear.wait(STATE, says(missed_at=NOW - 5, missed_from=BOB))
        room.stick.status.state = DongleState.SEARCHING
        room.service.news.emit("homeline.dongle.changed", {})
        await room.ear.wait(STATE, says(state="searching", ready=False))
        assert STATE in await room.ear.kept()


async def test_what_no_event_tells_of_is_looked_at_regularly(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt_states, "EVERY", 0.05)
    async with room.working():
        await room.ear.wait(STATE, says(signal_dbm=None))
        room.stick.status.signal_dbm = -91
        await room.ear.wait(STATE, says(signal_dbm=-91))
        await asyncio.sleep(0.3)
        assert len(room.ear.of(STATE)) == 2  # what did not change is not published


async def test_a_dongle_that_is_set_up_anew_is_not_gone(room: Room) -> None:
    async with room.working(discovery=True):
        await room.ear.wait(STATE)
        del room.service.dongles["stick"]
        room.service.news.emit("homeline.dongle.changed", {})
        await room.ear.wait(STATE, says(state="disabled"))
        assert b"" not in room.ear.of(DISCOVERY)


async def test_a_dongle_that_left_the_configuration_is_cleared(room: Room) -> None:
    room.service.context.config = replace(CONFIG, dongles=(Dongle("stick"), Dongle("other")))
    async with room.working(discovery=True):
        other = DISCOVERY.replace("stick", "other")
        await room.ear.wait(other)
        room.service.context.config = replace(room.service.context.config, dongles=(Dongle("stick"),))
        room.service.news.emit("homeline.config.applied", {})
        await room.ear.wait(other, lambda payload: payload == b"")
        await room.ear.wait(f"{BASE}/dongle/other", lambda payload: payload == b"")
        kept = await room.ear.kept()
        assert set(kept) == {f"{BASE}/status", STATE, DISCOVERY}


async def test_what_is_not_wanted_any_more_is_cleared_whenever_the_broker_is_back(room: Room) -> None:
    """Also by another process than the one that published it: it is in the store."""
    async with room.working(discovery=True):
        await room.ear.wait(STATE)
    await room.broker.stop()
    room.service.context.config = replace(CONFIG, dongles=())
    async with room.working(discovery=True):  # the broker is away, and nothing can be cleared
        await room.service.until(lambda: True)
    await room.broker.start()
    await room.ear.wait(DISCOVERY, count=2)  # the ear is back, and the broker has kept it
    async with room.working(discovery=True):
        await room.ear.wait(DISCOVERY, lambda payload: payload == b"", timeout=20)
        await room.ear.wait(STATE, lambda payload: payload == b"")


async def test_another_prefix_leaves_nothing_behind_even_where_the_broker_was_away(room: Room) -> None:
    async with room.working():
        await room.ear.wait(STATE)
    await room.broker.stop()
    async with room.working():
        pass
    await room.broker.start()
    await room.ear.wait(STATE, count=2)
    async with room.working(prefix="gsm"):
        await room.ear.wait("gsm/cottage/dongle/stick")
        await room.ear.wait(f"{BASE}/status", lambda payload: payload == b"")
        await room.ear.wait(STATE, lambda payload: payload == b"")
        assert set(await room.ear.kept()) == {"gsm/cottage/status", "gsm/cottage/dongle/stick"}


async def test_controls_that_are_not_allowed_any_more_are_removed(room: Room) -> None:
    async with room.working(discovery=True, commands=("send", "reset"), sms_to=(ANN, BOB)):
        first = json.loads((await room.ear.wait(DISCOVERY)).payload)["components"]
        assert {"notify_41791112233", "notify_41794445566", "reset"} <= first.keys()
    async with room.working(discovery=True, commands=("send",), sms_to=(ANN,)):
        await room.ear.wait(DISCOVERY, lambda payload: b'"reset":{"platform":"button"}' in payload)
        last = json.loads(room.ear.of(DISCOVERY)[-1])["components"]
        assert last["notify_41794445566"] == {"platform": "notify"} and "command_topic" in last["notify_41791112233"]


async def test_a_section_that_goes_cleans_up_and_one_that_stays_says_good_bye(room: Room) -> None:
    async with room.working(discovery=True):
        await room.ear.wait(STATE)
    assert (await room.ear.kept())[f"{BASE}/status"] == b"offline"
    async with room.working(discovery=True):
        await room.ear.wait(f"{BASE}/status", lambda payload: payload == b"online", count=2)
        await room.ear.wait(STATE, count=2)
        room.service.context.config = CONFIG  # the section was deleted
    assert await room.ear.kept() == {}


async def test_a_mistake_in_a_section_takes_nothing_away(room: Room) -> None:
    """What was left out for it comes back, and nobody has to set up Home Assistant anew."""
    async with room.working(discovery=True):
        await room.ear.wait(STATE)
        wrong = (Problem("stick.imei", "must be 15 digits"), Problem("home.port", "must be a number"))
        room.service.context.config = replace(CONFIG, dongles=(), problems=wrong)  # both sections are left out
        del room.service.dongles["stick"]
        room.service.news.emit("homeline.config.applied", {})
        await room.ear.wait(STATE, says(state="disabled"))
    assert set(await room.ear.kept()) == {f"{BASE}/status", STATE, DISCOVERY}


async def test_a_slow_broker_gets_the_last_state_and_no_queue(room: Room) -> None:
    async with room.working():
        await room.ear.wait(STATE)
        room.broker.freeze()
        for level in range(50):
            room.stick.status.signal_dbm = -50 - level
            room.service.news.emit("homeline.dongle.changed", {})
            await asyncio.sleep(0.002)
        room.broker.thaw()
        await room.ear.wait(STATE, says(signal_dbm=-99))
        assert len(room.ear.of(STATE)) < 10


async def test_a_birth_message_that_is_repeated_without_end_is_obeyed_seldom(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_states, "AGAIN", 0.5)
    async with room.working(discovery=True):
        await room.ear.wait(STATE)
        for _ in range(200):
            room.ear.say("homeassistant/status", "online")
        await room.ear.wait("homeassistant/status", count=200)
        await room.ear.wait(DISCOVERY, count=3)
        assert len(room.ear.of(DISCOVERY)) < 6


async def test_a_retained_birth_message_tells_nothing_new(room: Room) -> None:
    room.ear.say("homeassistant/status", "online", retain=True)
    await room.ear.wait("homeassistant/status")
    async with room.working(discovery=True) as channel:
        await room.ear.wait(STATE)
        await channel.deliver(DELIVERY, event())
        await room.ear.wait(f"{BASE}/message/stick")
        assert len(room.ear.of(DISCOVERY)) == 1


async def test_while_the_store_is_away_states_go_on(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any, **__: Any) -> Any:
        raise StoreError("The disk is full.")

    async with room.working():
        await room.ear.wait(STATE)
        monkeypatch.setattr(type(room.service.database), "__call__", broken)
        room.stick.status.signal_dbm = -70
        room.service.news.emit("homeline.dongle.changed", {})
        await room.ear.wait(STATE, says(signal_dbm=-70))


# -- orders -----------------------------------------------------------------------------------------------------------

EVERYTHING: dict[str, Any] = {
    "commands": ("send", "ussd", "mark_read", "reset"),
    "sms_to": ("+4179111*", "079 444 55 66"),
    "ussd_codes": ("*100#",),
}


async def test_nothing_is_taken_unless_the_owner_named_it(room: Room) -> None:
    async with room.working():
        await room.listening()
        room.ear.say(f"{BASE}/command/send", json.dumps({"id": "1", "to": ANN, "text": "hi"}))
        await room.ear.wait(f"{BASE}/command/send")
        assert not room.ear.of(f"{BASE}/result/1")  # we do not even listen
    async with room.working(commands=("ussd",), ussd_codes=("*100#",)):
        await room.ear.wait(STATE, count=2)
        for command in ("send", "reset", "mark_read", "reboot", "$(reboot)"):
            answer = await room.order(command, id=f"x{len(command)}", to=ANN, text="hi", dongle="stick")
            assert not answer["ok"] and "not among the commands" in answer["error"]
    assert await room.outbox() == [] and room.stick.resets == 0


async def test_send(room: Room) -> None:
    async with room.working(**EVERYTHING):
        await room.listening()
        answer = await room.order("send", id="a", to="079 111 22 33", text="On my way 🙂", dongle="stick")
        assert answer == {"id": "a", "command": "send", "ok": True, "message": answer["message"]}
        again = await room.order("send", id="a", to="079 111 22 33", text="On my way 🙂", dongle="stick")
        assert again == answer
        assert await room.outbox() == ["On my way 🙂"]
        (message,) = (await room.service.database(Store.list_messages)).messages
        assert (message.peer, message.state) == (ANN, MessageState.QUEUED)


@pytest.mark.parametrize(
    ("to", "words"),
    [
        (BOB, ""),  # the pattern is written as people write it at home, and is none of E.164
        ("+41800123456", "not among the numbers"),
        ("+1900", "not among the numbers"),
        ("333", "not among the numbers"),
        ("**21*+41791112233#", "not a phone number"),
        ("+41791112233;ATD", "not a phone number"),
        ("Ann", "not a phone number"),
        ("\u0661\u0662\u0663\u0664", "not a phone number"),
    ],
)
async def test_sms_only_to_the_owners_numbers(room: Room, to: str, words: str) -> None:
    async with room.working(**{**EVERYTHING, "sms_to": ("+4179111*",)}):
        await room.listening()
        answer = await room.order("send", id="a", to=to, text="hi")
        assert not answer["ok"] and (words or "not among the numbers") in answer["error"]
        assert await room.outbox() == []


async def test_sms_are_limited_by_the_hour_whoever_restarts(room: Room) -> None:
    for turn, count in enumerate((2, 2), 1):
        async with room.working(**EVERYTHING, sms_rate=3):
            await room.ear.wait(STATE, count=turn)
            for number in range(count):
                await room.order("send", id=f"{turn}.{number}", to=ANN, text=f"{turn}.{number}")
    assert await room.outbox() == ["1.0", "1.1", "2.0"]
    refused = json.loads(room.ear.of(f"{BASE}/result/2.1")[0])
    assert not refused["ok"] and "3 SMS an hour" in refused["error"]
    room.service.now += 3601
    async with room.working(**EVERYTHING, sms_rate=3):
        await room.ear.wait(STATE, count=3)
        assert (await room.order("send", id="2.1", to=ANN, text="2.1"))["ok"]  # a refusal was not remembered
        long = await room.order("send", id="3", to=ANN, text="x" * 400)
        assert not long["ok"]  # three parts, and two are left


async def test_ussd_only_exact_codes(room: Room) -> None:
    async with room.working(**EVERYTHING):
        await room.listening()
        answer = await room.order("ussd", id="u1", code="*100#")
        assert answer == {"id": "u1", "command": "ussd", "ok": True, "text": "CHF 12.50 left", "more": False}
        assert await room.order("ussd", id="u1", code="*100#") == answer
        for number, code in enumerate(("*100*1#", "*100# ", "**21*+41790000000#", "*100#\0", "*1O0#", "1")):
            refused = await room.order("ussd", id=f"w{number}", code=code)
            assert not refused["ok"]
        assert room.stick.codes == ["*100#"]


async def test_an_error_is_the_answer_to_a_repeated_order_too(room: Room) -> None:
    room.stick.ussd_error = ModemError("AT+CUSD: no network service (CME 30)")
    async with room.working(**EVERYTHING):
        await room.listening()
        for _ in range(2):
            answer = await room.order("ussd", id="u1", code="*100#")
            assert not answer["ok"] and "no network service" in answer["error"]
    assert room.stick.codes == ["*100#"]


async def test_an_order_that_was_cut_off_is_not_carried_out_again(room: Room) -> None:
    room.stick.hold = asyncio.Event()
    async with room.working(**EVERYTHING) as channel:
        await room.listening()
        room.ear.say(f"{BASE}/command/ussd", json.dumps({"id": "u1", "code": "*100#"}))
        async with asyncio.timeout(10):
            while not room.stick.codes:
                await asyncio.sleep(0.01)
        for task in channel._commands._tasks.values():
            task.cancel()
    room.stick.hold = None
    async with room.working(**EVERYTHING):
        await room.ear.wait(STATE, count=2)
        answer = await room.order("ussd", id="u1", code="*100#")
        assert not answer["ok"] and answer["error"] == mqtt_commands.INTERRUPTED
    assert room.stick.codes == ["*100#"]


async def test_mark_read_and_reset(room: Room) -> None:
    async with room.working(**EVERYTHING):
        await room.listening()
        for number, text in enumerate(("one", "two", "three")):
            await room.service.database(Store.receive, parts(text, reference=number), NOW + number, lambda _: ())
        newest = (await room.service.database(Store.list_messages)).messages[0]
        assert (await room.order("mark_read", id="m1", ids=[newest.id]))["count"] == 1
        await room.ear.wait(STATE, says(unread=2))
        assert (await room.order("mark_read", id="m2", dongle="stick"))["count"] == 2
        await room.ear.wait(STATE, says(unread=0), count=2)
        assert (await room.order("reset", id="r1", dongle="stick"))["ok"]
        assert (await room.order("reset", id="r1", dongle="stick"))["ok"]
        assert room.stick.resets == 1
        for number, (command, given) in enumerate(
            (("mark_read", {}), ("mark_read", {"ids": [1], "dongle": "stick"}), ("reset", {"dongle": "none"}))
        ):
            assert not (await room.order(command, id=f"w{number}", **given))["ok"]
        assert not (await room.order("mark_read", id="w9", dongle="none"))["ok"]


async def test_a_retained_order_is_dropped(room: Room) -> None:
    topic = f"{BASE}/command/send"
    room.ear.say(topic, json.dumps({"id": "old", "to": ANN, "text": "hi"}), retain=True)
    await room.ear.wait(topic)
    async with room.working(**EVERYTHING):
        await room.listening()
        assert (await room.order("send", id="new", to=ANN, text="new"))["ok"]
        room.ear.say(topic, b"", retain=True)  # somebody clears it
        assert (await room.order("send", id="newer", to=ANN, text="newer"))["ok"]
    assert await room.outbox() == ["new", "newer"]
    assert not room.ear.of(f"{BASE}/result/old")


@pytest.mark.parametrize(
    "payload",
    [b"PRESS", b"[" * 8000, b"x" * 20_000, b'{"id": "a/b"}', b'{"id": 7}', b"\xff\xfe", b'{"id":"' + b"9" * 70 + b'"}'],
)
async def test_what_is_no_order_is_answered(room: Room, payload: bytes) -> None:
    async with room.working(**EVERYTHING):
        await room.listening()
        room.ear.say(f"{BASE}/command/send", payload)
        answer = json.loads((await room.ear.wait(f"{BASE}/result/invalid")).payload)
        assert not answer["ok"] and answer["error"]
        assert (await room.order("send", id="b", to=ANN, text="still here"))["ok"]


async def test_an_order_without_an_id_is_carried_out_once_in_a_minute(room: Room) -> None:
    order = json.dumps({"to": ANN, "text": "hi"})
    async with room.working(**EVERYTHING):
        await room.listening()
        for count in (1, 2):
            room.ear.say(f"{BASE}/command/send", order)
            await room.ear.wait(f"{BASE}/result/#", count=count)
        room.service.now += 60  # the next minute of the clock
        room.ear.say(f"{BASE}/command/send", order)
        await room.ear.wait(f"{BASE}/result/#", count=3)
        assert await room.outbox() == ["hi"]
        room.service.now += 120
        room.ear.say(f"{BASE}/command/send", order)
        await room.ear.wait(f"{BASE}/result/#", count=4)
        assert await room.outbox() == ["hi", "hi"]


async def test_a_flood_of_orders_is_bounded(room: Room) -> None:
    room.stick.hold = asyncio.Event()
    async with room.working(**EVERYTHING) as channel:
        await room.listening()
        for number in range(100):
            room.ear.say(f"{BASE}/command/ussd", json.dumps({"id": str(number), "code": "*100#"}))
        await room.ear.wait(f"{BASE}/command/ussd", count=100)
        await channel.deliver(DELIVERY, event())  # goes on beside it
        assert len(channel._commands._tasks) <= mqtt_commands.AT_ONCE
        room.stick.hold.set()
        await room.ear.wait(f"{BASE}/result/#", count=mqtt_commands.AT_ONCE)


@pytest.mark.parametrize("text", [text for text in HOSTILE.values() if len(text) < 1530])
async def test_hostile_orders_are_texts_or_refused(room: Room, text: str) -> None:
    async with room.working(**EVERYTHING):
        await room.listening()
        answer = await room.order("send", id="a", to=ANN, text=text)
        assert answer["ok"] is not any("\ud800" <= c <= "\udfff" for c in text)
        for field_ in ("to", "dongle"):
            given = {"to": ANN, "text": "hi", field_: text}
            assert not (await room.order("send", id=f"b.{field_}", **given))["ok"]
        assert await room.outbox() == ([text] if answer["ok"] else [])


async def test_two_gateways_at_one_broker(room: Room, tmp_path: Path) -> None:
    async with Service(tmp_path / "hut") as hut:
        hut.dongles["stick"] = Stick()
        section = room.section(client_id="hut", discovery=True)
        hut.context.config = replace(CONFIG, accounts=(section,))
        other = build(section, hut.world())
        running = asyncio.ensure_future(other.run())
        async with room.working(discovery=True):
            await room.ear.wait(STATE)
            await room.ear.wait("homeline/hut/dongle/stick")
            kept = await room.ear.kept()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    configs = [json.loads(payload) for topic, payload in kept.items() if topic.startswith("homeassistant")]
    assert len(configs) == 2
    ids = [component["unique_id"] for config in configs for component in config["components"].values()]
    assert len(ids) == len(set(ids))


async def test_without_a_client_id_the_stores_own_id_is_the_gateways_name(room: Room) -> None:
    await room.service.database(Store.unread)
    name = room.service.database.instance[:8]
    async with room.working(client_id=""):
        await room.ear.wait(f"homeline/{name}/dongle/stick")


async def test_without_a_store_there_is_no_name_and_that_is_said(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt, "STORE_PAUSE", 0.01)

    async def broken(*_: Any, **__: Any) -> Any:
        raise StoreError("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(type(room.service.database), "__call__", broken)
        channel = build(room.section(client_id=""), room.service.world())
        running = asyncio.ensure_future(channel.run())
        with pytest.raises(DeliveryError, match="The database is needed first: The disk is full"):
            await channel.deliver(DELIVERY, event())
    async with asyncio.timeout(10):
        while not channel.connected:
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
