"""Twilio's library cut: what is named stays and works, with what it imports; the rest goes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CUT = Path(__file__).parents[2] / "package/python-twilio/cut.py"
FILES = {
    "__init__.py": '__version__ = "1"\n',
    "base.py": '"""Words."""\nimport requests\nfrom twilio.sending import Sender\nLIMIT: int = 5\nnothing: str\n',
    "sending.py": "class Sender: pass\n",
    "jwt.py": "x = 1\n",
    "rest/__init__.py": "from twilio.rest.api import Api\n",
    "rest/api/__init__.py": "from twilio.rest.api.calls import Calls\nclass Api: pass\n",
    "rest/api/calls.py": "class Calls: pass\n",
    "rest/api/domain.py": '''"""A domain."""
from typing import TYPE_CHECKING, Optional
from twilio.base import LIMIT
from twilio.rest.api.calls import Calls
if TYPE_CHECKING:
    from twilio.jwt import x
class Domain:
    """One."""
    name: Optional[str] = None
    sid: Unknown
    def fetch(self, limit: Unknown = LIMIT) -> "Unknown":
        """Gives it."""
        return limit
    def calls(self): return Calls()
    def nothing(self):
        """Has words only."""
    def fetch_with_http_info(self): return 1
    async def fetch_async(self): return 1
''',
    "rest/video/__init__.py": "x = 1\n",
}


def cut(tree: Path, names: str) -> subprocess.CompletedProcess[str]:
    for name, text in FILES.items():
        path = tree / "twilio" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tree / "modules").write_text(names)
    command = [sys.executable, str(CUT), str(tree), str(tree / "modules")]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_what_is_named_stays(tmp_path: Path) -> None:
    done = cut(tmp_path, "# words\ntwilio.rest.api.domain # one\nwithout requests\nwithout twilio.sending\n")
    assert (done.returncode, done.stderr) == (0, "")
    left = {str(path.relative_to(tmp_path / "twilio")) for path in (tmp_path / "twilio").rglob("*")}
    names = ("__init__.py", "base.py", "rest/__init__.py", "rest/api/__init__.py", "rest/api/domain.py")
    assert left == {*names, "rest", "rest/api"}
    assert (tmp_path / "twilio/rest/api/__init__.py").read_text() == ""
    text = (tmp_path / "twilio/rest/api/domain.py").read_text()
    for gone in ("Unknown", "Optional[", "One.", "Gives", "words", "async", "http_info", "jwt", "import Calls"):
        assert gone not in text
    script = (
        "from twilio.rest.api.domain import Domain as D; print(D().fetch(), D().nothing(), D.name, hasattr(D, 'sid'))"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("5 None None False\n", "")


def test_the_same_again(tmp_path: Path) -> None:
    trees = [tmp_path / name for name in "ab"]
    for tree in trees:
        cut(tree, "twilio.rest.api.domain\nwithout requests\n")
    first, second = ({path.name: path.read_bytes() for path in tree.rglob("*.py")} for tree in trees)
    assert first == second


@pytest.mark.parametrize("name", ["twilio.rest.api.none", "other"])
def test_a_name_that_there_is_not(tmp_path: Path, name: str) -> None:
    done = cut(tmp_path, f"{name}\n")
    assert done.returncode == 1
    assert name in done.stderr
