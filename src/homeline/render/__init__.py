"""Configuration -> Asterisk's files, as a pure function.

It runs as a process that ends again (`python3 -m homeline.render`), as it needs Jinja2: the daemon imports none of it.
"""

from __future__ import annotations

from homeline.config_options import Config
from homeline.render import system
from homeline.telephony import Facts, Rendered


def render(config: Config, facts: Facts) -> Rendered:
    """Asterisk's files for this configuration; none where `sip.enabled` is off. Equal arguments give equal octets.

    RenderError says which section and option cannot be written.
    """
    if not config.sip.enabled:
        return Rendered()
    return Rendered(files={"rtp.conf": system.rtp(config, facts)})
