"""The channel of an `auto_reply` section: an answer by SMS to whoever wrote.

What is delivered is the message itself, so an answer is as durable as any forwarding. It is queued once for each
message, however often it is tried, and counted against the limits in the same transaction. An answer that the limits
or roaming hold back is a delivery that is done, with the reason as its note.
"""

from __future__ import annotations

from homeline.adapters.store import Store
from homeline.adapters.store_requests import Limit
from homeline.config_automatic import AutoReply
from homeline.core import answering
from homeline.errors import (
    DeliveryError,
    EncodeError,
    InvalidArgument,
    LimitReached,
    NotFound,
    NotNeeded,
    NotSupported,
    StoreError,
)
from homeline.model import Delivery, DongleState, Event, Registration
from homeline.service.channels import Made, World
from homeline.service.channels.sms import fitted

HOUR, DAY = 3600, 86400  # seconds
PARTS = 3  # SMS: a longer answer is cut


class AutoReplyChannel(Made):
    """Answers each message at most once."""

    concurrency = 1
    timeout = 60.0

    def __init__(self, account: AutoReply, world: World) -> None:
        self.account, self._world = account, world

    async def deliver(self, delivery: Delivery, event: Event) -> None:
        """Queue the answer. Raises DeliveryError, NotNeeded."""
        source, key = f"auto_reply:{self.account.name}", str(event.id)
        try:
            if await self._world.context.database(Store.request_result, source, key) is not None:
                return  # before a crash, or of the same message with fewer of its parts
            await self._send(delivery, event, (source, key))
        except LimitReached as error:
            raise NotNeeded(str(error)) from None
        except NotFound as error:
            raise NotNeeded(f"Not answered: {error}") from None
        except (InvalidArgument, EncodeError, NotSupported) as error:
            raise DeliveryError(str(error), permanent=True) from None
        except StoreError as error:
            raise DeliveryError(str(error)) from None

    async def _send(self, delivery: Delivery, event: Event, request: tuple[str, str]) -> None:
        account, world = self.account, self._world
        self._check(event)
        note = world.wording.by_rule(answering.as_rule(account), delivery, event)
        counter, hours = request[0], account.hours
        now = world.context.clock()
        await world.context.database(Store.forget_done, f"{counter}:", now - hours * HOUR)
        limits = (
            Limit(
                f"{counter}:{event.peer}", hours * HOUR, 1, f"Its sender was answered within the last {hours} hours."
            ),
            Limit(counter, DAY, account.daily, f"{account.daily} answers were sent within a day."),
        )
        text = fitted(note.text, PARTS)
        await world.outbox.send(event.peer, text, event.dongle, request=request, limits=limits)

    def _check(self, event: Event) -> None:
        """Raises NotNeeded for what is not answered now or ever, DeliveryError while that cannot be told."""
        world = self._world
        now = world.context.clock()
        own = [dongle.status.number for dongle in world.dongles.values()]
        words = answering.refusal(event, now, [*answering.own_numbers(world.context.config), *own])
        if words:
            raise NotNeeded(f"Not answered: {words}.")
        if now - event.at > answering.OLD:
            raise NotNeeded("Not answered: it waited for more than a day.")
        if event.dongle not in world.dongles:
            raise NotNeeded("Not answered: the dongle by which it came is not in use any more.")
        status = world.dongles[event.dongle].status
        if self.account.roaming:
            return
        if status.state is not DongleState.READY:
            raise DeliveryError(f"Dongle {event.dongle} is not ready, so it is not known whether it is abroad.")
        if status.registration is Registration.ROAMING:
            raise NotNeeded(f"Not answered: {event.dongle} is abroad, and {self.account.name}.roaming is off.")


def build(section: AutoReply, world: World) -> AutoReplyChannel:
    return AutoReplyChannel(section, world)
