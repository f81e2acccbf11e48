"""Answers that take longer than a bus call may: it returns `pending` with a job, and `get_job` brings the end."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from homeline.errors import HomelineError, NotFound

Result = dict[str, Any]
Progress = Callable[[], Result]  # how far it is, for who asks meanwhile; {} is not known

KEPT = 32  # finished jobs that are remembered


class Jobs:
    """Runs one coroutine for each job and keeps the results of the last ones."""

    def __init__(self) -> None:
        self._tasks: OrderedDict[int, asyncio.Task[Result]] = OrderedDict()
        self._progress: dict[int, Progress] = {}
        self._last = 0

    async def run(self, work: Awaitable[Result], wait: float, progress: Progress = dict) -> Result:
        """The result of `work` if it comes within `wait` seconds, else `{"pending": true, "job": id}` while it goes on.

        An error that comes within `wait` is raised; a later one is the job's result.
        """
        self._last += 1
        task = asyncio.ensure_future(work)
        self._tasks[self._last] = task
        job = self._last
        self._forget()
        done, _ = await asyncio.wait([task], timeout=wait)
        if done:
            del self._tasks[job]
            return task.result()
        self._progress[job] = progress
        task.add_done_callback(lambda task: self._ended(job, task))
        return {"pending": True, "job": job}

    def get(self, job: int) -> Result:
        """`{"state": pending | done | failed, "result": …}`; while it is pending perhaps `progress`.

        NotFound for a job that never was or is forgotten.
        """
        task = self._tasks.get(job)
        if task is None:
            raise NotFound(f"There is no job {job} (the last {KEPT} are kept).")
        if not task.done():
            progress = self._progress.get(job, dict)()
            return {"state": "pending", **({"progress": progress} if progress else {})}
        if task.cancelled():
            return {"state": "failed", "error": "The service was stopped before it ended."}
        error = task.exception()
        if error is not None:
            return {"state": "failed", "error": str(error)}
        return {"state": "done", "result": task.result()}

    def stop(self) -> None:
        """Cancel what is still running."""
        for task in self._tasks.values():
            task.cancel()

    def _forget(self) -> None:
        finished = [job for job, task in self._tasks.items() if task.done()]
        for job in finished[: max(0, len(finished) - KEPT)]:
            del self._tasks[job]

    def _ended(self, job: int, task: asyncio.Task[Result]) -> None:
        del self._progress[job]
        _retrieve(task)


def _retrieve(task: asyncio.Task[Result]) -> None:
    """Mark an error as seen, so that asyncio does not complain; `get` shows it."""
    if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, HomelineError):
        task.get_loop().call_exception_handler({"message": "a job failed", "exception": error, "task": task})
