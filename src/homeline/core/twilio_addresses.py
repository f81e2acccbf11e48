"""Where Twilio's calls come from, and by which host names it is reached.

The networks are Twilio's published SIP signalling addresses, the same for SIP domains and Elastic SIP trunks. Every
customer of Twilio calls from them, so they are necessary and never sufficient: the dial plan asks for the account too.

Sources: www.twilio.com/docs/sip-trunking/ip-addresses (networks),
www.twilio.com/docs/global-infrastructure/localized-uris (host names; `sip-uris` and `termination`),
www.twilio.com/docs/global-infrastructure/regional-sip-domains (the region is set at Twilio, no name tells it).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from homeline.config_calls import EDGES, Trunk, TrunkType

AS_OF = "2026-01"  # year and month of the newest dated copy of the list that the table was held against

NETWORKS: Mapping[str, tuple[str, ...]] = {
    "ashburn": ("54.172.60.0/30",),
    "umatilla": ("54.244.51.0/30",),
    "dublin": ("54.171.127.192/30",),
    "frankfurt": ("35.156.191.128/30",),
    "singapore": ("54.169.127.128/30",),
    "tokyo": ("54.65.63.192/30",),
    "sao-paulo": ("177.71.206.192/30",),
    "sydney": ("54.252.254.64/30",),
}  # by edge location

HOME = "us1"  # the region of names without an edge, and the only one where functions are not a trial
_NEAREST = {HOME: "ashburn", "ie1": "dublin", "au1": "sydney"}  # a region's own edge
_GLOBAL = re.compile(r"(?P<name>.+)\.(?P<kind>sip|pstn)\.twilio\.com\.?", re.IGNORECASE)


def api_place(region: str, edge: str) -> tuple[str, str]:
    """Edge and region in the names of the REST API (`api.EDGE.REGION.twilio.com`); ("", "") for the plain names.

    Names with a region alone are not: Twilio gave them up in April 2026
    (www.twilio.com/docs/global-infrastructure/using-the-twilio-rest-api-in-a-non-us-region).
    """
    if not edge and region in ("", HOME):
        return "", ""
    return edge or _NEAREST[region], region or HOME


def sources(trunk: Trunk) -> tuple[str, ...]:
    """The networks from which this trunk's calls may come: `allowed`, else for Twilio what is published of its edges.

    Without edges all of them, as Twilio asks for. () for another provider without `allowed`: the addresses of its host.
    """
    if trunk.allowed or trunk.type is not TrunkType.TWILIO:
        return trunk.allowed
    return tuple(network for edge in trunk.edges or EDGES for network in NETWORKS.get(edge, ()))


def hosts(trunk: Trunk) -> tuple[str, ...]:
    """The host names to send calls and registrations to, the best first; never empty.

    A Twilio domain's name gets each of the trunk's edges, or that of its region. A name that has an edge already, and
    every other host, stays as it is.
    """
    found = _GLOBAL.fullmatch(trunk.host)
    edges = trunk.edges or ((_NEAREST[trunk.region],) if trunk.region not in ("", HOME) else ())
    if trunk.type is not TrunkType.TWILIO or not found or not edges:
        return (trunk.host,)
    return tuple(f"{found['name']}.{found['kind']}.{edge}.twilio.com" for edge in edges)
