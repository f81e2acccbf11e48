"""sysfs and /dev of the lab, in the shape that Linux gives them."""

from __future__ import annotations

from pathlib import Path

from homeline_lab import sysfs
from homeline_lab.models import EC25

TTYS = [sysfs.Tty("ttyUSB0", 2, "/dev/pts/7"), sysfs.Tty("ttyUSB1", 3, "/dev/pts/8")]


def files(root: Path) -> list[Path]:
    return [p for p in root.rglob("*") if not p.is_dir() or p.is_symlink()]


def test_the_tree(tmp_path: Path) -> None:
    sysfs.plug(tmp_path, "1-1.2", EC25, "867808037213564", TTYS)
    device = tmp_path / "sys/bus/usb/devices/1-1.2"
    assert (device / "idVendor").read_text() == "2c7c\n"
    assert (device / "idProduct").read_text() == "0125\n"
    assert (device / "serial").read_text() == "867808037213564\n"
    assert (device / "1-1.2:1.2/bInterfaceNumber").read_text() == "02\n"
    tty = tmp_path / "sys/class/tty/ttyUSB1"
    port = (tty / "device").resolve()
    assert port.name == "ttyUSB1"
    assert (port.parent / "bInterfaceNumber").read_text() == "03\n"
    assert port.parent.parent == device.resolve()
    assert (tmp_path / "dev/ttyUSB0").readlink() == Path("/dev/pts/7")
    for link in (p for p in files(tmp_path / "sys") if p.is_symlink()):
        assert not link.readlink().is_absolute()
        assert link.resolve().is_relative_to(tmp_path)


def test_unplugging_leaves_nothing(tmp_path: Path) -> None:
    sysfs.plug(tmp_path, "1-1", EC25, "1", TTYS)
    sysfs.unplug(tmp_path, "1-1", TTYS)
    assert files(tmp_path) == []
    sysfs.unplug(tmp_path, "1-1", TTYS)


def test_two_devices_live_side_by_side(tmp_path: Path) -> None:
    sysfs.plug(tmp_path, "1-1", EC25, "1", TTYS[:1])
    sysfs.plug(tmp_path, "1-2", EC25, "2", TTYS[1:])
    sysfs.unplug(tmp_path, "1-1", TTYS[:1])
    assert (tmp_path / "sys/class/tty/ttyUSB1/device").exists()
    assert not (tmp_path / "dev/ttyUSB0").is_symlink()


def test_the_device_number_changes_with_each_plug(tmp_path: Path) -> None:
    numbers = set()
    for _ in range(3):
        sysfs.plug(tmp_path, "1-1", EC25, "1", TTYS)
        numbers.add((tmp_path / "sys/bus/usb/devices/1-1/devnum").read_text())
        sysfs.unplug(tmp_path, "1-1", TTYS)
    assert len(numbers) == 3
