"""The store in a thread of its own: SQLite may wait for the flash, the loop may not.

One worker thread owns the `Store`, so its calls are in order and never concurrent. While the store cannot be opened
(no permission yet, disk full) every call fails with `StoreError`; opening is tried again after `RETRY` seconds.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from homeline.adapters.store import Store
from homeline.errors import StoreDamaged, StoreError, StoreFull
from homeline.model import Message

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

RETRY = 5.0  # seconds between two tries to open
CLOSE_TIMEOUT = 5.0  # seconds for the last commit at shutdown


def advice(error: StoreError) -> str:
    """What the owner can do about it."""
    if isinstance(error, StoreDamaged):
        return "It is moved aside and a new one begun."
    if isinstance(error, StoreFull):
        return "Messages stay on the SIM meanwhile. Free some space, or move the database (homeline.main.database)."
    return "Messages stay on the SIM meanwhile. The database's folder must be the user homeline's (chown homeline)."


class Database:
    """`await database(Store.method, *args)` runs one method of the store in its thread."""

    def __init__(self, path: Path, clock: Callable[[], int], on_trouble: Callable[[StoreError | None], None]) -> None:
        """`on_trouble` is called in the loop with the error when the store fails, and with None when it works again."""
        self.path = path
        self._clock = clock
        self.instance = ""  # the store's random id, once it was open
        self._notices: list[str] = []
        self._unknown: list[Message] = []
        self._on_trouble = on_trouble
        self._store: Store | None = None
        self._tried = float("-inf")
        self._failure: StoreError | None = None
        self._set_by: list[int] = []  # by how much the clock was set, each time
        self._put_right = 0  # how many of these the store knows of; the worker thread's
        self._thread = ThreadPoolExecutor(1, "store")

    def clock_set(self, delta: int) -> None:
        """The clock was set by so many seconds: what is stored is put right. In any thread; returns at once.

        That happens before whatever is asked for from now on, which has the new time in it and must not be moved, and
        after what was asked for before.
        """
        self._set_by.append(delta)

    async def __call__(self, method: Callable[Concatenate[Store, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `method` and return its result.

        Raises StoreError and its kinds; what the method itself raises (NotFound, InvalidArgument) comes through.
        """

        sets = len(self._set_by)

        def run() -> tuple[T, bool]:
            store = self._opened()
            self._shift_times(store, sets)
            before = store.changes
            return method(store, *args, **kwargs), store.changes != before

        loop = asyncio.get_running_loop()
        try:
            result, wrote = await loop.run_in_executor(self._thread, run)
        except StoreError as error:
            self._report(error)
            raise
        if wrote or not isinstance(self._failure, StoreFull):  # a full disk can be read all the same
            self._report(None)
        return result

    def _shift_times(self, store: Store, sets: int) -> None:
        """Put times right for the first so many times that the clock was set; in the worker thread."""
        while self._put_right < sets:
            delta = self._set_by[self._put_right]
            self._put_right += 1
            try:
                store.shift_times(delta)
            except StoreError as error:
                log.warning("Times could not be put right after the clock was set: %s", error)

    def _report(self, error: StoreError | None) -> None:
        if (error is None) != (self._failure is None) or type(error) is not type(self._failure):
            self._failure = None if error is None else _bare(error)
            self._on_trouble(error)

    def _opened(self) -> Store:
        """The open store; in the worker thread."""
        if self._store is not None:
            if not self._store.damaged:
                return self._store
            self._store.close()
            self._store = None
            self._tried = float("-inf")
        if time.monotonic() - self._tried < RETRY and self._failure is not None:
            raise _bare(self._failure)
        self._tried = time.monotonic()
        store = Store.open(self.path)
        try:
            unknown = store.recover(self._clock()).unknown
        except BaseException:
            store.close()  # or its lock would keep the next try out
            raise
        self._notices += store.notices
        self._unknown += unknown
        self.instance = store.instance
        self._store = store
        return store

    def news(self) -> tuple[list[str], list[Message]]:
        """What opening found since the last call: notices of damage, and messages whose submission is now unknown."""
        news = self._notices, self._unknown
        self._notices, self._unknown = [], []
        return news

    async def close(self) -> None:
        """Finish what is under way and close the file."""

        def close() -> None:
            if self._store is not None:
                self._store.close()
                self._store = None

        loop = asyncio.get_running_loop()
        try:
            await asyncio.wait_for(loop.run_in_executor(self._thread, close), CLOSE_TIMEOUT)
        except (TimeoutError, StoreDamaged) as error:
            log.warning("The database was not closed cleanly: %s", error)
        self._thread.shutdown(wait=False)


def _bare(error: StoreError) -> StoreError:
    """The same error without its trace, which holds the store that it saw, and grows each time it is raised."""
    return type(error)(*error.args)
