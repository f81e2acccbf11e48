"""The addresses of the hosts that Asterisk's files name: the daemon looks them up, so that DNS never holds Asterisk up.

The last good answer counts until another comes, also over restarts: it is kept beside the rendered files. DNS tells us
no time to live, so each name is asked for again every few minutes.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from homeline.adapters.resolve import Resolver
from homeline.errors import HomelineError
from homeline.service.troubles import Say

log = logging.getLogger(__name__)

EVERY = 300.0  # seconds between two looks at a name
AGAIN = 15.0  # seconds after one that failed, doubled up to EVERY
TIMEOUT = 10.0  # seconds
_LONGEST = 64 * 1024  # octets of the file of answers
_KEPT = 32  # addresses of a name

Addresses = dict[str, tuple[str, ...]]


class Names:
    """`want` names and `run`; `changed` is called when `addresses` has become another."""

    def __init__(self, path: Path, resolver: Resolver, changed: Callable[[], None], say: Say) -> None:
        """`path` is the file in which answers are kept. `say` is told of names that cannot be resolved."""
        self._path, self._resolver, self._changed, self._say = path, resolver, changed, say
        self._known: Addresses | None = None
        self._wanted: tuple[str, ...] = ()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._kick = asyncio.Event()

    @property
    def addresses(self) -> Mapping[str, tuple[str, ...]]:
        """What is known of the wanted names, the preferred address first; one without an answer is not in it."""
        known = self._answers()
        return {name: known[name] for name in self._wanted if name in known}

    def want(self, names: Iterable[str]) -> None:
        """From now on follow these names and no others."""
        self._wanted = tuple(sorted(set(names)))
        self._kick.set()

    async def run(self) -> None:
        """Follow them until cancelled."""
        try:
            while True:
                self._kick.clear()
                self._reconcile()
                await self._kick.wait()
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            self._tasks.clear()

    def _reconcile(self) -> None:
        for name in [name for name in self._tasks if name not in self._wanted]:
            self._tasks.pop(name).cancel()
            self._say(_key(name), "", "")
        for name in self._wanted:
            if name not in self._tasks or self._tasks[name].done():
                self._tasks[name] = asyncio.create_task(self._follow(name))

    async def _follow(self, name: str) -> None:
        pause = AGAIN
        while True:
            try:
                found = await self._resolver.resolve(name, TIMEOUT)
            except HomelineError as error:
                self._failed(name, str(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, EVERY)
                continue
            self._say(_key(name), "", "")
            if found:
                await self._found(name, found[:_KEPT])
            pause = AGAIN
            await asyncio.sleep(EVERY)

    def _failed(self, name: str, words: str) -> None:
        if name in self._answers():
            self._say(_key(name), f"{words}. Its last known address goes on to be used.", "Check the router's DNS.")
        else:
            self._say(_key(name), f"{words}. Nothing that needs it works.", "Check the name and the router's DNS.")

    async def _found(self, name: str, found: tuple[str, ...]) -> None:
        known = self._answers()
        before = known.get(name, ())
        if before and before[0] in found:  # what works is kept, in whatever order name servers answer
            found = (before[0], *(address for address in found if address != before[0]))
        if found == before:
            return
        known[name] = found
        log.info("%s is at %s", name, found[0])
        await asyncio.to_thread(
            _save, self._path, {wanted: known[wanted] for wanted in self._wanted if wanted in known}
        )
        self._changed()

    def _answers(self) -> Addresses:
        if self._known is None:
            self._known = _load(self._path)
        return self._known


def _key(name: str) -> str:
    return f"name {name}"


def _load(path: Path) -> Addresses:
    """What was kept; nothing where the file is not there or not ours."""
    try:
        with path.open("rb") as file:
            data = json.loads(file.read(_LONGEST))
        return {str(name): tuple(map(str, found)) for name, found in data.items() if found}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _save(path: Path, known: Addresses) -> None:
    """Durable as the flash allows. A failure costs only the memory of it."""
    new = path.with_name(f".{path.name}.new")
    try:
        new.write_text(json.dumps(known, sort_keys=True))
        new.replace(path)
    except OSError as error:
        log.warning("Addresses could not be kept: %s", error)
