"""What the owner wrote by hand: read here and not in the daemon, since it may be a lot, and this process ends again.

Only /etc/asterisk is read, and folders in it, never our own and never through a link that leads elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from homeline.config_options import Config
from homeline.core import audit
from homeline.core.audit_files import Files
from homeline.errors import DecodeError
from homeline.model import Problem
from homeline.protocol import asterisk_conf
from homeline.telephony import INCLUDED, Facts

OURS = "homeline"
SUFFIXES = (".conf", ".ael", ".lua")
MAX_FILES = 400
MAX_SIZE = 512 * 1024  # octets of one file
MAX_TOTAL = 4 << 20


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


def sections(files: Files) -> dict[str, tuple[str, ...]]:
    """By file of `INCLUDED`: the sections that are there when Asterisk comes to ours, so that ours must add to them.

    A file that Asterisk drops whole is left out; the audit says so.
    """
    found = {name: _names(files.sections(name)) for name in INCLUDED if name in files.texts}
    return {name: names for name, names in found.items() if name not in files.broken}


def _names(found: Sequence[asterisk_conf.Section]) -> tuple[str, ...]:
    """The sections' names, and what else `Facts.sections` tells of them."""
    names = dict.fromkeys(section.name for section in found)
    if any(section.get("type").lower() == "global" for section in found):
        names["type=global"] = None
    if any(section.name == "modules" and _is_true((section.all("autoload") or [""])[0]) for section in found):
        names["autoload=yes"] = None
    return tuple(names)


def _is_true(text: str) -> bool:
    """As Asterisk reads it."""
    return text.lower() in ("yes", "true", "y", "t", "1", "on")


def unincluded(files: Mapping[str, str], rendered: Iterable[str]) -> list[str]:
    """Those of our files that the owner's file of the same name does not include: Asterisk does not see them."""
    return [name for name in sorted(rendered) if not _includes(files.get(name, ""), name)]


def _includes(text: str, name: str) -> bool:
    try:
        return asterisk_conf.parse(text).has_include(f"{OURS}/{name}")
    except DecodeError:
        return True  # what it says counts for nothing until it is put right, which is said elsewhere


def surveyed(folder: Path, config: Config, facts: Facts) -> tuple[Facts, Written, list[Problem]]:
    """The facts with what the owner's files say, those files, and what is wrong with them."""
    written = read(folder)
    found = audit.audit(written.files, config)
    found += [finding for finding in map(_unread, written.unread.items()) if finding.key not in config.sip.accepted]
    facts = replace(
        facts,
        sections=sections(Files(written.files)),
        closed=audit.closed(found),
        fence=audit.fence(found, written.files),
    )
    return facts, written, [finding.problem for finding in found]


def _unread(item: tuple[str, str]) -> audit.Finding:
    name, reason = item
    words = f"it cannot be read ({reason}), so nobody looked at whom it lets in"
    return audit.Finding(name, 0, name, words, "let the user homeline read it", "critical", name in INCLUDED)
