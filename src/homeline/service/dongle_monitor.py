"""Watching a modem that is set up: what it says unasked, and a look from time to time at what it may not say.

A look asks for signal, use of the memories, registration, SIM and settings: five to seven commands a minute. So a lost
indication, a swapped SIM and a modem that started again in silence are noticed, and a mute one as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from homeline.adapters.serial import AtPort
from homeline.core import bringup
from homeline.core.bringup import Modem, Step
from homeline.core.recovery import Failure
from homeline.errors import HomelineError, ModemError
from homeline.model import Reason, Registration
from homeline.protocol import at, commands, commands_sms, notices
from homeline.protocol.commands_network import Registered
from homeline.protocol.notices import (
    DirectMessage,
    NewMessage,
    Notice,
    Restart,
    SignalNotice,
    SimState,
    SmsReady,
    StatusReportNotice,
    StorageFull,
    Technology,
    Ussd,
)
from homeline.service.dongle_messages import Messages
from homeline.service.dongle_steps import DongleError, StartOverError, take_step
from homeline.service.dongle_ussd import UssdDialogue
from homeline.service.host import Host, Timing

log = logging.getLogger(__name__)

REGISTERED = (Registration.HOME, Registration.ROAMING)
SIM_USABLE = ("READY", "INSERTED", "UNKNOWN")

_SIGNAL = Step("signal", bringup.ask_signal)
_REGISTRATION = Step("registration", bringup.ask_registration)
_OPERATOR = Step("operator", bringup.ask_operator)


class Monitor:
    """Watches one modem while one port is open."""

    def __init__(
        self,
        name: str,
        port: AtPort,
        modem: Modem,
        messages: Messages,
        dialogue: UssdDialogue,
        host: Host,
        timing: Timing,
        changed: Callable[[], None],
        fail: Callable[[HomelineError], None],
    ) -> None:
        """`changed` is called when `modem` has news, `fail` when the use of the port must end."""
        self._name, self._port, self._modem, self._messages, self._dialogue = name, port, modem, messages, dialogue
        self._host, self._timing, self._changed, self._fail = host, timing, changed, fail
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._wanted = False  # a look, now
        self.sim_news = asyncio.Event()  # the SIM may have changed: who waits for that while it is locked asks again
        self._looks = 0
        self._unregistered_since: float | None = None

    def look_soon(self) -> None:
        """Ask the modem now for what it may not have said."""
        self._wanted = True
        self._wake.set()

    # What comes unasked ------------------------------------------------------------------------------------------

    def heard(self, line: at.Unsolicited) -> None:
        """A line came that answers nothing."""
        if line.garbage:
            log.debug("%s: an endless line was thrown away", self._name)
            return
        notice = notices.unsolicited(line.line, line.pdu)
        if isinstance(notice, NewMessage | StatusReportNotice):
            self._messages.told(notice)
        elif isinstance(notice, DirectMessage):
            self._messages.shown(notice.pdu, report=False)
        elif isinstance(notice, Ussd):
            self._dialogue.heard(notice.line)
        elif isinstance(notice, StorageFull | SmsReady):
            self._messages.drain_soon()
        elif not self._learnt(notice) and not self._upset(notice):
            self._host.notice(self._name, notice)

    def _learnt(self, notice: Notice) -> bool:
        """Facts about the radio."""
        modem = self._modem
        if isinstance(notice, Registered):
            modem.domains[notice.domain] = notice
            modem.technology = notice.technology or modem.technology
            self._wake.set()  # how long there is no network counts from here
        elif isinstance(notice, SignalNotice):
            modem.signal_dbm = notice.dbm
        elif isinstance(notice, Technology):
            modem.technology = notice.name
        else:
            return False
        self._changed()
        return True

    def _upset(self, notice: Notice) -> bool:
        """What may mean that the modem must be set up again."""
        if isinstance(notice, SimState):
            self.sim_news.set()
            if notice.state in SIM_USABLE:
                self.look_soon()  # perhaps another SIM than before
            else:
                self._fail(StartOverError(f"the SIM is {notice.state.lower()}"))
        elif isinstance(notice, Restart):
            if notice.certain:
                self._fail(StartOverError("the modem started again by itself"))
            else:
                self.look_soon()
        else:
            return False
        return True

    # What must be asked for --------------------------------------------------------------------------------------

    async def work(self) -> None:
        """Learn the details, then watch for ever. Raises Mute, ConnectionLost, StartOverError, DongleError."""
        for step in bringup.DETAILS:
            await take_step(self._port, self._modem, step)
        self._changed()
        look_at = self._loop.time() + self._timing.monitor
        while True:
            await self._sleep(look_at)
            if self._wanted or self._loop.time() >= look_at:
                await self._look()
                look_at = self._loop.time() + self._interval()

    def _interval(self) -> float:
        registered = self._modem.registration in REGISTERED
        return self._timing.monitor if registered else min(self._timing.monitor, self._timing.search_poll)

    async def _sleep(self, until: float) -> None:
        """Until then, or until something happens. Raises DongleError when there is no network for too long."""
        if not self._wanted:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(min(until, self._patience())):
                    await self._wake.wait()
        self._wake.clear()
        if self._loop.time() >= self._patience():
            raise DongleError(Failure.NETWORK, "no network for too long")

    def _patience(self) -> float:
        """When the lack of a network ends our patience: loop time, for ever while there is one."""
        if self._modem.registration in REGISTERED:
            self._unregistered_since = None
            return float("inf")
        if self._unregistered_since is None:
            self._unregistered_since = self._loop.time()
        denied = self._modem.registration is Registration.DENIED
        return self._unregistered_since + (self._timing.denied if denied else self._timing.search)

    async def _look(self) -> None:
        self._wanted = False
        self._looks += 1
        steps = [_SIGNAL, _REGISTRATION, Step("memories", self._memories)]
        if self._looks % self._timing.operator == 0 or not self._modem.operator:
            steps.append(_OPERATOR)
        steps += [Step("SIM", self._same_sim), Step("settings", self._same_settings)]
        for step in steps:
            await take_step(self._port, self._modem, step)
        self._changed()

    def _memories(self, modem: Modem) -> bringup.Script:
        """A memory that holds another number of messages than we know of has news that nobody told.

        While messages are being read their number is left alone: each of them is counted when it is read.
        """
        rows = yield commands_sms.memory_use()
        for row in rows if self._messages.idle else ():
            known = modem.use.get(row.name)
            if known is not None and row.used != known.used:
                log.info("%s: %s holds %d messages, not %d: looking", self._name, row.name, row.used, known.used)
                self._messages.drain_soon()
            if known is not None:
                modem.use[row.name] = row

    def _same_sim(self, modem: Modem) -> bringup.Script:
        try:
            imsi = yield commands.imsi()
        except ModemError as error:
            if bringup.sim_trouble(error) is not Reason.NONE:
                raise StartOverError(str(error)) from error
            return
        if modem.imsi and imsi != modem.imsi:
            raise StartOverError("another SIM is in the modem")

    def _same_settings(self, modem: Modem) -> bringup.Script:
        """A modem that started again without a word has forgotten AT+CNMI."""
        values = yield commands_sms.indications()
        if modem.indications and values[:2] != modem.indications[:2]:
            raise StartOverError("the modem has lost its settings")
