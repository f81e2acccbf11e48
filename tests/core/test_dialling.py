"""What may be dialled and where it goes, without Asterisk."""

from __future__ import annotations

import re

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from homeline import config
from homeline.config import Config
from homeline.core.dialling import Decision, Refusal, decide, international, tables
from homeline.core.dialling_countries import forms, is_emergency, territory
from homeline.core.dialling_patterns import alternatives, beginnings, distinct, example, length, matches
from homeline.errors import RenderError

COUNTRIES = sorted(phonenumbers.SUPPORTED_REGIONS)
BASE = """
config sip 'sip'
	option enabled '1'
config homeline 'main'
	option country 'CH'
config dongle 'stick'
	option driver 'chan_dongle'
	option imei '123456789012345'
config line 'home'
	option dongle 'stick'
config phone 'alice'
	option number '23'
config phone 'bob'
	option number '24'
	list outbound 'swiss'
config phone 'cloud'
	option where 'twilio'
config trunk 'peer'
	option mode 'peer'
	option host 'sip.example.org'
	list allowed '192.0.2.7'
config outbound 'swiss'
	option via 'home'
	list countries 'CH'
	list numbers '112'
	list numbers '1414'
config outbound 'special'
	option via 'peer'
	list prefixes '+41900123'
	list numbers '0800'
config outbound 'abroad'
	option via 'peer'
	list countries 'GB'
	list countries 'US'
config outbound 'trunk'
	option via 'home'
	list sources 'peer'
	list prefixes '+4144'
"""
SECRETS = "\n".join(
    f"config phone '{name}'\n\toption password 'a long passphrase'" for name in ("alice", "bob", "cloud")
)


def read(text: str = BASE) -> Config:
    found = config.read(text, SECRETS)
    assert not found.problems, found.problems
    return found


def told(decision: Decision) -> str:
    """A decision in a word: rule:number, the phone, or the refusal."""
    if decision.gate:
        return f"{decision.gate.rule.name}:{decision.number}"
    return decision.phone or str(decision.refusal)


# --- patterns ---


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("+41!", "+41791234567", True),
        ("+41!", "+41", True),
        ("+41!", "+4", False),
        ("0[1-9]XX", "0123", True),
        ("0[1-9]XX", "0023", False),
        ("0[1-9]XX", "01234", False),
        ("0[1-9]XX", "01a3", False),
        ("9[0-35]!", "94", False),
        ("9[0-35]!", "95anything\n", True),
        ("XX", "٣٤", False),
        ("XX", "12\n", False),
        ("*100#", "*100#", True),
        ("*100#", "1100#", False),
    ],
)
def test_what_a_pattern_matches(pattern: str, text: str, expected: bool) -> None:
    assert matches(pattern, text) is expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("90[016]\\d{6}", ["90[016]XXXXXX"]),
        ("(?:8(?:4[2-5]|70)|9\\d)\\d{2}", ["84[2-5]XX", "870XX", "9XXX"]),
        ("845464\\d|7", ["845464X", "7"]),
        ("18\\d(?:\\d{2})?", ["18X"]),
        ("13\\d{4,8}", ["13XXXX"]),
        ("00", ["00"]),
        ("", [""]),
    ],
)
def test_a_regular_expression_becomes_patterns(expression: str, expected: list[str]) -> None:
    assert list(alternatives(expression)) == expected


@pytest.mark.parametrize("expression", ["a", "(?=1)2", "[^1]", "1.", "(1", "1)", "\\D"])
def test_another_regular_expression_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"expression|group"):
        list(alternatives(expression))


@given(st.lists(st.text("0123456789", min_size=1, max_size=5), max_size=8), st.text("0123456789", max_size=7))
def test_nothing_is_lost_by_leaving_out_what_another_one_begins_with(prefixes: list[str], number: str) -> None:
    kept = distinct(prefixes)
    assert any(number.startswith(p) for p in prefixes) == any(number.startswith(p) for p in kept)
    assert not any(one != other and one.startswith(other) for one in kept for other in kept)


@pytest.mark.parametrize("country", COUNTRIES)
def test_each_expression_of_the_library_becomes_patterns_that_it_matches(country: str) -> None:
    data = phonenumbers.PhoneMetadata.metadata_for_region(country)
    assert data
    for description in (data.fixed_line, data.mobile, data.premium_rate, data.toll_free):
        if not description or not description.national_number_pattern:
            continue
        expression = description.national_number_pattern
        patterns = list(alternatives(expression))
        assert 0 < len(patterns) < 2000
        for pattern in patterns:
            if length(pattern) in (description.possible_length or data.general_desc.possible_length):
                assert re.fullmatch(expression, example(pattern)) or len(example(pattern)) == 16
        if description.example_number:
            assert any(matches(f"{begin}!", description.example_number) for begin in beginnings(expression))


# --- countries ---


@pytest.mark.parametrize("country", COUNTRIES)
def test_examples_of_each_country_are_its_own_and_premium_rate_is_not(country: str) -> None:
    found = territory(country)
    for kind in (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE, PhoneNumberType.PREMIUM_RATE):
        number = phonenumbers.example_number_for_type(country, kind)
        if number and phonenumbers.region_code_for_number(number) == country:
            e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
            own = any(matches(p, e164) for p in found.own) and not any(matches(p, e164) for p in found.not_own)
            assert own is (kind is not PhoneNumberType.PREMIUM_RATE), e164


@pytest.mark.parametrize(
    ("country", "number"),
    [
        ("CH", "+410900123456"),  # networks that forgive a prefix too much connect premium rate
        ("CH", "+411811000"),
        ("CH", "+41848123456"),
        ("CH", "+41878123456"),
        ("DE", "+4911880"),  # directory services
        ("DE", "+49700123456"),
        ("DE", "+491801234567"),
        ("GB", "+447012345678"),  # personal numbers and pagers, the classics of fraud
        ("GB", "+447640123456"),
        ("GB", "+440900123456"),
        ("US", "+19005551234"),
        ("IT", "+39899123456"),
    ],
)
def test_what_costs_more_is_not_the_countrys(country: str, number: str) -> None:
    found = territory(country)
    assert any(matches(p, number) for p in found.not_own) or not any(matches(p, number) for p in found.own)


@pytest.mark.parametrize("country", COUNTRIES)
def test_national_numbers_are_read_as_the_library_reads_them(country: str) -> None:
    for kind in (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE):
        number = phonenumbers.example_number_for_type(country, kind)
        if not number:
            continue
        e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
        national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
        digits = "".join(character for character in national if character.isdigit())
        # Argentina's mobile numbers and Belarus' prefix of two digits are written in ways of their own.
        expected = "" if len(e164) < 8 or (country, kind) == ("AR", PhoneNumberType.MOBILE) or country == "BY" else e164
        assert international(forms(country), digits) == expected
        assert international(forms(country), e164) in (e164, "")


@pytest.mark.parametrize(
    ("country", "dialled", "expected"),
    [
        ("CH", "0791234567", "+41791234567"),
        ("CH", "0041791234567", "+41791234567"),
        ("CH", "791234567", ""),
        ("CH", "079123456", ""),
        ("CH", "00441632960000", "+441632960000"),
        ("IT", "0612345678", "+390612345678"),
        ("ES", "612345678", "+34612345678"),
        ("US", "2015550123", "+12015550123"),
        ("US", "12015550123", "+12015550123"),
        ("US", "5550123", ""),
        ("US", "011442079460000", "+442079460000"),
        ("CA", "5550123", ""),
        ("HU", "0612345678", "+3612345678"),
        ("RU", "89123456789", "+79123456789"),
        ("RU", "810442079460000", "+442079460000"),
        ("BR", "0021442079460000", "+442079460000"),
        ("AU", "0011442079460000", "+442079460000"),
        ("AU", "0412345678", "+61412345678"),
        ("CN", "13123456789", "+8613123456789"),
        ("", "0791234567", ""),
        ("", "+41791234567", "+41791234567"),
        ("CH", "+", ""),
        ("CH", "+0791234567", ""),
        ("CH", "+4179", ""),
        ("CH", "+1234567890123456", ""),
        ("CH", "+41791234567#", ""),
        ("CH", "112", ""),
        ("CH", "", ""),
    ],
)
def test_what_is_dialled_becomes_international(country: str, dialled: str, expected: str) -> None:
    assert international(forms(country), dialled) == expected


@pytest.mark.parametrize(
    ("country", "inside", "outside"),
    [
        ("US", "+12015550123", "+14165550123"),  # Toronto
        ("US", "+18005550123", "+18765550123"),  # Jamaica
        ("US", "+12125550123", "+19005550123"),  # premium rate
        ("CA", "+14165550123", "+12015550123"),
        ("JM", "+18765550123", "+18095550123"),  # Dominican Republic
        ("RU", "+79123456789", "+77123456789"),  # Kazakhstan
        ("KZ", "+77123456789", "+79123456789"),
        ("GB", "+442079460000", "+441481256789"),  # Guernsey
        ("GB", "+447400123456", "+447797712345"),  # a mobile phone of Jersey
        ("JE", "+441534456789", "+441624756789"),  # Isle of Man
        ("CH", "+41441234567", "+41900123456"),
        ("CH", "+41441234567", "+4190012345"),  # too short, and called all the same
        ("CH", "+41441234567", "+419001234567890"),  # too long
        ("IT", "+390612345678", "+390669812345"),  # Vatican City
    ],
)
def test_a_countrys_numbers_are_told_from_its_neighbours(country: str, inside: str, outside: str) -> None:
    base = BASE.replace("list countries 'CH'", f"list countries '{country}'")
    found = tables(read(base))
    assert told(decide(found, "bob", inside)) == f"swiss:{inside}"
    assert told(decide(found, "bob", outside)) == "not_allowed"


def test_two_countries_of_one_code_are_not_closed_to_each_other() -> None:
    both = tables(read(BASE.replace("list countries 'CH'", "list countries 'GB'\n\tlist countries 'JE'")))
    for number in ("+442079460000", "+447400123456", "+441534456789", "+447797712345"):
        assert told(decide(both, "bob", number)) == f"swiss:{number}"
    assert told(decide(both, "bob", "+441624756789")) == "not_allowed"


def test_a_country_of_which_nothing_is_known_is_said() -> None:
    with pytest.raises(RenderError, match="AQ"):
        territory("AQ")
    found = tables(read(BASE.replace("countries 'CH'", "countries 'AQ'").replace("country 'CH'", "country 'AQ'")))
    assert [where for where, _, _ in found.problems] == ["main.country", "swiss.countries"]
    assert told(decide(found, "bob", "112")) == "swiss:112"
    assert told(decide(found, "alice", "+442079460000")) == "abroad:+442079460000"


@pytest.mark.parametrize(
    ("number", "country", "expected"),
    [("112", "", True), ("911", "CH", True), ("117", "CH", True), ("117", "DE", False), ("1414", "CH", False)],
)
def test_emergency_numbers(number: str, country: str, expected: bool) -> None:
    assert is_emergency(number, country) is expected


# --- decisions ---


@pytest.mark.parametrize(
    ("source", "dialled", "expected"),
    [
        ("alice", "0441112233", "swiss:+41441112233"),
        ("alice", "+41441112233", "swiss:+41441112233"),
        ("alice", "112", "swiss:112"),
        ("alice", "*100#", "not_allowed"),
        ("alice", "**21*0900123456#", "not_allowed"),  # forwards all calls, and is no number
        ("alice", "*31#0441112233", "not_allowed"),
        ("alice", "1414", "swiss:1414"),
        ("alice", "0800", "special:0800"),
        ("alice", "0900123456", "special:+41900123456"),  # its prefix is written down
        ("alice", "0900223456", "not_allowed"),
        ("alice", "+442079460000", "abroad:+442079460000"),
        ("bob", "0441112233", "swiss:+41441112233"),
        ("bob", "+442079460000", "not_allowed"),
        ("alice", "+33123456789", "not_allowed"),
        ("alice", "117", "not_allowed"),
        ("alice", "bob", "bob"),
        ("alice", "24", "bob"),
        ("alice", "alice", "alice"),
        ("alice", "cloud", "not_a_number"),  # not at the router
        ("alice", "Bob", "not_a_number"),
        ("peer", "0441112233", "trunk:+41441112233"),
        ("peer", "0791234567", "not_allowed"),
        ("peer", "112", "not_allowed"),
        ("peer", "bob", "not_a_number"),
        ("peer", "24", "not_allowed"),
        ("nobody", "0441112233", "not_allowed"),
        ("alice", "", "not_a_number"),
        ("alice", "1&Local/112@default", "not_a_number"),
        ("alice", "0441112233,1", "not_a_number"),
        ("alice", "0441112233\n", "not_a_number"),
        ("alice", "٠٤٤١١١٢٢٣٣", "not_a_number"),
        ("alice", "1" * 24, "not_allowed"),
        ("alice", "1" * 25, "not_a_number"),
    ],
)
def test_what_becomes_of_a_call(source: str, dialled: str, expected: str) -> None:
    assert told(decide(tables(read()), source, dialled)) == expected


def test_when_closed_only_emergency_calls_leave() -> None:
    found = tables(read())
    assert told(decide(found, "alice", "0441112233", closed=True)) == "closed"
    assert told(decide(found, "alice", "1414", closed=True)) == "closed"
    assert told(decide(found, "alice", "0900223456", closed=True)) == "not_allowed"
    assert told(decide(found, "alice", "112", closed=True)) == "swiss:112"
    assert told(decide(found, "alice", "bob", closed=True)) == "bob"


def test_a_name_or_short_number_that_may_leave_is_no_phone() -> None:
    found = tables(read(BASE.replace("'1414'", "'24'").replace("option number '24'", "option number '25'")))
    assert told(decide(found, "alice", "24")) == "swiss:24"
    assert found.extensions() == {"alice": "alice", "bob": "bob", "23": "alice", "25": "bob"}


@pytest.mark.parametrize("change", [("option via 'home'", "option via 'home'\n\toption enabled '0'")])
def test_nothing_is_allowed_that_is_switched_off(change: tuple[str, str]) -> None:
    assert told(decide(tables(read(BASE.replace(*change))), "bob", "0441112233")) == "not_allowed"


def test_nothing_is_allowed_until_the_owner_allows_it() -> None:
    found = tables(read(BASE.partition("config outbound")[0].replace("\tlist outbound 'swiss'\n", "")))
    for dialled in ("112", "0441112233", "+442079460000", "*100#"):
        assert told(decide(found, "alice", dialled)) == Refusal.NOT_ALLOWED


def test_what_a_trunk_dials_rings_its_phones_where_nothing_lets_it_through() -> None:
    ring = "list allowed '192.0.2.7'\n\tlist ring 'bob'\n\tlist ring 'alice'"
    found = tables(read(BASE.replace("list allowed '192.0.2.7'", ring)))
    for dialled in (
        "0791234567",
        "112",
        "bob",
        "24",
        "+41900123456",
        "s",
        "homeline",
        "",
        "1&Local/112@default",
        "1" * 99,
    ):
        assert decide(found, "peer", dialled) == Decision(ring=("bob", "alice"))
    assert told(decide(found, "peer", "0441112233")) == "trunk:+41441112233"
    own = tables(read(BASE.replace("list allowed '192.0.2.7'", f"option caller_id '+41441112233'\n\t{ring}")))
    assert decide(own, "peer", "0441112233") == Decision(ring=("bob", "alice"))
    assert told(decide(own, "alice", "0441112233")) == "swiss:+41441112233"
    assert decide(found, "peer", "0441112233", closed=True).refusal is Refusal.CLOSED
    assert told(decide(found, "alice", "0791234567")) == "swiss:+41791234567"
    assert told(decide(found, "nobody", "0791234567")) == "not_allowed"


@given(st.text(max_size=30), st.sampled_from(["alice", "bob", "peer", "nobody"]))
def test_what_leaves_is_digits(dialled: str, source: str) -> None:
    found = decide(TABLES, source, dialled)
    assert (found.gate is None) is (found.number == "")
    assert re.fullmatch(r"[0-9]{2,8}|\+[1-9][0-9]{6,14}|", found.number)


@given(st.from_regex(r"(\+|00|0|)[0-9*#]{0,18}", fullmatch=True))
def test_what_leaves_is_what_was_dialled(dialled: str) -> None:
    found = decide(TABLES, "alice", dialled)
    if found.gate and found.number.startswith("+"):
        assert dialled.lstrip("+0").endswith(found.number[3:] if dialled.startswith("0") else found.number[1:])


TABLES = tables(read())
