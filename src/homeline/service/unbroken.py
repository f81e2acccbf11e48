"""What must not be left half done: a commit, and telling of it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_running: set[asyncio.Task[Any]] = set()  # the loop alone keeps no task alive


async def unbroken(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which goes on to its end even where the caller is cancelled.

    A driver is cancelled whenever its port goes away or its settings change. The store's thread commits all the same,
    and a message that is stored without a word to the dispatcher would wait there for the next one.
    """
    task = asyncio.get_running_loop().create_task(work)
    _running.add(task)
    task.add_done_callback(_running.discard)
    return await asyncio.shield(task)
