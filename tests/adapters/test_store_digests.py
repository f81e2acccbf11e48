"""What goes when: holds, urgency, and what was held and goes out as one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.store_kit import ANN, NOW, long_text, parts
from homeline.adapters.store import Store, Summary
from homeline.adapters.store_deliveries import BUNDLE
from homeline.model import Delivery, DeliveryState, EventKind, Priority, Wanted

MORNING = NOW + 8 * 3600
DAY = 86400


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "homeline.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = Store.open(path)
    yield store
    store.close()


def add(store: Store, *wanted: Wanted, at: int = NOW) -> int:
    """An event with these deliveries; its id."""
    return store.add_event(EventKind.USSD, at, "home", "*100#", "text", {}, lambda _event: wanted).id


def held(rule: str = "night", channel: str = "mail", until: int = MORNING, **options: object) -> Wanted:
    return Wanted(rule, channel, until, digest=True, **options)  # type: ignore[arg-type]


def two_messages(store: Store) -> tuple[int, int]:
    """Two messages that are held; their ids."""
    received = parts("hello") + parts("hi", at=NOW + 1)
    first, second = (receipt.event for receipt in store.receive(received, NOW, lambda _event: [held()]))
    assert first is not None
    assert second is not None
    return first.id, second.id


def due(store: Store, now: int, channel: str = "mail", limit: int = 50) -> list[int]:
    return [delivery.id for delivery, _ in store.due_deliveries(now, [channel], limit)]


def one(store: Store, delivery: int) -> Delivery:
    return next(found for found in store.list_deliveries(limit=1000) if found.id == delivery)


def bundle(store: Store, now: int = MORNING) -> Delivery:
    """What is due first, fixed and being sent."""
    (first, _), *_ = store.due_deliveries(now, ["mail"])
    carrier = store.carrier(first, now)
    assert carrier is not None
    store.delivery_sending(carrier.id, now)
    return carrier


# -- holds ------------------------------------------------------------------------------------------------------------


def test_nothing_that_hurries_sends_what_is_held(store: Store) -> None:
    add(store, Wanted("night", "mail", MORNING))
    backing_off = add(store, Wanted("all", "mail"))
    store.delivery_retry(2, NOW + 900, "down", NOW)
    assert (due(store, NOW), store.next_due("mail")) == ([], NOW + 900)
    store.hurry_channel("mail", NOW)
    assert due(store, NOW) == [2]
    store.pull_in(NOW, DAY, "mail")
    store.recover(NOW)
    assert [store.get_event(backing_off).id, due(store, MORNING - 1), due(store, MORNING)] == [2, [2], [2, 1]]
    before = store.changes
    store.hurry_channel("mail", NOW)
    assert store.changes == before


def test_a_hold_ends_at_a_time_of_day_whatever_the_clock_is_set_to(store: Store) -> None:
    add(store, Wanted("night", "mail", MORNING))
    add(store, Wanted("all", "mail"))
    store.delivery_retry(2, NOW + 60, "down", NOW)
    store.shift_times(3600)
    assert [(d.id, d.next_at, d.hold_until) for d in store.list_deliveries()] == [
        (2, NOW + 3660, 0),
        (1, MORNING, MORNING),
    ]


def test_a_start_in_1970_leaves_holds_alone_and_pulls_in_pauses(path: Path) -> None:
    store = Store.open(path)
    add(store, Wanted("night", "mail", MORNING))
    add(store, Wanted("all", "mail"))
    store.delivery_retry(2, NOW + 60, "down", NOW)
    store.close()
    store = Store.open(path)
    store.recover(100)
    assert due(store, 100) == [2]
    store.shift_times(NOW - 100)
    assert due(store, MORNING - 1) == [2]
    assert due(store, MORNING) == [2, 1]
    store.close()


def test_a_hold_that_a_wrong_clock_made_ends(store: Store) -> None:
    add(store, Wanted("night", "mail", NOW + 1000 * DAY))
    add(store, Wanted("night", "other", NOW + 1000 * DAY))
    store.pull_in(NOW, DAY, "mail")
    assert (due(store, NOW), due(store, NOW, "other")) == ([1], [])
    store.recover(NOW)
    assert due(store, NOW, "other") == [2]


def test_a_late_part_keeps_the_hold(store: Store) -> None:
    text = long_text("a", 2)
    first, second = parts(text)
    plan = lambda _event: [Wanted("night", "mail", MORNING, True)]  # noqa: E731
    store.receive([first], NOW, plan)
    store.expire_parts(NOW + 1000, 600, plan)
    later = lambda _event: [Wanted("night", "mail"), Wanted("new", "mail")]  # noqa: E731
    store.receive([second], NOW + 2000, later)
    shown = [(d.rule, d.revision, d.hold_until, d.next_at) for d in store.list_deliveries()]
    assert shown == [("new", 1, 0, NOW + 2000), ("night", 1, MORNING, MORNING)]


def test_the_owner_need_not_wait(store: Store) -> None:
    event = add(store, Wanted("night", "mail", MORNING))
    assert store.retry_deliveries(NOW, event=event) == 1
    assert due(store, NOW) == [1]


# -- urgency ----------------------------------------------------------------------------------------------------------


def test_what_is_urgent_goes_first(store: Store) -> None:
    for number, priority in enumerate([Priority.LOW, Priority.NORMAL, Priority.HIGH, Priority.NORMAL, Priority.HIGH]):
        add(store, Wanted("r", "mail", priority=priority), at=NOW + number)
    assert due(store, NOW + 10) == [3, 5, 2, 4, 1]
    assert due(store, NOW + 10, limit=3) == [3, 5, 2]
    store.delivery_sending(3, NOW)
    store.delivery_sending(2, NOW)
    assert due(store, NOW + 10, limit=3) == [5, 4, 1]
    assert store.next_due("mail") == NOW
    assert one(store, 3).priority is Priority.HIGH


# -- what goes out as one ---------------------------------------------------------------------------------------------


def test_what_was_held_goes_out_as_one_and_ends_as_one(store: Store) -> None:
    events = [add(store, held(), Wanted("all", "mail")) for _ in range(3)]
    add(store, held("other"))
    add(store, held(until=MORNING + 1))
    for plain in (2, 4, 6):
        store.delivery_done(plain, NOW)
    carrier = bundle(store)
    assert (carrier.id, carrier.digest, carrier.bundled) == (1, 1, True)
    assert [event.id for event in store.carried_events(1)] == events
    assert due(store, MORNING) == [7]  # the other rule's
    assert store.next_due("mail") == MORNING
    states = {d.id: (d.state, d.digest) for d in store.list_deliveries()}
    assert [states[number] for number in (1, 3, 5)] == [(DeliveryState.SENDING, 1)] * 3
    store.delivery_done(1, MORNING)
    ended = [d for d in store.list_deliveries() if d.digest]
    assert [(d.id, d.state, d.done_at, d.attempts) for d in ended] == [
        (number, DeliveryState.DONE, MORNING, 1) for number in (5, 3, 1)
    ]
    assert due(store, MORNING + 1) == [7, 8]


def test_a_crash_between_attempts_leaves_the_same_bundle(path: Path) -> None:
    store = Store.open(path)
    events = [add(store, held()) for _ in range(2)]
    assert bundle(store).id == 1
    add(store, held(until=MORNING - 1))  # due as well, and must not slip in: the first two may have been taken
    store.close()
    store = Store.open(path)
    store.recover(MORNING)
    assert due(store, MORNING) == [3, 1]
    assert [event.id for event in store.carried_events(1)] == events
    (first, *_) = [delivery for delivery, _ in store.due_deliveries(MORNING, ["mail"]) if delivery.id == 1]
    carrier = store.carrier(first, MORNING)
    assert carrier is not None
    assert carrier.id == 1
    assert [event.id for event in store.carried_events(1)] == events
    store.close()


def test_one_by_itself_is_fixed_too(store: Store) -> None:
    """Its first attempt may have been taken: another must not join it under the same key."""
    add(store, held())
    assert bundle(store).digest == 1
    store.delivery_retry(1, MORNING + 5, "down", MORNING)
    add(store, held())
    assert due(store, MORNING + 5) == [2, 1]
    assert len(store.carried_events(1)) == 1


def test_a_carried_one_is_not_sent_by_itself(store: Store) -> None:
    add(store, held())
    add(store, held())
    (_, (second, _)) = store.due_deliveries(MORNING, ["mail"])
    bundle(store)
    assert store.carrier(second, MORNING) is None


def test_a_bundle_is_bounded(store: Store) -> None:
    for _ in range(2 * BUNDLE + 1):
        add(store, held())
    sizes = []
    while due(store, MORNING):
        carrier = bundle(store)
        sizes.append(len(store.carried_events(carrier.id)))
        store.delivery_done(carrier.id, MORNING)
    assert sizes == [BUNDLE, BUNDLE, 1]
    assert store.list_deliveries(state=DeliveryState.PENDING) == []


def test_a_failed_bundle_is_retried_as_one(store: Store) -> None:
    events = [add(store, held()) for _ in range(3)]
    bundle(store)
    store.delivery_failed(1, "no such user", MORNING)
    assert {(d.state, d.error) for d in store.list_deliveries()} == {(DeliveryState.FAILED, "no such user")}
    assert store.retry_deliveries(MORNING + 9, event=events[1]) == 3
    assert due(store, MORNING + 9) == [1]
    assert len(store.carried_events(1)) == 3


def test_a_bundle_is_dropped_as_one(store: Store) -> None:
    for _ in range(3):
        add(store, held())
    bundle(store)
    assert store.drop_deliveries(MORNING, delivery=2) == 0  # it is on its way
    store.delivery_retry(1, MORNING + 60, "down", MORNING)
    assert store.drop_deliveries(MORNING + 1, delivery=2) == 3
    assert {d.state for d in store.list_deliveries()} == {DeliveryState.FAILED}


@pytest.mark.parametrize("sending", [True, False])
def test_the_rest_of_a_bundle_outlives_its_carriers_event(store: Store, sending: bool) -> None:
    first, second = two_messages(store)
    bundle(store)
    if not sending:
        store.delivery_retry(1, MORNING + 60, "down", MORNING)
    store.delete_messages([first], NOW)
    if sending:
        assert due(store, MORNING) == []  # it is on its way
        store.delivery_retry(1, MORNING + 60, "down", MORNING)
    assert due(store, MORNING) == [2]
    assert [event.id for event in store.carried_events(bundle(store).id)] == [second]


def test_what_was_on_its_way_when_its_event_was_deleted_ends_all(store: Store) -> None:
    first, _second = two_messages(store)
    bundle(store)
    store.delete_messages([first], NOW)
    store.delivery_done(1, MORNING)
    assert [(d.id, d.state) for d in store.list_deliveries()] == [(2, DeliveryState.DONE)]


def test_orphans_of_a_crash_are_released_at_the_start(path: Path) -> None:
    store = Store.open(path)
    first, _second = two_messages(store)
    bundle(store)
    store.delete_messages([first], NOW)
    store.close()
    store = Store.open(path)
    store.recover(MORNING)
    assert due(store, MORNING) == [2]
    store.close()


def test_a_late_part_of_a_fixed_bundle_gets_a_successor(store: Store) -> None:
    first, second = parts(long_text("a", 2))
    plan = lambda _event: [held()]  # noqa: E731
    store.receive([first], NOW, plan)
    store.expire_parts(NOW + 1000, 600, plan)
    assert bundle(store).revision == 0
    store.delivery_retry(1, MORNING + 60, "down", MORNING)
    store.receive([second], MORNING, lambda _event: [Wanted("night", "mail")])
    assert [(d.id, d.revision, d.digest, d.hold_until) for d in store.list_deliveries()] == [
        (2, 1, 0, 0),
        (1, 0, 1, MORNING),
    ]


# -- how channels fare ------------------------------------------------------------------------------------------------


def test_how_each_channel_fares(store: Store) -> None:
    assert store.channel_summaries() == {}
    for _ in range(3):
        add(store, Wanted("a", "mail"), Wanted("b", "mqtt"))
    store.delivery_done(1, NOW + 1)
    store.delivery_done(3, NOW + 2, "not needed")
    store.delivery_failed(2, "refused", NOW + 3)
    assert store.channel_summaries() == {
        "mail": Summary("mail", 1, 0, NOW + 2),
        "mqtt": Summary("mqtt", 2, 1, None, NOW + 3, "refused"),
    }
    assert one(store, 3).error == "not needed"


def test_ten_thousand_that_are_held_are_bundled_without_a_scan_each(store: Store) -> None:
    """Counted in SQLite's own steps, not in time: taking one bundle of 10,000 must not look at all of them."""
    with store._writing():  # one commit instead of 10,000
        for number in range(10_000):
            store._add_event(EventKind.USSD, NOW, "home", ANN, str(number), {}, lambda _event: [held()])
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    store._db.set_progress_handler(count, 100)
    carrier = bundle(store)
    assert len(store.carried_events(carrier.id)) == BUNDLE
    store.next_due("mail")
    store.delivery_done(carrier.id, MORNING)
    store._db.set_progress_handler(None, 100)
    assert steps * 100 < 40_000
