"""Gets the paho-mqtt that OpenWrt has up to 25.12, from PyPI into a cache, beside the newer one that is installed.

What is tested with it is run with its folder at the front of PYTHONPATH.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from homeline_lab import debian
from homeline_lab.asterisk_programs import cache_folder
from homeline_lab.debian import CannotGet

VERSION = "1.6.1"


def find() -> Path | None:
    """Its folder in the cache."""
    folder = cache_folder() / f"paho-mqtt-{VERSION}"
    return folder if (folder / "paho/mqtt/client.py").exists() else None


def get() -> Path:
    """The one in the cache, else fetches it (some seconds). CannotGet."""
    cache = cache_folder()
    with debian.locked(cache, "paho-mqtt"):
        if found := find():
            return found
        with tempfile.TemporaryDirectory(prefix=".paho-", dir=cache) as work:
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
            command += ["--target", f"{work}/site", f"paho-mqtt=={VERSION}"]
            done = subprocess.run(command, capture_output=True, timeout=300, check=False)
            if done.returncode != 0:
                raise CannotGet(done.stderr.decode(errors="replace").strip()[-500:])
            debian.move(Path(work) / "site", cache / f"paho-mqtt-{VERSION}")
    if found := find():
        return found
    raise CannotGet("it is not complete")


if __name__ == "__main__":
    try:
        print(get())
    except CannotGet as error:
        sys.exit(f"paho-mqtt {VERSION} cannot be had: {error}")
