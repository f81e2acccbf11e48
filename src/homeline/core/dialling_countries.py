"""What each country's numbers look like, from the library `phonenumbers`, as patterns of Asterisk's dial plan.

Only the process that renders the dial plan needs this: its library is imported where it is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from homeline.core.dialling_patterns import (
    ANYTHING,
    alternatives,
    beginning,
    beginnings,
    distinct,
    example,
    length,
    matches,
)
from homeline.errors import RenderError

SHORTEST, LONGEST = 7, 15  # digits of an international number (ITU-T E.164 6.2.1; fewer are short codes)
ASSIGNED = 3  # digits behind a calling code by which it is told whether a country has such numbers
EMERGENCY = ("112", "911")  # wherever a mobile phone is (3GPP TS 22.101 10.1.1)

_OPTIONAL = re.compile(r"(\[[0-9-]+\]|[0-9])\?")  # a digit that may be left out: `alternatives` would end there
_NANP = 1  # the North American numbering plan: its prefix 1 may be left out


@dataclass(frozen=True, slots=True)
class Form:
    """One way to dial: what matches becomes `before` and what follows the first `strip` characters."""

    pattern: str
    strip: int
    before: str

    def apply(self, dialled: str) -> str:
        return self.before + dialled[self.strip :]


@dataclass(frozen=True, slots=True)
class Forms:
    """How numbers are dialled in a country. The first that matches counts, international ones before national ones."""

    international: tuple[Form, ...]
    national: tuple[Form, ...] = ()


@dataclass(frozen=True, slots=True)
class Territory:
    """A country's numbers, as patterns of E.164: what begins like `own` and not like `not_own`."""

    own: tuple[str, ...]
    not_own: tuple[str, ...]


def forms(country: str) -> Forms:
    """The ways to dial in `country` (ISO 3166; "" knows only numbers that begin with +)."""
    anywhere = Form(_international("+"), 0, "")
    if not country:
        return Forms((anywhere,))
    data = _metadata(country)
    prefixes = distinct(alternatives(data.international_prefix)) if data.international_prefix else ()
    away = tuple(Form(_international(prefix), length(prefix), "+") for prefix in prefixes)
    return Forms((anywhere, *away), _national(data))


def _international(prefix: str) -> str:
    return f"{prefix}[1-9]{'X' * (SHORTEST - 1)}{ANYTHING}"


def _national(data: Any) -> tuple[Form, ...]:
    """By the lengths of the country's numbers; without their prefix only where people dial them so."""
    code, prefix = data.country_code, data.national_prefix or ""
    lengths = [10] if code == _NANP else sorted(data.general_desc.possible_length)
    found = []
    for digits in lengths:
        if not SHORTEST <= len(str(code)) + digits <= LONGEST:
            continue
        if prefix:
            found.append(Form(f"{prefix}[1-9]{'X' * (digits - 1)}", len(prefix), f"+{code}"))
        if code == _NANP:
            found.append(Form(f"[2-9]{'X' * (digits - 1)}", 0, f"+{code}"))
        elif not prefix:
            found.append(Form("X" * digits, 0, f"+{code}"))
    return (*found, *(_bare(data) if prefix and code != _NANP else ()))


def _bare(data: Any) -> tuple[Form, ...]:
    """Kinds of numbers that people write without the country's prefix, such as mobile ones in China."""
    library = _library()
    found: dict[str, Form] = {}
    for description in (data.fixed_line, data.mobile, data.toll_free):
        if not description or not description.example_number:
            continue
        number = library.PhoneNumber(country_code=data.country_code, national_number=int(description.example_number))
        written = library.format_number(number, library.PhoneNumberFormat.NATIONAL)
        if "".join(filter(str.isdigit, written)) != description.example_number:
            continue
        whole = set(description.possible_length) or set(data.general_desc.possible_length)
        patterns = (pattern for pattern in alternatives(_expression(description)) if length(pattern) in whole)
        found |= {pattern: Form(pattern, 0, f"+{data.country_code}") for pattern in patterns}
    return tuple(found.values())


@cache
def territory(country: str) -> Territory:
    """Where a country's numbers begin and which of those are not its own, or cost the caller more than others do.

    Countries that share a calling code (+1, +7, +44) are told apart as far as their numbers are. What begins like no
    number of the country is left out, as networks may make something dear of it: a prefix too much, directory services.
    """
    data = _metadata(country)
    not_own = [*beginnings(_expression(data.premium_rate)), *_dear(data)]
    if (own := _own(country, data)) == ("",):
        others = (region for region in _sharing(data.country_code) if region != country)
        not_own += [pattern for region in others for pattern in _own(region, _metadata(region))]
        own = _assigned(data)
    return Territory(_e164(data, own), _e164(data, distinct(not_own)))


def is_emergency(number: str, country: str) -> bool:
    """Whether a short number is for emergencies: its calls cost nothing, and no limit may stand in their way."""
    if number in EMERGENCY:
        return True
    try:
        from phonenumbers import shortnumberinfo
    except ImportError:
        return False
    return bool(country) and bool(shortnumberinfo.is_emergency_number(number, country))


def emergency(country: str) -> tuple[str, ...]:
    """The country's emergency numbers, and those that a mobile phone calls anywhere, as patterns.

    Only the latter where nothing is known of the country.
    """
    try:
        data = _library().PhoneMetadata.short_metadata_for_region(country) if country else None
    except RenderError:
        data = None
    expression = _OPTIONAL.sub(r"(?:\1|)", _expression(data.emergency) if data else "")
    return tuple(dict.fromkeys((*EMERGENCY, *(alternatives(expression) if expression else ()))))


def _e164(data: Any, patterns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"+{data.country_code}{pattern}{ANYTHING}" for pattern in patterns)


def _dear(data: Any) -> Iterator[str]:
    """How numbers begin that cost more without being of premium rate, but for what ordinary ones begin like as well."""
    ordinary = [kind.example_number for kind in (data.fixed_line, data.mobile) if kind and kind.example_number]
    for description in (data.shared_cost, data.personal_number, data.pager):
        for pattern in beginnings(_expression(description)):
            if not any(matches(pattern + ANYTHING, number) for number in ordinary):
                yield pattern


def _assigned(data: Any) -> tuple[str, ...]:
    """How the country's ordinary numbers begin, in a few digits: more would be long lists, and out of date sooner."""
    ordinary = (data.fixed_line, data.mobile, data.toll_free, data.voip, data.uan)
    expressions = [found for description in ordinary if (found := _expression(description))]
    patterns = (pattern for expression in expressions for pattern in alternatives(expression))
    return distinct(beginning(pattern, ASSIGNED) for pattern in patterns) or ("",)


def _own(country: str, data: Any) -> tuple[str, ...]:
    """How the country's national numbers begin; ("",) for one that has its calling code alone, or all but the rest."""
    if data.leading_digits:
        return beginnings(data.leading_digits)
    sharing = _sharing(data.country_code)
    if sharing[:1] == (country,) or len(sharing) == 1:
        return ("",)
    patterns = (*alternatives(_expression(data.fixed_line)), *alternatives(_expression(data.mobile)))
    apart = [pattern for pattern in patterns if _region(data.country_code, pattern) != sharing[0]]
    found = (pattern.rstrip("X") for pattern in apart or patterns)
    return distinct(pattern for pattern in found if pattern)


def _expression(description: Any) -> str:
    return (description.national_number_pattern if description else None) or ""


def _sharing(code: int) -> tuple[str, ...]:
    """The countries of a calling code, the main one first."""
    return tuple(_library().COUNTRY_CODE_TO_REGION_CODE[code])


def _region(code: int, pattern: str) -> str:
    """The country that the library finds for a number of this pattern."""
    library = _library()
    number = library.PhoneNumber(country_code=code, national_number=int(example(pattern) or 0))
    return library.region_code_for_number(number) or ""


def _metadata(country: str) -> Any:
    data = _library().PhoneMetadata.metadata_for_region(country)
    if data is None:
        raise RenderError(f"{country}: nothing is known of how this country's numbers look")
    return data


def _library() -> Any:
    """RenderError without it: national numbers and countries cannot be told apart then."""
    try:
        import phonenumbers
    except ImportError as error:
        raise RenderError(f"the Python library phonenumbers is missing: {error}") from None
    return phonenumbers
