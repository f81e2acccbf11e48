"""The service as the drivers see it (`service.host.Host`): what they received is stored, what they are is told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from homeline.adapters.store import Store
from homeline.errors import StoreError
from homeline.model import Disposition, DongleState, DongleStatus, MessageState, ReceivedPart
from homeline.protocol.notices import Caller, CallProgress, Notice, Ring
from homeline.protocol.pdu import StatusReport
from homeline.protocol.ussd import Reply
from homeline.service import shapes
from homeline.service.alerts import Alerts
from homeline.service.context import Context
from homeline.service.inbox import Inbox
from homeline.service.outbox import Outbox, alert_key
from homeline.service.signal import SignalHistory
from homeline.service.sim_watch import SimWatch
from homeline.service.status import ADVICE
from homeline.service.unbroken import unbroken
from homeline.service.ussd import Ussd

if TYPE_CHECKING:
    from homeline.service.ringing import RingingDongles

log = logging.getLogger(__name__)

GRACE = 120.0  # seconds that a dongle may be away before its owner is told
NEARLY_FULL = 0.9  # of the SIM's storage

Spawn = Callable[[Coroutine[Any, Any, None]], None]


@dataclass(slots=True)
class DriverHost:
    """Implements `Host`. `spawn` runs a coroutine in the background until the service stops."""

    context: Context
    alerts: Alerts
    inbox: Inbox
    outbox: Outbox
    ussd_service: Ussd
    spawn: Spawn
    ringing: Callable[[], RingingDongles]  # loaded when a dongle first rings
    signals: dict[str, SignalHistory] = field(default_factory=dict)
    sims: SimWatch = field(init=False)
    _last: dict[str, DongleStatus] = field(default_factory=dict)
    _overdue: dict[str, asyncio.TimerHandle] = field(default_factory=dict)
    _last_full: dict[str, bool] = field(default_factory=dict)
    _cards: dict[str, str] = field(default_factory=dict)  # ICCIDs by IMSI
    _rang: set[str] = field(default_factory=set)  # dongles

    def __post_init__(self) -> None:
        self.sims = SimWatch(self.context, self.alerts, self.spawn)

    # -- messages -----------------------------------------------------------------------------------------------------

    async def received(self, parts: Sequence[ReceivedPart], archived: bool) -> Sequence[Disposition]:
        dispositions = await self.inbox.received(parts, archived)
        if archived and parts:
            await self.alerts.raise_(
                f"archived.{parts[0].sim}",
                f"Old messages were found on the SIM in {parts[0].dongle} and kept as an archive.",
                "They are neither forwarded nor deleted: ubus call homeline release_archived "
                f'\'{{"dongle": "{parts[0].dongle}"}}\' takes them into the inbox.',
                severity="info",
                dongle=parts[0].dongle,
            )
        return dispositions

    async def reported(self, report: StatusReport, dongle: str, sim: str, raw: str) -> None:
        await unbroken(self._reported(report, dongle, sim))

    async def _reported(self, report: StatusReport, dongle: str, sim: str) -> None:
        context = self.context
        now = context.clock()
        at = report.discharge.at if report.discharge else now
        joined = await context.database(
            Store.apply_report,
            *(sim, report.recipient.text, report.reference, report.outcome, at, now, context.plan),
            submitted=report.timestamp.at if report.timestamp else None,
        )
        if joined is None:
            log.info("%s: a status report for no message of ours", dongle)
            return
        message, event = joined
        if event is None:
            return  # nothing is settled by it, or all was before
        if message.state is MessageState.DELIVERED:
            context.emit("homeline.message.delivered", shapes.message(message))
            self.spawn(self.alerts.clear(alert_key(message.id)))  # of one whose answer was lost
        else:
            context.emit("homeline.message.failed", shapes.message(message))
        context.wake()

    def ussd(self, dongle: str, reply: Reply) -> None:
        self.spawn(self.ussd_service.unasked(dongle, reply))

    def notice(self, dongle: str, notice: Notice) -> None:
        log.debug("%s: %s", dongle, type(notice).__name__)
        if isinstance(notice, Ring | Caller | CallProgress):
            self.ringing().heard(dongle, notice)
            self._rang.add(dongle)

    # -- SIMs and PINs ------------------------------------------------------------------------------------------------

    async def known_sim(self, sim: str) -> bool:
        return await self.context.database(Store.known_sim, sim)

    async def remember_sim(self, sim: str, dongle: str) -> None:
        await self.context.database(Store.remember_sim, sim, dongle, self.context.clock())

    async def iccid_of(self, imsi: str) -> str:
        return await self.context.database(Store.setting, f"iccid.{imsi}") or ""

    async def _remember_card(self, imsi: str, iccid: str) -> None:
        """Whichever driver has the card later stores its messages under the same name, so that none is doubled."""
        with suppress(StoreError):  # told again at the next change
            if await self.iccid_of(imsi) != iccid:
                await self.context.database(Store.set_setting, f"iccid.{imsi}", iccid)
            self._cards[imsi] = iccid

    async def pin_was_refused(self, imei: str, digest: str) -> bool:
        return await self.context.database(Store.setting, f"pin_refused.{imei}.{digest}") is not None

    async def pin_refused(self, imei: str, digest: str) -> None:
        await self.context.database(Store.set_setting, f"pin_refused.{imei}.{digest}", "")

    # -- states -------------------------------------------------------------------------------------------------------

    def changed(self, status: DongleStatus) -> None:
        name = status.name
        if status.signal_dbm is not None:
            self.signals.setdefault(name, SignalHistory()).add(self.context.clock(), status.signal_dbm)
        if status.iccid and status.imsi and self._cards.get(status.imsi) != status.iccid:
            self.spawn(self._remember_card(status.imsi, status.iccid))
        last, self._last[name] = self._last.get(name), replace(status)
        self._watch_storage(status)
        self.sims.changed(last, status)
        if last is not None and _same(last, status):
            return
        self.context.emit("homeline.dongle.changed", shapes.dongle(status))
        if last is None or last.state is not status.state or last.reason is not status.reason:
            self._watch_state(status)
        if status.state is DongleState.READY:
            self.outbox.nudge(name)

    def _watch_state(self, status: DongleStatus) -> None:
        """An alert when a dongle is out of order for longer than `GRACE`; it is cleared as soon as it works again."""
        name = status.name
        if status.state in (DongleState.READY, DongleState.DISABLED):
            if (timer := self._overdue.pop(name, None)) is not None:
                timer.cancel()
            self.spawn(self.alerts.clear(f"dongle.{name}"))  # it may be open since the last run
        elif name not in self._overdue:
            self._overdue[name] = asyncio.get_running_loop().call_later(GRACE, self._out_of_order, name)

    def _out_of_order(self, name: str) -> None:
        status = self._last[name]
        words = status.reason.value.replace("_", " ") or status.state.value
        detail = f" ({status.detail})" if status.detail else ""
        self.spawn(
            self.alerts.raise_(
                f"dongle.{name}",
                f"The dongle {name} does not work: {words}{detail}.",
                ADVICE.get(status.reason, ""),
                severity="critical",
                dongle=name,
            )
        )

    def _watch_storage(self, status: DongleStatus) -> None:
        used, size = status.storage_used, status.storage_size
        if used is None or not size:
            return
        last = self._last_full.get(status.name)  # None at first: an alert may be open since the last run
        full = used >= size * NEARLY_FULL
        if full is not last:
            self._last_full[status.name] = full
            key = f"storage.{status.name}"
            if full:
                self.spawn(
                    self.alerts.raise_(
                        key,
                        f"The SIM's storage in {status.name} is nearly full: {used} of {size}.",
                        "When it is full the network cannot deliver. Set the dongle's storage to 'delete', or release "
                        "or delete its archived messages.",
                        dongle=status.name,
                    )
                )
            else:
                self.spawn(self.alerts.clear(key))

    def forget(self, name: str) -> None:
        """The dongle left the configuration, or begins anew with other settings."""
        if (timer := self._overdue.pop(name, None)) is not None:
            timer.cancel()
            self.spawn(self.alerts.clear(f"dongle.{name}"))
        self.sims.forget(name)
        if self._last_full.pop(name, False):
            self.spawn(self.alerts.clear(f"storage.{name}"))
        last = self._last.pop(name, None)
        if last is not None:
            gone = DongleStatus(name, last.driver, DongleState.DISABLED, since=self.context.clock())
            self.context.emit("homeline.dongle.changed", shapes.dongle(gone))
        self.signals.pop(name, None)
        if name in self._rang:
            self._rang.discard(name)
            self.ringing().forget(name)


def _same(one: DongleStatus, other: DongleStatus) -> bool:
    """Equal but for what changes all the time: levels, and the step of a bring-up."""
    return _steady(one) == _steady(other)


def _steady(status: DongleStatus) -> DongleStatus:
    return replace(status, signal_dbm=None, storage_used=None, detail="")
