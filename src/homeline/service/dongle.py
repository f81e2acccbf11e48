"""The serial driver: one dongle whose AT port is ours, from finding its port to healing it.

    look for the port -> open it -> bring the modem up -> serve -> (failure) -> a rung of the recovery ladder -> …

Each state of `DongleStatus` has an end: absent and blocked look again after a pause or when ports change, every command
and step has a deadline, a locked SIM is asked again, the search for a network ends in the ladder, and every rung of
that ends in the next one or in a pause.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from homeline.adapters import serial
from homeline.adapters.serial import Mute
from homeline.adapters.store_outbox import UNTOLD
from homeline.adapters.usb import Candidate
from homeline.config import Dongle
from homeline.core import bringup
from homeline.core.bringup import PASSING, Modem, SimError
from homeline.core.recovery import PAUSES, REASON, Action, Failure, Ladder, Rung
from homeline.errors import (
    ConnectionLost,
    DecodeError,
    InvalidArgument,
    NoData,
    PortError,
    StoreError,
    SubmitUnknown,
    TimedOut,
)
from homeline.model import DongleState, DongleStatus, Reason, Registration
from homeline.paths import Paths
from homeline.protocol import commands, commands_sms
from homeline.protocol.ussd import Reply
from homeline.service import dongle_remedies
from homeline.service.dongle_messages import Direct
from homeline.service.dongle_monitor import REGISTERED
from homeline.service.dongle_ports import Finder, Link, PortBook
from homeline.service.dongle_session import Session
from homeline.service.dongle_steps import DongleError, StartOverError, failure_of
from homeline.service.host import Host, Timing

log = logging.getLogger(__name__)

NO_REFERENCE = UNTOLD  # what `submit` gives when the network took a message and the modem told no reference
MANY_STARTS = 5  # a modem that must be set up so often in `stable` seconds has more than lost its settings

_FACTS = (
    *("manufacturer", "model", "firmware", "imei", "iccid", "imsi", "operator"),
    *("registration", "technology", "signal_dbm", "voice"),
)
_UP = (DongleState.SEARCHING, DongleState.DENIED, DongleState.READY)
_ABSENT = (Reason.NO_PORT, Reason.UNPLUGGED, Reason.NOT_CONFIGURED)
_BLOCKED = (Reason.PORT_OWNED, Reason.NO_PERMISSION, Reason.OPEN_TIMEOUT)
_PASSING_TROUBLE = (Reason.SIM_BUSY, Reason.SIM_FAILURE)

T = TypeVar("T")


class SimNewsError(StartOverError):
    """The SIM may be usable now: not a failure of the modem."""


class SerialDongle:
    """One configured dongle. `run` is its life; the other methods may be called at any time."""

    def __init__(
        self,
        config: Dongle,
        host: Host,
        paths: Paths,
        *,
        clock: Callable[[], int] = lambda: int(time.time()),
        timing: Timing | None = None,
        book: PortBook | None = None,
        opener: serial.Opener = serial.open_device,
    ) -> None:
        """`book` is shared by the daemon's serial dongles. `clock` is for the status only: waits are monotonic."""
        self.status = DongleStatus(config.name, number=config.number, since=clock())
        self._config, self._name, self._host, self._clock = config, config.name, host, clock
        self._timing = timing or Timing()
        self._finder = Finder(config, paths, self._timing, book or PortBook(), opener)
        self._ladder = Ladder(self._timing.pauses or PAUSES, self._timing.stable)
        self._ports_changed = asyncio.Event()
        self._sim_trouble_since: float | None = None  # monotonic seconds
        self._session: Session | None = None
        self._shown: DongleStatus | None = None
        self._direct: deque[Direct] = deque()
        self._cards: dict[str, str] = {}
        self._refused: set[str] = set()  # digests of PINs that were refused since the start
        self._starts: deque[float] = deque(maxlen=MANY_STARTS)
        self._was_there = False
        self._pause = 0.0

    # What the service calls --------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the dongle working until cancelled."""
        if not self._config.enabled:
            self._set(DongleState.DISABLED, Reason.NONE)
            return
        while True:
            link = await self._acquire()
            try:
                await self._use(link)
            except Exception:  # a fault of ours must not end the line: it is told, and the dongle used again
                log.exception("%s: the driver failed", self._name)
                self._give_up_port(
                    Failure.STEP, "the driver failed", self._ladder.next(Failure.BLOCKED, time.monotonic())
                )
            finally:
                self._session = None
                await link.close()

    def ports_changed(self) -> None:
        """Ports came or went: whoever waits for one looks now."""
        self._ports_changed.set()

    def nudge(self) -> None:
        """Read all messages now, also those that were handed on before."""
        if self._session is not None:
            self._session.messages.forget()
            self._session.look_soon()

    async def submit(self, pdu_hex: str, tpdu_length: int) -> int:
        """Hand one PDU to the network; its message reference (TP-MR), or NO_REFERENCE.

        Raises ModemError (refused), SubmitUnknown (the answer was lost after the PDU went out), and other
        HomelineErrors when it surely was not sent.
        """
        session = self._registered()
        handed_over = False

        def on_payload() -> None:
            nonlocal handed_over
            handed_over = True

        command = commands_sms.send_pdu(pdu_hex, tpdu_length)
        try:
            reference = await self._on(session, session.port.run(command, on_payload=on_payload))
        except (TimedOut, ConnectionLost, DecodeError) as error:
            if handed_over:
                raise SubmitUnknown(f"{self._name}: {error}") from error
            raise
        return NO_REFERENCE if reference is None else reference

    async def ussd(self, code: str) -> Reply:
        """Send a code, or an answer to an open menu, and wait for the network. Raises HomelineError."""
        session = self._registered()
        return await self._on(session, session.ussd.ask(code))

    async def ussd_cancel(self) -> None:
        """End an open USSD session. Raises HomelineError."""
        session = self._registered()
        await self._on(session, session.ussd.cancel())

    async def ring(self, number: str, seconds: float) -> None:
        """Call a number, without sound, and end the call after so many seconds. Raises HomelineError."""
        from homeline.service import dongle_call  # hardly anybody has a schedule that calls

        session = self._registered()
        await self._on(session, dongle_call.ring(session.port, number, seconds))

    async def hang_up(self) -> None:
        """End a call that `ring` left behind, such as by a crash. Raises HomelineError."""
        from homeline.service import dongle_call

        session = self._registered()
        await self._on(session, dongle_call.end(session.port))

    async def reset(self) -> None:
        """Restart the modem; returns at once. Without one, look for it now."""
        if self._session is not None:
            self._session.fail(DongleError(Failure.ASKED, "a reset was asked for"))
        self._pause = 0.0
        self._ports_changed.set()

    async def enter_pin(self, pin: str) -> None:
        """Enter a PIN for the owner, who decides about the tries. Raises InvalidArgument when none is wanted."""
        session = self._session
        if session is None or self.status.state is not DongleState.LOCKED:
            raise InvalidArgument(f"{self._name}: the SIM does not ask for a PIN")
        try:
            await self._on(session, session.port.run(commands.enter_pin(pin), again=False))
        finally:
            session.sim_news()

    def _registered(self) -> Session:
        if self._session is None or self.status.state is not DongleState.READY:
            why = f" ({self.status.detail})" if self.status.detail else ""
            raise NoData(f"{self._name} is {self.status.state.value}{why}")
        return self._session

    async def _on(self, session: Session, call: Awaitable[T]) -> T:
        """The result of a call; a modem that is found mute on this occasion is healed."""
        try:
            return await call
        except Mute as error:
            session.fail(error)
            raise

    # The port ----------------------------------------------------------------------------------------------------

    async def _acquire(self) -> Link:
        """The open port, however long it takes."""
        poll = self._timing.poll_least
        await self._wait_for_ports(self._pause)
        self._pause = 0.0
        while True:
            try:
                link = await self._finder.open(self._opening)
            except PortError as error:
                pause = self._missing(error, poll)
                poll = min(poll * 1.5, self._timing.poll_most)
                await self._wait_for_ports(pause)
            else:
                self._was_there = True
                return link

    def _missing(self, error: PortError, poll: float) -> float:
        """Show why there is no port; seconds until the next look."""
        reason = Reason(error.reason)
        if reason in _ABSENT:
            gone = reason is Reason.NO_PORT and self._was_there
            self._forget_port()
            self._set(DongleState.ABSENT, Reason.UNPLUGGED if gone else reason, str(error))
            return poll
        mute = reason is Reason.NOT_A_MODEM and self._was_there
        state = DongleState.BLOCKED if reason in _BLOCKED else DongleState.FAILED
        self._set(state, Reason.MUTE if mute else reason, str(error))
        return self._ladder.next(Failure.BLOCKED, time.monotonic()).pause

    def _opening(self, candidate: Candidate) -> None:
        self.status.port, self.status.usb_path = str(candidate.port), candidate.usb_path
        if self.status.state not in (DongleState.FAILED, DongleState.BLOCKED):  # these show why until that is over
            self._set(DongleState.OPENING, Reason.NONE)

    def _forget_port(self) -> None:
        """What is not true any more without a port."""
        status = self.status
        status.port = status.usb_path = status.operator = status.technology = ""
        status.registration, status.signal_dbm = Registration.UNKNOWN, None

    async def _wait_for_ports(self, pause: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._ports_changed.wait()
        self._ports_changed.clear()

    # The modem ---------------------------------------------------------------------------------------------------

    async def _use(self, link: Link) -> None:
        """Work with an open port until it must be closed."""
        while True:
            try:
                await self._serve(link)
            except SimNewsError:
                continue
            except StartOverError as error:
                log.info("%s: %s", self._name, error)
                if not self._too_many_starts():
                    await asyncio.sleep(self._timing.settle)
                    continue
                failure, words = Failure.STEP, str(error)
            except (DongleError, Mute, ConnectionLost) as error:
                failure, words = failure_of(error), str(error)
            self._session = None
            if not await self._heal(link, failure, words):
                return

    def _too_many_starts(self) -> bool:
        now = time.monotonic()
        self._starts.append(now)
        return len(self._starts) == MANY_STARTS and now - self._starts[0] < self._timing.stable

    async def _serve(self, link: Link) -> None:
        """Bring up and serve. Raises StartOverError, DongleError, Mute, ConnectionLost."""
        session = Session(self._config, link, self._host, self._timing, self._direct, self._cards, self._refresh)
        self._session = session
        try:
            await self._set_up(session)
        except SimError as error:
            await self._locked(session, error)
        self._sim_trouble_since = None
        self._show_registration()
        await session.serve()

    async def _set_up(self, session: Session) -> None:
        """Bring up. Raises SimError and what `_serve` raises."""
        try:
            async with asyncio.timeout(self._timing.bring_up):
                await session.set_up(self._at_step, self._recall_pin)
        except TimeoutError:
            raise DongleError(Failure.STEP, f"bring-up did not end within {self._timing.bring_up:g} s") from None
        finally:
            await self._remember_pin(session.modem)  # at once: what ends the daemon must not cost another try

    def _at_step(self, name: str) -> None:
        if self.status.state is not DongleState.LOCKED:  # asked again from time to time: that shows only if it helped
            self._set(DongleState.STARTING, Reason.NONE, name)

    # The SIM -----------------------------------------------------------------------------------------------------

    async def _locked(self, session: Session, error: SimError) -> None:
        """Wait for the SIM to change. Raises StartOverError then, DongleError when it fails for too long."""
        self._copy_facts(session.modem)
        self._set(DongleState.LOCKED, error.reason, str(error))
        now = time.monotonic()
        shortly = error.reason in _PASSING_TROUBLE
        if not shortly:
            self._sim_trouble_since = None
        elif self._sim_trouble_since is None:
            self._sim_trouble_since = now
        elif now - self._sim_trouble_since > self._timing.sim_patience:
            self._sim_trouble_since = None
            raise DongleError(Failure.SIM, str(error))
        await session.sim_changes(self._timing.sim_busy if shortly else self._timing.sim_locked)
        raise SimNewsError

    async def _recall_pin(self) -> None:
        """Whether the configured PIN was refused before, also before a restart of the daemon."""
        assert self._session is not None
        modem = self._session.modem
        if not modem.pin:
            return
        digest = bringup.pin_digest(modem.iccid, modem.pin)
        with contextlib.suppress(StoreError):
            if await self._host.pin_was_refused(modem.imei, digest):
                self._refused.add(digest)
        modem.pin_refused = digest in self._refused

    async def _remember_pin(self, modem: Modem) -> None:
        """A PIN that was entered and not taken is never entered again."""
        digest = bringup.pin_digest(modem.iccid, self._config.pin)
        if modem.pin_refused and digest not in self._refused:
            self._refused.add(digest)
            try:
                await self._host.pin_refused(modem.imei, digest)
            except StoreError as error:
                log.warning("%s: that the PIN was refused is remembered until the next start: %s", self._name, error)

    # Healing -----------------------------------------------------------------------------------------------------

    async def _heal(self, link: Link, failure: Failure, words: str) -> bool:
        """Climb the recovery ladder; whether the open port can be used again."""
        while True:
            action = self._ladder.next(failure, time.monotonic())
            if action.rung is Rung.REOPEN:
                self._give_up_port(failure, words, action)
                return False
            self._set(DongleState.RECOVERING, REASON[failure], f"{words}; {dongle_remedies.WORDS[action.rung]}")
            try:
                if await dongle_remedies.apply(link.at, action.rung, failure, self._timing):
                    return True
                self._pause = self._timing.boot
                return False
            except ConnectionLost as error:
                failure, words = Failure.UNPLUGGED, str(error)
            except PASSING as error:
                log.debug("%s: no help: %s", self._name, error)

    def _give_up_port(self, failure: Failure, words: str, action: Action) -> None:
        self._pause = action.pause
        if failure is Failure.UNPLUGGED:
            self._forget_port()
            self._set(DongleState.ABSENT, Reason.UNPLUGGED, words)
        else:
            state = DongleState.FAILED if action.gave_up else DongleState.RECOVERING
            self._set(state, REASON[failure], f"{words}; tried again in {action.pause:g} s")

    # What is shown -----------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        """The modem has news."""
        if self._session is not None and self.status.state in _UP:
            self._show_registration()

    def _show_registration(self) -> None:
        assert self._session is not None
        modem = self._session.modem
        self._copy_facts(modem)
        if modem.registration in REGISTERED:
            self._ladder.works(time.monotonic())
            self._set(DongleState.READY, Reason.NONE)
        elif modem.registration is Registration.DENIED:
            self._set(DongleState.DENIED, Reason.REGISTRATION_DENIED)
        else:
            self._set(DongleState.SEARCHING, Reason.NO_NETWORK)

    def _copy_facts(self, modem: Modem) -> None:
        status = self.status
        for name in _FACTS:
            setattr(status, name, getattr(modem, name))
        status.number = self._config.number or modem.number
        status.pin_tries = modem.tries.pin
        use = modem.use.get(modem.memories[0]) if modem.memories else None
        status.storage_used, status.storage_size = (use.used, use.total) if use else (None, None)

    def _set(self, state: DongleState, reason: Reason, detail: str = "") -> None:
        status = self.status
        if status.state is not state or status.reason is not reason:
            words = " ".join(filter(None, (state.value, reason.value, detail and f"({detail})")))
            log.log(logging.DEBUG if state is DongleState.STARTING else logging.INFO, "%s: %s", self._name, words)
        if status.state is not state:
            status.since = self._clock()
        status.state, status.reason, status.detail = state, reason, detail
        if status != self._shown:
            self._shown = replace(status)
            self._host.changed(status)
