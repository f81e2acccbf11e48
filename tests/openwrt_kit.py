"""A router's file system in a folder, for what was built: OpenWrt's split Python, byte code alone, busybox, processes.

Only procd, the package manager and what belongs to them are stand-ins (openwrt/, openwrt_procd.py, openwrt_apk.py,
`Opkg` here); the bus, the dongle and `uci` are the lab's. Everything runs in a chroot with mounts of its own, which end
with its holder.
"""

from __future__ import annotations

import asyncio
import functools
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest

from homeline_lab import paho_get, python_get
from homeline_lab.debian import CannotGet
from homeline_lab.packages import ipk, making
from homeline_lab.packages.branches import Branch, branch
from homeline_lab.packages.closure import FACTS, NEVER, known, reached
from homeline_lab.python_get import Tree
from homeline_lab.ubusd import Ubusd
from homeline_lab.ubusd_peers import Peer
from openwrt_procd import ENVIRONMENT, Procd

HERE = Path(__file__).parent
REPOSITORY = HERE.parent
# What packages are made of, beside the licence.
SOURCES = ("src/homeline", "files", "htdocs", "luasrc", "root", "po", "package")
STAND_INS = HERE / "openwrt"
FILES = REPOSITORY / "files"
DEFAULTS = FILES / "etc/uci-defaults/50_homeline"
FORM = int(re.findall(r"^VERSION=([0-9]+)$", DEFAULTS.read_text(), re.MULTILINE)[0])  # of the configuration
# That read our scripts.
SHELLS = [shell for shell in (["dash"], ["busybox", "ash"], ["bash", "--posix"]) if shutil.which(shell[0])]
TIMEOUT = 60.0  # seconds for one command in it

DIALOUT, ASTERISK = 20, 385

needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("nsenter") or not shutil.which("setpriv"),
    reason="a root of its own, with its own users, needs root and util-linux",
)


def facts(branch: Branch) -> dict[str, Any]:
    """What OpenWrt's feeds say of Python in a branch."""
    path = FACTS / "python3-packages.json"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    found: dict[str, Any] = json.loads(path.read_text())[f"openwrt-{branch.name}"]
    return found


def closure(wanted: Iterable[str], branch: Branch, ours: Mapping[str, Iterable[str]]) -> set[str]:
    """The packages with all that they depend on. `ours`: built packages with their dependencies."""
    facts(branch)  # skips where they are not
    table = {name: [each.split()[0] for each in depends] for name, depends in ours.items()}
    return reached(wanted, {**known(branch), **table})


def hidden(branch: Branch, installed: set[str]) -> list[str]:
    """The paths of the standard library that packages have which are not installed, as globs below it."""
    paths = [
        path.replace("$(PYTHON3_SO_SUFFIX)", "*")
        for name, entry in facts(branch)["packages"].items()
        if name not in installed
        for path in entry["paths"]
    ]
    return sorted({*paths, *NEVER})


class Root:
    """The folder; processes run in it as on a router. `async with Root(…) as root:`"""

    def __init__(self, path: Path, tree: Tree, branch: Branch, installed: set[str], next_paho: bool = False) -> None:
        self.path, self.tree, self.branch, self.installed = path, tree, branch, installed
        self.next_paho = next_paho  # the paho-mqtt that comes after 25.12
        self.log = path.with_name(f"{path.name}.log")
        self.bus = Ubusd(path / "tmp/run/ubus/ubus.sock", permits=self._permits)
        self.procd = Procd(self)
        self._holder: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> Root:
        self.lay_out()
        mounts = "mount --bind /dev/pts dev/pts && mount -t proc proc proc && echo ready && exec sleep infinity"
        self._holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", mounts],
            cwd=self.path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert self._holder.stdout and self._holder.stderr
        if self._holder.stdout.readline() != b"ready\n":
            words = self._holder.stderr.read().decode()
            self._end_holder()
            pytest.skip(f"no mounts can be made here: {words}")
        self.bus.add_local("service", self.procd.methods())
        await self.bus.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.procd.stop()
        await self.bus.stop()
        self._end_holder()
        if self.log.exists():
            print(self.log.read_text(errors="replace"))

    def _end_holder(self) -> None:
        if self._holder:
            self._holder.kill()
            self._holder.communicate()

    # -- files --------------------------------------------------------------------------------------------------------

    def lay_out(self) -> None:
        """A fresh router without any package of ours."""
        for folder in ("bin", "sbin", "dev/pts", "proc", "sys", "root", "overlay", "opt/lab", "usr/bin", "usr/sbin"):
            (self.path / folder).mkdir(parents=True)
        for folder in (
            "etc/config",
            "etc/init.d",
            "etc/rc.d",
            "etc/uci-defaults",
            "lib/upgrade/keep.d",
            "usr/lib/opkg/info",
        ):
            (self.path / folder).mkdir(parents=True)
        for folder in ("tmp/run/ubus", "tmp/lock", "tmp/log", "tmp/lib", "tmp/spool"):
            (self.path / folder).mkdir(parents=True)
        (self.path / "tmp").chmod(0o1777)
        (self.path / "var").symlink_to("tmp")
        (self.path / "dev/null").touch()
        subprocess.run(["mknod", "-m", "666", str(self.path / "dev/null.new"), "c", "1", "3"], check=True)
        (self.path / "dev/null.new").rename(self.path / "dev/null")
        subprocess.run(["mknod", "-m", "666", str(self.path / "dev/urandom"), "c", "1", "9"], check=True)
        self._accounts()
        self._debian()
        self._python()
        self._stand_ins()

    def _accounts(self) -> None:
        self.write("etc/passwd", "root:x:0:0:root:/root:/bin/ash\nnobody:*:65534:65534:nobody:/var:/bin/false\n")
        self.write("etc/group", f"root:x:0:\ndialout:x:{DIALOUT}:\nnogroup:x:65534:\n")
        self.write("etc/shadow", "root:::0:99999:7:::\n", 0o600)
        self.write("etc/hosts", "127.0.0.1 localhost\n")

    def _debian(self) -> None:
        """The C library and others, busybox with links for all that it can, msmtp."""
        for folder in ("lib", "lib64"):
            source = self.tree.root / folder
            if source.is_symlink():
                (self.path / folder).symlink_to(source.readlink())
            elif source.is_dir():
                shutil.copytree(source, self.path / folder, symlinks=True, dirs_exist_ok=True)
        skip = shutil.ignore_patterns("python3*", "gcc", "dpkg", "apt", "tc")
        shutil.copytree(
            self.tree.root / "usr/lib", self.path / "usr/lib", symlinks=True, dirs_exist_ok=True, ignore=skip
        )
        if (self.tree.root / "usr/lib64").exists():
            shutil.copytree(self.tree.root / "usr/lib64", self.path / "usr/lib64", symlinks=True)
            (self.path / "lib64").symlink_to("usr/lib64")
        busybox = next(
            path for path in (self.tree.root / "bin/busybox", self.tree.root / "usr/bin/busybox") if path.exists()
        )
        shutil.copy2(busybox, self.path / "bin/busybox")
        for name in subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split():
            if name != "busybox":
                (self.path / "bin" / name).symlink_to("busybox")
        shutil.copy2(self.tree.root / "usr/bin/msmtp", self.path / "usr/bin/msmtp")

    def _python(self) -> None:
        """The interpreter and the standard library as the installed packages have it: byte code without sources."""
        version = self.tree.version
        shutil.copy2(self.tree.root / f"usr/bin/python{version}", self.path / "usr/bin")
        (self.path / "usr/bin/python3").symlink_to(f"python{version}")
        library = self.path / f"usr/lib/python{version}"
        shutil.copytree(self.tree.library, library, symlinks=False, ignore=shutil.ignore_patterns(*NEVER))
        for pattern in hidden(self.branch, self.installed):
            for path in library.glob(pattern):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        site = library / "site-packages"
        site.mkdir()
        third_party = {
            "python3-pyserial": ["serial"],
            "python3-jinja2": ["jinja2"],
            "python3-paho-mqtt": ["paho"],
            "python3-markupsafe": ["markupsafe"],
        }
        for package, modules in third_party.items():
            for name in modules if package in self.installed else ():
                source = self._source(name)
                shutil.copytree(
                    source, site / name, ignore=shutil.ignore_patterns("__pycache__", "*.so", "*.c", "*.pyi")
                )
        self._block(library, site)
        command = [str(self.tree.python), "-m", "compileall", "-q", "-b", "-s", str(self.path), "-p", "/", str(library)]
        subprocess.run(command, check=True, capture_output=True)
        for path in library.rglob("*.py"):
            path.unlink()

    def _source(self, name: str) -> Path:
        """Where a package of others lies on this machine; paho-mqtt is the branch's, or the one after it."""
        if name == "paho" and not self.next_paho:
            if old := paho_get.find():
                return old / name
            pytest.skip(f"paho-mqtt {paho_get.VERSION} is not in the cache: python -m homeline_lab.paho_get")
        return next((REPOSITORY / ".venv/lib").glob(f"python3*/site-packages/{name}"))

    def _block(self, library: Path, site: Path) -> None:
        """What Debian has built in and OpenWrt in a package that is not there; and Debian's name of site-packages."""
        built_in = [
            Path(path).name.partition(".")[0]
            for path in hidden(self.branch, self.installed)
            if path.startswith("lib-dynload/")
        ]
        text = f"import sys\nsys.modules |= dict.fromkeys({built_in}, None)\n"
        text += f"sys.path.append('/{site.relative_to(self.path)}')\n"
        (library / "sitecustomize.py").write_text(text)

    def _stand_ins(self) -> None:
        for name in ("homeline", "homeline_lab"):
            skip = shutil.ignore_patterns("__pycache__", "packages", "bench")
            shutil.copytree(REPOSITORY / "src" / name, self.path / "opt/lab" / name, ignore=skip)
        self.write("lib/functions.sh", (STAND_INS / "functions.sh").read_text())
        self.write("etc/rc.common", (STAND_INS / "rc.common").read_text(), 0o755)
        self.write("opt/lab/ubus.py", (STAND_INS / "ubus.py").read_text())
        lab = "#!/bin/sh\nexport PYTHONPATH=/opt/lab PYTHONDONTWRITEBYTECODE=1\nexec python3"
        self.write("bin/ubus", f'{lab} /opt/lab/ubus.py "$@"\n', 0o755)
        self.write("sbin/uci", f'{lab} -m homeline_lab uci --root / "$@"\n', 0o755)

    def write(self, name: str, text: str, mode: int = 0o644) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def files(self) -> dict[str, int]:
        """What lasts on flash: files and links with their modes."""
        found = {}
        for folder, folders, names in os.walk(self.path):
            folders[:] = [name for name in folders if Path(folder, name) not in self._volatile()]
            for name in (*names, *(each for each in folders if Path(folder, each).is_symlink())):
                path = Path(folder, name)
                found[f"/{path.relative_to(self.path)}"] = path.lstat().st_mode & 0o7777
        return found

    def _volatile(self) -> set[Path]:
        return {self.path / name for name in ("tmp", "dev", "proc", "sys", "opt")}

    # -- processes ----------------------------------------------------------------------------------------------------

    def ids(self, user: str) -> tuple[int, int, list[int]]:
        """Numbers of a user, of its group, and of the groups it is in."""
        rows = [line.split(":") for line in (self.path / "etc/passwd").read_text().splitlines()]
        uid, gid = next((int(row[2]), int(row[3])) for row in rows if row[0] == user)
        groups = [line.split(":") for line in (self.path / "etc/group").read_text().splitlines()]
        return uid, gid, [int(row[2]) for row in groups if user in row[3].split(",")]

    def command(self, argv: Sequence[str], user: str = "root") -> list[str]:
        """What runs `argv` in it as a user, who gets no new privileges."""
        assert self._holder
        uid, gid, groups = self.ids(user)
        enter = ["nsenter", f"--mount=/proc/{self._holder.pid}/ns/mnt", "chroot", f"--userspec=+{uid}:+{gid}"]
        nobody = ["setpriv", "--no-new-privs"] if user != "root" else []
        return [*nobody, *enter, f"--groups={','.join(map(str, groups or [gid]))}", str(self.path), *argv]

    async def run(self, *argv: str, user: str = "root", environment: Mapping[str, str] | None = None) -> str:
        """Run a command to its end; what it prints. AssertionError with its words where it fails."""
        status, output = await self.attempt(*argv, user=user, environment=environment)
        assert status == 0, f"{argv}: {status}: {output}"
        return output

    async def attempt(
        self, *argv: str, user: str = "root", environment: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        """Its exit status and what it prints."""
        process = await asyncio.create_subprocess_exec(
            *self.command(argv, user),
            env={**ENVIRONMENT, **(environment or {})},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(process.communicate(), TIMEOUT)
        return process.returncode or 0, output.decode(errors="replace")

    async def shell(self, script: str) -> str:
        return await self.run("/bin/sh", "-euc", script)

    def _permits(self, peer: Peer, action: str, name: str) -> bool:
        """ubusd's rule: root may all, others what the files of acl.d say of them."""
        if peer.uid == 0:
            return True
        for path in (self.path / "usr/share/acl.d").glob("*.json"):
            acl = json.loads(path.read_text())
            if peer.uid != self.ids(acl["user"])[0]:
                continue
            if action == "access":
                return name in acl["access"] or any(name.startswith(f"{each}.") for each in acl["access"])
            patterns = acl.get(action, [])
            return any(name == each or (each.endswith("*") and name.startswith(each[:-1])) for each in patterns)
        return False


class Manager(Protocol):
    """What opkg and apk have in common. Each answers what the packages' scripts print."""

    async def install(self, content: bytes) -> str: ...
    async def remove(self, name: str) -> str: ...
    async def again(self, name: str) -> str: ...


class Opkg:
    """Unpacks, replaces and removes packages with the order of scripts, and the care for conffiles, that opkg has."""

    def __init__(self, root: Root) -> None:
        self.root = root
        self._info = root.path / "usr/lib/opkg/info"

    async def install(self, content: bytes) -> str:
        """Install a package, or upgrade to it; what its scripts print."""
        control, data = opened(content)
        name = field_of(control["control"].decode(), "Package")
        upgrade = (self._info / f"{name}.control").exists()
        environment = {"PKG_UPGRADE": "1" if upgrade else "0"}
        words = await self._script(name, "prerm", environment, "upgrade") if upgrade else ""
        old = self._list(name)
        for kind, text in control.items():
            (self._info / f"{name}.{kind}").write_bytes(text)
            (self._info / f"{name}.{kind}").chmod(0o644 if kind in ("control", "conffiles") else 0o755)
        conffiles = control.get("conffiles", b"").decode().split()
        new = self._unpack(data, set(conffiles))
        for path in set(old) - set(new):
            (self.root.path / path.lstrip("/")).unlink(missing_ok=True)
        (self._info / f"{name}.list").write_text("".join(f"{path}\n" for path in new))
        return words + await self._script(name, "postinst", environment, "configure")

    async def remove(self, name: str) -> str:
        words = await self._script(name, "prerm", {"PKG_UPGRADE": "0"}, "remove")
        conffiles = (
            (self._info / f"{name}.conffiles").read_text().split()
            if (self._info / f"{name}.conffiles").exists()
            else []
        )
        for path in self._list(name):
            real = self.root.path / path.lstrip("/")
            if path not in conffiles or self._is_unchanged(path):
                real.unlink(missing_ok=True)
        for path in sorted({folder for each in self._list(name) for folder in Path(each).parents}, reverse=True):
            real = self.root.path / str(path).lstrip("/")
            if path != Path("/") and real.is_dir() and not any(real.iterdir()):
                real.rmdir()
        words += await self._script(name, "postrm", {"PKG_UPGRADE": "0"}, "remove")
        for path in self._info.glob(f"{name}.*"):
            path.unlink()
        return words

    async def again(self, name: str) -> str:
        """What comes after the installation, a second time."""
        return await self._script(name, "postinst", {}, "configure")

    def _unpack(self, data: dict[str, tuple[tarfile.TarInfo, bytes]], conffiles: set[str]) -> list[str]:
        new = []
        for path, (entry, content) in data.items():
            real = self.root.path / path.lstrip("/")
            if entry.isdir():
                if not real.exists():
                    real.mkdir()
                    real.chmod(entry.mode)
                continue
            new.append(path)
            if path in conffiles:
                changed = real.exists() and not self._is_unchanged(path)
                self._digest_of(path).write_text(hashlib.sha256(content).hexdigest())
                if changed:
                    real = real.with_name(f"{real.name}-opkg")
            draft = real.with_name(f"{real.name}.unpacking")
            draft.write_bytes(content)
            draft.chmod(entry.mode)
            draft.rename(real)
        return new

    def _digest_of(self, path: str) -> Path:
        return self._info / f"conffile{path.replace('/', '-')}.sha256"

    def _is_unchanged(self, path: str) -> bool:
        real, known = self.root.path / path.lstrip("/"), self._digest_of(path)
        return real.exists() and known.exists() and hashlib.sha256(real.read_bytes()).hexdigest() == known.read_text()

    def _list(self, name: str) -> list[str]:
        path = self._info / f"{name}.list"
        return path.read_text().split() if path.exists() else []

    async def _script(self, name: str, kind: str, environment: Mapping[str, str], argument: str) -> str:
        path = f"/usr/lib/opkg/info/{name}.{kind}"
        if not (self.root.path / path.lstrip("/")).exists():
            return ""
        return await self.root.run("/bin/sh", path, argument, environment=environment)


def opened(content: bytes) -> tuple[dict[str, bytes], dict[str, tuple[tarfile.TarInfo, bytes]]]:
    """The control files of an .ipk, and its data's entries by absolute path."""
    outer = _members(content)
    control = {name.lstrip("/"): body for name, (_, body) in _members(outer["/control.tar.gz"][1]).items()}
    return control, _members(outer["/data.tar.gz"][1])


def _members(content: bytes) -> dict[str, tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(content))) as tar:
        found = {}
        for entry in tar:
            assert (entry.uid, entry.gid) == (0, 0)
            file = tar.extractfile(entry)
            if entry.name != ".":
                found["/" + entry.name.removeprefix("./")] = (entry, file.read() if file else b"")
        return found


def field_of(control: str, name: str) -> str:
    """A field of a control file. StopIteration."""
    return next(line.partition(": ")[2] for line in control.splitlines() if line.startswith(f"{name}: "))


def copy_sources(work: Path) -> Path:
    """What packages are made of, in another folder; where its recipes are."""
    for name in SOURCES:
        shutil.copytree(REPOSITORY / name, work / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "LICENSE", work)
    return work / "package"


@functools.cache
def built(branch: Branch, folder: Path = making.RECIPES) -> dict[str, bytes]:
    """The packages of a branch by name. Skips where they cannot be built."""
    try:
        with making.made(branch, folder) as packages:
            return {package.name: ipk.encode(package, 1_700_000_000) for package in packages}
    except CannotGet as error:
        pytest.skip(f"the branch's Python is not to be had here: {error}")


def depends(packages: Mapping[str, bytes]) -> dict[str, list[str]]:
    """What each depends on."""
    controls = {name: opened(content)[0]["control"].decode() for name, content in packages.items()}
    return {name: field_of(control, "Depends").split(", ") for name, control in controls.items()}


@asynccontextmanager
async def router(name: str, *wanted: str, next_paho: bool = False) -> AsyncIterator[tuple[Root, Manager]]:
    """A router of a branch with the Python that the wanted packages of ours depend on; they are not installed yet."""
    on = branch(name)
    installed = closure(wanted, on, depends(built(on)))
    with tempfile.TemporaryDirectory(prefix="hl-") as work:  # a short path, for the bus's socket
        path = Path(work) / "root"
        path.mkdir()
        Path(work).chmod(0o755)
        async with Root(path, python_get.get(on.python), on, installed, next_paho) as root:
            yield root, manager(on, root)


def manager(on: Branch, root: Root) -> Manager:
    """The branch's package manager."""
    if on.manager == "opkg":
        return Opkg(root)
    from openwrt_apk import Apk  # it uses this

    return Apk(root)
