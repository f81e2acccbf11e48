"""The channel of an `mqtt` section: events as they come, states as they are, and commands where the owner allows some.

A connection is kept and made again by itself. A delivery is done when the broker has confirmed it (PUBACK); until then
it waits in the store, however long the broker is away, and whatever is repeated has the same `id` (docs/mqtt.md).
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import Any, NoReturn

from homeline.adapters.mqtt import BrokerError, Link
from homeline.adapters.store import Store
from homeline.config_channels import Mqtt
from homeline.core import homeassistant, retry
from homeline.core.mqtt import OFFLINE, Topics, encode, event_type, gateway
from homeline.errors import DeliveryError, StoreError
from homeline.model import Delivery, Event
from homeline.service.channels import Made, World
from homeline.service.channels.mqtt_commands import Commands
from homeline.service.channels.mqtt_states import States, mistaken
from homeline.service.delivery_worker import either

log = logging.getLogger(__name__)

PAUSES = retry.Policy(first=1.0, longest=60.0, jitter=0.5)  # between two tries to connect
OWNERS_PAUSE = 300.0  # seconds, where only the owner can mend it: brokers lock out who tries too often
STORE_PAUSE = 5.0  # seconds until the store is asked again for its id
STEADY = 60.0  # seconds that a connection must last to count as a success: two with one client id take turns
FAREWELL = 2.0  # seconds for the last words to the broker
ADVICE = "Deliveries wait in the store and are sent when the broker is back."
OWNERS_ADVICE = "Correct the section; see docs/mqtt.md. Deliveries wait in the store until then."


class MqttChannel(Made):
    """One broker."""

    concurrency = 20  # as many as may be unconfirmed (`adapters.mqtt.IN_FLIGHT`)

    def __init__(self, account: Mqtt, world: World) -> None:
        self.account, self._world = account, world
        self.timeout = 2.0 * account.timeout + 5.0  # to be connected, and to be confirmed
        self._link: Link | None = None
        self._topics = Topics("")
        self._reason = ""  # why there is no connection; "" before the first try has ended
        self._known = asyncio.Event()  # whether there is one
        self._states = States(account, world)
        self._commands = Commands(account, world, self._answer, self._states.refresh)

    @property
    def connected(self) -> bool:
        """Whether the broker is there now."""
        return self._link is not None

    # -- deliveries ---------------------------------------------------------------------------------------------------

    async def deliver(self, delivery: Delivery, event: Event) -> None:
        """Publish an event; done when the broker has it. Raises DeliveryError."""
        note = self._world.wording.note(delivery, event)
        document = {**note.document, "event_type": event_type(note.event, note.code)}
        if note.own_words:
            document["words"] = note.text
        kind = str(document["kind"])
        await either(self._known, self.account.timeout)  # at the start of the service it takes a moment
        link = self._link
        if link is None:
            raise DeliveryError(self._reason or "There is no connection to the broker yet.")
        try:
            await link.publish(self._topics.events(kind, event.dongle), encode(document))
        except BrokerError as error:
            raise DeliveryError(f"{error}.") from None

    # -- the connection -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the connection, until cancelled."""
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            began = loop.time()
            link, error = await self._connection()
            failures = 1 if loop.time() - began >= STEADY else failures + 1
            self._down(error)
            await link.idle()
            asked = OWNERS_PAUSE if error.owners else None
            await asyncio.sleep(retry.pause(PAUSES, failures, random.random(), asked))  # noqa: S311

    async def _connection(self) -> tuple[Link, BrokerError]:
        """One connection, from its beginning to its end, and why it ended."""
        name = gateway(self.account.client_id, await self._instance())
        self._topics = Topics(f"{self.account.prefix}/{name}")
        client_id = self.account.client_id or f"homeline-{name}-{self.account.name}"
        link = Link(self.account, self._world.paths, client_id, self._topics.status, self._heard)
        try:
            await link.open()
            await self._use(link, name)
        except BrokerError as error:
            return link, error
        finally:
            await self._end(link)
            self._link = None

    async def _use(self, link: Link, name: str) -> NoReturn:
        """Until the connection is lost: raises BrokerError."""
        refused = await self._subscribe(link)
        self._up(link, refused)
        states = asyncio.ensure_future(self._states.run(link, self._topics, name))
        try:
            waiting: set[asyncio.Future[Any]] = {states, link.lost}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if not link.lost.done():
                await states  # ended by a defect
            raise BrokerError(link.why)
        finally:
            states.cancel()
            await asyncio.gather(states, return_exceptions=True)

    async def _subscribe(self, link: Link) -> list[str]:
        account = self.account
        wanted = [self._topics.commands] if account.commands else []
        wanted += [homeassistant.birth_topic(account.discovery_prefix)] if account.discovery else []
        return await link.subscribe(wanted) if wanted else []

    async def _instance(self) -> str:
        """The store's random id, once it is known. It is waited for: all topics have it."""
        database = self._world.context.database
        while not database.instance and not self.account.client_id:
            try:
                await database(Store.setting, "")
            except StoreError as error:
                self._reason = f"The database is needed first: {error}"
                self._known.set()
                await asyncio.sleep(STORE_PAUSE)
        return database.instance

    def _up(self, link: Link, refused: list[str]) -> None:
        self._link, self._reason = link, ""
        self._known.set()
        log.info("mqtt %s: connected", self.account.name)
        words = f"The broker does not let us subscribe to {' and '.join(refused)}." if refused else ""
        self._say(words, "Allow it in the broker's access list; see docs/mqtt.md." if refused else "")
        self._world.hurry(self.account.name)

    def _down(self, error: BrokerError) -> None:
        self._reason = f"{error}."
        self._known.set()
        self._say(self._reason, OWNERS_ADVICE if error.owners else ADVICE)

    def _say(self, words: str, advice: str = "") -> None:
        self._world.say(f"mqtt {self.account.name}", words, advice)

    async def _end(self, link: Link) -> None:
        """Say what a subscriber should see when we go, and close; in a bounded time."""
        try:
            async with asyncio.timeout(FAREWELL):
                if link.lost.done():
                    return
                if self._leaves():
                    await self._states.clear(link)
                else:
                    await link.publish(self._topics.status, OFFLINE, retain=True)
        except (TimeoutError, BrokerError):
            pass  # the broker publishes our will
        finally:
            await link.close()

    def _leaves(self) -> bool:
        """Whether the section was removed, or has moved elsewhere: nobody would clean up behind us.

        One that is left out for a mistake comes back, and Home Assistant should not forget its entities meanwhile.
        """
        config, account = self._world.context.config, self.account
        now = next((each for each in config.accounts if isinstance(each, Mqtt) and each.name == account.name), None)
        return account.name not in mistaken(config) if now is None else _place(now) != _place(account)

    # -- what comes in ------------------------------------------------------------------------------------------------

    def _heard(self, topic: str, payload: bytes, retained: bool) -> None:
        command = topic.removeprefix(self._topics.command(""))
        if command != topic:
            self._commands.take(command, payload, retained)
        elif payload == homeassistant.BIRTH and not retained:
            # One that is retained tells nothing new: whoever connects publishes everything anyway.
            self._states.publish_again()

    async def _answer(self, request: str, result: dict[str, object]) -> None:
        """An answer is not kept for later: who asked and got none asks again under the same id."""
        if self._link is not None:
            try:
                await self._link.publish(self._topics.result(request), encode(result))
            except BrokerError as error:
                log.warning("mqtt %s: an answer was lost: %s", self.account.name, error)


def _place(account: Mqtt) -> tuple[object, ...]:
    """Where our retained topics are."""
    return account.host, account.remote_port, account.prefix, account.client_id


def build(account: Mqtt, world: World) -> MqttChannel:
    return MqttChannel(account, world)
