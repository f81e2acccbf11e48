"""Nothing lost, nothing doubled: kill -9 amid writes, any order of parts, repeats, failures and crashes."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from adapters.store_kit import NOW, long_text, part, parts, plan
from homeline.adapters.store import Store
from homeline.model import MessageState, ReceivedPart

# -- kill -9 --------------------------------------------------------------------------------------------------------

WRITER = """
    import sys
    from pathlib import Path
    from adapters.store_kit import ANN, SIM, NOW, plan
    from adapters.test_store_crash import on_the_sim
    from homeline.adapters.store import Store

    store = Store.open(Path(sys.argv[1]))
    print("ready", flush=True)
    for number, one in enumerate(on_the_sim()):
        store.receive([one], NOW, plan)
        print("stored", number, flush=True)  # only now would the part be deleted from the SIM
        if number % 3 == 0:
            message = store.queue_message("home", SIM, ANN, ANN, "out", "gsm7", [("00", "o"), ("00", "ut")], NOW)
            for place in (1, 2):
                store.part_sending(message.id, place, SIM)
                print("submitted", message.id, place, flush=True)
                store.part_sent(message.id, place, number % 256, NOW)
            store.message_sent(message.id, NOW, plan)
        for delivery, event in store.due_deliveries(NOW, limit=1):
            store.delivery_done(delivery.id, NOW)
    print("end", flush=True)
"""


def on_the_sim() -> list[ReceivedPart]:
    """Forty messages, every fourth of them in two parts, interleaved with what follows."""
    found: list[ReceivedPart] = []
    for number in range(40):
        if number % 4 == 3:
            first, second = parts(long_text(f"long {number} ", 2), at=NOW + number, reference=number)
            found += [first, part(f"between {number}", at=NOW + number), second]
        else:
            found.append(part(f"short {number}", at=NOW + number))
    return found


def killed_after(path: Path, lines: int) -> list[list[str]]:
    """Let the writer print so many lines, kill it while it goes on, and return all that it said."""
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        said = [child.stdout.readline().split() for _ in range(lines)]
        child.kill()
        said += [line.split() for line in child.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    assert child.returncode == -9
    return said


@pytest.mark.parametrize("trial", range(10))
def test_killed_while_it_writes(tmp_path: Path, trial: int) -> None:
    path = tmp_path / "homeline.db"
    chance = random.Random(trial)
    said = killed_after(path, chance.randrange(1, 60))
    assert said[0] == ["ready"]
    stored = {int(words[1]) for words in said if words[0] == "stored"}
    submitted = {(int(words[1]), int(words[2])) for words in said if words[0] == "submitted"}

    store = Store.open(path)
    assert store.notices == []
    assert store._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    lost = {message.id for message in store.recover(NOW).unknown}
    for message, place in submitted:
        found = {part.number: part.state for part in store.get_message(message)[1]}
        assert found[place] in ("sent", "unknown")  # never queued: it would be sent twice
        assert (message in lost) == ("unknown" in found.values())

    everything = on_the_sim()
    receipts = store.receive(everything, NOW + 1, plan)  # all parts again, as if none had been deleted
    assert not any(receipts[number].new for number in stored)
    texts = Counter(m.text for m in store.list_messages(limit=500).messages if m.direction == "in")
    expected = {one.text for one in everything if one.concat is None}
    expected |= {long_text(f"long {number} ", 2) for number in range(3, 40, 4)}
    assert texts == Counter(expected)
    deliveries = Counter(delivery.event for delivery in store.list_deliveries(limit=500))
    assert len(deliveries) == len(expected)
    assert set(deliveries.values()) == {1}
    counted = store.list_conversations().conversations[0]
    assert (counted.count, counted.unread) == (len(store.list_messages(limit=500).messages), len(expected))
    store.close()


# -- any order ------------------------------------------------------------------------------------------------------

LIMIT = 600
SIZES = (1, 2, 3, 1, 4, 2)
TEXTS = tuple(long_text(letter, size) for letter, size in zip("abcdef", SIZES, strict=True))
SETS = tuple(parts(text, reference=number, at=NOW + number) for number, text in enumerate(TEXTS))
PARTS = tuple((message, place) for message, size in enumerate(SIZES) for place in range(size))


class Failing(list[ReceivedPart]):
    """A batch in the middle of which something breaks."""

    def __iter__(self) -> Iterator[ReceivedPart]:
        yield from list.__getitem__(self, slice(None))
        raise OSError("in the middle")


class Receiving(RuleBasedStateMachine):
    """The store beside the simplest model of it: which parts have come, and which messages have been shown."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="homeline-"))
        self.copies = 0
        self.store = Store.open(self.folder / "0" / "homeline.db")
        self.come: set[tuple[int, int]] = set()
        self.shown: set[int] = set()
        self.now = NOW

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.receive(PARTS)
            self.everything_once()
            assert len(self.shown) == len(SIZES)
            self.store.close()
            shutil.rmtree(self.folder)

    @rule(chosen=st.lists(st.sampled_from(PARTS), min_size=1, max_size=6))
    def receive(self, chosen: Sequence[tuple[int, int]]) -> None:
        self.now += 1
        receipts = self.store.receive([SETS[m][p] for m, p in chosen], self.now, plan)
        for key, receipt in zip(chosen, receipts, strict=True):
            assert receipt.new == (key not in self.come)
            self.come.add(key)
            whole = all((key[0], place) in self.come for place in range(SIZES[key[0]]))
            finished = receipt.new and whole
            assert (receipt.event is not None) == (finished and key[0] not in self.shown)
            assert (receipt.completed is not None) == (finished and key[0] in self.shown)
            if whole:
                self.shown.add(key[0])

    @rule(chosen=st.lists(st.sampled_from(PARTS), max_size=4))
    def fail(self, chosen: Sequence[tuple[int, int]]) -> None:
        with pytest.raises(OSError, match="in the middle"):
            self.store.receive(Failing(SETS[m][p] for m, p in chosen), self.now, plan)

    @rule()
    def expire(self) -> None:
        self.now += LIMIT + 1
        for event in self.store.expire_parts(self.now, LIMIT, plan):
            assert event.message is not None
            assert event.message.state is MessageState.INCOMPLETE
        self.shown |= {message for message, _ in self.come}
        assert self.store.next_expiry(LIMIT) is None

    @rule()
    def deliver(self) -> None:
        for delivery, event in self.store.due_deliveries(self.now):
            assert event.text
            self.store.delivery_done(delivery.id, self.now)

    @rule()
    def crash(self) -> None:
        """What the disk holds at this moment is what the next process finds."""
        self.copies += 1
        after = self.folder / str(self.copies)
        shutil.copytree(self.store.path.parent, after)
        self.store.close()
        self.store = Store.open(after / "homeline.db")
        assert self.store.notices == []
        self.store.recover(self.now)

    @invariant()
    def everything_once(self) -> None:
        if not hasattr(self, "store"):
            return
        shown = self.store.list_messages(limit=500).messages
        assert len(shown) == len(self.shown)
        for number in self.shown:
            have = [place for place in range(SIZES[number]) if (number, place) in self.come]
            (found,) = (m for m in shown if m.text.startswith(TEXTS[number][:2]) or m.sent_at == NOW + number)
            assert all(SETS[number][place].text in found.text for place in have)
            whole = len(have) == SIZES[number]
            assert found.state is (MessageState.RECEIVED if whole else MessageState.INCOMPLETE)
            assert found.parts_have == len(have)
            if whole:
                assert found.text == TEXTS[number]
            revisions = [delivery.revision for delivery in self.store.list_deliveries(event=found.id)]
            assert len(set(revisions)) == len(revisions) >= 1


Receiving.TestCase.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
TestReceiving = Receiving.TestCase
