"""The translations of our pages as LuCI's dispatcher serves them: a script that sets `window.TR`."""

from __future__ import annotations

import importlib
import json
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[3]
ENGLISH = "en"


def _compiler() -> Any:
    """package/lmo.py, which the recipe runs."""
    folder = str(REPOSITORY / "package")
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module("lmo")


@cache
def languages() -> dict[str, Path]:
    """The files of translations by the codes that LuCI has for languages, such as zh-cn."""
    found = sorted((REPOSITORY / "po").glob("*/homeline.po"))
    return {_compiler().code(path.parent.name): path for path in found}


def chosen(setting: str, accepted: str) -> str:
    """The language of a page: as luci.main.lang says, else the first of Accept-Language that there is."""
    if setting != "auto":
        return setting.replace("_", "-")
    for tag in re.findall(r"[A-Za-z]+(?:-[A-Za-z]+)?", re.sub(r";[^,]*", "", accepted)):
        for code in (tag.lower(), tag.lower().partition("-")[0]):
            if code in languages() or code == ENGLISH:
                return str(code)
    return ENGLISH


def script(language: str) -> bytes:
    """What sets the translations; none for a language that there is not."""
    path = languages().get(language)
    if path is None:
        return b"window.TR={};"
    compiler = _compiler()
    texts = compiler.decoded(compiler.compiled(path.read_text()))
    return f"window.TR={json.dumps({f'{key:08x}': text for key, text in texts.items()})};".encode()
