"""The composition root: builds the parts, wires them, runs them, and ends them in order.

`homeline run [--root DIR]` is this. It stays in the foreground (procd watches it), logs to its standard streams (procd
hands them to logd), reloads on SIGHUP and ends on SIGTERM.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeline import config
from homeline.adapters.bus import Bus, Method, Request
from homeline.adapters.store import Store
from homeline.adapters.watch import COPIES, DEVICES, FILES
from homeline.config import Config
from homeline.errors import StoreDamaged, StoreError
from homeline.paths import Paths
from homeline.service import logs, shapes
from homeline.service.accounts import Accounts
from homeline.service.alerts import Alerts
from homeline.service.api import Api, Handler, Parts
from homeline.service.channel_alerts import ChannelAlerts
from homeline.service.channels import World
from homeline.service.clock import Clock
from homeline.service.context import Context
from homeline.service.copying import Copying, take_back
from homeline.service.database import Database, advice
from homeline.service.deliveries import Dispatcher
from homeline.service.fleet import AnyDongle, Fleet
from homeline.service.host import Timing
from homeline.service.hosting import DriverHost
from homeline.service.inbox import Inbox
from homeline.service.jobs import Jobs
from homeline.service.keeping import keep
from homeline.service.news import News
from homeline.service.outbox import Outbox
from homeline.service.packages import have_calls, have_twilio
from homeline.service.ports import Ports
from homeline.service.reloading import Reloader
from homeline.service.room import Room
from homeline.service.status import StatusReport
from homeline.service.telling import Teller
from homeline.service.troubles import Troubles
from homeline.service.ussd import Ussd
from homeline.service.watching import Folder, Watching
from homeline.service.wording import Wording

if TYPE_CHECKING:
    from homeline.adapters.ami import Ami
    from homeline.service.calls import Calls
    from homeline.service.committing import Committer
    from homeline.service.explaining import Explainer
    from homeline.service.outside import Outside
    from homeline.service.phone_passwords import PhonePasswords
    from homeline.service.ringing import RingingDongles
    from homeline.service.sip_messages import SipMessages
    from homeline.service.sip_sending import SipSending
    from homeline.service.telephony import Telephony
    from homeline.service.twilio import TwilioSetup
    from homeline.service.voice import Voice
    from homeline.service.voicemail import Voicemail

log = logging.getLogger(__name__)

PURGE_EVERY = 6 * 3600.0  # seconds


class Gateway:
    """The whole service. `wall` gives seconds since 1970 and may jump; `timing` is for its serial dongles."""

    def __init__(self, paths: Paths, wall: Callable[[], float] = time.time, timing: Timing | None = None) -> None:
        self.paths = paths
        self.bus = Bus(paths.bus)
        self._teller = Teller(self.bus)
        self.troubles = Troubles()
        self._background: set[asyncio.Task[Any]] = set()
        self._stop = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        clock = Clock(self._clock_jumped, wall)
        loaded = config.load(paths.config)
        take_back(paths.inside(loaded.main.database))
        database = Database(paths.inside(loaded.main.database), clock, self._store_trouble)
        self.news = News()
        self.news.listen(self._teller.emit)
        self.context = Context(loaded, database, clock, self.news.emit, self._wake)
        self.dongles: dict[str, AnyDongle] = {}
        self.alerts = Alerts(self.context)
        self.inbox = Inbox(self.context)
        self.outbox = Outbox(self.context, self.alerts, self.dongles)
        self.ussd = Ussd(self.context, self.dongles)
        self.jobs = Jobs()
        self.copying = Copying(database)
        self.host = DriverHost(
            self.context, self.alerts, self.inbox, self.outbox, self.ussd, self.spawn, lambda: self._ringing
        )
        say = self.troubles.say
        self.fleet = Fleet(self.dongles, self.host, self.outbox, paths, clock, timing or Timing(), say, self._ami)
        self._forwarding = ChannelAlerts(self.context, self.alerts, say, self.spawn)
        self.dispatcher = Dispatcher(
            *(database, {}, clock, random.random),
            *(self._forwarding.delivered, self._forwarding.gave_up, self._forwarding.trouble),
        )
        self._accounts = Accounts(self._world())
        self.reloader = Reloader(self.context, self.bus, paths, self._changed, self.troubles.say)
        self.telephony: Telephony | None = None  # there once `sip.enabled` was on
        self.voice: Voice | None = None  # likewise
        self._texting = False  # whether phones' messages are taken; there once a phone may send some
        self.bus.publish("homeline", self._methods())

    def _methods(self) -> dict[str, Method]:
        status = StatusReport(
            self.context, self.alerts, self.dongles, time.monotonic(), self.troubles, self.bus, self._asterisk
        )
        status.outbounds = lambda: self.voice.outbounds() if self.voice is not None else []
        status.things = self._accounts.things
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
                explainer=lambda: self._explainer,
                ports=Ports(self.paths, self.dongles),
                dongles=self.dongles,
                signals=self.host.signals,
                reload=self.reload,
                copying=self.copying,
                sweep=self._sweep,
                voice=lambda: self.voice,
                passwords=lambda: self._passwords,
                telephony=lambda: self.telephony,
                twilio=lambda: self._twilio,
            )
        )
        return {name: Method(_handler(work), params) for name, (params, work) in api.methods.items()}

    def _world(self) -> World:
        """What channels may use."""
        context = self.context
        return World(
            context=context,
            paths=self.paths,
            say=self.troubles.say,
            alerts=self.alerts,
            wording=Wording(lambda: context.config, lambda: context.database.instance),
            outbox=self.outbox,
            ussd=self.ussd,
            dongles=self.dongles,
            signals=self.host.signals,
            listen=self.news.listen,
            ami=self._ami,
            event=lambda event: context.database(Store.get_event, event),
            sip=lambda: self._sip_sending if self._ami() is not None else None,
            hurry=self.dispatcher.hurry,
        )

    # -- running ------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self.reloader.take)
        self._log_level()
        self.reloader.log_problems()
        watching = self._watching()
        watching.begin()  # before anybody can know that we are there: no commit after that goes unseen
        self._keep("watch over folders", watching.work)
        self.bus.start()
        self._keep("teller of events", self._teller.run)
        await self._opened()
        self.dispatcher.start()
        self.dispatcher.replace(self._accounts.apply())
        await self._apply_calls()
        await self._apply_webhook()
        self._keep("watch over lone parts", self.inbox.watch_parts)
        self._keep("retention", self._purge)
        folder = self.paths.inside(self.context.config.main.database).parent
        self._keep("watch over the disk", Room(self.alerts, folder).run)
        await self._stop.wait()
        watching.close()
        await self._end()

    def _watching(self) -> Watching:
        """Watch for commits of the configuration, for the copy of it, and for ports that come and go."""
        ours = config.FILES.__contains__
        folders = [
            Folder(self.paths.etc_config, FILES, ours, self._committed),
            Folder(
                self.paths.dev, DEVICES, lambda name: name.startswith(("ttyUSB", "ttyACM")), self.fleet.ports_changed
            ),
            Folder(self.paths.config, COPIES, ours, self.reloader.take),
        ]
        return Watching(folders, self.troubles.say)

    async def _opened(self) -> None:
        """Open the store, if it is not, and tell what it found: damage, and what the last run left half done."""
        try:
            await self.context.database(Store.unread)
        except StoreError as error:
            log.error("The database cannot be used: %s", error)
            return
        await self.alerts.store_again()
        notices, unknown = self.context.database.news()
        for notice in notices:
            await self.alerts.raise_("database.opened", notice, "The old file is kept beside the new one.")
        for message in unknown:
            await self.outbox.left_unknown(message)

    async def _end(self) -> None:
        """Dongles first (nothing new comes in), then what sends, then the bus, the store last."""
        log.info("Stopping")
        await self._accounts.close_timed()
        if "_outside" in self.__dict__:
            await self._outside.close()
        await self.fleet.stop()
        if self.telephony is not None:
            await self.telephony.close()
        await self._accounts.close()
        await self.dispatcher.close()
        self.jobs.stop()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self.bus.close()
        self.copying.close()
        await self.context.database.close()

    def _keep(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.spawn(keep(name, work, self.troubles.say))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run in the background until the service stops; a failure is logged."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("A part of the service failed", exc_info=error)

    def _clock_jumped(self, delta: int) -> None:
        """In any thread: the store's asks for the time as well."""
        self.context.database.clock_set(delta)
        self._loop.call_soon_threadsafe(lambda: self.spawn(self._clock_set(delta)))

    async def _clock_set(self, delta: int) -> None:
        """What waits keeps its pauses, and what came before the clock was set gets its true date."""
        log.info("The clock was set by %d s", delta)
        with contextlib.suppress(StoreError):
            await self.context.database(Store.unread)  # or the store would put its times right with the next call only
        if self.voice is not None:
            self.voice.changed()
        self.dispatcher.wake()
        self._accounts.look()
        self.inbox.look()
        for name in self.dongles:
            self.outbox.nudge(name)

    async def _purge(self) -> None:
        while True:
            days = self.context.config.main.retention_days
            try:
                while days and (count := await self.context.database(Store.purge, self.context.clock(), days)):
                    log.info("%d events older than %d days were deleted", count, days)
                await self._sweep()
            except StoreError as error:
                log.warning("Old messages could not be deleted: %s", error)
            await asyncio.sleep(PURGE_EVERY)

    async def _sweep(self) -> None:
        """Delete the recordings of calls that are gone. Raises StoreError."""
        if await self.context.database(Store.unwanted_recordings):
            await self.voicemail.sweep()

    @cached_property
    def calls(self) -> Calls:
        """Loaded where there are calls, as what follows is where there is such a thing."""
        from homeline.service.calls import Calls

        return Calls(self.context)

    @cached_property
    def _ringing(self) -> RingingDongles:
        from homeline.service.ringing import RingingDongles

        return RingingDongles(self.context, self.calls, self.spawn)

    @cached_property
    def voicemail(self) -> Voicemail:
        from homeline.service.voicemail import Voicemail

        return Voicemail(self.context, self.paths, self.alerts, self.calls)

    @cached_property
    def _outside(self) -> Outside:
        from homeline.service.outside import Outside

        return Outside(self.context, self.paths, self.inbox, self.calls, self.voicemail, self.troubles.say)

    @cached_property
    def _explainer(self) -> Explainer:
        from homeline.service.explaining import Explainer

        return Explainer(self.context, self.dispatcher)

    @cached_property
    def _sip_sending(self) -> SipSending:
        from homeline.service.sip_sending import SipSending

        assert self.telephony is not None
        return SipSending(self.context, self.paths, self.telephony.ami)

    @cached_property
    def _sip_messages(self) -> SipMessages:
        from homeline.service.sip_messages import SipMessages

        assert self.telephony is not None
        return SipMessages(self.context, self.telephony.ami, self.outbox, self._sip_sending.tell)

    @cached_property
    def _passwords(self) -> PhonePasswords:
        from homeline.service.phone_passwords import PhonePasswords

        return PhonePasswords(self.paths, self._committer)

    @cached_property
    def _committer(self) -> Committer:
        from homeline.service.committing import Committer

        return Committer(self.paths, self.reloader)

    @cached_property
    def _twilio(self) -> TwilioSetup:
        from homeline.service.twilio import TwilioSetup

        return TwilioSetup(self.context, self.paths, self._committer)

    # -- configuration ------------------------------------------------------------------------------------------------

    def _committed(self) -> None:
        """Somebody ran `uci commit`."""
        self.spawn(self.reloader.announce())

    async def reload(self) -> dict[str, Any]:
        """Read UCI again; the problems found."""
        await self.reloader.reload()
        return {"problems": shapes.problems(self.context.config.problems)}

    def _changed(self, before: Config) -> None:
        """Another configuration is in force: only what changed is touched."""
        now = self.context.config
        if now.main.database != before.main.database:
            words = "Another database is used after a restart."
            self.troubles.say("database path", words, "/etc/init.d/homeline restart")
        for gone in _channels(before) - _channels(now):
            self._forwarding.trouble(gone, "")
        self._log_level()
        self.dispatcher.replace(self._accounts.apply())
        self.spawn(self._apply_calls())
        self.spawn(self._apply_webhook())
        self.context.emit("homeline.config.applied", {"problems": shapes.problems(now.problems)})

    async def _apply_calls(self) -> None:
        """Dongles and Asterisk as the configuration wants them."""
        now = self.context.config
        wanted = now.main.enabled and now.sip.enabled
        if self.telephony is None and wanted and have_calls(self.troubles.say):
            self.telephony = self._new_telephony()
        if self.telephony is not None:
            await self.telephony.apply()
        if self.voice is not None:
            self.voice.changed()
        if self.telephony is not None and not self._texting and any(phone.sms for phone in now.phones):
            self._texting = True
            self._keep("messages of phones", self._sip_messages.run)
        await self.fleet.apply(now)

    async def _apply_webhook(self) -> None:
        """What the webhook's process tells is taken while there is to be one."""
        wanted = self.context.config.main.enabled and self.context.config.twilio.webhook
        if "_outside" in self.__dict__ or (wanted and have_twilio(self.troubles.say)):
            await self._outside.apply(wanted=wanted)

    def _ami(self) -> Ami | None:
        """Asterisk's manager, while Asterisk is wanted."""
        return self.telephony.ami if self.telephony is not None and self.context.config.sip.enabled else None

    def _new_telephony(self) -> Telephony:
        """Asterisk's side, loaded only where it is wanted. Whatever lives on its manager is added here."""
        from homeline.service.telephony import Telephony
        from homeline.service.voice import Voice

        telephony = Telephony(self.context, self.paths, self.reloader.announce, self.troubles.say)
        self.voice = Voice(self.context, telephony.ami, self.calls, self.voicemail, telephony.add)
        return telephony

    def _asterisk(self) -> dict[str, Any]:
        """What `status` shows of it."""
        return self.telephony.status() if self.telephony is not None else {"running": False, "configuration": "off"}

    def _log_level(self) -> None:
        logging.getLogger().setLevel(logs.LEVELS[self.context.config.main.log_level])

    # -- troubles -----------------------------------------------------------------------------------------------------

    def _store_trouble(self, error: StoreError | None) -> None:
        if error is None:
            self.troubles.say("database", "")
            self.spawn(self._opened())
            return
        if isinstance(error, StoreDamaged):
            self.spawn(self._opened())  # now: nobody else may need the store for hours
        self.troubles.say("database", str(error), advice(error))

    # -- deliveries ---------------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        self.dispatcher.wake()


def _channels(config: Config) -> set[str]:
    """All that deliveries may go to."""
    return {*config.channels, *(section.name for section in config.auto_replies)}


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
    logs.to_procd()

    async def run() -> None:
        await Gateway(Paths(root)).run()

    asyncio.run(run())
    return 0
