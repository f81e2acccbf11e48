"""The composition root: builds the parts, wires them, runs them, and ends them in order.

`homeline run [--root DIR]` is this. It stays in the foreground (procd watches it), logs to standard error (for logd),
reloads on SIGHUP and ends on SIGTERM.
"""

from __future__ import annotations

import asyncio
import logging
import random
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from homeline import config
from homeline.adapters.bus import Bus, Method, Request
from homeline.adapters.mail import Mailer
from homeline.adapters.store import Store
from homeline.adapters.watch import DEVICES, FILES, Watch
from homeline.config import Config, Dongle, Email
from homeline.errors import ConfigError, HomelineError, StoreDamaged, StoreError
from homeline.model import Delivery, Driver, Event, Problem
from homeline.paths import Paths
from homeline.service import shapes
from homeline.service.alerts import Alerts
from homeline.service.api import Api, Handler, Parts
from homeline.service.context import Context
from homeline.service.database import Database
from homeline.service.deliveries import Channel, Dispatcher
from homeline.service.dongle import SerialDongle
from homeline.service.dongle_ports import PortBook
from homeline.service.explaining import Explainer
from homeline.service.hosting import DriverHost
from homeline.service.inbox import Inbox
from homeline.service.jobs import Jobs
from homeline.service.mailtext import MailChannel
from homeline.service.outbox import Outbox
from homeline.service.ports import Ports
from homeline.service.status import StatusReport
from homeline.service.telling import Teller
from homeline.service.ussd import Ussd

log = logging.getLogger(__name__)

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
STOP_TIMEOUT = 10.0  # seconds that dongles may take to let go of their ports
PURGE_EVERY = 6 * 3600.0  # seconds
RELOAD_WAIT = 3.0  # seconds for root's helper to copy the configuration


class Gateway:
    """The whole service."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.bus = Bus(paths.bus)
        self._teller = Teller(self.bus)
        self._troubles: dict[str, Problem] = {}
        loaded = config.load(paths.config)
        database = Database(paths.inside(loaded.main.database), self._store_trouble)
        self.context = Context(loaded, database, lambda: int(time.time()), self._teller.emit, self._wake)
        self.dongles: dict[str, SerialDongle] = {}
        self._settings: dict[str, Dongle] = {}  # what each of them was started with
        self._book = PortBook()
        self._runs: dict[str, list[asyncio.Task[None]]] = {}
        self._background: set[asyncio.Task[Any]] = set()
        self._reloaded = asyncio.Event()
        self._stop = asyncio.Event()
        self.alerts = Alerts(self.context, {})
        self.inbox = Inbox(self.context)
        self.outbox = Outbox(self.context, self.alerts, self.dongles)
        self.ussd = Ussd(self.context, self.dongles)
        self.jobs = Jobs()
        self.host = DriverHost(self.context, self.alerts, self.inbox, self.outbox, self.ussd, self.spawn)
        self.dispatcher = Dispatcher(
            database, {}, self.context.clock, random.random, self._delivered, self._gave_up, self._channel_trouble
        )
        self.bus.publish("homeline", self._methods())

    def _methods(self) -> dict[str, Method]:
        status = StatusReport(self.context, self.alerts, self.dongles, time.monotonic(), self._troubles, self.bus)
        api = Api(
            Parts(
                context=self.context,
                status=status,
                inbox=self.inbox,
                outbox=self.outbox,
                ussd=self.ussd,
                alerts=self.alerts,
                jobs=self.jobs,
                dispatcher=self.dispatcher,
                explainer=Explainer(self.context, self.dispatcher),
                ports=Ports(self.paths, self.dongles),
                dongles=self.dongles,
                signals=self.host.signals,
                reload=self.reload,
            )
        )
        return {name: Method(_handler(work), params) for name, (params, work) in api.methods.items()}

    # -- running ------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._apply)
        self._log_level()
        watch = self._watch()  # before anybody can know that we are there: no commit after that goes unseen
        self.bus.start()
        self.spawn(self._teller.run())
        await self._recover()
        self.dispatcher.start()
        self._apply_channels()
        self._apply_dongles()
        self.spawn(self.inbox.watch_parts())
        self.spawn(self._purge())
        await self._stop.wait()
        if watch is not None:
            watch.close()
        await self._end()

    def _watch(self) -> Watch | None:
        """Watch for commits of the configuration and for ports that come and go."""
        try:
            watch = Watch()
            ours = (config.MAIN_FILE, config.SECRET_FILE)
            watch.add(self.paths.etc_config, FILES, lambda name: name in ours, self._committed)
            watch.add(self.paths.dev, DEVICES, lambda name: name.startswith(("ttyUSB", "ttyACM")), self._replugged)
        except HomelineError as error:
            self._trouble("watch", str(error), "Until then run /etc/init.d/homeline reload after a change.")
            return None
        return watch

    async def _recover(self) -> None:
        """Settle what the last run left half done."""
        try:
            recovery = await self.context.database(Store.recover, self.context.clock())
        except StoreError as error:
            log.error("The database cannot be used: %s", error)
            return
        for message in recovery.unknown:
            await self.outbox.left_unknown(message)
        await self._say_notices()

    async def _say_notices(self) -> None:
        notices, self.context.database.notices = self.context.database.notices, []
        for notice in notices:
            await self.alerts.raise_("database.opened", notice, "The old file is kept beside the new one.")

    async def _end(self) -> None:
        """Dongles first (nothing new comes in), then what sends, then the bus, the store last."""
        log.info("Stopping")
        await asyncio.gather(*(self._stop_dongle(name) for name in list(self._runs)))
        await self.dispatcher.close()
        self.jobs.stop()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self.bus.close()
        await self.context.database.close()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run in the background until the service stops; a failure is logged."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("A part of the service failed", exc_info=error)

    async def _purge(self) -> None:
        while True:
            days = self.context.config.main.retention_days
            try:
                while days and (count := await self.context.database(Store.purge, self.context.clock(), days)):
                    log.info("%d events older than %d days were deleted", count, days)
            except StoreError as error:
                log.warning("Old messages could not be deleted: %s", error)
            await asyncio.sleep(PURGE_EVERY)

    # -- configuration ------------------------------------------------------------------------------------------------

    def _committed(self) -> None:
        """Somebody ran `uci commit`: ask procd for the reload that lets root's helper copy the files."""
        self.spawn(self._announce_change())

    async def _announce_change(self) -> None:
        await self._ask_for_reload()

    async def _ask_for_reload(self) -> bool:
        try:
            event = {"type": "config.change", "data": {"package": "homeline"}}
            await self.bus.call("service", "event", event)
        except HomelineError as error:
            self._trouble(
                "reload",
                f"A change of the configuration could not be announced: {error}.",
                "Run: /etc/init.d/homeline reload",
            )
            return False
        self._troubles.pop("reload", None)
        return True

    async def reload(self) -> dict[str, Any]:
        """Read UCI again, by way of root's helper where it is there; the problems found."""
        self._reloaded.clear()
        if await self._ask_for_reload():
            try:
                await asyncio.wait_for(self._reloaded.wait(), RELOAD_WAIT)
            except TimeoutError:
                self._apply()
        else:
            self._apply()
        return {"problems": shapes.problems(self.context.config.problems)}

    def _apply(self) -> None:
        """Take the copy of the configuration as it is now. Only what changed is touched."""
        self.context.config = config.load(self.paths.config, self.context.config)
        for problem in self.context.config.problems:
            log.warning("Configuration: %s: %s", problem.where, problem.text)
        self._log_level()
        self._apply_channels()
        self._apply_dongles()
        self._reloaded.set()
        self.context.emit("homeline.config.applied", {"problems": shapes.problems(self.context.config.problems)})

    def _log_level(self) -> None:
        logging.getLogger().setLevel(LEVELS[self.context.config.main.log_level])

    def _apply_channels(self) -> None:
        channels: dict[str, Channel] = {}
        for account in self.context.config.emails:
            try:
                channels[account.name] = self._mail_channel(account)
            except (ConfigError, OSError) as error:
                self._channel_trouble(account.name, str(error))
        self.dispatcher.replace(channels)

    def _mail_channel(self, account: Email) -> MailChannel:
        return MailChannel(account, Mailer(account, self.paths), lambda: self.context.database.instance)

    def _apply_dongles(self) -> None:
        current: Config = self.context.config
        wanted = {d.name: d for d in current.dongles if current.main.enabled and d.driver is Driver.SERIAL}
        for name in list(self.dongles):
            if wanted.get(name) != self._settings[name]:
                self.spawn(self._change_dongle(name))
        for name in wanted:
            if name not in self.dongles:
                self._start_dongle(wanted[name])

    async def _change_dongle(self, name: str) -> None:
        await self._stop_dongle(name)
        self._apply_dongles()

    def _start_dongle(self, settings: Dongle) -> None:
        name = settings.name
        self._settings[name] = settings
        dongle = self.dongles[name] = SerialDongle(settings, self.host, self.paths, book=self._book)
        loop = asyncio.get_running_loop()
        self._runs[name] = [loop.create_task(dongle.run()), loop.create_task(self.outbox.serve(name))]

    async def _stop_dongle(self, name: str) -> None:
        tasks = self._runs.pop(name, [])
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_TIMEOUT)
        self.dongles.pop(name, None)
        self.host.forget(name)

    def _replugged(self) -> None:
        for dongle in self.dongles.values():
            dongle.ports_changed()

    # -- troubles -----------------------------------------------------------------------------------------------------

    def _trouble(self, key: str, text: str, advice: str = "") -> None:
        self._troubles[key] = Problem(key, text, advice)
        log.error("%s %s", text, advice)

    def _store_trouble(self, error: StoreError | None) -> None:
        if error is None:
            self._troubles.pop("database", None)
            self.spawn(self._say_notices())
            return
        advice = "Messages stay on the SIM meanwhile. Free some space, or move the database (homeline.main.database)."
        if isinstance(error, StoreDamaged):
            advice = "It is moved aside and a new one begun."
        self._trouble("database", str(error), advice)

    def _channel_trouble(self, channel: str, error: str) -> None:
        key = f"channel {channel}"
        if error:
            self._trouble(key, error)
        else:
            self._troubles.pop(key, None)

    # -- deliveries ---------------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        self.dispatcher.wake()

    def _delivered(self, delivery: Delivery, event: Event) -> None:
        self.context.emit("homeline.delivery.done", shapes.delivery(delivery))

    def _gave_up(self, delivery: Delivery, event: Event) -> None:
        self.context.emit("homeline.delivery.failed", shapes.delivery(delivery))
        self.spawn(
            self.alerts.raise_(
                f"delivery.{delivery.channel}",
                f"Event {delivery.event} could not be forwarded to {delivery.channel}: {delivery.error}",
                f"When it works again: ubus call homeline retry_delivery '{{\"id\": {delivery.id}}}'",
            )
        )


def _handler(work: Handler) -> Callable[[Request], Coroutine[Any, Any, dict[str, Any]]]:
    async def handle(request: Request) -> dict[str, Any]:
        return await work(request.args)

    return handle


def main(argv: Sequence[str]) -> int:
    """Run the service. `argv`: what follows `run`."""
    root = Path("/")
    if list(argv[:1]) == ["--root"] and len(argv) == 2:
        root = Path(argv[1])
    elif argv:
        print("usage: homeline run [--root DIR]", file=sys.stderr)
        return 2
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a reload that comes before we can: it is read at the start anyway
    # logd adds time and name; the level is its own word so that logread can be searched for it.
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")

    async def run() -> None:
        await Gateway(Paths(root)).run()

    asyncio.run(run())
    return 0
