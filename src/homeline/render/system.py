"""The files that are about Asterisk as a whole: rtp.conf."""

from __future__ import annotations

from homeline.config_options import Config
from homeline.render.conf import Section
from homeline.render.template import sections
from homeline.telephony import Facts


def has(facts: Facts, file: str, section: str) -> bool:
    """Whether the owner's own file has the section, so that ours must add to it."""
    return section in facts.sections.get(file, ())


def rtp(config: Config, facts: Facts) -> str:
    """The ports of media."""
    options = [("rtpstart", str(config.sip.rtp_start)), ("rtpend", str(config.sip.rtp_end))]
    return sections("rtp.conf", [Section("general", options, extends=has(facts, "rtp.conf", "general"))])
