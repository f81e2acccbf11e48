"""Minutes a day: granted while we are there, never twice, and none where nobody counts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from homeline.adapters.store import Store
from homeline.config_calls import Line, Outbound
from homeline.errors import ConnectionLost, TimedOut
from homeline.model import Call, CallDirection, CallState
from homeline.service import budgets
from homeline.service.budgets import LASTS, Budgets, Grant, grant, spent, today
from homeline.telephony import GRANT_FAMILY, USED_FAMILY
from hostile import HOSTILE
from service.astdb_kit import AstDb
from service.kit import CONFIG, Service

NOON = 1_800_010_800  # 2027-01-15 11:00 UTC, noon in Zurich
SWISS = Outbound("swiss", via="home", daily_minutes=60)
LINES = replace(CONFIG, lines=(Line("home", "stick"),), outbounds=(SWISS,))


@pytest.fixture(autouse=True)
def zurich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    yield
    monkeypatch.undo()
    time.tzset()


class Counting:
    """A service, Asterisk's database, and the budgets."""

    def __init__(self, service: Service, db: AstDb) -> None:
        self.service, self.db = service, db
        self.caught_up = asyncio.Event()
        self.caught_up.set()
        self.budgets = Budgets(service.context, db, self._caught_up)

    async def _caught_up(self) -> None:
        await self.caught_up.wait()

    def grant(self, name: str = "swiss") -> Grant:
        found = grant(self.db.families[GRANT_FAMILY][name])
        assert found is not None
        return found

    def use(self, seconds: int, name: str = "swiss") -> None:
        """The dial plan has taken so many seconds of the grant that is there."""
        self.db.families.setdefault(USED_FAMILY, {})[name] = f"{self.grant(name).id},{seconds}"

    def configure(self, *outbounds: Outbound) -> None:
        self.service.context.config = replace(LINES, outbounds=outbounds)

    async def called(self, seconds: int, ended_at: int, rule: str = "swiss") -> None:
        """A call is in the log."""
        call = Call(0, CallDirection.OUT, CallState.ANSWERED, f"{ended_at}", rule=rule)
        call.started_at, call.answered_at, call.ended_at = ended_at - seconds - 5, ended_at - seconds, ended_at
        await self.service.database(Store.add_call, call, ended_at, "", self.service.context.plan)


@asynccontextmanager
async def counting(root: Path, db: AstDb | None = None) -> AsyncIterator[Counting]:
    async with Service(root, LINES) as service:
        service.now = NOON
        yield Counting(service, db or AstDb())


async def test_a_grant_lasts_a_few_minutes_and_is_renewed_as_the_same(tmp_path: Path) -> None:
    async with counting(tmp_path) as at:
        await at.budgets.renew()
        first = at.grant()
        assert (first.day, first.base, first.until, first.seconds) == ("20270115", 0, NOON + LASTS, 3600)
        at.use(600)
        at.service.now += 120
        await at.budgets.renew()
        assert at.grant() == replace(first, until=NOON + 120 + LASTS)
        assert at.budgets.left("swiss") == 3000


async def test_a_restart_of_the_daemon_gives_nothing_twice(tmp_path: Path) -> None:
    db = AstDb()
    async with counting(tmp_path, db) as at:
        await at.budgets.renew()
        at.use(600)
        await at.called(600, NOON)
        before = at.grant()
    async with counting(tmp_path, db) as at:
        at.service.now += 300
        await at.budgets.renew()
        assert (at.grant().id, at.grant().seconds, at.budgets.left("swiss")) == (before.id, 3600, 3000)


async def test_where_asterisk_lost_its_database_the_call_log_counts(tmp_path: Path) -> None:
    async with counting(tmp_path) as at:
        await at.budgets.renew()
        before = at.grant()
        await at.called(500, NOON - 13 * 3600)  # yesterday, local time
        await at.called(700, NOON - 100)
        await at.called(800, NOON - 50, "another")
        at.db.families.clear()
        await at.budgets.renew()
        assert at.grant().id != before.id
        assert (at.grant().base, at.grant().seconds, at.budgets.left("swiss")) == (700, 2900, 2900)


async def test_calls_that_are_not_in_the_log_yet_are_awaited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "CAUGHT_UP", 0.05)
    async with counting(tmp_path) as at:
        at.caught_up.clear()
        with pytest.raises(TimedOut):
            await at.budgets.renew()
        assert GRANT_FAMILY not in at.db.families


async def test_changes_of_the_configuration_give_nothing_twice(tmp_path: Path) -> None:
    async with counting(tmp_path) as at:
        await at.budgets.renew()
        at.use(1200)
        name = at.grant().id
        for minutes, left in ((30, 600), (10, 0), (90, 4200)):
            at.configure(replace(SWISS, daily_minutes=minutes))
            await at.budgets.renew()
            assert (at.grant().id, at.grant().seconds) == (name, minutes * 60)
            assert at.budgets.left("swiss") == left
        at.configure()
        await at.budgets.renew()
        assert (at.grant().id, at.grant().until) == (name, 0)
        assert at.budgets.left("swiss") is None
        at.configure(SWISS)
        await at.budgets.renew()
        assert (at.grant().id, at.budgets.left("swiss")) == (name, 2400)


async def test_a_section_that_is_off_or_without_a_limit_gets_no_grant(tmp_path: Path) -> None:
    async with counting(tmp_path) as at:
        at.configure(replace(SWISS, enabled=False), replace(SWISS, name="free", daily_minutes=0))
        await at.budgets.renew()
        assert at.db.families.get(GRANT_FAMILY, {}) == {}


async def test_a_new_day_by_the_owners_clock(tmp_path: Path) -> None:
    async with counting(tmp_path) as at:
        midnight = NOON + 12 * 3600
        at.service.now = midnight - 1
        await at.budgets.renew()
        at.use(3600)
        await at.budgets.renew()
        assert at.budgets.left("swiss") == 0
        before = at.grant()
        at.service.now = midnight
        await at.budgets.renew()
        assert (at.grant().day, at.grant().seconds) == ("20270116", 3600)
        assert at.grant().id != before.id
        assert at.budgets.left("swiss") == 3600


async def test_a_section_that_is_gone_leaves_nothing_the_next_day(tmp_path: Path) -> None:
    async with counting(tmp_path) as at:
        await at.budgets.renew()
        at.use(10)
        at.configure()
        at.service.now += 86400
        await at.budgets.renew()
        assert at.db.families == {GRANT_FAMILY: {}, USED_FAMILY: {}}
        await at.budgets.renew()


async def test_a_clock_that_is_not_set_grants_nothing(tmp_path: Path) -> None:
    async with counting(tmp_path) as at:
        at.service.now = 100
        await at.budgets.renew()
        assert at.db.actions == []
        assert at.budgets.left("swiss") is None


@pytest.mark.parametrize("value", ["", "x", "1,2,3", "20270115x0x0000", "20270115x0x0000,-1,5", *HOSTILE.values()])
async def test_what_is_no_grant_of_ours_is_written_over(tmp_path: Path, value: str) -> None:
    assert grant(value) is None
    assert spent(value, "20270115x0x0000") == 0
    async with counting(tmp_path) as at:
        at.db.families[GRANT_FAMILY] = {"swiss": value}
        at.db.families[USED_FAMILY] = {"swiss": value}
        await at.budgets.renew()
        assert (at.grant().seconds, at.budgets.left("swiss")) == (3600, 3600)


async def test_it_renews_at_once_when_asterisk_is_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with counting(tmp_path) as at:
        at.db.connected = False
        granted = asyncio.Event()

        def watch(action: str, _fields: dict[str, str]) -> None:
            if action == "DBPut":
                granted.set()

        at.db.before = watch
        running = asyncio.create_task(at.budgets.run())
        await asyncio.sleep(0)
        assert at.db.actions == []
        assert at.budgets.left("swiss") is None
        at.db.connected = True
        at.budgets.look()
        await asyncio.wait_for(granted.wait(), 5)
        running.cancel()


async def test_it_goes_on_after_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "PAUSE", 0.01)
    async with counting(tmp_path) as at:
        failures = 2
        granted = asyncio.Event()

        def flaky(action: str, _fields: dict[str, str]) -> None:
            nonlocal failures
            if action == "DBPut" and failures:
                failures -= 1
                raise ConnectionLost("gone")
            if action == "DBPut":
                granted.set()

        at.db.before = flaky
        running = asyncio.create_task(at.budgets.run())
        await asyncio.wait_for(granted.wait(), 5)
        running.cancel()
        assert failures == 0


@pytest.mark.parametrize(
    ("now", "name", "begin"),
    [
        (NOON, "20270115", NOON - 12 * 3600),
        (1_806_195_600, "20270328", 1_806_188_400),  # the day that has 23 hours
        (1_806_188_399, "20270327", 1_806_102_000),
    ],
)
def test_days(now: int, name: str, begin: int) -> None:
    assert today(now) == (budgets.Day(name, begin))
