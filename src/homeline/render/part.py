"""What a part of Asterisk's files comes to: its sections, and what the owner should know about them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from homeline.config_options import Config
from homeline.core.trunks import is_number
from homeline.render.conf import Section
from homeline.telephony import MARKER, Facts

Problem = tuple[str, str, str]  # where, text, advice


@dataclass(frozen=True, slots=True)
class Part:
    """Sections of one file with their problems."""

    sections: Sequence[Section] = ()
    problems: Sequence[Problem] = ()

    def __add__(self, other: Part) -> Part:
        return Part((*self.sections, *other.sections), (*self.problems, *other.problems))


def joined(parts: Iterable[Part]) -> Part:
    """All of them in order."""
    return sum(parts, Part())


def has(facts: Facts, file: str, section: str) -> bool:
    """Whether the owner's own file has the section, so that ours must add to it."""
    return section in facts.sections.get(file, ())


def digest(text: str, key: str = "") -> str:
    """16 hexadecimal digits that another text does not give. With a key nobody can try guesses of the text on them."""
    return hashlib.blake2b(text.encode(), key=key.encode()[:64], digest_size=8).hexdigest()


def marked(sections: Sequence[Section], facts: Facts) -> list[Section]:
    """The sections of one endpoint, which gets a mark by which it is seen whether they are in force.

    The mark covers passwords, and people who may not know them may see it: so it is keyed.
    """
    text = repr([(section.name, tuple(section.options)) for section in sections])
    mark = ("set_var", f"{MARKER}={digest(text, facts.ami_secret)}")
    return [
        replace(section, options=(*section.options, mark)) if ("type", "endpoint") in section.options else section
        for section in sections
    ]


def addresses(host: str, facts: Facts) -> tuple[str, ...]:
    """The host's addresses, the preferred one first; () while none is known."""
    return (host,) if is_number(host) else tuple(facts.addresses.get(host, ()))


def is_ipv6(config: Config) -> bool:
    """Whether our transports speak IPv6: each speaks one of the two, that of `sip.bind`."""
    return ":" in config.sip.bind


def fitting(found: Iterable[str], config: Config) -> list[str]:
    """The addresses and networks of the family that our transports speak."""
    return [address for address in found if (":" in address) == is_ipv6(config)]
