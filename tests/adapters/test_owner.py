"""Who has a port: real lock files, a real other process, real permissions."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeline.adapters import owner
from homeline.errors import PortError
from homeline.model import Reason


@pytest.fixture
def port() -> Iterator[Path]:
    master, slave = os.openpty()
    yield Path(os.ttyname(slave))
    os.close(master)
    os.close(slave)


@pytest.fixture
def other(port: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program that has the port open."""
    code = f"import sys; f = open({str(port)!r}, 'rb+', buffering=0); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"open\n"
        yield process
        process.stdin.close()


def gone_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def lock_text(path: Path) -> str:
    return path.read_text("ascii")


def test_a_lock_is_written_as_the_standard_says_and_removed(tmp_path: Path, port: Path) -> None:
    held = owner.lock(port, tmp_path)
    file = tmp_path / f"LCK..{port.name}"
    assert lock_text(file) == f"{os.getpid():>10}\n"
    assert stat.S_IMODE(file.stat().st_mode) & 0o022 == 0
    held.release()
    held.release()
    assert not file.exists()


def test_a_stale_lock_is_taken_over(tmp_path: Path, port: Path) -> None:
    file = tmp_path / f"LCK..{port.name}"
    file.write_text(f"{gone_pid():>10}\n")
    owner.lock(port, tmp_path)
    assert lock_text(file) == f"{os.getpid():>10}\n"


@pytest.mark.parametrize("content", [b"", b"garbage\n", b"99999999999999\n", b"\xff" * 500])
def test_a_lock_without_sense_is_taken_over(tmp_path: Path, port: Path, content: bytes) -> None:
    (tmp_path / f"LCK..{port.name}").write_bytes(content)
    owner.lock(port, tmp_path).release()
    assert not (tmp_path / f"LCK..{port.name}").exists()


@pytest.mark.parametrize("binary", [False, True])
def test_the_lock_of_a_living_program_names_it(
    tmp_path: Path, port: Path, other: subprocess.Popen[bytes], binary: bool
) -> None:
    content = other.pid.to_bytes(4, "little") if binary else f"{other.pid:>10}\n".encode()
    (tmp_path / f"LCK..{port.name}").write_bytes(content)
    with pytest.raises(PortError, match=rf"python.*\(process {other.pid}\)") as caught:
        owner.lock(port, tmp_path)
    assert caught.value.reason == Reason.PORT_OWNED
    assert owner.holder(port, tmp_path) is not None


@pytest.mark.parametrize(("content", "pid"), [(b"7\n\0\0", 2615), (b"1\0\0\0", 49), (b"\x10\x27\0\0", 10000)])
def test_a_binary_lock_is_no_text(tmp_path: Path, port: Path, content: bytes, pid: int) -> None:
    proc = tmp_path / "proc"
    (proc / str(pid)).mkdir(parents=True)
    (tmp_path / f"LCK..{port.name}").write_bytes(content)
    with pytest.raises(PortError, match=rf"process {pid}:"):
        owner.lock(port, tmp_path, proc)


def test_releasing_leaves_a_lock_that_another_took_meanwhile(tmp_path: Path, port: Path) -> None:
    held = owner.lock(port, tmp_path)
    file = tmp_path / f"LCK..{port.name}"
    file.write_text(f"{os.getppid():>10}\n")
    held.release()
    assert file.exists()


def test_a_folder_that_cannot_be_written_does_without(tmp_path: Path, port: Path) -> None:
    owner.lock(port, tmp_path / "missing").release()


def test_an_open_file_names_its_program(tmp_path: Path, port: Path, other: subprocess.Popen[bytes]) -> None:
    holder = owner.holder(port, tmp_path)
    assert holder is not None
    assert holder.pid == other.pid
    assert "python" in str(holder)
    assert f"process {other.pid}" in owner.explain(port, Reason.PORT_OWNED, tmp_path)


def test_a_link_to_the_port_is_the_port(tmp_path: Path, port: Path, other: subprocess.Popen[bytes]) -> None:
    link = tmp_path / "ttyUSB0"
    link.symlink_to(port)
    holder = owner.holder(link, tmp_path)
    assert holder is not None
    assert holder.pid == other.pid


def test_our_own_open_files_and_locks_are_nobody(tmp_path: Path, port: Path) -> None:
    owner.lock(port, tmp_path)
    assert owner.holder(port, tmp_path) is None
    assert "cannot be named" in owner.explain(port, Reason.PORT_OWNED, tmp_path)


def test_permission_is_explained_with_what_to_do(tmp_path: Path) -> None:
    port = tmp_path / "ttyUSB0"
    port.touch()
    assert owner.permission(port) == ""
    assert "cannot be looked at" in owner.permission(tmp_path / "nothing")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file of others and become another user")
@pytest.mark.parametrize(("mode", "words"), [(0o660, "to the group"), (0o600, "chmod 660")])
def test_a_user_without_the_group_is_told_so(tmp_path: Path, mode: int, words: str) -> None:
    port = tmp_path / "ttyUSB0"
    port.touch()
    port.chmod(mode)
    for folder in (tmp_path, *tmp_path.parents):
        if str(folder).startswith("/tmp/"):
            folder.chmod(0o755)
    code = (
        "import os, sys; os.setgroups([]); os.setgid(65534); os.setuid(65534);"
        "from pathlib import Path; from homeline.adapters import owner;"
        "print(owner.explain(Path(sys.argv[1]), 'no_permission', Path('/nonexistent')))"
    )
    run = subprocess.run(
        [sys.executable, "-c", f"import homeline.adapters.owner; {code}", str(port)], capture_output=True, text=True
    )
    assert words in run.stdout
    assert "root" in run.stdout
