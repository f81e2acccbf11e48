"""Asterisk is started again when it is idle or the owner says so, by root's helper, and started when it is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.test_ami import Session
from homeline.protocol.ami import Message
from homeline.service import telephony_restart
from homeline.service.telephony_restart import ADVICE, BY_HAND, KEY, Restarter
from service.telephony_kit import Pbx, pbx


class Helper:
    """Root's helper: carries a request out when it is announced, unless it is `lazy`."""

    def __init__(self, found: Pbx, root: Path) -> None:
        self.pbx, self.request = found, root / "request"
        self.words: list[str] = []
        self.lazy = False
        self.said: dict[str, tuple[str, str]] = {}
        self.restarter = Restarter(found.ami, self.request, found.record, self.announce, self.say)

    async def announce(self) -> None:
        if not self.lazy:
            self.words.append(self.request.read_text())
            self.request.unlink()

    def say(self, key: str, text: str, advice: str) -> None:
        self.said[key] = (text, advice)


@pytest.fixture
async def helper(tmp_path: Path) -> AsyncIterator[Helper]:
    async with pbx(tmp_path) as found:
        yield Helper(found, tmp_path)


def channels(helper: Helper, *names: str) -> None:
    async def answer(session: Session, asked: Message) -> None:
        await session.listing(asked, "CoreShowChannel", *names)

    helper.pbx.fake.answers["CoreShowChannels"] = answer


async def test_an_idle_asterisk_is_started_again_once(helper: Helper) -> None:
    await helper.pbx.connect()
    channels(helper)
    assert await helper.restarter.look(needed=True, by_itself=True)
    assert await helper.restarter.look(needed=True, by_itself=True)  # it is about to end
    assert helper.words == ["restart\n"]
    helper.pbx.ami.started += 5.0  # it did, and something else needs one
    assert await helper.restarter.look(needed=True, by_itself=True)
    assert helper.words == ["restart\n"] * 2
    assert await helper.restarter.look(needed=False, by_itself=True) is None
    assert helper.said[KEY] == ("", "")


async def test_it_waits_for_calls_to_end(helper: Helper) -> None:
    await helper.pbx.connect()
    channels(helper, "PJSIP/desk-1")
    assert await helper.restarter.look(needed=True, by_itself=True) == telephony_restart.IDLE_LOOK
    assert helper.said[KEY][1] == "It happens when no call is up."
    channels(helper)
    await helper.restarter.look(needed=True, by_itself=True)
    assert helper.words == ["restart\n"]


async def test_one_that_does_not_tell_its_channels_is_not_idle(helper: Helper) -> None:
    async def refuse(session: Session, asked: Message) -> None:
        await session.reply(asked, "Message: Permission denied", response="Error")

    await helper.pbx.connect()
    helper.pbx.fake.answers["CoreShowChannels"] = refuse
    await helper.restarter.look(needed=True, by_itself=True)
    assert helper.words == []


async def test_by_hand_it_happens_when_the_owner_says_so(helper: Helper) -> None:
    await helper.pbx.connect()
    channels(helper, "PJSIP/desk-1")
    await helper.restarter.look(needed=True, by_itself=False)
    assert helper.said[KEY][1] == BY_HAND
    assert helper.words == []
    helper.restarter.demanded = True
    await helper.restarter.look(needed=False, by_itself=False)
    assert helper.words == ["restart\n"]
    await helper.restarter.look(needed=False, by_itself=False)
    assert helper.words == ["restart\n"]


async def test_a_helper_that_does_nothing_is_said(helper: Helper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telephony_restart, "HELPER_TIMEOUT", 0.05)
    monkeypatch.setattr(telephony_restart, "POLL", 0.01)
    await helper.pbx.connect()
    channels(helper)
    helper.lazy = True
    await helper.restarter.look(needed=True, by_itself=True)
    assert helper.said[KEY] == ("Root's helper did not restart Asterisk.", ADVICE)
    assert not helper.request.exists()  # or it would happen at any later time


async def test_a_request_that_cannot_be_left_is_said(helper: Helper) -> None:
    await helper.pbx.connect()
    channels(helper)
    helper.request.mkdir()
    await helper.restarter.look(needed=True, by_itself=True)
    assert helper.said[KEY] == ("Root's helper cannot be asked to restart Asterisk: Is a directory.", ADVICE)


async def test_an_asterisk_that_is_away_is_started_after_a_while_and_again_more_slowly(
    helper: Helper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telephony_restart, "PATIENCE", 0.05)
    helper.restarter._start_again = telephony_restart.LEAST / 1000
    pauses = []
    loop = asyncio.get_running_loop()
    began = loop.time()
    first = await helper.restarter.look(needed=True, by_itself=True)
    assert first == pytest.approx(0.05)
    assert helper.words == []
    while len(helper.words) < 4:
        pause = await helper.restarter.look(needed=True, by_itself=True)
        assert pause is not None
        pauses.append(pause)
        await asyncio.sleep(pause)
    assert loop.time() - began >= 0.05
    assert set(helper.words) == {"start\n"}
    asked = [pause for pause in pauses if pause in (0.06, 0.12, 0.24, 0.48)]
    assert asked[:4] == [0.06, 0.12, 0.24, 0.48]


async def test_one_that_cannot_know_us_yet_is_started_at_once(helper: Helper) -> None:
    helper.restarter.unheard = True
    assert await helper.restarter.look(needed=False, by_itself=True) == telephony_restart.LEAST
    assert helper.words == ["start\n"]
    assert await helper.restarter.look(needed=False, by_itself=True) != telephony_restart.LEAST
    assert helper.words == ["start\n"]
