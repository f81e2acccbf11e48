"""pjsip.conf: an access list before everything else, while endpoints of the owner's let strangers in.

What an owner wrote stays as it is, so a call that gets into his dial plan goes its way, whatever ours refuses. Asterisk
looks at access lists before it looks for an endpoint: with one, a stranger from nowhere we know gets no further.
"""

from __future__ import annotations

from homeline.config_options import Config
from homeline.render import peers, phones, trunks
from homeline.render.conf import Section
from homeline.telephony import Facts

NAME = "homeline-fence"


def fence(config: Config, facts: Facts) -> list[Section]:
    """SIP from our trunks, our phones and the owner's own trunks; none where one of them may be anywhere."""
    if facts.fence is None:
        return []
    networks = [
        *config.sip.local_networks,
        *(network for phone in phones.here(config) for network in phone.allow_from),
        *trunks.sources(config, facts),
        *facts.fence,
    ]
    if any(network.endswith("/0") for network in networks):
        return []
    return [Section(NAME, [("type", "acl"), *peers.only_from(dict.fromkeys(networks))])]
