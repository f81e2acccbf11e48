"""Loads the service's modules out of the packed files of its packages, which lie beside `homeline/__init__.pyc`.

`pack.py` makes those files, and puts this text at the end of that module: what is defined here is there already.
"""

import sys as _sys
from os import listdir as _listdir
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

    __version__, __path__ = "", [""]


def _whole(part: Any, numbers: Any, streams: Any, file: str, outer: str = "", line: int = 0) -> CodeType:
    """The code that `pack.apart` took apart."""
    constants, names, variables, free, cells, name = part
    arguments, positional, keywords, stack, flags, further = (next(numbers) for _ in range(6))
    code, lines, handlers = (stream.read(next(numbers)) for stream in streams)
    line += further
    full = outer + name
    # As the compiler names things: in functions (CO_NEWLOCALS) that are no comprehensions there are locals.
    has_locals = flags & 2 and name[-5:] not in ("expr>", "comp>")
    inner = "" if name == "<module>" else f"{full}.<locals>." if has_locals else f"{full}."
    constants = tuple([_whole(e, numbers, streams, file, inner, line) if type(e) is list else e for e in constants])
    return CodeType(
        *(arguments, positional, keywords, len(variables), stack, flags, code, constants, names, variables),
        *(file, name, full, line, lines, handlers, free, cells),
    )


class _Packs:
    """Finds and loads what is below `homeline`. A file stays open, so that an upgrade changes nothing under our feet.

    A pack of another version, or for another Python, is not there: the package manager is in the middle of its work.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        # module: file, offset, octets, the names of its group, whether it is a package
        self._places: dict[str, tuple[Any, int, int, list[str], bool]] = {}
        self._code: dict[str, CodeType] = {}  # of the groups that an import under way has unpacked
        self._depth = 0
        for name in sorted(_listdir(folder)):  # noqa: PTH208 - pathlib is big
            if name.endswith(".pack"):
                try:
                    self._read(f"{folder}/{name}")
                except (OSError, ValueError, EOFError):  # it was just removed, or is not whole yet
                    continue

    def _read(self, path: str) -> None:
        from bz2 import decompress
        from json import loads

        file = open(path, "rb")  # noqa: PTH123, SIM115 - it stays open
        head = loads(decompress(file.read(int(file.readline()))))
        if head["version"] != __version__ or head["python"] != list(_sys.version_info[:2]):
            file.close()
            return
        offset = file.tell()
        for octets, marked in head["groups"]:
            names = [name.rstrip(".") for name in marked]
            for name, mark in zip(names, marked, strict=True):
                self._places[name] = (file, offset, octets, names, mark.endswith("."))
            offset += octets

    def find_spec(self, name: str, path: object = None, target: object = None) -> "ModuleSpec | None":
        if name not in self._places:
            return None
        from importlib.machinery import ModuleSpec

        spec = ModuleSpec(name, self, origin=self.get_filename(name), is_package=self.is_package(name))
        spec.has_location = True
        return spec

    def get_filename(self, name: str) -> str:
        """Where the module's source would be: files that belong to it lie there."""
        stem = name.partition(".")[2].replace(".", "/")
        return f"{self._folder}/{stem}{'/__init__' if self.is_package(name) else ''}.py"

    def is_package(self, name: str) -> bool:
        return self._places[name][4]

    def get_source(self, name: str) -> None:
        return None

    def get_code(self, name: str) -> CodeType:
        if name not in self._code:
            from bz2 import decompress
            from io import BytesIO
            from marshal import loads
            from os import pread

            file, offset, octets, names, _ = self._places[name]
            parts, numbers, *streams = loads(decompress(pread(file.fileno(), octets, offset)))  # noqa: S302 - our own
            numbers, streams = iter(numbers), [BytesIO(stream) for stream in streams]
            for each, part in zip(names, parts, strict=True):
                place = self.get_filename(each)[len(self._folder) - len("homeline") :]
                self._code[each] = _whole(part, numbers, streams, place)
        return self._code[name]

    def create_module(self, spec: object) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        """What one import brings with it is unpacked once, and let go when that import is done."""
        self._depth += 1
        try:
            exec(self.get_code(module.__name__), module.__dict__)  # noqa: S102 - this is what importing is
        finally:
            self._depth -= 1
            if not self._depth:
                self._code.clear()


_sys.meta_path.insert(0, _Packs(__path__[0]))  # first: a folder of data is no package
