"""What a router has around the daemon, below a lab root: files, the bus, rpcd's and procd's objects, root's part.

`Router` lays out the root with the files that the package ships, runs root's helper (the shell script in `files/`),
starts the daemon and signals it at `service event config.change`, as procd and the init script do.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from homeline.adapters.bus_method import Method, Request
from homeline.errors import DecodeError, HomelineError, InvalidArgument, NotFound
from homeline.paths import Paths
from homeline.protocol.blobmsg import Table, Type
from homeline.protocol.ubus_arguments import Param
from homeline_lab.rpcd import Sessions, UciObject
from homeline_lab.ubusd import Ubusd
from homeline_lab.ubusd_peers import Peer
from homeline_lab.uci import Uci

SHIPPED = Path(__file__).parents[2] / "files"
CONFIGS = ("homeline", "homeline_secret")
HELPER_TIMEOUT = 10.0  # seconds
STOP_TIMEOUT = 15.0  # seconds until a daemon that ignores SIGTERM is killed, as procd's term_timeout

_STRING = Param(Type.STRING)
_NEEDED = Param(Type.STRING, required=True)
_TABLE = Param(Type.TABLE)


class Router:
    """`async with Router(root) as router:`; then `start` the daemon. Leaves nothing running."""

    def __init__(self, root: Path, *, password: str = "") -> None:
        self.paths = Paths(root)
        self.uci = Uci(root)
        self.bus = Ubusd(self.paths.bus, permits=self._permits)
        self.published = asyncio.Event()  # the daemon is on the bus
        self.sessions = Sessions(password)
        self.group = os.getgid()  # whose group may read the copy of the configuration: the daemon's
        self.daemon: asyncio.subprocess.Process | None = None
        self._command: Sequence[str] = ()
        self._environment: Mapping[str, str] = {}
        self._syncing = asyncio.Lock()  # procd too runs one reload at a time

    async def __aenter__(self) -> Router:
        self._lay_out()
        for name, methods in (
            ("uci", UciObject(self.paths.root, self.config_changed, self._may).methods()),
            ("session", self.sessions.methods()),
            ("service", self._service_methods()),
        ):
            self.bus.add_local(name, methods)
        await self.bus.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        await self.bus.stop()

    def _lay_out(self) -> None:
        paths = self.paths
        for folder in (paths.etc_config, paths.run, paths.commands, paths.dev, paths.locks, paths.bus.parent):
            folder.mkdir(parents=True, exist_ok=True)
        paths.state.chmod(0o700)
        for name in CONFIGS:
            if not (paths.etc_config / name).exists():
                self.uci.write(name, (SHIPPED / "etc/config" / name).read_text())

    def configure(self, main: str, secret: str | None = None) -> None:
        """Puts committed files in place. A running daemon sees it as it sees any `uci commit`."""
        if secret is not None:
            self.uci.write("homeline_secret", secret)
        self.uci.write("homeline", main)

    # --- the daemon, as procd and the init script treat it ---

    async def start(self, command: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> None:
        """Runs root's part, then the daemon: `command`, else `homeline run`. `ready` waits until it is on the bus."""
        if self.daemon and self.daemon.returncode is None:
            raise InvalidArgument("the daemon runs already")
        self._command = command or self._command or self._default_command()
        self._environment = environment or self._environment
        await self.sync()
        self.published.clear()
        self.daemon = await asyncio.create_subprocess_exec(
            *self._command,
            env={**os.environ, **self._environment},
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )

    def _default_command(self) -> Sequence[str]:
        return (sys.executable, "-m", "homeline", "run", "--root", str(self.paths.root))

    async def ready(self, timeout: float = 10.0) -> None:
        """Waits until the daemon has published its object; TimeoutError."""
        await asyncio.wait_for(self.published.wait(), timeout)

    async def stop(self) -> int | None:
        """Ends the daemon in order, and by force after a while; its exit code, None if there was none."""
        daemon, self.daemon = self.daemon, None
        if daemon is None:
            return None
        with suppress(ProcessLookupError):
            daemon.terminate()
        try:
            return await asyncio.wait_for(daemon.wait(), STOP_TIMEOUT)
        except TimeoutError:
            daemon.kill()
            return await daemon.wait()

    async def sync(self) -> None:
        """Root's part: the shipped helper, with this root. HomelineError with its words where it fails."""
        async with self._syncing:
            await self._sync()

    async def _sync(self) -> None:
        helper = await asyncio.create_subprocess_exec(
            "sh",
            str(SHIPPED / "usr/libexec/homeline/root-helper"),
            *self._asterisk_options(),
            str(self.paths.root),
            str(self.group),
            str(self.group),
            env={**os.environ, "PATH": f"{self._install_uci()}:{os.environ.get('PATH', os.defpath)}"},
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, words = await asyncio.wait_for(helper.communicate(), HELPER_TIMEOUT)
        if helper.returncode:
            raise HomelineError(words.decode(errors="replace").strip() or "root's helper failed")

    def _install_uci(self) -> Path:
        """The lab's `uci` for root's helper; the folder that it is in."""
        script = self.paths.inside("/usr/sbin/uci")
        if not script.exists():
            script.parent.mkdir(parents=True, exist_ok=True)
            script.write_text(f'#!/bin/sh\nexec {sys.executable} -m homeline_lab uci "$@"\n')
            script.chmod(0o755)
        return script.parent

    def _asterisk_options(self) -> list[str]:
        """What the init script tells root's helper about Asterisk."""
        try:
            sections = self.uci.sections("homeline")
            self.uci.sections("homeline_secret")
        except DecodeError:
            return ["--as-before"]
        if not any(s.type == "sip" and s.options.get("enabled") == "1" for s in sections):
            return []
        drivers = {s.options.get("driver") for s in sections if s.type == "dongle"}
        flags = {"chan_dongle": "--dongle", "chan_quectel": "--quectel"}
        return ["--asterisk", *(flag for driver, flag in flags.items() if driver in drivers)]

    async def config_changed(self, config: str) -> None:
        """What `/etc/init.d/homeline reload` does after `service event config.change`."""
        if config not in CONFIGS:
            return
        await self.sync()
        daemon = self.daemon
        # Before the daemon is on the bus it may not listen to the signal yet, and then it reads the new copy anyway.
        if daemon and daemon.returncode is None and self.published.is_set():
            daemon.send_signal(signal.SIGHUP)

    def _may(self, session: str, config: str, right: str) -> bool:
        return self.sessions.may(session, "uci", config, right)

    def _permits(self, peer: Peer, action: str, name: str) -> bool:
        if action == "publish" and name == "homeline":
            asyncio.get_running_loop().call_soon(self.published.set)
        return True

    # --- procd's object ---

    def _service_methods(self) -> dict[str, Method]:
        return {
            "list": Method(self._list, {"name": _STRING, "verbose": Param(Type.INT8)}),
            "set": Method(self._set, {"name": _NEEDED, "script": _STRING, "instances": _TABLE}),
            "delete": Method(self._delete, {"name": _NEEDED, "instance": _STRING}),
            "signal": Method(self._signal, {"name": _NEEDED, "instance": _STRING, "signal": Param(Type.INT32)}),
            "event": Method(self._event, {"type": _NEEDED, "data": _TABLE}),
        }

    async def _list(self, request: Request) -> Table:
        if request.args.get("name", "homeline") != "homeline":
            return {}
        instance: Table = {"running": False}
        if self.daemon and self.daemon.returncode is None:
            instance = {"running": True, "pid": self.daemon.pid, "command": list(self._command)}
        return {"homeline": {"instances": {"instance1": instance}}}

    async def _set(self, request: Request) -> None:
        self._known(request)
        if self.daemon is None or self.daemon.returncode is not None:
            await self.start()

    async def _delete(self, request: Request) -> None:
        self._known(request)
        await self.stop()

    async def _signal(self, request: Request) -> None:
        self._known(request)
        if self.daemon is None or self.daemon.returncode is not None:
            raise NotFound("the daemon does not run")
        self.daemon.send_signal(request.args.get("signal", signal.SIGHUP))

    async def _event(self, request: Request) -> None:
        if request.args["type"] == "config.change":
            await self.config_changed(str(request.args.get("data", {}).get("package", "")))

    @staticmethod
    def _known(request: Request) -> None:
        if request.args["name"] != "homeline":
            raise NotFound(f"there is no service {request.args['name']}")
