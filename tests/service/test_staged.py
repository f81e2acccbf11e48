"""Sections as a page has them, as the text of UCI's files."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeline import config
from homeline.errors import InvalidArgument
from homeline.protocol import uci
from homeline.service.staged import PLACEHOLDER, staged_texts
from hostile import HOSTILE

ANNA = {".type": "phone", ".name": "anna", ".anonymous": False, ".index": 1, "number": "10"}


def test_sections_become_files() -> None:
    main, secrets = staged_texts([ANNA, {".type": "rule", ".name": "cfg02", ".anonymous": True, "channels": ["a"]}], "")
    assert uci.parse(main)[0] == uci.Section("phone", "anna", options={"number": "10"})
    assert (uci.parse(main)[1].anonymous, uci.parse(main)[1].options) == (True, {"channels": ["a"]})
    assert uci.parse(secrets) == []


def test_secrets_that_were_typed_are_taken_as_set() -> None:
    before = "config phone 'anna'\n\toption password 'the old one'\nconfig trunk 'peer'\n\toption password 'kept'"
    main, secrets = staged_texts([{**ANNA, ".secrets": ["password"]}], before)
    found = {section.name: section.options for section in uci.parse(secrets)}
    assert found == {"anna": {"password": PLACEHOLDER}, "peer": {"password": "kept"}}
    (phone,) = config.read(main, secrets).phones
    assert phone.password == PLACEHOLDER


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_]{1,9}", fullmatch=True), st.sampled_from(sorted(HOSTILE.values())), max_size=4
    )
)
def test_values_stay_what_they_are(options: dict[str, str]) -> None:
    options = {name: value for name, value in options.items() if "\0" not in value}
    main, _ = staged_texts([{".type": "phone", ".name": "anna", **options}], "")
    assert uci.parse(main)[0].options == options


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {".type": "phone"},
        {".type": 1, ".name": "anna"},
        {**ANNA, "number": 10},
        {**ANNA, "ring": ["a", 1]},
        {**ANNA, ".name": "a b"},
        {**ANNA, ".type": "phone 'x'\n"},
        {**ANNA, "nu mber": "1"},
        {**ANNA, "number": "1\0"},
        {**ANNA, ".secrets": "password"},
        {**ANNA, ".secrets": [1]},
        {**ANNA, ".secrets": ["a b"]},
    ],
)
def test_what_is_no_section_is_refused(entry: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        staged_texts([entry], "")
