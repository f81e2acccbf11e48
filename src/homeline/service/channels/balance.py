"""A `balance` section: what is left on a prepaid SIM, read from the network's answer to a code."""

from __future__ import annotations

import contextlib
import json
import logging

from homeline.adapters.store import Store
from homeline.config_automatic import Balance
from homeline.core import amounts
from homeline.errors import DecodeError, HomelineError
from homeline.protocol import regex
from homeline.protocol.blobmsg import Int64
from homeline.service.channels import World
from homeline.service.regular import Regular, Table

log = logging.getLogger(__name__)

SHOWN = 200  # characters of an answer in an alert
LOOKED_AT = 2000  # characters of an answer


class Reader(Regular):
    """Reads one balance."""

    kind = "balance"
    account: Balance

    def __init__(self, account: Balance, world: World) -> None:
        super().__init__(account, world)
        self._pattern = regex.compile_(account.pattern)
        self._limit = amounts.parse(account.limit, "KWD") if account.limit else None  # as UCI has it, never grouped
        self._read: Table = {}

    def status(self) -> Table:
        return super().status() | self._read

    async def run(self) -> None:
        with contextlib.suppress(HomelineError, ValueError, KeyError, TypeError):  # it is read anew in its time
            known = await self._world.context.database(Store.setting, self._setting)
            if known:
                stored = json.loads(known)
                self._show(stored["amount"], stored["at"])
        await super().run()

    @property
    def _setting(self) -> str:
        return f"balance.{self.account.name}"

    async def _act(self, key: str) -> bool:
        account, world = self.account, self._world
        text = await world.ussd.ask(account.code, account.dongle)
        amount = self._found(text)
        if amount is None:
            raise DecodeError(f"the answer has no amount where the pattern looks: {text[:SHOWN]}")
        now = world.context.clock()
        stored = json.dumps({"amount": amount, "at": now})
        await world.context.database(Store.set_setting, self._setting, stored)
        self._show(amount, now)
        await self._compare(amount)
        return True

    def _found(self, text: str) -> int | None:
        match = self._pattern.search(text[:LOOKED_AT])
        found = match.groups[0] if match is not None else None
        return None if found is None else amounts.parse(found, self.account.unit)

    def _show(self, amount: int, at: int) -> None:
        low = self._limit is not None and amount < self._limit
        self._read = {"amount": amounts.shown(amount), "read_at": Int64(at), "low": low}
        if self.account.unit:
            self._read["unit"] = self.account.unit

    async def _compare(self, amount: int) -> None:
        account, alerts = self.account, self._world.alerts
        key = f"balance.{account.name}"
        if self._limit is None or amount >= self._limit:
            await alerts.clear(key)
            return
        unit = f" {account.unit}" if account.unit else ""
        await alerts.raise_(
            key,
            f"The balance {account.name} is low: {amounts.shown(amount)}{unit}, below {account.limit}{unit}.",
            "Top the SIM up, or it may stop working.",
            dongle=account.dongle,
            logged=f"The balance {account.name} is below its limit.",
        )

    async def _failed(self, error: HomelineError, again: str) -> None:
        name = self.account.name
        await self._world.alerts.raise_(
            f"balance.{name}.unread",
            f"The balance {name} could not be read: {error}",
            f"It is tried again {again}. If the network words its answer differently now, adapt {name}.pattern.",
            dongle=self.account.dongle,
            logged=f"The balance {name} could not be read.",
        )

    async def _succeeded(self) -> None:
        await self._world.alerts.clear(f"balance.{self.account.name}.unread")


def build(section: Balance, world: World) -> Reader:
    """Raises ConfigError."""
    return Reader(section, world)
