"""Asterisk, as the service keeps it: its files made and applied, its manager's connection, and what lives on that.

Built when `sip.enabled` is first on. `ami` stays the same object for as long as the daemon runs, so whoever needs
Asterisk may keep it; while Asterisk or `sip.enabled` is off it is just not connected.

Files are made anew when the configuration of calls changes, an address of a host, a file of the owner's, or Asterisk
itself; what Asterisk shows is compared with them then, when we are connected again, and when somebody had it reload.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from homeline.adapters import asterisk_files
from homeline.adapters.ami import Ami
from homeline.adapters.resolve import Resolver
from homeline.adapters.watch import FILES
from homeline.config import Config
from homeline.core import asterisk_modules, texts, trunks
from homeline.errors import HomelineError, NotSupported, RenderError
from homeline.paths import Paths
from homeline.protocol.ami import Message
from homeline.service import asterisk_shapes
from homeline.service.asterisk_view import AsteriskView
from homeline.service.context import Context
from homeline.service.keeping import keep
from homeline.service.telephony_apply import Applied, Applier, Outcome
from homeline.service.telephony_names import Names
from homeline.service.telephony_record import Record
from homeline.service.telephony_restart import Restarter
from homeline.service.telephony_round import Rounds
from homeline.service.troubles import Say
from homeline.service.watching import Folder, Watching

Work = Callable[[], Coroutine[Any, Any, None]]
Table = dict[str, Any]

ACCOUNT = "homeline"  # of the manager
HELLO = 1.5  # seconds that an Asterisk which has our account gets to tell its version, before files are first made
GIVE_UP = 2  # tries to start Asterisk, after which it is tried with the configuration before
OWN_RELOAD = 2.0  # seconds in which an event tells of a reload that was ours
HINT = 2.0  # seconds from such an event until it is looked at; all that come meanwhile are one
SAFETY = 900.0  # seconds between two comparisons that nothing asked for
ABSENT_LOOK = 60.0  # seconds between two looks whether Asterisk is installed now
STUCK_LOOK = 30.0  # seconds until an Asterisk that did not answer is asked again
REFUSED_LOOK = 300.0  # seconds until what was refused is tried again, although nothing has changed that we know of
MODULES = "asterisk modules"
OFF: Table = {"running": False, "configuration": Outcome.OFF.value}
OWNERS_SUFFIXES = (".conf", ".ael", ".lua")


class Telephony:
    """`add` parts, then `apply` at the start and after each change of the configuration; `close` at the end."""

    def __init__(
        self,
        context: Context,
        paths: Paths,
        announce: Callable[[], Awaitable[None]],
        say: Say,
        resolver: Resolver | None = None,
    ) -> None:
        """`announce` has procd run root's helper; `say` is told of troubles."""
        self._context, self._paths, self._say = context, paths, say
        self._announce = announce
        self.ami = Ami(context.config.sip.ami_port, ACCOUNT, self._secret, say=self._say_if_installed)
        self.view = AsteriskView(self.ami, lambda: context.config, context.clock, self._view_changed)
        self._names = Names(paths.rendered / "names.json", resolver or Resolver(), self._render_soon, say)
        record = Record(paths.rendered / "restart", paths.run / "asterisk.json")
        self._applier = Applier(self.ami, self.view.objects, paths.rendered, paths.inside("/var/log/asterisk"), record)
        self._rounds = Rounds(paths, self.ami, self.view, self._names, self._applier, announce, say)
        self._restarter = Restarter(self.ami, paths.asterisk_request, record, announce, say)
        self._parts: list[tuple[str, Work]] = [
            ("manager's connection", self.ami.run),
            ("view of Asterisk", self.view.run),
            ("addresses", self._names.run),
            ("watch over Asterisk's files", self._watch),
            ("configuration of Asterisk", self._work),
        ]
        self._running: list[asyncio.Task[None]] = []
        self._turn = asyncio.Lock()
        self._kick = asyncio.Event()
        self._due = self._forced = False
        self._done: asyncio.Future[None] | None = None  # the end of the round under way, or of the next
        self._hint: asyncio.TimerHandle | None = None  # until somebody else's reload is looked at
        self._absent = False  # no Asterisk is installed
        self._seen: object = None  # the configuration of calls that was last applied

    def add(self, name: str, work: Work) -> None:
        """`work` runs while Asterisk is wanted; kept alive as `keeping.keep` does. Add before the first `apply`."""
        self._parts.append((name, work))

    # -- life ---------------------------------------------------------------------------------------------------------

    async def apply(self) -> None:
        """The configuration in force may be another one."""
        async with self._turn:
            config = self._context.config
            if not wanted(config):
                if self._running:
                    await self._stop()
                    await self._withdraw()
                return
            if (seen := _relevant(config)) != self._seen:
                self._seen = seen
                self._names.want(trunks.hosts(config))
                self.view.refresh()
                self._render_soon()
            if not self._running:
                self._running = [asyncio.create_task(keep(name, work, self._say)) for name, work in self._parts]

    async def close(self) -> None:
        """End all parts."""
        async with self._turn:
            await self._stop()

    async def _stop(self) -> None:
        running, self._running = self._running, []
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        self._seen = None
        done, self._done = self._done, None
        if done is not None and not done.done():
            done.set_result(None)

    async def _withdraw(self) -> None:
        """Nothing of ours is wanted any more: our files go, and root's helper has Asterisk read its own again."""
        self._rounds.silence()
        self._say(MODULES, "", "")
        self._say("asterisk", "", "")
        await self._applier.withdraw()

    def _secret(self) -> str:
        """The manager account's password, which is kept in the file that has it for Asterisk; "" if there is none."""
        return asterisk_files.secret(self._paths.rendered)

    # -- what happens -------------------------------------------------------------------------------------------------

    def _render_soon(self) -> None:
        self._due = True
        self._kick.set()

    def _owner_wrote(self) -> None:
        """What stood in the way of our files may be gone."""
        self._forced = True
        self._render_soon()

    def _connection_changed(self, connected: bool) -> None:
        self._due |= connected and self._rounds.again
        self._kick.set()

    def _reloaded(self, _: Message) -> None:
        """Somebody had Asterisk read files again. A hint that strangers can forge: it is only looked at, and seldom."""
        ours = time.monotonic() - self._applier.reloaded_at < OWN_RELOAD
        if not ours and self._hint is None:
            self._hint = asyncio.get_running_loop().call_later(HINT, self._hinted)

    def _hinted(self) -> None:
        self._hint = None
        self._kick.set()

    def _view_changed(self) -> None:
        missing = self.view.missing
        words = f"Asterisk lacks modules that this configuration needs: {', '.join(missing)}." if missing else ""
        self._say(MODULES, words, asterisk_modules.advice(missing))
        if self._applier.record.needs_restart and not self.view.channels():
            self._kick.set()  # it waited for this

    async def _watch(self) -> None:
        """The owner's files: whatever is written there is audited, and may change what ours must say."""
        folder = Folder(self._paths.asterisk, FILES, lambda name: name.endswith(OWNERS_SUFFIXES), self._owner_wrote)
        watching = Watching(
            [folder], lambda _, text, advice: self._say_if_installed("watch over Asterisk's files", text, advice)
        )
        try:
            watching.begin()
            await watching.work()
            await asyncio.Event().wait()
        finally:
            watching.close()

    def _say_if_installed(self, key: str, text: str, advice: str) -> None:
        """Without Asterisk there is nothing to watch or to talk to, and that is said elsewhere."""
        shown = self._rounds.installed
        self._say(key, text if shown else "", advice if shown else "")

    # -- the work -----------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        stops = (self.ami.on_state(self._connection_changed), self.ami.listen("Reload", self._reloaded))
        try:
            if self._secret():
                await self._greet()
            self._due = True
            while True:
                pause = await self._step()
                await self._rest(pause)
        finally:
            for stop in stops:
                stop()
            if self._hint is not None:
                self._hint.cancel()
                self._hint = None

    async def _greet(self) -> None:
        """Files depend on Asterisk's version, so they are made once where it tells that at once."""
        try:
            await self.ami.wait_connected(HELLO)
        except HomelineError:
            return

    async def _rest(self, pause: float) -> None:
        try:
            async with asyncio.timeout(pause):
                await self._kick.wait()
        except TimeoutError:
            return
        finally:
            self._kick.clear()

    async def _step(self) -> float:
        """Do what is due; in how many seconds to come again."""
        before, done = self._rounds.applied.outcome, self._done
        self._done = None
        try:
            if self._due:
                self._due, force, self._forced = False, self._forced, False
                applied = await self._rounds.go(force=force)
                self._follow_port(applied)
            else:
                applied = await self._rounds.look()
                if applied.outcome is Outcome.FAILED and before is not Outcome.FAILED:
                    self._render_soon()  # the files may not be ours any more
        finally:
            if done is not None and not done.done():
                done.set_result(None)
        if applied.changed or applied.outcome is not before:
            self._emit(applied)
        return min(await self._restart(applied), await self._again())

    def _follow_port(self, applied: Applied) -> None:
        """The manager has moved, now that it has read its file, or will have when it is there."""
        port = self._context.config.sip.ami_port
        if port != self.ami.port and applied.outcome not in (Outcome.REFUSED, Outcome.ROLLED_BACK):
            self.ami.port = port
            self.ami.reconnect()

    async def _restart(self, applied: Applied) -> float:
        """Start Asterisk, or start it again, where that is wanted; in how many seconds to come again."""
        if not self._rounds.installed or applied.outcome is Outcome.REFUSED:
            return SAFETY
        self._restarter.unheard |= applied.outcome is Outcome.WAITING and asterisk_files.MANAGER in applied.changed
        by_itself = self._context.config.sip.restart == "idle"
        again = await self._restarter.look(needed=self._applier.record.needs_restart, by_itself=by_itself)
        if self._restarter.tries >= GIVE_UP and self._applier.unproven:
            self._emit(await self._rounds.give_up())
        return SAFETY if again is None else again

    async def _again(self) -> float:
        """In how many seconds to come again because something is missing or was refused."""
        absent, self._absent = self._absent, not self._rounds.installed
        if self._absent:
            return ABSENT_LOOK
        if absent or self._rounds.applied.outcome is Outcome.REFUSED:
            self._due = True
            if not self._paths.rendered.is_dir():
                await self._announce()  # root's helper makes it
            if absent:
                self._kick.set()
            return REFUSED_LOOK
        return STUCK_LOOK if self._rounds.applied.outcome is Outcome.STUCK else SAFETY

    def _emit(self, applied: Applied) -> None:
        data: Table = {"asterisk": applied.outcome.value, "changed": list(applied.changed)}
        if applied.words:
            data["error"] = applied.words
        self._context.emit("homeline.config.applied", data)

    # -- for the bus --------------------------------------------------------------------------------------------------

    def status(self) -> Table:
        """The table `asterisk` of `status`."""
        if not self._running:
            return OFF
        applied = self._rounds.applied
        shown = asterisk_shapes.asterisk(self.view.snapshot()) | {"configuration": applied.outcome.value}
        return shown | ({"error": applied.words} if applied.words else {})

    async def difference(self, staged: Sequence[Table] | None = None) -> Table:
        """What rendering now would change, or rendering these sections; with `error` where it cannot be done.

        Raises NotSupported, InvalidArgument (they are no sections).
        """
        self._must_run()
        try:
            before = await asyncio.to_thread(asterisk_files.present, self._paths.rendered)
        except OSError:
            before = {}
        try:
            reply = await self._rounds.rendered(before, staged)
        except RenderError as error:
            return {"files": [], "asterisk": Outcome.REFUSED.value, "error": str(error)}
        names = sorted({*before, *reply.rendered.files})
        problems = [*reply.findings, *reply.rendered.problems]
        return {
            "files": [_file(name, reply.rendered.files, reply.differences) for name in names],
            "asterisk": self._rounds.applied.outcome.value,
            "problems": [{"where": where, "text": text, "advice": advice} for where, text, advice in problems],
        }

    async def render(self, *, restart: bool = False) -> Table:
        """Render and apply now, also what Asterisk did not take before; with `restart` start it again, calls or not.

        With `error` where it cannot be done. Raises NotSupported.
        """
        self._must_run()
        self._restarter.demanded = self._restarter.demanded or restart
        self._forced = True
        if self._done is None or self._done.done():
            self._done = asyncio.get_running_loop().create_future()
        done = self._done
        self._render_soon()
        await asyncio.shield(done)
        self._must_run()
        applied = self._rounds.applied
        files = [{"name": name, "changed": True} for name in applied.changed]
        return {"files": files, "asterisk": applied.outcome.value} | ({"error": applied.words} if applied.words else {})

    def _must_run(self) -> None:
        if not self._running:
            raise NotSupported("Asterisk is not Homeline's: sip.enabled is off")


def wanted(config: Config) -> bool:
    """Whether the configuration wants anything of Asterisk."""
    return config.main.enabled and config.sip.enabled


def _relevant(config: Config) -> object:
    """What Asterisk's files are made of."""
    calls = (config.sip, config.trunks, config.phones, config.lines, config.outbounds, config.twilio)
    return config.main.country, config.dongles, calls, texts.by_message(config)


def _file(name: str, files: Any, differences: Any) -> Table:
    shown: Table = {"name": name, "changed": name in differences, "size": len(files.get(name, "").encode())}
    if name in differences:
        shown["diff"] = "\n".join(differences[name])
    return shown
