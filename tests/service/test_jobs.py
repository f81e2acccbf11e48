"""Jobs: an answer at once, or later."""

from __future__ import annotations

import asyncio

import pytest

from homeline.errors import ModemError, NotFound
from homeline.service.jobs import KEPT, Jobs


async def test_a_quick_answer_is_the_reply() -> None:
    async def work() -> dict[str, object]:
        return {"text": "42"}

    assert await Jobs().run(work(), 5) == {"text": "42"}


async def test_a_quick_error_is_raised() -> None:
    async def work() -> dict[str, object]:
        raise ModemError("refused")

    with pytest.raises(ModemError, match="refused"):
        await Jobs().run(work(), 5)


async def test_a_late_answer_is_fetched() -> None:
    jobs, gate = Jobs(), asyncio.Event()

    async def work() -> dict[str, object]:
        await gate.wait()
        return {"text": "late"}

    reply = await jobs.run(work(), 0)
    assert reply == {"pending": True, "job": 1}
    assert jobs.get(1) == {"state": "pending"}
    gate.set()
    await asyncio.wait_for(asyncio.shield(jobs._tasks[1]), 5)
    assert jobs.get(1) == {"state": "done", "result": {"text": "late"}}


async def test_how_far_it_is() -> None:
    jobs, gate, told = Jobs(), asyncio.Event(), dict[str, object]()

    async def work() -> dict[str, object]:
        await gate.wait()
        return {}

    await jobs.run(work(), 0, lambda: told)
    assert jobs.get(1) == {"state": "pending"}
    told["done"] = 1
    assert jobs.get(1) == {"state": "pending", "progress": {"done": 1}}
    gate.set()
    await asyncio.wait([jobs._tasks[1]], timeout=30)
    assert jobs.get(1) == {"state": "done", "result": {}}


async def test_a_late_error_is_told() -> None:
    jobs, gate = Jobs(), asyncio.Event()

    async def work() -> dict[str, object]:
        await gate.wait()
        raise ModemError("no network")

    job = (await jobs.run(work(), 0))["job"]
    gate.set()
    await asyncio.wait([jobs._tasks[job]], timeout=5)
    assert jobs.get(job) == {"state": "failed", "error": "no network"}


async def test_an_unknown_job_is_not_found() -> None:
    with pytest.raises(NotFound):
        Jobs().get(5)


async def test_only_the_last_results_are_kept() -> None:
    jobs, gate = Jobs(), asyncio.Event()

    async def work() -> dict[str, object]:
        await gate.wait()
        return {}

    waiting = [(await jobs.run(work(), 0))["job"] for _ in range(KEPT + 5)]
    gate.set()
    await asyncio.wait([jobs._tasks[job] for job in waiting], timeout=5)
    await jobs.run(work(), 5)  # what came before is tidied
    with pytest.raises(NotFound):
        jobs.get(waiting[0])
    assert jobs.get(waiting[-1])["state"] == "done"
    jobs.stop()
