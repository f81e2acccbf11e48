"""What the owner wrote by hand: read here and not in the daemon, since it may be a lot, and this process ends again.

Only /etc/asterisk is read, and folders in it, never our own and never through a link that leads elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path

from homeline.config_options import Config
from homeline.errors import DecodeError
from homeline.protocol import asterisk_conf
from homeline.telephony import INCLUDED, Facts

OURS = "homeline"
SUFFIXES = (".conf", ".ael", ".lua")
MAX_FILES = 400
MAX_SIZE = 512 * 1024  # octets of one file
MAX_TOTAL = 4 << 20

Files = Mapping[str, str]


@dataclass(slots=True)
class Written:
    """The owner's files by their names below /etc/asterisk, and those that could not be read, with the reason."""

    files: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)


def read(folder: Path) -> Written:
    """The owner's files; none where the folder is not there."""
    found = Written()
    total = 0
    for path in _paths(folder):
        name = str(path.relative_to(folder))
        try:
            data = path.read_bytes() if path.stat().st_size <= MAX_SIZE else None
        except OSError as error:
            found.unread[name] = error.strerror or str(error)
            continue
        total += len(data or b"")
        if data is None or total > MAX_TOTAL or len(found.files) >= MAX_FILES:
            found.unread[name] = "it is too long, or there are too many"
        else:
            found.files[name] = data.decode("utf-8", "surrogateescape")
    return found


def _paths(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    real = folder.resolve()
    found = [
        path
        for pattern in ("*", "*/*")
        for path in folder.glob(pattern)
        if path.suffix in SUFFIXES and path.relative_to(folder).parts[0] != OURS and path.is_file()
    ]
    return sorted(path for path in found if path.resolve().is_relative_to(real))


def included(files: Files, folder: Path) -> asterisk_conf.Reader:
    """What an #include of Asterisk's finds: names relative to the folder or absolute in it, with wildcards."""

    def reader(target: str) -> Iterable[tuple[str, str]]:
        wanted = target.removeprefix(f"{folder}/")
        return [(name, text) for name, text in sorted(files.items()) if fnmatchcase(name, wanted)]

    return reader


def sections(files: Files, folder: Path) -> dict[str, tuple[str, ...]]:
    """By file of `INCLUDED`: the sections that are there when Asterisk comes to ours, so that ours must add to them."""
    found = {}
    for name in INCLUDED:
        if name not in files:
            continue
        try:
            parsed = asterisk_conf.parse(files[name], name, included(files, folder))
        except DecodeError:
            continue  # Asterisk drops the whole file, and the audit says so
        there = [section for section in parsed.sections if not section.template]
        only = ["type=global"] if any(section.get("type") == "global" for section in there) else []
        found[name] = (*dict.fromkeys(section.name for section in there), *only)
    return found


def surveyed(folder: Path, config: Config, facts: Facts) -> tuple[Facts, list[tuple[str, str, str]]]:
    """The facts with what the owner's files say, and what is wrong with those: where, text, advice."""
    written = read(folder)
    findings = [
        (name, f"It cannot be read ({reason}), so nobody looked at what it lets in.", "Let the group homeline read it.")
        for name, reason in written.unread.items()
    ]
    return replace(facts, sections=sections(written.files, folder)), findings
