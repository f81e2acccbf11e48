"""apk's part on the router of openwrt_kit.py: when it runs which script, and the care for files below /etc.

What it installs is what `homeline_lab.packages.apk` hands to `apk mkpkg`, made here from the .ipk of the same recipe.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from homeline_lab.packages import apk
from homeline_lab.packages.recipe import Package
from openwrt_kit import Root, field_of, opened


class Apk:
    """Unpacks, replaces and removes packages."""

    def __init__(self, root: Root) -> None:
        self.root = root
        self._scripts: dict[str, dict[str, str]] = {}
        self._files: dict[str, dict[str, str]] = {}  # of each package the paths, with digests

    async def install(self, content: bytes) -> str:
        """Install a package, or upgrade to it; what its scripts print."""
        with tempfile.TemporaryDirectory() as work:
            package = _package(content, Path(work))
            old = self._files.get(package.name)
            scripts = apk.scripts(package)
            kind = "install" if old is None else "upgrade"
            words = await self._run(f"pre-{kind}", scripts)
            for name, text in apk.lists(package).items():
                path = package.data / apk.LISTS / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            self._files[package.name] = self._unpack(package.data, old or {})
        for path in (old or {}).keys() - self._files[package.name].keys():
            self._at(path).unlink(missing_ok=True)
        self._scripts[package.name] = scripts
        return words + await self._run(f"post-{kind}", scripts)

    async def remove(self, name: str) -> str:
        scripts, files = self._scripts.pop(name), self._files.pop(name)
        words = await self._run("pre-deinstall", scripts)
        for path, digest in files.items():
            real = self._at(path)
            if real.exists() and (not path.startswith("/etc/") or _digest(real) == digest):
                real.unlink()
        for folder in sorted({each for path in files for each in Path(path).parents}, reverse=True):
            real = self._at(str(folder))
            if folder != Path("/") and real.is_dir() and not any(real.iterdir()):
                real.rmdir()
        return words + await self._run("post-deinstall", scripts)

    async def again(self, name: str) -> str:
        """What comes after the installation, a second time."""
        return await self._run("post-install", self._scripts[name])

    def _unpack(self, folder: Path, old: dict[str, str]) -> dict[str, str]:
        found = {}
        for source in sorted(folder.rglob("*")):
            path = f"/{source.relative_to(folder)}"
            real = self._at(path)
            if source.is_dir():
                if not real.exists():
                    real.mkdir()
                    real.chmod(source.stat().st_mode & 0o7777)
                continue
            found[path] = _digest(source)
            if path.startswith("/etc/") and real.exists() and _digest(real) not in (old.get(path), found[path]):
                real = real.with_name(f"{real.name}.apk-new")
            draft = real.with_name(f".apk.{real.name}")
            draft.write_bytes(source.read_bytes())
            draft.chmod(source.stat().st_mode & 0o7777)
            draft.rename(real)
        return found

    def _at(self, path: str) -> Path:
        return self.root.path / path.lstrip("/")

    async def _run(self, kind: str, scripts: dict[str, str]) -> str:
        if kind not in scripts:
            return ""
        self.root.write(f"tmp/apk/{kind}", scripts[kind], 0o755)
        return await self.root.run(f"/tmp/apk/{kind}")


def _package(content: bytes, work: Path) -> Package:
    """The package of an .ipk, with its files below `work`."""
    control, data = opened(content)
    head = control["control"].decode()
    for path, (entry, body) in data.items():
        real = work / path.lstrip("/")
        if entry.isdir():
            real.mkdir()
        else:
            real.write_bytes(body)
        real.chmod(entry.mode)
    names = {"preinst": "preinst", "postinst-pkg": "postinst", "prerm-pkg": "prerm", "postrm": "postrm"}
    texts = {
        name: control[kind].decode() for kind, name in {**names, "conffiles": "conffiles"}.items() if kind in control
    }
    users = field_of(head, "Require-User") if "\nRequire-User: " in head else ""
    return Package(field_of(head, "Package"), {"USERID": users}, texts, work)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
