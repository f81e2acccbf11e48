"""Recordings between RAM and flash: whole or not at all, plain files only, lengths as Asterisk writes them."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from homeline.adapters import recordings
from homeline.adapters.recordings import RecordingError
from homeline.errors import NotFound
from hostile import HOSTILE

CAPTURES = Path(__file__).parents[1] / "captures/asterisk"
RAW, KEPT = "1795443122-2-1795443130.WAV", "voicemail-1795443122-5f3a09c1.wav"


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    shutil.copy(CAPTURES / "voicemail.WAV", folder / RAW)
    return folder


@pytest.fixture
def flash(tmp_path: Path) -> Path:
    return tmp_path / "etc/homeline/voicemail"


def test_a_recording_is_kept_whole_and_private(spool: Path, flash: Path) -> None:
    before = os.umask(0)
    try:
        kept = recordings.keep(spool, RAW, flash, KEPT)
    finally:
        os.umask(before)
    assert (kept.file, kept.size, kept.seconds, kept.at) == (KEPT, 2465, 1, 1795443122)
    assert (flash / KEPT).read_bytes() == (CAPTURES / "voicemail.WAV").read_bytes()
    assert (flash / KEPT).stat().st_mode & 0o777 == 0o640
    assert flash.stat().st_mode & 0o777 == 0o750
    assert (spool / RAW).exists()
    assert recordings.keep(spool, RAW, flash, KEPT) == kept
    assert recordings.kept_in(flash) == [kept]
    assert b"".join(recordings.read(flash, KEPT, 1000)) == (spool / RAW).read_bytes()
    assert recordings.kept_size(flash, KEPT) == 2465


@pytest.mark.parametrize(
    ("name", "size", "seconds"),
    [
        ("x.gsm", 0, 0),
        ("x.gsm", 1650 * 17, 17),
        ("x.wav", 60 + 1625 * 180, 180),
        ("x.WAV", 60 + 1625 * 3, 3),
        ("x.wav", 10, 0),
        ("voicemail.gsm", (CAPTURES / "voicemail.gsm").stat().st_size, 2),  # 1.5 s
        ("voicemail.WAV", (CAPTURES / "voicemail.WAV").stat().st_size, 1),
    ],
)
def test_seconds(name: str, size: int, seconds: int) -> None:
    assert recordings.seconds(name, size) == seconds


@pytest.mark.parametrize("raw", [RAW, "homeline-0f3a-17.gsm", "a.WAV"])
def test_the_name_on_flash_is_ours(raw: str) -> None:
    name = recordings.kept_name(raw, 1795443122, "5f3a09c1")
    assert recordings.is_kept_name(name)
    assert name.endswith(".wav" if raw.endswith(".WAV") else ".gsm")


@pytest.mark.parametrize(
    "name",
    ["../x.WAV", "a/b.WAV", ".x.WAV", "x.sh", "", ".", "x.WAV\n", "x.wav.", *HOSTILE.values()],
)
def test_no_other_name_is_touched(spool: Path, flash: Path, name: str) -> None:
    (spool.parent / "x.WAV").write_bytes(b"0" * 3000)
    for work in (
        lambda: recordings.size(spool, name),
        lambda: recordings.keep(spool, name, flash, KEPT),
        lambda: recordings.keep(spool, RAW, flash, name),
        lambda: recordings.kept_size(flash, name),
    ):
        with pytest.raises(RecordingError):
            work()
    recordings.remove(spool, name)
    assert (spool.parent / "x.WAV").exists()
    assert recordings.kept_in(flash) == []


def test_only_plain_files_are_taken(spool: Path, flash: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"s" * 5000)
    (spool / "link.WAV").symlink_to(secret)
    (spool / "hard.WAV").hardlink_to(secret)
    (spool / "folder.WAV").mkdir()
    os.mkfifo(spool / "pipe.WAV")
    with (spool / "large.WAV").open("wb") as large:
        large.truncate(recordings.LARGEST + 1)
    for name in ("link.WAV", "hard.WAV", "folder.WAV", "pipe.WAV", "large.WAV"):
        with pytest.raises(RecordingError):
            recordings.keep(spool, name, flash, KEPT)
    assert recordings.kept_in(flash) == []
    assert [found.file for found in recordings.found_in(spool)] == [RAW, "hard.WAV", "large.WAV"]


def test_a_file_of_another_group_is_not_asterisks(spool: Path, flash: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to another group")
    os.chown(spool / RAW, -1, 12345)
    with pytest.raises(RecordingError):
        recordings.keep(spool, RAW, flash, KEPT)


def test_what_is_not_there(spool: Path, flash: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        recordings.keep(spool, "gone.WAV", flash, KEPT)
    with pytest.raises(NotFound):
        recordings.kept_size(flash, KEPT)
    with pytest.raises(NotFound):
        list(recordings.read(flash, KEPT, 10))
    assert recordings.found_in(tmp_path / "none") == []
    assert recordings.kept_in(tmp_path / "none") == []
    recordings.remove(spool, "gone.WAV")


def test_a_file_that_grows_while_it_is_copied_has_an_end(
    spool: Path, flash: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = os.read

    def grow(descriptor: int, count: int) -> bytes:
        with (spool / RAW).open("ab") as file:
            file.write(bytes(count))
        return really(descriptor, count)

    monkeypatch.setattr(os, "read", grow)
    with pytest.raises(RecordingError, match="grows"):
        recordings.keep(spool, RAW, flash, KEPT)
    assert list(flash.iterdir()) == []


def test_a_disk_that_fills_leaves_nothing_behind(spool: Path, flash: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        recordings.keep(spool, RAW, flash, KEPT)
    monkeypatch.undo()
    assert list(flash.iterdir()) == []
    assert recordings.keep(spool, RAW, flash, KEPT).size == 2465


def test_what_a_crash_left_begun_is_cleared_away(spool: Path, flash: Path) -> None:
    recordings.keep(spool, RAW, flash, KEPT)
    (flash / f"new-{KEPT}").write_bytes(b"half")
    (flash / "the owner's.wav").write_bytes(b"his")
    assert [kept.file for kept in recordings.kept_in(flash)] == [KEPT]
    assert sorted(path.name for path in flash.iterdir()) == ["the owner's.wav", KEPT]
    (flash / f"new-{KEPT}").write_bytes(b"half")
    assert recordings.keep(spool, RAW, flash, KEPT).size == 2465
