"""What a broker keeps for us, retained: that we are there, the state of each dongle, what Home Assistant is told of it.

A topic is published when its content changed, one after the other, each confirmed before the next: a slow broker gets
fewer states, never a queue of them. What was published is remembered in the store, before it is, so that a topic which
is not wanted any more is cleared (an empty payload) even when that happened while the broker or we were away.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable
from typing import Any

from homeline.adapters.mqtt import Link
from homeline.adapters.store import Store
from homeline.config import Config
from homeline.config_channels import Mqtt
from homeline.core import homeassistant, mqtt
from homeline.core.mqtt import Topics
from homeline.errors import StoreError
from homeline.model import CallState, DongleState, DongleStatus, Driver
from homeline.service.channels import World
from homeline.service.delivery_worker import either

log = logging.getLogger(__name__)

EVERY = 60.0  # seconds between two looks at what no event tells of: signal, storage, what was read elsewhere
SETTLE = 0.25  # seconds in which changes that come together become one
AGAIN = 5.0  # seconds between two times that everything is published again, whoever asks for it
# Events after which a state may be another one. Those of calls also change the last missed one.
_CHANGES = ("homeline.dongle.", "homeline.message.", "homeline.call.", "homeline.config.")

Missed = tuple[int, str, str]


class States:
    """`run` publishes them as long as there is a connection."""

    def __init__(self, account: Mqtt, world: World) -> None:
        self._account, self._world = account, world
        self._wake = asyncio.Event()
        self._all = False  # whether everything is to be published again
        self._sent: dict[str, bytes] = {}  # on this connection
        self._remembered: dict[str, dict[str, str]] | None = None  # published some time: topic, and its components
        self._calls_changed = True
        self._missed: dict[str, Missed] = {}
        self._unread: dict[str, int] = {}

    def refresh(self) -> None:
        """Something may have changed."""
        self._wake.set()

    def publish_again(self) -> None:
        """Somebody has forgotten everything."""
        self._all = True
        self._wake.set()

    async def run(self, link: Link, topics: Topics, gateway: str) -> None:
        """Publish what is, and whatever changes. Raises BrokerError."""
        self._sent, self._calls_changed = {}, True  # another broker may be there now, or one that has forgotten
        forget = self._world.listen(self._heard)
        try:
            while True:
                self._wake.clear()
                again, self._all = self._all, False
                if again:
                    self._sent = {}
                await self._round(link, topics, gateway)
                await asyncio.sleep(AGAIN if again else SETTLE)
                await either(self._wake, EVERY)
        finally:
            forget()

    async def clear(self, link: Link) -> None:
        """Take everything away that was ever published there. Raises BrokerError."""
        known = await self._known()
        for topic in known:
            await link.publish(topic, b"", retain=True)
        await self._remember({})

    def _heard(self, name: str, _data: dict[str, Any]) -> None:
        if name.startswith(_CHANGES):
            self._calls_changed = self._calls_changed or name.startswith("homeline.call.")
            self._wake.set()

    async def _round(self, link: Link, topics: Topics, gateway: str) -> None:
        known = await self._known()
        wanted, components = await self._wanted(topics, gateway, known)
        if not components.items() <= known.items():
            await self._remember(known | components)
        for topic in known.keys() - wanted.keys():
            await link.publish(topic, b"", retain=True)
        for topic, payload in wanted.items():
            if self._sent.get(topic) != payload:
                await link.publish(topic, payload, retain=True)
                self._sent[topic] = payload
        if known.keys() - wanted.keys():
            await self._remember(components)

    async def _wanted(
        self, topics: Topics, gateway: str, known: dict[str, dict[str, str]]
    ) -> tuple[dict[str, bytes], dict[str, dict[str, str]]]:
        """Payloads by topic, and the components of each (none but for what is meant for Home Assistant)."""
        await self._look_up()
        account = self._account
        wanted = {topics.status: mqtt.ONLINE}
        components: dict[str, dict[str, str]] = {topics.status: {}}
        for status in self._dongles(topics, known):
            name = status.name
            state = mqtt.state(status, self._unread.get(name, 0), self._missed.get(name))
            wanted[topics.dongle(name)] = mqtt.encode(state)
            components[topics.dongle(name)] = {}
            if account.discovery:
                topic = homeassistant.topic(account.discovery_prefix, gateway, name)
                payload = homeassistant.device(
                    topics,
                    gateway,
                    status,
                    named=bool(account.client_id),
                    commands=account.commands,
                    sms_to=account.sms_to,
                    before=known.get(topic),
                )
                wanted[topic] = mqtt.encode(payload)
                components[topic] = homeassistant.platforms(payload)
        return wanted, components

    def _dongles(self, topics: Topics, known: Iterable[str]) -> list[DongleStatus]:
        """Of all that are configured: one that is set up anew, or has a mistake in its section, is not gone."""
        running, config = self._world.dongles, self._world.context.config
        wrong = mistaken(config)
        names = {
            **{dongle.name: dongle.driver for dongle in config.dongles},
            **{name: Driver.SERIAL for name in wrong if topics.dongle(name) in known},
        }
        return [
            running[name].status if name in running else DongleStatus(name, driver, DongleState.DISABLED)
            for name, driver in names.items()
        ]

    async def _look_up(self) -> None:
        """What the store knows. While it cannot be read the last figures stay."""
        database = self._world.context.database
        try:
            self._unread = await database(Store.unread_by_dongle)
            if self._calls_changed:
                self._calls_changed = False
                for dongle in self._world.context.config.dongles:
                    page = await database(Store.list_calls, state=CallState.MISSED, dongle=dongle.name, limit=1)
                    for call in page.calls:
                        self._missed[dongle.name] = (call.started_at, call.peer, call.peer_name)
        except StoreError as error:
            log.warning("mqtt %s: states may be old: %s", self._account.name, error)

    # -- what was published -------------------------------------------------------------------------------------------

    @property
    def _key(self) -> str:
        return f"mqtt.{self._account.name}.published"

    @property
    def _broker(self) -> str:
        return f"{self._account.host}:{self._account.remote_port}"

    async def _known(self) -> dict[str, dict[str, str]]:
        if self._remembered is None:
            try:
                text = await self._world.context.database(Store.setting, self._key)
            except StoreError:
                return {}  # looked at again in the next round
            found = json.loads(text) if text else {}
            self._remembered = found.get("topics", {}) if found.get("broker") == self._broker else {}
        return self._remembered

    async def _remember(self, topics: dict[str, dict[str, str]]) -> None:
        text = json.dumps({"broker": self._broker, "topics": topics}) if topics else None
        try:
            await self._world.context.database(Store.set_setting, self._key, text)
        except StoreError as error:
            log.warning("mqtt %s: what was published cannot be remembered: %s", self._account.name, error)
        else:
            self._remembered = topics


def mistaken(config: Config) -> set[str]:
    """The sections that something is wrong with: one that is missing may be left out for that."""
    return {problem.where.partition(".")[0] for problem in config.problems}
