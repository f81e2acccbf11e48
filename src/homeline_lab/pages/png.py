"""Pictures made small: a screenshot has few colours, and 256 of them in a palette do."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selenium import webdriver

SIGNATURE = b"\x89PNG\r\n\x1a\n"

# Given a PNG in base64: its width, height, palette (RGB) and pixels (one octet each), the latter two in base64. The
# colours that are there most often stay as they are, every other one becomes the nearest of them.
REDUCE = """
const [ data, done ] = arguments, picture = new Image();

function encoded(octets) {
    let text = '';

    for (let i = 0; i < octets.length; i += 8192)
        text += String.fromCharCode(...octets.subarray(i, i + 8192));

    return btoa(text);
}

picture.onload = () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: picture.width, height: picture.height });
    const context = canvas.getContext('2d');

    context.drawImage(picture, 0, 0);

    const pixels = new Uint32Array(context.getImageData(0, 0, canvas.width, canvas.height).data.buffer);
    const counts = new Map();

    pixels.forEach((pixel) => counts.set(pixel, (counts.get(pixel) || 0) + 1));

    const all = Array.from(counts.keys()).sort((a, b) => counts.get(b) - counts.get(a) || a - b);
    const kept = all.slice(0, 256), parts = (pixel) => [ pixel & 255, pixel >> 8 & 255, pixel >> 16 & 255 ];
    const palette = kept.map(parts);
    const away = (a, b) => (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2;
    const place = new Map(kept.map((pixel, at) => [ pixel, at ]));

    all.slice(256).forEach((pixel) => {
        const colour = parts(pixel);

        place.set(pixel, palette.reduce((best, other, at) =>
            away(other, colour) < away(palette[best], colour) ? at : best, 0));
    });

    const places = Uint8Array.from(pixels, (pixel) => place.get(pixel));

    done([ canvas.width, canvas.height, encoded(Uint8Array.from(palette.flat())), encoded(places) ]);
};
picture.src = 'data:image/png;base64,' + data;
"""


def reduced(driver: webdriver.Chrome, png: bytes) -> bytes:
    """The same picture with 256 colours. The browser counts them, and is left on an empty page."""
    driver.get("about:blank")
    width, height, palette, pixels = driver.execute_async_script(REDUCE, base64.b64encode(png).decode())
    return indexed(width, height, base64.b64decode(palette), base64.b64decode(pixels))


def indexed(width: int, height: int, palette: bytes, pixels: bytes) -> bytes:
    """A PNG of colour type 3 (W3C PNG 11.2.1): `palette` is RGB of up to 256 colours, `pixels` one octet each."""
    rows = b"".join(b"\x00" + pixels[start : start + width] for start in range(0, width * height, width))
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"PLTE", palette), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
