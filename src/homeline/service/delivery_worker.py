"""One channel's share of the dispatcher's work: take what is due, try it, commit the end.

A channel that fails several times in a row rests, and is then tried with one delivery before it gets more: a mail
server that is down, or refuses our password, is not asked once for each message that waits. When it works again,
everything that backs off is tried at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from homeline.adapters.store import Store
from homeline.core import retry
from homeline.errors import DeliveryError, NotNeeded, StoreError
from homeline.model import Delivery, DeliveryState, Event

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

STORE_PAUSE = 5.0  # seconds until the store is asked again after it failed
LONGEST_SLEEP = 3600.0  # an upper bound, for clocks that jump
PATIENCE = 3  # failures in a row after which a channel rests
BATCH = 50  # overdue deliveries that are read at once


class StoreCall(Protocol):
    """Runs a function of the store in its thread (`service.database.Database` is one)."""

    def __call__(
        self, method: Callable[Concatenate[Store, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, T]:
        """Raises StoreError."""
        ...


class Channel(Protocol):
    """Where deliveries go."""

    @property
    def concurrency(self) -> int:
        """How many deliveries it takes at once."""
        ...

    @property
    def timeout(self) -> float:
        """Seconds after which an attempt is given up from outside, later than it should end by itself."""
        ...

    async def deliver(self, delivery: Delivery, event: Event) -> None:
        """Returns when the peer has taken it. Raises DeliveryError, or NotNeeded where there is nothing to send."""
        ...


@dataclass(frozen=True, slots=True)
class Office:
    """What the workers share; `Dispatcher` says what each is."""

    call: StoreCall
    clock: Callable[[], int]
    random: Callable[[], float]
    on_done: Callable[[Delivery, Event], None]
    on_failed: Callable[[Delivery, Event], None]
    on_trouble: Callable[[str, str], None]
    policy: retry.Policy
    rest: retry.Policy


async def attempt(channel: Channel, delivery: Delivery, event: Event) -> DeliveryError | NotNeeded | None:
    """Try once, within the channel's time. What a channel raises beyond its contract becomes a DeliveryError."""
    try:
        async with asyncio.timeout(channel.timeout):
            await channel.deliver(delivery, event)
    except (DeliveryError, NotNeeded) as error:
        return error
    except TimeoutError:
        return DeliveryError(f"No end within {channel.timeout:g} s.")
    except Exception as error:  # a defect in a channel must not end its worker
        log.exception("Channel %s failed with a defect.", delivery.channel)
        return DeliveryError(f"A defect in Homeline: {type(error).__name__}.")
    return None


async def either(event: asyncio.Event, seconds: float | None) -> None:
    """Wait for the event, at most so long (None: for ever)."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass


class Worker:
    """Works off the deliveries of one channel, in a task that begins at once."""

    def __init__(self, office: Office, name: str, channel: Channel) -> None:
        self.channel = channel
        self._office, self._name = office, name
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._woken = asyncio.Event()
        self._closing = False
        self._hurry = False  # what backs off is to be tried now
        self._forget_failures()
        self._task = asyncio.ensure_future(self._run())

    def _forget_failures(self) -> None:
        self._failures = 0  # in a row
        self._failing_since: float | None = None  # by the loop's clock, as the next
        self._rests_until = 0.0
        self._troubled = False

    def wake(self) -> None:
        """Something may be due."""
        self._woken.set()

    def begin_afresh(self, channel: Channel) -> None:
        """Go on with another channel, whose failures are not the old one's. What is under way ends with the old one."""
        self.channel = channel
        self._works_again()
        self._hurry = True
        self.wake()

    def hurry(self) -> None:
        """What stood in the way may be gone: everything that waits is tried now."""
        self._works_again()
        self._hurry = True
        self.wake()

    async def finish(self) -> None:
        """Begin nothing more and wait for what is under way. When cancelled, what is under way stays pending."""
        self._closing = True
        self.wake()
        tasks = {self._task, *self._under_way.values()}
        try:
            await asyncio.wait(tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # -- taking what is due -------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while not self._closing:
            self._woken.clear()
            try:
                pause = await self._begin_due()
            except StoreError as error:
                log.warning("Channel %s waits for the database: %s", self._name, error)
                pause = STORE_PAUSE
            except Exception:  # a defect in one round must not end the channel
                log.exception("Channel %s could not look for deliveries.", self._name)
                pause = STORE_PAUSE
            if not self._closing:
                await either(self._woken, pause)

    async def _begin_due(self) -> float | None:
        """Begin what is due and fits; for how long to sleep then (None: until woken)."""
        office = self._office
        if self._hurry:
            await office.call(Store.hurry_channel, self._name, office.clock())
            self._hurry = False
        rest = self._rests_until - self._time()
        if rest > 0:
            return rest
        room = (1 if self._failures >= PATIENCE else self.channel.concurrency) - len(self._under_way)
        if room <= 0:
            return None  # the next end wakes us
        now = office.clock()
        due, following = await office.call(_take, self._name, now, room, office.policy.horizon)
        for delivery, event in due:
            await self._begin(delivery, event)
        return None if following is None else min(max(following - now, 0.0), LONGEST_SLEEP)

    async def _begin(self, delivery: Delivery, event: Event) -> None:
        if self._closing:
            await self._office.call(Store.delivery_released, delivery.id)
            return
        if delivery.id in self._under_way:
            return  # the store was opened again meanwhile and has forgotten that it is being sent
        delivery.state = DeliveryState.SENDING
        self._under_way[delivery.id] = asyncio.ensure_future(self._see_through(self.channel, delivery, event))

    # -- one delivery -------------------------------------------------------------------------------------------------

    async def _see_through(self, channel: Channel, delivery: Delivery, event: Event) -> None:
        """Try a delivery and commit what became of it."""
        try:
            error = await attempt(channel, delivery, event)
            delivery.attempts += 1
            if error is None or isinstance(error, NotNeeded):
                await self._done(delivery, event, str(error or ""))
            elif error.permanent:
                await self._give_up(delivery, event, str(error))
            else:
                await self._postpone(channel, delivery, event, error)
        finally:
            del self._under_way[delivery.id]
            self.wake()

    async def _done(self, delivery: Delivery, event: Event, note: str = "") -> None:
        now = self._office.clock()
        await self._commit(lambda: self._office.call(Store.delivery_done, delivery.id, now, note))
        delivery.state, delivery.done_at, delivery.error = DeliveryState.DONE, now, note
        what = f"was not needed: {note}" if note else f"went out through {self._name}."
        log.info("Delivery %d of event %d%s %s", delivery.id, delivery.event, _and_others(event), what)
        self._works_again()
        self._tell(self._office.on_done, delivery, event)

    async def _give_up(self, delivery: Delivery, event: Event, error: str) -> None:
        now = self._office.clock()
        await self._commit(lambda: self._office.call(Store.delivery_failed, delivery.id, error, now))
        delivery.state, delivery.done_at, delivery.error = DeliveryState.FAILED, now, error
        log.warning("Delivery %d of event %d%s failed: %s", delivery.id, delivery.event, _and_others(event), error)
        self._tell(self._office.on_failed, delivery, event)

    async def _postpone(self, channel: Channel, delivery: Delivery, event: Event, error: DeliveryError) -> None:
        office, now = self._office, self._office.clock()
        current = channel is self.channel  # the failure of one that was replaced says nothing of the new one
        failing_for = self._note_failure(error) if current else 0.0
        at = retry.next_attempt(
            office.policy,
            created_at=_since(delivery),
            attempts=delivery.attempts,
            now=now,
            random=office.random(),
            retry_after=error.retry_after if current else None,
            failing_for=failing_for,
        )
        if at is None:
            await self._give_up(delivery, event, str(error))
        else:
            log.info("Delivery %d is tried again in %d s: %s", delivery.id, at - now, error)
            await self._commit(lambda: office.call(Store.delivery_retry, delivery.id, at, str(error), now))
        if failing_for >= office.policy.outage:
            with contextlib.suppress(StoreError):  # the next failure tries again
                await self._give_up_overdue(str(error))

    async def _give_up_overdue(self, error: str) -> None:
        """End what waited for longer than its lifetime: while the channel rests its turn may never come."""
        office = self._office
        while True:
            now = office.clock()
            due = await office.call(Store.due_deliveries, now, [self._name], BATCH)
            old = [pair for pair in due if retry.overdue(office.policy, _since(pair[0]), now)]
            for delivery, event in old:
                await self._give_up(delivery, event, error)
            if len(old) < BATCH:
                return

    async def _commit(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write the end of an attempt, however long the store refuses: forgotten, it would be sent twice."""
        while True:
            try:
                return await write()
            except StoreError as error:
                log.warning("The end of a delivery through %s waits for the database: %s", self._name, error)
                await asyncio.sleep(STORE_PAUSE)

    # -- the channel's health -----------------------------------------------------------------------------------------

    def _note_failure(self, error: DeliveryError) -> float:
        """Count a passing failure; for how long (s) the channel has been failing."""
        now = self._time()
        self._failures += 1
        if self._failing_since is None:
            self._failing_since = now
        if error.retry_after is not None or self._failures >= PATIENCE:
            office = self._office
            rest = retry.pause(office.rest, self._failures - PATIENCE + 1, office.random(), error.retry_after)
            self._rests_until = max(self._rests_until, now + rest)
            if not self._troubled:
                self._troubled = True
                self._tell(office.on_trouble, self._name, str(error))
        return now - self._failing_since

    def _works_again(self) -> None:
        troubled = self._troubled
        self._hurry = self._hurry or self._failures >= PATIENCE or troubled
        self._forget_failures()
        if troubled:
            self._tell(self._office.on_trouble, self._name, "")

    def _tell(self, callback: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            callback(*args, **kwargs)
        except Exception:
            log.exception("A listener to deliveries failed.")

    def _time(self) -> float:
        return asyncio.get_running_loop().time()


def _since(delivery: Delivery) -> int:
    """From when its lifetime counts: while it was held it could not go out."""
    return max(delivery.created_at, delivery.hold_until)


def _and_others(event: Event) -> str:
    return f" and {len(event.digest) - 1} others" if event.digest else ""


def _take(
    store: Store, channel: str, now: int, limit: int, horizon: int
) -> tuple[list[tuple[Delivery, Event]], int | None]:
    """In the store's thread: deliveries that are due, marked as being sent, and when the next one is due.

    A time beyond the horizon may have been set by a clock that has gone back since.
    """
    following = store.next_due(channel)
    if following is not None and following > now + horizon:
        store.pull_in(now, horizon, channel)
    due = _with_bundles(store, store.due_deliveries(now, [channel], limit), now)
    for _, event in due:
        for each in (event, *event.digest):
            if each.message is not None and each.message.error:
                each.fields["pdu"] = "".join(part.pdu for part in store.get_message(each.id)[1])
    for delivery, _ in due:
        store.delivery_sending(delivery.id, now)
    return due, store.next_due(channel)


def _with_bundles(store: Store, due: Sequence[tuple[Delivery, Event]], now: int) -> list[tuple[Delivery, Event]]:
    """What was held and goes out as one becomes one delivery, whose event has the others in `digest`."""
    found = []
    for delivery, event in due:
        if not delivery.bundled:
            found.append((delivery, event))
        elif (carrier := store.carrier(delivery, now)) is not None:
            events = store.carried_events(carrier.id)
            own = next((each for each in events if each.id == carrier.event), event)
            found.append((carrier, replace(own, digest=tuple(events) if len(events) > 1 else ())))
    return found
