"""What the packages bring with them, and how large that is, as far as this machine can tell.

A router's own builds are of another processor. Debian's for this machine stand for them: Python of the branch's version
as byte code, split as OpenWrt's feed splits it; the libraries; Asterisk and its modules. What nothing here stands for
(such as LuCI, which a router has already) is named and not counted.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from homeline_lab import asterisk_programs, paho_get, python_get
from homeline_lab.packages import making
from homeline_lab.packages.branches import Branch
from homeline_lab.packages.recipe import RecipeError

# Facts of OpenWrt's feeds, where they are on this machine: what each package has and depends on.
FACTS = making.REPOSITORY.parent / "shared/data/openwrt"
TIMEOUT = 300.0  # seconds

# Of Debian's library, what no package of OpenWrt has, or what is nobody's to import.
NEVER = (
    *("test", "ensurepip", "idlelib", "tkinter", "turtledemo", "lib2to3", "distutils", "pydoc_data", "__pycache__"),
    "sitecustomize.py",
)
LIBRARIES = {
    "libffi": ("libffi.so.*",),
    "libsqlite3": ("libsqlite3.so.*",),
    "libuuid": ("libuuid.so.*",),
    "libopenssl": ("libssl.so.*", "libcrypto.so.*"),
}
THIRD_PARTY = {
    "python3-pyserial": "serial",
    "python3-jinja2": "jinja2",
    "python3-markupsafe": "markupsafe",
    "python3-paho-mqtt": "paho",
}
# Debian's Asterisk has all of them in one file.
PJPROJECT = (
    *("libpj", "libpjlib-util", "libpjmedia", "libpjnath", "libpjsip", "libpjsip-simple", "libpjsip-ua", "libpjsua"),
    "libpjsua2",
)
# In the package `asterisk` itself, by shared/data/openwrt.
_ASTERISKS_OWN = (
    *("app_dial", "app_echo", "app_macro", "app_playback", "func_callerid", "func_logic", "func_strings"),
    *("func_timeout", "pbx_config", "res_crypto", "res_timing_timerfd"),
)


def reached(wanted: Iterable[str], table: Mapping[str, Iterable[str]]) -> set[str]:
    """The packages with all that they depend on, as far as the table knows."""
    found: set[str] = set()
    waiting = list(wanted)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += table.get(name, ())
    return found


def known(branch: Branch) -> dict[str, list[str]]:
    """What the packages of a branch's feeds depend on; empty where the facts are not here."""
    facts = _python_facts(branch)
    table: dict[str, list[str]] = {name: each["depends"] for name, each in facts.get("packages", {}).items()}
    for project in facts.get("third_party", {}).values():
        table |= (project or {}).get("packages", {})
    table |= {name: [*each["depends"], "asterisk"] for name, each in _asterisk_facts(branch).items()}
    return table


@functools.cache
def octets(branch: Branch) -> dict[str, int]:
    """Octets of what is on this machine in place of a branch's packages. RecipeError, CannotGet."""
    found = _python(branch) | _asterisk(branch)
    tree = python_get.get(branch.python)
    for name, patterns in LIBRARIES.items():
        files = {path.resolve() for pattern in patterns for path in tree.root.glob(f"**/{pattern}")}
        if files:
            found[name] = sum(path.stat().st_size for path in files)
    return found


def _python(branch: Branch) -> dict[str, int]:
    """The interpreter and its library, as byte code without sources, and other projects likewise."""
    tree = python_get.get(branch.python)
    with tempfile.TemporaryDirectory(prefix="homeline-sizes-") as work:
        library = Path(work) / "library"
        shutil.copytree(tree.library, library, ignore=shutil.ignore_patterns(*NEVER))
        for package, name in THIRD_PARTY.items():
            if source := _source(name):
                skip = shutil.ignore_patterns("__pycache__", "*.so", "*.c", "*.pyi")
                shutil.copytree(source, Path(work) / package, ignore=skip)
        _compile(tree.python, Path(work))
        found = {package: _size(Path(work) / package) for package in THIRD_PARTY if (Path(work) / package).exists()}
        for package, entry in _python_facts(branch).get("packages", {}).items():
            patterns = [each.replace("$(PYTHON3_SO_SUFFIX)", "*") for each in entry["paths"]]
            patterns += [f"{each}c" for each in patterns if each.endswith(".py")]
            paths = [path for pattern in patterns for path in library.glob(pattern)]
            found[package] = sum(_take(path) for path in paths)
        interpreter = tree.root / f"usr/bin/python{tree.version}"
        found["python3-light"] = _size(library) + interpreter.stat().st_size
    return found


def _source(name: str) -> Path | None:
    """Where a project lies on this machine; of paho-mqtt the version that the branches have."""
    if name == "paho" and (old := paho_get.find()):
        return old / name
    spec = importlib.util.find_spec(name)
    places = spec.submodule_search_locations if spec else None
    return Path(places[0]) if places else None


def _compile(python: Path, folder: Path) -> None:
    command = [str(python), "-m", "compileall", "-q", "-b", str(folder)]
    try:
        subprocess.run(command, check=False, capture_output=True, timeout=TIMEOUT)  # some templates are no Python
    except (OSError, subprocess.TimeoutExpired) as e:
        raise RecipeError(f"the sizes of Python's parts cannot be told: {e}") from None
    for path in folder.rglob("*.py"):
        path.unlink()


def _take(path: Path) -> int:
    """The octets of a file or folder, which is gone then: nobody else has it."""
    size = _size(path)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    return size


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(each.stat().st_size for each in files if each.is_file() and not each.is_symlink())


def _asterisk(branch: Branch) -> dict[str, int]:
    """Debian's Asterisk, if it is here; its libraries are in it, as in OpenWrt's."""
    programs = asterisk_programs.find()
    if programs is None:
        return {}

    def modules(names: Iterable[str]) -> int:
        paths = [programs.modules / name for name in names]
        return sum(path.stat().st_size for path in paths if path.exists())

    own = (programs.root / "usr/sbin/asterisk").stat().st_size + modules(f"{name}.so" for name in _ASTERISKS_OWN)
    found = {"asterisk": own, **dict.fromkeys(PJPROJECT, 0)}
    found["libpj"] = sum(_size(path) for path in programs.libraries.glob("libasteriskpj.so.*"))
    return found | {name: modules(each["modules"]) for name, each in _asterisk_facts(branch).items()}


@functools.cache
def _facts(name: str) -> dict[str, Any]:
    path = FACTS / name
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found


def _python_facts(branch: Branch) -> dict[str, Any]:
    found: dict[str, Any] = _facts("python3-packages.json").get(f"openwrt-{branch.name}", {})
    return found


def _asterisk_facts(branch: Branch) -> dict[str, Any]:
    found: dict[str, Any] = _facts("asterisk-packages.json").get(f"openwrt-{branch.name}", {}).get("packages", {})
    return found
