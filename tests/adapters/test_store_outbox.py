"""Outgoing messages: the queue, the states of parts, what a crash leaves, status reports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.store_kit import ANN, BOB, NOW, SIM, nothing, plan
from homeline.adapters.store import ReportStatus, Store
from homeline.errors import InvalidArgument, NotFound
from homeline.model import Direction, EventKind, Message, MessageState


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "homeline.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = Store.open(path)
    yield store
    store.close()


def queued(store: Store, count: int = 1, *, peer: str = ANN, dongle: str = "home", sim: str = SIM) -> Message:
    texts = [f"text {number}" for number in range(1, count + 1)]
    return store.queue_message(
        dongle,
        sim,
        peer,
        "079 123 45 67",
        " ".join(texts),
        "gsm7",
        [("0011", text) for text in texts],
        NOW,
        True,
        False,
    )


def sent(store: Store, *references: int, peer: str = ANN, sim: str = SIM) -> Message:
    message = queued(store, len(references), peer=peer, sim=sim)
    for number, reference in enumerate(references, 1):
        store.part_sending(message.id, number, SIM)
        store.part_sent(message.id, number, reference, NOW + 1)
    store.message_sent(message.id, NOW + 1, plan)
    return store.get_message(message.id)[0]


def part_states(store: Store, message: Message) -> list[str]:
    return [part.state for part in store.get_message(message.id)[1]]


def state(store: Store, message: Message) -> MessageState:
    return store.get_message(message.id)[0].state


# -- queue ----------------------------------------------------------------------------------------------------------


def test_a_queued_message_is_durable(path: Path) -> None:
    store = Store.open(path)
    message = queued(store, 2)
    assert (message.direction, message.state, message.report) == (Direction.OUT, MessageState.QUEUED, True)
    assert (message.peer, message.peer_raw, message.parts_total) == (ANN, "079 123 45 67", 2)
    store.close()
    store = Store.open(path)
    found = store.next_queued("home", NOW)
    assert found is not None
    assert found[0] == message
    assert [(part.number, part.pdu, part.text, part.state) for part in found[1]] == [
        (1, "0011", "text 1", "queued"),
        (2, "0011", "text 2", "queued"),
    ]
    assert store.list_conversations().conversations[0].last == message
    store.close()


def test_the_queue_is_in_order_and_each_dongle_has_its_own(store: Store) -> None:
    first, second, other = queued(store), queued(store), queued(store, dongle="other")
    assert store.next_queued("home", NOW)[0].id == first.id  # type: ignore[index]
    assert store.next_queued("other", NOW)[0].id == other.id  # type: ignore[index]
    assert store.next_queued("none", NOW) is None
    assert store.next_queued_at("none") is None
    store.message_retry(first.id, NOW + 60, "busy")
    assert store.next_queued("home", NOW)[0].id == second.id  # type: ignore[index]
    assert store.next_queued_at("home") == 0
    store.message_sent(second.id, NOW, plan)
    assert store.next_queued("home", NOW) is None
    assert store.next_queued_at("home") == NOW + 60
    assert store.next_queued("home", NOW + 60)[0].id == first.id  # type: ignore[index]


def test_a_message_needs_parts(store: Store) -> None:
    with pytest.raises(InvalidArgument):
        store.queue_message("home", SIM, ANN, ANN, "", "gsm7", [], NOW, False, False)


# -- sending --------------------------------------------------------------------------------------------------------


def test_sent(store: Store) -> None:
    message = queued(store, 2)
    store.part_sending(message.id, 1, SIM)
    assert state(store, message) is MessageState.SENDING
    assert part_states(store, message) == ["sending", "queued"]
    assert store.next_queued("home", NOW) is None
    assert store.delete_messages([message.id], NOW) == 0  # not while the modem has it
    store.part_sent(message.id, 1, 17, NOW + 3)
    store.part_sending(message.id, 2, SIM)
    store.part_sent(message.id, 2, 18, NOW + 4)
    store.message_sent(message.id, NOW + 5, plan)
    found, parts, deliveries = store.get_message(message.id)
    assert (found.state, found.sent_at, found.error) == (MessageState.SENT, NOW + 3, "")
    assert [part.reference for part in parts] == [17, 18]
    assert deliveries == []


def test_only_what_was_refused_is_sent_again(store: Store) -> None:
    message = queued(store, 3)
    store.part_sending(message.id, 1, SIM)
    store.part_sent(message.id, 1, 17, NOW)
    store.part_sending(message.id, 2, SIM)
    store.part_failed(message.id, 2, "+CMS ERROR: 42")
    store.message_retry(message.id, NOW + 30, "+CMS ERROR: 42")
    assert part_states(store, message) == ["sent", "queued", "queued"]
    assert store.attempts(message.id) == 1
    store.message_retry(message.id, NOW + 30, "unplugged", counts=False)
    assert store.attempts(message.id) == 1
    assert store.get_message(message.id)[0].error == "unplugged"


def test_failed(store: Store) -> None:
    message = queued(store)
    store.part_sending(message.id, 1, SIM)
    store.part_failed(message.id, 1, "refused")
    event = store.message_failed(message.id, "refused \udcff" + "x" * 9999, NOW + 9, plan)
    assert (event.kind, event.peer, event.fields["message"]) == (EventKind.REPORT, ANN, str(message.id))
    assert event.fields["status"] == "failed"
    assert event.id > message.id
    assert store.get_event(event.id) == event
    assert [d.event for d, _ in store.due_deliveries(NOW + 9)] == [event.id]
    assert state(store, message) is MessageState.FAILED
    assert store.get_message(message.id)[0].error.startswith("refused \ufffdxx")
    with pytest.raises(NotFound):
        store.message_failed(4711, "", NOW, plan)


def test_an_unknown_part_makes_the_message_unknown_for_good(store: Store) -> None:
    message = queued(store, 2)
    store.part_sending(message.id, 1, SIM)
    store.part_unknown(message.id, 1, "the answer was lost")
    assert state(store, message) is MessageState.UNKNOWN
    store.part_sending(message.id, 2, SIM)
    store.part_sent(message.id, 2, 9, NOW)
    found, event = store.message_sent(message.id, NOW, plan)
    assert (found.state, found.error, event) == (MessageState.UNKNOWN, "the answer was lost", None)
    assert store.get_message(message.id)[0] == found
    assert store.next_queued("home", NOW + 10**6) is None


def test_the_owner_sends_it_again(store: Store) -> None:
    message = queued(store, 2)
    store.part_sending(message.id, 1, SIM)
    store.part_sent(message.id, 1, 9, NOW)
    store.part_sending(message.id, 2, SIM)
    store.part_unknown(message.id, 2, "lost")
    store.message_resend(message.id, NOW + 5)
    assert part_states(store, message) == ["sent", "queued"]
    assert store.next_queued("home", NOW + 5) is not None
    with pytest.raises(InvalidArgument, match="queued"):
        store.message_resend(message.id, NOW)
    with pytest.raises(NotFound):
        store.message_resend(99, NOW)


def test_a_queued_message_that_is_deleted_is_not_sent(store: Store) -> None:
    message = queued(store)
    assert store.delete_messages([message.id], NOW) == 1
    assert store.next_queued("home", NOW) is None
    assert store.list_conversations().conversations == []


# -- a crash --------------------------------------------------------------------------------------------------------


def test_what_a_crash_leaves(path: Path) -> None:
    store = Store.open(path)
    submitted, between, waiting, refused = (queued(store, 2) for _ in range(4))
    store.part_sending(submitted.id, 1, SIM)
    store.part_sending(between.id, 1, SIM)
    store.part_sent(between.id, 1, 5, NOW)
    store.part_sending(refused.id, 1, SIM)
    store.part_failed(refused.id, 1, "busy")
    store.close()
    store = Store.open(path)
    recovery = store.recover(NOW + 60)
    assert [message.id for message in recovery.unknown] == [submitted.id]
    assert recovery.requeued == 2
    assert state(store, submitted) is MessageState.UNKNOWN
    assert part_states(store, submitted) == ["unknown", "queued"]
    assert part_states(store, between) == ["sent", "queued"]
    assert part_states(store, refused) == ["queued", "queued"]
    order = []
    while found := store.next_queued("home", NOW + 60):
        order.append(found[0].id)
        store.message_sent(found[0].id, NOW + 60, plan)
    assert order == [between.id, waiting.id, refused.id]
    assert (store.recover(NOW).unknown, store.recover(NOW).requeued) == ([], 0)
    store.close()


def test_times_of_a_wrong_clock_do_not_hold_up_the_queue(store: Store) -> None:
    message = queued(store)
    store.message_retry(message.id, NOW + 10**8, "busy")
    store.add_event(EventKind.USSD, NOW, "home", "", "*100#", {}, plan)
    store.delivery_retry(1, NOW + 10**8, "busy", NOW)
    store.recover(NOW)
    assert store.next_queued("home", NOW) is not None
    assert len(store.due_deliveries(NOW)) == 1


# -- status reports -------------------------------------------------------------------------------------------------


def report(
    store: Store, reference: int, status: ReportStatus = "delivered", *, recipient: str = ANN, sim: str = SIM
) -> tuple[MessageState, bool] | None:
    outcome = store.apply_report(sim, recipient, reference, status, NOW + 50, NOW + 60, plan)
    return None if outcome is None else (outcome[0].state, outcome[1] is not None)


@pytest.mark.parametrize("recipient", [ANN, "0791234567", "41791234567", "0041791234567"])
def test_delivered(store: Store, recipient: str) -> None:
    message = sent(store, 200)
    assert report(store, 200, recipient=recipient) == (MessageState.DELIVERED, True)
    found = store.get_message(message.id)[0]
    assert (found.delivered_at, found.error) == (NOW + 50, "")
    ((delivery, event),) = store.due_deliveries(NOW + 60)
    assert (event.kind, event.fields["status"]) == (EventKind.REPORT, "delivered")
    assert delivery.event == event.id
    assert report(store, 200) is None  # a report comes once


def test_all_parts_must_be_delivered(store: Store) -> None:
    message = sent(store, 7, 8)
    assert report(store, 8) == (MessageState.SENT, False)
    assert report(store, 7, "pending") == (MessageState.SENT, False)
    assert report(store, 7) == (MessageState.DELIVERED, True)
    assert part_states(store, message) == ["delivered", "delivered"]


def test_not_delivered(store: Store) -> None:
    message = sent(store, 7, 8)
    assert report(store, 7, "failed") == (MessageState.FAILED, True)
    assert "could not deliver" in store.get_message(message.id)[0].error
    assert report(store, 8) == (MessageState.FAILED, False)
    assert report(store, 7) == (MessageState.DELIVERED, True)  # the network changed its mind
    assert store.get_message(message.id)[0].error == ""


@pytest.mark.parametrize(
    ("reference", "recipient", "sim"), [(8, ANN, SIM), (7, BOB, SIM), (7, ANN, "another"), (7, "", SIM), (-1, ANN, SIM)]
)
def test_a_report_about_something_else(store: Store, reference: int, recipient: str, sim: str) -> None:
    message = sent(store, 7)
    assert report(store, reference, recipient=recipient, sim=sim) is None
    assert state(store, message) is MessageState.SENT


def test_a_report_is_about_the_newest_of_its_reference(store: Store) -> None:
    old, new, other = sent(store, 7), sent(store, 7), sent(store, 7, peer=BOB)
    report(store, 7)
    assert [state(store, message) for message in (old, new, other)] == [
        MessageState.SENT,
        MessageState.DELIVERED,
        MessageState.SENT,
    ]
    report(store, 7)
    assert state(store, old) is MessageState.DELIVERED


@pytest.mark.parametrize(("status", "settled"), [("delivered", MessageState.DELIVERED), ("pending", MessageState.SENT)])
def test_a_report_resolves_an_unknown_message(store: Store, status: ReportStatus, settled: MessageState) -> None:
    message = queued(store)
    store.part_sending(message.id, 1, SIM)
    store.part_unknown(message.id, 1, "lost")
    assert report(store, 77, status) == (settled, status == "delivered")
    found, parts, _ = store.get_message(message.id)
    assert (found.error, parts[0].reference, parts[0].error) == ("", 77, "")


def test_a_known_reference_goes_before_an_unknown_one(store: Store) -> None:
    known = sent(store, 7)
    lost = queued(store)
    store.part_sending(lost.id, 1, SIM)
    store.part_unknown(lost.id, 1, "lost")
    report(store, 7)
    assert (state(store, known), state(store, lost)) == (MessageState.DELIVERED, MessageState.UNKNOWN)


def test_a_report_faster_than_the_answer(store: Store) -> None:
    message = queued(store)
    store.part_sending(message.id, 1, SIM)
    assert report(store, 7) == (MessageState.SENDING, False)
    store.part_sent(message.id, 1, 7, NOW)
    store.message_sent(message.id, NOW + 51, plan)
    assert state(store, message) is MessageState.DELIVERED
    assert part_states(store, message) == ["delivered"]


def test_a_report_that_comes_although_the_answer_is_lost(store: Store) -> None:
    message = queued(store)
    store.part_sending(message.id, 1, SIM)
    assert report(store, 7) == (MessageState.SENDING, False)
    store.part_unknown(message.id, 1, "lost")
    found, event = store.message_sent(message.id, NOW, plan)
    assert (found.state, found.error) == (MessageState.DELIVERED, "")
    assert event is not None


def test_received_messages_are_no_matter_of_reports(store: Store) -> None:
    assert store.apply_report(SIM, ANN, 7, "delivered", NOW, NOW, nothing) is None


def test_a_failure_that_was_faster_than_the_answer_says_why(store: Store) -> None:
    message = queued(store)
    store.part_sending(message.id, 1, SIM)
    assert store.apply_report(SIM, ANN, 9, "failed", NOW, NOW, nothing) is not None
    store.part_sent(message.id, 1, 9, NOW)
    after, event = store.message_sent(message.id, NOW, nothing)
    assert (after.state, after.error) == (MessageState.FAILED, "The network could not deliver it.")
    assert event is not None


def test_reports_are_of_the_sim_that_sent(store: Store) -> None:
    """A message may be queued before the SIM was read."""
    message = queued(store, sim="")
    store.part_sending(message.id, 1, SIM)
    store.part_sent(message.id, 1, 9, NOW)
    store.message_sent(message.id, NOW, nothing)
    joined = store.apply_report(SIM, ANN, 9, "delivered", NOW, NOW, nothing)
    assert joined is not None
    assert joined[0].state is MessageState.DELIVERED


def test_a_message_that_was_deleted_is_not_sent(store: Store) -> None:
    message = queued(store)
    assert store.delete_messages([message.id], NOW) == 1
    with pytest.raises(NotFound):
        store.part_sending(message.id, 1, SIM)
