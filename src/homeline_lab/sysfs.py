"""What sysfs and /dev show of a USB dongle, as files and links below a lab root, in the shape of Linux's usb-serial.

sys/devices/lab/usb1/1-1/{idVendor,idProduct,manufacturer,product,serial,devnum}
sys/devices/lab/usb1/1-1/1-1:1.0/bInterfaceNumber
sys/devices/lab/usb1/1-1/1-1:1.0/ttyUSB0/tty/ttyUSB0/device -> ../../../ttyUSB0
sys/bus/usb/devices/{1-1,1-1:1.0}, sys/class/tty/ttyUSB0, dev/ttyUSB0 -> links
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from homeline_lab.models import DongleModel

_device_numbers = itertools.count(2)


@dataclass(frozen=True, slots=True)
class Tty:
    """One port to show: its name (ttyUSB0), its USB interface, and the device file it leads to."""

    name: str
    interface: int
    target: str


def plug(root: Path, usb_path: str, model: DongleModel, serial: str, ttys: Sequence[Tty]) -> None:
    """Show the device. The links in dev/ come last, since programs wait for them."""
    device = _device(root, usb_path)
    facts = {
        "idVendor": model.vendor_id,
        "idProduct": model.product_id,
        "manufacturer": model.usb_manufacturer,
        "product": model.usb_product,
        "serial": serial,
        "busnum": "1",
        "devnum": str(next(_device_numbers)),
    }
    device.mkdir(parents=True, exist_ok=True)
    for name, value in facts.items():
        (device / name).write_text(value + "\n")
    _link(root / "sys/bus/usb/devices" / usb_path, device)
    for tty in ttys:
        _plug_tty(root, device, f"{usb_path}:1.{tty.interface}", tty)
    for tty in ttys:
        _link(root / "dev" / tty.name, Path(tty.target))


def unplug(root: Path, usb_path: str, ttys: Sequence[Tty]) -> None:
    """Take it all away again."""
    links = [root / "dev" / t.name for t in ttys] + [root / "sys/class/tty" / t.name for t in ttys]
    links += [root / "sys/bus/usb/devices" / f"{usb_path}:1.{t.interface}" for t in ttys]
    for link in [*links, root / "sys/bus/usb/devices" / usb_path]:
        with contextlib.suppress(FileNotFoundError):
            link.unlink()
    shutil.rmtree(_device(root, usb_path), ignore_errors=True)


def _device(root: Path, usb_path: str) -> Path:
    return root / "sys/devices/lab/usb1" / usb_path


def _plug_tty(root: Path, device: Path, interface: str, tty: Tty) -> None:
    folder = device / interface
    node = folder / tty.name / "tty" / tty.name
    node.mkdir(parents=True, exist_ok=True)
    (folder / "bInterfaceNumber").write_text(f"{tty.interface:02x}\n")
    _link(node / "device", folder / tty.name)
    _link(root / "sys/bus/usb/devices" / interface, folder)
    _link(root / "sys/class/tty" / tty.name, node)


def _link(link: Path, target: Path) -> None:
    """A link that appears at once; relative below the same root, as sysfs has them."""
    link.parent.mkdir(parents=True, exist_ok=True)
    text = str(target) if str(target).startswith("/dev/") else os.path.relpath(target, link.parent)
    temporary = link.with_name(f".{link.name}.new")
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()
    temporary.symlink_to(text)
    temporary.replace(link)
