"""Receiving: parts become messages and events, once each."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path

import pytest

from adapters.store_kit import ANN, BOB, NOW, SIM, long_text, nothing, part, parts, plan
from homeline.adapters.store import Store
from homeline.errors import NotFound
from homeline.model import Concat, DeliveryState, Disposition, Event, MessageState, ReceivedPart, Wanted

LIMIT = 600
STORED, ARCHIVED = Disposition.STORED, Disposition.ARCHIVED


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "db" / "homeline.db")
    yield store
    store.close()


def texts(store: Store) -> list[str]:
    return [message.text for message in store.list_messages().messages]


# -- whole messages -----------------------------------------------------------------------------


def test_a_message_in_one_part(store: Store) -> None:
    one = part("Gr\u00fcezi \N{GRINNING FACE}")
    (receipt,) = store.receive([one], NOW + 5, plan)
    assert (receipt.disposition, receipt.new, receipt.completed) == (STORED, True, None)
    assert receipt.event is not None
    message = receipt.event.message
    assert message is not None
    assert (message.id, message.state, message.text) == (receipt.event.id, MessageState.RECEIVED, one.text)
    assert (message.peer, message.sent_at, message.sent_offset, message.at) == (ANN, NOW, 60, NOW + 5)
    assert (message.unread, message.encoding, message.dongle, message.sim) == (True, "ucs2", "home", SIM)
    found, stored_parts, deliveries = store.get_message(message.id)
    assert found == message
    assert [(p.number, p.pdu, p.text) for p in stored_parts] == [(1, one.pdu, one.text)]
    assert [(d.rule, d.channel, d.state, d.revision) for d in deliveries] == [("all", "mail", DeliveryState.PENDING, 0)]
    assert store.get_event(message.id) == receipt.event


def test_a_repeat_changes_nothing(store: Store) -> None:
    one = part("once")
    store.receive([one], NOW, plan)
    (again,) = store.receive([one], NOW + 1, plan)
    assert (again.disposition, again.new, again.event) == (STORED, False, None)
    first, second = store.receive([part("twice"), part("twice")], NOW, plan)
    assert (first.new, second.new) == (True, False)
    assert texts(store) == ["twice", "once"]
    assert len(store.list_deliveries()) == 2


@pytest.mark.parametrize(
    "other",
    [
        part("once", at=NOW + 1),
        part("once", sender=BOB),
        part("once", sim="another"),
        part("Once"),
    ],
)
def test_what_differs_is_another_message(store: Store, other: ReceivedPart) -> None:
    first, second = store.receive([part("once"), other], NOW, plan)
    assert first.new
    assert second.new


def test_what_cannot_be_decoded_is_kept_and_forwarded(store: Store) -> None:
    broken = ReceivedPart("home", SIM, "07911497", error="octet 4: the PDU ends")
    silly = ReceivedPart("home", SIM, "no hex at all \udcff", error="column 1: not hex")
    receipts = store.receive([broken, part("behind it"), silly], NOW, plan)
    assert all(receipt.event is not None and receipt.disposition is STORED for receipt in receipts)
    message, stored, deliveries = store.get_message(receipts[0].event.id)  # type: ignore[union-attr]
    assert (message.state, message.error, message.text) == (MessageState.RECEIVED, "octet 4: the PDU ends", "")
    assert [p.pdu for p in stored] == ["07911497"]
    assert len(deliveries) == 1
    assert store.get_message(receipts[2].event.id)[1][0].pdu == "no hex at all \ufffd"  # type: ignore[union-attr]
    assert not store.receive([broken], NOW, plan)[0].new


@pytest.mark.parametrize("pdu", ["07911497940600f0040b9114", "0791 1497", "", "079114979406", "ABC"])
def test_the_raw_form_is_shown_as_it_came(store: Store, pdu: str) -> None:
    (receipt,) = store.receive([ReceivedPart("home", SIM, pdu, error="broken")], NOW, plan)
    assert receipt.event is not None
    assert store.get_message(receipt.event.id)[1][0].pdu == pdu


HOSTILE = [
    "a\0b",
    "\r\nBcc: x@y",
    "'; DROP TABLE message; --",
    "%_!",
    "\u2028\u202e",
    "\ud800 half",
    "x" * 10_000,
    "\N{GRINNING FACE}",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_mere_text(store: Store, text: str) -> None:
    from_stranger = ReceivedPart("home", SIM, "00AA", sender=text, peer=text, text=text, note=text, encoding="ucs2")
    (receipt,) = store.receive([from_stranger], NOW, plan)
    assert receipt.event is not None
    message = store.get_message(receipt.event.id)[0]
    expected = text.replace("\ud800", "\ufffd")
    assert (message.text, message.peer, message.note) == (expected, expected, expected)
    assert [m.id for m in store.list_messages(peer=expected).messages] == [message.id]
    assert [m.id for m in store.list_messages(text=expected[:20]).messages] == [message.id]
    assert [c.peer for c in store.list_conversations(text=expected[:20]).conversations] == [expected]
    assert store.get_message(message.id)[1][0].text == text


def test_a_fault_in_the_rules_does_not_lose_the_message(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    def faulty(event: Event) -> Sequence[Wanted]:
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR):
        (receipt,) = store.receive([part("hello")], NOW, faulty)
    assert receipt.event is not None
    assert texts(store) == ["hello"]
    assert "not forwarded" in caplog.text


# -- joining ------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("batched", [False, True])
def test_parts_in_any_order(store: Store, order: Sequence[int], batched: bool) -> None:
    text = long_text("a", 3)
    three = parts(text)
    chosen = [three[place] for place in order]
    if batched:
        receipts = store.receive(chosen, NOW, plan)
    else:
        receipts = [receipt for one in chosen for receipt in store.receive([one], NOW, plan)]
    assert [receipt.event is not None for receipt in receipts] == [False, False, True]
    assert texts(store) == [text]
    message, stored, deliveries = store.get_message(receipts[2].event.id)  # type: ignore[union-attr]
    assert (message.state, message.parts_total, message.parts_have) == (MessageState.RECEIVED, 3, 3)
    assert [p.pdu for p in stored] == [p.pdu for p in three]
    assert len(deliveries) == 1
    assert store.next_expiry(LIMIT) is None


def test_what_is_not_whole_is_not_shown(store: Store) -> None:
    store.receive(parts(long_text("a", 3))[:2], NOW, plan)
    assert texts(store) == []
    assert store.list_conversations().conversations == []
    assert store.unread() == 0
    assert store.due_deliveries(NOW) == []
    with pytest.raises(NotFound):
        store.get_message(-1)
    with pytest.raises(NotFound):
        store.get_event(-1)
    assert store.mark_read([-1]) == 0
    assert store.delete_messages([-1], NOW) == 0


def test_interleaved_messages(store: Store) -> None:
    ours = [long_text("a", 2), long_text("b", 2), long_text("c", 3), long_text("d", 2)]
    sets = [
        parts(ours[0], reference=5),
        parts(ours[1], reference=6),
        parts(ours[2], reference=5),  # the same reference, another total
        parts(ours[3], reference=5, sender=BOB),
    ]
    sets.append(parts(ours[0], reference=5, bits=16))
    store.receive([s[0] for s in sets], NOW, plan)
    receipts = store.receive([s[1] for s in sets], NOW, plan)
    assert [receipt.event is not None for receipt in receipts] == [True, True, False, True, True]
    store.receive(sets[2], NOW, plan)
    assert sorted(texts(store)) == sorted([*ours, ours[0]])


def test_repeated_parts(store: Store) -> None:
    three = parts(long_text("a", 3))
    receipts = store.receive([three[0], three[0], three[1], three[0], three[2], three[2], *three], NOW, plan)
    assert [receipt.new for receipt in receipts] == [True, False, True, False, True, False, False, False, False]
    assert len(store.list_messages().messages) == 1


def test_ids_are_in_the_order_in_which_messages_are_seen(store: Store) -> None:
    slow = parts(long_text("a", 2))
    store.receive([slow[0]], NOW, plan)
    (quick,) = store.receive([part("quick")], NOW, plan)
    (whole,) = store.receive([slow[1]], NOW, plan)
    assert quick.event is not None
    assert whole.event is not None
    assert whole.event.id > quick.event.id
    assert [m.id for m in store.list_messages().messages] == [whole.event.id, quick.event.id]


def test_a_reused_reference_begins_a_new_message(store: Store) -> None:
    first, second = long_text("a", 2), long_text("b", 2)
    store.receive([parts(first, at=NOW)[0]], NOW, plan)  # its second part never comes
    late = parts(second, at=NOW + 4000)
    store.receive([late[1]], NOW + 4000, plan)
    (receipt,) = store.receive([late[0]], NOW + 4000, plan)
    assert receipt.event is not None
    assert receipt.event.text == second
    store.expire_parts(NOW + 5000, LIMIT, plan)
    assert texts(store) == [first[: len(parts(first)[0].text)] + "[part 2 of 2 missing]", second]


def test_a_reused_reference_prefers_the_nearest(store: Store) -> None:
    store.receive([parts(long_text("a", 2), at=NOW)[0]], NOW, plan)
    second = parts(long_text("b", 2), at=NOW + 300)
    store.receive(second, NOW, plan)
    assert texts(store) == [long_text("b", 2)]


def test_impossible_numbers_are_messages_of_their_own(store: Store) -> None:
    odd = [
        ReceivedPart("home", SIM, f"00A{place}", sender=ANN, text=f"odd {place}", concat=concat)
        for place, concat in enumerate([Concat(1, 8, 0, 0), Concat(1, 8, 2, 3), Concat(1, 8, 2, 0), Concat(1, 8, 1, 1)])
    ]
    receipts = store.receive(odd, NOW, plan)
    assert all(receipt.event is not None for receipt in receipts)


def test_a_character_cut_in_two(store: Store) -> None:
    halves = ("x\ud83d", "\ude00y")
    cut = [
        ReceivedPart("home", SIM, f"00A{n}", sender=ANN, text=half, encoding="ucs2", concat=Concat(9, 8, 2, n))
        for n, half in enumerate(halves, 1)
    ]
    store.receive([cut[1]], NOW, plan)
    (receipt,) = store.receive([cut[0]], NOW, plan)
    assert receipt.event is not None
    assert receipt.event.text == "x\N{GRINNING FACE}y"
    assert tuple(p.text for p in store.get_message(receipt.event.id)[1]) == halves


MMS_NOTICE = (
    bytes.fromhex("0006226170706C69636174696F6E2F766E642E7761702E6D6D732D6D65737361676500AF84")
    + bytes.fromhex("8C82984162634465663132330" + "08D90")
    + bytes.fromhex("8918802B34313739313233343536372F545950453D504C4D4E00")
    + b"\x96Holiday\x00\x8a\x80\x8e\x02\x27\x10\x88\x05\x81\x03\x03\xf4\x80"
    + b"\x83http://mms.example.com/servlets/"
    + b"a" * 60
    + b"\x00"
)


def test_a_push_in_two_parts_is_told_from_the_whole(store: Store) -> None:
    push = parts("", data=MMS_NOTICE, ports=(2948, 9200))
    assert len(push) == 2
    receipts = store.receive([push[1], push[0]], NOW, plan)
    event = receipts[1].event
    assert event is not None
    assert event.message is not None
    assert event.message.data == MMS_NOTICE
    assert "MMS" in event.message.note
    assert "Holiday" in event.message.note


# -- time limit ---------------------------------------------------------------------------------


def test_lone_parts_are_delivered_with_gaps_and_completed_later(store: Store) -> None:
    text = long_text("a", 3)
    three = parts(text)
    store.receive([three[0]], NOW, plan)
    store.receive([three[2]], NOW + 10, plan)
    assert store.next_expiry(LIMIT) == NOW + LIMIT
    assert store.expire_parts(NOW + LIMIT - 1, LIMIT, plan) == []
    (event,) = store.expire_parts(NOW + LIMIT, LIMIT, plan)
    assert event.message is not None
    assert event.message.state is MessageState.INCOMPLETE
    assert event.text == f"{three[0].text}[part 2 of 3 missing]{three[2].text}"
    assert store.next_expiry(LIMIT) is None
    assert store.expire_parts(NOW + 2 * LIMIT, LIMIT, plan) == []
    (delivery, _), *_ = store.due_deliveries(NOW + LIMIT)
    store.delivery_done(delivery.id, NOW + LIMIT)
    store.mark_read([event.id])

    (late,) = store.receive([three[1]], NOW + 9999, plan)
    assert late.event is None
    assert late.completed is not None
    assert (late.completed.id, late.completed.text, late.completed.state) == (event.id, text, MessageState.RECEIVED)
    assert late.completed.unread
    ((delivery, again),) = store.due_deliveries(NOW + 9999)
    assert (delivery.revision, again.text) == (1, text)
    assert [not r.new for r in store.receive(three, NOW + 9999, plan)] == [True] * 3


def test_a_delivery_that_still_waits_carries_the_completed_text_once(store: Store) -> None:
    two = parts(long_text("a", 2))
    store.receive([two[0]], NOW, plan)
    store.expire_parts(NOW + LIMIT, LIMIT, plan)
    store.receive([two[1]], NOW + LIMIT + 1, plan)
    ((delivery, event),) = store.due_deliveries(NOW + 9999)
    assert (delivery.revision, event.text) == (1, long_text("a", 2))


def test_a_delivery_under_way_gets_a_successor(store: Store) -> None:
    two = parts(long_text("a", 2))
    store.receive([two[0]], NOW, plan)
    store.expire_parts(NOW + LIMIT, LIMIT, plan)
    ((first, _),) = store.due_deliveries(NOW + LIMIT)
    store.delivery_sending(first.id, NOW + LIMIT)
    store.receive([two[1]], NOW + LIMIT + 1, plan)
    store.delivery_done(first.id, NOW + LIMIT + 2)
    ((second, _),) = store.due_deliveries(NOW + 9999)
    assert (first.revision, second.revision, second.id != first.id) == (0, 1, True)


def test_a_late_part_that_does_not_complete_is_delivered_after_the_limit_too(store: Store) -> None:
    four = parts(long_text("a", 4))
    store.receive([four[0]], NOW, plan)
    store.expire_parts(NOW + LIMIT, LIMIT, plan)
    store.delivery_done(1, NOW + LIMIT)
    (receipt,) = store.receive([four[1]], NOW + 5000, plan)
    assert (receipt.event, receipt.completed) == (None, None)
    assert store.due_deliveries(NOW + 5000) == []
    assert store.next_expiry(LIMIT) == NOW + 5000 + LIMIT
    (event,) = store.expire_parts(NOW + 5000 + LIMIT, LIMIT, plan)
    assert event.text == four[0].text + four[1].text + "[parts 3-4 of 4 missing]"
    ((delivery, _),) = store.due_deliveries(NOW + 9999)
    assert delivery.revision == 1


def test_the_limit_holds_when_the_clock_is_set_back(store: Store) -> None:
    store.receive(parts(long_text("a", 2))[:1], NOW + 10**8, plan)  # a clock years ahead
    assert store.expire_parts(NOW, LIMIT, plan) == []
    assert store.next_expiry(LIMIT) == NOW + LIMIT
    assert len(store.expire_parts(NOW + LIMIT, LIMIT, plan)) == 1


def test_a_clock_that_is_set_keeps_the_pauses(store: Store) -> None:
    store.receive([part("early"), *parts(long_text("a", 2))[:1]], 50, plan)
    store.delivery_retry(1, 80, "busy", 50)
    store.shift_times(NOW)
    assert store.next_due("mail") == NOW + 80
    assert store.next_expiry(LIMIT) == NOW + 50 + LIMIT
    assert store.list_messages().messages[0].at == NOW + 50


# -- replace types ------------------------------------------------------------------------------


def test_a_replacing_message_keeps_the_replaced_one(store: Store) -> None:
    store.receive([part("you have 1 voice mail", pid=0x42)], NOW, plan)
    store.receive([part("other type", pid=0x43), part("other sender", sender=BOB, pid=0x42)], NOW, plan)
    (receipt,) = store.receive([part("you have 2 voice mails", pid=0x42, at=NOW + 60)], NOW + 60, plan)
    assert receipt.event is not None
    notes = {message.text: message.note for message in store.list_messages().messages}
    assert notes["you have 2 voice mails"].endswith("replaces message 1")
    assert notes["you have 1 voice mail"].endswith(f"replaced by message {receipt.event.id}")
    assert not any("message" in notes[text] for text in ("other type", "other sender"))


# -- a SIM that was never seen --------------------------------------------------------------------


def test_known_sims(store: Store) -> None:
    assert not store.known_sim(SIM)
    store.remember_sim(SIM, "home", NOW)
    store.remember_sim(SIM, "other", NOW)
    assert store.known_sim(SIM)
    assert not store.known_sim("")


@pytest.mark.parametrize("forward", [False, True])
def test_archived_messages_wait_for_the_owner(store: Store, forward: bool) -> None:
    old = [part("old"), *parts(long_text("a", 2)), *parts(long_text("b", 3), reference=2)[:2]]
    receipts = store.receive(old, NOW, plan, archived=True)
    assert [(r.disposition, r.new, r.event) for r in receipts] == [(ARCHIVED, True, None)] * 5
    assert [m.state for m in store.list_messages().messages] == [MessageState.ARCHIVED] * 2
    assert store.due_deliveries(NOW) == []
    assert store.unread() == 0
    assert store.expire_parts(NOW + LIMIT, LIMIT, plan) == []
    assert {r.disposition for r in store.receive(old, NOW + 700, plan)} == {ARCHIVED}
    assert store.release_archived("another", NOW + 800, plan, forward) == []

    events = store.release_archived(SIM, NOW + 800, plan, forward)
    states = [event.message.state for event in events if event.message]
    assert states == [MessageState.RECEIVED, MessageState.RECEIVED, MessageState.INCOMPLETE]
    assert len(store.due_deliveries(NOW + 800)) == (3 if forward else 0)
    assert store.release_archived(SIM, NOW + 800, plan, forward) == []
    assert {r.disposition for r in store.receive(old, NOW + 900, plan)} == {STORED}


def test_archived_parts_are_released_before_their_limit(store: Store) -> None:
    two = parts(long_text("a", 2))
    store.receive([two[0]], NOW, plan, archived=True)
    assert store.release_archived(SIM, NOW + 1, plan, forward=True) == []  # it is now like any other that waits
    (receipt,) = store.receive([two[1]], NOW + 2, plan)
    assert receipt.event is not None
    assert receipt.event.text == long_text("a", 2)


def test_archived_parts_that_are_not_forwarded_are_shown_at_once(store: Store) -> None:
    store.receive(parts(long_text("a", 2))[:1], NOW, plan, archived=True)
    (event,) = store.release_archived(SIM, NOW + 1, plan, forward=False)
    assert event.message is not None
    assert event.message.state is MessageState.INCOMPLETE
    assert store.list_deliveries() == []
    assert store.next_expiry(LIMIT) is None


@pytest.mark.parametrize("expired", [False, True])
def test_a_new_part_makes_an_archived_message_new(store: Store, expired: bool) -> None:
    two = parts(long_text("a", 2))
    store.receive([two[0]], NOW, plan, archived=True)
    if expired:
        store.expire_parts(NOW + LIMIT, LIMIT, plan)
    (receipt,) = store.receive([two[1]], NOW + LIMIT + 1, plan)
    assert (receipt.disposition, receipt.completed) == (STORED, None)
    assert receipt.event is not None
    assert receipt.event.text == long_text("a", 2)
    assert len(store.due_deliveries(NOW + 9999)) == 1
    assert store.receive([two[0]], NOW, plan)[0].disposition is STORED


# -- deleting -------------------------------------------------------------------------------------


def test_a_deleted_message_does_not_come_back_from_the_sim(store: Store) -> None:
    two = parts(long_text("a", 2))
    store.receive([*two, part("b")], NOW, plan)
    assert store.delete_messages([1, 1, 2, 77, 0, -1, 2**70], NOW) == 2
    assert texts(store) == []
    receipts = store.receive([*two, part("b")], NOW + 1, plan)
    assert [(r.new, r.disposition, r.event) for r in receipts] == [(False, STORED, None)] * 3
    assert store.list_deliveries() == []
    (receipt,) = store.receive([part("c")], NOW + 1, nothing)
    assert receipt.event is not None
    assert receipt.event.id == 3  # ids are not used again
