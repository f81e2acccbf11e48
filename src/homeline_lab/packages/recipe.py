"""Reads a recipe of `package/` and does its steps: GNU make does both, with `sdk/` in place of OpenWrt's SDK.

So nothing is guessed about a recipe. What the stand-in does not know is refused: a variable that nobody defined is an
error, as are fields that the package format here has no place for.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from homeline_lab.packages.branches import Branch

SDK = Path(__file__).with_name("sdk")
TIMEOUT = 300.0  # seconds
SCRIPTS = ("preinst", "postinst", "prerm", "postrm")
_DEPENDENCY = re.compile(r"\+?([a-z0-9][a-z0-9+.-]*)")


class RecipeError(Exception):
    """What is wrong with a recipe, or with what it does."""


@dataclass(frozen=True, slots=True)
class Package:
    """One package as its recipe says, with its files in a folder."""

    name: str
    fields: Mapping[str, str]
    texts: Mapping[str, str]  # description, conffiles, scripts
    data: Path

    @property
    def version(self) -> str:
        return self.fields["VERSION"]

    @property
    def architecture(self) -> str:
        return self.fields["PKGARCH"]

    @property
    def depends(self) -> tuple[str, ...]:
        """With the versions that EXTRA_DEPENDS wants: `homeline (=0.1.0-r1)`."""
        exact = tuple(each.strip() for each in self.fields["EXTRA_DEPENDS"].split(",") if each.strip())
        named = {each.split()[0] for each in exact}
        return (*exact, *(each for each in _dependencies(self.name, self.fields["DEPENDS"]) if each not in named))

    @property
    def conffiles(self) -> tuple[str, ...]:
        return tuple(self.texts.get("conffiles", "").split())


def _dependencies(package: str, text: str) -> list[str]:
    """`+name` selects and depends, `name` depends; `@SYMBOL` is of the build's configuration alone. RecipeError."""
    found = []
    for word in text.split():
        if word.startswith("@"):
            continue
        match = _DEPENDENCY.fullmatch(word)
        if match is None:
            raise RecipeError(f"{package}: DEPENDS: {word} is not understood (conditions are not)")
        found.append(match[1])
    return found


def build(recipe: Path, branch: Branch, python: Path, work: Path, sources: Path) -> list[Package]:
    """The packages of the recipe in a folder, made with `python`, which must be the branch's. RecipeError.

    `work` is where it is done (and where the packages' files stay), `sources` has what the recipe wants fetched.
    """
    output = work / "output"
    variables = {
        "OPENWRT": branch.name,
        "PYTHON3_VERSION": branch.python,
        "HOST_PYTHON3_BIN": python,
        "BUILD_DIR": work / "build",
        "DL_DIR": sources,
        "OUTPUT": output,
    }
    _make(recipe, "all", variables)
    return [_read(folder) for folder in sorted(output.iterdir()) if not folder.name.endswith("-src")]


def source(recipe: Path) -> tuple[str, str, str] | None:
    """The file that a recipe wants fetched: its name, SHA-256 and folder on the net. None where all is here."""
    names = ("OPENWRT", "PYTHON3_VERSION", "HOST_PYTHON3_BIN", "BUILD_DIR", "DL_DIR", "OUTPUT")
    words = _make(recipe, "source", dict.fromkeys(names, "")).split()
    return (words[0], words[1], words[2]) if len(words) == 3 else None


def _make(recipe: Path, target: str, variables: Mapping[str, object]) -> str:
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "PYTHONHASHSEED": "0"}
    command = ["make", "--no-print-directory", "--warn-undefined-variables", "-C", str(recipe), target, f"TOPDIR={SDK}"]
    command += [f"{name}={value}" for name, value in variables.items()]
    try:
        done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=TIMEOUT)
    except (OSError, subprocess.TimeoutExpired) as e:
        raise RecipeError(f"{recipe.name}: make: {e}") from None
    unknown = sorted(set(re.findall(r"undefined variable '([^']+)'", done.stderr)))
    if done.returncode or unknown:
        words = (
            f"unknown to this builder: {', '.join(unknown)}"
            if unknown
            else (done.stderr or done.stdout).strip()[-1000:]
        )
        raise RecipeError(f"{recipe.name}: {words}")
    return done.stdout


def _read(folder: Path) -> Package:
    fields = {path.name: path.read_text().strip() for path in (folder / "fields").iterdir()}
    texts = {path.name: path.read_text() for path in (folder / "texts").iterdir()}
    package = Package(folder.name, fields, texts, folder / "data")
    _check(package)
    return package


def _check(package: Package) -> None:
    """RecipeError with the first thing that reviewers or package managers would refuse."""
    _dependencies(package.name, package.fields["DEPENDS"])
    for words in _faults(package):
        raise RecipeError(f"{package.name}: {words}")


def _faults(package: Package) -> Iterator[str]:
    for name in ("TITLE", "SECTION", "CATEGORY", "PKG_LICENSE", "PKG_MAINTAINER"):
        if not package.fields[name]:
            yield f"{name} is empty"
    for name, form in (("PKG_VERSION", r"[0-9]+(\.[0-9]+)*"), ("PKG_RELEASE", r"[1-9][0-9]*")):
        if not re.fullmatch(form, package.fields[name]):
            yield f"{name}: {package.fields[name]} is not of the form {form}"
    for name in SCRIPTS:
        if not package.texts.get(name, "#!/bin/sh\n").startswith("#!/bin/sh\n"):
            yield f"{name} must begin with #!/bin/sh"
    for conffile in package.conffiles:
        if not (package.data / conffile.lstrip("/")).is_file():
            yield f"conffiles: {conffile} is not in the package"
    if not any(path.is_file() for path in package.data.rglob("*")):
        yield "there are no files in it"
