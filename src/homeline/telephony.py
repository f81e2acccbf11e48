"""What the daemon and the process that renders Asterisk's files tell each other, and the names both sides use.

The daemon sends `Facts` and the configuration; the renderer answers with `Rendered`. Both go through a pipe as JSON.
What Asterisk's dial plan and the daemon tell each other goes through AstDB (docs/asterisk.md): the families are here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

INCLUDED = (
    "pjsip.conf",
    "rtp.conf",
    "extensions.conf",
    "manager.conf",
    "logger.conf",
    "modules.conf",
    "hep.conf",
    "dongle.conf",
    "quectel.conf",
)  # files of Asterisk that get an include line where they exist or we need them
# The line that includes ours stands at the file's end, and here below the head of this section too: of two values there
# Asterisk takes the first up to version 22, and the last from 23 on.
INCLUDED_BELOW = {"rtp.conf": "general"}

CALLS_FAMILY = "homeline-call"  # key: unique id of the first channel; value: the record of a call that has ended
GRANT_FAMILY = "homeline-grant"  # key: outbound section; value: "GRANT,UNTIL,SECONDS", written by the daemon alone
USED_FAMILY = "homeline-used"  # key: outbound section; value: "GRANT,SECONDS", written by the dial plan alone
TEXTS_FAMILY = "homeline-sms"  # key: a SIP MESSAGE of a phone that may send SMS; value: what it says
CALL_STARTED = "HomelineCallStarted"  # UserEvents: hints to look, never the only way that something is told
CALL_ENDED = "HomelineCallEnded"
TEXTED = "HomelineTexted"  # likewise
# Of a call that Twilio hands over to a router which has registered there: the digits of the number to be called.
NUMBER_HEADER = "X-Homeline-Number"
# By which we see what is in force, since a reload that kept the old file answers Success too: a global variable of the
# dial plan with the digest of extensions.conf, and `set_var = HOMELINE_RENDERED=DIGEST` of each endpoint in pjsip.conf.
MARKER = "HOMELINE_RENDERED"
MARK = "mark"  # kind of `Rendered.objects`: "extensions.conf=DIGEST", and "NAME=DIGEST" for each marked endpoint


@dataclass(frozen=True, slots=True)
class Facts:
    """What rendering depends on besides the configuration. Equal facts give equal files."""

    root: str = "/"  # paths in the files are below it
    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # host name: addresses, the first preferred
    sections: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # the owner's file: sections that it has,
    # and "type=global" where one of pjsip.conf is that, by whatever name (Asterisk takes one alone), and "autoload=yes"
    # where [modules] has that: then nothing need be named there
    ami_secret: str = ""
    version: tuple[int, ...] = ()  # Asterisk's, () is not known
    modules: tuple[str, ...] | None = None  # modules that are installed, such as res_srtp; None is not known
    closed: str = ""  # why no call may go out: what the audit found; "" is all is well
    # Not None where SIP endpoints of the owner's let strangers in: networks of his own trunks. SIP is then taken from
    # these, and from the networks of our trunks and phones, alone.
    fence: tuple[str, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Facts:
        """The inverse of `to_json`, through JSON's own types."""
        return cls(
            root=data["root"],
            addresses={name: tuple(found) for name, found in data["addresses"].items()},
            sections={name: tuple(found) for name, found in data["sections"].items()},
            ami_secret=data["ami_secret"],
            version=tuple(data["version"]),
            modules=None if data["modules"] is None else tuple(data["modules"]),
            closed=data["closed"],
            fence=None if data["fence"] is None else tuple(data["fence"]),
        )


@dataclass(frozen=True, slots=True)
class Rendered:
    """Asterisk's files, and what must be there once Asterisk has read them."""

    files: Mapping[str, str] = field(default_factory=dict)  # name below Paths.rendered: content
    objects: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # kind: names: endpoint, aor, auth, identify,
    # registration, transport, context (each as Asterisk shows it), and MARK
    restart: str = ""  # digest of what only a restart of Asterisk changes
    needed: tuple[str, ...] = ()  # modules without which it does not work, such as res_pjsip
    problems: tuple[tuple[str, str, str], ...] = ()  # where, text, advice

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Rendered:
        """The inverse of `to_json`, through JSON's own types."""
        return cls(
            files=dict(data["files"]),
            objects={kind: tuple(names) for kind, names in data["objects"].items()},
            restart=data["restart"],
            needed=tuple(data["needed"]),
            problems=tuple((where, text, advice) for where, text, advice in data["problems"]),
        )


def dumps(item: Facts | Rendered) -> str:
    """One line of JSON."""
    return json.dumps(item.to_json(), ensure_ascii=True, sort_keys=True)
