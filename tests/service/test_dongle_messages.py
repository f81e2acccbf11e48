"""Small decisions of receiving that need no port."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.adapters.serial import AtPort
from homeline.core.bringup import Modem
from homeline.model import Storage
from homeline.protocol import pdu
from homeline.protocol.commands_sms import Stored
from homeline.protocol.notices import NewMessage
from homeline.service.dongle_messages import MAX_DIRECT, Direct, Messages, is_report
from homeline.service.dongle_storage import Slot, Storages
from service.dongle_kit import QUICK, Host

SENDER = "+41791112233"


@given(st.binary(max_size=60).map(bytes.hex) | st.text(max_size=20))
def test_whatever_decodes_as_a_report_is_looked_at_as_one(text: str) -> None:
    assert isinstance(is_report(text), bool)
    if pdu.status_report(text) is not None:
        assert is_report(text)


@given(st.binary(max_size=30), st.integers(0, 255))
def test_the_message_type_is_read_behind_the_service_centre(smsc: bytes, first: int) -> None:
    raw = bytes([len(smsc)]) + smsc + bytes([first])
    assert is_report(raw.hex()) is (first & 3 == 2)


def slot_of(index: int, text: str) -> Stored:
    (part,) = pdu.encode_deliver(SENDER, pdu.Content(text), pdu.Timestamp(1_700_000_000, 0))
    return Stored(index, 1, None, part.pdu)


class Memories:
    """A SIM whose slots a test fills; `on_read` and `on_delete` happen just after."""

    def __init__(self, *texts: str) -> None:
        self.slots = {index: slot_of(index, text) for index, text in enumerate(texts, 1)}
        self.deleted: list[int] = []
        self.on_read: Callable[[], None] = lambda: None
        self.on_delete: Callable[[], None] = lambda: None

    async def use(self, _memory: str) -> None:
        return None

    async def everything(self, memory: str, _use: object) -> list[tuple[Slot, Stored]]:
        found: list[tuple[Slot, Stored]] = [((memory, index), stored) for index, stored in self.slots.items()]
        self.on_read()
        return found

    async def read(self, slot: Slot) -> Stored | None:
        found = self.slots.get(slot[1])
        self.on_read()
        return found

    async def delete(self, slot: Slot) -> None:
        self.deleted.append(slot[1])
        self.slots.pop(slot[1], None)
        self.on_delete()

    def count(self, _memory: str, _change: int) -> None:
        pass


def receiving(memories: Memories, host: Host) -> Messages:
    modem = Modem(iccid="8941", memories=("SM",))
    return Messages(
        "d1", Storage.DELETE, cast(AtPort, None), modem, cast(Storages, memories), host, QUICK, deque[Direct]()
    )


def once(action: Callable[[], None]) -> Callable[[], None]:
    """The first call does it."""
    left = [action]
    return lambda: left.pop()() if left else None


@pytest.mark.parametrize("moment", ["on_read", "on_delete"])
@pytest.mark.parametrize("told_of", [False, True])
async def test_a_message_that_takes_the_place_of_another_is_not_deleted_unread(moment: str, told_of: bool) -> None:
    """3GPP TS 23.040 9.2.3.9: while the one before is being committed, or others are being deleted."""
    memories, host = Memories("first", "old"), Host()
    messages = receiving(memories, host)

    def replaced() -> None:
        memories.slots[2] = slot_of(2, "new")
        messages.told(NewMessage("SM", 2))

    setattr(memories, moment, once(replaced))
    if told_of:
        messages.told(NewMessage("SM", 1))
        messages.told(NewMessage("SM", 2))
        messages._drain_at = float("inf")  # by their indications, and not by reading all
    task = asyncio.create_task(messages.work())
    await host.wait(lambda: "new" in host.texts)
    assert {"first", "new"} <= set(host.texts)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_direct_message_is_not_dropped_for_one_that_was() -> None:
    """The oldest of too many is dropped while it is being committed."""
    host = Host()
    messages = receiving(Memories(), host)
    pdus = [slot_of(0, str(number)).pdu for number in range(MAX_DIRECT + 1)]
    for text in pdus[:MAX_DIRECT]:
        messages.shown(text, report=False)
    host.delay = 0.001
    task = asyncio.create_task(messages.work())
    await asyncio.sleep(0)
    messages.shown(pdus[MAX_DIRECT], report=False)
    host.delay = 0.0
    await host.wait(lambda: str(MAX_DIRECT) in host.texts)
    assert host.texts == [str(number) for number in range(MAX_DIRECT + 1)]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
