"""What /proc says of a program: the processes of its session, their memory and their time."""

from __future__ import annotations

import os
from pathlib import Path

_TICK = 1 / os.sysconf("SC_CLK_TCK")


def session(leader: int) -> list[int]:
    """The processes of a session that began with that process."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            fields = _stat(int(folder.name))
            if fields and int(fields[3]) == leader:
                found.append(int(folder.name))
    return found


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the name (field 3 comes first); empty when the process has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def cpu(pids: list[int]) -> float:
    """Seconds of processor time so far, user and system, waited-for children included.

    The threads' own time is exact (nanoseconds); the ticks of /proc/PID/stat miss what is shorter than one.
    """
    children = sum(sum(map(int, fields[13:15])) for fields in map(_stat, pids) if fields) * _TICK
    return children + sum(_running(task) for pid in pids for task in Path(f"/proc/{pid}/task").glob("*"))


def _running(task: Path) -> float:
    """Seconds that a thread ran; 0 when it has gone."""
    try:
        return int((task / "schedstat").read_text().split()[0]) / 1e9
    except OSError:
        return 0.0


def memory(pids: list[int]) -> float:
    """MB of resident memory. Pages that several of the processes share count once, all others whole."""
    if len(pids) == 1:
        return _kilobytes(pids[0], "status", "VmRSS:") / 1000
    return sum(_kilobytes(pid, "smaps_rollup", "Pss:") for pid in pids) / 1000


def _kilobytes(pid: int, file: str, field: str) -> float:
    """A size that /proc gives in KiB, in thousands of bytes; 0 when the process has gone."""
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) * 1.024 for line in lines if line.startswith(field)), 0.0)
