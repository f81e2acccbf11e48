"""Gets a real Asterisk, and SIPp to talk to it, out of Debian's packages: `homeline-lab asterisk`.

Nothing is installed on the machine and root is not needed: apt works in a folder of its own, the packages are unpacked
into a cache, and the programs run there through the packages' own dynamic loader with the packages' own libraries. What
the lab has no use for is left out (the kept files are the programs, their modules and libraries, and the sounds).
About ten seconds, 80 MB to fetch, 50 MB to keep.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from homeline_lab.asterisk_programs import CACHED, KEPT, Programs, cache_folder, find, report

PACKAGES = ("asterisk", "asterisk-modules", "sip-tester")
SUITES = ("testing", "unstable")  # Debian has no Asterisk in its releases since 2023
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
    """Why there is no Asterisk to be had here, in words for the reader of a log."""


def say(words: str) -> None:
    print(f"asterisk: {words}", file=sys.stderr, flush=True)


def main(argv: list[str]) -> int:
    """0 when it is there, 1 when it cannot be had (the reason is said)."""
    parser = argparse.ArgumentParser(prog="homeline-lab asterisk", description=__doc__)
    parser.add_argument("--again", action="store_true", help="get it anew, though it is there")
    parser.add_argument("--quiet", action="store_true", help="say nothing where it is there already")
    args = parser.parse_args(argv)
    if args.quiet and not args.again and find():
        return 0
    try:
        programs = get(again=args.again)
    except CannotGet as e:
        say(f"not to be had here, so what needs a real Asterisk is left out: {e}")
        return 1
    say(f"Asterisk {programs.version} is in {programs.root}")
    return 0


def get(*, again: bool = False) -> Programs:
    """What is cached already, else fetches it; one process at a time. CannotGet."""
    cache = cache_folder()
    with _locked(cache):
        found = find()
        if found and not again:
            return found
        _check_machine()
        begun = time.monotonic()
        say(f"fetching {', '.join(PACKAGES)} of Debian {SUITES[0]} into {cache} (some 80 MB, this once)")
        with tempfile.TemporaryDirectory(prefix=".asterisk-", dir=cache) as work:
            programs = _fetch(Path(work))
            if reason := report(programs.root):
                raise CannotGet(reason)
            _move(programs.root, cache / CACHED)
        say(f"took {time.monotonic() - begun:.0f} s")
    find.cache_clear()
    programs_now = find()
    if programs_now is None:
        raise CannotGet(f"{cache / CACHED} is not complete")
    return programs_now


@contextmanager
def _locked(cache: Path) -> Iterator[None]:
    """Waits while another process fetches."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "asterisk.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _check_machine() -> None:
    missing = [program for program in ("apt-get", "apt-config", "dpkg", "dpkg-deb") if not shutil.which(program)]
    if missing:
        raise CannotGet(f"this is no Debian: {', '.join(missing)} is missing")
    if not KEYRING.exists():
        raise CannotGet(f"{KEYRING} is missing, without which packages cannot be trusted")


def _fetch(work: Path) -> Programs:
    """Fetched, unpacked and reduced, still in `work`."""
    reasons = []
    for suite in SUITES:
        try:
            packages = _download(work / suite, suite)
            break
        except CannotGet as e:
            reasons.append(str(e))
    else:
        raise CannotGet("; ".join(reasons))
    whole, kept = work / "whole", work / "kept"
    whole.mkdir()
    for package in packages:
        _run(["dpkg-deb", "--extract", str(package), str(whole)])
    _reduce(whole, kept)
    versions = "\n".join(sorted(package.stem for package in packages))
    (kept / KEPT).write_text(versions + "\n")
    return Programs(kept)


def _download(apt: Path, suite: str) -> list[Path]:
    """The packages with all that they depend on, fetched and checked by apt."""
    for folder in ("etc/none", "state/lists/partial", "cache/archives/partial", "log"):
        (apt / folder).mkdir(parents=True)
    (apt / "status").touch()
    architecture = _run(["dpkg", "--print-architecture"]).strip()
    options = f"signed-by={KEYRING} arch={architecture}"
    (apt / "etc/sources.list").write_text(f"deb [{options}] {_mirror()} {suite} main\n")
    conf = apt / "apt.conf"
    conf.write_text(APT_CONF.format(apt=apt, architecture=architecture) + _proxies())
    environment = {**os.environ, "APT_CONFIG": str(conf)}
    _run(["apt-get", "-qq", "update"], environment)
    _run(["apt-get", "-qq", "-y", "--download-only", "install", *PACKAGES], environment)
    packages = sorted((apt / "cache/archives").glob("*.deb"))
    if not packages:
        raise CannotGet(f"apt fetched nothing of Debian {suite}")
    return packages


def _mirror() -> str:
    """The one that the machine uses itself."""
    targets = _run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]).split()
    mirrors = [uri for uri in targets if uri.rstrip("/").endswith("/debian")]
    if not mirrors:
        raise CannotGet("apt knows no mirror of Debian (is `apt-get update` needed?)")
    return mirrors[0]


def _proxies() -> str:
    """How the machine's apt reaches its mirror."""
    lines = _run(["apt-config", "dump", "--no-empty", "Acquire"]).splitlines()
    return "\n".join(line for line in lines if "proxy" in line.lower()) + "\n"


def _run(command: list[str], environment: dict[str, str] | None = None) -> str:
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


def _reduce(whole: Path, kept: Path) -> None:
    """Moves what the lab uses from one tree to the other: programs, modules, the libraries they need, sounds."""
    source, result = Programs(whole), Programs(kept)
    for name in source.programs:
        _take(whole, kept, name)
    for module in sorted(source.modules.glob("*.so")):
        if source.wanted(module.name):
            _take(whole, kept, str(module.relative_to(whole)))
    _take(whole, kept, "usr/share/asterisk/documentation")
    sounds = max((whole / "usr/share/asterisk/sounds").iterdir(), key=lambda found: len(list(found.glob("*"))))
    (kept / "usr/share/asterisk").mkdir(parents=True, exist_ok=True)
    shutil.move(sounds, result.sounds)
    for library in _libraries(source, [*map(kept.joinpath, source.programs), *result.modules.glob("*.so")]):
        target = result.libraries / library.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(library.resolve(), target)


def _take(whole: Path, kept: Path, name: str) -> None:
    target = kept / name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(whole / name, target)


def _libraries(source: Programs, users: list[Path]) -> list[Path]:
    """The loader, what it loads for these files, and what the C library opens by itself to look up names."""
    found = {source.loader, *source.libraries.glob("libnss_*.so.*"), *source.libraries.glob("libgcc_s.so.*")}
    listing = [str(source.loader), "--library-path", str(source.libraries), "--list"]
    for user in users:
        for line in _run([*listing, str(user)]).splitlines():
            path = Path(line.split("=>")[-1].split("(")[0].strip())
            if path.parent == source.libraries:
                found.add(path)
    return sorted(found)


def _move(new: Path, place: Path) -> None:
    """The new tree takes the place of the old, whole or not at all."""
    old = new.with_name("old")
    if place.exists():
        place.rename(old)
    new.rename(place)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
