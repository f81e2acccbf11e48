"""What tests of the service share: a real store in a folder of its own, a clock, and ears for what the bus is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from homeline.adapters.store import Store
from homeline.config import Config, Dongle, Main, Rule
from homeline.errors import HomelineError, StoreError
from homeline.model import DongleState, DongleStatus, EventKind, ReceivedPart
from homeline.paths import Paths
from homeline.protocol import pdu
from homeline.service.alerts import Alerts
from homeline.service.channels import World
from homeline.service.context import Context
from homeline.service.database import Database
from homeline.service.news import News
from homeline.service.outbox import Outbox
from homeline.service.troubles import Troubles
from homeline.service.ussd import Ussd
from homeline.service.wording import Wording

NOW = 1_800_000_000
ANN, BOB = "+41791112233", "+41794445566"
SIM = "8941010000000000001"
RULE = Rule("all", events=tuple(EventKind), channels=("mail",))
CONFIG = Config(main=Main(enabled=True, country="CH"), dongles=(Dongle("stick"),), rules=(RULE,))


class Service:
    """A context with everything around it. `now` may be set."""

    def __init__(self, folder: Path, config: Config = CONFIG) -> None:
        self.now = NOW
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.wakes = 0
        self.troubles: list[StoreError | None] = []
        self._changed = asyncio.Event()
        self.database = Database(folder / "db/homeline.db", lambda: self.now, self.troubles.append)
        self.context = Context(config, self.database, lambda: self.now, self._tell, self._wake)
        self.alerts = Alerts(self.context)
        self.paths = Paths(folder)
        self.news = News()
        self.dongles: dict[str, Any] = {}
        self.said = Troubles()
        self.outbox = Outbox(self.context, self.alerts, self.dongles)

    def world(self, **others: Any) -> World:
        """What a channel is built with. Put a `Sender` into `dongles` for one that sends."""
        context = self.context
        parts: dict[str, Any] = {
            "context": context,
            "paths": self.paths,
            "say": self.said.say,
            "alerts": self.alerts,
            "wording": Wording(lambda: context.config, lambda: context.database.instance),
            "outbox": self.outbox,
            "ussd": Ussd(context, self.dongles),
            "dongles": self.dongles,
            "signals": {},
            "listen": self.news.listen,
            "ami": lambda: None,
            "event": lambda event: context.database(Store.get_event, event),
        }
        return World(**{**parts, **others})

    async def __aenter__(self) -> Service:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.database.close()

    def _tell(self, name: str, data: dict[str, Any]) -> None:
        self.told.append((name.removeprefix("homeline."), data))
        self.news.emit(name, data)
        self._changed.set()

    def _wake(self) -> None:
        self.wakes += 1

    def of(self, name: str) -> list[dict[str, Any]]:
        return [data for told, data in self.told if told == name]

    async def until(self, condition: Callable[[], bool], timeout: float = 5.0) -> None:
        """Until something holds; looked at after each word to the bus."""
        async with asyncio.timeout(timeout):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def told_of(self, name: str, count: int = 1) -> list[dict[str, Any]]:
        await self.until(lambda: len(self.of(name)) >= count)
        return self.of(name)


def parts(text: str, sender: str = ANN, at: int = NOW, reference: int = 1) -> list[ReceivedPart]:
    """The parts of a message as a driver hands them on."""
    content = pdu.Content(text, concat_reference=reference)
    encoded = pdu.encode_deliver(sender, content, pdu.Timestamp(at, 60), smsc="+41794999000")
    return [pdu.received_part("stick", SIM, each.pdu) for each in encoded]


class Sender:
    """A dongle that answers each submission with the next of `answers` (a reference or an error), the last for ever."""

    def __init__(self, name: str = "stick", answers: Iterable[int | HomelineError] = (7,)) -> None:
        self.status = DongleStatus(name, state=DongleState.READY, iccid=SIM)
        self.answers = list(answers)
        self.submitted: list[str] = []

    async def submit(self, pdu_hex: str, tpdu_length: int) -> int:
        self.submitted.append(pdu_hex)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, HomelineError):
            raise answer
        return answer


def with_main(**options: Any) -> Config:
    return replace(CONFIG, main=replace(CONFIG.main, **options))


def with_dongle(**options: Any) -> Config:
    return replace(CONFIG, dongles=(Dongle("stick", **options),))


def texts(messages: Sequence[dict[str, Any]]) -> list[str]:
    return [message["text"] for message in messages]
