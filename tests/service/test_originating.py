"""Click to call: only into our own contexts, only digits, and whatever Asterisk says of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from homeline.config_calls import Phone, Where
from homeline.errors import ActionRefused, HomelineError, InvalidArgument, NoData, NotFound, NotSupported, TimedOut
from homeline.protocol import ami
from homeline.protocol.ami import Message
from homeline.service import originating
from homeline.service.originating import Originating
from hostile import HOSTILE
from service.kit import CONFIG, Service

PHONES = replace(
    CONFIG,
    phones=(
        Phone("desk", number="11", display='Ann "the boss" <x>'),
        Phone("away", where=Where.TWILIO),
        Phone("off", enabled=False),
    ),
)
CHANNELS = (
    Message((("Event", "CoreShowChannel"), ("Channel", "PJSIP/desk-00000001"), ("Uniqueid", "1800000000.1"))),
    Message((("Event", "CoreShowChannel"), ("Channel", "/x/"), ("Uniqueid", "1800000000.2"))),
)


class Manager:
    """Answers an Originate with `response`, `reason`, after other people's answers; None: never."""

    def __init__(self) -> None:
        self.connected = True
        self.actions: list[tuple[str, dict[str, str]]] = []
        self.response: str | None = "Success"
        self.reason = "4"
        self.early = False  # the answer comes before the action is acknowledged
        self.named = True  # it names the channel
        self.handlers: list[Callable[[Message], None]] = []

    def listen(self, event: str, handler: Callable[[Message], None]) -> Callable[[], None]:
        assert event == "OriginateResponse"
        self.handlers.append(handler)
        return lambda: self.handlers.remove(handler)

    async def list(self, action: str, timeout: float = 10.0, **fields: str) -> list[Message]:
        return list(CHANNELS)

    async def call(self, action: str, timeout: float = 5.0, **fields: str) -> Message:
        ami.encode(action, fields, "1")
        self.actions.append((action, fields))
        if action == "Hangup" and fields["Channel"] != "PJSIP/desk-00000001":
            raise ActionRefused("Hangup: No such channel")
        if action == "Originate":
            self._tell("another's", "x")
            if self.early:
                self._answer(fields["ChannelId"])
            else:
                asyncio.get_running_loop().call_soon(self._answer, fields["ChannelId"])
        return Message((("Response", "Success"), ("ActionID", "ours")))

    def _answer(self, channel: str) -> None:
        if self.response is not None:
            self._tell("ours", channel if self.named else "<unknown>")

    def _tell(self, action: str, channel: str) -> None:
        headers = (("Event", "OriginateResponse"), ("ActionID", action), ("Uniqueid", channel))
        for handler in [*self.handlers]:
            handler(Message((*headers, ("Response", self.response or ""), ("Reason", self.reason))))


@asynccontextmanager
async def clicking(root: Path) -> AsyncIterator[tuple[Originating, Manager]]:
    async with Service(root, PHONES) as service:
        manager = Manager()
        yield Originating(service.context, manager), manager
        assert manager.handlers == []


@pytest.mark.parametrize(
    ("to", "number"),
    [
        ("+41 79 123 45 67", "+41791234567"),
        ("079/123 45 67", "+41791234567"),
        ("12", "12"),
        ("*21#", "*21#"),
        ("117", "117"),
    ],
)
@pytest.mark.parametrize("early", [False, True])
async def test_a_phone_rings_and_then_dials(tmp_path: Path, to: str, number: str, early: bool) -> None:
    async with clicking(tmp_path) as (click, manager):
        manager.early = early
        reply = await click.originate("desk", to)
        ((action, fields),) = manager.actions
        assert action == "Originate"
        assert reply == {"state": "answered", "channel": fields.pop("ChannelId")}
        assert fields == {
            "Channel": "Local/desk@homeline-click/n", "Context": "homeline-phone-desk", "Exten": number,
            "Priority": "1", "Timeout": "30000", "CallerID": '"Ann the boss x" <11>', "Async": "true",
        }  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "error", "words"),
    [
        ("3", TimedOut, "not answered"),
        ("1", TimedOut, "not answered"),
        ("5", NoData, "busy"),
        ("8", NoData, "reached"),
        ("0", NoData, "not registered"),
    ],
)
async def test_a_phone_that_does_not_answer(
    tmp_path: Path, reason: str, error: type[HomelineError], words: str
) -> None:
    async with clicking(tmp_path) as (click, manager):
        manager.response, manager.reason, manager.named = "Failure", reason, False
        with pytest.raises(error, match=words):
            await click.originate("desk", "12")


async def test_asterisk_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(originating, "ANSWER", 0.05)
    async with clicking(tmp_path) as (click, manager):
        manager.response = None
        with pytest.raises(TimedOut):
            await click.originate("desk", "12")


@pytest.mark.parametrize(
    "to", ["", "1&Local/s@x", "12,1", "a12", "${EXTEN}", "1" * 25, "+", "12\r\nAction: x", *HOSTILE.values()]
)
async def test_only_numbers_are_dialled(tmp_path: Path, to: str) -> None:
    async with clicking(tmp_path) as (click, manager):
        with pytest.raises(InvalidArgument):
            await click.originate("desk", to)
        assert manager.actions == []


@pytest.mark.parametrize(
    ("phone", "error"),
    [
        ("none", NotFound),
        ("off", NotFound),
        ("", NotFound),
        ("desk@x", NotFound),
        ("away", NotSupported),
    ],
)
async def test_only_phones_that_are_ours_ring(tmp_path: Path, phone: str, error: type[HomelineError]) -> None:
    async with clicking(tmp_path) as (click, manager):
        with pytest.raises(error):
            await click.originate(phone, "12")
        assert manager.actions == []


async def test_nothing_without_asterisk(tmp_path: Path) -> None:
    async with clicking(tmp_path) as (click, manager):
        manager.connected = False
        with pytest.raises(NoData):
            await click.originate("desk", "12")
        with pytest.raises(NoData):
            await click.hangup("PJSIP/desk-00000001")
        assert manager.actions == []


@pytest.mark.parametrize("channel", ["PJSIP/desk-00000001", "1800000000.1"])
async def test_a_channel_is_hung_up(tmp_path: Path, channel: str) -> None:
    async with clicking(tmp_path) as (click, manager):
        assert await click.hangup(channel) == {}
        assert manager.actions == [("Hangup", {"Channel": "PJSIP/desk-00000001"})]


@pytest.mark.parametrize("channel", ["", "/.*/", "PJSIP/desk", "/^PJSIP/", *HOSTILE.values()])
async def test_no_other_channel_is_hung_up(tmp_path: Path, channel: str) -> None:
    async with clicking(tmp_path) as (click, manager):
        with pytest.raises(NotFound):
            await click.hangup(channel)
        assert manager.actions == []


async def test_a_channel_that_is_gone_by_then(tmp_path: Path) -> None:
    async with clicking(tmp_path) as (click, _):
        with pytest.raises(NotFound, match="gone"):
            await click.hangup("1800000000.2")
