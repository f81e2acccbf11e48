"""The pictures of the pages: each page of the menu has one, and what is on them is always the same."""

from __future__ import annotations

import base64
import random
import shutil
import struct
import zlib
from pathlib import Path

import pytest
from selenium import webdriver

from homeline_lab.pages import screenshots
from homeline_lab.pages.browser import PROGRAMS
from homeline_lab.pages.png import SIGNATURE, indexed, reduced

DOCS = Path(__file__).parents[2] / "docs"
NAMES = [shot.name for shot in (*screenshots.SHOTS, *screenshots.further())]
LARGEST = 80_000  # octets, as they are kept in the repository

PIXELS = """
const [ data, done ] = arguments, picture = new Image();

picture.onload = () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: picture.width, height: picture.height });
    const context = canvas.getContext('2d');

    context.drawImage(picture, 0, 0);
    done(Array.from(context.getImageData(0, 0, picture.width, picture.height).data));
};
picture.onerror = () => done(null);
picture.src = 'data:image/png;base64,' + data;
"""


def coloured(width: int, height: int, pixels: list[tuple[int, int, int]]) -> bytes:
    """A PNG of colour type 2: three octets a pixel."""
    rows = b"".join(
        b"\x00" + b"".join(map(bytes, pixels[start : start + width])) for start in range(0, width * height, width)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return SIGNATURE + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def seen(driver: webdriver.Chrome, png: bytes) -> list[tuple[int, int, int]]:
    """A picture's pixels as the browser reads them."""
    found = driver.execute_async_script(PIXELS, base64.b64encode(png).decode())
    assert found is not None
    return [tuple(found[at : at + 3]) for at in range(0, len(found), 4)]


def test_a_palette_is_read_as_it_was_written(chromium: webdriver.Chrome) -> None:
    palette = bytes((255, 0, 0, 1, 2, 3, 9, 200, 90))
    chromium.get("about:blank")
    found = seen(chromium, indexed(3, 2, palette, bytes((0, 1, 2, 2, 1, 0))))
    assert found == [(255, 0, 0), (1, 2, 3), (9, 200, 90), (9, 200, 90), (1, 2, 3), (255, 0, 0)]


@pytest.mark.parametrize("colours", [1, 256, 300])
def test_few_colours_stay_and_rare_ones_become_the_nearest(chromium: webdriver.Chrome, colours: int) -> None:
    chance = random.Random(colours)
    all_colours = [(value % 256, value // 256 * 40, 7) for value in range(colours)]
    common = all_colours[:256]
    pixels = common * 3 + all_colours[256:] + [common[0]] * (60 * 60 - len(common) * 3 - len(all_colours[256:]))
    chance.shuffle(pixels)
    small = reduced(chromium, coloured(60, 60, pixels))
    found = seen(chromium, small)
    assert len(found) == len(pixels)
    for before, after in zip(pixels, found, strict=True):
        if before in common:
            assert after == before
        else:
            assert after == (before[0], 0, 7)  # the only one of them that is 40 away


def test_each_page_of_the_menu_has_a_picture() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert {"overview", "messages", "forwarding"} <= {shot.page.partition("#")[0] for shot in screenshots.SHOTS}
    for name in NAMES:
        picture = (DOCS / f"luci-{name}.png").read_bytes()
        assert picture.startswith(SIGNATURE), name
        assert len(picture) < LARGEST, name


def test_a_picture_is_taken_of_a_house(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not all(map(shutil.which, PROGRAMS)):
        pytest.skip(f"{PROGRAMS} are not installed")
    assert screenshots.main([str(tmp_path / "new"), "overview", "overview-phone"]) == 0
    assert capsys.readouterr().out.count("kB") == 2
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "luci-overview-phone.png",
        "luci-overview.png",
    ]
    for name, wide in (("overview", 1280), ("overview-phone", 390)):
        picture = (tmp_path / f"new/luci-{name}.png").read_bytes()
        width, height, depth, kind = struct.unpack(">IIBB", picture[16:26])
        assert (width, depth, kind) == (wide, 8, 3)
        assert height > 500
