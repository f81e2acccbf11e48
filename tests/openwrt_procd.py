"""procd's part on the router of openwrt_kit.py."""

from __future__ import annotations

import asyncio
import hashlib
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homeline.adapters.bus_method import Method, Request
from homeline.protocol.blobmsg import Type
from homeline.protocol.ubus_arguments import Param

if TYPE_CHECKING:
    from openwrt_kit import Root

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
_STRING = Param(Type.STRING)
_TABLE = Param(Type.TABLE)


@dataclass
class Instance:
    """A process as an init script wants it."""

    said: dict[str, Any]
    process: asyncio.subprocess.Process
    digest: str  # of its files

    @property
    def running(self) -> bool:
        return self.process.returncode is None


class Procd:
    """Starts, signals and ends services as the init scripts say over the bus, as procd does.

    As there, each instance of a service is started, signalled and ended by itself, and a new process waits for the end
    of the one before, which is killed after `term_timeout` seconds. A process that ends by itself is not started again.
    """

    def __init__(self, root: Root) -> None:
        self.root = root
        self.killed = 0  # processes that did not end by themselves
        self._turn = asyncio.Lock()
        self._services: dict[str, dict[str, Instance]] = {}
        self._triggers: dict[str, list[str]] = {}

    def methods(self) -> dict[str, Method]:
        triggers = Param(Type.ARRAY)
        return {
            "set": Method(self._set, {"name": _STRING, "instances": _TABLE, "triggers": triggers}),
            "delete": Method(self._delete, {"name": _STRING}),
            "list": Method(self._list, {"name": _STRING}),
            "event": Method(self._event, {"type": _STRING, "data": _TABLE}),
        }

    def running(self, name: str, instance: str = "instance1") -> bool:
        found = self._services.get(name, {}).get(instance)
        return found is not None and found.running

    def pid(self, name: str, instance: str = "instance1") -> int:
        """KeyError where it was not started."""
        return self._services[name][instance].process.pid

    async def stop(self) -> None:
        for name in list(self._services):
            await self._end_all(name)

    async def _set(self, request: Request) -> None:
        async with self._turn:
            name, wanted = request.args["name"], request.args.get("instances", {})
            self._triggers[name] = list(request.args.get("triggers", []))
            instances = self._services.setdefault(name, {})
            for gone in instances.keys() - wanted.keys():
                await self._end(instances.pop(gone))
            for each, said in wanted.items():
                instances[each] = await self._settle(instances.get(each), said)

    async def _settle(self, before: Instance | None, said: dict[str, Any]) -> Instance:
        """The instance as it is wanted, given what there was of it."""
        digest = self._digest(said.get("file", []))
        if before is None or not before.running or before.said != said:
            if before is not None:
                await self._end(before)
            return Instance(said, await self._start(said), digest)
        if before.digest != digest:
            before.process.send_signal(signal.Signals[f"SIG{said['reload_signal']}"])
        return Instance(said, before.process, digest)

    async def _start(self, said: dict[str, Any]) -> asyncio.subprocess.Process:
        with self.root.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *_limited(said), *self.root.command(said["command"], said["user"]),
                env=ENVIRONMENT, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def _digest(self, files: list[str]) -> str:
        contents = [(self.root.path / name.lstrip("/")).read_bytes() for name in files]
        return hashlib.sha256(b"\0".join(contents)).hexdigest()

    async def _end_all(self, name: str) -> None:
        for instance in self._services.pop(name, {}).values():
            await self._end(instance)

    async def _end(self, instance: Instance) -> None:
        process = instance.process
        if instance.running:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), int(instance.said.get("term_timeout", 5)))
            except TimeoutError:
                self.killed += 1
                process.kill()
                await process.wait()

    async def _delete(self, request: Request) -> None:
        async with self._turn:
            await self._end_all(request.args["name"])

    async def _list(self, request: Request) -> dict[str, Any]:
        name = request.args["name"]
        found = self._services.get(name, {})
        return {name: {"instances": {each: {"running": instance.running} for each, instance in found.items()}}}

    async def _event(self, request: Request) -> None:
        changed = request.args.get("data", {}).get("package")
        for name, files in list(self._triggers.items()):
            if changed in files:
                await self.root.run(f"/etc/init.d/{name}", "reload")


def _limited(instance: dict[str, Any]) -> list[str]:
    """What runs a command within the limits of an instance: NAME=SOFT HARD."""
    pairs = [each.partition("=")[::2] for each in instance.get("limits", [])]
    return ["prlimit", *(f"--{name}={value.replace(' ', ':')}" for name, value in pairs)] if pairs else []
