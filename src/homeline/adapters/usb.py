"""Which serial ports there are, and to which interface of which USB device each belongs (Linux sysfs).

Port names change with every re-enumeration; a device's path in sysfs (its socket) and its ids do not. Interfaces tell
the AT port from the diagnostic ones.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_TTY_NAMES = ("ttyUSB", "ttyACM")
_LONGEST_FILE = 256  # octets of a sysfs attribute that are read


Device = tuple[str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One serial port of a USB device, or a port without one (`usb_path` is empty then)."""

    port: Path  # the device file, below the root in use
    usb_path: str = ""  # such as 1-1.2
    interface: int | None = None
    number: str = ""  # the address the bus gave it: new with each plug
    vendor_id: str = ""  # four hexadecimal digits, lower case
    product_id: str = ""
    manufacturer: str = ""
    product: str = ""
    serial: str = ""

    @property
    def device(self) -> Device:
        """Equal for all ports of one device while it stays plugged in; another device in the socket differs."""
        return self.usb_path or str(self.port), self.number, self.vendor_id, self.product_id, self.serial


def candidates(sys: Path, dev: Path) -> list[Candidate]:
    """All USB serial ports whose device file exists, by device and interface. An unreadable entry is left out."""
    found = [candidate for entry in _ttys(sys) if (candidate := _candidate(entry, dev)) is not None]
    return sorted(found, key=lambda c: (c.usb_path, -1 if c.interface is None else c.interface, c.port.name))


def at_path(port: Path, known: Iterable[Candidate]) -> Candidate:
    """The candidate of a device file given by name; one without USB facts if none of `known` is that file."""
    real = port.resolve() if not port.exists() else Path(os.path.realpath(port))
    for candidate in known:
        if candidate.port == port or Path(os.path.realpath(candidate.port)) == real:
            return candidate
    return Candidate(port)


def by_device(found: Iterable[Candidate]) -> dict[Device, list[Candidate]]:
    """Candidates grouped by the device they belong to, orders kept."""
    devices: dict[Device, list[Candidate]] = {}
    for candidate in found:
        devices.setdefault(candidate.device, []).append(candidate)
    return devices


def preferred(ports: Iterable[Candidate], hints: Iterable[int]) -> list[Candidate]:
    """Ports of one device in the order to try them: interfaces in `hints` first, as they are ordered there."""
    rank = {interface: place for place, interface in enumerate(hints)}
    return sorted(ports, key=lambda c: (rank.get(-1 if c.interface is None else c.interface, len(rank)), c.port.name))


def _ttys(sys: Path) -> Iterator[Path]:
    try:
        names = sorted(os.listdir(sys / "class/tty"))  # noqa: PTH208 - names alone are wanted, of thousands at times
    except OSError:
        return
    for name in names:
        if name.startswith(_TTY_NAMES):
            yield sys / "class/tty" / name


def _candidate(entry: Path, dev: Path) -> Candidate | None:
    port = dev / entry.name
    if not os.path.lexists(port):
        return None
    interface: int | None = None
    for folder in Path(os.path.realpath(entry)).parents:
        if interface is None and (text := _read(folder / "bInterfaceNumber")):
            interface = _hexadecimal(text)
        if vendor := _read(folder / "idVendor"):
            return Candidate(
                port,
                folder.name,
                interface,
                _read(folder / "devnum"),
                vendor.lower(),
                _read(folder / "idProduct").lower(),
                _read(folder / "manufacturer"),
                _read(folder / "product"),
                _read(folder / "serial"),
            )
    return None


def _hexadecimal(text: str) -> int | None:
    try:
        return int(text, 16)
    except ValueError:
        return None


def _read(path: Path) -> str:
    """A sysfs attribute as printable text; empty when it is not there. What a device calls itself is hostile."""
    try:
        with path.open("rb") as file:
            data = file.read(_LONGEST_FILE)
    except OSError:
        return ""
    return "".join(c for c in data.decode("utf-8", "replace").strip() if c.isprintable())
