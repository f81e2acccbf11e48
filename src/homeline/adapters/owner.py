"""Who has a serial port: UUCP lock files, programs that hold it open, and the file's permission; each in words.

The lock file `LCK..ttyUSB0` (Filesystem Hierarchy Standard 3.0, 5.9) holds the process id as ten characters, padded
left, and a line feed. It is how gammu-smsd, minicom, pppd and others keep out of each other's way.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from homeline.errors import PortError
from homeline.model import Reason

_LONGEST_LOCK = 128  # octets of a lock file that are read


@dataclass(frozen=True, slots=True)
class Holder:
    """A program that has a port: its process id and name (empty where it cannot be read)."""

    pid: int
    name: str = ""

    def __str__(self) -> str:
        return f"{self.name} (process {self.pid})" if self.name else f"process {self.pid}"


class Lock:
    """Our UUCP lock of one port. `release` may be called twice."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def release(self) -> None:
        """Remove the lock file if it is still ours."""
        path, self._path = self._path, None
        if path is not None and _lock_pid(path) == os.getpid():
            with contextlib.suppress(OSError):
                path.unlink()


def lock(port: Path, locks: Path, proc: Path = Path("/proc")) -> Lock:
    """Take the UUCP lock of `port`. A lock of a process that is gone is taken over.

    Raises PortError (port_owned) naming who has it. Where the folder does not let us write, the lock is done without:
    the kernel's lock on the open port still keeps two of us apart.
    """
    path = locks / f"LCK..{port.name}"
    for _ in range(3):  # a stale lock may be replaced by another program between our look and our try
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        except FileExistsError:
            _take_over(path, port, proc)
            continue
        except OSError:
            return Lock(None)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{os.getpid():>10}\n")
        return Lock(path)
    raise PortError(f"{port}: its lock file {path} comes back each time it is removed", Reason.PORT_OWNED)


def _take_over(path: Path, port: Path, proc: Path) -> None:
    """Remove a stale lock file. Raises PortError when its process lives, or the file cannot be removed."""
    pid = _lock_pid(path)
    if pid is not None and pid != os.getpid() and (proc / str(pid)).exists():
        raise PortError(
            f"{port} is locked by {Holder(pid, _program(proc, pid))}: stop it, or give it another port",
            Reason.PORT_OWNED,
        )
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise PortError(
            f"{port}: the stale lock file {path} cannot be removed ({error.strerror})", Reason.PORT_OWNED
        ) from error


def _lock_pid(path: Path) -> int | None:
    """The process that a lock file names; None if it is gone or makes no sense."""
    try:
        with path.open("rb") as file:
            data = file.read(_LONGEST_LOCK)
    except OSError:
        return None
    if len(data) == 4 and 0 in data:  # the older, binary form; its octets may happen to be digits and blanks
        return int.from_bytes(data, "little")
    words = data.split()
    if words and words[0].isdigit() and len(words[0]) <= 10:
        return int(words[0])
    return None


def holder(port: Path, locks: Path, proc: Path = Path("/proc")) -> Holder | None:
    """The other program that has `port`, by its lock file or its open files; None if none can be seen."""
    pid = _lock_pid(locks / f"LCK..{port.name}")
    if pid is not None and pid != os.getpid() and (proc / str(pid)).exists():
        return Holder(pid, _program(proc, pid))
    return _opener(port, proc)


def _opener(port: Path, proc: Path) -> Holder | None:
    target = os.path.realpath(port)
    with contextlib.suppress(OSError), os.scandir(proc) as entries:
        for entry in entries:
            if entry.name.isdigit() and int(entry.name) != os.getpid() and _has_open(Path(entry.path), target):
                return Holder(int(entry.name), _program(proc, int(entry.name)))
    return None


def _has_open(process: Path, target: str) -> bool:
    # A process that ends meanwhile, or belongs to someone else, shows nothing: then only its lock file could tell.
    with contextlib.suppress(OSError), os.scandir(process / "fd") as files:
        for file in files:
            with contextlib.suppress(OSError):
                if os.readlink(file.path) == target:  # noqa: PTH115 - thousands of them: no Path for each
                    return True
    return False


def _program(proc: Path, pid: int) -> str:
    try:
        name = (proc / str(pid) / "comm").read_bytes()[:64].decode("utf-8", "replace").strip()
    except OSError:
        return ""
    return "".join(c for c in name if c.isprintable())


def permission(path: Path, user: str = "") -> str:
    """Why we, or another user by name, may not read and write `path`, and what to do; empty when its mode allows it."""
    try:
        info = path.stat()
    except OSError as error:
        return f"{path} cannot be looked at ({error.strerror})"
    if _mode_allows(info, user) if user else os.access(path, os.R_OK | os.W_OK):
        return ""
    group = _group(info.st_gid)
    mode = stat.filemode(info.st_mode)
    who = f"the user is {user}" if user else f"we are {_user(os.geteuid())}"
    words = f"{path} belongs to {_user(info.st_uid)}:{group} with mode {mode}, and {who}"
    if info.st_mode & 0o060 == 0o060:
        return f"{words}: add that user to the group {group} and restart the service"
    return f"{words}: allow the group dialout to read and write it (chgrp dialout, chmod 660)"


def _mode_allows(info: os.stat_result, user: str) -> bool:
    """Whether a user who is not root may read and write; an unknown user may not."""
    try:
        known = pwd.getpwnam(user)
    except KeyError:
        return False
    if info.st_uid == known.pw_uid:
        return info.st_mode & 0o600 == 0o600
    if info.st_gid in os.getgrouplist(user, known.pw_gid):
        return info.st_mode & 0o060 == 0o060
    return info.st_mode & 0o006 == 0o006


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def explain(port: Path, reason: str, locks: Path, proc: Path = Path("/proc")) -> str:
    """Words for people on a port that could not be opened for `reason` (a `model.Reason`), with what to do."""
    if reason == Reason.NO_PERMISSION:
        return permission(port) or f"{port}: the system does not let us open it"
    who = holder(port, locks, proc)
    if who is not None:
        return f"{port} is used by {who}: stop it, or give it another port"
    return f"{port} is used by another program that cannot be named (its files are not ours to see)"
