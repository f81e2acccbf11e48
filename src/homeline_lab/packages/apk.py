"""Packages as apk takes them, by apk's own tool (`apk mkpkg` of apk-tools 3), which few machines have."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from homeline_lab.packages.recipe import Package, RecipeError

TIMEOUT = 60.0  # seconds
# When apk runs a package's scripts, and which of ours that is.
_TYPES = {"pre-install": "preinst", "post-install": "postinst", "pre-deinstall": "prerm", "post-deinstall": "postrm"}


def write(folder: Path, packages: Iterable[Package], epoch: int) -> None:
    """The packages of apk's format in a folder. RecipeError."""
    program = find()
    folder.mkdir(parents=True, exist_ok=True)
    for package in packages:
        with tempfile.TemporaryDirectory() as work:
            output = folder / f"{package.name}-{package.version}.apk"
            _run(command(program, package, output, Path(work)), epoch)


def find() -> str:
    """apk-tools 3. RecipeError."""
    program = shutil.which("apk")
    if program is None:
        raise RecipeError("apk's tools are not on this machine, so no .apk can be made (apk-tools 3 has `apk mkpkg`)")
    words = subprocess.run([program, "mkpkg", "--help"], check=False, capture_output=True, text=True, timeout=TIMEOUT)
    if "mkpkg" not in words.stdout + words.stderr:
        raise RecipeError(f"{program} cannot make packages: apk-tools 3 is needed")
    return program


def command(program: str, package: Package, output: Path, work: Path) -> list[str]:
    """apk's call. OpenWrt's /lib/functions.sh looks for lists in /lib/apk/packages, which go into the package."""
    fields = package.fields
    info = {
        "name": package.name,
        "version": package.version,
        "arch": "noarch",
        "description": fields["TITLE"],
        "license": fields["PKG_LICENSE"],
        "origin": f"package/{fields['PKG_NAME']}",
        "maintainer": fields["PKG_MAINTAINER"],
        "depends": " ".join(each.replace(" (", "").replace(")", "") for each in package.depends),
    }
    found = [program, "mkpkg", *(f"--info={name}:{value}" for name, value in info.items() if value)]
    _write_lists(package)
    for kind, name in _TYPES.items():
        if text := script(package, name):
            path = work / name
            path.write_text(text)
            found.append(f"--script={kind}:{path}")
    return [*found, f"--files={package.data}", f"--output={output}"]


def script(package: Package, name: str) -> str:
    """OpenWrt's default with the package's own after or before it, as its build writes them for apk."""
    own = package.texts.get(name, "").removeprefix("#!/bin/sh\n")
    head = '#!/bin/sh\n[ -s "${IPKG_INSTROOT}/lib/functions.sh" ] || exit 0\n. "${IPKG_INSTROOT}/lib/functions.sh"\n'
    head += f'export root="${{IPKG_INSTROOT}}"\nexport pkgname="{package.name}"\n'
    if name == "postinst":
        return f"{head}add_group_and_user\ndefault_postinst\n{own}"
    if name == "prerm":
        return f"{head}default_prerm\n{own}"
    return f"#!/bin/sh\n{own}" if own else ""


def _write_lists(package: Package) -> None:
    folder = package.data / "lib/apk/packages"
    names = sorted(f"/{path.relative_to(package.data)}" for path in package.data.rglob("*") if path.is_file())
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{package.name}.list").write_text("".join(f"{name}\n" for name in names))
    if package.conffiles:
        (folder / f"{package.name}.conffiles").write_text("".join(f"{name}\n" for name in package.conffiles))
    if users := package.fields["USERID"]:
        (folder / f"{package.name}.rusers").write_text(f"{users}\n")


def _run(call: list[str], epoch: int) -> None:
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(epoch)}
    try:
        subprocess.run(call, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=True)
    except (OSError, subprocess.SubprocessError) as e:
        raise RecipeError(f"apk mkpkg: {getattr(e, 'stderr', None) or e}") from None
