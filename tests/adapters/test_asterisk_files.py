"""Asterisk's files change as one set, or not at all."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homeline.adapters import asterisk_files
from homeline.adapters.asterisk_files import modules, new_secret, present, replace, secret

OLD = {"pjsip.conf": "old pjsip\n", "rtp.conf": "old rtp\n", "dongle.conf": "old dongle\n"}
NEW = {"pjsip.conf": "new pjsip ü\n", "rtp.conf": "old rtp\n", "extensions.conf": "new extensions\n"}
NAMES = st.sampled_from(["pjsip.conf", "rtp.conf", "extensions.conf", "manager.conf"])
SETS = st.dictionaries(NAMES, st.text(st.characters(exclude_categories=["Cs"]), max_size=40))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    replace(tmp_path, OLD)
    return tmp_path


def entries(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_folder_is_made_what_is_asked_for(folder: Path) -> None:
    untouched = (folder / "rtp.conf").stat()
    replace(folder, NEW)
    assert present(folder) == NEW
    assert entries(folder) == set(NEW)
    assert (folder / "rtp.conf").stat() == untouched
    assert stat.S_IMODE((folder / "pjsip.conf").stat().st_mode) == 0o640
    assert (folder / "pjsip.conf").read_bytes() == b"new pjsip \xc3\xbc\n"


def test_what_is_not_ours_stays(folder: Path) -> None:
    (folder / "README").write_text("x")
    replace(folder, {})
    assert entries(folder) == {"README"}


@given(before=SETS, after=SETS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_set_follows_any_other(tmp_path: Path, before: dict[str, str], after: dict[str, str]) -> None:
    replace(tmp_path, before)
    replace(tmp_path, after)
    assert present(tmp_path) == after


class Failing:
    """The n-th call of a function of the system fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, number: int, code: int) -> None:
        self.left, self._real, self._code = number, getattr(owner, name), code
        monkeypatch.setattr(owner, name, lambda *args: self(*args))

    def __call__(self, *args: Any) -> Any:
        self.left -= 1
        if self.left == 0:
            raise OSError(self._code, os.strerror(self._code))
        return self._real(*args)


STEPS = [
    (os, "fsync", 1),
    (os, "fsync", 2),
    (os, "fsync", 3),  # the folder's own
    (Path, "replace", 1),
    (Path, "replace", 2),
]


@pytest.mark.parametrize(("owner", "name", "number"), STEPS, ids=lambda value: str(getattr(value, "__name__", value)))
def test_a_step_that_fails_leaves_the_old_files(
    folder: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, number: int
) -> None:
    with monkeypatch.context() as patch:
        failing = Failing(patch, owner, name, number, errno.ENOSPC)
        with pytest.raises(OSError, match="No space left"):
            replace(folder, NEW)
        assert failing.left <= 0
    assert present(folder) == OLD
    assert entries(folder) == set(OLD)
    replace(folder, NEW)
    assert present(folder) == NEW


def test_a_full_disk_changes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the kernel says it: a write of which nothing, or less than all, fits."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            replace(folder, NEW | {"pjsip.conf": "x" * 10000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert present(folder) == OLD
    assert entries(folder) == set(OLD)


@pytest.mark.parametrize("name", ["../pjsip.conf", "a/b.conf", "x", "", ".conf", "a\n.conf", "PJSIP.CONF", ".x.conf"])
def test_no_other_name_is_written(folder: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no name of a file"):
        replace(folder, {name: "x"})
    assert present(folder) == OLD


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        present(tmp_path / "none")
    with pytest.raises(FileNotFoundError):
        replace(tmp_path / "none", NEW)


def test_the_secret_is_read_back(tmp_path: Path) -> None:
    assert secret(tmp_path) == ""
    (tmp_path / "manager.conf").write_text("[general](+)\nenabled = yes\n[homeline]\nread = system\n")
    assert secret(tmp_path) == ""
    made = new_secret()
    assert len(made) == 48
    assert made != new_secret()
    (tmp_path / "manager.conf").write_text(f"[homeline]\n;secret = no\nsecret = {made}\nread = system\n")
    assert secret(tmp_path) == made


def test_the_modules_that_are_installed(tmp_path: Path) -> None:
    assert modules(tmp_path / "none") is None
    assert modules(tmp_path) == ()
    for name in ("res_srtp.so", "res_pjsip.so", "README"):
        (tmp_path / name).touch()
    assert modules(tmp_path) == ("res_pjsip", "res_srtp")


def test_files_are_read_up_to_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asterisk_files, "_LONGEST", 10)
    (tmp_path / "pjsip.conf").write_bytes(b"0123456789\xff")
    assert present(tmp_path) == {"pjsip.conf": "0123456789"}
