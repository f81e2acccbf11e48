"""Gets a Python of a branch of OpenWrt out of Debian's packages: 3.11 or 3.13, whole, unpacked into a cache.

With it byte code is compiled for routers, and with it the packages' tests run what they built: its standard library is
cut down to what the packages' dependencies bring.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from homeline_lab import debian
from homeline_lab.asterisk_programs import cache_folder
from homeline_lab.debian import CannotGet

SUITES = {"3.11": ("bookworm",), "3.13": ("trixie", "testing")}  # whose Python is that
EXTRA = ("busybox-static", "msmtp")  # what a router has besides
_CACHED = "python-{}-1"  # the number grows when what is kept changes
_WRAPPER = """#!/bin/sh
export PYTHONHOME={root}/usr
exec {loader} --library-path {libraries} {root}/usr/bin/python{version} "$@"
"""


@dataclass(frozen=True, slots=True)
class Tree:
    """Debian's file system with one Python in it, and what that needs."""

    root: Path
    version: str  # such as 3.13

    @property
    def python(self) -> Path:
        """A command that runs it on this machine, whatever the machine's own libraries."""
        return self.root / "python3"

    @property
    def library(self) -> Path:
        """The standard library."""
        return self.root / f"usr/lib/python{self.version}"

    def whole(self) -> bool:
        return (self.root / "packages.txt").exists() and self.python.exists()


def find(version: str) -> Tree | None:
    """The one in the cache."""
    tree = Tree(cache_folder() / _CACHED.format(version), version)
    return tree if tree.whole() else None


def get(version: str) -> Tree:
    """The one in the cache, else fetches it (3 to 10 seconds). CannotGet."""
    cache = cache_folder()
    with debian.locked(cache, f"python-{version}"):
        if found := find(version):
            return found
        print(f"python: fetching Python {version} of Debian into {cache} (some 20 MB, this once)", file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix=f".python-{version}-", dir=cache) as work:
            folder = Path(work)
            whole = debian.unpack(folder, SUITES[version], (f"python{version}", *EXTRA))
            (folder / "packages.txt").rename(whole / "packages.txt")
            place = cache / _CACHED.format(version)
            _wrap(whole, place, version)
            debian.move(whole, place)
    tree = Tree(place, version)
    _check(tree)
    return tree


def _wrap(whole: Path, place: Path, version: str) -> None:
    loaders = sorted(path.relative_to(whole) for path in whole.glob("**/ld-linux*.so.*") if not path.is_symlink())
    if not loaders:
        raise CannotGet("Debian's packages have no dynamic loader")
    folders = {path.parent for path in whole.glob("**/*.so.*") if "python" not in str(path.relative_to(whole))}
    libraries = ":".join(sorted(str(place / folder.relative_to(whole)) for folder in folders))
    wrapper = whole / "python3"
    wrapper.write_text(_WRAPPER.format(root=place, loader=place / loaders[0], libraries=libraries, version=version))
    wrapper.chmod(0o755)


def _check(tree: Tree) -> None:
    command = [str(tree.python), "-c", "import sqlite3, zlib, sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError) as e:
        raise CannotGet(f"{tree.python} does not run: {e}") from None
    if said != tree.version:
        raise CannotGet(f"{tree.python} is Python {said}")


def main(argv: list[str]) -> int:
    """0 when all are there."""
    parser = argparse.ArgumentParser(prog="homeline-lab python", description=__doc__)
    parser.add_argument("version", nargs="?", choices=SUITES, help="else all")
    wanted = parser.parse_args(argv).version
    for version in [wanted] if wanted else SUITES:
        try:
            print(f"Python {version}: {get(version).python}")
        except CannotGet as e:
            print(f"python: {version} is not to be had here: {e}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
