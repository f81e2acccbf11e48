"""Gets a real Asterisk, and SIPp to talk to it, out of Debian's packages: `homeline-lab asterisk`.

Nothing is installed on the machine and root is not needed (`debian.py`). The packages are unpacked into a cache; what
the lab has no use for is left out (the kept files are the programs, their modules and libraries, the sounds, and the
configuration that comes with Asterisk).
About ten seconds, 80 MB to fetch, 50 MB to keep.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from homeline_lab import debian
from homeline_lab.asterisk_programs import CACHED, KEPT, Programs, cache_folder, find, report
from homeline_lab.debian import CannotGet

PACKAGES = ("asterisk", "asterisk-config", "asterisk-modules", "sip-tester")
SUITES = ("testing", "unstable")  # Debian has no Asterisk in its releases since 2023


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
    with debian.locked(cache, "asterisk"):
        found = find()
        if found and not again:
            return found
        debian.check_machine()
        begun = time.monotonic()
        say(f"fetching {', '.join(PACKAGES)} of Debian {SUITES[0]} into {cache} (some 80 MB, this once)")
        with tempfile.TemporaryDirectory(prefix=".asterisk-", dir=cache) as work:
            programs = _fetch(Path(work))
            if reason := report(programs.root):
                raise CannotGet(reason)
            debian.move(programs.root, cache / CACHED)
        say(f"took {time.monotonic() - begun:.0f} s")
    find.cache_clear()
    programs_now = find()
    if programs_now is None:
        raise CannotGet(f"{cache / CACHED} is not complete")
    return programs_now


def _fetch(work: Path) -> Programs:
    """Fetched, unpacked and reduced, still in `work`."""
    whole = debian.unpack(work, SUITES, PACKAGES)
    kept = work / "kept"
    _reduce(whole, kept)
    shutil.copy(work / "packages.txt", kept / KEPT)
    return Programs(kept)


def _reduce(whole: Path, kept: Path) -> None:
    """Moves what the lab uses from one tree to the other: programs, modules, the libraries they need, sounds."""
    source, result = Programs(whole), Programs(kept)
    for name in source.programs:
        _take(whole, kept, name)
    for module in sorted(source.modules.glob("*.so")):
        if source.wanted(module.name):
            _take(whole, kept, str(module.relative_to(whole)))
    _take(whole, kept, "usr/share/asterisk/documentation")
    _take(whole, kept, "etc/asterisk")
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
        for line in debian.run([*listing, str(user)]).splitlines():
            path = Path(line.split("=>")[-1].split("(")[0].strip())
            if path.parent == source.libraries:
                found.add(path)
    return sorted(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
