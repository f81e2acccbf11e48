"""A dongle that Asterisk drives (chan_dongle, chan_quectel): what the serial driver does, asked for over AMI.

The driver finds the port, brings the modem up and heals it. We read the SIM (`ami_dongle_messages`), send
(`ami_dongle_send`), and show what the driver knows. It is looked at when the driver says that something changed and
once a minute; while Asterisk is away nothing but the state changes, and the messages wait on the SIM.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from homeline.config import Dongle
from homeline.errors import (
    ActionRefused,
    ConnectionLost,
    DecodeError,
    NoData,
    NotSupported,
    ProtocolError,
    StoreError,
    TimedOut,
)
from homeline.model import DongleState, DongleStatus, Reason, Registration, Storage
from homeline.protocol import dongle_events
from homeline.protocol.commands_sms import Stored
from homeline.protocol.dongle_events import DIALECTS, Device, Phase
from homeline.protocol.ussd import Reply
from homeline.service.ami_dongle_link import ACTION_DEADLINE, Link, NotLoadedError, explain
from homeline.service.ami_dongle_messages import SMALLEST_SIM, Card, SimMessages
from homeline.service.ami_dongle_send import Submitter
from homeline.service.ami_dongle_ussd import AmiUssd
from homeline.service.host import Host, Timing
from homeline.service.troubles import Say

if TYPE_CHECKING:
    from homeline.adapters.ami import Ami

log = logging.getLogger(__name__)

PATIENCE = 60.0  # s that the driver may take to set a modem up before something is wrong with it
TRYING = 40.0  # s between two attempts of the driver's, at most: what is longer ago was another modem's
_STUCK = (
    "the driver cannot set the modem up: no SIM, or one that wants a PIN, which this driver cannot enter; "
    "Asterisk's log says which step fails"
)
_UP = (DongleState.SEARCHING, DongleState.DENIED, DongleState.READY)
_FACTS = ("manufacturer", "model", "firmware", "imei", "imsi", "operator", "registration", "technology", "signal_dbm")


@dataclass(frozen=True, slots=True)
class Attached:
    """What works while `run` does."""

    link: Link
    messages: SimMessages
    submitter: Submitter
    ussd: AmiUssd

    def close(self) -> None:
        for part in (self.link, self.submitter, self.ussd):
            part.close()


class AmiDongle:
    """One configured dongle. `run` is its life; the other methods may be called at any time."""

    def __init__(
        self,
        config: Dongle,
        host: Host,
        ami: Ami | None,
        *,
        clock: Callable[[], int] = lambda: int(time.time()),
        timing: Timing | None = None,
        say: Say = lambda key, text, advice: None,
    ) -> None:
        """`ami` is None while Homeline has nothing to do with Asterisk. `say` is told what this driver cannot do."""
        self.status = DongleStatus(config.name, config.driver, number=config.number, since=clock())
        self._config, self._name, self._host, self._clock = config, config.name, host, clock
        self._timing, self._say, self._ami = timing or Timing(), say, ami
        self._dialect = DIALECTS[config.driver]
        self._wake = asyncio.Event()
        self._attached: Attached | None = None
        self._shown: DongleStatus | None = None
        self._was_there = False
        self._set_up_since: float | None = None  # monotonic seconds: since when the driver tries to
        self._tried_at = 0.0  # and when it was last seen trying

    # What the service calls --------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep it working until cancelled."""
        if not self._config.enabled:
            self._set(DongleState.DISABLED, Reason.NONE)
            return
        with self._limits_told():
            if self._ami is None:
                self._set(DongleState.BLOCKED, Reason.ASTERISK_DOWN, "sip.enabled is off")
                await asyncio.Event().wait()
            else:
                await self._live(self._attach(self._ami))

    def ports_changed(self) -> None:
        """Ports came or went: the driver finds out by itself."""

    def nudge(self) -> None:
        """Read all messages now, also those that were handed on before."""
        if self._attached is not None:
            self._attached.messages.forget()
            self._wake.set()

    def refuse(self, number: str, text: str, flash: bool) -> None:
        """Raises NotSupported or EncodeError for what this driver cannot send."""
        if flash:
            raise NotSupported(f"{self._name}: Asterisk's driver cannot send flash messages")
        if not number.removeprefix("+").isdecimal():
            raise NotSupported(f"{self._name}: Asterisk's driver sends only to numbers of digits")
        dongle_events.text(text)

    async def submit_text(self, number: str, text: str, parts: int, report: bool) -> None:
        """Hand a whole text, of about so many parts, to the network. Raises as `Submitter.submit` does."""
        await self._ready().submitter.submit(number, text, parts, report)

    async def ussd(self, code: str) -> Reply:
        """Send a code, or an answer to an open menu, and wait for the network. Raises HomelineError."""
        return await self._ready().ussd.ask(code)

    async def ussd_cancel(self) -> None:
        """End an open USSD session. Raises HomelineError."""
        await self._ready().ussd.cancel()

    async def reset(self) -> None:
        """Restart the modem; where the driver has none at work, have it look for one. Raises HomelineError."""
        if self._ami is None or not self._ami.connected:
            raise self._not_ready()
        try:
            await self._ami.call(self._dialect.action("Reset"), ACTION_DEADLINE, Device=self._name)
        except ActionRefused:
            await self._ami.call(self._dialect.action("Restart"), ACTION_DEADLINE, Device=self._name, When="now")
        self._wake.set()

    async def enter_pin(self, pin: str) -> None:
        """Raises NotSupported: the driver has no way to enter one."""
        raise NotSupported(f"{self._name}: Asterisk's driver cannot enter a PIN: switch it off in a phone")

    def _ready(self) -> Attached:
        if self._attached is None or self.status.state is not DongleState.READY:
            raise self._not_ready()
        return self._attached

    def _not_ready(self) -> NoData:
        why = f" ({self.status.detail})" if self.status.detail else ""
        return NoData(f"{self._name} is {self.status.state.value}{why}")

    @contextlib.contextmanager
    def _limits_told(self) -> Iterator[None]:
        """What this driver cannot do for what is configured, shown as long as it is so."""
        told = {f"dongle {self._name}.{option}": words for option, words in _limits(self._config)}
        for key, (text, advice) in told.items():
            self._say(key, text, advice)
        try:
            yield
        finally:
            for key in told:
                self._say(key, "", "")

    # Its life ----------------------------------------------------------------------------------------------------

    def _attach(self, ami: Ami) -> Attached:
        link = Link(self._name, self._dialect, ami, self._told, self._wake.set)
        messages = SimMessages(self._name, self._config.storage, link, self._host, self._timing)
        return Attached(link, messages, Submitter(link), AmiUssd(link, self._host, self._timing))

    async def _live(self, attached: Attached) -> None:
        self._attached = attached
        loop = asyncio.get_running_loop()
        try:
            while True:
                self._wake.clear()
                await self._look(attached)
                pause = min(self._timing.monitor, max(0.0, attached.messages.due - loop.time()))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause if self.status.state in _UP else self._timing.monitor):
                        await self._wake.wait()
        finally:
            self._attached = None
            attached.close()

    def _told(self, stored: Stored) -> None:
        if self._attached is not None:
            self._attached.messages.told(stored)
            self._wake.set()

    async def _look(self, attached: Attached) -> None:
        """Show what the driver knows, and receive what waits."""
        try:
            device = await attached.link.device()
        except NotLoadedError as error:
            self._set(DongleState.BLOCKED, Reason.NOT_LOADED, str(error))
        except ActionRefused as error:
            self._set(DongleState.BLOCKED, Reason.DRIVER_MISSING, explain(error, self._dialect))
        except (TimedOut, ConnectionLost, DecodeError) as error:
            self._set(DongleState.BLOCKED, Reason.ASTERISK_DOWN, str(error))
        else:
            begun = False
            if device.phase is Phase.UP:
                attached.ussd.know(device)
                begun = await self._receiving(attached.messages, self._begin(attached.messages, device))
            self._show(device)  # not before: who sees that it is ready may send it a message
            if begun:
                await self._receiving(attached.messages, attached.messages.work())

    async def _begin(self, messages: SimMessages, device: Device) -> None:
        """Know whose messages these are: the serial driver would store them under the card's ICCID."""
        status = self.status
        if device.imsi != status.imsi or not status.iccid:
            status.iccid = await self._host.iccid_of(device.imsi) if device.imsi else ""
        names = tuple(filter(None, (status.iccid, device.imsi))) or (f"imei:{device.imei}",)
        await messages.begin(Card(names[0], names))

    async def _receiving(self, messages: SimMessages, work: Awaitable[None]) -> bool:
        """Whether it went well; else all of it is tried again after a while."""
        try:
            await work
            return True
        except StoreError as error:
            log.warning("%s: messages stay on the SIM, the store cannot take them: %s", self._name, error)
            messages.rest(self._timing.store_retry)
        except (TimedOut, ConnectionLost, NoData, ActionRefused, ProtocolError) as error:
            log.warning("%s: messages could not be read: %s", self._name, error)
            messages.rest(self._timing.read_retry)
        return False

    # What is shown -----------------------------------------------------------------------------------------------

    def _show(self, device: Device) -> None:
        status = self.status
        for name in _FACTS:
            setattr(status, name, getattr(device, name))
        status.port, status.voice = device.port, device.voice
        status.number = self._config.number or device.number
        key = f"dongle {self._name}.driver_options"
        self._say(
            key,
            "autodeletesms is on: the driver deletes messages that nobody has." if device.deletes else "",
            "Take autodeletesms out of dongle.conf, and reload chan_dongle." if device.deletes else "",
        )
        now = time.monotonic()
        if device.phase is Phase.STARTING:
            self._tried_at = now
            self._set_up_since = now if self._set_up_since is None else self._set_up_since
        elif device.phase is Phase.UP or now - self._tried_at > TRYING:
            self._set_up_since = None
        self._was_there = self._was_there or device.phase is Phase.UP
        self._set(*self._state(device, now))

    def _state(self, device: Device, now: float) -> tuple[DongleState, Reason, str]:
        if self._set_up_since is not None and now - self._set_up_since > PATIENCE:
            return DongleState.FAILED, Reason.STEP_FAILED, _STUCK
        match device.phase:
            case Phase.STOPPED:
                return DongleState.BLOCKED, Reason.NOT_LOADED, "it was stopped at Asterisk's console"
            case Phase.ABSENT:
                reason = Reason.UNPLUGGED if self._was_there else Reason.NO_PORT
                return DongleState.ABSENT, reason, "the driver has no port of it"
            case Phase.STARTING:
                return DongleState.STARTING, Reason.NONE, ""
        if device.registered:
            return DongleState.READY, Reason.NONE, ""
        if device.registration is Registration.DENIED:
            return DongleState.DENIED, Reason.REGISTRATION_DENIED, ""
        return DongleState.SEARCHING, Reason.NO_NETWORK, ""

    def _set(self, state: DongleState, reason: Reason, detail: str = "") -> None:
        status = self.status
        if status.state is not state or status.reason is not reason:
            words = " ".join(filter(None, (state.value, reason.value, detail and f"({detail})")))
            log.info("%s: %s", self._name, words)
        if status.state is not state:
            status.since = self._clock()
        status.state, status.reason, status.detail = state, reason, detail
        if status != self._shown:
            self._shown = replace(status)
            self._host.changed(status)


def _limits(config: Dongle) -> list[tuple[str, tuple[str, str]]]:
    """Options that this driver cannot do, and what to do about it."""
    found = []
    if config.pin:
        words = (
            "Asterisk's driver cannot enter the SIM's PIN.",
            "Switch the PIN off in a phone, and remove this option.",
        )
        found.append(("pin", words))
    if config.storage is Storage.WHEN_FULL:
        words = (
            "How full the SIM is cannot be known with Asterisk's driver.",
            f"The SIM is taken to have {SMALLEST_SIM} places. Set storage to delete if old messages may go at once.",
        )
        found.append(("storage", words))
    elif config.storage is Storage.KEEP:
        words = (
            "How full the SIM is cannot be known with Asterisk's driver.",
            "A full SIM takes no more messages: empty it in time, or set storage to delete.",
        )
        found.append(("storage", words))
    return found
