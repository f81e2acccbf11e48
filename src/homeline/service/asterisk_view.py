"""What Asterisk says of itself, kept fresh: trunks, phones, channels, modules, and what it has read of our files.

Asterisk is asked when an event hints that something is another way than before, never by what the event says
(`protocol.ami`), and every few minutes for what no event told. A flood of events costs one question a second.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from homeline.adapters.ami import Ami
from homeline.config import Config
from homeline.config_calls import Where
from homeline.errors import ActionRefused, HomelineError
from homeline.protocol import ami_state
from homeline.protocol.ami import Message
from homeline.protocol.ami_state import Channel, Contact, Endpoint, Registration
from homeline.service import asterisk_objects

SETTLE = 0.2  # s after the first hint, in which the others come
SPACING = 1.0  # s between two rounds of questions
SAFETY = 300.0  # s after which everything is asked for although nothing hinted at a change
SAFETY_IN_CALL = 60.0  # likewise while a channel is up
JITTER = 2  # s by which the start of Asterisk may seem to move
AGAIN = 5.0  # s after a question that got no answer

# What is asked for. An endpoint is `_ENDPOINT` and its name.
_MODULES, _REGISTRATIONS, _CHANNELS, _ENDPOINT = "modules", "registrations", "channels", "endpoint "

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrunkState:
    """A trunk of the configuration as Asterisk has it."""

    name: str
    state: str  # disabled, unknown, missing, registered, unregistered, rejected, …, reachable, unreachable
    registration: str = ""  # Asterisk's word for it; "" does not register
    calls: int = 0
    contacts: tuple[Contact, ...] = ()


@dataclass(frozen=True, slots=True)
class PhoneState:
    """A phone of the router as Asterisk has it."""

    name: str
    state: str  # disabled, unknown, missing, registered, unregistered, unreachable
    calls: int = 0
    contacts: tuple[Contact, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that is known now. `unknown` states mean that Asterisk cannot be asked."""

    running: bool
    version: str = ""
    since: int = 0  # when Asterisk started, seconds since 1970; 0 is not known
    trunks: tuple[TrunkState, ...] = ()
    phones: tuple[PhoneState, ...] = ()
    channels: tuple[Channel, ...] = ()
    missing: tuple[str, ...] = ()  # modules that are needed and not loaded


class AsteriskView:
    """Keep `run` running. `config` is asked for the configuration in force; call `refresh` when it is another one."""

    def __init__(
        self,
        ami: Ami,
        config: Callable[[], Config],
        clock: Callable[[], int] = lambda: int(time.time()),
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._ami, self._config, self._clock, self._on_change = ami, config, clock, on_change
        self._needed: tuple[str, ...] = ()
        self._dirty: set[str] = set()
        self._hint = asyncio.Event()
        self._since = 0
        self._clear()

    def _clear(self) -> None:
        self._endpoints: dict[str, Endpoint] = {}
        self._registrations: dict[str, Registration] = {}
        self._channels: tuple[Channel, ...] = ()
        self._channels_at = 0.0
        self._missing: tuple[str, ...] = ()
        self._asked: set[str] = set()  # endpoints that Asterisk was asked about and has answered

    # --- what is shown ---

    def snapshot(self) -> Snapshot:
        """What is known now; asks nobody."""
        running, version = self._ami.connected, self._ami.version
        since = self._since_now() if running else 0
        return Snapshot(running, version, since, self.trunks(), self.phones(), self.channels(), self._missing)

    def _since_now(self) -> int:
        """By the clock as it is now, since it may have been set; not another second each time, by rounding."""
        since = self._clock() - int(time.monotonic() - self._ami.started)
        if abs(since - self._since) > JITTER:
            self._since = since
        return self._since

    @property
    def missing(self) -> tuple[str, ...]:
        """Modules that are needed and not loaded; () while Asterisk cannot be asked."""
        return self._missing

    def trunks(self) -> tuple[TrunkState, ...]:
        """Of the configuration, in its order."""
        return tuple(self._trunk(trunk.name, trunk.enabled) for trunk in self._config().trunks)

    def phones(self) -> tuple[PhoneState, ...]:
        """Those of the configuration that register at the router, in its order."""
        phones = (phone for phone in self._config().phones if phone.where is Where.ROUTER)
        return tuple(self._phone(phone.name, phone.enabled) for phone in phones)

    def channels(self) -> tuple[Channel, ...]:
        """As they were at the last look, with the seconds that have gone by since."""
        passed = int(time.monotonic() - self._channels_at)
        return tuple(ami_state.later(item, passed) for item in self._channels)

    def _trunk(self, name: str, enabled: bool) -> TrunkState:
        found = self._endpoints.get(name)
        if found is None:
            return TrunkState(name, self._without(name, enabled))
        registration = self._registrations[name].state if name in self._registrations else ""
        state = registration if registration not in ("", "registered") else _reach(found.contacts)
        if registration == "registered" and state != "unreachable":
            state = registration
        return TrunkState(name, state, registration, self._calls(name), found.contacts)

    def _phone(self, name: str, enabled: bool) -> PhoneState:
        found = self._endpoints.get(name)
        if found is None:
            return PhoneState(name, self._without(name, enabled))
        state = "unreachable" if _reach(found.contacts) == "unreachable" else "registered"
        return PhoneState(name, state if found.contacts else "unregistered", self._calls(name), found.contacts)

    def _calls(self, name: str) -> int:
        """By the channels: the number that an endpoint tells may be that of a moment ago, and no event follows it."""
        return sum(item.device == name for item in self._channels)

    def _without(self, name: str, enabled: bool) -> str:
        """The state of what Asterisk has not shown."""
        return "disabled" if not enabled else "missing" if name in self._asked else "unknown"

    # --- what is asked ---

    def need(self, modules: tuple[str, ...]) -> None:
        """These modules should be loaded; `missing` will say which are not."""
        if set(modules) != set(self._needed):
            self._needed = modules
            self._look(_MODULES)

    def refresh(self) -> None:
        """Look at everything: the configuration is another one, or Asterisk has read its files again."""
        names = self._names()
        self._endpoints = {name: found for name, found in self._endpoints.items() if name in names}
        self._asked.intersection_update(names)
        self._look(_MODULES, _REGISTRATIONS, _CHANNELS, *(f"{_ENDPOINT}{name}" for name in names))

    def _names(self) -> list[str]:
        config = self._config()
        phones = [phone.name for phone in config.phones if phone.enabled and phone.where is Where.ROUTER]
        return phones + [trunk.name for trunk in config.trunks if trunk.enabled]

    def _look(self, *what: str) -> None:
        self._dirty.update(what)
        self._hint.set()

    async def run(self) -> None:
        """Until cancelled."""
        with ExitStack() as stops:
            self._clear()  # this may be another start, after a time in which nobody listened
            self._listen(stops)
            if self._ami.connected:
                self.refresh()
            while True:
                await self._wait()
                before = self._signature()
                await self._round()
                if self._signature() != before:
                    self._on_change()
                await asyncio.sleep(SPACING)

    def _listen(self, stops: ExitStack) -> None:
        stops.callback(self._ami.on_state(self._state_changed))
        # Not the events of channels: strangers can write events of their own into those (`protocol.ami.EVENTS`).
        stops.callback(self._ami.listen("UserEvent", lambda _: self._look(_CHANNELS)))
        stops.callback(self._ami.listen("Registry", lambda _: self._look(_REGISTRATIONS)))
        stops.callback(self._ami.listen("Reload", lambda _: self.refresh()))
        stops.callback(self._ami.listen("ContactStatus", lambda message: self._hinted(message.get("EndpointName"))))
        stops.callback(self._ami.listen("DeviceStateChange", self._device_changed))

    def _state_changed(self, connected: bool) -> None:
        self._clear()
        self._dirty.clear()
        if connected:
            self.refresh()
        else:
            self._on_change()

    def _device_changed(self, message: Message) -> None:
        """A device has another state when a call of it begins, is answered or ends."""
        self._look(_CHANNELS)
        self._hinted(message.get("Device").removeprefix("PJSIP/"))

    def _hinted(self, name: str) -> None:
        if name in self._names():
            self._look(f"{_ENDPOINT}{name}")

    async def _wait(self) -> None:
        """Until there is something to ask."""
        try:
            async with asyncio.timeout(SAFETY_IN_CALL if self._channels else SAFETY):
                await self._hint.wait()
        except TimeoutError:
            if self._ami.connected:
                self.refresh()
        await asyncio.sleep(SETTLE)
        self._hint.clear()

    async def _round(self) -> None:
        """Ask for all that is dirty. What gets no answer is asked for again after a while."""
        todo, self._dirty = sorted(self._dirty, key=_MODULES.__eq__), set()  # these ask a lot: last
        for what in todo if self._ami.connected else ():
            try:
                await self._ask(what)
            except HomelineError as error:
                log.debug("Asterisk was asked for %s: %s", what, error)
                if self._ami.connected:
                    asyncio.get_running_loop().call_later(AGAIN, self._look, what)

    async def _ask(self, what: str) -> None:
        if what.startswith(_ENDPOINT):
            await self._ask_endpoint(what.removeprefix(_ENDPOINT))
        else:
            asks: dict[str, Callable[[], Awaitable[object]]] = {
                _MODULES: self._ask_modules,
                _REGISTRATIONS: self._ask_registrations,
                _CHANNELS: self.fetch_channels,
            }
            await asks[what]()

    async def _ask_endpoint(self, name: str) -> None:
        found = ami_state.endpoint(await asterisk_objects.listed(self._ami, "PJSIPShowEndpoint", Endpoint=name))
        if found is None or name not in self._names():
            self._endpoints.pop(name, None)
        else:
            self._endpoints[name] = found
        self._asked.add(name)

    async def _ask_registrations(self) -> None:
        items = await asterisk_objects.listed(self._ami, "PJSIPShowRegistrationsOutbound")
        found = [ami_state.registration(item) for item in items if item.event == "OutboundRegistrationDetail"]
        self._registrations = {item.name: item for item in found}

    async def _ask_modules(self) -> None:
        """What is missing is asked for twice: an Asterisk that is about to end has unloaded all of them."""
        missing = await self._unloaded(self._needed)
        if set(missing) - set(self._missing):
            await asyncio.sleep(SPACING)
            missing = await self._unloaded(missing)
        self._missing = missing

    async def _unloaded(self, modules: tuple[str, ...]) -> tuple[str, ...]:
        return tuple([module for module in modules if not await self._loaded(module)])

    async def _loaded(self, module: str) -> bool:
        try:
            await self._ami.call("ModuleCheck", Module=module)
        except ActionRefused:
            return False
        return True

    async def fetch_channels(self) -> tuple[Channel, ...]:
        """Ask which channels are up now. Raises as `Ami.list` does."""
        items = await self._ami.list("CoreShowChannels")
        self._channels_at = time.monotonic()
        self._channels = tuple(ami_state.channel(item) for item in items if item.event == "CoreShowChannel")
        return self._channels

    def _signature(self) -> object:
        """What counts as a change; a round trip or a second more is none."""
        shown = self.snapshot()
        return (
            [_what_counts(item) for item in shown.trunks],
            [_what_counts(item) for item in shown.phones],
            [(item.uid, item.state, item.number, item.other) for item in self._channels],
            shown.missing,
        )

    async def objects(self, wanted: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        """What Asterisk has read of our files and the owner's: `asterisk_objects.read`."""
        return await asterisk_objects.read(self._ami, wanted)


def _what_counts(item: TrunkState | PhoneState) -> object:
    places = [(contact.address, contact.state) for contact in item.contacts]
    return item.name, item.state, item.calls, places


def _reach(contacts: tuple[Contact, ...]) -> str:
    """Reachable if one contact is, unreachable if all are not, else unknown."""
    states = {item.state for item in contacts}
    return "reachable" if "reachable" in states else "unreachable" if states == {"unreachable"} else "unknown"
