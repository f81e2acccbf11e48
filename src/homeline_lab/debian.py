"""Fetches packages of another Debian than the machine's, without installing anything and without being root.

The machine's own apt does it, with the machine's own mirror, proxies and keys but lists, cache and state in a folder of
ours; the packages' signatures are checked as always. What is fetched runs through its own dynamic loader with its own
libraries, since the machine's C library may be older.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
TIMEOUT = 600.0  # seconds for one step, of which fetching is the longest

# apt, all of whose folders are ours. A mirror may be a frozen one whose lists count as expired.
APT_CONF = """
Dir::Etc "{apt}/etc"; Dir::Etc::sourcelist "{apt}/etc/sources.list"; Dir::Etc::sourceparts "{apt}/etc/none";
Dir::Etc::main "/dev/null"; Dir::Etc::parts "{apt}/etc/none"; Dir::Etc::preferencesparts "{apt}/etc/none";
Dir::Etc::trusted "/dev/null"; Dir::Etc::trustedparts "{apt}/etc/none";
Dir::State "{apt}/state"; Dir::State::status "{apt}/status"; Dir::Cache "{apt}/cache"; Dir::Log "{apt}/log";
APT::Install-Recommends "false"; APT::Sandbox::User ""; APT::Architecture "{architecture}";
Acquire::Languages "none"; Acquire::Check-Valid-Until "false"; Acquire::Check-Date "false"; Acquire::Retries "3";
pkgCacheGen::Essential "none"; Debug::NoLocking "true";
"""


class CannotGet(Exception):
    """Why something is not to be had here, in words for the reader of a log."""


def unpack(work: Path, suites: Sequence[str], packages: Sequence[str]) -> Path:
    """A folder below `work` with the packages and all that they depend on, from the first suite that has them.

    Beside it `packages.txt` names what they are. CannotGet.
    """
    check_machine()
    reasons = []
    for suite in suites:
        try:
            found = _download(work / suite, suite, packages)
            break
        except CannotGet as e:
            reasons.append(str(e))
    else:
        raise CannotGet("; ".join(reasons))
    whole = work / "whole"
    whole.mkdir()
    for package in found:
        run(["dpkg-deb", "--extract", str(package), str(whole)])
    (work / "packages.txt").write_text("".join(f"{stem}\n" for stem in sorted(package.stem for package in found)))
    return whole


@contextmanager
def locked(cache: Path, name: str) -> Iterator[None]:
    """Waits while another process fetches."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def move(new: Path, place: Path) -> None:
    """The new tree takes the place of the old, whole or not at all."""
    old = new.with_name("old")
    if place.exists():
        place.rename(old)
    new.rename(place)


def check_machine() -> None:
    """CannotGet where this is no Debian."""
    missing = [program for program in ("apt-get", "apt-config", "dpkg", "dpkg-deb") if not shutil.which(program)]
    if missing:
        raise CannotGet(f"this is no Debian: {', '.join(missing)} is missing")
    if not KEYRING.exists():
        raise CannotGet(f"{KEYRING} is missing, without which packages cannot be trusted")


def run(command: Sequence[str], environment: dict[str, str] | None = None) -> str:
    """What it prints. CannotGet with what it complains about."""
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, errors="replace", timeout=TIMEOUT, check=True
        )
    except subprocess.TimeoutExpired:
        raise CannotGet(f"{command[0]} took more than {TIMEOUT:.0f} s") from None
    except subprocess.CalledProcessError as e:
        words = (e.stderr or e.stdout or "").strip().replace("\n", "; ")
        raise CannotGet(f"{' '.join(command[:3])}: {words[:500]}") from None
    return done.stdout


def _download(apt: Path, suite: str, wanted: Sequence[str]) -> list[Path]:
    """The packages with all that they depend on, fetched and checked by apt."""
    for folder in ("etc/none", "state/lists/partial", "cache/archives/partial", "log"):
        (apt / folder).mkdir(parents=True)
    (apt / "status").touch()
    architecture = run(["dpkg", "--print-architecture"]).strip()
    options = f"signed-by={KEYRING} arch={architecture}"
    (apt / "etc/sources.list").write_text(f"deb [{options}] {_mirror()} {suite} main\n")
    conf = apt / "apt.conf"
    conf.write_text(APT_CONF.format(apt=apt, architecture=architecture) + _proxies())
    environment = {**os.environ, "APT_CONFIG": str(conf)}
    run(["apt-get", "-qq", "update"], environment)
    run(["apt-get", "-qq", "-y", "--download-only", "install", *wanted], environment)
    packages = sorted((apt / "cache/archives").glob("*.deb"))
    if not packages:
        raise CannotGet(f"apt fetched nothing of Debian {suite}")
    return packages


def _mirror() -> str:
    """The one that the machine uses itself."""
    targets = run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]).split()
    mirrors = [uri for uri in targets if uri.rstrip("/").endswith("/debian")]
    if not mirrors:
        raise CannotGet("apt knows no mirror of Debian (is `apt-get update` needed?)")
    return mirrors[0]


def _proxies() -> str:
    """How the machine's apt reaches its mirror."""
    lines = run(["apt-config", "dump", "--no-empty", "Acquire"]).splitlines()
    return "\n".join(line for line in lines if "proxy" in line.lower()) + "\n"
