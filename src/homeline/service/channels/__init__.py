"""The channels: one module for each type of section, loaded where there is such a section.

Each module has `build(section, world)`, which makes what `Accounts` runs: a `Channel` (`delivery_worker.Channel`), or
for sections that only do something by themselves, an `Active`. It may be both. What it makes should compare equal (by
`__eq__`) to another one of the same settings: a reload that changed nothing then replaces nothing. `build` raises
ConfigError for settings that cannot be.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from homeline.model import DongleStatus, Event
from homeline.paths import Paths
from homeline.service.context import Context
from homeline.service.troubles import Say

if TYPE_CHECKING:
    from homeline.adapters.ami import Ami
    from homeline.service.alerts import Alerts
    from homeline.service.news import Listener
    from homeline.service.outbox import Outbox
    from homeline.service.signal import SignalHistory
    from homeline.service.sip_sending import SipSending
    from homeline.service.ussd import Ussd
    from homeline.service.wording import Wording

# The package that brings a type's module, where it is not the core's.
PACKAGES = {
    "mqtt": "homeline-mqtt",
    **dict.fromkeys(("webhook", "telegram", "mailbox"), "homeline-channels"),
    **dict.fromkeys(("schedule", "balance", "auto_reply"), "homeline-channels"),
    "sip_message": "homeline-asterisk",
}


@runtime_checkable
class Active(Protocol):
    """Something that works by itself: a connection that is kept, a clock that is watched."""

    async def run(self) -> None:
        """Until cancelled. An exception is logged and shown, and it begins anew."""
        ...


@runtime_checkable
class Timed(Protocol):
    """Something that is done at certain times."""

    def look(self) -> None:
        """The clock was set."""
        ...


class HasStatus(Protocol):
    status: DongleStatus

    async def reset(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Invitation:
    """Where an answer to a mail goes: the address, and a mark that the subject must have, if any."""

    address: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class World:
    """What a channel may use of the service."""

    context: Context
    paths: Paths
    say: Say  # say(f"TYPE NAME", words, advice): a trouble for `status`; empty words end it
    alerts: Alerts
    wording: Wording
    outbox: Outbox
    ussd: Ussd
    dongles: Mapping[str, HasStatus]  # live: by name, those that are in use
    signals: Mapping[str, SignalHistory]
    listen: Callable[[Listener], Callable[[], None]]  # to events, as the bus gets them (`News.listen`)
    ami: Callable[[], Ami | None]  # Asterisk's manager, while Asterisk is wanted
    event: Callable[[int], Any]  # await event(id): the stored Event; raises NotFound, StoreError
    sip: Callable[[], SipSending | None] = lambda: None  # texts to phones, while Asterisk is wanted
    # By the name of a mailbox that is read now; raises StoreError. None for what cannot be answered.
    replies: dict[str, Callable[[Event], Awaitable[Invitation | None]]] = field(default_factory=dict)
    hurry: Callable[[str], None] = lambda channel: None  # what stood in a channel's way may be gone: it is tried now


class Made:
    """A base for channels: equal to another one that was made of an equal section."""

    account: Any

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and getattr(other, "account", None) == self.account

    def __hash__(self) -> int:
        return hash(self.account)
