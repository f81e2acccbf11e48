"""The recipes, and what is made from them: refused where they are wrong, the same bytes twice, as opkg takes it."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from homeline_lab.packages import apk, ipk, making, recipe
from homeline_lab.packages.branches import BRANCHES, branch
from homeline_lab.packages.recipe import Package, RecipeError
from openwrt_kit import REPOSITORY, SOURCES, built, copy_sources, depends

EPOCH = 1_700_000_000
RECIPE = """
include $(TOPDIR)/rules.mk

PKG_NAME:=example
PKG_VERSION:=1.2
PKG_RELEASE:=3
PKG_LICENSE:=MIT
PKG_MAINTAINER:=Somebody <somebody@example.org>

include $(INCLUDE_DIR)/package.mk

define Package/example
  SECTION:=net
  CATEGORY:=Network
  TITLE:=An example
  DEPENDS:=@!SMALL_FLASH +libfoo bar
  EXTRA_DEPENDS:=libfoo (>=2)
  USERID:=example:example
endef

define Package/example/conffiles
/etc/config/example
endef

define Package/example/postinst
#!/bin/sh
[ -n "$${IPKG_INSTROOT}" ] || echo "a 'quoted' word; # and more" | sed 's/$$/\\n/'
endef

define Package/example/install
	$(INSTALL_DIR) $(1)/etc/config $(1)/usr/bin
	echo secret >$(PKG_BUILD_DIR)/file
	$(INSTALL_CONF) $(PKG_BUILD_DIR)/file $(1)/etc/config/example
	$(INSTALL_BIN) $(PKG_BUILD_DIR)/file $(1)/usr/bin/example
	$(LN) example $(1)/usr/bin/other
endef

$(eval $(call BuildPackage,example))
"""


def make(tmp_path: Path, text: str = RECIPE, name: str = "24.10") -> Package:
    folder = tmp_path / "example"
    folder.mkdir()
    (folder / "Makefile").write_text(text)
    (package,) = recipe.build(folder, branch(name), Path(sys.executable), tmp_path / "work", tmp_path)
    return package


def test_make_reads_the_recipe(tmp_path: Path) -> None:
    package = make(tmp_path)
    assert (package.name, package.version, package.architecture) == ("example", "1.2-r3", "all")
    assert package.depends == ("libfoo (>=2)", "bar")
    assert package.conffiles == ("/etc/config/example",)
    assert package.texts["postinst"] == (
        "#!/bin/sh\n[ -n \"${IPKG_INSTROOT}\" ] || echo \"a 'quoted' word; # and more\" | sed 's/$/\\n/'\n"
    )
    assert (package.data / "etc/config/example").stat().st_mode & 0o777 == 0o600
    assert (package.data / "usr/bin/example").stat().st_mode & 0o777 == 0o755


def test_the_release_is_written_as_each_branch_has_it(tmp_path: Path) -> None:
    assert make(tmp_path, name="23.05").version == "1.2-3"


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("PKG_VERSION:=1.2", "PKG_VERSION:=1.2rc1", "PKG_VERSION: 1.2rc1"),
        ("PKG_RELEASE:=3", "PKG_RELEASE:=", "PKG_RELEASE"),
        ("PKG_LICENSE:=MIT", "", "PKG_LICENSE is empty"),
        ("+libfoo", "+FOO:libfoo", "FOO:libfoo is not understood"),
        ("#!/bin/sh", "#!/bin/bash", "postinst must begin with #!/bin/sh"),
        ("/etc/config/example\nendef", "/etc/config/other\nendef", "/etc/config/other is not in the package"),
        ("$(INSTALL_DIR) $(1)/etc", "$(INSTALL_SUID) $(1)/etc", "unknown to this builder: INSTALL_SUID"),
        ("\techo secret", "\tfalse\n\techo secret", "Error 1"),
        ("$(INSTALL_BIN) $(PKG_BUILD_DIR)/file", "$(INSTALL_BIN) $(PKG_BUILD_DIR)/nothing", "nothing"),
    ],
)
def test_what_is_wrong_or_not_understood_is_refused(tmp_path: Path, before: str, after: str, words: str) -> None:
    assert before in RECIPE
    with pytest.raises(RecipeError, match=re.escape(words)):
        make(tmp_path, RECIPE.replace(before, after))


def test_a_package_as_opkg_takes_it(tmp_path: Path) -> None:
    package = make(tmp_path)
    with tarfile.open(fileobj=io.BytesIO(ipk.encode(package, EPOCH))) as outer:
        assert outer.getnames() == ["./debian-binary", "./data.tar.gz", "./control.tar.gz"]
        inner = {each.name: outer.extractfile(each) for each in outer}
        with tarfile.open(fileobj=inner["./data.tar.gz"]) as data:
            listed = {each.name: (each.mode, each.uname, each.mtime) for each in data}
            assert listed["./etc/config/example"] == (0o600, "root", EPOCH)
            assert data.getmember("./usr/bin/other").linkname == "example"
        with tarfile.open(fileobj=inner["./control.tar.gz"]) as control:
            assert {each.name: each.mode for each in control} == {
                "./control": 0o644,
                "./conffiles": 0o644,
                "./postinst": 0o755,
                "./prerm": 0o755,
                "./postinst-pkg": 0o755,
            }
            text = (control.extractfile("./control") or io.BytesIO()).read().decode()
    assert text == (
        "Package: example\nVersion: 1.2-r3\nDepends: libfoo (>=2), bar\nSource: package/example\nSourceName: example\n"
        f"License: MIT\nSection: net\nSourceDateEpoch: {EPOCH}\nRequire-User: example:example\n"
        "Maintainer: Somebody <somebody@example.org>\nArchitecture: all\nInstalled-Size: 14\nDescription: An example\n"
    )


def test_the_index_names_what_is_there(tmp_path: Path) -> None:
    feed = tmp_path / "feed"
    feed.mkdir()
    (feed / "example_0.9-r1_all.ipk").touch()
    ipk.write_feed(feed, [make(tmp_path)], EPOCH)
    assert sorted(path.name for path in feed.iterdir()) == ["Packages", "Packages.gz", "example_1.2-r3_all.ipk"]
    text = (feed / "Packages").read_text()
    content = (feed / "example_1.2-r3_all.ipk").read_bytes()
    assert gzip.decompress((feed / "Packages.gz").read_bytes()).decode() == text
    assert f"Filename: example_1.2-r3_all.ipk\nSize: {len(content)}\n" in text
    assert f"SHA256sum: {hashlib.sha256(content).hexdigest()}\nDescription: An example\n\n" in text


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ["24.10", "25.12"])
def test_equal_input_gives_equal_bytes(name: str, tmp_path: Path) -> None:
    """In another folder, with another date of the files."""
    one, other = tmp_path / "one", tmp_path / "other"
    copy_sources(one)
    shutil.copytree(one, other, copy_function=shutil.copy)
    assert built(branch(name), one / "package") == built(branch(name), other / "package")


@pytest.mark.parametrize("each", BRANCHES, ids=lambda each: each.name)
def test_the_core_is_small(each: object) -> None:
    on = branch(str(getattr(each, "name", "")))
    control = _control(built(on)["homeline"])
    found = re.search(r"^Installed-Size: (\d+)$", control, re.MULTILINE)
    assert found
    assert int(found[1]) <= 300_000


def inner(content: bytes, kind: str) -> tarfile.TarFile:
    """An archive in a package file: data or control."""
    with tarfile.open(fileobj=io.BytesIO(content)) as outer:
        packed = outer.extractfile(f"./{kind}.tar.gz")
        assert packed
        return tarfile.open(fileobj=io.BytesIO(packed.read()))


def _control(content: bytes) -> str:
    file = inner(content, "control").extractfile("./control")
    assert file
    return file.read().decode()


def test_what_the_core_installs_and_how() -> None:
    """Each file with its mode; secrets are root's alone, and what is the owner's to change is a conffile."""
    data = inner(built(branch("24.10"))["homeline"], "data")
    found = {each.name.removeprefix("."): oct(each.mode) for each in data if each.isfile()}
    library = "/usr/lib/python3.11/site-packages/homeline"
    assert found == {
        "/etc/config/homeline": "0o600",
        "/etc/config/homeline_secret": "0o600",
        "/etc/hotplug.d/tty/50-homeline": "0o644",
        "/etc/init.d/homeline": "0o755",
        "/etc/uci-defaults/50_homeline": "0o644",
        "/lib/upgrade/homeline.sh": "0o644",
        "/lib/upgrade/keep.d/homeline": "0o644",
        "/usr/bin/homeline": "0o755",
        f"{library}/__init__.pyc": "0o644",
        f"{library}/homeline.pack": "0o644",
        "/usr/libexec/homeline/root-helper": "0o755",
        "/usr/share/acl.d/homeline.json": "0o644",
    }


def test_the_pages_lie_where_luci_looks() -> None:
    """All of htdocs and root, readable by all, and nothing else."""
    data = inner(built(branch("24.10"))["luci-app-homeline"], "data")
    found = {each.name.removeprefix("./"): oct(each.mode) for each in data if each.isfile()}
    for place, folder in (("www", "htdocs"), ("", "root")):
        for path in (REPOSITORY / folder).rglob("*"):
            if path.is_file():
                assert found.pop(str(Path(place) / path.relative_to(REPOSITORY / folder))) == "0o644", path
    assert found == {}


def test_the_menu_in_lua_lies_where_luci_looks() -> None:
    data = inner(built(branch("24.10"))["luci-app-homeline-lua"], "data")
    found = {each.name.removeprefix("."): oct(each.mode) for each in data if each.isfile()}
    assert found == {"/usr/lib/lua/luci/controller/homeline.lua": "0o644"}


@pytest.mark.parametrize("code", ["de", "es", "hi", "ru", "zh-cn"])
def test_a_language_lies_where_luci_looks(code: str) -> None:
    packages = built(branch("24.10"))
    content = packages[f"luci-i18n-homeline-{code}"]
    data = inner(content, "data")
    script = f"/etc/uci-defaults/luci-i18n-homeline-{code}"
    texts = f"/usr/lib/lua/luci/i18n/homeline.{code}.lmo"
    assert {each.name.removeprefix(".") for each in data if each.isfile()} == {script, texts}
    file = data.extractfile(f".{script}")
    assert file is not None
    words = file.read().decode()
    assert re.fullmatch(
        rf"uci set luci\.languages\.{code.replace('-', '_')}='[^']+ \([A-Z][A-Za-z ]+\)'; uci commit luci; exit 0\n",
        words,
    )
    assert depends(packages)[f"luci-i18n-homeline-{code}"] == ["luci-app-homeline (=0.1.0-r1)"]


def test_the_library_of_numbers_is_byte_code_and_no_tests() -> None:
    data = inner(built(branch("24.10"))["python3-phonenumbers"], "data")
    names = [each.name.removeprefix("./usr/lib/python3.11/site-packages/") for each in data if each.isfile()]
    assert "phonenumbers/data/region_CH.pyc" in names
    assert {name.partition("/")[0] for name in names} == {"phonenumbers"}
    assert {Path(name).suffix for name in names} == {".pyc", ".typed"}


def test_whatever_packages_are_made_of_makes_the_sdk_build_them_anew() -> None:
    text = (making.RECIPES / "homeline.mk").read_text()
    assert f"PKG_FILE_DEPENDS:=$(addprefix $(HOMELINE_DIR)/,{' '.join(SOURCES)})" in text


def test_every_file_of_files_is_in_a_package() -> None:
    said = "".join(path.read_text() for path in making.RECIPES.glob("*/Makefile"))
    for path in (REPOSITORY / "files").rglob("*"):
        if path.is_file():
            assert f"$(HOMELINE_DIR)/{path.relative_to(REPOSITORY)} " in said, path


def test_recipes_are_as_the_feeds_want_them() -> None:
    for path in making.recipes():
        text = (path / "Makefile").read_text()
        assert text.startswith("include $(TOPDIR)/rules.mk\n\nPKG_NAME:="), path
        names = re.findall(r"^\$\(eval \$\(call BuildPackage,([a-z0-9-]+)\)\)$", text, re.MULTILINE)
        assert names
        for name in names:
            assert name.endswith("-src") or f"define Package/{name}\n" in text
    assert "BuildPackage" not in (REPOSITORY / "Makefile").read_text()  # a scan of feeds would take it for a recipe


def test_json_is_strict() -> None:
    for path in (*(REPOSITORY / "files").rglob("*.json"), *(REPOSITORY / "root").rglob("*.json")):
        json.loads(path.read_text(), parse_constant=pytest.fail)


def test_without_apks_tools_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RecipeError, match="apk's tools are not on this machine"):
        apk.find()
    program = tmp_path / "apk"
    program.write_text("#!/bin/sh\necho 'apk-tools 2.14'\n")
    program.chmod(0o755)
    with pytest.raises(RecipeError, match="apk-tools 3 is needed"):
        apk.find()


def test_what_apk_is_told(tmp_path: Path) -> None:
    package = make(tmp_path)
    words = apk.command("apk", package, tmp_path / "example.apk", tmp_path)
    for word in ("name:example", "version:1.2-r3", "arch:noarch", "description:An example", "depends:libfoo>=2 bar"):
        assert f"--info={word}" in words
    assert [word for word in words if word.startswith("--script=")] == [
        f"--script={kind}:{tmp_path / kind}" for kind in ("post-install", "post-upgrade", "pre-deinstall")
    ]
    lists = package.data / "lib/apk/packages"
    assert (lists / "example.conffiles").read_text() == "/etc/config/example\n"
    digest = hashlib.sha256(b"secret\n").hexdigest()
    assert (lists / "example.conffiles_static").read_text() == f"/etc/config/example {digest}\n"  # sysupgrade's
    assert (lists / "example.rusers").read_text() == "example:example\n"
    assert (lists / "example.list").read_text().split() == [
        "/etc/config/example",
        "/lib/apk/packages/example.rusers",
        "/usr/bin/example",
        "/usr/bin/other",
    ]
    for kind in ("post-install", "post-upgrade", "pre-deinstall"):
        subprocess.run(["sh", "-n", str(tmp_path / kind)], check=True)
    assert "default_postinst\n[ -n" in (tmp_path / "post-install").read_text()
    assert (tmp_path / "post-upgrade").read_text() == (tmp_path / "post-install").read_text().replace(
        "#!/bin/sh\n", "#!/bin/sh\nexport PKG_UPGRADE=1\n"
    )
