"""Makes all packages of `package/` for a branch: fetched sources, the branch's Python, each recipe in a folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from homeline_lab import python_get
from homeline_lab.asterisk_programs import cache_folder
from homeline_lab.packages import recipe
from homeline_lab.packages.branches import Branch
from homeline_lab.packages.recipe import Package, RecipeError

REPOSITORY = Path(__file__).parents[3]
RECIPES = REPOSITORY / "package"
FETCH_TIMEOUT = 300.0  # seconds


def recipes(folder: Path = RECIPES) -> list[Path]:
    return sorted(path.parent for path in folder.glob("*/Makefile"))


def epoch() -> int:
    """The date of everything in a package: SOURCE_DATE_EPOCH, else the last commit's, as OpenWrt's build has it."""
    if said := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(said)
    command = ["git", "-C", str(REPOSITORY), "log", "-1", "--format=%ct"]
    try:
        return int(subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        raise RecipeError("there is no commit to date the packages by: set SOURCE_DATE_EPOCH") from None


@contextmanager
def made(branch: Branch, folder: Path = RECIPES) -> Iterator[list[Package]]:
    """All packages for a branch; their files are there until the end. RecipeError, python_get.CannotGet."""
    python = python_get.get(branch.python).python
    with tempfile.TemporaryDirectory(prefix="homeline-packages-") as work:
        packages = []
        for path in recipes(folder):
            sources = fetch(path)
            packages += recipe.build(path, branch, python, Path(work) / path.name, sources)
        yield packages


def fetch(path: Path) -> Path:
    """The folder with what the recipe wants fetched, checked. RecipeError."""
    sources = cache_folder() / "sources"
    wanted = recipe.source(path)
    if wanted is None:
        return sources
    name, digest, url = wanted
    sources.mkdir(parents=True, exist_ok=True)
    if not (sources / name).exists():
        if "pythonhosted.org" not in url:
            raise RecipeError(f"{path.name}: only sources of PyPI are fetched here; put {name} into {sources}")
        _fetch_from_pypi(name, sources)
    if hashlib.sha256((sources / name).read_bytes()).hexdigest() != digest:
        (sources / name).unlink()
        raise RecipeError(f"{path.name}: {name} is not what PKG_HASH says")
    return sources


def _fetch_from_pypi(name: str, sources: Path) -> None:
    """By pip, with the index and the proxies that it is set up for."""
    project, _, version = name.removesuffix(".tar.gz").rpartition("-")
    with tempfile.TemporaryDirectory(dir=sources) as work:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--no-binary", ":all:", "--dest", work, f"{project}=={version}"]
        try:
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=FETCH_TIMEOUT)
        except subprocess.TimeoutExpired:
            raise RecipeError(f"{name} could not be fetched: it took more than {FETCH_TIMEOUT:.0f} s") from None
        if done.returncode or not (Path(work) / name).exists():
            raise RecipeError(f"{name} could not be fetched: {done.stderr.strip()[-500:]}")
        shutil.move(Path(work) / name, sources / name)
