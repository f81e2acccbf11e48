"""Bringing rendered files to Asterisk: written as one set, read again by the narrowest part, and then looked at.

A reload's own answer says nothing (Asterisk keeps what it had where a file cannot be read, and reports success). What
counts is that the objects which it shows are the rendered ones. Where they are not, the files are put back.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from homeline.adapters import asterisk_files
from homeline.adapters.ami import Ami
from homeline.errors import ActionRefused, ConnectionLost, HomelineError
from homeline.service.asterisk_objects import UNKNOWN
from homeline.service.telephony_record import Record
from homeline.telephony import MARK, Rendered

log = logging.getLogger(__name__)

# By whom each file is read again, in this order; what is not here only a restart reads. The manager comes last: with it
# our own account may change.
RELOADS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "logger.conf": ("Reload", {"Module": "logger"}),
    "rtp.conf": ("Reload", {"Module": "res_rtp_asterisk.so"}),
    "pjsip.conf": ("Reload", {"Module": "res_pjsip.so"}),  # with registrations and identifies
    "extensions.conf": ("Reload", {"Module": "pbx_config.so"}),
    "hep.conf": ("Reload", {"Module": "res_hep.so"}),
    "dongle.conf": ("DongleReload", {"When": "gracefully"}),  # a dongle with a call is changed after the call
    "quectel.conf": ("QuectelReload", {"When": "gracefully"}),
    "manager.conf": ("Reload", {"Module": "manager"}),
}
RELOAD_TIMEOUT = 30.0  # seconds
LOOKS = 5  # at what Asterisk shows, until it is what was rendered
LOOK_PAUSE = 0.2  # seconds between two of them
NAMED = 5  # names in one complaint

Objects = Mapping[str, tuple[str, ...]]
_RESTARTS = ("transport",)  # kinds that may need a restart to appear


class Outcome(StrEnum):
    """Where the rendered configuration is on its way to being in force."""

    OFF = "off"  # nothing is wanted of Asterisk
    REFUSED = "refused"  # it cannot be rendered or written: the one before stays
    WAITING = "waiting"  # written, Asterisk is away
    APPLIED = "applied"  # Asterisk shows what was rendered
    PENDING = "pending_restart"  # a part of it takes effect when Asterisk is started again
    STUCK = "stuck"  # written, and Asterisk does not answer: tried again
    FAILED = "failed"  # Asterisk does not show what was rendered
    ROLLED_BACK = "rolled_back"  # likewise, and the one before is in force again


@dataclass(frozen=True, slots=True)
class Applied:
    outcome: Outcome
    words: str = ""  # why it is not as it should be
    changed: tuple[str, ...] = ()  # files


@dataclass(frozen=True, slots=True)
class Expected:
    """What must be there once Asterisk has read our files, and what of ours must not be there any more."""

    objects: Objects = field(default_factory=dict)
    gone: Objects = field(default_factory=dict)

    def after(self, rendered: Rendered) -> Expected:
        """What `rendered` asks for where this is what was there before."""
        gone = {
            kind: tuple(name for name in names if name not in rendered.objects.get(kind, ()))
            for kind, names in self.objects.items()
            if kind != MARK  # a mark that is missing tells as much
        }
        return Expected(rendered.objects, gone)

    @property
    def named(self) -> dict[str, tuple[str, ...]]:
        """All names that matter, by kind."""
        return {kind: self.objects.get(kind, ()) + self.gone.get(kind, ()) for kind in {*self.objects, *self.gone}}

    def complaints(self, shown: Objects, *, restarts: bool) -> list[str]:
        """What differs, in words. `restarts`: kinds that a restart brings are looked at too."""
        words = []
        unknown = {"transport": shown.get(UNKNOWN, ())}  # what cannot be seen is not held against it
        for kind, names in self.objects.items():
            there = (*shown.get(kind, ()), *unknown.get(kind, ()))
            missing = [name for name in names if name not in there]
            if kind == MARK:
                words += _named("not as it was written", [name.partition("=")[0] for name in missing])
            elif restarts or kind not in _RESTARTS:
                words += _named(f"{kind} missing", missing)
        for kind, names in self.gone.items():
            if restarts or kind not in _RESTARTS:
                words += _named(f"{kind} still there", [name for name in names if name in shown.get(kind, ())])
        return words


def _named(what: str, names: list[str]) -> list[str]:
    if not names:
        return []
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return [f"{what}: {', '.join(names[:NAMED])}{more}"]


@dataclass(frozen=True, slots=True)
class Version:
    """One state of our files: what they say, what of it only a restart brings, what Asterisk shows then."""

    files: Mapping[str, str] = field(default_factory=dict)
    restart: str = ""
    expected: Expected = field(default_factory=Expected)


class Applier:
    """One caller at a time. `shown` tells which of the named objects Asterisk has (`AsteriskView.objects`)."""

    def __init__(
        self,
        ami: Ami,
        shown: Callable[[Objects], Awaitable[Objects]],
        folder: Path,
        log_folder: Path,
        record: Record,
    ) -> None:
        self._ami, self._shown, self._folder, self._log_folder = ami, shown, folder, log_folder
        self.record = record
        self._current = Version()  # what is on disk
        self._proven: Version | None = None  # what Asterisk has shown last, or what a former daemon left
        self.reloaded_at = float("-inf")  # monotonic seconds: when we last had Asterisk read something

    @property
    def unproven(self) -> bool:
        """Whether Asterisk has not shown yet what is on disk, and there is something to go back to."""
        proven = self._proven
        return proven is not None and asterisk_files.MANAGER in proven.files and proven.files != self._current.files

    async def apply(self, rendered: Rendered) -> Applied:
        """Write the files where they differ, and bring them into force. Raises OSError: nothing was changed."""
        before = await asyncio.to_thread(asterisk_files.present, self._folder)
        if self._proven is None:
            self._proven = Version(before, self.record.on_disk)
        changed = await self._write(Version(rendered.files, rendered.restart, self._current.expected.after(rendered)))
        return replace(await self.check(), changed=changed)

    async def check(self) -> Applied:
        """Have Asterisk read what it has not read yet, and compare what it shows. Never raises.

        Where it never showed what is on disk now, the files are put back which it showed before.
        """
        found = await self._look()
        if found.outcome is Outcome.APPLIED:
            self._proven = self._current
        elif found.outcome is Outcome.FAILED and self.unproven:
            return await self.put_back(found.words)
        return found

    async def put_back(self, words: str) -> Applied:
        """The proven files, in force again; `words` say why. What goes wrong with that is logged."""
        assert self._proven is not None
        try:
            await self._write(self._proven)
        except OSError as error:
            log.error("Asterisk's former files could not be put back: %s", error)
            return Applied(Outcome.FAILED, words)
        found = await self._look()
        log.warning("Asterisk's former files were put back: %s %s", found.outcome.value, found.words)
        return Applied(Outcome.ROLLED_BACK, words)

    async def withdraw(self) -> None:
        """Take all files away. Never raises."""
        try:
            await self._write(Version())
        except OSError as error:
            log.warning("Asterisk's files could not be taken away: %s", error)
        self._proven = None

    async def _write(self, version: Version) -> tuple[str, ...]:
        """Make the folder's files those of `version`; the names of what changed."""
        before = await asyncio.to_thread(asterisk_files.present, self._folder)
        changed = _differing(before, version.files)
        if changed:
            await asyncio.to_thread(asterisk_files.replace, self._folder, version.files)
            self.record.wrote(changed, version.restart, time.monotonic())
            log.info("Asterisk's files were written: %s", ", ".join(changed))
        self._current = version
        return changed

    async def _look(self) -> Applied:
        if not self._ami.connected:
            return Applied(Outcome.WAITING)
        tail = asterisk_files.LogTail(self._log_folder)
        try:
            wrong = await self._read_and_compare()
        except ConnectionLost:
            return Applied(Outcome.WAITING)
        except HomelineError as error:
            return Applied(Outcome.STUCK, str(error))
        if self.record.needs_restart:
            return Applied(Outcome.PENDING)
        if not wrong:
            return Applied(Outcome.APPLIED)
        said = await asyncio.to_thread(tail.complaints)
        words = "; ".join([*wrong, *(f"Asterisk says: {line}" for line in said)])
        return Applied(Outcome.FAILED, words)

    async def _read_and_compare(self) -> list[str]:
        self.record.met(self._ami.started)
        stale = self.record.stale
        await self._reload(stale)
        wrong = await self._compare()
        if wrong and not self.record.needs_restart and not stale:
            await self._reload(RELOADS)  # somebody else had it read something
            wrong = await self._compare()
        return wrong

    async def _reload(self, names: Iterable[str]) -> None:
        """Have these files read again. A part that is not loaded has nothing to read: what that means, objects tell."""
        wanted = set(names)
        for name, (action, fields) in RELOADS.items():
            if name not in wanted:
                continue
            try:
                await self._ami.call(action, RELOAD_TIMEOUT, **fields)
            except ActionRefused as error:
                log.info("%s: %s", name, error)
        if wanted:
            self.reloaded_at = time.monotonic()
            self.record.took(wanted)

    async def _compare(self) -> list[str]:
        """What differs. Asterisk may need a moment."""
        wrong: list[str] = []
        for look in range(LOOKS):
            if look:
                await asyncio.sleep(LOOK_PAUSE)
            shown = await self._shown(self._current.expected.named)
            wrong = self._current.expected.complaints(shown, restarts=not self.record.needs_restart)
            if not wrong:
                break
        return wrong


def _differing(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted(name for name in {*before, *after} if before.get(name) != after.get(name)))
