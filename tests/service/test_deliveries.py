"""The dispatcher over a real store: each channel by itself, every end committed, nothing lost or doubled."""

from __future__ import annotations

import asyncio
import gc
import itertools
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from homeline.adapters.store import Store
from homeline.core.retry import Policy
from homeline.errors import DeliveryError, NotFound, NotNeeded, StoreFull
from homeline.model import Delivery, DeliveryState, Event, EventKind, Priority, ReceivedPart, Wanted
from homeline.service import delivery_worker
from homeline.service.deliveries import DELIVERIES, Dispatcher

T0 = 1_700_000_000
DAY = 86400
SOON = Policy(first=0.02, longest=0.05, jitter=0, longest_asked=0.2)  # for a channel's rests, which are in real time


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = T0

    def __call__(self) -> int:
        return self.now


class Calls:
    """Runs the store in a thread, as the daemon does; can refuse."""

    def __init__(self, store: Store) -> None:
        self.store, self.refuse = store, 0
        self.count = 0
        self.thread = ThreadPoolExecutor(1)

    async def __call__(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self.count += 1

        def work() -> Any:
            if self.refuse:
                self.refuse -= 1
                raise StoreFull("no space")
            return method(self.store, *args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self.thread, work)


class Fake:
    """A channel that does as it is told: `script` gives what each attempt does, the last one for ever."""

    def __init__(self, *script: BaseException | None, concurrency: int = 4, timeout: float = 5.0) -> None:
        self.script = list(script) or [None]
        self.concurrency, self.timeout = concurrency, timeout
        self.sent: list[int] = []
        self.tried: list[int] = []
        self.running = self.most = 0
        self.together: list[int] = []  # how many ran when each attempt began, itself included
        self.gate: asyncio.Event | None = None  # attempts wait for it
        self.changed = asyncio.Condition()

    async def deliver(self, delivery: Delivery, event: Event) -> None:
        assert delivery.event == event.id
        assert delivery.state is DeliveryState.SENDING or not delivery.id
        self.tried.append(event.id)
        self.running += 1
        self.most = max(self.most, self.running)
        self.together.append(self.running)
        await self._tell()
        try:
            await asyncio.sleep(0)
            if self.gate is not None:
                await self.gate.wait()
            outcome = self.script.pop(0) if len(self.script) > 1 else self.script[0]
            if outcome is not None:
                raise outcome
            self.sent.append(event.id)
        finally:
            self.running -= 1

    async def _tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def attempts(self, count: int) -> None:
        async with asyncio.timeout(10), self.changed:
            await self.changed.wait_for(lambda: len(self.tried) >= count)


class House:
    """A store, a dispatcher and what it told."""

    def __init__(self, path: Path) -> None:
        self.store = Store.open(path / "homeline.db")
        self.calls, self.clock = Calls(self.store), Clock()
        self.done: list[Delivery] = []
        self.failed: list[Delivery] = []
        self.troubles: list[tuple[str, str]] = []
        self.told = asyncio.Condition()
        self.dispatcher: Dispatcher | None = None

    def start(self, policy: Policy = DELIVERIES, rest: Policy = SOON, **channels: Fake) -> Dispatcher:
        self.dispatcher = Dispatcher(
            self.calls,
            channels,
            self.clock,
            lambda: 0.0,
            lambda delivery, event: self._note(self.done, delivery),
            lambda delivery, event: self._note(self.failed, delivery),
            lambda channel, error: self._note(self.troubles, (channel, error)),
            policy,
            rest,
        )
        self.dispatcher.start()
        return self.dispatcher

    def _note(self, where: list[Any], what: object) -> None:
        where.append(what)
        self.telling = asyncio.ensure_future(self._tell())

    async def _tell(self) -> None:
        async with self.told:
            self.told.notify_all()

    async def until(self, condition: Callable[[], bool], timeout: float = 10.0) -> None:
        async with asyncio.timeout(timeout), self.told:
            await self.told.wait_for(condition)

    async def add(self, count: int, *channels: str) -> list[int]:
        """Store events that are to go to these channels; their ids."""

        def write(store: Store) -> list[int]:
            plan = lambda event: [Wanted("all", channel) for channel in channels]  # noqa: E731
            return [
                store.add_event(EventKind.ALERT, self.clock.now, "home", "", f"text {n}", {}, plan).id
                for n in range(count)
            ]

        return list(await self.calls(write))

    async def deliveries(self, **conditions: Any) -> list[Delivery]:
        return list(await self.calls(Store.list_deliveries, limit=1000, **conditions))

    async def settled(self, state: DeliveryState, count: int) -> None:
        """Wait until so many deliveries are in a state of the store."""
        async with asyncio.timeout(10):
            while len(await self.deliveries(state=state)) != count:
                await asyncio.sleep(0.005)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    home = House(tmp_path)
    yield home
    if home.dispatcher is not None:
        await home.dispatcher.close(grace=0.1)
    home.calls.thread.shutdown()
    home.store.close()


async def test_what_is_pending_at_start_and_what_comes_later_goes_out_once(house: House) -> None:
    first = await house.add(3, "a")
    channel = Fake()
    dispatcher = house.start(a=channel)
    await house.until(lambda: len(house.done) == 3)
    second = await house.add(2, "a")
    dispatcher.wake()
    await house.until(lambda: len(house.done) == 5)
    assert sorted(channel.sent) == first + second
    assert [d.state for d in await house.deliveries()] == [DeliveryState.DONE] * 5
    assert all((d.state, d.attempts, d.done_at) == (DeliveryState.DONE, 1, T0) for d in house.done)


async def test_a_broken_channel_delays_no_other(house: House) -> None:
    await house.add(5, "good", "hanging", "broken")
    hanging = Fake()
    hanging.gate = asyncio.Event()
    house.start(good=Fake(), hanging=hanging, broken=Fake(DeliveryError("no")))
    await house.until(lambda: len(house.done) == 5)
    assert {d.channel for d in house.done} == {"good"}


async def test_only_so_many_at_once_as_a_channel_takes(house: House) -> None:
    await house.add(30, "a", "b")
    a, b = Fake(concurrency=4), Fake(concurrency=1)
    house.start(a=a, b=b)
    await house.until(lambda: len(house.done) == 60)
    assert (a.most, b.most) == (4, 1)


async def test_nothing_polls(house: House) -> None:
    """Idle channels ask the store for nothing, and a delivery that backs off is not looked at before its time."""
    house.start(a=Fake(DeliveryError("no")), b=Fake())
    await house.add(1, "a")
    house.dispatcher and house.dispatcher.wake()
    async with asyncio.timeout(5):
        while not (await house.deliveries())[0].attempts:
            await asyncio.sleep(0.005)
    await asyncio.sleep(0.05)
    count = house.calls.count
    await asyncio.sleep(0.3)
    assert house.calls.count == count


async def test_a_passing_failure_is_tried_again_at_its_time(house: House) -> None:
    channel = Fake(DeliveryError("busy"), DeliveryError("busy"), None)
    await house.add(1, "a")
    dispatcher = house.start(a=channel)
    for attempt, pause in [(1, 5), (2, 10)]:
        await channel.attempts(attempt)
        async with asyncio.timeout(5):
            while (delivery := (await house.deliveries())[0]).attempts != attempt:
                await asyncio.sleep(0.005)
        assert (delivery.state, delivery.error) == (DeliveryState.PENDING, "busy")
        assert delivery.next_at == house.clock.now + pause
        house.clock.now = delivery.next_at - 1
        dispatcher.wake()
        await asyncio.sleep(0.05)
        assert len(channel.tried) == attempt
        house.clock.now += 1
        dispatcher.wake()
    await house.until(lambda: len(house.done) == 1)
    assert house.done[0].attempts == 3


async def test_a_peer_that_says_when_is_obeyed(house: House) -> None:
    channel = Fake(DeliveryError("slow down", retry_after=77))
    await house.add(1, "a")
    house.start(a=channel)
    await house.until(lambda: len(house.troubles) == 1)
    async with asyncio.timeout(5):
        while (delivery := (await house.deliveries())[0]).attempts != 1:
            await asyncio.sleep(0.005)
    assert delivery.next_at == T0 + 77


async def test_a_permanent_failure_is_final_and_said(house: House) -> None:
    channel = Fake(DeliveryError("no such user", permanent=True), None)
    ids = await house.add(2, "a")
    channel.concurrency = 1
    house.start(a=channel)
    await house.until(lambda: len(house.done) == 1 and len(house.failed) == 1)
    failed = house.failed[0]
    assert (failed.event, failed.state, failed.error) == (ids[0], DeliveryState.FAILED, "no such user")
    assert [d.state for d in await house.deliveries(event=ids[0])] == [DeliveryState.FAILED]
    assert house.troubles == []


async def test_after_three_days_it_is_given_up(house: House) -> None:
    channel = Fake(DeliveryError("down"))
    await house.add(1, "a")
    house.start(Policy(tries=2), a=channel)
    await channel.attempts(1)
    await house.settled(DeliveryState.PENDING, 1)
    house.clock.now += 3 * DAY
    assert house.dispatcher
    async with asyncio.timeout(5):
        while not house.failed:
            house.dispatcher.wake()
            await asyncio.sleep(0.01)
    assert (house.failed[0].error, house.failed[0].attempts) == ("down", 2)


async def test_what_is_overdue_ends_while_the_channel_rests(house: House) -> None:
    """A backlog of thousands must not wait for its turn with a channel that is tried once in five minutes."""
    old = await house.add(120, "a")
    house.clock.now += 3 * DAY
    young = await house.add(3, "a")
    channel = Fake(DeliveryError("down"), concurrency=1)
    house.start(Policy(outage=0.0), a=channel)
    await house.until(lambda: len(house.failed) == 120)
    assert sorted(d.event for d in house.failed) == old
    assert {d.event for d in await house.deliveries() if d.state is not DeliveryState.FAILED} == set(young)
    assert len(channel.tried) < 10


async def test_a_resting_channel_is_tried_by_one_and_then_flushed(house: House) -> None:
    await house.add(20, "a")
    channel = Fake(*[DeliveryError("down")] * 6, None)
    house.start(a=channel)
    await house.until(lambda: len(house.done) == 20)  # the clock stands still: all that backed off was hurried
    assert len(channel.tried) == 26
    assert channel.together[:7] == [1, 2, 3, 4, 1, 1, 1]
    assert max(channel.together[7:]) == 4
    assert house.troubles == [("a", "down"), ("a", "")]


async def test_a_channel_that_its_owner_must_mend_is_left_alone(house: House) -> None:
    await house.add(20, "a")
    channel = Fake(DeliveryError("wrong password", retry_after=300))
    dispatcher = house.start(rest=Policy(), a=channel)
    await house.until(lambda: len(house.troubles) == 1)
    dispatcher.wake()
    await asyncio.sleep(0.1)
    assert len(channel.tried) <= 4  # those that were under way together
    assert house.troubles == [("a", "wrong password")]
    mended = Fake()
    dispatcher.replace({"a": mended})
    await house.until(lambda: len(house.done) == 20)
    assert house.troubles == [("a", "wrong password"), ("a", "")]


async def test_an_attempt_has_a_deadline(house: House) -> None:
    await house.add(1, "a")
    channel = Fake(timeout=0.05)
    channel.gate = asyncio.Event()
    house.start(a=channel)
    async with asyncio.timeout(5):
        while not (delivery := (await house.deliveries())[0]).attempts:
            await asyncio.sleep(0.01)
    assert (delivery.state, delivery.error) == (DeliveryState.PENDING, "No end within 0.05 s.")


async def test_a_defect_in_a_channel_is_a_passing_failure(house: House, caplog: pytest.LogCaptureFixture) -> None:
    await house.add(2, "a")
    channel = Fake(ZeroDivisionError("oops"), None, concurrency=1)
    house.start(a=channel)
    await house.until(lambda: len(house.done) == 1)
    waiting = await house.deliveries(state=DeliveryState.PENDING)
    assert [d.error for d in waiting] == ["A defect in Homeline: ZeroDivisionError."]
    assert "oops" in caplog.text


async def test_a_listener_that_fails_harms_nothing(house: House) -> None:
    await house.add(3, "a")
    channel = Fake()

    def fail(delivery: Delivery, event: Event) -> None:
        raise ZeroDivisionError

    house.dispatcher = Dispatcher(
        house.calls, {"a": channel}, house.clock, lambda: 0.0, fail, fail, lambda channel, error: None
    )
    house.dispatcher.start()
    await house.settled(DeliveryState.DONE, 3)
    assert len(channel.sent) == 3


async def test_while_the_store_refuses_nothing_is_sent_twice(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_worker, "STORE_PAUSE", 0.01)
    await house.add(5, "a")
    channel = Fake()
    channel.gate = asyncio.Event()
    house.start(a=channel)
    await channel.attempts(4)
    house.calls.refuse = 25  # the ends of the attempts cannot be written
    channel.gate.set()
    await house.until(lambda: len(house.done) == 5)
    assert max(Counter(channel.tried).values()) == 1
    assert [d.state for d in await house.deliveries()] == [DeliveryState.DONE] * 5


async def test_a_store_that_cannot_be_read_is_asked_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_worker, "STORE_PAUSE", 0.01)
    await house.add(1, "a")
    house.calls.refuse = 10
    house.start(a=Fake())
    await house.until(lambda: len(house.done) == 1)


# -- reload ------------------------------------------------------------------------------------------------------------


async def test_replacing_channels_loses_nothing_in_flight(house: House) -> None:
    await house.add(6, "a")
    old, new = Fake(concurrency=2), Fake()
    old.gate = asyncio.Event()
    dispatcher = house.start(a=old)
    await old.attempts(2)
    dispatcher.replace({"a": new})
    await new.attempts(2)
    old.gate.set()
    await house.until(lambda: len(house.done) == 6)
    assert len(old.sent) == 2
    assert Counter(old.tried + new.tried).most_common(1)[0][1] == 1


async def test_a_channel_that_is_the_same_goes_on_as_before(house: House) -> None:
    channel = Fake(DeliveryError("no"))
    await house.add(1, "a")
    dispatcher = house.start(a=channel)
    await channel.attempts(1)
    await house.settled(DeliveryState.PENDING, 1)
    dispatcher.replace({"a": channel})
    await asyncio.sleep(0.05)
    assert len(channel.tried) == 1


async def test_new_settings_are_tried_at_once(house: House) -> None:
    """The owner mended something: what backs off does not wait for its time."""
    channel = Fake(DeliveryError("no"))
    await house.add(1, "a")
    dispatcher = house.start(a=channel)
    await channel.attempts(1)
    async with asyncio.timeout(5):
        while not (await house.deliveries())[0].attempts:
            await asyncio.sleep(0.005)
    dispatcher.replace({"a": Fake()})
    await house.until(lambda: len(house.done) == 1)


async def test_late_failures_of_the_old_channel_do_not_count_for_the_new(house: House) -> None:
    await house.add(4, "a")
    old, new = Fake(DeliveryError("old", retry_after=1000)), Fake()
    old.gate = asyncio.Event()
    dispatcher = house.start(rest=Policy(), a=old)
    await old.attempts(4)
    dispatcher.replace({"a": new})
    old.gate.set()
    await house.add(1, "a")
    dispatcher.wake()
    await house.until(lambda: len(house.done) == 1)
    house.clock.now += 5  # the first step of the back-off
    dispatcher.wake()
    await house.until(lambda: len(house.done) == 5)
    assert house.troubles == []


async def test_a_removed_channel_ends_what_is_under_way_and_may_come_back(house: House) -> None:
    await house.add(3, "a")
    channel = Fake(concurrency=1)
    channel.gate = asyncio.Event()
    dispatcher = house.start(a=channel)
    await channel.attempts(1)
    dispatcher.replace({})
    channel.gate.set()
    await house.until(lambda: len(house.done) == 1)
    await house.until(lambda: ("a", "") not in house.troubles and len(house.troubles) == 1)
    assert house.troubles[0][1].startswith("The configuration has no channel 'a'")
    assert len(channel.tried) == 1
    dispatcher.replace({"a": channel})
    await house.until(lambda: len(house.done) == 3)
    assert house.troubles[-1] == ("a", "")


async def test_what_waits_for_a_channel_that_never_comes_fails_in_the_end(house: House) -> None:
    await house.add(1, "gone")
    house.clock.now += 4 * DAY
    house.start(Policy(outage=0.0))
    await house.until(lambda: len(house.failed) == 1)
    assert "no channel 'gone'" in house.failed[0].error


async def test_a_channel_that_is_gone_is_no_trouble_once_its_deliveries_were_dropped(house: House) -> None:
    await house.add(2, "gone")
    dispatcher = house.start(rest=Policy(first=3600.0, longest=3600.0))
    await house.until(lambda: len(house.troubles) == 1)
    await house.calls(Store.drop_deliveries, T0, channel="gone")
    dispatcher.look()
    await house.until(lambda: len(house.troubles) == 2)
    assert house.troubles[1] == ("gone", "")
    await house.add(1, "gone")
    dispatcher.look()
    await house.until(lambda: len(house.troubles) == 3)


async def test_reloads_at_any_moment_send_each_once(house: House) -> None:
    """Channels come, go and change while deliveries are under way."""
    ids = await house.add(40, "a")
    channels = [Fake(concurrency=3) for _ in range(3)]
    dispatcher = house.start(a=channels[0])
    for turn in itertools.count():
        if len(house.done) == 40:
            break
        dispatcher.replace([{"a": channels[turn % 3]}, {}][turn % 2])
        await asyncio.sleep(0.002)
        if turn > 300:
            dispatcher.replace({"a": channels[0]})
            await house.until(lambda: len(house.done) == 40)
            break
    assert sorted(itertools.chain(*(channel.sent for channel in channels))) == ids


# -- the end and the beginning -----------------------------------------------------------------------------------------


async def test_closing_lets_attempts_end_and_begins_no_other(house: House) -> None:
    await house.add(10, "a")
    channel = Fake(concurrency=2)
    channel.gate = asyncio.Event()
    dispatcher = house.start(a=channel)
    await channel.attempts(2)
    asyncio.get_running_loop().call_later(0.05, channel.gate.set)
    await dispatcher.close(grace=5)
    assert len(house.done) == len(channel.tried) == 2
    assert len(await house.deliveries(state=DeliveryState.PENDING)) == 8


async def test_closing_does_not_wait_for_ever_and_what_hangs_stays_pending(house: House, tmp_path: Path) -> None:
    await house.add(2, "a")
    channel = Fake()
    channel.gate = asyncio.Event()
    dispatcher = house.start(a=channel)
    await channel.attempts(2)
    await dispatcher.close(grace=0.05)
    assert channel.running == 0
    house.store.close()
    again = Store.open(tmp_path / "homeline.db")
    again.recover(T0)
    assert [d.state for d in again.list_deliveries()] == [DeliveryState.PENDING] * 2
    again.close()


async def test_a_dispatcher_that_was_never_started_closes(house: House) -> None:
    dispatcher = Dispatcher(
        house.calls, {}, house.clock, lambda: 0.0, lambda d, e: None, lambda d, e: None, lambda c, e: None
    )
    dispatcher.replace({"a": Fake()})
    await dispatcher.close()


@pytest.mark.parametrize("jump", [-50 * 365 * DAY, 50 * 365 * DAY])
async def test_a_clock_that_jumps_stops_nothing(house: House, jump: int) -> None:
    channel = Fake(DeliveryError("down"), None)
    await house.add(1, "a")
    dispatcher = house.start(a=channel)
    await channel.attempts(1)
    async with asyncio.timeout(5):
        while (await house.deliveries())[0].attempts != 1:
            await asyncio.sleep(0.005)
    house.clock.now += jump
    dispatcher.wake()
    await house.until(lambda: len(house.done) == 1)
    assert house.failed == []


async def test_a_backlog_of_thousands_stays_in_the_store(house: House) -> None:
    def fill(store: Store) -> None:
        plan = lambda event: [Wanted("all", "a")]  # noqa: E731
        store.add_event(EventKind.ALERT, T0, "home", "", "x" * 1000, {}, plan)
        db = store._db
        db.execute(
            "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) "
            "INSERT INTO event(id, kind, at, dongle, text) "
            "SELECT i, 'alert', at, dongle, text FROM n, event WHERE id = 1"
        )
        db.execute(
            "INSERT INTO delivery(event, rule, channel, next_at, created_at) "
            "SELECT id, 'all', 'a', at, at FROM event WHERE id > 1"
        )

    await house.calls(fill)
    channel = Fake()
    gc.collect()
    tracemalloc.start()
    house.start(a=channel)
    await channel.attempts(300)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000  # octets; the events alone are ten times that


async def test_what_cannot_be_decoded_brings_its_pdu_along(house: House) -> None:
    class Keeper(Fake):
        async def deliver(self, delivery: Delivery, event: Event) -> None:
            await super().deliver(delivery, event)
            events.append(event)

    events: list[Event] = []

    def plan(event: Event) -> Sequence[Wanted]:
        return [Wanted("all", "a")]

    part = ReceivedPart("home", "8941", "0011223344AABB", error="too short")
    await house.calls(lambda store: store.receive([part], T0, plan))
    house.start(a=Keeper())
    await house.until(lambda: len(house.done) == 1)
    assert events[0].fields == {"pdu": "0011223344AABB"}


# -- a test of a rule --------------------------------------------------------------------------------------------------


async def test_a_sample_goes_out_directly_and_leaves_no_trace(house: House) -> None:
    channel, broken = Fake(), Fake(DeliveryError("no"))
    dispatcher = house.start(a=channel, b=broken)
    event = Event(0, EventKind.MESSAGE, T0, "home", "me", "sample")
    await dispatcher.test("a", Delivery(0, 0, "rule", "a"), event)
    assert channel.sent == [0]
    with pytest.raises(DeliveryError, match="no"):
        await dispatcher.test("b", Delivery(0, 0, "rule", "b"), event)
    with pytest.raises(NotFound):
        await dispatcher.test("c", Delivery(0, 0, "rule", "c"), event)
    assert await house.deliveries() == []
    assert house.done == house.failed == house.troubles == []


async def test_a_store_that_was_opened_again_does_not_double_what_is_under_way(house: House) -> None:
    await house.add(1, "a")
    channel = Fake()
    channel.gate = asyncio.Event()
    dispatcher = house.start(a=channel)
    await channel.attempts(1)
    house.store._sending.clear()  # as a new Store on the same file has it
    dispatcher.wake()
    while not house.store._sending:
        await asyncio.sleep(0.005)
    await house.add(1, "a")
    dispatcher.wake()
    await channel.attempts(2)
    channel.gate.set()
    await house.until(lambda: len(house.done) == 2)
    assert sorted(channel.sent) == sorted(set(channel.sent))
    assert await house.deliveries(state=DeliveryState.PENDING) == []


# -- holds, urgency, digests ------------------------------------------------------------------------------------------


async def hold(house: House, count: int, until: int, *, digest: bool = True) -> list[int]:
    """Store events whose deliveries are held; their ids."""
    wanted = [Wanted("night", "a", until, digest)]

    def write(store: Store) -> list[int]:
        return [
            store.add_event(EventKind.ALERT, house.clock.now, "home", "", f"text {n}", {}, lambda _: wanted).id
            for n in range(count)
        ]

    return list(await house.calls(write))


class Reader(Fake):
    """Also keeps what went out together, and under which delivery."""

    def __init__(self, *script: BaseException | None, **options: Any) -> None:
        super().__init__(*script, **options)
        self.bundles: list[tuple[int, list[int]]] = []

    async def deliver(self, delivery: Delivery, event: Event) -> None:
        self.bundles.append((delivery.id, [each.id for each in event.digest]))
        await super().deliver(delivery, event)


async def test_what_is_held_goes_out_as_one_when_the_hold_ends(house: House) -> None:
    events = await hold(house, 5, T0 + 3600)
    channel = Reader()
    dispatcher = house.start(a=channel)
    dispatcher.replace({"a": Fake()})  # new settings hurry what backs off
    dispatcher.replace({"a": channel})
    at_once = await house.add(1, "a")
    dispatcher.wake()
    await house.until(lambda: len(house.done) == 1)
    assert [d.event for d in house.done] == at_once
    house.clock.now += 3600
    dispatcher.wake()
    await house.until(lambda: len(house.done) == 2)
    assert channel.bundles[-1] == (1, events)
    assert {d.state for d in await house.deliveries()} == {DeliveryState.DONE}
    assert len(channel.tried) == 2


async def test_without_digest_each_goes_out_by_itself(house: House) -> None:
    events = await hold(house, 3, T0 + 3600, digest=False)
    channel = Reader()
    house.clock.now += 3600
    house.start(a=channel)
    await house.until(lambda: len(house.done) == 3)
    assert sorted(channel.sent) == events
    assert all(not together for _, together in channel.bundles)


async def test_a_bundle_that_fails_is_tried_again_as_it_was(house: House) -> None:
    events = await hold(house, 3, T0)
    channel = Reader(DeliveryError("busy"), None)
    dispatcher = house.start(a=channel)
    await channel.attempts(1)
    await house.settled(DeliveryState.PENDING, 3)
    await hold(house, 1, T0)
    house.clock.now += 60
    dispatcher.wake()
    await house.until(lambda: len(house.done) == 2)
    assert sorted(channel.bundles) == [(1, events), (1, events), (4, [])]


async def test_the_lifetime_counts_from_the_end_of_the_hold(house: House) -> None:
    await hold(house, 1, T0 + 7 * DAY)
    house.clock.now += 7 * DAY
    channel = Fake(DeliveryError("busy"))
    house.start(Policy(tries=1), a=channel)
    await channel.attempts(1)
    async with asyncio.timeout(5):
        while not (delivery := (await house.deliveries())[0]).attempts:
            await asyncio.sleep(0.005)
    assert delivery.state is DeliveryState.PENDING
    house.clock.now += 3 * DAY
    assert house.dispatcher
    house.dispatcher.wake()
    await house.until(lambda: len(house.failed) == 1)


async def test_what_needs_no_sending_is_done_with_a_note(house: House) -> None:
    await house.add(1, "a")
    house.start(a=Fake(NotNeeded("answered lately")))
    await house.until(lambda: len(house.done) == 1)
    assert [(d.state, d.error) for d in await house.deliveries()] == [(DeliveryState.DONE, "answered lately")]
    assert (house.done[0].error, house.troubles) == ("answered lately", [])


@pytest.mark.timeout(60)
async def test_ten_thousand_pending_at_start_go_out_each_once_the_urgent_first(house: House) -> None:
    """Half of them were held: those leave in a hundredth of the attempts."""

    def write(store: Store) -> None:
        with store._writing():
            for number in range(10_000):
                urgent = Priority.HIGH if number % 100 == 99 else Priority.NORMAL
                wanted = Wanted("night", "a", T0, True) if number % 2 else Wanted("all", "a", priority=urgent)
                if urgent is Priority.HIGH:
                    wanted = Wanted("all", "a", priority=urgent)
                store._add_event(EventKind.ALERT, T0, "home", "", "text", {}, lambda _, wanted=wanted: [wanted])

    await house.calls(write)
    channel = Reader(concurrency=4)
    house.start(a=channel)
    await house.until(lambda: len(house.done) == 5_000 + 100 + 49, 50)
    await house.settled(DeliveryState.PENDING, 0)
    assert {event % 100 for event in channel.sent[:100]} == {0}  # every hundredth event is urgent
    out = [event for event, (_, together) in zip(channel.tried, channel.bundles, strict=True) if not together]
    carried = [event for _, together in channel.bundles for event in together]
    assert sorted(out + carried) == list(range(1, 10_001))
