"""Writes packages as opkg takes them, and the index that makes a folder of them a feed. Equal input, equal bytes.

An .ipk is a gzipped tar of three files: `debian-binary`, `control.tar.gz` (what the package is, its conffiles and
scripts) and `data.tar.gz` (its files). OpenWrt's own postinst and prerm (users, init scripts, uci-defaults) are in
/lib/functions.sh; a package's scripts call them, and they run the package's own as postinst-pkg and prerm-pkg.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

from homeline_lab.packages.recipe import Package

POSTINST = """#!/bin/sh
[ "${IPKG_NO_SCRIPT}" != 1 ] || exit 0
[ -s "${IPKG_INSTROOT}/lib/functions.sh" ] || exit 0
. "${IPKG_INSTROOT}/lib/functions.sh"
default_postinst "$0" "$@"
"""
PRERM = """#!/bin/sh
[ -s "${IPKG_INSTROOT}/lib/functions.sh" ] || exit 0
. "${IPKG_INSTROOT}/lib/functions.sh"
default_prerm "$0" "$@"
"""
PLAIN, EXECUTABLE = 0o644, 0o755


def control(package: Package, epoch: int) -> str:
    """The control file."""
    fields = package.fields
    rows = [
        ("Package", package.name),
        ("Version", package.version),
        ("Depends", ", ".join(package.depends)),
        ("Conflicts", ", ".join(fields["CONFLICTS"].split())),
        ("Provides", ", ".join(fields["PROVIDES"].split())),
        ("Source", f"package/{fields['PKG_NAME']}"),
        ("SourceName", fields["PKG_NAME"]),
        ("License", fields["PKG_LICENSE"]),
        ("LicenseFiles", fields["PKG_LICENSE_FILES"]),
        ("Section", fields["SECTION"]),
        ("SourceDateEpoch", str(epoch)),
        ("Require-User", fields["USERID"]),
        ("URL", fields["URL"]),
        ("Maintainer", fields["PKG_MAINTAINER"]),
        ("Architecture", package.architecture),
        ("Installed-Size", str(installed_size(package))),
    ]
    lines = [f"{name}: {value}\n" for name, value in rows if value]
    words = package.texts.get("description") or fields["TITLE"]
    about = [f" {line.strip()}\n" for line in words.strip().splitlines()]
    return "".join(lines) + "Description: " + "".join(about).lstrip()


def installed_size(package: Package) -> int:
    """The octets of its files. What they take on a router's flash is less: its file systems compress."""
    return sum(path.stat().st_size for path in package.data.rglob("*") if path.is_file() and not path.is_symlink())


def control_files(package: Package, epoch: int) -> dict[str, tuple[str, int]]:
    """What is in control.tar.gz: name, content and mode."""
    found = {"control": (control(package, epoch), PLAIN)}
    if package.conffiles:
        found["conffiles"] = ("".join(f"{path}\n" for path in package.conffiles), PLAIN)
    found["postinst"] = (POSTINST, EXECUTABLE)
    found["prerm"] = (PRERM, EXECUTABLE)
    for name, place in (
        ("preinst", "preinst"),
        ("postinst", "postinst-pkg"),
        ("prerm", "prerm-pkg"),
        ("postrm", "postrm"),
    ):
        if name in package.texts:
            found[place] = (package.texts[name], EXECUTABLE)
    return found


def encode(package: Package, epoch: int) -> bytes:
    """The package file. `epoch` is the date of everything in it, seconds since 1970."""
    inner = {
        "debian-binary": b"2.0\n",
        "data.tar.gz": _gzip(_tree(package.data, epoch)),
        "control.tar.gz": _gzip(
            _tar([(name, text.encode(), mode) for name, (text, mode) in control_files(package, epoch).items()], epoch)
        ),
    }
    return _gzip(_tar([(name, content, PLAIN) for name, content in inner.items()], epoch))


def file_name(package: Package) -> str:
    return f"{package.name}_{package.version}_{package.architecture}.ipk"


def index(packages: Iterable[tuple[Package, bytes]], epoch: int) -> str:
    """`Packages`: what opkg reads of a feed."""
    return "".join(
        f"{_before_description(control(package, epoch), file_name(package), content)}\n"
        for package, content in sorted(packages, key=lambda each: each[0].name)
    )


def _before_description(text: str, name: str, content: bytes) -> str:
    head, mark, rest = text.partition("Description: ")
    digest = hashlib.sha256(content).hexdigest()
    return f"{head}Filename: {name}\nSize: {len(content)}\nSHA256sum: {digest}\n{mark}{rest}"


def write_feed(folder: Path, packages: Iterable[Package], epoch: int) -> None:
    """The packages, and `Packages` with its gzipped copy, which `usign -S -m Packages` can sign beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in (*folder.glob("*.ipk"), *folder.glob("Packages*")):
        old.unlink()
    encoded = [(package, encode(package, epoch)) for package in packages]
    for package, content in encoded:
        (folder / file_name(package)).write_bytes(content)
    text = index(encoded, epoch).encode()
    (folder / "Packages").write_bytes(text)
    (folder / "Packages.gz").write_bytes(_gzip(text))


def _tree(folder: Path, epoch: int) -> bytes:
    """Everything below a folder as root's, with the modes that it has there."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        tar.addfile(_entry(".", epoch, EXECUTABLE, tarfile.DIRTYPE))
        for path in sorted(folder.rglob("*")):
            name = f"./{path.relative_to(folder)}"
            mode = path.lstat().st_mode & 0o7777
            if path.is_symlink():
                entry = _entry(name, epoch, 0o777, tarfile.SYMTYPE)
                entry.linkname = str(path.readlink())
                tar.addfile(entry)
            elif path.is_dir():
                tar.addfile(_entry(name, epoch, mode, tarfile.DIRTYPE))
            else:
                entry = _entry(name, epoch, mode, tarfile.REGTYPE, path.stat().st_size)
                with path.open("rb") as file:
                    tar.addfile(entry, file)
    return buffer.getvalue()


def _tar(files: Iterable[tuple[str, bytes, int]], epoch: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, content, mode in files:
            tar.addfile(_entry(f"./{name}", epoch, mode, tarfile.REGTYPE, len(content)), io.BytesIO(content))
    return buffer.getvalue()


def _entry(name: str, epoch: int, mode: int, kind: bytes, size: int = 0) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.mtime, entry.size = kind, mode, epoch, size
    entry.uname = entry.gname = "root"
    return entry


def _gzip(content: bytes) -> bytes:
    return gzip.compress(content, 9, mtime=0)
