"""The network behind a simulated dongle: service centre, registration, operator, USSD services, the other phone.

It keeps what the dongle cannot take (off, unregistered, storage full) and hands it on as soon as there is room, in
order, as a service centre does. Nothing here knows AT.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import Protocol

from homeline.protocol import pdu
from homeline_lab import tpdu

STRANGER = "+41791234567"  # who texts the dongle when nobody else is named


class Taken(Enum):
    """What became of a PDU that was offered to the dongle."""

    YES = auto()
    WAITING = auto()  # handed to the terminal, acknowledgement (AT+CNMA) outstanding
    NO = auto()  # unregistered, off, storage full: try again when that changed


class Station(Protocol):
    """A dongle as the network sees it."""

    def offer(self, pdu: bytes) -> Taken: ...
    def registration_changed(self) -> None: ...
    def signal_changed(self) -> None: ...
    def incoming_call(self, number: str) -> None: ...
    def call_ended(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Operator:
    """As AT+COPS shows it."""

    name: str = "Lab Mobile"
    short: str = "LAB"
    code: str = "22801"
    status: int = 2  # 1 available, 2 current, 3 forbidden


@dataclass(frozen=True, slots=True)
class UssdMenu:
    """A text that opens a session; `choices` maps what the user may answer to a text or a further menu."""

    text: str
    choices: Mapping[str, str | UssdMenu]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a message to some number: refused at once, or reported on later."""

    refuse: int | None = None  # +CMS ERROR of the submission
    status: int | None = 0  # TP-Status of the report (0 delivered, 0x41 incompatible destination), None: none
    delay: float = 0.0  # s from the submission to the report


@dataclass(slots=True)
class Sent:
    """A submission that the network took."""

    reference: int
    recipient: str
    pdu: str  # as the modem was given it, hex
    at: float  # s, the event loop's clock
    submission: tpdu.Submission


DEFAULT_USSD: dict[str, str | UssdMenu] = {
    "*100#": "Balance: 12.50 CHF",
    "*101#": "Guthaben: 12.50 € – gültig bis 31.12.",
    "*123#": UssdMenu(
        "1 Balance\n2 Data",
        {"1": "12.50 CHF", "2": UssdMenu("Data\n1 Day\n2 Month", {"1": "Day pass bought", "2": "Month pass bought"})},
    ),
}


@dataclass(eq=False)
class Network:
    """One subscriber's view of a mobile network. Its methods change the radio, so that the dongle hears it."""

    operator: Operator = field(default_factory=Operator)
    others: Sequence[Operator] = (Operator("Other Net", "OTHER", "22802", 3),)
    smsc: str = "+41794999000"
    registration: int = 1  # 3GPP TS 27.007 7.2 <stat> that the dongle gets once its radio is on
    rssi: int = 17  # AT+CSQ, 0..31 and 99
    access: int = 2  # 27.007 <AcT>: 0 GSM, 2 UTRAN, 6 HSPA, 7 E-UTRAN
    area: int = 0x4F2A
    cell: int = 0xB1C3
    zone: int = 60  # minutes east of UTC in the time stamps
    interval: float = 0.0  # s between two deliveries
    ussd: dict[str, str | UssdMenu] = field(default_factory=lambda: dict(DEFAULT_USSD))
    ussd_delay: float = 0.0
    outcomes: dict[str, Outcome] = field(default_factory=dict)  # by number
    outcome: Outcome = field(default_factory=Outcome)  # for all other numbers
    sent: list[Sent] = field(default_factory=list)
    queue: deque[bytes] = field(default_factory=deque)
    delivered: int = 0  # PDUs that the dongle took
    on_change: Callable[[], None] = lambda: None
    _station: Station | None = None
    _flushing: bool = False
    _pause: asyncio.TimerHandle | None = None

    def attach(self, station: Station) -> None:
        self._station = station

    def detach(self) -> None:
        self._station = None

    # To the dongle -----------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        return tpdu.now(self.zone)

    def deliver(
        self,
        text: str,
        sender: str = STRANGER,
        *,
        at: datetime | None = None,
        flash: bool = False,
        repeat: int = 1,
        order: Sequence[int] | None = None,
    ) -> list[str]:
        """Send a text to the dongle; returns the DELIVERs' hex. `order` gives the parts that come, in their order."""
        pdus = self.encode(text, sender, at=at, flash=flash)
        chosen = pdus if order is None else [pdus[i] for i in order]
        self.deliver_pdus(chosen * repeat)
        return [p.hex().upper() for p in chosen]

    def encode(
        self,
        text: str,
        sender: str = STRANGER,
        *,
        at: datetime | None = None,
        flash: bool = False,
        reference: int | None = None,
    ) -> list[bytes]:
        """The DELIVERs of a text. `sender` is a number or a name."""
        reference = secrets.randbelow(256) if reference is None else reference
        address, stamp = tpdu.sender_address(sender), at or self.now()
        content = pdu.Content(text, message_class=0 if flash else None, concat_reference=reference)
        submits = pdu.encode_submit("+1", content)
        return [tpdu.deliver(tpdu.parse_submit(bytes.fromhex(s.pdu)), address, stamp, self.smsc) for s in submits]

    def deliver_pdus(self, pdus: Sequence[bytes | str]) -> None:
        """Send PDUs as they are: service centre in front, DELIVER or STATUS-REPORT or nonsense."""
        self.queue.extend(bytes.fromhex(p) if isinstance(p, str) else p for p in pdus)
        self.flush()

    def flush(self) -> None:
        """Hand on what waits, as far as the dongle takes it. The dongle calls this when it has room again."""
        if self._flushing or self._pause:
            return
        self._flushing = True
        try:
            while self.queue and self._station:
                if self._station.offer(self.queue[0]) is not Taken.YES:
                    break
                self.acknowledged()
                if self.interval:
                    self._pause = asyncio.get_running_loop().call_later(self.interval, self._resume)
                    break
        finally:
            self._flushing = False

    def _resume(self) -> None:
        self._pause = None
        self.flush()

    def acknowledged(self) -> None:
        """The dongle, or the terminal behind it, took the oldest PDU."""
        self.queue.popleft()
        self.delivered += 1
        self.on_change()

    def close(self) -> None:
        if self._pause:
            self._pause.cancel()
        self._pause = None

    # From the dongle ---------------------------------------------------------------------------------------------

    def submit(self, pdu: bytes, reference: int, own_number: str) -> int | None:
        """Take a SUBMIT. Returns the +CMS ERROR it is refused with, or None. ValueError where it cannot be read."""
        submission = tpdu.parse_submit(pdu)
        number = submission.recipient.text
        outcome = self.outcomes.get(number, self.outcome)
        if outcome.refuse is not None:
            return outcome.refuse
        loop = asyncio.get_running_loop()
        self.sent.append(Sent(reference, number, pdu.hex().upper(), loop.time(), submission))
        if own_number and number == own_number:
            back = tpdu.deliver(submission, tpdu.number_address(own_number), self.now(), self.smsc)
            loop.call_soon(self.deliver_pdus, [back])
        if submission.wants_report and outcome.status is not None:
            loop.call_later(outcome.delay, self._report, submission, reference, self.now(), outcome.status)
        self.on_change()
        return None

    def _report(self, submission: tpdu.Submission, reference: int, sent: datetime, status: int) -> None:
        self.deliver_pdus([tpdu.status_report(reference, submission.recipient, sent, self.now(), status, self.smsc)])

    def set_outcome(self, number: str, refuse: int | None, status: int | None, delay: float) -> None:
        """What becomes of messages to a number; "" is all others."""
        outcome = Outcome(refuse, status, delay)
        if number:
            self.outcomes[number] = outcome
        else:
            self.outcome = outcome

    def service(self, session: UssdMenu | None, code: str) -> str | UssdMenu | None:
        """The answer to a USSD code, or to a choice in an open menu. None: the network knows no such code."""
        return self.ussd.get(code) if session is None else session.choices.get(code)

    # The radio ---------------------------------------------------------------------------------------------------

    def register(self, status: int, operator: Operator | None = None) -> None:
        """Let the dongle be home (1), roaming (5), searching (2), denied (3)…"""
        self.registration, self.operator = status, operator or self.operator
        self._tell(lambda s: s.registration_changed())
        self.flush()

    def set_signal(self, rssi: int, access: int | None = None) -> None:
        self.rssi, self.access = rssi, self.access if access is None else access
        self._tell(lambda s: s.signal_changed())

    def ring(self, number: str) -> None:
        """Somebody calls the dongle. An empty number is a withheld one."""
        self._tell(lambda s: s.incoming_call(number))

    def hang_up(self) -> None:
        """The other side ends the call."""
        self._tell(lambda s: s.call_ended())

    def _tell(self, action: Callable[[Station], None]) -> None:
        if self._station:
            action(self._station)
        self.on_change()
