"""UCI as a router has it, below a lab root: committed files, staged changes, commit by rename.

What `uci set` stages lies in `tmp/.uci` until `commit` (one file of JSON a configuration; a session of LuCI has its own
folder, as under rpcd). Names of anonymous sections may be given as `@type[index]`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from homeline.errors import InvalidArgument, NotFound
from homeline.protocol import uci
from homeline.protocol.uci import Section

Value = str | list[str]
Change = list[str | list[str]]  # as rpcd lists them: [command, section, option or type, value]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_INDEXED = re.compile(r"@([!-~]+)\[(-?[0-9]{1,5})\]")


class Uci:
    """The configurations below one root, as one session sees them."""

    def __init__(self, root: Path, session: str = "", staged: Path | None = None) -> None:
        """`staged`: the folder for what is staged, where that is another one."""
        if session and not _NAME.fullmatch(session):
            raise InvalidArgument("this cannot be a session")
        self._files = root / "etc/config"
        self._staged = staged or root / (f"tmp/.uci-{session}" if session else "tmp/.uci")

    def configs(self) -> list[str]:
        return sorted(path.name for path in self._files.iterdir() if _NAME.fullmatch(path.name))

    def sections(self, config: str) -> list[Section]:
        """The configuration with the staged changes. NotFound if there is no such file; DecodeError if it is broken."""
        sections = self._committed(config)
        for change in self.changes(config):
            _apply(sections, change)
        return sections

    def section(self, config: str, name: str) -> Section:
        """One section by its name or as `@type[index]`. NotFound."""
        sections = self.sections(config)
        if indexed := _INDEXED.fullmatch(name):
            of_type = [section for section in sections if section.type == indexed[1]]
            index = int(indexed[2])
            if -len(of_type) <= index < len(of_type):
                return of_type[index]
        for section in sections:
            if section.name == name:
                return section
        raise NotFound(f"{config} has no section {name}")

    def add(self, config: str, section_type: str, name: str = "") -> str:
        """Stages a section; its name, made up where none is given.

        One of that name gets the type and keeps its options, as libuci does it.
        """
        sections = self.sections(config)
        if any(section.name == name and section.type == section_type for section in sections):
            return name
        made = name or uci.anonymous_name(section_type, len(sections) + 1)
        self._stage(config, ["set" if name else "add", made, section_type])
        return made

    def set(self, config: str, section: str, option: str, value: Value) -> None:
        """Stages an option's value, a list for `list`."""
        name = self.section(config, section).name
        if not re.fullmatch(r"[A-Za-z0-9_]+", option):
            raise InvalidArgument(f"'{option}' cannot be an option's name")
        if any("\0" in item for item in value):
            raise InvalidArgument(f"{option}: a value cannot hold a NUL")
        self._stage(config, ["set", name, option, value])

    def delete(self, config: str, section: str, option: str = "") -> None:
        """Stages the end of a section or option."""
        found = self.section(config, section)
        if option and option not in found.options:
            raise NotFound(f"{config}.{section} has no option {option}")
        self._stage(config, ["remove", found.name, *([option] if option else [])])

    def order(self, config: str, section: str, place: int) -> None:
        """Stages a section's place among all, from 0."""
        self._stage(config, ["order", self.section(config, section).name, str(place)])

    def text(self, config: str) -> str:
        """The committed file as it is."""
        return self._path(config).read_text(errors="surrogateescape")

    def stage(self, config: str, changes: list[Change]) -> None:
        """Makes these the staged changes."""
        self._staged.mkdir(parents=True, exist_ok=True)
        self._delta(config).write_text(json.dumps(changes))

    def changes(self, config: str) -> list[Change]:
        """What is staged, in order."""
        try:
            changes: list[Change] = json.loads(self._delta(config).read_text())
        except FileNotFoundError:
            return []
        return changes

    def revert(self, config: str) -> None:
        """Forgets what is staged."""
        self._delta(config).unlink(missing_ok=True)

    def commit(self, config: str) -> bool:
        """Writes the staged changes as libuci does, by a rename that keeps the mode; False if nothing was staged."""
        if not self.changes(config):
            return False
        self.write(config, uci.dump(self.sections(config)))
        self.revert(config)
        return True

    def write(self, config: str, text: str) -> None:
        """Puts a whole committed file in place, in one step."""
        path = self._path(config)
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
        temporary = path.with_name(f".{config}.uci-{os.getpid()}")
        temporary.write_text(text, errors="surrogateescape")
        temporary.chmod(mode)
        temporary.rename(path)

    def _committed(self, config: str) -> list[Section]:
        path = self._path(config)
        if not path.is_file():
            raise NotFound(f"there is no configuration {config}")
        return uci.parse(path.read_bytes())

    def _path(self, config: str) -> Path:
        return self._files / _checked(config)

    def _delta(self, config: str) -> Path:
        return self._staged / _checked(config)

    def _stage(self, config: str, change: Change) -> None:
        self.stage(config, [*self.changes(config), change])


def _checked(config: str) -> str:
    if not _NAME.fullmatch(config):
        raise InvalidArgument(f"'{config}' cannot be a configuration's name")
    return config


def _apply(sections: list[Section], change: Change) -> None:
    """Carries out one staged change. One whose section is gone since then is passed over, as libuci does."""
    command, name, *rest = change
    found = next((section for section in sections if section.name == name), None)
    if command == "add" or (command == "set" and len(rest) == 1):
        if found is None:
            sections.append(Section(str(rest[0]), str(name), anonymous=command == "add"))
        else:
            found.type = str(rest[0])
    elif found is None:
        return
    elif command == "order":
        sections.remove(found)
        sections.insert(int(str(rest[0])), found)
    elif command == "set":
        found.options[str(rest[0])] = rest[1]
    elif rest:
        found.options.pop(str(rest[0]), None)
    else:
        sections.remove(found)


# --- the command ---


def show(config: str, sections: Iterable[Section]) -> list[str]:
    """The lines of `uci show`."""
    lines = []
    for section in sections:
        lines.append(f"{config}.{section.name}={section.type}")
        for option, value in section.options.items():
            items = [value] if isinstance(value, str) else value
            shown = " ".join("'" + item.replace("'", "'\\''") + "'" for item in items)
            lines.append(f"{config}.{section.name}.{option}={shown}")
    return lines


def _target(text: str) -> tuple[str, str, str, str | None]:
    """CONFIG[.SECTION[.OPTION]][=VALUE]."""
    path, equals, value = text.partition("=")
    config, section, option = (*path.split(".", 2), "", "")[:3]
    return config, section, option, value if equals else None


def _show(store: Uci, arguments: Sequence[str]) -> list[str]:
    config, section, option, _ = _target(arguments[0]) if arguments else ("homeline", "", "", None)
    sections = [store.section(config, section)] if section else store.sections(config)
    lines = show(config, sections)
    return [line for line in lines if line.startswith(f"{config}.{sections[0].name}.{option}=")] if option else lines


def _get(store: Uci, arguments: Sequence[str]) -> list[str]:
    config, section, option, _ = _target(arguments[0])
    found = store.section(config, section)
    if not option:
        return [found.type]
    if option not in found.options:
        raise NotFound(f"{config}.{section} has no option {option}")
    value = found.options[option]
    return [value if isinstance(value, str) else " ".join(value)]


def _set(store: Uci, arguments: Sequence[str]) -> list[str]:
    config, section, option, value = _target(arguments[0])
    if value is None:
        raise InvalidArgument("set wants CONFIG.SECTION[.OPTION]=VALUE")
    if option:
        store.set(config, section, option, value)
    else:
        store.add(config, value, section)
    return []


def _add_list(store: Uci, arguments: Sequence[str]) -> list[str]:
    config, section, option, value = _target(arguments[0])
    if not option or value is None:
        raise InvalidArgument("add_list wants CONFIG.SECTION.OPTION=VALUE")
    known = store.section(config, section).options.get(option, [])
    store.set(config, section, option, [*([known] if isinstance(known, str) else known), value])
    return []


def _delete(store: Uci, arguments: Sequence[str]) -> list[str]:
    config, section, option, _ = _target(arguments[0])
    store.delete(config, section, option)
    return []


def _add(store: Uci, arguments: Sequence[str]) -> list[str]:
    return [store.add(arguments[0], arguments[1])]


def _changes(store: Uci, arguments: Sequence[str]) -> list[str]:
    return [
        f"{config}: " + " ".join(map(str, change))
        for config in arguments or store.configs()
        for change in store.changes(config)
    ]


def _each(work: Callable[[str], object], store: Uci, arguments: Sequence[str]) -> list[str]:
    for config in arguments or store.configs():
        work(config)
    return []


# command: the work, and how many arguments it wants at least
COMMANDS: dict[str, tuple[Callable[[Uci, Sequence[str]], list[str]], int]] = {
    "show": (_show, 0),
    "get": (_get, 1),
    "set": (_set, 1),
    "add_list": (_add_list, 1),
    "delete": (_delete, 1),
    "add": (_add, 2),
    "changes": (_changes, 0),
    "revert": (lambda store, arguments: _each(store.revert, store, arguments), 0),
    "commit": (lambda store, arguments: _each(store.commit, store, arguments), 0),
    "export": (lambda store, arguments: [uci.dump(store.sections(arguments[0]), arguments[0])], 1),
}
