"""Receiving with the simulated dongle over real ptys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from homeline.model import Disposition, DongleState, ReceivedPart, Registration, Storage
from homeline.protocol import pdu
from homeline_lab.dongle import Dongle
from homeline_lab.models import E1750, GENERIC
from homeline_lab.sim import Sim, Slots, Status
from homeline_lab.wire import Pace
from service.dongle_kit import QUICK, Host, driving

MODELS = ["e1750", "ec25", "sim7600", "generic"]


@pytest.mark.parametrize("model", MODELS)
async def test_a_model_comes_up_and_says_who_it_is(model: str, tmp_path: Path) -> None:
    host = Host()
    async with Dongle(model, tmp_path, every_port=True) as dongle, driving(tmp_path, host):
        status = await host.up()
        assert status.state is DongleState.READY
        assert status.registration is Registration.HOME
        assert (status.manufacturer, status.model) == (dongle.model.manufacturer, dongle.model.model)
        assert (status.imei, status.iccid, status.imsi) == (dongle.model.imei, dongle.sim.iccid, dongle.sim.imsi)
        assert status.operator == "Lab Mobile"
        assert status.technology == "umts"
        assert status.port == str(dongle.port)
        assert status.usb_path == "1-1"
        assert status.storage_size


@pytest.mark.parametrize("model", MODELS)
async def test_a_message_is_received_and_deleted_after_the_commit(model: str, tmp_path: Path) -> None:
    host = Host()
    async with Dongle(model, tmp_path, every_port=True) as dongle, driving(tmp_path, host):
        await host.state(DongleState.READY)
        dongle.deliver("hello")
        await host.wait(lambda: host.texts == ["hello"])
        await dongle.wait(lambda: not dongle.stored())


async def test_parts_of_long_messages_and_many_at_once_all_come_in_order(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("e1750", tmp_path) as dongle, driving(tmp_path, host):
        await host.state(DongleState.READY)
        for number in range(120):  # six times what the SIM holds: the network waits for room
            dongle.deliver(f"message {number}")
        await host.wait(lambda: len(host.texts) == 120)
        assert host.texts == [f"message {number}" for number in range(120)]
        dongle.deliver("long " * 100)
        await host.wait(lambda: len(host.texts) == 124)
        await dongle.wait(lambda: not dongle.stored())


async def test_what_cannot_be_decoded_is_handed_on_raw_and_blocks_nothing(tmp_path: Path) -> None:
    host = Host()
    nonsense = "0791448720003023240DD0E474D81C0EBB01000011101"
    async with Dongle("generic", tmp_path) as dongle:
        dongle.store([(nonsense + "1").encode().decode()[:44], "00"])
        async with driving(tmp_path, host):
            await host.state(DongleState.READY)
            dongle.deliver("after it")
            await host.wait(lambda: "after it" in host.texts)
            bad = [part for part, _ in host.parts.values() if part.error]
            assert bad[0].pdu == nonsense[:44]
            assert bad[0].text == ""


async def test_drain_reads_the_sim_and_the_dongles_own_memory_but_not_messages_to_send(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("e1750", tmp_path) as dongle:
        encode = dongle.network.encode
        dongle.store(encode("on the SIM", "+41791111111"))
        dongle.store(encode("in the dongle", "+41791111111"), "ME")
        own = "0001000B911497111111F100000401020304"
        dongle.store([own], status=Status.UNSENT)
        async with driving(tmp_path, host):
            await host.wait(lambda: sorted(host.texts) == ["in the dongle", "on the SIM"])
            await dongle.wait(lambda: dongle.stored() == [own] and not dongle.stored("ME"))


async def test_a_sim_never_seen_before_is_archived_and_left_alone(tmp_path: Path) -> None:
    host = Host(known=False)
    async with Dongle("e1750", tmp_path) as dongle:
        dongle.store(dongle.network.encode("old", "+41791111111"))
        dongle.store(dongle.network.encode("old too", "+41791111111"), "ME")
        async with driving(tmp_path, host) as driver:
            await host.wait(lambda: len(host.sims) == 3)
            assert sorted(host.archived) == ["old", "old too"]
            assert host.sims.keys() == {dongle.sim.iccid, dongle.sim.imsi, f"imei:{dongle.model.imei}"}
            dongle.deliver("new")
            await host.wait(lambda: host.texts == ["new"])
            await dongle.wait(lambda: len(dongle.stored()) == 1 and len(dongle.stored("ME")) == 1)
            reads = dongle.count("+CMGL")
            driver.nudge()
            await dongle.wait(lambda: dongle.count("+CMGL") >= reads + 2)
            assert dongle.count("+CMGD") == 1
            assert len(dongle.stored()) == 1


async def test_what_arrives_while_an_unknown_sim_is_first_read_is_new(tmp_path: Path) -> None:
    host = Host(known=False)
    async with Dongle("e1750", tmp_path) as dongle:
        dongle.store(dongle.network.encode("old", "+41791111111"))
        dongle.faults.latency["+CMGL"] = 0.2
        async with driving(tmp_path, host):
            await dongle.seen("+CNMI", 3)
            dongle.deliver("new")
            await host.wait(lambda: host.texts == ["new"] and host.archived == ["old"])
            await host.wait(lambda: dongle.sim.iccid in host.sims)
            await dongle.wait(lambda: len(dongle.stored()) == 1)


class Pulling(Host):
    """Unplugs its dongle as soon as the first new message has come, before anything else can happen."""

    dongle: Dongle | None = None
    known_then: bool | None = None

    async def received(self, parts: Sequence[ReceivedPart], archived: bool) -> Sequence[Disposition]:
        dispositions = await super().received(parts, archived)
        if not archived and self.dongle is not None:
            self.known_then = bool(self.sims)
            self.dongle.unplug()
            self.dongle = None
        return dispositions


async def test_a_sim_is_known_before_its_first_new_message_is_handed_on(tmp_path: Path) -> None:
    host = Pulling(known=False)
    async with Dongle("e1750", tmp_path) as dongle:
        host.dongle = dongle
        dongle.faults.latency["+CMGL"] = 0.1
        async with driving(tmp_path, host):
            await dongle.seen("+CNMI", 3)
            dongle.deliver("first")
            await host.wait(lambda: host.texts == ["first"])
            assert host.known_then
            dongle.deliver("second")
            dongle.plug("ttyUSB1")
            await host.wait(lambda: host.texts == ["first", "second"])
            assert host.archived == []


async def test_a_sim_whose_card_number_cannot_be_read_one_day_is_still_known(tmp_path: Path) -> None:
    host = Host(known=False)
    async with Dongle("e1750", tmp_path) as dongle:
        async with driving(tmp_path, host):
            await host.wait(lambda: len(host.sims) == 3)
        dongle.faults.refuse("^ICCID", times=100)
        dongle.faults.refuse("+CCID", times=100)
        dongle.faults.refuse("+CRSM", times=100)
        dongle.deliver("while nobody looked")
        async with driving(tmp_path, host):
            await host.wait(lambda: host.texts == ["while nobody looked"])


async def test_a_swapped_sim_is_noticed_and_has_its_own_identity(tmp_path: Path) -> None:
    host = Host(known=False)
    async with Dongle("e1750", tmp_path) as dongle, driving(tmp_path, host):
        await host.wait(lambda: dongle.sim.iccid in host.sims)
        other = Sim(iccid="8941020000000000002", imsi="228020000000002")
        other.slots = Slots(20)
        dongle.insert_sim(None)
        other.slots.add(dongle.network.encode("of another owner", "+41792222222")[0], Status.READ)
        dongle.insert_sim(other)
        await host.wait(lambda: other.iccid in host.sims)
        assert host.archived == ["of another owner"]
        assert next(iter(host.parts.values()))[0].sim == other.iccid
        assert len(dongle.stored()) == 1
        dongle.deliver("to the new SIM")
        await host.wait(lambda: host.texts == ["to the new SIM"])


async def test_a_full_sim_is_drained_and_what_the_network_kept_comes_after(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("e1750", tmp_path) as dongle:
        dongle.store([dongle.network.encode(f"kept {n}", "+41791111111")[0] for n in range(20)])
        dongle.deliver("waits outside")
        assert len(dongle.stored()) == 20
        async with driving(tmp_path, host):
            await host.wait(lambda: len(host.texts) == 21)
            assert host.texts[-1] == "waits outside"
            await dongle.wait(lambda: not dongle.stored())


async def test_nothing_is_deleted_while_the_store_fails_and_all_is_tried_again(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("e1750", tmp_path) as dongle, driving(tmp_path, host):
        await host.state(DongleState.READY)
        host.broken = 3
        dongle.deliver("patience")
        await host.wait(lambda: host.broken == 0)
        assert dongle.count("+CMGD") == 0
        await host.wait(lambda: host.texts == ["patience"])
        await dongle.wait(lambda: not dongle.stored())


async def test_a_lost_indication_is_made_up_for_by_the_next_look(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("e1750", tmp_path) as dongle, driving(tmp_path, host, replace(QUICK, monitor=0.2)):
        await host.up()
        dongle.faults.lost_notices = 1
        dongle.deliver("nobody told")
        await host.wait(lambda: host.texts == ["nobody told"])


async def test_and_by_reading_everything_from_time_to_time(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("e1750", tmp_path) as dongle, driving(tmp_path, host, replace(QUICK, drain=0.2)):
        await host.up()
        dongle.faults.lost_notices = 1
        dongle.deliver("nobody told")
        await host.wait(lambda: host.texts == ["nobody told"])


@pytest.mark.parametrize("final", ["ERROR", "+CMS ERROR: 500", "+CMS ERROR: 302"])
async def test_without_a_list_the_slots_are_read_one_by_one(tmp_path: Path, final: str) -> None:
    host = Host()
    async with Dongle("generic", tmp_path) as dongle:
        dongle.store([dongle.network.encode(f"slot {n}", "+41791111111")[0] for n in range(5)])
        dongle.faults.refuse("+CMGL", final, times=100)
        async with driving(tmp_path, host):
            await host.wait(lambda: len(host.texts) == 5)
            await dongle.wait(lambda: not dongle.stored())


async def test_policy_keep_deletes_nothing_and_says_how_full_it_is(tmp_path: Path) -> None:
    host = Host()
    async with (
        Dongle("e1750", tmp_path) as dongle,
        driving(tmp_path, host, replace(QUICK, monitor=0.1), storage=Storage.KEEP),
    ):
        await host.state(DongleState.READY)
        for number in range(20):
            dongle.deliver(f"kept {number}")
        await host.wait(lambda: len(host.texts) == 20)
        await host.wait(lambda: host.states[-1].storage_used == host.states[-1].storage_size == 20)
        assert dongle.count("+CMGD") == 0


async def test_policy_when_full_makes_room_by_deleting_the_oldest(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("e1750", tmp_path) as dongle, driving(tmp_path, host, storage=Storage.WHEN_FULL):
        await host.state(DongleState.READY)
        for number in range(17):
            dongle.deliver(f"number {number}", at=datetime(2026, 1, 1, 12, number, tzinfo=UTC))
        await host.wait(lambda: len(host.texts) == 17)
        assert len(dongle.stored()) == 17
        for number in range(17, 40):
            dongle.deliver(f"number {number}", at=datetime(2026, 1, 1, 12, number, tzinfo=UTC))
        await host.wait(lambda: len(host.texts) == 40)
        await dongle.wait(lambda: len(dongle.stored()) == 17)
        left = {pdu.received_part("", "", text).text for text in dongle.stored()}
        assert left == {f"number {number}" for number in range(23, 40)}


DIRECT = replace(GENERIC, cnmi_range="(0-2),(0,2),(0),(0,1),(0)")


async def test_a_modem_that_only_shows_messages_has_them_acknowledged_after_the_commit(tmp_path: Path) -> None:
    host = Host()
    async with Dongle(DIRECT, tmp_path) as dongle, driving(tmp_path, host):
        await host.state(DongleState.READY)
        host.broken = 1
        for number in range(3):
            dongle.deliver(f"shown {number}")
        await host.wait(lambda: host.broken == 0)
        assert dongle.count("+CNMA") == 0
        dongle.modem.acknowledge(good=False)  # the network's patience ends: it sends the message again
        dongle.network.flush()
        await host.wait(lambda: host.texts == ["shown 0", "shown 1", "shown 2"])
        await dongle.wait(lambda: dongle.count("+CNMA") == 3)


async def test_status_reports_stored_or_shown_reach_the_host_and_leave_the_sim(tmp_path: Path) -> None:
    for model in (E1750, DIRECT):
        host = Host()
        root = tmp_path / model.key
        async with Dongle(model, root) as dongle, driving(root, host) as driver:
            await host.state(DongleState.READY)
            part = pdu.encode_submit("+41791234567", "hello", report=True)[0]
            reference = await driver.submit(part.pdu, part.length)
            await host.wait(lambda: len(host.reports) == 1)  # noqa: B023 - awaited within the loop
            assert host.reports[0].reference == reference
            assert host.reports[0].recipient.text == "+41791234567"
            await dongle.wait(lambda: not dongle.stored())
            assert not host.parts


async def test_255_messages_at_115200_baud(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("e1750", tmp_path, storages={"SM": 255}) as dongle:
        dongle.store([dongle.network.encode(f"{n:03} " + "x" * 100, "+41791111111")[0] for n in range(255)])
        dongle.set_pace(Pace.baud(115200))
        async with driving(tmp_path, host):
            await host.wait(lambda: len(host.texts) == 255, timeout=40)
            await dongle.wait(lambda: not dongle.stored(), timeout=20)


async def test_octets_in_drops_and_unsolicited_lines_before_each_line_of_each_answer(tmp_path: Path) -> None:
    host = Host()
    async with Dongle("e1750", tmp_path) as dongle:
        dongle.store(dongle.network.encode("old", "+41791111111"))
        async with driving(tmp_path, host):
            await host.wait(lambda: "old" in host.texts)
            commands = [name for name in dongle.modem.commands if name.startswith(("+", "^"))]
    async with Dongle("e1750", tmp_path) as dongle:
        dongle.store(dongle.network.encode("old", "+41791111111"))
        lines = ("^RSSI:12", "RING", "+CREG: 1", '+CMTI: "SM",7', "^BOOT:27710117,0,0,0,6", '+CUSD: 0,"hi",15')
        for number, command in enumerate(commands):
            dongle.faults.interject(lines[number % len(lines)], times=2, command=command)
        dongle.set_pace(Pace(3, 0.0001))
        host = Host()
        async with driving(tmp_path, host):
            await host.wait(lambda: "old" in host.texts)
            dongle.deliver("new")
            await host.wait(lambda: "new" in host.texts)
            assert (await host.state(DongleState.READY)).imei == dongle.model.imei
            await dongle.wait(lambda: not dongle.stored())
