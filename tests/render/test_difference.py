"""What a rendering changes, shown to whoever may ask over the bus: never a secret."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline.render import difference
from homeline.render.difference import HIDDEN, differences

SECRET = "corr3ct-horse"


def test_equal_files_are_not_named() -> None:
    assert differences({"a.conf": "x\n"}, {"a.conf": "x\n"}) == {}


def test_lines_of_a_unified_diff() -> None:
    found = differences({"a.conf": "1\n2\n3", "gone.conf": "x\n"}, {"a.conf": "1\n2b\n3", "new.conf": ""})
    assert found == {
        "a.conf": ["--- a/a.conf", "+++ b/a.conf", "@@ -1,3 +1,3 @@", " 1", "-2", "+2b", " 3"],
        "gone.conf": ["--- a/gone.conf", "+++ /dev/null", "@@ -1 +0,0 @@", "-x"],
    }


@pytest.mark.parametrize(
    "line",
    [
        "password = {}",
        "password={}",
        "  Password => {}",
        "secret = {}",
        "outbound_password = {}",
        "md5_cred = {}",
        "oauth_secret={}",
        "password_digest = SHA-256:x:{}",
    ],
)
@pytest.mark.parametrize("other", ["", "x = 1\n"])
def test_a_secret_is_not_shown_and_its_change_is(line: str, other: str) -> None:
    old, new = f"[a]\n{other}{line.format(SECRET)}\n", f"[a]\n{other}{line.format(SECRET.upper())}\n"
    lines = differences({"a.conf": old}, {"a.conf": new})["a.conf"]
    assert SECRET not in str(lines).lower()
    assert [shown[0] for shown in lines if shown.endswith(HIDDEN)] == ["-", "+"]
    beside = differences({"a.conf": old}, {"a.conf": old + "y = 2\n"})["a.conf"]
    assert SECRET not in str(beside)
    assert any(shown.startswith(" ") and shown.endswith(HIDDEN) for shown in beside)


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_can_be_compared(old: str, new: str) -> None:
    assert bool(differences({"a.conf": old}, {"a.conf": new})) == (old != new)


def test_much_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(difference, "MAX_LINES", 10)
    found = differences({}, {"a.conf": "x\n" * 50, "b.conf": "x\n" * 50})
    assert len(found["a.conf"]) == 11
    assert found["a.conf"][-1] == found["b.conf"][-1] == "… (more was left out)"
