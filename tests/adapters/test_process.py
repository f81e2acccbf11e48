"""Programs run without a shell, with a deadline, and leave nothing behind."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from pathlib import Path

import pytest

from homeline.adapters.process import OUTPUT_KEPT, OUTPUT_LIMIT, ask, run


@pytest.fixture
def program(tmp_path: Path):
    """Writes an executable shell script and gives its path."""

    def write(text: str, name: str = "program") -> str:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return str(path)

    return write


async def gone(pid: int) -> bool:
    """Whether a process has ended, waiting for it for a while."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(descriptor, ended.set)
    try:
        await asyncio.wait_for(ended.wait(), 5)
    finally:
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)
    return True


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def children() -> set[str]:
    """Our child processes, zombies among them."""
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


@pytest.mark.parametrize(("text", "status"), [("exit 0", 0), ("exit 75", 75), ("kill -9 $$", -9), ("kill -15 $$", -15)])
async def test_the_status_is_told(program, text: str, status: int) -> None:
    before = children()
    assert await run([program(text)], b"", 10) == (status, b"")
    assert children() == before


@pytest.mark.parametrize("size", [0, 1, 65536, 3_000_000])
async def test_input_of_any_size_arrives_whatever_is_printed(program, size: int) -> None:
    data = os.urandom(size)
    status, output = await run([program("sha256sum")], data, 10)
    assert (status, output.split()[0].decode()) == (0, hashlib.sha256(data).hexdigest())


async def test_arguments_are_not_read_by_a_shell(program) -> None:
    hostile = ["$(touch /tmp/x)", "; reboot", "a b", "*", "`id`", "'\"\\", "ü\n"]
    _, output = await run([program('for a; do printf "<%s>" "$a"; done'), *hostile], b"", 10)
    assert output.decode() == "".join(f"<{a}>" for a in hostile)


async def test_the_environment_is_ours(program, monkeypatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    monkeypatch.setenv("LD_PRELOAD", "")
    _, output = await run([program("env")], b"", 10)
    names = {line.split(b"=")[0] for line in output.splitlines()} - {b"PWD", b"_", b"SHLVL", b"OLDPWD"}
    assert names == {b"PATH", b"HOME", b"LC_ALL"}


async def test_no_file_of_ours_is_open_in_the_program(program, tmp_path: Path) -> None:
    with (tmp_path / "secret").open("w"):
        _, output = await run([program("ls -l /proc/self/fd")], b"", 10)
    assert b"input" in output  # the file in memory that it reads
    for ours in (b"secret", b"pidfd", b"eventpoll", b"socket"):
        assert ours not in output


async def test_signals_are_as_a_program_expects_them(program) -> None:
    """Python ignores SIGPIPE, and a shell's pipes would go on for ever if it were inherited."""
    status, output = await run([program("yes | head -n 1; grep -E 'SigIgn|SigBlk' /proc/self/status")], b"", 10)
    assert status == 0
    standard = (1 << 31) - 1  # the C library keeps 32 and 33 to itself
    assert [int(line.split()[1], 16) & standard for line in output.splitlines()[1:]] == [0, 0]


async def test_of_much_output_the_end_is_kept(program) -> None:
    status, output = await run(
        [program("head -c 5000000 /dev/zero | tr '\\0' x; echo the reason >&2; exit 1")], b"", 30
    )
    assert status == 1
    assert len(output) == OUTPUT_KEPT
    assert output.endswith(b"xthe reason\n")


async def test_endless_output_ends_and_the_loop_stays_awake(program) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.001)
            ticks += 1

    ticking = asyncio.ensure_future(tick())
    status, _ = await run([program("exec yes")], b"", 30)
    ticking.cancel()
    assert status == -9
    assert ticks > 2


async def test_a_program_that_does_not_end_is_killed_with_its_children(program, tmp_path: Path) -> None:
    fifo = tmp_path / "pids"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    script = program(f"trap '' TERM HUP INT\nsleep 1000 &\necho $$ $! > {fifo}\nwait")
    task = asyncio.ensure_future(run([script], b"", 0.5))
    readable = asyncio.Event()
    asyncio.get_running_loop().add_reader(reader, readable.set)
    await asyncio.wait_for(readable.wait(), 5)
    asyncio.get_running_loop().remove_reader(reader)
    pids = [int(pid) for pid in os.read(reader, 100).split()]
    os.close(reader)
    with pytest.raises(TimeoutError):
        await task
    assert [await gone(pid) for pid in pids] == [True, True]


async def test_a_caller_who_is_cancelled_leaves_no_program(program) -> None:
    before = children()
    task = asyncio.ensure_future(run([program("exec sleep 1000")], b"", 1000))
    await asyncio.sleep(0)
    started = children() - before
    assert len(started) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await gone(int(started.pop()))
    await asyncio.sleep(0)  # the loop reaps it
    await asyncio.sleep(0)
    assert children() == before


@pytest.mark.parametrize("make", ["missing", "not executable", "no interpreter", "folder"])
async def test_a_program_that_cannot_start_says_so_and_leaks_nothing(tmp_path: Path, make: str) -> None:
    path = tmp_path / "program"
    if make == "folder":
        path.mkdir()
    elif make != "missing":
        path.write_text("#!/no/such/interpreter\n" if make == "no interpreter" else "#!/bin/sh\n")
        path.chmod(0o755 if make == "no interpreter" else 0o644)
    before = descriptors()
    with pytest.raises(OSError):
        await run([str(path)], b"data", 1)
    assert descriptors() == before


async def test_many_at_once_need_no_threads_and_leak_nothing(program) -> None:
    script = program("cat >/dev/null; echo done")
    threads, before = threading.active_count(), descriptors()
    results = await asyncio.gather(*(run([script], b"x" * 1000, 30) for _ in range(30)))
    assert results == [(0, b"done\n")] * 30
    assert threading.active_count() == threads
    assert descriptors() == before


async def test_a_daemon_that_a_program_leaves_behind_holds_up_nothing(program, tmp_path: Path) -> None:
    """A mail transfer agent may go on delivering in the background, our pipe still in its hands."""
    status, output = await run([program("sleep 1000 & echo $!")], b"", 10)
    os.kill(int(output), 9)
    assert status == 0


async def test_a_program_of_ours_answers_on_standard_output(program) -> None:
    path = program(
        'read line; echo "$line $WORD"; i=0; while [ $i -lt 500 ]; do echo 0123456789; i=$((i+1)); done; echo oh >&2'
    )
    before = descriptors()
    status, answer, errors = await ask([path], b"question\n", 10, {"WORD": "given"})
    assert (status, errors) == (0, b"oh\n")
    assert answer == b"question given\n" + b"0123456789\n" * 500  # more than is kept of what others print
    assert descriptors() == before


async def test_an_answer_without_end_is_refused(program) -> None:
    with pytest.raises(OSError, match="too long"):
        await ask([program(f"head -c {OUTPUT_LIMIT + 1} /dev/zero")], b"", 30, {})
