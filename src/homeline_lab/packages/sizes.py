"""The tables of docs/sizes.md: what each package takes on a router, and what all that it needs takes (`make sizes`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from homeline_lab.packages import closure, ipk, making
from homeline_lab.packages.branches import BRANCHES, Branch

KILO = 1000.0


@dataclass(frozen=True, slots=True)
class Made:
    """A package of ours as it was made. Sizes are octets."""

    installed: int
    packed: int  # the package file
    depends: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One package of ours in one branch. Sizes are octets."""

    installed: int
    packed: int  # the package file
    brings: tuple[str, ...]  # packages of others that it needs
    all: int  # it, ours that it needs, and what is measured of `brings`
    unmeasured: tuple[str, ...]


def report(branches: Iterable[Branch] = BRANCHES) -> str:
    """Markdown. RecipeError, CannotGet."""
    columns = {branch.name: rows(branch) for branch in branches}
    names = sorted({name for column in columns.values() for name in column})
    lines = [_head("package", *(f"{name}: installed, kB" for name in columns), "the package file, kB")]
    for name in names:
        found = [column[name] for column in columns.values()]
        packed = " / ".join(f"{row.packed / KILO:.0f}" for row in found)
        lines.append(_line(f"`{name}`", *(f"{row.installed / KILO:.1f}" for row in found), packed))
    lines += ["", _head("package with all that it needs", *(f"{name}, MB" for name in columns))]
    for name in names:
        lines.append(_line(f"`{name}`", *(f"{column[name].all / KILO / KILO:.1f}" for column in columns.values())))
    alike: dict[tuple[str, str], list[str]] = {}
    for name, row in sorted(next(reversed(columns.values())).items()):
        alike.setdefault((_words(row.brings), _words(row.unmeasured)), []).append(f"`{name}`")
    lines += ["", "| package | what it brings with it | not counted |", "| --- | --- | --- |"]
    lines += [_line(", ".join(names), *words) for words, names in alike.items()]
    return "\n".join(lines)


def rows(branch: Branch) -> dict[str, Row]:
    """The packages of a branch by name. RecipeError, CannotGet."""
    with making.made(branch) as packages:
        ours = {
            each.name: Made(
                ipk.installed_size(each), len(ipk.encode(each, 0)), tuple(word.split()[0] for word in each.depends)
            )
            for each in packages
        }
    return counted(branch, ours)


def counted(branch: Branch, ours: Mapping[str, Made]) -> dict[str, Row]:
    """The packages with all that they bring. RecipeError, CannotGet."""
    table = {**closure.known(branch), **{name: each.depends for name, each in ours.items()}}
    sizes = closure.octets(branch) | {name: each.installed for name, each in ours.items()}
    found = {}
    for name, each in ours.items():
        needed = closure.reached([name], table)
        brings = tuple(sorted(needed - {name}))
        unmeasured = tuple(other for other in brings if other not in sizes)
        whole = sum(sizes.get(other, 0) for other in needed)
        found[name] = Row(each.installed, each.packed, brings, whole, unmeasured)
    return found


def _words(names: Iterable[str]) -> str:
    return ", ".join(names) or "nothing"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _head(first: str, *rest: str) -> str:
    return f"{_line(first, *rest)}\n| --- |{' ---: |' * len(rest)}"
