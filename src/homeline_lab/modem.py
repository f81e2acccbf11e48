"""The modem inside a simulated dongle: settings, SIM, radio, message storages, and ports that answer AT.

The commands themselves are in at_general, at_network, at_sms and at_calls, one function each, in tables by name.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from homeline_lab import tpdu
from homeline_lab.at_line import AtError, Prompt, Request
from homeline_lab.calls import Calls
from homeline_lab.faults import Faults, Vanishing
from homeline_lab.models import DongleModel, PortKind
from homeline_lab.network import Network, Taken, UssdMenu
from homeline_lab.radio import notice_fields, registration_fields
from homeline_lab.sim import Lock, Sim, Slots, Status

Handler = Callable[["Modem", Request], "list[str] | Prompt | None"]

REGISTERED = (1, 5, 6, 7)  # 3GPP TS 27.007 7.2 <stat>
CME_OF_LOCK = {Lock.PIN: 11, Lock.PUK: 12, Lock.BLOCKED: 13}
CMS_OF_LOCK = {Lock.PIN: 311, Lock.PUK: 316, Lock.BLOCKED: 313}


class Listener(Protocol):
    """A port, as the modem sees it."""

    kind: PortKind

    def tell(self, text: bytes) -> None: ...


@dataclass(slots=True)
class Settings:
    """What AT commands set and a reset forgets."""

    cnmi: tuple[int, ...]
    cmee: int = 0
    cmgf: int = 0
    csms: int = 0
    cscs: str = "GSM"
    csmp: str = "17,167,0,0"
    registration_mode: dict[str, int] = field(default_factory=lambda: {"+CREG": 0, "+CGREG": 0, "+CEREG": 0})
    cops_format: int = 0
    cops_mode: int = 0  # 0 automatic, 1 manual, 2 deregistered
    clip: int = 0
    cusd: int = 0
    crc: int = 0
    curc: int = 1  # Huawei: periodic notices on
    memories: tuple[str, str, str] = ("SM", "SM", "SM")


class Modem:
    """One dongle's electronics. `ports` are told what comes unasked."""

    def __init__(self, model: DongleModel, network: Network, sim: Sim | None, sizes: Mapping[str, int]) -> None:
        self.model, self.network, self.faults = model, network, Faults()
        self.sizes = dict(model.storages) | dict(sizes)
        self.imei = model.imei
        self.sim = sim
        self.sim_busy = False
        self.device_slots = Slots(self.sizes.get("ME", 0), model.first_index)
        self.ports: list[Listener] = []
        self.commands: Counter[str] = Counter()  # by name, each command of a line
        self.settings = Settings(model.cnmi_default)
        self.function = 1  # AT+CFUN
        self.reference = 0  # TP-MR of the next submission
        self.ack_timeout = 15.0  # s for AT+CNMA
        self.registration_delay = 0.0  # s from radio on to registered
        self.session: UssdMenu | None = None  # open USSD menu
        self.calls = Calls(self)
        self.on_restart: Callable[[], None] = lambda: None  # AT+CFUN=1,1: the USB device goes away and comes again
        self.on_vanish: Callable[[Vanishing], None] = lambda _: None
        self._camping = False  # found a cell since the radio was switched on
        self._told_registration = (0, 0)
        self._told_full = False
        self._unacknowledged: asyncio.TimerHandle | None = None
        self._buffered: list[bytes] = []
        self._timers: set[asyncio.TimerHandle] = set()
        network.attach(self)
        self.insert(sim)

    # SIM and storages --------------------------------------------------------------------------------------------

    def insert(self, sim: Sim | None) -> None:
        """Put in a card, or take it out (None)."""
        self.sim = sim
        if sim and sim.slots is None:
            sim.slots = Slots(self.sizes["SM"], self.model.first_index)

    def ready_sim(self, family: str) -> Sim:
        """The card, usable. AtError in the words of the family (CME, CMS) where it is not."""
        cme = family == "CME"
        if self.sim is None:
            raise AtError(family, 10 if cme else 310)
        if self.sim_busy:
            raise AtError(family, 14 if cme else 314)
        if self.sim.lock is not Lock.READY:
            raise AtError(family, (CME_OF_LOCK if cme else CMS_OF_LOCK)[self.sim.lock])
        return self.sim

    def storage(self, name: str) -> Slots:
        """SM, ME or MT (the dongle's own where it has any). The card must be usable."""
        sim = self.ready_sim("CMS")
        if name == "SM" and sim.slots:
            return sim.slots
        if name in ("ME", "MT") and self.device_slots.size:
            return self.device_slots
        raise AtError("CMS", 302)

    # Power and radio ---------------------------------------------------------------------------------------------

    def power_up(self, *, quiet: bool = False) -> None:
        """Everything that was set is forgotten; the SIM asks for its PIN again."""
        self.cancel_timers()
        self.settings = Settings(self.model.cnmi_default)
        self.function, self._camping, self._told_registration = 1, False, (0, 0)
        self.session, self.calls.call, self._buffered = None, None, []
        if self.sim:
            self.sim.power_cycle()
        if not quiet:
            self.tell(*self.model.boot)
        self.sim_usable(quiet=quiet)

    def sim_usable(self, *, quiet: bool = False) -> None:
        """To be called when the card may have become usable: at power-up, after a PIN, after a swap."""
        if self.sim is None or self.sim.lock is not Lock.READY:
            self.tell_registration()
            return
        if not quiet:
            self.tell(*self.model.sim_ready)
        self.find_network()

    def find_network(self) -> None:
        """Search for a cell, if the radio is on."""
        if self.registration_delay:
            self.call_later(self.registration_delay, self._found)
        else:
            self._found()

    def _found(self) -> None:
        self._camping = self.function == 1
        self.tell_registration()
        self.later(self.network.flush)

    def set_function(self, function: int) -> None:
        """AT+CFUN: 1 is full, 0 and 4 are without radio. Setting what is set already disturbs nothing."""
        if function == self.function:
            return
        self.function = function
        self._camping = False
        if function == 1 and self.sim and self.sim.lock is Lock.READY:
            self.find_network()
        else:
            self.tell_registration()

    @property
    def registration(self) -> int:
        """3GPP TS 27.007 7.2 <stat> now."""
        usable = self.sim is not None and self.sim.lock is Lock.READY
        if self.function != 1 or not usable or self.settings.cops_mode == 2:
            return 0
        return self.network.registration if self._camping else 2

    @property
    def registered(self) -> bool:
        return self.registration in REGISTERED

    # Station: what the network does ------------------------------------------------------------------------------

    def registration_changed(self) -> None:
        self.tell_registration()

    def tell_registration(self) -> None:
        """The +CREG family's notices, where they are switched on and something changed."""
        now = (self.registration, self.network.cell)
        if now == self._told_registration:
            return
        self._told_registration = now
        for name, mode in self.settings.registration_mode.items():
            if mode:
                self.tell(f"{name}: {registration_fields(self, name, mode)}")

    def signal_changed(self) -> None:
        if self.settings.curc:
            fields = notice_fields(self)
            self.tell(*(n.format(**fields) for n in (self.model.signal_notice, self.model.mode_notice) if n))

    def incoming_call(self, number: str) -> None:
        if self.registered:
            self.calls.incoming(number)

    def call_ended(self) -> None:
        self.calls.end(by_network=True)

    def offer(self, pdu: bytes) -> Taken:
        """A DELIVER or STATUS-REPORT from the service centre (3GPP TS 27.005 3.4.1, tables of <mt> and <ds>)."""
        if not self.registered or self._unacknowledged:
            return Taken.NO
        _, mt, _, ds, _ = self.settings.cnmi
        if tpdu.is_report(pdu):
            if ds == 0:
                return Taken.YES  # nobody wants it: the mobile acknowledges and forgets
            return self._direct("+CDS: ", pdu) if ds == 1 else self._store(pdu, "+CDSI")
        grade = tpdu.message_class(pdu)
        if (mt == 2 and grade != 2) or (mt == 3 and grade == 3):
            return self._direct("+CMT: ,", pdu)
        return self._store(pdu, "+CMTI" if mt else "")

    def _direct(self, head: str, pdu: bytes) -> Taken:
        self.notify(f"{head}{len(pdu) - 1 - pdu[0]}\r\n{pdu.hex().upper()}")
        if not self.settings.csms:
            return Taken.YES
        self._unacknowledged = self.call_later(self.ack_timeout, self._ack_missing)
        return Taken.WAITING

    def _store(self, pdu: bytes, notice: str) -> Taken:
        memory = self.settings.memories[2]
        slots = self.storage(memory)
        index = slots.add(pdu, Status.UNREAD)
        if index is None:
            if not self._told_full and self.model.full_notice:
                self.tell(self.model.full_notice.format(storage=memory))
            self._told_full = True
            return Taken.NO
        self._told_full = False
        if notice and not self.faults.loses_notice():
            self.notify(f'{notice}: "{memory}",{index}')
        return Taken.YES

    def acknowledge(self, good: bool) -> None:
        """AT+CNMA. AtError where nothing waits for it."""
        if not self._unacknowledged:
            raise AtError("CMS", 340)
        self.drop_timer(self._unacknowledged)
        self._unacknowledged = None
        if good:
            self.network.acknowledged()
            self.later(self.network.flush)

    def _ack_missing(self) -> None:
        """27.005 3.4.4: direct routing is switched off, and the service centre will try again."""
        self._unacknowledged = None
        mode, _, bm, _, bfr = self.settings.cnmi
        self.settings.cnmi = (mode, 0, bm, 0, bfr)
        self.network.on_change()

    # Unsolicited lines -------------------------------------------------------------------------------------------

    def notify(self, line: str) -> None:
        """A message indication, under the <mode> of AT+CNMI: 0 keeps it in the modem."""
        if self.settings.cnmi[0] == 0:
            self._buffered.append(b"\r\n" + line.encode() + b"\r\n")
        else:
            self.tell(line)

    def flush_indications(self) -> None:
        """After AT+CNMI with a <mode> other than 0."""
        buffered, self._buffered = self._buffered, []
        for text in buffered if self.settings.cnmi[0] else ():
            self._tell_bytes(text)
        if not self.settings.cnmi[0]:
            self._buffered = buffered

    def tell(self, *lines: str) -> None:
        for line in lines:
            self._tell_bytes(b"\r\n" + line.encode("latin-1", "replace") + b"\r\n")

    def _tell_bytes(self, text: bytes) -> None:
        if not self.faults.mute:
            for port in self.ports:
                if port.kind is PortKind.AT:
                    port.tell(text)

    # Time --------------------------------------------------------------------------------------------------------

    def later(self, action: Callable[[], None]) -> None:
        """Do it once the answer to the command that runs is out: answers are written before the loop turns."""
        asyncio.get_running_loop().call_soon(action)

    def call_later(self, delay: float, action: Callable[[], None]) -> asyncio.TimerHandle:
        def run() -> None:
            self._timers.discard(handle)
            action()

        handle = asyncio.get_running_loop().call_later(delay, run)
        self._timers.add(handle)
        return handle

    def drop_timer(self, handle: asyncio.TimerHandle) -> None:
        handle.cancel()
        self._timers.discard(handle)

    def cancel_timers(self) -> None:
        for handle in self._timers:
            handle.cancel()
        self._timers.clear()
        self._unacknowledged = None
