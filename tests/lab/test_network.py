"""The network on its own: what it keeps, and in which order it hands it on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from homeline.protocol import pdu
from homeline_lab.network import Network, Outcome, Taken, UssdMenu


class Phone:
    """A station that takes what it is told to take."""

    def __init__(self, *answers: Taken) -> None:
        self.answers = list(answers)
        self.got: list[bytes] = []
        self.told: list[str] = []
        self.news = asyncio.Event()

    def offer(self, raw: bytes) -> Taken:
        answer = self.answers.pop(0) if self.answers else Taken.YES
        if answer is not Taken.NO:
            self.got.append(raw)
        self.news.set()
        return answer

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args: self.told.append(name)


def attached(phone: Phone) -> Network:
    network = Network()
    network.attach(phone)  # type: ignore[arg-type]
    return network


def texts(raws: list[bytes]) -> list[str]:
    found = [pdu.decode(r.hex()) for r in raws]
    return [d.user.text for d in found if isinstance(d, pdu.Deliver)]


async def test_messages_come_in_order() -> None:
    phone = Phone()
    network = attached(phone)
    for i in range(5):
        network.deliver(str(i))
    assert texts(phone.got) == list("01234")
    assert network.delivered == 5


async def test_a_refused_message_stays_first() -> None:
    phone = Phone(Taken.YES, Taken.NO)
    network = attached(phone)
    for i in range(3):
        network.deliver(str(i))
    assert texts(phone.got) == list("012")


async def test_nothing_overtakes_a_message_that_waits_for_its_acknowledgement() -> None:
    phone = Phone(Taken.WAITING, Taken.NO, Taken.NO)
    network = attached(phone)
    network.deliver("0")
    network.deliver("1")
    assert texts(phone.got) == ["0"]
    network.acknowledged()
    network.flush()
    assert len(network.queue) == 1
    network.flush()
    assert texts(phone.got) == ["0", "1"]


async def test_without_a_station_all_is_kept() -> None:
    network = Network()
    network.deliver("a")
    phone = Phone()
    network.attach(phone)  # type: ignore[arg-type]
    network.flush()
    assert texts(phone.got) == ["a"]


async def test_an_interval_between_messages() -> None:
    phone = Phone()
    network = attached(phone)
    network.interval = 0.01
    network.deliver("x", repeat=3)
    assert len(phone.got) == 1
    async with asyncio.timeout(5):
        while len(phone.got) < 3:
            phone.news.clear()
            await phone.news.wait()
    network.close()


async def test_parts_in_any_order_and_twice() -> None:
    phone = Phone()
    network = attached(phone)
    text = "".join(chr(97 + i % 26) for i in range(400))
    network.deliver(text, order=[2, 0, 0, 1])
    found = [pdu.decode(r.hex()) for r in phone.got]
    numbers = [d.user.concat.number for d in found if isinstance(d, pdu.Deliver) and d.user.concat]
    assert numbers == [3, 1, 1, 2]


async def test_a_flash_message_and_a_name() -> None:
    network = attached(phone := Phone())
    network.deliver("flash!", "Swisscom", flash=True)
    found = pdu.decode(phone.got[0].hex())
    assert isinstance(found, pdu.Deliver)
    assert (found.sender.text, found.coding.message_class) == ("Swisscom", 0)


@pytest.mark.parametrize(("status", "reports"), [(0, 1), (0x41, 1), (None, 0)])
async def test_reports(status: int | None, reports: int) -> None:
    phone = Phone()
    network = attached(phone)
    network.outcomes["+41791234567"] = Outcome(status=status)
    wish = pdu.encode_submit("+41791234567", "x", report=True)[0]
    assert network.submit(bytes.fromhex(wish.pdu), 9, "") is None
    if reports:
        async with asyncio.timeout(5):
            await phone.news.wait()
        found = pdu.decode(phone.got[0].hex())
        assert isinstance(found, pdu.StatusReport)
        assert (found.reference, found.status) == (9, status)
    else:
        await asyncio.sleep(0)
        assert not phone.got


async def test_a_refused_submission_is_not_kept() -> None:
    network = attached(Phone())
    network.set_outcome("+41791234567", 38, 0, 0.0)
    wish = pdu.encode_submit("+41791234567", "x")[0]
    assert network.submit(bytes.fromhex(wish.pdu), 0, "") == 38
    assert not network.sent


async def test_menus() -> None:
    network = Network()
    menu = network.service(None, "*123#")
    assert isinstance(menu, UssdMenu)
    inner = network.service(menu, "2")
    assert isinstance(inner, UssdMenu)
    assert network.service(inner, "1") == "Day pass bought"
    assert network.service(inner, "9") is None
    assert network.service(None, "*999#") is None
