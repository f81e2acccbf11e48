"""A real Asterisk in a folder, as many at once as a test wants. Nothing of it is left when its block ends.

async with Asterisk(root, files={"pjsip.conf": …, "extensions.conf": …}) as asterisk:
    await asterisk.cli("pjsip show endpoints")
    await asterisk.wait_log("Registered")

Its folders lie below `root` where OpenWrt has them: etc/asterisk, usr/lib/asterisk/modules, usr/share/asterisk,
var/lib/asterisk, var/log/asterisk, var/spool/asterisk. Only its control socket is elsewhere, in a folder with a short
name, since the name of a socket must not be longer than 107 octets.
"""

from __future__ import annotations

import asyncio
import ctypes
import itertools
import os
import random
import shutil
import signal
import socket
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from homeline_lab.asterisk_programs import HOW, Programs, find

__all__ = ["Asterisk", "NoAsterisk", "Programs", "find", "free_port", "own_address"]

START_TIMEOUT = 20.0  # seconds; it takes half of one
STOP_TIMEOUT = 10.0  # seconds until an Asterisk that ignores SIGTERM is killed
POLL = 0.01  # seconds between two looks at what tells of itself in no other way: its socket, its log

ASTERISK_CONF = """[directories]
astetcdir => {root}/etc/asterisk
astmoddir => {root}/usr/lib/asterisk/modules
astvarlibdir => {root}/var/lib/asterisk
astdbdir => {root}/var/lib/asterisk
astkeydir => {root}/var/lib/asterisk
astdatadir => {root}/usr/share/asterisk
astagidir => {root}/usr/share/asterisk/agi-bin
astspooldir => {root}/var/spool/asterisk
astlogdir => {root}/var/log/asterisk
astrundir => {run}
[options]
hideconnect = yes
{options}
"""

# Modules that the manager's ModuleLoad is asked for: it follows links, and takes nothing from beyond the folder.
LOADED_LATER = ("res_hep.so", "res_hep_pjsip.so")

# What is there unless a test brings its own. The empty ones keep Asterisk from complaining that they are missing.
DEFAULTS = {
    "modules.conf": "[modules]\nautoload = yes\nnoload = res_hep.so\nnoload = res_hep_pjsip.so\n",
    "logger.conf": "[general]\ndateformat = %F %T.%3q\n[logfiles]\nfull => notice,warning,error,verbose(3),security\n",
    "indications.conf": "[general]\ncountry = us\n[us]\ndescription = USA\nringcadence = 2000,4000\n"
    "dial = 350+440\nbusy = 480+620/500,0/500\nring = 440+480/2000,0/4000\ncongestion = 480+620/250,0/250\n"
    "callwaiting = 440/300,0/10000\ndialrecall = !350+440/100,!0/100,!350+440/100,!0/100,!350+440/100,!0/100,350+440\n"
    "record = 1400/500,0/15000\ninfo = !950/330,!1400/330,!1800/330,0\nstutter = !350+440/100,!0/100,350+440\n",
    "rtp.conf": "[general]\nrtpstart = 10000\nrtpend = 15999\n",  # below free_port()
    **dict.fromkeys(
        (
            *("acl.conf", "ccss.conf", "cdr.conf", "cel.conf", "cli.conf", "cli_aliases.conf", "cli_permissions.conf"),
            *("codecs.conf", "dnsmgr.conf", "dsp.conf", "extconfig.conf", "extensions.conf", "features.conf"),
            *("http.conf", "manager.conf", "pjproject.conf", "pjsip.conf", "pjsip_notify.conf", "pjsip_wizard.conf"),
            *("sorcery.conf", "stasis.conf", "udptl.conf"),
        ),
        "",
    ),
}

_addresses = itertools.count()
_LIBC = ctypes.CDLL(None)  # loaded before any fork
_PR_SET_PDEATHSIG = 1


class NoAsterisk(Exception):
    """There is none on this machine."""


def _die_with_us() -> None:
    """Runs in the child before Asterisk does: where a test run is killed, its Asterisks end with it (prctl(2))."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def own_address() -> str:
    """A loopback address that no other test uses now, so that everybody can have SIP's own ports."""
    while True:
        number = (os.getpid() * 61 + next(_addresses)) % (100 * 250 * 250)
        address = f"127.{100 + number // 62500}.{1 + number // 250 % 250}.{1 + number % 250}"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
            probe.bind((address, 5060))
            return address


def free_port(kind: int = socket.SOCK_STREAM, address: str = "127.0.0.1") -> int:
    """A port that is free now, below those that the kernel gives away itself."""
    while True:
        port = random.randrange(16384, 32000)
        with socket.socket(socket.AF_INET, kind) as probe, suppress(OSError):
            probe.bind((address, port))
            return port


class Asterisk:
    """One Asterisk; see the module. `files` are written to etc/asterisk, others that are there stay as they are.

    `modules` are more modules (paths of .so files, such as a chan_dongle), `without` names some that shall be missing.
    `options` are further lines for the section [options] of asterisk.conf. `within` is a command that runs the one
    that follows it. NoAsterisk where there is none.
    """

    def __init__(
        self,
        root: Path,
        *,
        name: str = "",
        files: Mapping[str, str] | None = None,
        modules: Sequence[Path] = (),
        without: Sequence[str] = (),
        options: str = "",
        within: Sequence[str] = (),
        programs: Programs | None = None,
    ) -> None:
        found = programs or find()
        if found is None:
            raise NoAsterisk(HOW)
        self.programs = found
        self.root = root
        self.etc = root / "etc/asterisk"
        self.name = name or root.name  # for error texts
        self.process: asyncio.subprocess.Process | None = None
        self._files = dict(files or {})
        self._modules, self._without, self._options = tuple(modules), frozenset(without), options
        self._within = tuple(within)
        self.run_folder = Path("/nonexistent")  # of the control socket

    async def __aenter__(self) -> Asterisk:
        try:
            self.lay_out()
            await self.start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()  # nothing of it is needed any more, and an orderly end takes most of a second
        shutil.rmtree(self.run_folder, ignore_errors=True)

    # --- its files ---

    def lay_out(self) -> None:
        """Makes its folders and files; only who does not enter the block needs to call it."""
        self.run_folder = Path(tempfile.mkdtemp(prefix="hl-ast-"))
        for folder in ("etc/asterisk", "usr/lib/asterisk/modules", "usr/share/asterisk/agi-bin"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        for folder in ("lib/asterisk/keys", "log/asterisk", "spool/asterisk"):
            (self.root / "var" / folder).mkdir(parents=True, exist_ok=True)
        share = self.root / "usr/share/asterisk"
        _link(share / "sounds", self.programs.sounds)
        _link(share / "documentation", self.programs.documentation)
        for module in (*self.programs.modules.glob("*.so"), *self._modules):
            if module.stem not in self._without and self.programs.wanted(module.name):
                place = self.root / "usr/lib/asterisk/modules" / module.name
                (_copy if module.name in LOADED_LATER else _link)(place, module)
        conf = ASTERISK_CONF.format(root=self.root, run=self.run_folder, options=self._options)
        self.write({"asterisk.conf": conf, **self._files})
        self.write({name: text for name, text in DEFAULTS.items() if not (self.etc / name).exists()})

    def write(self, files: Mapping[str, str]) -> None:
        """Puts files below etc/asterisk; a running Asterisk does not look at them before it is told to."""
        for name, text in files.items():
            path = self.etc / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    @property
    def log(self) -> str:
        """What it has logged since its first start, whole lines."""
        path = self.root / "var/log/asterisk/full"
        return path.read_text(errors="replace").rpartition("\n")[0] if path.exists() else ""

    def complaints(self) -> list[str]:
        """The lines of the log that are warnings or errors."""
        return [line for line in self.log.splitlines() if "WARNING[" in line or "ERROR[" in line]

    async def wait_log(self, text: str, timeout: float = 10.0, *, after: int = 0) -> str:
        """The first line of the log with these words, past the first `after` characters. TimeoutError."""
        try:
            async with asyncio.timeout(timeout):
                while True:
                    if line := next((line for line in self.log[after:].splitlines() if text in line), ""):
                        return line
                    await asyncio.sleep(POLL)
        except TimeoutError:
            raise TimeoutError(f"Asterisk {self.name} has not logged {text!r}; its log:\n{self.log[-4000:]}") from None

    # --- its life ---

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def start(self) -> None:
        """Until it has booted. RuntimeError with its own words where it does not."""
        if self.running:
            raise RuntimeError(f"Asterisk {self.name} runs already")
        conf = self.etc / "asterisk.conf"
        with (self.root / "var/log/asterisk/output").open("wb") as output:
            self.process = await asyncio.create_subprocess_exec(
                *(*self._within, *self.programs.asterisk()),
                *("-C", str(conf), "-f", "-n", "-q"),
                cwd=self.root,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=_die_with_us,
            )
        try:
            async with asyncio.timeout(START_TIMEOUT):
                await self._booted()
        except TimeoutError:
            await self.kill()
            raise RuntimeError(f"Asterisk {self.name} has not booted: {self._words()}") from None

    async def _booted(self) -> None:
        while self.running:
            with suppress(OSError):
                if "fully booted" in await self.cli("core waitfullybooted", START_TIMEOUT):
                    return
            await asyncio.sleep(POLL)
        raise RuntimeError(f"Asterisk {self.name} has ended: {self._words()}")

    def _words(self) -> str:
        output = (self.root / "var/log/asterisk/output").read_text(errors="replace")
        return f"{output[-2000:]}\n{self.log[-2000:]}"

    async def stop(self) -> None:
        """In order; by force after a while."""
        if not self.running:
            return
        assert self.process
        self.process.terminate()
        with suppress(TimeoutError):
            await asyncio.wait_for(self.process.wait(), STOP_TIMEOUT)
        await self.kill()

    async def kill(self) -> None:
        """kill -9, and its end."""
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        (self.run_folder / "asterisk.ctl").unlink(missing_ok=True)  # so that the next start is waited for

    async def restart(self) -> None:
        """Stopped and started; calls end."""
        await self.stop()
        await self.start()

    # --- its command line ---

    async def cli(self, command: str, timeout: float = 10.0) -> str:
        """What a command of Asterisk's own command line prints. OSError where it does not run, TimeoutError."""
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_unix_connection(str(self.run_folder / "asterisk.ctl"))
            try:
                await reader.readline()  # its greeting
                writer.write(b"cli quit after " + command.encode() + b"\0")
                return (await reader.read()).decode(errors="replace")
            finally:
                writer.close()

    async def get(self, variable: str) -> str:
        """What an expression of the dial plan comes to, such as ${DB(family/key)}."""
        answer = await self.cli(f"dialplan eval function {variable.removeprefix('${').removesuffix('}')}")
        return answer.partition("Result:")[2].strip()

    async def channels(self) -> list[str]:
        """The names of all that are up."""
        lines = (await self.cli("core show channels concise")).splitlines()
        return [line.partition("!")[0] for line in lines if "!" in line]

    async def until(self, command: str, words: str, timeout: float = 10.0, *, every: float = POLL) -> str:
        """Until a command prints these words; what it printed. TimeoutError with what it printed last."""
        printed = ""
        try:
            async with asyncio.timeout(timeout):
                while words not in printed:
                    printed = await self.cli(command)
                    await asyncio.sleep(every)
        except TimeoutError:
            raise TimeoutError(f"{command!r} does not show {words!r} but:\n{printed}") from None
        return printed


def _copy(to: Path, module: Path) -> None:
    if not to.exists():
        shutil.copy(module, to)


def _link(link: Path, target: Path) -> None:
    if not link.is_symlink() and not link.exists():
        link.symlink_to(target)
