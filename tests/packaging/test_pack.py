"""The packed byte code: which modules are together, and that what comes out again is what went in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from homeline_lab.packages import making
from openwrt_kit import REPOSITORY

sys.path.insert(0, str(making.RECIPES))
import pack

INIT = '"""The package."""\n\n__version__ = "1.0"\n'


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A service of a few modules in two packages."""
    files = {
        "src/homeline/__init__.py": INIT,
        "src/homeline/start.py": "from homeline.core import shared\nfrom typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from homeline import more\n"
        'def later(x: int = 1) -> str:\n    """Words."""\n    from homeline import more\n    return more.word\n'
        "def fail():\n    # a line\n    raise ValueError(shared.word)\n",
        "src/homeline/core/__init__.py": "",
        "src/homeline/core/shared.py": "word = 'shared'\nplace = __file__\n",
        "src/homeline/more.py": "from homeline.core.shared import word as other\nword = other + ' more'\n",
        "package/first/modules": "# what is loaded together\nstart: homeline.start\n",
        "package/second/modules": "needs first\nmore: homeline.more\n",
        "package/wrong/modules": "start: homeline.strat\n",
        "package/worse/modules": "start homeline.start\n",
        "package/loader.py": (making.RECIPES / "loader.py").read_text(),
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(pack, "HERE", tmp_path / "package")
    return tmp_path / "src"


def site(source: Path, *packages: str) -> Path:
    """What the packages install."""
    folder = source.parent / "site/homeline"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "__init__.pyc").write_bytes(pack.loader(source))
    for package in packages:
        (folder / f"{package}.pack").write_bytes(pack.pack(source, package))
    return folder


def python(source: Path, program: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program]
    environment = os.environ | {"PYTHONPATH": str(source.parent / "site")}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20)


def test_a_package_has_what_its_roots_import_and_others_lack(source: Path) -> None:
    files = pack.find(source)
    assert pack.groups("first", files)[0] == [["homeline.core", "homeline.core.shared", "homeline.start"]]
    assert pack.groups("second", files)[0] == [["homeline.more"]]


def test_what_functions_import_comes_later_unless_another_package_claims_it(source: Path) -> None:
    files = pack.find(source)
    start = ["homeline.core", "homeline.core.shared", "homeline.start"]
    list_of = source.parent / "package/first/modules"
    list_of.write_text(list_of.read_text() + "later: *\n")
    assert pack.groups("first", files)[0] == [start]
    (source.parent / "package/second/modules").unlink()
    assert pack.groups("first", files)[0] == [start, ["homeline.more"]]


@pytest.mark.parametrize(("package", "words"), [("wrong", "homeline.strat"), ("worse", "start")])
def test_a_list_that_is_wrong_is_refused(source: Path, package: str, words: str) -> None:
    with pytest.raises(pack.CannotPack, match=f"{package}/modules:1: not understood: {words}"):
        pack.groups(package, pack.find(source))


def test_modules_come_out_as_they_went_in(source: Path) -> None:
    folder = site(source, "first", "second")
    program = (
        "import homeline.start as s, homeline.core as c; print(s.later(), s.later.__doc__, s.later.__annotations__)"
    )
    done = python(source, f"{program}; print(c.shared.place, c.__path__, s.__file__)")
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "shared more None {}",
        f"{folder}/core/shared.py [] {folder}/start.py",
    ]


COMPARE = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
import homeline, pack
from pathlib import Path
from types import CodeType
finder, src = sys.meta_path[0], Path(sys.argv[2])
OTHERS = ("co_consts", "co_lnotab")  # those are looked at by themselves, that is deprecated
ATTRIBUTES = [name for name in dir(CodeType) if name.startswith("co_") and name not in OTHERS]

def same(one, other):
    for name in ATTRIBUTES:
        a, b = getattr(one, name), getattr(other, name)
        assert callable(a) or a == b, (one, name, a, b)
    assert len(one.co_consts) == len(other.co_consts)
    for a, b in zip(one.co_consts, other.co_consts):
        assert type(a) is type(b)
        same(a, b) if type(a) is CodeType else check(a == b, one)
    return 1

def check(equal, where):
    assert equal, where

files = pack.find(src)
print(sum(same(finder.get_code(name), pack.compiled(files[name], src)) for name in sorted(finder._places)))
"""


def test_all_code_of_the_service_comes_out_as_it_went_in(tmp_path: Path) -> None:
    """Names, lines, handlers and constants of every function, on every package."""
    folder = tmp_path / "homeline"
    folder.mkdir()
    src = REPOSITORY / "src"
    (folder / "__init__.pyc").write_bytes(pack.loader(src))
    packages = [path.parent.name for path in making.RECIPES.glob("*/modules")]
    for package in packages:
        command = [sys.executable, "-X", "no_debug_ranges", str(making.RECIPES / "pack.py"), str(src), package]
        subprocess.run([*command, str(folder / f"{package}.pack")], check=True, timeout=60)
    done = subprocess.run(
        [sys.executable, "-X", "no_debug_ranges", "-c", COMPARE, str(making.RECIPES), str(src)],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    assert int(done.stdout) == sum(len(group) for name in packages for group in pack.groups(name, pack.find(src))[0])


def test_a_traceback_has_its_lines(source: Path) -> None:
    site(source, "first")
    done = python(source, "import homeline.start; homeline.start.fail()")
    assert 'File "homeline/start.py", line 11, in fail' in done.stderr


def test_a_package_that_is_not_there_is_a_missing_module(source: Path) -> None:
    site(source, "first")
    done = python(source, "import homeline.start as s; s.later()")
    assert "ImportError: cannot import name 'more' from 'homeline'" in done.stderr


def test_a_pack_of_another_version_is_not_there(source: Path) -> None:
    site(source, "first", "second")
    (source / "homeline/__init__.py").write_text(INIT.replace("1.0", "1.1"))
    site(source, "first")
    done = python(source, "import homeline.start as s; print(s.__name__); s.later()")
    assert done.stdout == "homeline.start\n"
    assert "ImportError" in done.stderr


@pytest.mark.parametrize("octets", [None, 0, 1, 40], ids=["gone", "empty", "begun", "cut"])
def test_a_pack_that_just_went_or_comes_does_not_keep_the_others(source: Path, octets: int | None) -> None:
    """As the package manager leaves it in the middle of its work, when a start of the service comes in between."""
    packs = site(source, "first", "second")
    (second,) = packs.rglob("second.pack")
    if octets is None:
        second.unlink()
        second.symlink_to("nowhere")  # listed, and not there
    else:
        second.write_bytes(second.read_bytes()[:octets])
    done = python(source, "import homeline.start as s; print(s.__name__); s.later()")
    assert done.stdout == "homeline.start\n"
    assert "ImportError" in done.stderr


def test_an_upgrade_changes_nothing_for_who_runs(source: Path) -> None:
    folder = site(source, "first", "second")
    program = f"""
import homeline.start, pathlib
for path in pathlib.Path({str(folder)!r}).glob("*.pack"):
    path.unlink()
    path.write_bytes(b"another")
print(homeline.start.later())
"""
    assert python(source, program).stdout == "shared more\n"


def test_packing_twice_gives_the_same(source: Path) -> None:
    assert pack.pack(source, "first") == pack.pack(source, "first")


def test_it_wants_to_be_run_without_columns(source: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        str(making.RECIPES / "pack.py"),
        str(REPOSITORY / "src"),
        "homeline",
        str(tmp_path / "x"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode == 2
    assert "-X no_debug_ranges" in done.stderr
