"""LuCI's menu: one tree from the files in menu.d, as its dispatcher makes it, less what a user may not see."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any

from homeline_lab.pages.access import Access

Node = dict[str, Any]
KEPT = ("action", "auth", "cors", "depends", "order", "setgroup", "setuser", "title", "wildcard", "css")


class Menu:
    """`has_config` says whether there is a configuration of that name, for `depends.uci`."""

    def __init__(self, files: Iterable[Path], access: Access, has_config: Callable[[str], bool]) -> None:
        self._access = access
        self._tree: Node = {"action": {"type": "firstchild"}, "children": {}}
        for path in files:
            for place, entry in json.loads(path.read_text()).items():
                self._add(place, entry, has_config)

    def _add(self, place: str, entry: Node, has_config: Callable[[str], bool]) -> None:
        node = self._tree
        for word in place.split("/"):
            if word == "*":
                break
            node = node.setdefault("children", {}).setdefault(word, {"satisfied": True})
        node.update({name: value for name, value in entry.items() if name in KEPT})
        wanted = entry.get("depends", {}).get("uci", {})
        node["satisfied"] = all(has_config(name) for name in wanted)

    def tree(self, user: str) -> Node:
        """The whole tree with `satisfied` and `readonly` for this user."""
        tree = deepcopy(self._tree)
        self._judge(tree, self._access.halves(user))
        return tree

    def _judge(self, node: Node, halves: dict[str, list[str]]) -> None:
        for child in node.get("children", {}).values():
            self._judge(child, halves)
        groups = [halves.get(name, []) for name in node.get("depends", {}).get("acl", ())]
        if not all(groups):
            node["satisfied"] = False
        elif groups and not any("write" in group for group in groups):
            node["readonly"] = True

    def find(self, user: str, path: list[str]) -> tuple[list[str], Node] | None:
        """The page at a path: the path that it is at after following `firstchild`, and its node. None: there is none.

        A page is read-only where one of the nodes above it is, as with LuCI.
        """
        node, readonly = self.tree(user), False
        for word in path:
            node = node.get("children", {}).get(word)
            if not node or not node.get("satisfied"):
                return None
            readonly = readonly or node.get("readonly", False)
        found = [*path]
        while node.get("action", {}).get("type") == "firstchild" or "action" not in node:
            usable = {name: child for name, child in node.get("children", {}).items() if child.get("satisfied")}
            if not usable:
                return None
            name = min(usable, key=lambda each: (usable[each].get("order", 9999), each))
            found.append(name)
            node = usable[name]
            readonly = readonly or node.get("readonly", False)
        return found, {**{k: v for k, v in node.items() if k != "children"}, "readonly": readonly}
