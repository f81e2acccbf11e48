"""Files come to Asterisk as one change, and count only where it shows what they say."""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from homeline.adapters import asterisk_files
from homeline.service import telephony_apply
from homeline.service.asterisk_objects import UNKNOWN
from homeline.service.telephony_apply import Applied, Expected, Outcome
from homeline.telephony import MARK, Rendered
from service.telephony_kit import Pbx, pbx, rendered

BASE = {
    "manager.conf": "",
    "pjsip.conf": "endpoint desk\nmark desk=1\n",
    "extensions.conf": "context homeline-in\nmark extensions.conf=7\n",
}
MORE = BASE | {"pjsip.conf": "endpoint desk\nendpoint mobile\nmark desk=1\nmark mobile=2\n"}
OTHER = BASE | {"pjsip.conf": "endpoint kitchen\nmark kitchen=1\n"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telephony_apply, "LOOK_PAUSE", 0.001)


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Pbx]:
    """BASE is in force."""
    async with pbx(tmp_path) as found:
        assert await found.applier.apply(rendered(BASE)) == Applied(Outcome.WAITING, changed=tuple(sorted(BASE)))
        await found.connect()
        found.start()
        assert await found.applier.check() == Applied(Outcome.APPLIED)
        assert found.reloaded == []
        yield found


async def test_only_what_changed_is_read_again(there: Pbx) -> None:
    assert await there.applier.apply(rendered(MORE)) == Applied(Outcome.APPLIED, changed=("pjsip.conf",))
    assert there.reloaded == ["pjsip.conf"]
    assert await there.applier.apply(rendered(MORE)) == Applied(Outcome.APPLIED)
    assert there.reloaded == ["pjsip.conf"]


async def test_a_file_that_goes_is_read_again_too(there: Pbx) -> None:
    with_dongle = BASE | {"dongle.conf": "device stick\n"}
    assert (await there.applier.apply(rendered(with_dongle))).outcome is Outcome.APPLIED
    assert (await there.applier.apply(rendered(BASE))).outcome is Outcome.APPLIED
    assert there.reloaded == ["dongle.conf", "dongle.conf"]
    assert asterisk_files.present(there.folder) == BASE


async def test_the_manager_comes_last(there: Pbx) -> None:
    changed = {name: text + "x y\n" for name, text in BASE.items()} | {"rtp.conf": "", "logger.conf": ""}
    await there.applier.apply(rendered(changed))
    assert there.reloaded == ["logger.conf", "rtp.conf", "pjsip.conf", "extensions.conf", "manager.conf"]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (MORE, "endpoint missing: mobile; not as it was written: mobile"),
        (OTHER, "endpoint missing: kitchen; not as it was written: kitchen; endpoint still there: desk"),
        (BASE | {"pjsip.conf": "endpoint desk\nmark desk=2\n"}, "not as it was written: desk"),
    ],
    ids=["more", "other", "content"],
)
async def test_what_asterisk_does_not_take_is_put_back(there: Pbx, files: dict[str, str], words: str) -> None:
    there.broken = {"pjsip.conf"}
    result = await there.applier.apply(rendered(files))
    assert result == Applied(Outcome.ROLLED_BACK, words, ("pjsip.conf",))
    assert asterisk_files.present(there.folder) == BASE
    assert there.reloaded == ["pjsip.conf", "pjsip.conf"]
    assert not there.record.stale
    assert await there.applier.check() == Applied(Outcome.APPLIED)
    there.broken = set()
    assert (await there.applier.apply(rendered(files))).outcome is Outcome.APPLIED


async def test_asterisks_own_words_are_told(there: Pbx) -> None:
    there.broken = {"pjsip.conf"}
    log = there.logs / "messages.log"
    line = (
        "[Nov 23 14:11:07] WARNING[9141]: config.c:2049 process_text_line: {}, line 44 of /etc/asterisk/homeline/{}\n"
    )
    log.write_text(line.format("an old one", "pjsip.conf"))
    real = there.applier._compare

    async def compare() -> list[str]:
        with log.open("a") as file:
            file.write(line.format("no closing ']'", "pjsip.conf") * 3)
            file.write("[Nov 23 14:11:07] WARNING[9141]: somebody else's\n")
        return await real()

    there.applier._compare = compare  # type: ignore[method-assign]
    words = (await there.applier.apply(rendered(MORE))).words
    assert words.endswith(
        "Asterisk says: config.c:2049 process_text_line: no closing ']', line 44 of /etc/asterisk/homeline/pjsip.conf"
    )
    assert words.count("Asterisk says") == 1


async def test_a_first_set_up_that_fails_has_nothing_to_go_back_to(tmp_path: Path) -> None:
    async with pbx(tmp_path) as found:
        await found.connect()
        found.broken = {"pjsip.conf"}
        result = await found.applier.apply(rendered(BASE, restart=""))
        assert result.outcome is Outcome.FAILED
        assert asterisk_files.present(found.folder) == BASE


async def test_a_module_that_is_not_there_is_told_by_what_is_missing(there: Pbx) -> None:
    there.absent = {"rtp.conf", "dongle.conf"}
    files = BASE | {"rtp.conf": "", "dongle.conf": ""}
    assert (await there.applier.apply(rendered(files))).outcome is Outcome.APPLIED


async def test_what_only_a_restart_brings_is_pending_and_no_fault(there: Pbx) -> None:
    files = BASE | {"pjsip.conf": BASE["pjsip.conf"] + "transport tls\n"}
    there.broken = {"pjsip.conf"}
    assert (await there.applier.apply(rendered(files, "B"))).outcome is Outcome.PENDING
    assert asterisk_files.present(there.folder) == files
    assert (await there.applier.check()).outcome is Outcome.PENDING
    there.start()
    assert (await there.applier.check()).outcome is Outcome.APPLIED


async def test_what_a_restart_does_not_bring_is_put_back(there: Pbx) -> None:
    """Such as an address to listen at that the router does not have: only Asterisk's start shows that."""
    files = BASE | {"pjsip.conf": BASE["pjsip.conf"] + "transport tls\n"}
    there.broken = {"pjsip.conf"}
    assert (await there.applier.apply(rendered(files, "B"))).outcome is Outcome.PENDING
    there.record.restarting(time.monotonic())
    there.ami.started = time.monotonic()
    result = await there.applier.check()
    assert result == Applied(Outcome.ROLLED_BACK, "transport missing: tls")
    assert asterisk_files.present(there.folder) == BASE
    assert there.record.needs_restart  # for what it was started with is not what there is
    there.start()
    assert (await there.applier.check()).outcome is Outcome.APPLIED
    assert not there.record.needs_restart


async def test_while_asterisk_is_away_files_are_written_and_read_later(there: Pbx) -> None:
    gone = asyncio.Event()
    there.ami.on_state(lambda _: gone.set())
    await there.fake.stop()
    await asyncio.wait_for(gone.wait(), 10)
    assert await there.applier.apply(rendered(MORE)) == Applied(Outcome.WAITING, changed=("pjsip.conf",))
    assert asterisk_files.present(there.folder) == MORE
    await there.fake.start()
    await there.connect()
    assert (await there.applier.check()).outcome is Outcome.APPLIED
    assert there.reloaded == ["pjsip.conf"]


async def test_what_somebody_else_undid_is_read_again(there: Pbx) -> None:
    there.read["pjsip.conf"] = ""
    assert (await there.applier.check()).outcome is Outcome.APPLIED
    assert there.reloaded == list(telephony_apply.RELOADS)


async def test_an_asterisk_that_does_not_answer_keeps_the_new_files(
    there: Pbx, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telephony_apply, "RELOAD_TIMEOUT", 0.05)
    del there.fake.answers["Reload"]
    result = await there.applier.apply(rendered(MORE))
    assert result.outcome is Outcome.STUCK
    assert "Reload: no answer from Asterisk within 0.05 s" in result.words
    assert asterisk_files.present(there.folder) == MORE
    assert there.record.stale == ("pjsip.conf",)


async def test_an_asterisk_that_goes_away_meanwhile_is_waited_for(there: Pbx) -> None:
    async def die(*_: object) -> None:
        there.fake.drop()

    there.fake.answers["Reload"] = die
    assert (await there.applier.apply(rendered(MORE))).outcome is Outcome.WAITING
    assert there.record.stale == ("pjsip.conf",)


async def test_a_full_disk_changes_nothing(there: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(asterisk_files.os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            await there.applier.apply(rendered(MORE))
    assert there.reloaded == []
    assert await there.applier.check() == Applied(Outcome.APPLIED)


async def test_withdrawn_nothing_is_left(there: Pbx) -> None:
    await there.applier.withdraw()
    assert asterisk_files.present(there.folder) == {}
    assert (await there.applier.check()).outcome is not Outcome.FAILED


def test_many_names_are_not_all_told() -> None:
    expected = Expected().after(Rendered(objects={"endpoint": tuple(f"p{number}" for number in range(9))}))
    assert expected.complaints({}, restarts=True) == ["endpoint missing: p0, p1, p2, p3, p4 and 4 more"]


def test_a_mark_tells_which_object_is_an_old_one() -> None:
    before = Expected().after(Rendered(objects={MARK: ("desk=1",), "endpoint": ("desk",)}))
    expected = before.after(Rendered(objects={MARK: ("desk=2",), "endpoint": ("desk",)}))
    assert expected.complaints({MARK: ("desk=1",), "endpoint": ("desk",)}, restarts=True) == [
        "not as it was written: desk"
    ]
    assert expected.complaints({MARK: ("desk=2",), "endpoint": ("desk",)}, restarts=True) == []


def test_transports_are_looked_at_when_a_restart_has_brought_them() -> None:
    expected = Expected().after(Rendered(objects={"transport": ("tls",)}))
    assert expected.complaints({}, restarts=False) == []
    assert expected.complaints({}, restarts=True) == ["transport missing: tls"]
    assert expected.complaints({UNKNOWN: ("tls",)}, restarts=True) == []
    assert Expected().after(Rendered(objects={"endpoint": ("tls",)})).complaints({UNKNOWN: ("tls",)}, restarts=True)
