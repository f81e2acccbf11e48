"""A SIM card of the lab, and the places where messages lie (on the SIM or in the dongle)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

OWN_NUMBER = "+41790000001"


class Status(IntEnum):
    """3GPP TS 27.005 3.1 <stat> in PDU mode."""

    UNREAD = 0
    READ = 1
    UNSENT = 2
    SENT = 3


@dataclass(slots=True)
class Stored:
    """A PDU in a slot: octets with the service centre in front."""

    pdu: bytes
    status: Status

    @property
    def length(self) -> int:
        """Octets without the service centre's field: the number in +CMGR and +CMGL."""
        return len(self.pdu) - 1 - self.pdu[0]


@dataclass(slots=True)
class Slots:
    """One message storage: numbered slots, lowest free one taken first."""

    size: int
    first: int = 0
    used: dict[int, Stored] = field(default_factory=dict)

    def add(self, pdu: bytes, status: Status) -> int | None:
        """The index taken, or None where all slots are used."""
        if len(self.used) >= self.size:
            return None
        index = next(i for i in range(self.first, self.first + self.size) if i not in self.used)
        self.used[index] = Stored(pdu, status)
        return index

    def valid(self, index: int) -> bool:
        return self.first <= index < self.first + self.size

    @property
    def full(self) -> bool:
        return len(self.used) >= self.size


class Lock(StrEnum):
    """What AT+CPIN? says, in its words."""

    READY = "READY"
    PIN = "SIM PIN"
    PUK = "SIM PUK"
    BLOCKED = "SIM PUK BLOCKED"  # no try left: the card is dead. Modems say so with +CME ERROR: 13


@dataclass(slots=True)
class Sim:
    """A SIM card. An empty `pin` means that none is asked for. Tries survive a reset of the dongle."""

    iccid: str = "8941010000000000001"
    imsi: str = "228010000000001"
    number: str = OWN_NUMBER  # empty: the card does not know it (AT+CNUM answers OK alone)
    pin: str = ""
    puk: str = "12345678"
    pin_tries: int = 3
    puk_tries: int = 10
    smsc: str = "+41794999000"
    slots: Slots | None = None  # filled in by the first dongle that reads the card
    unlocked: bool = False

    @property
    def lock(self) -> Lock:
        if self.puk_tries == 0:
            return Lock.BLOCKED
        if self.pin_tries == 0:
            return Lock.PUK
        return Lock.READY if self.unlocked or not self.pin else Lock.PIN

    def power_cycle(self) -> None:
        """The card loses power: the PIN is asked for again."""
        self.unlocked = False

    def enter_pin(self, pin: str) -> bool:
        """Whether the card took it; a wrong one costs a try."""
        if pin == self.pin:
            self.unlocked, self.pin_tries = True, 3
            return True
        self.pin_tries -= 1
        return False

    def enter_puk(self, puk: str, new_pin: str) -> bool:
        """Unblock with the PUK and set a new PIN."""
        if puk == self.puk:
            self.pin, self.unlocked, self.pin_tries, self.puk_tries = new_pin, True, 3, 10
            return True
        self.puk_tries -= 1
        return False
