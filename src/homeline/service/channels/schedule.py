"""A `schedule` section: an SMS, a code or a call every so many days, which keeps a SIM alive."""

from __future__ import annotations

from homeline.adapters.store import Store
from homeline.config_automatic import Schedule
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
        account, world = self.account, self._world
        is_new = await world.context.database(Store.add_request, self._source, key, world.context.clock())
        if account.action == "call":
            if not is_new or self._error:
                await calling.end(world, account.dongle)
            if is_new:
                await calling.ring(world, account.dongle, account.to, account.seconds)
        elif is_new:
            await world.ussd.ask(account.code, account.dongle)
        return True

    async def _text(self, key: str) -> bool:
        """The outbox keeps it, so what became of it is asked under the same key."""
        account, database = self.account, self._world.context.database
        try:
            known = await database(Store.request_result, self._source, key)
            if known is None:
                request = (self._source, key)
                message = await self._world.outbox.send(account.to, account.text, account.dongle, request=request)
            else:
                message = (await database(Store.get_message, int(known)))[0]
        except NotFound:
            return True  # the owner deleted it
        if message.state is MessageState.FAILED:
            raise ModemError(message.error or "The message was not sent.")
        return message.state not in (MessageState.QUEUED, MessageState.SENDING)

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
