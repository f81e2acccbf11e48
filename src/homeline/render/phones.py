"""pjsip.conf: softphones that register at the router. Each is an endpoint, an auth and an aor of its section's name."""

from __future__ import annotations

from homeline.config_calls import Phone, Where
from homeline.config_options import Config
from homeline.render import peers
from homeline.render.conf import Section
from homeline.render.part import Part, joined, marked
from homeline.telephony import Facts


def here(config: Config) -> list[Phone]:
    """The phones that register at the router."""
    return [phone for phone in config.phones if phone.enabled and phone.where is Where.ROUTER]


def phones(config: Config, facts: Facts) -> Part:
    return joined(_phone(phone, config, facts) for phone in here(config))


def _phone(phone: Phone, config: Config, facts: Facts) -> Part:
    allow, problems = peers.codecs(phone.name, phone.codecs, facts, default=phone.codecs == Phone(phone.name).codecs)
    sections = [_endpoint(phone, config, facts, allow), peers.auth(phone.name, phone.name, phone.password), _aor(phone)]
    return Part(marked(sections, facts), problems)


def _endpoint(phone: Phone, config: Config, facts: Facts, allow: list[str]) -> Section:
    """Known by its name and then by its password, from its networks only."""
    options = [
        ("type", "endpoint"),
        ("context", f"homeline-phone-{phone.name}"),
        ("identify_by", "username"),
        ("auth", phone.name),
        ("aors", phone.name),
        ("callerid", _caller_id(phone)),
        ("trust_id_inbound", "no"),
        ("force_rport", "yes"),
        ("rewrite_contact", "yes"),
        *peers.media(allow, phone.dtmf, secure=phone.secure),
        *peers.closed(config, f"homeline-message-{phone.name}" if phone.sms and not facts.closed else peers.NOWHERE),
        *peers.only_from(phone.allow_from or config.sip.local_networks),
    ]
    return Section(phone.name, options)


def _caller_id(phone: Phone) -> str:
    """Who calls, for other phones: not what the phone says of itself."""
    return f'"{phone.display or phone.name}" <{phone.number or phone.name}>'


def _aor(phone: Phone) -> Section:
    """A phone that comes back at another address takes the place of its oldest registration."""
    options = [
        ("type", "aor"),
        ("max_contacts", str(phone.devices)),
        ("remove_existing", "yes"),
        ("qualify_frequency", "60"),
        ("qualify_timeout", "10"),  # seconds in which a sleeping phone wakes up
        ("minimum_expiration", "60"),
        ("default_expiration", "600"),
        ("maximum_expiration", "7200"),
    ]
    return Section(phone.name, options)
