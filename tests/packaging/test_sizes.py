"""What the packages bring with them and how large that is; docs/sizes.md and docs/install.md know all of them."""

from __future__ import annotations

import re
from collections import defaultdict
from contextlib import nullcontext
from pathlib import Path

import pytest

from homeline_lab.packages import closure, ipk, making, sizes
from homeline_lab.packages.branches import branch
from homeline_lab.packages.recipe import Package
from openwrt_kit import REPOSITORY, built, depends, facts, field_of, opened

TABLE = {"a": ["b", "c"], "b": ["d"], "c": ["d", "a"], "e": ["f"]}


@pytest.mark.parametrize(
    ("wanted", "found"), [("a", "abcd"), ("b", "bd"), ("e", "ef"), ("unknown", ["unknown"]), ([], "")]
)
def test_all_that_a_package_needs(wanted: str, found: str) -> None:
    assert closure.reached([wanted] if wanted else [], TABLE) == set(found)


@pytest.mark.timeout(400)
def test_sizes_of_a_branch() -> None:
    on = branch("24.10")
    facts(on)  # skips where they are not
    packages = built(on)
    needed = depends(packages)
    rows = sizes.counted(on, {name: _made(content, needed[name]) for name, content in packages.items()})
    assert rows.keys() == packages.keys()
    core, mqtt = rows["homeline"], rows["homeline-mqtt"]
    assert core.unmeasured == ()
    assert {"python3-light", "python3-phonenumbers", "libsqlite3"} <= set(core.brings)
    others = closure.octets(on)
    each = others | {name: row.installed for name, row in rows.items()}
    assert core.all == sum(each[name] for name in ("homeline", *core.brings))
    more = {"homeline-mqtt", *mqtt.brings} - {"homeline", *core.brings}
    assert mqtt.all - core.all == mqtt.installed + sum(others[name] for name in more - {"homeline-mqtt"})
    assert "luci-base" in rows["luci-app-homeline"].unmeasured


def _made(content: bytes, needed: list[str]) -> sizes.Made:
    """As the package file says it."""
    installed = int(field_of(opened(content)[0]["control"].decode(), "Installed-Size"))
    return sizes.Made(installed, len(content), tuple(each.split()[0] for each in needed))


def test_what_was_made_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "usr").mkdir()
    (tmp_path / "usr/file").write_bytes(bytes(1000))
    (tmp_path / "usr/link").symlink_to("file")
    fields = defaultdict(str, PKG_NAME="example", DEPENDS="+python3-light", EXTRA_DEPENDS="other (=1)")
    package = Package("example", fields, {}, tmp_path)
    monkeypatch.setattr(making, "made", lambda _branch: nullcontext([package]))
    monkeypatch.setattr(closure, "known", lambda _branch: {"other": ["more"]})
    monkeypatch.setattr(closure, "octets", lambda _branch: {"python3-light": 20, "more": 3})
    brings, packed = ("more", "other", "python3-light"), len(ipk.encode(package, 0))
    assert sizes.rows(branch("24.10")) == {"example": sizes.Row(1000, packed, brings, 1023, ("other",))}


def test_parts_of_python_are_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    on = branch("24.10")
    facts(on)
    split = closure.octets(on)
    monkeypatch.setattr(closure, "_python_facts", lambda _branch: {})
    whole = closure.octets.__wrapped__(on)
    names = {name for name in split if name.startswith("python3-")} - set(closure.THIRD_PARTY)
    assert sum(split[name] for name in names) == whole["python3-light"]


@pytest.mark.parametrize("document", ["sizes.md", "install.md"])
def test_the_documents_name_every_package(document: str) -> None:
    text = (REPOSITORY / "docs" / document).read_text()
    tables = "\n".join(line for line in text.splitlines() if line.startswith("|"))
    short = re.sub(r"`(luci-i18n-homeline)-de`(, `-[a-z-]+`)+", _whole, tables)
    for name in built(branch("24.10")):
        assert f"`{name}`" in short, name


def _whole(found: re.Match[str]) -> str:
    """`luci-i18n-homeline-de`, `-es` as two whole names."""
    return re.sub(r"`-", f"`{found[1]}-", found[0])


def test_the_report_has_a_row_for_each_package(monkeypatch: pytest.MonkeyPatch) -> None:
    row = sizes.Row(273_849, 268_000, ("python3-light",), 21_234_567, ())
    other = sizes.Row(1036, 1700, ("homeline", "python3-light"), 21_235_603, ("luci-base",))

    found = {"homeline": row, "luci-app-homeline-lua": other, "same": other}
    monkeypatch.setattr(sizes, "rows", lambda _branch: found)
    assert sizes.report([branch("24.10"), branch("25.12")]).splitlines() == [
        "| package | 24.10: installed, kB | 25.12: installed, kB | the package file, kB |",
        "| --- | ---: | ---: | ---: |",
        "| `homeline` | 273.8 | 273.8 | 268 / 268 |",
        "| `luci-app-homeline-lua` | 1.0 | 1.0 | 2 / 2 |",
        "| `same` | 1.0 | 1.0 | 2 / 2 |",
        "",
        "| package with all that it needs | 24.10, MB | 25.12, MB |",
        "| --- | ---: | ---: |",
        "| `homeline` | 21.2 | 21.2 |",
        "| `luci-app-homeline-lua` | 21.2 | 21.2 |",
        "| `same` | 21.2 | 21.2 |",
        "",
        "| package | what it brings with it | not counted |",
        "| --- | --- | --- |",
        "| `homeline` | python3-light | nothing |",
        "| `luci-app-homeline-lua`, `same` | homeline, python3-light | luci-base |",
    ]
