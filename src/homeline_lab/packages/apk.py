"""Packages as apk takes them, by apk's own tool (`apk mkpkg` of apk-tools 3), which few machines have."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from homeline_lab.packages import recipe
from homeline_lab.packages.recipe import Package, RecipeError

TIMEOUT = 60.0  # seconds
SHELL = "#!/bin/sh\n"
LISTS = "lib/apk/packages"


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
    """apk's call. The scripts are written into `work`, the lists that OpenWrt looks for into the package's files."""
    fields = package.fields
    info = {
        "name": package.name,
        "version": package.version,
        "arch": "noarch",
        "description": " ".join((package.texts.get("description") or fields["TITLE"]).split()),
        "license": fields["PKG_LICENSE"],
        "origin": f"package/{fields['PKG_NAME']}",
        "url": fields["URL"],
        "maintainer": fields["PKG_MAINTAINER"],
        "depends": " ".join(each.replace(" (", "").replace(")", "") for each in package.depends),
    }
    found = [program, "mkpkg", *(f"--info={name}:{value}" for name, value in info.items() if value)]
    for name, text in lists(package).items():
        (package.data / LISTS).mkdir(parents=True, exist_ok=True)
        (package.data / LISTS / name).write_text(text)
    for kind, text in scripts(package).items():
        (work / kind).write_text(text)
        found.append(f"--script={kind}:{work / kind}")
    return [*found, f"--files={package.data}", f"--output={output}"]


def scripts(package: Package) -> dict[str, str]:
    """What apk runs, by its name for when: OpenWrt's default with the package's own after it.

    Unlike opkg, apk runs nothing of a package that is replaced, and the new one's `post-upgrade` instead of
    `post-install`; and the package's own part comes after the default, which starts the service.
    """
    texts = {name: package.texts[name].removeprefix(SHELL) for name in recipe.SCRIPTS if name in package.texts}
    head = '[ -s "${IPKG_INSTROOT}/lib/functions.sh" ] || exit 0\n. "${IPKG_INSTROOT}/lib/functions.sh"\n'
    head += f'export root="${{IPKG_INSTROOT}}"\nexport pkgname="{package.name}"\n'
    install = f'[ "${{IPKG_NO_SCRIPT}}" != 1 ] || exit 0\n{head}add_group_and_user\ndefault_postinst\n'
    install += texts.get("postinst", "")
    found = {
        "post-install": install,
        "post-upgrade": f"export PKG_UPGRADE=1\n{install}",
        "pre-deinstall": f"{head}default_prerm\n{texts.get('prerm', '')}",
    }
    if "preinst" in texts:
        found |= {"pre-install": texts["preinst"], "pre-upgrade": f"export PKG_UPGRADE=1\n{texts['preinst']}"}
    if "postrm" in texts:
        found["post-deinstall"] = texts["postrm"]
    return {kind: f"{SHELL}{text}" for kind, text in found.items()}


def lists(package: Package) -> dict[str, str]:
    """What OpenWrt's /lib/functions.sh and sysupgrade look for in /lib/apk/packages: file name and content."""
    name, own = package.name, {}
    if users := package.fields["USERID"]:
        own[f"{name}.rusers"] = f"{users}\n"
    paths = {f"/{path.relative_to(package.data)}" for path in package.data.rglob("*") if not path.is_dir()}
    listed = sorted(
        {each for each in paths if not each.startswith(f"/{LISTS}/")} | {f"/{LISTS}/{each}" for each in own}
    )
    own[f"{name}.list"] = "".join(f"{each}\n" for each in listed)
    if package.conffiles:
        own[f"{name}.conffiles"] = "".join(f"{each}\n" for each in package.conffiles)
        digests = {
            each: hashlib.sha256((package.data / each[1:]).read_bytes()).hexdigest() for each in package.conffiles
        }
        own[f"{name}.conffiles_static"] = "".join(f"{each} {digest}\n" for each, digest in digests.items())
    return own


def _run(call: list[str], epoch: int) -> None:
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(epoch)}
    try:
        subprocess.run(call, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=True)
    except (OSError, subprocess.SubprocessError) as e:
        raise RecipeError(f"apk mkpkg: {getattr(e, 'stderr', None) or e}") from None
