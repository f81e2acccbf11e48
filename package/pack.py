"""Packs the byte code of one package into one file, as the recipes do with the Python of the SDK (docs/sizes.md).

    python3 -X no_debug_ranges pack.py SRC PACKAGE OUTPUT
    python3 -X no_debug_ranges pack.py SRC loader OUTPUT      the module that loads the others

SRC has `homeline/`; PACKAGE is a folder beside this file, whose `modules` names the package's groups and their roots:

    needs OTHER ...          packages whose modules are there already
    GROUP: ROOT ...          a group is its roots with all that importing them imports, less what is there already
    later: *                 what the functions of these modules import, unless another package claims it: one group

A group is loaded as a whole, so it holds what is used together. OUTPUT, read by `loader.py`: a line of one number (the
octets of the table), the table, the groups; all compressed by bzip2. The table is JSON: {"version", "python",
"groups": [[packed octets, [module, ...]], ...]}, where the name of a package ends in a dot; a group is its modules'
code as `apart` writes it. Equal input gives equal output. It needs nothing but Python.

What is taken out of the code, none of which the service looks at: docstrings and asserts (as `python -OO`), annotations
(a field of a dataclass keeps some), blocks for type checkers, columns of tracebacks (`-X no_debug_ranges`).
"""

from __future__ import annotations

import ast
import bz2
import functools
import json
import marshal
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from types import CodeType

HERE = Path(__file__).resolve().parent
TOP = "homeline"
LEVEL = 3  # of bzip2: blocks of 300 kB, which a router unpacks in little memory


class CannotPack(Exception):
    """What is wrong with a package's `modules`, or with what it names."""


class _Lighter(ast.NodeTransformer):
    """Takes out what only readers and type checkers look at."""

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.returns = None
        named = node.args
        for each in (*named.posonlyargs, *named.args, *named.kwonlyargs, named.vararg, named.kwarg):
            if each is not None:
                each.annotation = None
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = _function  # noqa: N815 - ast's names

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        if not {"ClassVar", "InitVar", "KW_ONLY"} & {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}:
            node.annotation = ast.Name("_", ast.Load())  # text only, as all our annotations are
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING" and not node.orelse:
            return ast.copy_location(ast.Pass(), node)
        return node


def find(src: Path) -> dict[str, Path]:
    """The modules of the service: name and file."""
    found = {}
    for path in sorted((src / TOP).rglob("*.py")):
        parts = path.relative_to(src).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(tree: ast.AST, package: str, *, later: bool = False) -> Iterator[str]:
    """What a module imports when it is itself imported; with `later` also what its functions import then."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            yield from (stem, *(f"{stem}.{alias.name}" for alias in node.names))
        elif later or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from imports(node, package, later=later)


def reached(roots: Iterable[str], files: dict[str, Path], there: set[str], *, later: bool = False) -> list[str]:
    """The roots and what comes with them, sorted, without what is there."""
    seen: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name in seen or name not in files or (later and name in there):
            continue
        seen.add(name)
        package = name if files[name].name == "__init__.py" else name.rpartition(".")[0]
        waiting += [name.rpartition(".")[0], *imports(_light(files[name]), package, later=later)]
    return sorted(seen - there)


def lines(package: str) -> Iterator[tuple[int, list[str]]]:
    """The words of a package's `modules`, with the numbers of their lines."""
    for number, line in enumerate((HERE / package / "modules").read_text().splitlines(), 1):
        if words := line.partition("#")[0].split():
            yield number, words


def claimed(package: str) -> set[str]:
    """What other packages name, whose modules are theirs to bring with all that only these import."""
    others = [path.parent.name for path in HERE.glob("*/modules") if path.parent.name != package]
    return {name for other in others for _, words in lines(other) if words[0] != "needs" for name in words[1:]}


def groups(package: str, files: dict[str, Path]) -> tuple[list[list[str]], set[str]]:
    """The package's groups of modules, and all modules of it and of what it needs. CannotPack."""
    found: list[list[str]] = []
    there = {TOP}  # the loader is that itself
    for number, words in lines(package):
        if words[0] == "needs":
            for other in words[1:]:
                there |= groups(other, files)[1]
            continue
        roots = words[1:]
        if words == ["later:", "*"]:
            own = [name for group in found for name in group]
            elsewhere = (there | claimed(package)) - set(own)
            roots = [name for name in reached(own, files, elsewhere, later=True) if name not in there]
        elif unknown := [name for name in roots if name not in files] or words[:1] * (not words[0].endswith(":")):
            raise CannotPack(f"{HERE / package / 'modules'}:{number}: not understood: {' '.join(unknown)}")
        if group := reached(roots, files, there):
            found.append(group)
            there |= set(group)
    return found, there


@functools.cache
def _light(path: Path) -> ast.Module:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    _Lighter().visit(tree)
    return ast.fix_missing_locations(tree)


def compiled(path: Path, src: Path) -> CodeType:
    """A module's code, lightened."""
    name = str(path.relative_to(src))
    return compile(_light(path), name, "exec", dont_inherit=True, optimize=2)


def apart(codes: Iterable[CodeType]) -> list[bytes]:
    """Code taken apart, with like beside like, which packs better: (parts, numbers, instructions, lines, handlers).

    A part is a list: constants, names, variables, free ones, cells, its name; code among the constants is a part too.
    The numbers are nine for each part, as the parts come: three counts of arguments, stack, flags, the line it begins
    at less that of the part around it, and how much of the three last is its own. What follows from the rest is left
    out. It comes marshalled and cut into these five, to be packed each by itself.
    """
    numbers: list[int] = []
    streams = (bytearray(), bytearray(), bytearray())

    def part(code: CodeType, around: int) -> list[object]:
        own = (code.co_code, code.co_linetable, code.co_exceptiontable)
        numbers.extend((code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_stacksize))
        numbers.extend((code.co_flags, code.co_firstlineno - around, *map(len, own)))
        for stream, octets in zip(streams, own, strict=True):
            stream += octets
        constants = [part(each, code.co_firstlineno) if isinstance(each, CodeType) else each for each in code.co_consts]
        return [constants, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, code.co_name]

    parts = [part(code, 0) for code in codes]
    all_of_it = (parts, numbers, *map(bytes, streams))
    rest, cut = marshal.dumps(all_of_it), []
    for each in reversed(all_of_it[1:]):
        length = len(marshal.dumps(each))
        rest, piece = rest[:-length], rest[-length:]
        cut.append(piece)
    return [rest, *reversed(cut)]


def pack(src: Path, package: str) -> bytes:
    """The packed file. CannotPack."""
    files = find(src)
    table, blobs = [], []
    for modules in groups(package, files)[0]:
        pieces = apart(compiled(files[name], src) for name in modules)
        blob = b"".join(bz2.compress(piece, LEVEL) for piece in pieces)
        marked = [f"{name}." if files[name].name == "__init__.py" else name for name in modules]
        table.append([len(blob), marked])
        blobs.append(blob)
    head = {"version": version(files[TOP]), "python": list(sys.version_info[:2]), "groups": table}
    packed = bz2.compress(json.dumps(head, separators=(",", ":")).encode(), LEVEL)
    return b"%d\n" % len(packed) + packed + b"".join(blobs)


def version(path: Path) -> str:
    """The service's."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__version__":
            return str(ast.literal_eval(node.value))
    raise CannotPack(f"{path} has no __version__")


def loader(src: Path) -> bytes:
    """`homeline/__init__.pyc`: the service's own `__init__` and the loader, one after the other, packed too."""
    tree = ast.parse((src / TOP / "__init__.py").read_text())
    tree.body += ast.parse((HERE / "loader.py").read_text()).body[1:]
    light = ast.fix_missing_locations(_Lighter().visit(tree))
    inner = marshal.dumps(compile(light, f"{TOP}/__init__.py", "exec", dont_inherit=True, optimize=2))
    text = f"exec(__import__('marshal').loads(__import__('bz2').decompress({bz2.compress(inner, 1)!r})))"
    code = compile(text, f"{TOP}/__init__.py", "exec", dont_inherit=True, optimize=2)
    return MAGIC_NUMBER + bytes(12) + marshal.dumps(code)  # PEP 552: never looked at where there is no source


def main(argv: Sequence[str]) -> int:
    if len(argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    src, package, output = Path(argv[0]), argv[1], Path(argv[2])
    if sys._xoptions.get("no_debug_ranges") is not True:
        print("pack.py: to be run with -X no_debug_ranges", file=sys.stderr)
        return 2
    try:
        output.write_bytes(loader(src) if package == "loader" else pack(src, package))
    except (CannotPack, OSError, SyntaxError) as e:
        print(f"pack.py: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
