"""A `schedule` section: an SMS, a code or a call every so many days, which keeps a SIM alive."""

from __future__ import annotations

import contextlib

from homeline.adapters.store import Store
from homeline.config_channels import Schedule
from homeline.errors import HomelineError, ModemError, NotFound
from homeline.model import MessageState
from homeline.service import calling
from homeline.service.channels import World
from homeline.service.regular import Regular, Table


class Scheduled(Regular):
    """Carries out one schedule."""

    kind = "schedule"
    account: Schedule

    def status(self) -> Table:
        return {"name": self.account.name, "action": self.account.action} | super().status()

    async def _act(self, key: str) -> bool:
        if self.account.action == "sms":
            return await self._text(key)
        # Remembered before it is done: a crash leaves it unknown whether it was, and once is enough.
        context = self._world.context
        if await context.database(Store.add_request, self._source, key, context.clock()):
            await (self._ask() if self.account.action == "ussd" else self._call())
        return True

    async def _text(self, key: str) -> bool:
        """The outbox keeps it, so what became of it is asked under the same key."""
        account = self.account
        with contextlib.suppress(NotFound):  # the owner deleted it
            message = await self._world.outbox.send(
                account.to, account.text, account.dongle, request=(self._source, key)
            )
            if message.state is MessageState.FAILED:
                raise ModemError(message.error or "The message was not sent.")
            return message.state not in (MessageState.QUEUED, MessageState.SENDING)
        return True

    async def _ask(self) -> None:
        account, ussd = self.account, self._world.ussd
        if (await ussd.send(account.code, account.dongle))["more"]:
            with contextlib.suppress(HomelineError):
                await ussd.cancel(account.dongle)

    async def _call(self) -> None:
        await calling.ring(self._world, self.account.dongle, self.account.to, self.account.seconds)

    async def _failed(self, error: HomelineError, again: str) -> None:
        name = self.account.name
        await self._world.alerts.raise_(
            f"schedule.{name}",
            f"The schedule {name} ({self.account.action}) could not be carried out: {error}",
            f"It is tried again {again}. A SIM that is not used may be switched off by its provider.",
            dongle=self.account.dongle,
            logged=f"The schedule {name} could not be carried out.",
        )

    async def _succeeded(self) -> None:
        await self._world.alerts.clear(f"schedule.{self.account.name}")


def build(section: Schedule, world: World) -> Scheduled:
    """Raises ConfigError."""
    return Scheduled(section, world)
