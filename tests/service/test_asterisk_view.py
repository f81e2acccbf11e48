"""What is shown of Asterisk, with a real one, a phone and a provider around it."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from asterisk_kit import asterisk_programs
from homeline.adapters.ami import Ami
from homeline.config import Config
from homeline.config_calls import Phone as PhoneSection
from homeline.config_calls import Trunk, Where
from homeline.errors import ActionRefused, ProtocolError, TimedOut
from homeline.protocol import ami as protocol
from homeline.protocol.ami import Message
from homeline.service import asterisk_objects, asterisk_shapes, asterisk_view
from homeline.service.asterisk_view import AsteriskView, Snapshot
from homeline_lab.asterisk import Asterisk, Programs, own_address
from homeline_lab.sip_peer import Account, Address, Phone, Provider

__all__ = ["asterisk_programs"]

MANAGER = f"""[general]
enabled = yes
bindaddr = 127.0.0.1
port = {{port}}
[homeline]
secret = s
read = {",".join(protocol.READ)}
eventfilter = ^Event: ({"|".join(protocol.EVENTS)})[^A-Za-z]
write = {",".join(protocol.WRITE)}
"""
PJSIP = """[udp]
type = transport
protocol = udp
bind = {home}:5060
[spare]
type = transport
protocol = tcp
bind = {home}:5061
[mobile]
type = endpoint
context = lab-phone
allow = !all,ulaw
aors = mobile
auth = mobile
transport = udp
set_var = HOMELINE_RENDERED=phone-digest
[mobile]
type = auth
username = mobile
password = pw
[mobile]
type = aor
max_contacts = 2
qualify_frequency = 1
[carrier]
type = endpoint
context = lab-trunk
allow = !all,ulaw
aors = carrier
outbound_auth = carrier-out
[carrier]
type = identify
endpoint = carrier
match = {provider}
[carrier]
type = aor
contact = sip:{provider}:5060
qualify_frequency = 1
[carrier-out]
type = auth
username = house
password = pw
[carrier]
type = registration
transport = udp
server_uri = sip:{provider}:5060
client_uri = sip:house@{provider}:5060
contact_user = house
outbound_auth = carrier-out
retry_interval = 1
max_retries = 1000
forbidden_retry_interval = 1
max_random_initial_delay = 0
"""
EXTENSIONS = """[globals]
HOMELINE_RENDERED = {mark}
[lab-empty]
[lab-phone]
exten => _X.,1,Dial(PJSIP/carrier/sip:${{EXTEN}}@{provider}:5060)
[lab-trunk]
exten => 1,1,Answer()
 same => n,Wait(60)
exten => _[!-~].,1,Answer()
 same => n,Wait(60)
"""
CONFIG = Config(
    trunks=(Trunk("carrier"), Trunk("other"), Trunk("off", enabled=False)),
    phones=(PhoneSection("mobile"), PhoneSection("elsewhere", where=Where.TWILIO), PhoneSection("idle", enabled=False)),
)
CLOCK = 1_900_000_000


class House:
    """A real Asterisk, the view of it, and the addresses around it."""

    def __init__(self, folder: Path, programs: Programs) -> None:
        self.folder = folder
        self.home, self.provider, self.port = own_address(), own_address(), 5038
        self.asterisk = Asterisk(folder / "house", files=self.files(), programs=programs)
        self.config = CONFIG
        self.ami = Ami(self.port, "homeline", lambda: "s")
        self.view = AsteriskView(self.ami, lambda: self.config, lambda: CLOCK, self._changed)
        self.changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def files(self, mark: str = "first") -> dict[str, str]:
        with socket.socket() as probe:
            if self.port == 5038:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
        return {
            "manager.conf": MANAGER.format(port=self.port),
            "pjsip.conf": PJSIP.format(home=self.home, provider=self.provider),
            "extensions.conf": EXTENSIONS.format(mark=mark, provider=self.provider),
        }

    def _changed(self) -> None:
        self.changed.set()

    async def __aenter__(self) -> House:
        await self.asterisk.__aenter__()
        self._tasks = [asyncio.create_task(work()) for work in (self.ami.run, self.view.run)]
        await self.ami.wait_connected(15)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.asterisk.__aexit__()

    async def until(self, holds: Callable[[Snapshot], object]) -> Snapshot:
        """Until it is shown; each change is told, so nothing is polled."""
        try:
            async with asyncio.timeout(20):
                while not holds(self.view.snapshot()):
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            raise AssertionError(f"it is not shown: {self.view.snapshot()}") from None
        return self.view.snapshot()

    def phone(self, folder: str = "phone") -> Phone:
        return Phone(self.folder / folder, Address(self.home), name="mobile", password="pw")

    def carrier(self) -> Provider:
        asks = Account("house", "pw")
        return Provider(
            self.folder / "carrier",
            Address(self.home),
            name="carrier",
            address=self.provider,
            asks=asks,
            registrar=True,
        )


def states(shown: Snapshot) -> dict[str, str]:
    return {item.name: item.state for item in (*shown.trunks, *shown.phones)}


@pytest.fixture
async def house(tmp_path: Path, asterisk_programs: Programs, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr(asterisk_view, "SETTLE", 0.02)
    monkeypatch.setattr(asterisk_view, "SPACING", 0.05)
    async with House(tmp_path, asterisk_programs) as running:
        yield running


async def test_before_anybody_is_there(house: House) -> None:
    shown = await house.until(lambda shown: states(shown)["other"] == "missing")
    assert shown.running and shown.version == house.ami.version
    assert 0 <= CLOCK - shown.since < 60
    assert states(shown) == {
        "carrier": "unregistered",
        "other": "missing",
        "off": "disabled",
        "mobile": "unregistered",
        "idle": "disabled",
    }
    assert shown.channels == ()


async def test_a_phone_comes_and_goes(house: House) -> None:
    async with house.phone() as phone:
        shown = await house.until(lambda shown: any(found.rtt_ms is not None for found in shown.phones[0].contacts))
        (contact,) = shown.phones[0].contacts
        assert states(shown)["mobile"] == "registered"
        assert contact.address.startswith(phone.address) and contact.user_agent.startswith("Asterisk PBX")
        assert 0 <= (contact.rtt_ms or 0) < 1000
    await house.until(lambda shown: states(shown)["mobile"] == "unreachable")


async def test_two_devices_with_one_account(house: House) -> None:
    """The second one changes no device state: only its contact tells of it."""
    async with house.phone() as first:
        await first.registered()
        await house.until(lambda shown: len(shown.phones[0].contacts) == 1 and states(shown)["mobile"] == "registered")
        async with house.phone("second") as second:
            await second.registered()
            await house.until(lambda shown: len(shown.phones[0].contacts) == 2)


async def test_a_trunk_registers_and_is_lost(house: House) -> None:
    async with house.carrier() as carrier:
        await carrier.has_registration()
        shown = await house.until(lambda shown: states(shown)["carrier"] == "registered")
        assert shown.trunks[0].registration == "registered"
    shown = await house.until(lambda shown: states(shown)["carrier"] != "registered")
    assert shown.trunks[0].contacts[0].state == "unreachable"


async def test_a_call_is_shown_while_it_lasts(house: House) -> None:
    async with house.phone() as phone, house.carrier() as carrier:
        await asyncio.gather(phone.registered(), carrier.has_registration())
        call = await phone.call("0441234567")
        other = await carrier.incoming()
        shown = await house.until(lambda shown: {item.state for item in shown.channels} >= {"ring", "ringing"})
        assert {item.device for item in shown.channels} == {"mobile", "carrier"}
        assert len({item.call for item in shown.channels}) == 1
        await other.answer()
        await call.is_answered()
        shown = await house.until(lambda shown: [item.state for item in shown.channels] == ["up", "up"])
        assert next(item for item in shown.channels if item.device == "mobile").number == "mobile"
        await house.until(lambda shown: (shown.phones[0].calls, shown.trunks[0].calls) == (1, 1))
        (fetched, _) = await house.view.fetch_channels()
        await house.ami.call("Hangup", Channel=fetched.name)
        shown = await house.until(lambda shown: not shown.channels)
        assert (shown.phones[0].calls, shown.trunks[0].calls) == (0, 0)


async def test_a_forged_caller_is_shown_as_one_line(house: House) -> None:
    """From and request URI with CR LF in them, as Asterisk decodes them into what its manager writes."""
    forged = "abc%0d%0aFoo%3a%20bar%0d%0a%0d%0aEvent%3a%20FullyBooted%0d%0aX"
    host, target = house.provider, f"sip:1@{house.home}:5060"
    sdp = f"v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
    invite = (
        f"INVITE {target} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:5060;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
        f"From: <sip:{forged}@{host}>;tag=a\r\nTo: <{target}>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n"
        f"Contact: <sip:x@{host}:5060>\r\nContent-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\n\r\n{sdp}"
    )
    heard: list[Message] = []
    house.ami.listen("FullyBooted", heard.append)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sip:
        sip.bind((host, 5060))
        sip.sendto(invite.encode(), (house.home, 5060))
        shown = await house.until(lambda shown: shown.channels)
    (channel,) = shown.channels
    assert (channel.device, channel.number, channel.state) == ("carrier", "abc", "up")
    assert shown.running and house.ami.connected
    table = asterisk_shapes.asterisk(shown)
    assert [item["number"] for item in table["channels"]] == ["abc"]
    await house.ami.call("Hangup", Channel=channel.name)
    await house.until(lambda shown: not shown.channels)
    assert not heard


async def test_modules_that_are_missing(house: House) -> None:
    house.view.need(("res_pjsip", "res_srtp", "chan_quectel", "app_nothing"))
    shown = await house.until(lambda shown: shown.missing)
    assert shown.missing == ("chan_quectel", "app_nothing")
    house.view.need(("res_pjsip",))
    await house.until(lambda shown: not shown.missing)


async def test_an_asterisk_that_ends_lacks_no_modules(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it ends it has unloaded one after the other; what it says then is of no use to anybody."""
    ending = iter((False, False))
    loaded = house.view._loaded

    async def ask(module: str) -> bool:
        return await loaded(module) and next(ending, True)

    monkeypatch.setattr(house.view, "_loaded", ask)
    house.view.need(("res_pjsip", "pbx_config", "app_nothing"))
    assert (await house.until(lambda shown: shown.missing)).missing == ("app_nothing",)
    assert next(ending, None) is None


async def test_asterisk_goes_and_comes_back(house: House) -> None:
    house.view.need(("app_nothing",))
    await house.until(lambda shown: states(shown)["other"] == "missing" and shown.missing)
    await house.asterisk.kill()
    shown = await house.until(lambda shown: not shown.running)
    assert states(shown)["carrier"] == states(shown)["mobile"] == "unknown"
    assert (shown.since, shown.missing, shown.channels, shown.version) == (0, (), (), house.ami.version)
    assert asterisk_shapes.asterisk(shown)["running"] is False
    await house.asterisk.start()
    await house.until(lambda shown: states(shown)["other"] == "missing" and shown.missing)


async def test_another_configuration(house: House) -> None:
    await house.until(lambda shown: states(shown)["mobile"] == "unregistered")
    house.config = Config(trunks=(Trunk("carrier"),))
    house.view.refresh()
    assert states(await house.until(lambda shown: states(shown) == {"carrier": "unregistered"}))


# --- what Asterisk has read ---


async def test_objects_are_those_of_the_files(house: House) -> None:
    found = await house.view.objects({"transport": ("udp", "spare", "none"), "context": ("lab-empty", "lab-none")})
    contexts = found.pop("context")
    assert {name for name in contexts if name.startswith("lab-")} == {"lab-empty", "lab-phone", "lab-trunk"}
    assert found == {
        "endpoint": ("carrier", "mobile"),
        "identify": ("carrier",),
        "aor": ("carrier", "mobile"),
        "auth": ("carrier-out", "mobile"),
        "registration": ("carrier",),
        "transport": ("spare", "udp"),
        asterisk_objects.UNKNOWN: (),  # func_sorcery is there and says that there is no "none"
        "mark": ("extensions.conf=first", "mobile=phone-digest"),
    }


async def test_a_dial_plan_that_was_not_read_is_seen(house: House) -> None:
    files = house.files("second")
    house.asterisk.write({"extensions.conf": '#include "missing.conf"\n' + files["extensions.conf"]})
    with pytest.raises(ActionRefused):
        await house.ami.call("Reload", Module="pbx_config")
    assert "extensions.conf=first" in (await house.view.objects({}))["mark"]
    house.asterisk.write(files)
    await house.ami.call("Reload", Module="pbx_config")
    assert "extensions.conf=second" in (await house.view.objects({}))["mark"]


async def test_an_endpoint_that_was_not_read_is_seen(house: House) -> None:
    """Asterisk says that it has read the file, and has kept the endpoint that it had."""
    pjsip = house.files()["pjsip.conf"].replace("phone-digest", "second")
    house.asterisk.write({"pjsip.conf": pjsip.replace("context = lab-phone", "context = lab-phone\nnonsense = 1")})
    assert (await house.ami.call("Reload", Module="res_pjsip")).response == "Success"
    found = await house.view.objects({})
    assert "mobile" in found["endpoint"] and "mobile=phone-digest" in found["mark"]
    house.asterisk.write({"pjsip.conf": pjsip})
    await house.ami.call("Reload", Module="res_pjsip")
    assert "mobile=second" in (await house.view.objects({}))["mark"]


async def test_objects_that_are_gone(house: House) -> None:
    house.asterisk.write({"pjsip.conf": ""})
    await house.ami.call("Reload", Module="res_pjsip")
    found = await house.view.objects({"transport": ()})
    assert [found[kind] for kind in ("endpoint", "identify", "aor", "auth")] == [()] * 4


# --- how often it asks ---


async def test_a_flood_of_events_costs_few_questions(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    first = asyncio.Event()
    original = house.ami.list

    async def listed(action: str, timeout: float = 10.0, **fields: str) -> list[Message]:
        asked.append(action)
        first.set()
        return await original(action, timeout, **fields)

    await house.until(lambda shown: states(shown)["other"] == "missing")
    monkeypatch.setattr(house.ami, "list", listed)
    monkeypatch.setattr(asterisk_view, "SPACING", 3600.0)
    for number in range(300):
        house.ami._dispatch(Message((("Event", "DeviceStateChange"), ("Device", f"PJSIP/{number}"))))
        await house.ami.call("Ping")
    await first.wait()
    assert asked == ["CoreShowChannels"]


async def test_a_question_without_an_answer_is_asked_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asterisk_view, "AGAIN", 0.05)
    await house.until(lambda shown: states(shown)["other"] == "missing")
    original, failures = house.ami.list, [TimedOut("no answer"), ProtocolError("too long")]

    async def listed(action: str, timeout: float = 10.0, **fields: str) -> list[Message]:
        if failures:
            raise failures.pop()
        return await original(action, timeout, **fields)

    monkeypatch.setattr(house.ami, "list", listed)
    await house.ami.call("Originate", Channel="Local/1@lab-trunk", Application="Wait", Data="30", Async="true")
    await house.until(lambda shown: shown.channels)
    assert not failures


async def test_what_no_event_told_is_seen_after_a_while(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.until(lambda shown: states(shown)["other"] == "missing")
    house.ami._listeners.clear()
    asked = asyncio.Event()
    original = house.view._round

    async def told() -> None:
        await original()
        asked.set()

    monkeypatch.setattr(house.view, "_round", told)
    monkeypatch.setattr(asterisk_view, "SAFETY", 0.05)
    house.view.refresh()  # the wait under way is still the longer one
    await asked.wait()
    await house.ami.call("Originate", Channel="Local/1@lab-trunk", Application="Wait", Data="30", Async="true")
    await house.until(lambda shown: shown.channels)


async def test_only_a_change_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.until(lambda shown: states(shown)["other"] == "missing")
    rounds = asyncio.Semaphore(0)
    original = house.view._round

    async def counted() -> None:
        await original()
        rounds.release()

    monkeypatch.setattr(house.view, "_round", counted)
    house.view.refresh()
    await rounds.acquire()  # it may have begun before
    house.changed.clear()
    for _ in range(2):
        house.view.refresh()
        await rounds.acquire()
    assert not house.changed.is_set()


def test_the_start_of_asterisk_follows_the_clock_and_does_not_jitter() -> None:
    ami, now = Ami(1, "x", lambda: ""), 0
    view = AsteriskView(ami, lambda: CONFIG, lambda: now)
    ami._connection = object()  # type: ignore[assignment]
    ami.started = time.monotonic() - 100
    now = CLOCK
    assert view.snapshot().since == CLOCK - 100
    now = CLOCK + 1
    assert view.snapshot().since == CLOCK - 100
    now = CLOCK + 86_400
    assert view.snapshot().since == CLOCK + 86_300


def test_shapes_of_what_is_not_known() -> None:
    table = asterisk_shapes.asterisk(Snapshot(running=False))
    assert table == {"running": False, "trunks": [], "phones": [], "channels": []}
