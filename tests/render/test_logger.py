"""The log: a dongle that Asterisk drives must not bring messages into it that the owner wants out of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from homeline.config_calls import Sip
from homeline.config_options import Config, Dongle, Main
from homeline.model import Driver
from homeline.render import system
from homeline.telephony import Facts

ASTERISK = (Dongle("stick", driver=Driver.CHAN_DONGLE),)


def levels(level: str, *, driven: bool, allowed: bool = False) -> tuple[str, int]:
    """The levels that are logged, and how many problems are told."""
    config = Config(
        main=Main(log_text=allowed), sip=replace(Sip(), log_level=level), dongles=ASTERISK if driven else ()
    )
    part = system.logger(config, Facts())
    ((_name, value),) = part.sections[0].options
    return value, len(part.problems)


@pytest.mark.parametrize("level", ["error", "warning"])
def test_levels_without_texts_are_as_wanted(level: str) -> None:
    assert levels(level, driven=True) == levels(level, driven=False)


@pytest.mark.parametrize(("level", "told"), [("notice", 0), ("verbose", 1), ("debug", 1)])
def test_levels_with_texts_need_the_owners_word(level: str, told: int) -> None:
    assert levels(level, driven=True) == ("error,warning", told)
    assert levels(level, driven=True, allowed=True) == levels(level, driven=False)
    assert "notice" in levels(level, driven=False)[0]
