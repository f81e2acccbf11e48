"""Voice dialling permissions: the countries to which the account may call. They are the whole account's.

Source: www.twilio.com/docs/voice/api/dialingpermissions-country-resource. A country has three flags: ordinary numbers,
special numbers of high risk, numbers of toll fraud. Homeline only ever allows ordinary ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from homeline.twilio.account import Account
from homeline.twilio.trouble import Trouble

FLAGS = ("low_risk_numbers_enabled", "high_risk_special_numbers_enabled", "high_risk_tollfraud_numbers_enabled")
_WHERE = "voice.v1.dialing_permissions"


@dataclass(frozen=True, slots=True)
class Dialing:
    """Flags by country, as three digits; a country that Twilio does not tell of is not here."""

    flags: Mapping[str, str] = field(default_factory=dict)
    inherited: bool = False  # a subaccount whose parent's permissions count


def allowed(account: Account, countries: Iterable[str]) -> Dialing:
    """What is allowed now. Nothing is asked where there are no countries."""
    flags = {}
    for country in countries:
        try:
            with account.asking(f"Whether calls to {country} are allowed cannot be read"):
                found = account.resource(f"{_WHERE}.country:CountryContext", country).fetch()
                flags[country] = "".join("1" if getattr(found, flag) else "0" for flag in FLAGS)
        except Trouble as error:
            if error.status not in (403, 404):
                raise
    return Dialing(flags, bool(flags) and _inherited(account))


def _inherited(account: Account) -> bool:
    try:
        with account.asking("The settings of dialling cannot be read"):
            return (
                account.resource(f"{_WHERE}.settings:SettingsContext").fetch().dialing_permissions_inheritance is True
            )
    except Trouble as error:
        if error.status not in (403, 404):
            raise
        return False


def allow(account: Account, country: str, flags: str) -> None:
    """Sets a country's flags."""
    values = {name: "true" if flag == "1" else "false" for name, flag in zip(FLAGS, flags, strict=True)}
    with account.asking(f"Calls to {country} cannot be allowed"):
        update = account.resource(f"{_WHERE}.bulk_country_update:BulkCountryUpdateList")
        update.create(update_request=json.dumps([{"iso_code": country, **values}]))
