"""Running programs: no shell, a clean environment, input at hand, bounded output, an end by deadline.

`asyncio.create_subprocess_exec` would do, but keeps a thread for each child on Python 3.11 and is slower to start a
handler (the benchmark's first row). So: `posix_spawn`, a file in memory as standard input (complete before the program
starts, nothing to pump), and a pidfd that tells the loop of the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
from collections.abc import Iterable, Mapping, Sequence

OUTPUT_KEPT = 2048  # bytes, the last ones: that is where a program says why it failed
OUTPUT_LIMIT = 16 << 20  # bytes; a program that prints more is killed
_CHUNK = 65536

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/nonexistent",  # no program finds settings by chance
    "LC_ALL": "C",
}


Input = bytes | int  # what a program reads; a number is the descriptor of a file with it, which stays the caller's


async def run(argv: Sequence[str], data: Input, timeout: float) -> tuple[int, bytes]:
    """Run the program `argv[0]` (a path) with `data` as its input; its exit status and the end of what it printed.

    A status below 0 is minus the signal that ended it. The program gets a process group of its own, which is killed
    when `timeout` seconds are over (TimeoutError) or the caller is cancelled. Raises OSError if it cannot be started.
    """
    return await _ended(_Child(argv, data, ENVIRONMENT), timeout)


async def ask(
    argv: Sequence[str], data: bytes, timeout: float, environment: Mapping[str, str], answer: int | None = None
) -> tuple[int, bytes, bytes]:
    """As `run`, for a program of ours: its exit status, all of its standard output, the end of its standard error.

    `environment` is added to ours. `answer` is a file in memory for its standard output that stays the caller's, who
    may look meanwhile at what is in it.
    """
    taken = os.memfd_create("answer") if answer is None else answer
    try:
        status, errors = await _ended(_Child(argv, data, ENVIRONMENT | dict(environment), taken), timeout)
        return status, _contents(taken), errors
    finally:
        if answer is None:
            os.close(taken)


async def _ended(child: _Child, timeout: float) -> tuple[int, bytes]:
    try:
        async with asyncio.timeout(timeout):
            status = await asyncio.shield(child.ended)
        return status, child.output
    finally:
        child.abandon()


def _contents(descriptor: int) -> bytes:
    """A file in memory from its beginning. OSError for more than any program of ours says."""
    size = os.fstat(descriptor).st_size
    if size > OUTPUT_LIMIT:
        raise OSError(errno.EFBIG, "The program's answer is too long")
    return os.pread(descriptor, size, 0)


class _Child:
    """One running program. It is reaped when it has ended, whether somebody still waits for it or not."""

    def __init__(
        self, argv: Sequence[str], data: Input, environment: Mapping[str, str], answer: int | None = None
    ) -> None:
        """Standard output goes to the file `answer`, if there is one; else it is `output`, as standard error is."""
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[int] = self._loop.create_future()
        self.output = b""
        self._printed = 0
        with contextlib.ExitStack() as ours:
            given = os.dup(data) if isinstance(data, int) else memory_file((data,))
            ours.callback(os.close, given)
            self._pipe, theirs = os.pipe()
            ours.callback(os.close, theirs)
            ours.push(self._close_pipe_on_error)
            os.set_blocking(self._pipe, False)
            self._pid = _spawn(argv, environment, (given, theirs if answer is None else answer, theirs))
            self._watch()

    def _close_pipe_on_error(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            os.close(self._pipe)

    def _watch(self) -> None:
        try:
            self._pidfd = os.pidfd_open(self._pid)
        except OSError:
            os.killpg(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            raise
        self._loop.add_reader(self._pidfd, self._on_end)
        self._loop.add_reader(self._pipe, self._on_output)

    def _on_output(self) -> None:
        """Take what it printed, so that it never blocks on a full pipe, and keep the last of it."""
        try:
            chunk = os.read(self._pipe, _CHUNK)
        except BlockingIOError:
            return
        self.output = (self.output + chunk)[-OUTPUT_KEPT:]
        self._printed += len(chunk)
        if not chunk:
            self._loop.remove_reader(self._pipe)
        elif self._printed > OUTPUT_LIMIT:
            self._kill()

    def _on_end(self) -> None:
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        _, status = os.waitpid(self._pid, 0)
        if self._pipe >= 0:
            self._on_output()  # its last words may not have been read yet
        self.ended.set_result(os.waitstatus_to_exitcode(status))

    def _kill(self) -> None:
        """Kill its process group. It is not reaped yet, so the number is still its own."""
        if not self.ended.done():
            os.killpg(self._pid, signal.SIGKILL)

    def abandon(self) -> None:
        """Kill what is still running and read no more of it."""
        self._kill()
        self._loop.remove_reader(self._pipe)
        os.close(self._pipe)
        self._pipe = -1


def _spawn(argv: Sequence[str], environment: Mapping[str, str], streams: Sequence[int]) -> int:
    return os.posix_spawn(
        argv[0],
        list(argv),
        environment,
        file_actions=[(os.POSIX_SPAWN_DUP2, stream, number) for number, stream in enumerate(streams)],
        setpgroup=0,
        setsigmask=(),
        # Python ignores some, as may who started us (nohup: SIGHUP), and programs inherit that.
        setsigdef=signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP},
    )


def memory_file(pieces: Iterable[bytes]) -> int:
    """A file descriptor, at its beginning, of a file that exists in memory only and holds `pieces`."""
    descriptor = os.memfd_create("input")
    try:
        for piece in pieces:
            view = memoryview(piece)
            while view:
                view = view[os.write(descriptor, view) :]
        os.lseek(descriptor, 0, os.SEEK_SET)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
