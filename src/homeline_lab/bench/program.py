"""A program under measurement: how it is configured, started, asked to send, and where its inbox is."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from homeline_lab.bench import procfs
from homeline_lab.bench.bell import Bell
from homeline_lab.dongle import Dongle

PATH = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
STOP_TIMEOUT = 10.0  # s for a polite end


class Program(ABC):
    """One of the four. `folder` is its own, the lab root too; `bell` rings when its handler starts."""

    name: ClassVar[str]
    needs: ClassVar[str] = ""  # executable that must be installed
    package: ClassVar[str] = ""  # Debian package it comes with

    def __init__(self, folder: Path, dongle: Dongle, bell: Bell) -> None:
        self.folder, self.dongle, self.bell = folder, dongle, bell

    @classmethod
    def missing(cls) -> str:
        """Why it cannot be measured here; empty if it can."""
        if cls.needs and not shutil.which(cls.needs, path=PATH):
            return f"{cls.needs} is not installed (Debian package {cls.package})"
        return ""

    @abstractmethod
    async def open(self) -> None:
        """Before the first start: configuration and whatever the program needs around it."""

    @abstractmethod
    async def close(self) -> None:
        """After the last stop."""

    @abstractmethod
    async def start(self) -> None: ...
    @abstractmethod
    async def stop(self) -> None: ...
    @abstractmethod
    async def kill(self) -> None: ...
    @abstractmethod
    def pids(self) -> list[int]: ...

    @abstractmethod
    async def settled(self) -> None:
        """After a start: until a message that comes now counts as a new one."""

    @abstractmethod
    async def send(self, number: str, text: str) -> None:
        """Ask for a text message to be sent; returns at once."""

    @abstractmethod
    async def inbox(self) -> list[str]:
        """The texts of what was received and stored, one entry for each time. Asked while the program runs."""


class CommandProgram(Program):
    """A program that is one command, in a session of its own."""

    stdin: ClassVar[int] = asyncio.subprocess.DEVNULL
    _process: asyncio.subprocess.Process | None = None

    @abstractmethod
    def command(self) -> Sequence[str]: ...

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self.command(),
            cwd=self.folder,
            env=os.environ | {"PATH": PATH},
            stdin=self.stdin,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )

    async def stop(self) -> None:
        if self._process and self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT)
        await self.kill()

    async def kill(self) -> None:
        """All processes of the session at once."""
        process, self._process = self._process, None
        if process:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    async def open(self) -> None:
        """Nothing but the command is needed."""

    async def close(self) -> None:
        """Nothing is left but the scene's folder."""

    async def settled(self) -> None:
        """At once: these programs hold every message on the SIM for new."""

    def pids(self) -> list[int]:
        return procfs.session(self._process.pid) if self._process else []


def write_whole(folder: Path, name: str, text: str) -> None:
    """A file that appears at once, as spool folders want it."""
    temporary = folder.parent / f".{name}.new"
    temporary.write_text(text)
    temporary.rename(folder / name)
