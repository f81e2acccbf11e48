"""The reply of `status`: what is wrong now, and that it comes whatever is broken."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from homeline.adapters.bus import Bus
from homeline.adapters.store import Store
from homeline.config import Config
from homeline.errors import NotFound, StoreDamaged
from homeline.model import DongleState, Problem, Reason
from homeline.service.status import ADVICE, StatusReport
from homeline.service.troubles import Troubles
from service.kit import CONFIG, NOW, Sender, Service, parts


def reporter(service: Service, *senders: Sender) -> StatusReport:
    dongles = {sender.status.name: sender for sender in senders}
    loop_time = asyncio.get_running_loop().time()
    return StatusReport(service.context, service.alerts, dongles, loop_time, Troubles(), Bus(Path("/nowhere")))


def places(reply: dict[str, object]) -> list[str]:
    problems = reply["problems"]
    assert isinstance(problems, list)
    return [problem["where"] for problem in problems]


async def test_all_well(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        await service.database(Store.receive, parts("hello"), NOW, service.context.plan)
        reply = await reporter(service, Sender()).build("")
        assert places(reply) == []
        assert (reply["api"], reply["enabled"], reply["unread"], reply["time"]) == (1, True, 1, NOW)
        assert reply["dongles"][0]["state"] == "ready"
        assert reply["rules"] == [{"name": "all", "enabled": True, "pending": 1, "failed": 0}]


async def test_one_dongle_of_two(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        report = reporter(service, Sender("a"), Sender("b"))
        assert [dongle["name"] for dongle in (await report.build(""))["dongles"]] == ["a", "b"]
        assert [dongle["name"] for dongle in (await report.build("b"))["dongles"]] == ["b"]
        with pytest.raises(NotFound):
            await report.build("c")


@pytest.mark.parametrize("reason", ADVICE)
async def test_each_trouble_of_a_dongle_has_advice(tmp_path: Path, reason: Reason) -> None:
    async with Service(tmp_path) as service:
        sender = Sender()
        sender.status = replace(sender.status, state=DongleState.BLOCKED, reason=reason, detail="what was seen")
        (problem,) = (await reporter(service, sender).build(""))["problems"]
        assert problem["where"] == "dongle stick"
        assert "what was seen" in problem["text"]
        assert problem["advice"]


async def test_a_clock_that_was_never_set(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        service.now = 1000
        assert places(await reporter(service, Sender()).build("")) == ["clock"]


async def test_no_dongle_and_mistakes_of_the_configuration(tmp_path: Path) -> None:
    config = Config(main=CONFIG.main, problems=(Problem("x.host", "is required"),))
    async with Service(tmp_path, config) as service:
        assert places(await reporter(service).build("")) == ["x.host", "dongle"]


async def test_a_store_that_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise StoreDamaged("malformed")

    monkeypatch.setattr(Store, "unread", refuse)
    async with Service(tmp_path) as service:
        monkeypatch.setattr(Store, "raise_alert", refuse)
        await service.alerts.raise_("a", "Something happened.", "Do this.")
        reply = await reporter(service, Sender()).build("")
        assert "unread" not in reply
        assert places(reply) == ["a"]
        assert [type(trouble) for trouble in service.troubles] == [StoreDamaged]


async def test_how_each_channel_fares(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        report = reporter(service, Sender())
        things = [
            ("email", "mail", object()),
            ("mqtt", "home", SimpleNamespace(connected=False)),
            ("webhook", "broken", None),
            ("schedule", "alive", SimpleNamespace(status=lambda: {"name": "alive"})),
            ("balance", "unbuilt", None),
        ]
        report.things = lambda: things
        await service.database(Store.receive, parts("hello"), NOW, service.context.plan)
        await service.database(Store.delivery_failed, 1, "refused", NOW + 1)
        reply = await report.build("")
        assert reply["channels"] == [
            {
                **{"name": "mail", "type": "email", "pending": 0, "failed": 1},
                **{"last_error": "refused", "last_error_at": NOW + 1},
            },
            {"name": "home", "type": "mqtt", "pending": 0, "failed": 0, "connected": False},
            {"name": "broken", "type": "webhook", "pending": 0, "failed": 0},
        ]
        assert reply["schedules"] == [{"name": "alive"}]
        assert "balances" not in reply


async def test_a_channel_that_is_gone_is_shown_while_something_waits_for_it(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        report = reporter(service, Sender())
        await service.database(Store.receive, parts("hello"), NOW, service.context.plan)
        gone = {"name": "mail", "type": "", "gone": True, "pending": 1, "failed": 0}
        assert (await report.build(""))["channels"] == [gone]
        await service.database(Store.drop_deliveries, NOW, channel="mail")
        assert (await report.build(""))["channels"] == []
