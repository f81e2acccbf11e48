"""The layers of docs/architecture.md, held by reading the imports of every module."""

from __future__ import annotations

import ast
import graphlib
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src"

# Each layer may import itself and those before it. A name stands for a module of `homeline` or a whole sub-package.
LAYERS = (
    ("errors", "model", "paths", "footprint", "__init__"),
    ("protocol",),
    (
        "config",
        "config_automatic",
        "config_calls",
        "config_channels",
        "config_checks",
        "config_checks_calls",
        "config_checks_channels",
        "config_checks_twilio",
        "config_drivers",
        "config_options",
        "config_sip",
        "config_times",
        "config_twilio",
        "config_types",
        "telephony",
    ),
    ("core",),
    ("render",),
    ("mailbox", "twilio"),
    ("adapters",),
    ("service",),
    ("daemon", "webhook", "doctor", "doctor_calls", "doctor_finding", "tables", "tables_twilio", "pdu_tool"),
    ("client",),
    ("cli",),
    ("__main__",),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}

# A family of modules that are one adapter together: `store` and `store_outbox` may import each other.
FAMILIES = ("store", "bus", "mail", "ami", "http", "mqtt")
SHARED = ("process", "commands")  # how a program is run, and which: several adapters need it, and it knows no peer

STANDARD_ONLY = (
    "protocol",
    "config",
    "config_automatic",
    "config_options",
    "config_calls",
    "config_channels",
    "config_checks",
    "config_checks_calls",
    "config_checks_channels",
    "config_checks_twilio",
    "config_drivers",
    "config_sip",
    "config_times",
    "config_twilio",
    "config_types",
    "telephony",
    "errors",
    "model",
    "paths",
    "pdu_tool",
)
THIRD_PARTY = {
    "adapters/serial.py": {"serial"},
    "core/numbers.py": {"phonenumbers"},
    "core/dialling_countries.py": {"phonenumbers"},
    "render/template.py": {"jinja2"},
}

# What a module must not load for good: each costs the idle daemon memory (docs/architecture.md).
HEAVY = {"ssl", "http", "email", "urllib", "jinja2", "twilio", "phonenumbers", "argparse", "ctypes", "subprocess"}


def modules() -> list[Path]:
    return sorted((SRC / "homeline").rglob("*.py"))


def imports(path: Path, *, top_level: bool = False) -> set[str]:
    """Absolute names of everything that a file imports."""
    tree = ast.parse(path.read_text())
    package = [*path.relative_to(SRC).with_suffix("").parts[:-1]]
    found = set()
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{stem}.{alias.name}" for alias in node.names}
    return found


def layer_of(path: Path) -> str:
    return path.relative_to(SRC / "homeline").with_suffix("").parts[0]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SRC)))
def test_imports_run_one_way(path: Path) -> None:
    own = layer_of(path)
    assert own in RANK, f"{own} has no place in the layers"
    for name in imports(path):
        parts = name.split(".")
        assert parts[0] != "homeline_lab", f"{path} imports {name}: the lab is not shipped"
        if parts[0] == "homeline" and len(parts) > 1:
            target = parts[1] if parts[1] in RANK else "__init__"
            assert RANK[target] <= RANK[own], f"{own} imports {name}, which is above it"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SRC)))
def test_the_renderer_and_the_reader_are_processes_of_their_own(path: Path) -> None:
    for process in ("render", "mailbox", "twilio"):
        if layer_of(path) != process:
            found = [name for name in imports(path) if f"{name}.".startswith(f"homeline.{process}.")]
            assert [name for name in found if not name.startswith("homeline.twilio.shapes.")] == []


def test_no_modules_import_each_other() -> None:
    """Not even where one of the imports stands within a function."""
    names = {".".join(path.relative_to(SRC).with_suffix("").parts): path for path in modules()}
    graph = {
        name: {target for found in imports(path) for target in (found, found.rpartition(".")[0]) if target in names}
        for name, path in names.items()
    }
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names them


def family(module: str) -> str:
    return next((name for name in FAMILIES if module == name or module.startswith(f"{name}_")), module)


@pytest.mark.parametrize("path", sorted((SRC / "homeline/adapters").glob("*.py")), ids=lambda path: path.name)
def test_adapters_do_not_import_each_other(path: Path) -> None:
    for name in imports(path):
        if name.startswith("homeline.adapters.") and name.split(".")[2] not in SHARED:
            assert family(name.split(".")[2]) == family(path.stem), f"{path.name} imports {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SRC)))
def test_third_party_modules_have_one_importer(path: Path) -> None:
    import sys

    allowed = THIRD_PARTY.get(str(path.relative_to(SRC / "homeline")), set())
    foreign = {name.split(".")[0] for name in imports(path)} - set(sys.stdlib_module_names) - {"homeline"}
    assert foreign <= allowed
    if layer_of(path) in STANDARD_ONLY:
        assert not foreign


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SRC)))
def test_heavy_modules_are_imported_where_they_are_used(path: Path) -> None:
    ends = path.name in ("client.py", "doctor.py", "pdu_tool.py") or layer_of(path) in ("render", "mailbox", "twilio")
    if path.name != "shapes.py" and (ends or layer_of(path) == "webhook"):  # which is a process without the idle daemon
        return
    heavy = {name for name in imports(path, top_level=True) if name.split(".")[0] in HEAVY}
    assert not heavy


@pytest.mark.parametrize(
    "path", [p for p in modules() if layer_of(p) in ("protocol", "core")], ids=lambda path: str(path.relative_to(SRC))
)
def test_pure_layers_do_no_io(path: Path) -> None:
    impure = {
        "socket",
        "threading",
        "asyncio",
        "subprocess",
        "sqlite3",
        "selectors",
        "signal",
        "random",
        "os",
        "pathlib",
    }
    found = {name.split(".")[0] for name in imports(path)}
    assert not found & impure
    text = path.read_text()
    assert "time.time()" not in text and "time.monotonic()" not in text and "open(" not in text.replace("_open(", "")
