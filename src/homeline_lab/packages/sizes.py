"""The table of docs/sizes.md: what each package takes on a router, and what all that it needs takes (`make sizes`)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from homeline_lab.packages import ipk, making
from homeline_lab.packages.branches import BRANCHES, Branch
from homeline_lab.packages.recipe import Package

# Facts of OpenWrt's feeds, where they are on this machine: what each package of Python depends on.
FACTS = making.REPOSITORY.parent / "shared/data/openwrt/python3-packages.json"
KILO = 1000.0


def report(branches: Iterable[Branch] = BRANCHES) -> str:
    """Markdown. RecipeError, python_get.CannotGet."""
    columns = {}
    for branch in branches:
        with making.made(branch) as packages:
            columns[branch.name] = {each.name: _row(each, branch, packages) for each in packages}
    names = sorted({name for column in columns.values() for name in column})
    lines = [
        f"| package | {' | '.join(f'{name}: installed, kB' for name in columns)} | the package file, kB |",
        f"| --- |{' ---: |' * (len(columns) + 1)}",
    ]
    for name in names:
        installed = " | ".join(f"{column[name][0] / KILO:.1f}" for column in columns.values())
        packed = " / ".join(f"{column[name][1] / KILO:.0f}" for column in columns.values())
        lines.append(f"| `{name}` | {installed} | {packed} |")
    last = next(reversed(columns.values()))
    lines += ["", "| package | what it brings with it |", "| --- | --- |"]
    lines += [f"| `{name}` | {', '.join(last[name][2]) or 'nothing'} |" for name in names]
    return "\n".join(lines)


def _row(package: Package, branch: Branch, packages: Iterable[Package]) -> tuple[int, int, list[str]]:
    """Octets installed, octets of the package file, names of all that comes with it."""
    table = {each.name: [word.split()[0] for word in each.depends] for each in packages}
    found = closure([package.name], {**known(branch), **table}) - {package.name}
    return ipk.installed_size(package), len(ipk.encode(package, 0)), sorted(found)


def closure(wanted: Iterable[str], table: Mapping[str, Iterable[str]]) -> set[str]:
    """The packages with all that they depend on, as far as the table knows."""
    found: set[str] = set()
    waiting = list(wanted)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += table.get(name, ())
    return found


def known(branch: Branch, facts: Path = FACTS) -> dict[str, list[str]]:
    """Dependencies of the Python packages of a branch; empty where the facts are not here."""
    if not facts.exists():
        return {}
    entry = json.loads(facts.read_text())[f"openwrt-{branch.name}"]
    table: dict[str, list[str]] = {name: each["depends"] for name, each in entry["packages"].items()}
    for project in entry["third_party"].values():
        table |= (project or {}).get("packages", {})
    return table
