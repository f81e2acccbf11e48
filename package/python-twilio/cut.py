"""Cuts Twilio's library to the modules in use (docs/sizes.md).

    python3 cut.py TREE LIST

TREE has the unpacked sources, which are changed there. LIST names the modules in use, a line each; what they import
of the library comes with them, but of `twilio.rest` only what is named, and nothing that a line `without NAME` names,
be it of the library or not. The packages above them are empty, and who imports something that does not stay goes
without it. Gone are too: asynchronous methods, those that give an answer's headers besides, docstrings, annotations.
It needs nothing but Python, and equal input gives equal output.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

TOP = "twilio"
RESOURCES = f"{TOP}.rest"


class _Lighter(ast.NodeTransformer):
    """Takes out what nothing at a router looks at, and imports of modules that do not stay."""

    def __init__(self, gone: set[str]) -> None:
        self._gone = gone

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        return None

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST | None:
        if node.name.endswith("_with_http_info"):
            return None
        self.generic_visit(node)
        node.returns = None
        named = node.args
        for each in (*named.posonlyargs, *named.args, *named.kwonlyargs, named.vararg, named.kwarg):
            if each is not None:
                each.annotation = None
        node.body = _without_docstring(node.body)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.generic_visit(node)
        node.body = _without_docstring(node.body)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if node.value is None:
            return None
        return ast.copy_location(ast.Assign([node.target], node.value), node)

    def visit_If(self, node: ast.If) -> ast.AST | None:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING" and not node.orelse:
            return None
        return self.generic_visit(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        node.names = [alias for alias in node.names if not {node.module, f"{node.module}.{alias.name}"} & self._gone]
        return node if node.names else None


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        body = body[1:]
    return body or [ast.Pass()]


def imports(tree: ast.AST) -> Iterator[str]:
    """What a module may import of the library at any time, without what is for type checkers."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == TOP:
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
        elif not isinstance(node, ast.AsyncFunctionDef):
            yield from imports(node)


def kept(files: dict[str, Path], named: set[str], without: set[str]) -> set[str]:
    """The modules that stay. KeyError for a name that there is not."""
    seen: set[str] = set()
    waiting = [TOP, *named]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        found = imports(ast.parse(files[name].read_text(encoding="utf-8")))
        also = (other for other in found if other in files and other not in without)
        waiting += [other for other in also if not other.startswith(f"{RESOURCES}.") or other in named]
    return seen


def above(names: set[str]) -> set[str]:
    """The packages that these are in."""
    parts = [name.split(".") for name in names]
    return {".".join(each[:length]) for each in parts for length in range(1, len(each))}


def cut(tree: Path, named: set[str], without: set[str]) -> None:
    """Changes the tree."""
    files = {}
    for path in sorted((tree / TOP).rglob("*.py")):
        parts = path.relative_to(tree).with_suffix("").parts
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    stays = kept(files, named, without)
    hollow = above(stays) - stays
    lighter = _Lighter((set(files) - stays) | without)
    for name, path in files.items():
        if name in stays:
            module = lighter.visit(ast.parse(path.read_text(encoding="utf-8")))
            module.body = _without_docstring(module.body)
            path.write_text(ast.unparse(ast.fix_missing_locations(module)) + "\n", encoding="utf-8")
        elif name in hollow:
            path.write_text("", encoding="utf-8")
        else:
            path.unlink()
    for folder in sorted((tree / TOP).rglob("*"), reverse=True):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def main(arguments: list[str]) -> int:
    tree, names = map(Path, arguments)
    lines = [line.partition("#")[0].split() for line in names.read_text(encoding="utf-8").splitlines()]
    named = {words[0] for words in lines if len(words) == 1}
    without = {words[1] for words in lines if words[:1] == ["without"]}
    cut(tree, named, without)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
