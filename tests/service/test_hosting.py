"""What drivers tell: states, storages, reports and old messages, and which alerts come of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from homeline.adapters.store import Store
from homeline.model import DongleState, DongleStatus, Reason
from homeline.protocol import pdu
from homeline.service import hosting as module
from homeline.service.calls import Calls
from homeline.service.hosting import DriverHost
from homeline.service.inbox import Inbox
from homeline.service.outbox import Outbox
from homeline.service.ringing import RingingDongles
from homeline.service.ussd import Ussd
from service.kit import ANN, NOW, SIM, Sender, Service, parts

READY = DongleStatus("stick", state=DongleState.READY, iccid=SIM, storage_used=1, storage_size=20)
MUTE = replace(READY, state=DongleState.RECOVERING, reason=Reason.MUTE)


@asynccontextmanager
async def hosting(folder: Path) -> AsyncIterator[tuple[Service, DriverHost]]:
    async with Service(folder) as service, asyncio.TaskGroup() as tasks:

        def spawn(work: Coroutine[Any, Any, None]) -> None:
            tasks.create_task(work)

        outbox = Outbox(service.context, service.alerts, {"stick": Sender()})
        ussd = Ussd(service.context, {})
        ringing = RingingDongles(service.context, Calls(service.context), spawn)
        yield (
            service,
            DriverHost(service.context, service.alerts, Inbox(service.context), outbox, ussd, spawn, lambda: ringing),
        )


async def test_only_steady_changes_are_told(tmp_path: Path) -> None:
    async with hosting(tmp_path) as (service, host):
        host.changed(READY)
        host.changed(replace(READY, signal_dbm=-80))
        host.changed(replace(READY, signal_dbm=-70, storage_used=2))
        host.changed(MUTE)
        assert [data["state"] for data in service.of("dongle.changed")] == ["ready", "recovering"]
        assert len(host.signals["stick"].since(0)) >= 1
        host.changed(READY)


async def test_the_owner_is_told_of_a_dongle_that_stays_out_of_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GRACE", 0.02)
    async with hosting(tmp_path) as (service, host):
        host.changed(READY)
        host.changed(MUTE)
        (alert,) = await service.told_of("alert.raised")
        assert (alert["key"], alert["severity"], alert["dongle"]) == ("dongle.stick", "critical", "stick")
        assert "mute" in alert["text"]
        assert alert["advice"]
        host.changed(READY)
        await service.told_of("alert.cleared")


async def test_a_short_absence_is_no_alert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRACE", 0.05)
    async with hosting(tmp_path) as (service, host):
        host.changed(MUTE)
        host.changed(READY)
        await asyncio.sleep(0.1)  # longer than the grace: nothing can be awaited that must not come
        assert service.of("alert.raised") == []


async def test_a_sim_that_is_nearly_full(tmp_path: Path) -> None:
    async with hosting(tmp_path) as (service, host):
        host.changed(replace(READY, storage_used=17))
        host.changed(replace(READY, storage_used=18))
        host.changed(replace(READY, storage_used=20))
        (alert,) = await service.told_of("alert.raised")
        assert alert["key"] == "storage.stick"
        host.changed(replace(READY, storage_used=3))
        await service.told_of("alert.cleared")


async def test_a_dongle_that_leaves_the_configuration(tmp_path: Path) -> None:
    async with hosting(tmp_path) as (service, host):
        host.changed(replace(MUTE, storage_used=20))
        await service.told_of("alert.raised")
        host.forget("stick")
        await service.told_of("alert.cleared")
        assert service.of("dongle.changed")[-1]["state"] == "disabled"
        host.forget("stick")
        assert len(service.of("dongle.changed")) == 2


async def test_old_messages_raise_one_alert_for_a_sim(tmp_path: Path) -> None:
    async with hosting(tmp_path) as (service, host):
        await host.received(parts("one"), archived=True)
        await host.received(parts("two"), archived=True)
        await host.received([], archived=True)
        (alert,) = service.of("alert.raised")
        assert (alert["key"], alert["severity"]) == (f"archived.{SIM}", "info")
        assert "release_archived" in alert["advice"]


def report(reference: int, status: int = 0) -> pdu.StatusReport:
    stamp = pdu.Timestamp(NOW + 5, 60)
    decoded = pdu.status_report(pdu.encode_status_report(reference, ANN, stamp, stamp, status))
    assert decoded is not None
    return decoded


async def sent(service: Service) -> int:
    database = service.database
    message = await database(
        Store.queue_message, "stick", SIM, ANN, ANN, "hi", "gsm7", [("0011", "hi")], NOW, True, False
    )
    await database(Store.part_sending, message.id, 1, SIM)
    await database(Store.part_sent, message.id, 1, 7, NOW)
    await database(Store.message_sent, message.id, NOW, service.context.plan)
    return message.id


@pytest.mark.parametrize(("status", "name"), [(0, "message.delivered"), (0x41, "message.failed")])
async def test_a_report_settles_its_message_once(tmp_path: Path, status: int, name: str) -> None:
    async with hosting(tmp_path) as (service, host):
        message = await sent(service)
        for _ in range(2):  # the network may repeat it
            await host.reported(report(7, status), "stick", SIM, "")
        assert [data["id"] for data in service.of(name)] == [message]
        assert len(await service.database(Store.list_deliveries)) == 1


async def test_a_report_for_no_message_of_ours(tmp_path: Path) -> None:
    async with hosting(tmp_path) as (service, host):
        await sent(service)
        await host.reported(report(8), "stick", SIM, "")
        await host.reported(report(7), "stick", "another SIM", "")
        assert service.told == []


async def test_sims_and_pins_are_remembered(tmp_path: Path) -> None:
    async with hosting(tmp_path) as (_, host):
        assert not await host.known_sim(SIM)
        await host.remember_sim(SIM, "stick")
        assert await host.known_sim(SIM)
        assert not await host.pin_was_refused("imei", "digest")
        await host.pin_refused("imei", "digest")
        assert await host.pin_was_refused("imei", "digest")
        assert not await host.pin_was_refused("imei", "other")


async def test_alerts_that_are_open_since_the_last_run_end(tmp_path: Path) -> None:
    async with hosting(tmp_path) as (service, host):
        await service.alerts.raise_("dongle.stick", "It did not work before the restart.")
        await service.alerts.raise_("storage.stick", "It was full before the restart.")
        host.changed(READY)
        cleared = await service.told_of("alert.cleared", 2)
        assert {alert["key"] for alert in cleared} == {"dongle.stick", "storage.stick"}


async def test_a_card_is_known_by_its_imsi_alone(tmp_path: Path) -> None:
    """A driver that cannot ask for the ICCID calls the card what the others call it."""
    async with hosting(tmp_path) as (_service, host):
        assert await host.iccid_of("228010000000001") == ""
        host.changed(replace(READY, imsi="228010000000001"))
        host.changed(replace(READY, imsi="228010000000001", operator="Lab"))
        async with asyncio.timeout(5):
            while await host.iccid_of("228010000000001") != SIM:
                await asyncio.sleep(0)
        assert await host.iccid_of("another") == ""
