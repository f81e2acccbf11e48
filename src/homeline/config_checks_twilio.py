"""What the rows alone cannot say of `config twilio 'twilio'`. Nothing is left out for it: calls go on as they are."""

from __future__ import annotations

from collections.abc import Iterator

from homeline.config_checks import Tell
from homeline.config_options import Config
from homeline.config_sip import Twilio


def account(config: Config, tell: Tell) -> None:
    """Says what of the account does not fit together."""
    twilio = config.twilio
    for option, reason, advice in (*_owing(twilio), *_webhook(twilio), *_idle(twilio)):
        tell.odd("twilio", option, reason, advice)


_Odd = Iterator[tuple[str, str, str]]  # option, reason, advice


def _owing(twilio: Twilio) -> _Odd:
    """What needs something else that is not set."""
    if twilio.api_key and not twilio.api_secret:
        yield "api_secret", "is not set; it belongs in /etc/config/homeline_secret", "nothing can be set up at Twilio"
    if twilio.api_secret and not twilio.api_key:
        yield "api_key", "is required, as api_secret is set", "nothing can be set up at Twilio"
    if (twilio.api_key or twilio.webhook) and not twilio.account_sid:
        yield "account_sid", "is not set", "it is shown at the top of Twilio's console"
    if twilio.domain and twilio.domain_name == twilio.trunk_domain_name:
        yield "trunk_domain", "is the name of the softphones' domain as well", "leave it out, and one is derived"


def _webhook(twilio: Twilio) -> _Odd:
    """What keeps the webhook from working."""
    if bool(twilio.certificate) != bool(twilio.key):
        yield "certificate", "certificate and key go together; only one is set", "the webhook does not start"
    if twilio.webhook and not twilio.public_url:
        yield "public_url", "is not set", "without it no request can be known as Twilio's: the webhook does not start"
    if twilio.webhook and not twilio.auth_token:
        reason = "is not set; it belongs in /etc/config/homeline_secret"
        yield "auth_token", reason, "without it no request can be known as Twilio's: the webhook does not start"


def _idle(twilio: Twilio) -> _Odd:
    """What is set and does nothing."""
    if twilio.routing == "webhook" and not twilio.webhook:
        yield "routing", "is 'webhook', and twilio.webhook is off", "set one or the other"
    for option in ("voicemail", "inbound_sms"):
        if getattr(twilio, option) and not twilio.webhook:
            yield option, "does nothing, as twilio.webhook is off", ""
    if twilio.voicemail and twilio.webhook and twilio.routing != "webhook":
        yield "voicemail", "does nothing, as twilio.routing is not 'webhook'", ""
    for option in ("transcribe", "delete_recordings"):
        if getattr(twilio, option) and not twilio.voicemail:
            yield option, "does nothing, as twilio.voicemail is off", ""
