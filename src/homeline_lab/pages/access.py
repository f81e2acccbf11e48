"""Who may do what: rpcd's access groups, read from the files that the packages ship, and the lab's people.

A group has a `read` and a `write` half; each names scopes (`ubus`, `uci`, `file`, `cgi-io`), and in a scope objects
with the functions allowed on them, or just objects, for which the half's own name is the function. Who may write a
group may read it too (rpcd, session.c).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

Grants = dict[str, dict[str, list[str]]]  # scope: object: functions
ANYBODY = "unauthenticated"  # the group that needs no login


@dataclass(frozen=True, slots=True)
class Login:
    """One of the lab's people; `writes` is what rpcd's `list write '*'` says."""

    password: str
    writes: bool = True


@dataclass(slots=True)
class Access:
    """`Access(files, {"root": Login("…")})`; `files` are those of `/usr/share/rpcd/acl.d`."""

    files: Iterable[Path]
    logins: Mapping[str, Login] = field(default_factory=dict)
    _groups: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self._groups = {name: group for path in self.files for name, group in json.loads(path.read_text()).items()}

    def halves(self, user: str) -> dict[str, list[str]]:
        """By group: `read`, `write` or both, as far as the user has them."""
        login = self.logins.get(user)
        if login is None:
            return {}
        wanted = ("read", "write") if login.writes else ("read",)
        return {name: [half for half in wanted if half in group] for name, group in self._groups.items()}

    def grants(self, user: str) -> Grants:
        """All that a user may do; nobody in particular is ""."""
        halves = self.halves(user) or {ANYBODY: ["read"]}
        found: Grants = {}
        for name, allowed in halves.items():
            for half in allowed:
                for scope, objects in self._groups.get(name, {}).get(half, {}).items():
                    _add(found.setdefault(scope, {}), objects, half)
        return found

    def allows(self, user: str, scope: str, name: str, function: str) -> bool:
        """Whether a user may use this function of an object, such as ("ubus", "homeline", "status")."""
        return any(
            fnmatchcase(name, pattern) and any(fnmatchcase(function, each) for each in functions)
            for pattern, functions in self.grants(user).get(scope, {}).items()
        )


def _add(scope: dict[str, list[str]], objects: Any, half: str) -> None:
    named = objects.items() if isinstance(objects, dict) else [(name, [half]) for name in objects]
    for name, functions in named:
        scope.setdefault(name, []).extend(functions)
