"""What a driver wants of the service, and how long it waits for things.

The driver reads and deletes; the service stores and decides. `received` and `reported` return after the durable commit:
only then is anything deleted from a SIM or acknowledged to the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from homeline.model import Disposition, DongleStatus, ReceivedPart
from homeline.protocol.notices import Notice
from homeline.protocol.pdu import StatusReport
from homeline.protocol.ussd import Reply


class Host(Protocol):
    """The service, as a driver sees it. Whatever raises StoreError is tried again later, and nothing is deleted."""

    async def received(self, parts: Sequence[ReceivedPart], archived: bool) -> Sequence[Disposition]:
        """Commit parts, in order; what may become of each on the SIM. Raises StoreError: they must stay there."""
        ...

    async def reported(self, report: StatusReport, dongle: str, sim: str, raw: str) -> None:
        """Commit a status report; `raw` is its PDU in hexadecimal. Raises StoreError."""
        ...

    def changed(self, status: DongleStatus) -> None:
        """The status is new. Called with the driver's own object: copy what is kept."""
        ...

    def ussd(self, dongle: str, reply: Reply) -> None:
        """The network sent USSD that nobody waits for."""
        ...

    def notice(self, dongle: str, notice: Notice) -> None:
        """Something else came unasked, such as a call."""
        ...

    async def known_sim(self, sim: str) -> bool:
        """Whether this SIM was drained before. Raises StoreError."""
        ...

    async def remember_sim(self, sim: str, dongle: str) -> None:
        """This SIM's old messages are archived: from now on it is known. Raises StoreError."""
        ...

    async def iccid_of(self, imsi: str) -> str:
        """The ICCID of the card with this IMSI, for a driver that cannot ask; "" if it never was told. StoreError."""
        ...

    async def pin_was_refused(self, imei: str, digest: str) -> bool:
        """Whether `pin_refused` was called with the same values, even before a restart. Raises StoreError."""
        ...

    async def pin_refused(self, imei: str, digest: str) -> None:
        """The SIM refused a PIN: remember it durably. `digest` stands for SIM and PIN. Raises StoreError."""
        ...


@dataclass(frozen=True, slots=True)
class Timing:
    """Waits in seconds. The defaults are for real modems; tests and the lab shorten them."""

    open: float = 10.0  # opening a port
    probe: float = 2.0  # a living modem answers AT
    probe_tries: int = 2  # a modem that was just plugged in may lose the first one
    bring_up: float = 180.0  # all steps together
    boot: float = 3.0  # after a restart, before the port is looked for again
    poll_least: float = 1.0  # looking for an absent port, growing to `poll_most`; a plug is told by an event anyway
    poll_most: float = 5.0
    sim_busy: float = 2.0  # asking a busy SIM again
    sim_locked: float = 30.0  # asking a locked or missing SIM again
    sim_patience: float = 120.0  # how long a SIM may be busy or failing before the radio is switched off and on
    search: float = 300.0  # how long no network may be found before that
    search_poll: float = 10.0  # between two looks while there is no network
    denied: float = 900.0  # how long the network may deny us before that
    monitor: float = 60.0  # between two looks at signal, storage and SIM
    operator: int = 10  # the operator's name is asked at every tenth look
    drain: float = 600.0  # between two readings of all storages, against lost indications
    store_retry: float = 15.0  # after the store could not commit
    read_retry: float = 5.0  # after a message could not be read
    ussd: float = 60.0  # the network's answer to a code
    ussd_grace: float = 2.0  # how long a better answer is awaited than the end of an older session
    again: float = 3.0  # before a refused bring-up step is tried again
    settle: float = 0.5  # a modem that started again says more before it can be set up
    pauses: tuple[float, ...] = ()  # between reopenings; empty: recovery.PAUSES
    stable: float = 60.0  # working so long makes the recovery begin anew
