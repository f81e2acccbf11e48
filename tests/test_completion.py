"""`homeline completion`: what bash offers after `homeline`, tried in a bash."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from homeline import client

bash = shutil.which("bash")
pytestmark = pytest.mark.skipif(bash is None, reason="bash is not installed")


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["homeline", "st"], {"status"}),
        (["homeline", "d"], {"decode-pdu", "deliveries", "doctor"}),
        (["homeline", "--v"], {"--version"}),
        (["homeline", "inbox", "--un"], {"--unread"}),
        (["homeline", "send", "+41791234567", "--no"], {"--no-report"}),
        (["homeline", "send", "--r"], {"--report"}),  # not --root: that is the lab's
        (["homeline", "nonsense", "--"], set()),
    ],
)
def test_offers(words: list[str], offered: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert client.main(["completion"]) == 0
    script = capsys.readouterr().out
    assert bash is not None
    program = f'{script}\nCOMP_WORDS=("$@") COMP_CWORD=$(($# - 1))\n_homeline\necho "${{COMPREPLY[@]}}"'
    asked = subprocess.run(
        [bash, "--norc", "-c", program, "bash", *words],
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    )
    assert set(asked.stdout.split()) == offered
    assert asked.stderr == ""
