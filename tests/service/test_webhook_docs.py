"""docs/webhook.md against the code: its tables, and its receivers on a request that was signed."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from homeline import config
from homeline.service.channels.webhook import signature
from homeline.service.channels.webhook_presets import PRESETS, json_octets, octets

TEXT = (Path(__file__).parents[2] / "docs/webhook.md").read_text()
KEY = "a key with blanks, ' and \""
BODY = '{"text": "grüezi $(reboot) \\n"}\n'.encode()


def block(language: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    assert len(found) == 1
    return str(found[0])


def python(header: str, body: bytes, _folder: Path) -> bool:
    space: dict[str, Callable[[str, bytes, str], bool]] = {}
    exec(block("python"), space)
    return space["is_from_homeline"](header, body, KEY)


def shell(header: str, body: bytes, folder: Path) -> bool:
    (folder / "body").write_bytes(body)
    given = {"PATH": "/usr/bin:/bin", "header": header, "key": KEY, "body": str(folder / "body")}
    return subprocess.run(["sh", "-c", block("sh")], env=given, timeout=20).returncode == 0


@pytest.mark.parametrize("receiver", [python, shell], ids=["python", "shell"])
def test_the_receivers(receiver: Callable[[str, bytes, Path], bool], tmp_path: Path) -> None:
    if receiver is shell and not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    now = int(time.time())
    assert receiver(signature(KEY, now, BODY), BODY, tmp_path)
    assert not receiver(signature(KEY, now, BODY), BODY + b" ", tmp_path)
    assert not receiver(signature("another key", now, BODY), BODY, tmp_path)
    assert not receiver(signature(KEY, now - 301, BODY), BODY, tmp_path)  # recorded and sent again
    assert not receiver(signature(KEY, now - 301, BODY).replace(str(now - 301), str(now)), BODY, tmp_path)


def test_the_table_of_presets() -> None:
    lines = re.findall(r"^\| `\w+` \|.*\|.*\|.*\|.*\|.*\|$", TEXT, re.MULTILINE)
    rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]
    limits = {row[0].strip("`"): row[4] for row in rows}
    assert limits == {
        name: f"{preset.limit} {'octets' if preset.size in (octets, json_octets) else 'characters'}"
        for name, preset in PRESETS.items()
    }
    levels = {row[0].strip("`"): row[5] for row in rows}
    for name in ("ntfy", "gotify", "pushover"):
        assert levels[name] == ", ".join(map(str, PRESETS[name].levels))


EXAMPLES = re.findall(r"^```\n(config .*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples(example: str) -> None:
    secret = "config webhook 'team'\n\toption secret_url 'https://hooks.slack.com/services/x'\n"
    main = f"config homeline 'main'\n\toption enabled '1'\n\n{example}"
    found = config.read(main, secret if "'team'" in example else "")
    assert found.problems == ()
    assert len(found.accounts) == 1
