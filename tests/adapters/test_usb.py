"""Discovery over a fake sysfs of the shape that Linux's usb-serial and cdc-acm drivers make."""

from __future__ import annotations

import shutil
from pathlib import Path

from homeline.adapters import usb


def plug(root: Path, usb_path: str, ports: dict[str, int], *, acm: bool = False, number: int = 5, **facts: str) -> None:
    """Lay out one device: `ports` are tty names and their interface numbers."""
    device = root / "sys/devices/platform/usb1" / usb_path
    device.mkdir(parents=True)
    known = {"idVendor": "12d1", "idProduct": "1436", "manufacturer": "HUAWEI", "product": "Mobile", "serial": "1"}
    for name, value in (known | facts | {"devnum": str(number)}).items():
        (device / name).write_text(value + "\n")
    (root / "dev").mkdir(exist_ok=True)
    (root / "sys/class/tty").mkdir(parents=True, exist_ok=True)
    for tty, interface in ports.items():
        folder = device / f"{usb_path}:1.{interface}"
        node = folder / "tty" / tty if acm else folder / tty / "tty" / tty
        node.mkdir(parents=True)
        (folder / "bInterfaceNumber").write_text(f"{interface:02x}\n")
        (root / "sys/class/tty" / tty).symlink_to(node)
        (root / "dev" / tty).touch()


def found(root: Path) -> list[usb.Candidate]:
    return usb.candidates(root / "sys", root / "dev")


def test_ports_come_with_the_facts_of_their_device(tmp_path: Path) -> None:
    plug(tmp_path, "1-1.2", {"ttyUSB0": 0, "ttyUSB1": 3, "ttyUSB2": 10})
    ports = found(tmp_path)
    assert [(p.port.name, p.interface) for p in ports] == [("ttyUSB0", 0), ("ttyUSB1", 3), ("ttyUSB2", 10)]
    assert {(p.usb_path, p.vendor_id, p.product_id) for p in ports} == {("1-1.2", "12d1", "1436")}
    assert ports[0].manufacturer == "HUAWEI"


def test_acm_ports_are_found_and_order_is_by_interface_not_by_name(tmp_path: Path) -> None:
    plug(tmp_path, "2-1", {"ttyACM1": 0, "ttyACM0": 2}, acm=True)
    assert [p.port.name for p in found(tmp_path)] == ["ttyACM1", "ttyACM0"]


def test_no_sysfs_and_other_terminals_give_nothing(tmp_path: Path) -> None:
    assert found(tmp_path) == []
    (tmp_path / "sys/class/tty/tty0").mkdir(parents=True)
    (tmp_path / "sys/class/tty/ttyUSB7").mkdir()
    assert found(tmp_path) == []


def test_a_port_whose_device_file_is_not_there_yet_is_left_out(tmp_path: Path) -> None:
    plug(tmp_path, "1-1", {"ttyUSB0": 0, "ttyUSB1": 1})
    (tmp_path / "dev/ttyUSB0").unlink()
    assert [p.port.name for p in found(tmp_path)] == ["ttyUSB1"]


def test_what_a_device_calls_itself_is_cut_and_made_printable(tmp_path: Path) -> None:
    plug(tmp_path, "1-1", {"ttyUSB0": 0}, product="a\x1b[31m\x00" + "b" * 5000)
    (port,) = found(tmp_path)
    assert port.product.isprintable()
    assert len(port.product) <= 256


def test_an_interface_number_without_sense_is_none(tmp_path: Path) -> None:
    plug(tmp_path, "1-1", {"ttyUSB0": 0})
    interface = next(tmp_path.glob("sys/devices/**/bInterfaceNumber"))
    interface.write_text("zz\n")
    assert found(tmp_path)[0].interface is None


def test_a_device_plugged_in_again_is_another_one(tmp_path: Path) -> None:
    plug(tmp_path, "1-1", {"ttyUSB0": 0})
    before = found(tmp_path)[0]
    shutil.rmtree(tmp_path / "sys")
    plug(tmp_path, "1-1", {"ttyUSB0": 0}, number=6)
    after = found(tmp_path)[0]
    assert before.port == after.port
    assert before.device != after.device


def test_ports_group_by_device(tmp_path: Path) -> None:
    plug(tmp_path, "1-1", {"ttyUSB0": 0, "ttyUSB1": 1})
    plug(tmp_path, "1-2", {"ttyUSB2": 0, "ttyUSB3": 1}, number=6)
    groups = list(usb.by_device(found(tmp_path)).values())
    assert [[p.port.name for p in group] for group in groups] == [["ttyUSB0", "ttyUSB1"], ["ttyUSB2", "ttyUSB3"]]


def test_hinted_interfaces_come_first_in_the_hints_order(tmp_path: Path) -> None:
    plug(tmp_path, "1-1", {"ttyUSB0": 0, "ttyUSB1": 1, "ttyUSB2": 2, "ttyUSB3": 3})
    ordered = usb.preferred(found(tmp_path), (2, 3, 9))
    assert [p.interface for p in ordered] == [2, 3, 0, 1]


def test_a_named_port_keeps_its_usb_facts_also_under_a_link(tmp_path: Path) -> None:
    plug(tmp_path, "1-1", {"ttyUSB0": 0})
    link = tmp_path / "dev/serial-by-id"
    link.symlink_to("ttyUSB0")
    assert usb.at_path(link, found(tmp_path)).usb_path == "1-1"
    assert usb.at_path(tmp_path / "dev/ttyUSB0", found(tmp_path)).interface == 0


def test_a_port_that_is_no_usb_port_stands_for_itself(tmp_path: Path) -> None:
    port = tmp_path / "dev/ttyS1"
    candidate = usb.at_path(port, [])
    assert candidate == usb.Candidate(port)
    assert candidate.device[0] == str(port)
