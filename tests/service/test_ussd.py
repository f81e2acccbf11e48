"""USSD exchanges: what is remembered, told and forwarded."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeline.adapters.store import Store
from homeline.errors import InvalidArgument, NoData, NotFound, StoreFull, TimedOut
from homeline.model import DongleState, DongleStatus
from homeline.protocol import ussd as protocol
from homeline.protocol.ussd import Reply
from homeline.service.ussd import KEPT, Ussd
from service.kit import Service

MENU, END = protocol.parse('+CUSD: 1,"1 Balance",15'), protocol.parse('+CUSD: 0,"12.50 CHF",15')


class Dialer:
    """Answers with what the test says."""

    def __init__(self, *replies: Reply | Exception) -> None:
        self.status = DongleStatus("stick", state=DongleState.READY)
        self.replies = list(replies)
        self.cancelled = 0

    async def ussd(self, code: str) -> Reply:
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def ussd_cancel(self) -> None:
        self.cancelled += 1


async def test_a_menu_and_its_end(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        ussd = Ussd(service.context, {"stick": Dialer(MENU, END)})
        assert await ussd.send("*123#", "") == {"text": "1 Balance", "more": True}
        assert await ussd.send("1", "stick") == {"text": "12.50 CHF", "more": False}
        assert [(item["code"], item["more"]) for item in ussd.history()] == [("1", False), ("*123#", True)]
        assert [data["text"] for data in service.of("ussd.received")] == ["1 Balance", "12.50 CHF"]
        assert service.wakes == 2
        assert len(await service.database(Store.list_deliveries)) == 2


async def test_cancelling_needs_an_open_menu(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        dialer = Dialer(MENU)
        ussd = Ussd(service.context, {"stick": dialer})
        with pytest.raises(NoData):
            await ussd.cancel("")
        await ussd.send("*123#", "")
        await ussd.cancel("")
        assert dialer.cancelled == 1
        with pytest.raises(NoData):
            await ussd.cancel("")


@pytest.mark.parametrize("code", ["", "*1\n00#", "1" * 183, "\x1b"])
async def test_codes_that_cannot_be(tmp_path: Path, code: str) -> None:
    async with Service(tmp_path) as service:
        with pytest.raises(InvalidArgument):
            await Ussd(service.context, {"stick": Dialer()}).send(code, "")


async def test_errors_come_through(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        ussd = Ussd(service.context, {"stick": Dialer(TimedOut("no answer"))})
        with pytest.raises(TimedOut):
            await ussd.send("*100#", "")
        with pytest.raises(NotFound):
            await ussd.send("*100#", "other")
        assert ussd.history() == []


async def test_unasked_and_bounded(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        ussd = Ussd(service.context, {})
        for _ in range(KEPT + 5):
            await ussd.unasked("stick", END)
        assert len(ussd.history()) == KEPT
        assert ussd.history()[0]["code"] == ""


async def test_an_answer_is_given_though_the_store_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise StoreFull("no space")

    monkeypatch.setattr(Store, "add_event", refuse)
    async with Service(tmp_path) as service:
        ussd = Ussd(service.context, {"stick": Dialer(END)})
        assert (await ussd.send("*100#", ""))["text"] == "12.50 CHF"
        assert service.of("ussd.received")
