"""One way from the configuration to Asterisk: facts, files, and what became of them, with everything that is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from homeline.adapters import asterisk_files
from homeline.adapters.ami import Ami
from homeline.adapters.render_process import NoRenderer, Question, Reply, render
from homeline.config import MAIN_FILE, SECRET_FILE
from homeline.core import asterisk_modules
from homeline.errors import RenderError
from homeline.paths import Paths
from homeline.protocol import ami
from homeline.service.asterisk_view import AsteriskView
from homeline.service.telephony_apply import Applied, Applier, Outcome
from homeline.service.telephony_names import Names
from homeline.service.troubles import Say
from homeline.telephony import Facts

OLDEST = 18  # Asterisk's oldest version that is known to work
RELOAD = "/etc/init.d/homeline reload"
STAYS = "The configuration before stays in force."
CONFIGURATION, FILES_KEY, ABSENT, VERSION = (
    "asterisk configuration",
    "asterisk files",
    "asterisk installation",
    "asterisk version",
)
INCLUDES = "asterisk includes"
Items = Iterable[tuple[str, str, str]]


class Rounds:
    """`go` makes one; one at a time. `outcome` is that of the last."""

    def __init__(
        self,
        paths: Paths,
        ami: Ami,
        view: AsteriskView,
        names: Names,
        applier: Applier,
        announce: Callable[[], Awaitable[None]],
        say: Say,
    ) -> None:
        self._paths, self._ami, self._view, self._names, self._applier = paths, ami, view, names, applier
        self._announce, self._say = announce, say
        self._secret = ""  # made, and not yet in a file
        self._said: dict[str, set[str]] = {}  # keys of troubles by where they came from
        self._tried: Mapping[str, str] = {}  # files that were last brought to Asterisk
        self._refused: Mapping[str, str] | None = None  # files that it did not take
        self.applied = Applied(Outcome.WAITING)
        self.version = ""  # Asterisk's, that counted in the last one

    @property
    def installed(self) -> bool:
        """Whether there is an Asterisk on this router."""
        inside = self._paths.inside
        return any(inside(path).exists() for path in ("/usr/sbin/asterisk", "/usr/lib/asterisk/modules"))

    async def go(self, *, force: bool = False) -> Applied:
        """Render, and bring it to Asterisk. Files that it did not take before are left alone, unless `force`."""
        force = force or self.again
        self.version = self._ami.version
        try:
            reply = await self.rendered()
        except RenderError as error:
            self._unrendered(error)
            self.applied = Applied(Outcome.REFUSED, str(error))
            return self.applied
        self._tell("finding", reply.findings)
        self._tell("rendering", reply.rendered.problems)
        self._view.need(reply.rendered.needed)
        self.applied = await self._apply(reply, force)
        if self.installed:
            await self._include(reply.unincluded)
        return self.applied

    async def _include(self, names: tuple[str, ...]) -> None:
        """Asterisk reads ours only where the owner's files include them: root's helper sees to that."""
        if names:
            await self._announce()
        words = f"Asterisk's own files do not include ours: {', '.join(names)}." if names else ""
        self._say(INCLUDES, words, f"Run: {RELOAD}" if names else "")

    async def rendered(
        self, before: Mapping[str, str] | None = None, staged: Sequence[Mapping[str, Any]] | None = None
    ) -> Reply:
        """What the configuration comes to now, or would with these sections (see `staged`). Raises RenderError."""
        try:
            main, secrets = await asyncio.to_thread(_texts, self._paths.config)
        except OSError as error:
            raise RenderError(f"the configuration cannot be read: {error.strerror}") from None
        if staged is not None:
            from homeline.service.staged import staged_texts  # loaded where a page asks

            main, secrets = staged_texts(staged, secrets)
        return await render(Question(main, secrets, await self._facts(), str(self._paths.asterisk), before))

    def _unrendered(self, error: RenderError) -> None:
        advice = STAYS
        if isinstance(error, NoRenderer):
            advice = "Install python3-jinja2 (opkg install, from OpenWrt 25.12 on apk add)."
        self._say(CONFIGURATION, f"It cannot be made: {error}.", advice)

    async def _facts(self) -> Facts:
        self._secret = await asyncio.to_thread(asterisk_files.secret, self._paths.rendered) or self._secret
        self._secret = self._secret or asterisk_files.new_secret()
        modules = await asyncio.to_thread(asterisk_files.modules, self._paths.inside("/usr/lib/asterisk/modules"))
        return Facts(
            root=str(self._paths.root),
            addresses=dict(self._names.addresses),
            ami_secret=self._secret,
            version=ami.version(self._ami.version),
            modules=modules,
        )

    async def _apply(self, reply: Reply, force: bool) -> Applied:
        if not self.installed and not self._ami.connected:
            needed = asterisk_modules.advice(("pbx_config", *reply.rendered.needed))
            self._say(ABSENT, "Asterisk is not installed, so there are no calls.", needed)
            return Applied(Outcome.WAITING)
        self._say(ABSENT, "", "")
        if not force and self._refused == reply.rendered.files:
            return replace(self.applied, changed=())
        self._tried = dict(reply.rendered.files)
        try:
            applied = await self._applier.apply(reply.rendered)
        except OSError as error:
            words = f"Asterisk's files cannot be written: {error.strerror or error}. {STAYS}"
            self._say(FILES_KEY, words, f"{self._paths.rendered} needs space, and to be homeline's: run {RELOAD}")
            return Applied(Outcome.REFUSED, words)
        self._say(FILES_KEY, "", "")
        return self._judged(applied)

    async def look(self) -> Applied:
        """Compare what Asterisk shows with what it should; after a refusal or a rollback that goes on to be said."""
        before = replace(self.applied, changed=())
        if before.outcome is not Outcome.REFUSED:
            found = await self._applier.check()
            if before.outcome is not Outcome.ROLLED_BACK or found.outcome is Outcome.FAILED:
                before = self._judged(found)
        self.applied = before
        return before

    async def give_up(self) -> Applied:
        """Asterisk does not come up: it is tried with the files with which it last did."""
        self.applied = self._judged(await self._applier.put_back("Asterisk does not start with it"))
        return self.applied

    @property
    def again(self) -> bool:
        """Whether Asterisk is another one, which wants to be asked anew."""
        return self.version != self._ami.version

    def _judged(self, applied: Applied) -> Applied:
        """Say what is wrong with it."""
        self._refused = self._tried if applied.outcome is Outcome.ROLLED_BACK else None
        advice = STAYS if applied.outcome is Outcome.ROLLED_BACK else "The log of Asterisk has more."
        if applied.outcome in (Outcome.FAILED, Outcome.ROLLED_BACK):
            self._say(CONFIGURATION, f"Asterisk does not take it: {applied.words}.", advice)
        elif applied.outcome is Outcome.STUCK:
            self._say(CONFIGURATION, f"Asterisk does not answer: {applied.words}.", "It is tried again by itself.")
        elif applied.outcome is not Outcome.WAITING:
            self._say(CONFIGURATION, "", "")
        number = ami.version(self._ami.version)
        old = bool(number) and number[0] < OLDEST
        words = f"Asterisk {self._ami.version[:40]} is older than {OLDEST}, with which this was made."
        self._say(VERSION, words if old else "", "Update it." if old else "")
        return applied

    def _tell(self, kind: str, items: Items) -> None:
        """Say these, and no more those of this kind that were said before."""
        keys = set()
        for where, text, advice in items:
            keys.add(where)
            self._say(where, text, advice)
        for gone in self._said.get(kind, set()) - keys:
            self._say(gone, "", "")
        self._said[kind] = keys

    def silence(self) -> None:
        """Take back all that was said."""
        for kind in list(self._said):
            self._tell(kind, ())
        for key in (CONFIGURATION, FILES_KEY, ABSENT, VERSION, INCLUDES):
            self._say(key, "", "")


def _texts(folder: Path) -> tuple[str, str]:
    """The two files of UCI; the secrets' may be missing."""
    main = (folder / MAIN_FILE).read_text(errors="replace")
    try:
        return main, (folder / SECRET_FILE).read_text(errors="replace")
    except FileNotFoundError:
        return main, ""
