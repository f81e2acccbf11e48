"""The rows of `config twilio 'twilio'`: the account at Twilio, what is to be made there, and what was.

Loaded with `config_calls`. What a row cannot say alone is in `config_checks_twilio`.
"""

from __future__ import annotations

import re

from homeline import config_types as t
from homeline.config_types import Kind, Option

REGIONS = ("us1", "ie1", "au1")
ROUTINGS = ("webhook", "function", "none")  # who answers Twilio when it asks where a call goes

# A label of DNS (RFC 1123 2.1): 63 characters, of which `-trunk` may take six.
DOMAIN = t.matching(r"[a-z0-9]([a-z0-9-]{0,55}[a-z0-9])?", "up to 57 lower-case letters, digits and `-`")
_API_KEY = t.matching(r"SK[0-9a-f]{32}", "`SK` and 32 hexadecimal digits")
_TOKEN = t.matching(r"[A-Za-z0-9]{16,64}", "letters and digits, at least 16")
_ADOPTED = t.matching(r"[A-Za-z0-9_.+-]{1,64}( [A-Za-z0-9_.+-]{1,64}){0,3}", "a SID, a name or a number")
MADE = t.matching(
    r"[a-z_]{1,40}(:[A-Za-z0-9_.+-]{1,64})?=[A-Za-z0-9_.+:,-]{1,1400}", "a kind, `=` and what Twilio calls it"
)


def _public_url(value: str) -> str:
    """The address that Twilio is given, to which paths of ours are added: no query, and no slash at its end."""
    url = str(t.URL.parse(value))
    if "?" in url or "#" in url:
        raise ValueError("must not have a query or a fragment")
    if re.fullmatch(r"https?://[^/]*/?", url) is None and "//" in url.split("://", 1)[1]:
        raise ValueError("has an empty part in its path")
    return url.rstrip("/")


PUBLIC_URL = Kind("an address that begins with `https://` or `http://`, without a query", _public_url)

TWILIO = (
    Option("account_sid", t.ACCOUNT_SID, "The account's SID, `AC` and 32 digits."),
    Option("api_key", _API_KEY, "The SID of an API key of that account and region, with which Homeline sets it up."),
    Option("api_secret", _TOKEN, "The key's secret.", secret=True),
    Option(
        "auth_token",
        _TOKEN,
        "The account's auth token. Used only to know Twilio's requests to the webhook.",
        secret=True,
    ),
    Option("region", t.choice(*REGIONS), "The region where everything is made. Without it `us1`."),
    Option("edge", t.EDGE, "The edge location by which Twilio is asked. Without it the region's own."),
    Option("domain", DOMAIN, "The softphones' SIP domain, without `.sip.twilio.com`. Without it one is derived."),
    Option("trunk_domain", DOMAIN, "The trunk's SIP domain, likewise. Without it `domain` and `-trunk`."),
    Option("caller_id", t.E164, "A number that Twilio has verified, shown on calls that do not go through the SIM."),
    Option(
        "static_address", t.BOOLEAN, "Whether `sip.external_address` never changes, and so is proof enough to Twilio."
    ),
    Option("secure", t.BOOLEAN, "Whether softphones must use TLS, with SRTP. Trunks have their own `secure`."),
    Option(
        "routing", t.choice(*ROUTINGS), "What tells Twilio where a call goes: our webhook, or a function at Twilio."
    ),
    Option("adopt", _ADOPTED, "What Homeline did not make and may change: SIDs, names or numbers.", many=True),
    Option("webhook", t.BOOLEAN, "Whether the webhook's server runs."),
    Option("public_url", PUBLIC_URL, "The webhook's address as Twilio calls it. Signatures are of this one only."),
    Option("bind", t.ADDRESS, "The router's address where the webhook's server listens."),
    Option("port", t.integer(1024, 65535), "Its port; those below are root's."),
    Option("certificate", t.CA_FILE, "Its certificate for TLS, a PEM file. Without it HTTP, for a reverse proxy."),
    Option("key", t.CA_FILE, "The certificate's private key, a PEM file."),
    Option("voicemail", t.BOOLEAN, "Whether Twilio records a message where no softphone answers. Needs the webhook."),
    Option("transcribe", t.BOOLEAN, "Whether Twilio writes down what was said (English only, and it costs)."),
    Option("delete_recordings", t.BOOLEAN, "Whether a recording is deleted at Twilio once it is here."),
    Option("inbound_sms", t.BOOLEAN, "Whether SMS to a number at Twilio come into the inbox. Needs the webhook."),
    Option("made", MADE, "What Homeline made at Twilio, written by `homeline twilio apply`. Leave it.", many=True),
)
