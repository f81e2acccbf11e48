"""Alerts about a dongle's SIM and network that may mean that somebody else has the number now (a SIM swap)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from homeline.adapters.store import Store
from homeline.errors import StoreError
from homeline.model import DongleState, DongleStatus
from homeline.service.alerts import Alerts
from homeline.service.context import Context

Spawn = Callable[[Coroutine[Any, Any, None]], None]

DENIED = 30.0  # seconds: some networks deny one technology and then take the other
LOST = 120.0  # seconds that a network may be gone
STRONG = -100  # dBm: with less the place of the dongle is cause enough
SHOWN = 4  # last digits of a card's number: enough to tell two apart

SWAP = (
    "If you did not expect this, ask the provider at once whether somebody had the number moved to another SIM, and "
    "secure accounts that send codes to it."
)


class SimWatch:
    """`changed` is told of each new status."""

    def __init__(self, context: Context, alerts: Alerts, spawn: Spawn) -> None:
        """`spawn` runs a coroutine in the background."""
        self._context, self._alerts, self._spawn = context, alerts, spawn
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._signal: dict[str, int] = {}  # dBm, when it last had a network
        self._cards: dict[str, tuple[str, str]] = {}

    def changed(self, last: DongleStatus | None, status: DongleStatus) -> None:
        """`last` is the status before it."""
        if status.iccid or status.imsi:
            self._look_at_card(status)
        if status.state is DongleState.READY and status.signal_dbm is not None:
            self._signal[status.name] = status.signal_dbm
        if last is None or last.state is not status.state:
            self._look_at_network(last, status)

    def forget(self, name: str) -> None:
        """The dongle left the configuration, or begins anew with other settings."""
        self._cancel(name)
        self._signal.pop(name, None)
        self._cards.pop(name, None)
        self._spawn(self._alerts.clear(f"registration.{name}"))

    # -- the network --------------------------------------------------------------------------------------------------

    def _look_at_network(self, last: DongleStatus | None, status: DongleStatus) -> None:
        name = status.name
        self._cancel(name)
        if status.state is DongleState.READY:
            self._spawn(self._alerts.clear(f"registration.{name}"))  # it may be open since the last run
        elif status.state is DongleState.DENIED:
            self._later(DENIED, name, f"The network refuses the SIM in {name}.")
        elif status.state is DongleState.SEARCHING and last is not None and last.state is DongleState.READY:
            signal = self._signal.get(name)
            if signal is not None and signal >= STRONG:
                words = f"The SIM in {name} has lost its network without a cause that can be seen: the signal was"
                self._later(LOST, name, f"{words} {signal} dBm.")

    def _later(self, seconds: float, name: str, words: str) -> None:
        self._timers[name] = asyncio.get_running_loop().call_later(seconds, self._tell, name, words)

    def _tell(self, name: str, words: str) -> None:
        self._timers.pop(name, None)
        self._spawn(self._alerts.raise_(f"registration.{name}", words, SWAP, severity="critical", dongle=name))

    def _cancel(self, name: str) -> None:
        if (timer := self._timers.pop(name, None)) is not None:
            timer.cancel()

    # -- the card -----------------------------------------------------------------------------------------------------

    def _look_at_card(self, status: DongleStatus) -> None:
        card = status.iccid, status.imsi
        if self._cards.get(status.name) != card:
            self._cards[status.name] = card
            self._spawn(self._compare(status.name, card))

    async def _compare(self, name: str, card: tuple[str, str]) -> None:
        """Hold the card against the one that was in this dongle last, also before a restart."""
        database, key = self._context.database, f"card.{name}"
        try:
            known = await database(Store.setting, key)
            before = (known or "|").partition("|")[::2]
            # A driver that cannot ask for the card's number must not make us forget it.
            now = (card[0] or (before[0] if card[1] == before[1] else ""), card[1] or before[1])
            if now != before:
                await database(Store.set_setting, key, "|".join(now))
        except StoreError:
            self._cards.pop(name, None)  # the next status tries again
            return
        if known and _is_other(before, card):
            await self._other(name, before, card)

    async def _other(self, name: str, before: tuple[str, ...], card: tuple[str, str]) -> None:
        place = 0 if before[0] and card[0] else 1
        await self._alerts.clear(f"sim.{name}")  # each change is news
        await self._alerts.raise_(
            f"sim.{name}",
            f"Another SIM is in {name}: its number ends in {card[place][-SHOWN:]}, before in {before[place][-SHOWN:]}.",
            "If nobody changed it on purpose, look at the dongle. Its old messages are kept as an archive.",
            severity="critical",
            dongle=name,
        )


def _is_other(before: tuple[str, ...], card: tuple[str, str]) -> bool:
    """By the card's number where both are known, as a card may have several subscribers; else by the subscriber's."""
    return before[0] != card[0] if before[0] and card[0] else bool(before[1] and card[1]) and before[1] != card[1]
