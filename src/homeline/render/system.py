"""The files that are about Asterisk as a whole: rtp.conf, logger.conf, manager.conf, modules.conf, hep.conf."""

from __future__ import annotations

from collections.abc import Iterable

from homeline.config_options import Config
from homeline.errors import RenderError
from homeline.model import Driver
from homeline.protocol import ami
from homeline.render.conf import Section
from homeline.render.part import Part, digest, has
from homeline.telephony import Facts

ACCOUNT = "homeline"  # our account at Asterisk's manager
_LEVELS = {
    "error": "error",
    "warning": "error,warning",
    "notice": "error,warning,notice",
    "verbose": "error,warning,notice,security,verbose(3)",
    "debug": "error,warning,notice,security,verbose(5),debug",
}
_MIN_SECRET = 16
_TELLING = ("notice", "verbose", "debug")  # levels of the log that have texts and numbers of messages
_WRITE_TIMEOUT = "5000"  # milliseconds that Asterisk waits for us to take an event


def rtp(config: Config, facts: Facts) -> Part:
    """The ports of media. Nothing outside is asked which address is ours: the configuration says it."""
    options = [
        ("rtpstart", str(config.sip.rtp_start)),
        ("rtpend", str(config.sip.rtp_end)),
        ("strictrtp", "yes"),
        ("icesupport", "no"),
    ]
    return Part([_added("rtp.conf", "general", options, facts)])


def logger(config: Config, facts: Facts) -> Part:
    """A channel to the system's log, beside the owner's.

    The drivers of dongles write each SMS and number into what is less than a warning, and the owner did not allow that.
    """
    level, problems = config.sip.log_level, []
    if driven(config) and not config.main.log_text and level in _TELLING:
        if level != "notice":
            text = f"is {level}, with which Asterisk's driver writes messages into the log: warning is used"
            problems.append(("sip.log_level", text, "set main.log_text if that may be so"))
        level = "warning"
    return Part([_added("logger.conf", "logfiles", [("syslog.daemon", _LEVELS[level])], facts)], problems)


def manager(config: Config, facts: Facts) -> Part:
    """The manager on loopback, and our account with the classes that we use and no more.

    RenderError without a good secret: with an empty one Asterisk lets in whoever sends none.
    """
    if len(facts.ami_secret) < _MIN_SECRET:
        raise RenderError(f"[{ACCOUNT}] secret: is shorter than {_MIN_SECRET} characters")
    general = [
        ("enabled", "yes"),
        ("bindaddr", "127.0.0.1"),
        ("port", str(config.sip.ami_port)),
    ]
    account = [
        ("secret", facts.ami_secret),
        ("deny", "0.0.0.0/0"),
        ("permit", "127.0.0.1/32"),
        ("read", ",".join(ami.READ)),
        # Tried on the whole event, with all that strangers have written into it: so only at its start.
        ("eventfilter", f"^Event: ({'|'.join(ami.EVENTS)})[^A-Za-z]"),
        ("write", ",".join(ami.WRITE_DRIVERS if driven(config) else ami.WRITE)),
        ("writetimeout", _WRITE_TIMEOUT),
        ("displayconnects", "no"),
    ]
    problems = []
    if has(facts, "manager.conf", ACCOUNT):
        text = f"has an account '{ACCOUNT}', which is ours: of two Asterisk mixes the settings"
        problems.append(("manager.conf", text, "rename or delete it"))
    return Part([_added("manager.conf", "general", general, facts), Section(ACCOUNT, account)], problems)


def capture(config: Config, facts: Facts) -> Part:
    """Asterisk shows us what goes over SIP (`adapters.sip_watch`), at the manager's port, but by UDP.

    The key keeps others on this router from telling us tales.
    """
    options = [
        ("enabled", "yes"),
        ("capture_address", f"127.0.0.1:{config.sip.ami_port}"),
        ("capture_password", digest("messages", facts.ami_secret)),
        ("uuid_type", "call-id"),
    ]
    return Part([_added("hep.conf", "general", options, facts)])


def driven(config: Config) -> set[Driver]:
    """The channel drivers of Asterisk that have a dongle of ours."""
    return {dongle.driver for dongle in config.dongles if dongle.enabled} - {Driver.SERIAL}


def modules(needed: Iterable[str], facts: Facts) -> Part:
    """All modules are loaded; to an owner's own list what we need is added, if it is there (else it would be an error).

    So where all are loaded another configuration needs no restart.
    """
    if not has(facts, "modules.conf", "modules"):
        return Part([Section("modules", [("autoload", "yes")])])
    wanted = () if has(facts, "modules.conf", "autoload=yes") else sorted(set(needed) & set(facts.modules or ()))
    return Part([Section("modules", [("load", f"{module}.so") for module in wanted], extends=True)])


def _added(file: str, section: str, options: list[tuple[str, str]], facts: Facts) -> Section:
    return Section(section, options, extends=has(facts, file, section))
