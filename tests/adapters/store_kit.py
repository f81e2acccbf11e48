"""What the tests of the store share: a store in a folder of its own, and parts as a network would send them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from homeline.model import Event, ReceivedPart, Wanted
from homeline.protocol import pdu

SIM = "8941010000000000001"
ANN = "+41791234567"
BOB = "+41797654321"
NOW = 1_800_000_000  # after the clock was set
MAIL = Wanted("all", "mail")


def plan(event: Event) -> Sequence[Wanted]:
    """One rule: everything by mail."""
    return [MAIL]


def nothing(event: Event) -> Sequence[Wanted]:
    """No rule matches."""
    return ()


def parts(
    text: str,
    *,
    sender: str = ANN,
    at: int = NOW,
    reference: int = 1,
    bits: int = 8,
    sim: str = SIM,
    data: bytes | None = None,
    ports: tuple[int, int] | None = None,
    pid: int = 0,
) -> list[ReceivedPart]:
    """The parts of one message as a driver and the service hand them on."""
    content = pdu.Content(text, data=data, ports=ports, concat_reference=reference, concat_bits=bits)
    encoded = pdu.encode_deliver(sender, content, pdu.Timestamp(at, 60), smsc="+41794999000", pid=pid)
    received = [pdu.received_part("home", sim, one.pdu) for one in encoded]
    return [replace(part, peer=part.sender) for part in received]


def part(text: str, *, sender: str = ANN, at: int = NOW, sim: str = SIM, pid: int = 0) -> ReceivedPart:
    """A message in one part."""
    (only,) = parts(text, sender=sender, at=at, sim=sim, pid=pid)
    return only


def long_text(letter: str, count: int) -> str:
    """A text that takes `count` parts."""
    return "".join(f"{letter}{number} {letter * 140} " for number in range(1, count + 1))[: 153 * count - 10]
