"""When Asterisk's files are made anew, and when they are left alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.test_ami import Session
from homeline.adapters import asterisk_files
from homeline.adapters.render_process import Question, Reply
from homeline.adapters.resolve import Resolver
from homeline.config import Config, Main, Rule
from homeline.config_calls import Phone, Sip, Trunk
from homeline.errors import NotSupported, RenderError
from homeline.paths import Paths
from homeline.protocol.ami import Message
from homeline.service import telephony, telephony_names, telephony_round
from homeline.service.context import Context
from homeline.service.telephony import Telephony
from homeline.telephony import Rendered
from service.telephony_kit import Pbx, pbx

SIP = Sip(enabled=True)
TRUNK = Trunk("peer", host="sip.example", username="me", password="secret-of-ours")
CONFIG = Config(main=Main(enabled=True, country="CH"), sip=SIP, trunks=(TRUNK,))
SECRET = "ab" * 24
FILES = {"manager.conf": f"secret = {SECRET}\n", "pjsip.conf": ""}
LISTS = (
    *("PJSIPShowEndpoints", "PJSIPShowRegistrationsOutbound", "PJSIPShowAors", "PJSIPShowAuths", "ShowDialPlan"),
    *("PJSIPShowEndpoint", "CoreShowChannels"),
)


async def _refuse(session: Session, asked: Message) -> None:
    await session.reply(asked, "Message: No Things found", response="Error")


class House:
    """A Telephony with a renderer, a resolver and an Asterisk that the test drives."""

    def __init__(self, root: Path, found: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pbx, self.paths = found, Paths(root)
        for folder in (self.paths.config, self.paths.rendered, root / "usr/lib/asterisk/modules"):
            folder.mkdir(parents=True)
        (self.paths.config / "homeline").write_text("")
        self.addresses: dict[str, tuple[str, ...]] = {"sip.example": ("192.0.2.1",)}
        self.asked: list[Question] = []
        self.said: dict[str, str] = {}
        self.told: list[dict[str, Any]] = []
        self.error = ""
        self._changed = asyncio.Event()
        config = replace(CONFIG, sip=replace(SIP, ami_port=found.fake.port))
        self.context = Context(config, None, lambda: 0, self._emit, lambda: None)  # type: ignore[arg-type]
        resolver = Resolver(lambda host: self.addresses[host])
        self.telephony = Telephony(self.context, self.paths, self._announce, self._say, resolver)
        monkeypatch.setattr(telephony_round, "render", self._render)
        monkeypatch.setattr(telephony_names, "EVERY", 0.01)
        found.folder = self.paths.rendered
        found.fake.answers |= dict.fromkeys((*LISTS, "Getvar"), _refuse)

    async def _render(self, question: Question) -> Reply:
        self.asked.append(question)
        self._changed.set()
        if self.error:
            raise RenderError(self.error)
        address = question.facts.addresses.get("sip.example", ("none",))[0]
        return Reply(Rendered(files=FILES | {"rtp.conf": f"; {address}"}))

    async def _announce(self) -> None:
        self.paths.asterisk_request.unlink(missing_ok=True)

    def _say(self, key: str, text: str, advice: str = "") -> None:
        self.said[key] = text
        self._changed.set()

    def _emit(self, name: str, data: dict[str, Any]) -> None:
        self.told.append(data)
        self._changed.set()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def have(self, **changes: Any) -> None:
        self.context.config = replace(self.context.config, **changes)
        await self.telephony.apply()

    def files(self) -> dict[str, str]:
        return asterisk_files.present(self.paths.rendered)


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """The address is rendered, and Asterisk shows what it should."""
    async with pbx(tmp_path) as found:
        made = House(tmp_path, found, monkeypatch)
        await made.telephony.apply()
        await made.until(lambda: made.told and made.files().get("rtp.conf") == "; 192.0.2.1")
        await made.until(lambda: made.telephony.status()["configuration"] == "applied")
        yield made
        await made.telephony.close()
        assert len(asyncio.all_tasks()) <= 3, asyncio.all_tasks()  # the test's own and the fake's


async def test_another_address_is_rendered(house: House) -> None:
    house.addresses["sip.example"] = ("192.0.2.9",)
    await house.until(lambda: house.files()["rtp.conf"] == "; 192.0.2.9")


async def test_the_same_address_is_not_rendered_again(house: House) -> None:
    rounds = len(house.asked)
    house.addresses["sip.example"] = ("192.0.2.9", "192.0.2.1")  # another answer, of which ours is one
    await house.until(lambda: len(house.asked) > rounds)
    assert house.asked[-1].facts.addresses["sip.example"][0] == "192.0.2.1"
    assert house.files()["rtp.conf"] == "; 192.0.2.1"


async def test_only_what_is_about_calls_counts(house: House) -> None:
    rounds = len(house.asked)
    await house.have(rules=(Rule("other", channels=("x",)),))
    await house.have(main=replace(CONFIG.main, log_level="debug"))
    await house.have(phones=(Phone("desk", password="desk-correct-horse"),))
    await house.until(lambda: len(house.asked) > rounds)
    assert len(house.asked) == rounds + 1


async def test_parts_run_once_and_while_asterisk_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with pbx(tmp_path) as found:
        house = House(tmp_path, found, monkeypatch)
        begun, ended = [], []

        async def part() -> None:
            begun.append(1)
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(1)

        house.telephony.add("part", part)
        await asyncio.gather(*(house.telephony.apply() for _ in range(3)))
        await house.until(lambda: begun and house.files())
        await house.have(sip=Sip(enabled=False))
        assert (len(begun), len(ended)) == (1, 1)
        assert house.files() == {}
        assert house.telephony.status() == {"running": False, "configuration": "off"}
        assert [text for text in house.said.values() if text] == []
        await house.have(sip=replace(SIP, ami_port=found.fake.port))
        await house.until(lambda: len(begun) == 2 and house.files())
        await house.telephony.close()
        assert len(ended) == 2


async def test_asking_for_what_is_switched_off_is_refused(house: House) -> None:
    await house.have(sip=Sip(enabled=False))
    with pytest.raises(NotSupported, match=r"sip\.enabled is off"):
        await house.telephony.render()
    with pytest.raises(NotSupported, match=r"sip\.enabled is off"):
        await house.telephony.difference()


async def test_who_waits_for_a_rendering_is_not_left_waiting(house: House) -> None:
    waiting = asyncio.ensure_future(house.telephony.render())
    await asyncio.sleep(0)
    await house.have(sip=Sip(enabled=False))
    with pytest.raises(NotSupported):
        await asyncio.wait_for(waiting, 10)


async def test_what_cannot_be_rendered_is_told_to_who_asks(house: House) -> None:
    house.error = "phone.desk: no"
    assert await house.telephony.difference() == {"files": [], "asterisk": "refused", "error": "phone.desk: no"}
    assert await house.telephony.render() == {"files": [], "asterisk": "refused", "error": "phone.desk: no"}
    assert house.telephony.status()["error"] == "phone.desk: no"
    assert house.told[-1] == {"asterisk": "refused", "changed": [], "error": "phone.desk: no"}
    house.error = ""
    reply = await house.telephony.render()
    assert reply == {"files": [], "asterisk": "applied"}


async def test_a_flood_of_forged_reloads_is_one_look(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telephony, "HINT", 0.05)
    monkeypatch.setattr(telephony, "OWN_RELOAD", 0.0)
    looks = []
    real = house.telephony._rounds.look

    async def look() -> Any:
        looks.append(1)
        house._changed.set()
        return await real()

    monkeypatch.setattr(house.telephony._rounds, "look", look)
    for _ in range(200):
        await house.pbx.fake.sessions[-1].event("Reload", "Module: All")
    await house.until(lambda: looks)
    assert len(looks) == 1


async def test_a_defect_leaves_nobody_waiting(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(**_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(house.telephony._rounds, "go", fail)
    reply = await asyncio.wait_for(house.telephony.render(), 10)
    assert reply["asterisk"] == "applied"  # as it was
    await house.until(lambda: "defect" in house.said.get("configuration of Asterisk", ""))
