"""The dial plan of a real Asterisk and its reference, `core.dialling.decide`: the same for every number and country."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from homeline.core.dialling import decide, tables
from render.dialplan_kit import BASE, House, asterisk_programs, house

__all__ = ["asterisk_programs", "house"]
pytestmark = pytest.mark.asyncio(loop_scope="module")

# The GSM leg and the trunks of this test write down what they are asked to call, and refuse it.
NOTE = """
[lab-note]
exten => _[+*#0-9]!,1,Set(DB(lab/${HL_KEY})=${HL_RULE}:${EXTEN})
 same => n,Hangup(17)
"""
RULES = """
config line 'home'
	option dongle 'stick'
config outbound 'short'
	option via 'home'
	list numbers '112'
	list numbers '1414'
	list prefixes '+4190'
	list prefixes '+1900'
	list sources 'peer'
	option concurrent '20'
	option daily_minutes '0'
config outbound 'first'
	option via 'home'
	list countries '{first}'
	list sources 'peer'
	option concurrent '20'
	option daily_minutes '0'
config outbound 'second'
	option via 'home'
	list countries '{second}'
	list prefixes '+4478'
	list sources 'peer'
	option concurrent '20'
	option daily_minutes '0'
"""
REGIONS = ("CH", "US", "CA", "JM", "GB", "GG", "JE", "IM", "IT", "VA", "RU", "KZ", "FR", "GP", "AU", "BR", "CN", "ES")
KINDS = (
    PhoneNumberType.FIXED_LINE,
    PhoneNumberType.MOBILE,
    PhoneNumberType.PREMIUM_RATE,
    PhoneNumberType.TOLL_FREE,
)
ODD = (
    *("112", "*100#", "1414", "117", "911", "*", "#", "0", "00", "+", "++41791234567", "0+41791234567", "+0791234567"),
    *(
        "+4179",
        "+417912345",
        "+41791234567",
        "+4179123456789012",
        "1" * 16,
        "1" * 24,
        "1" * 25,
        "1" * 60,
        "+" + "9" * 40,
    ),
    *("0041791234567", "00041791234567", "+41*791234567", "0791234567#", "*31#0791234567", "791234567", "41791234567"),
    *("h", "s", "i", "t", "alice", "23", "24x", "homeline", "X", "N", "ZZ", "_X", "0041-79-1234567", "079.123.45.67"),
    *("*21*0791234567#", "**21*0791234567#", "##002#", "*#21#", "#31#0791234567", "*43#"),
)


def numbers() -> Iterable[str]:
    """Examples of many countries in the forms in which people dial them, and what is no number."""
    yield from ODD
    for region in REGIONS:
        for kind in KINDS:
            number = phonenumbers.example_number_for_type(region, kind)
            if number:
                e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
                national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
                yield from (e164, "00" + e164[1:], "011" + e164[1:], "".join(filter(str.isdigit, national)))


@pytest.mark.parametrize(
    ("country", "first", "second"),
    [
        ("CH", "CH", "GB"),
        ("US", "US", "RU"),
        ("IT", "IT", "CA"),
        ("RU", "KZ", "JE"),
        ("BR", "BR", "AU"),
        ("CN", "CN", "GP"),
    ],
)
async def test_asterisk_decides_as_the_reference_does(house: House, country: str, first: str, second: str) -> None:
    base = BASE.replace("option country 'CH'", f"option country '{country}'")
    base = base.replace("config trunk 'peer'\n", "config trunk 'peer'\n\toption max_calls '100'\n")
    config = await house.use(RULES.format(first=first, second=second), base=base)
    text = house.plan.text.replace("Gosub(homeline-gsm,stick,1)", "Goto(lab-note,${HL_NUMBER},1)")
    house.asterisk.write({"homeline/extensions.conf": text.replace("HL_SPEAK=1", "HL_SPEAK=0") + NOTE})
    await house.asterisk.cli("dialplan reload")
    await house.asterisk.cli("database deltree lab")
    dialled = [text for text in dict.fromkeys(numbers()) if text not in ("h", "_X")]
    for count, text in enumerate(dialled):
        await house.asterisk.cli(f"channel originate Local/{text}@homeline-trunk-peer/n application Wait 1")
        if count % 15 == 0:  # fewer than a rule may have at once
            await house.idle()
    async with asyncio.timeout(20):
        while len(await house.records()) < len(dialled):
            await asyncio.sleep(0.1)
    notes = await house.asterisk.cli("database show lab")
    said = dict(
        line.removeprefix("/lab/").replace(" ", "").split(":", 1) for line in notes.splitlines() if "/lab/" in line
    )
    got = {ended.record.dialled: said.get(ended.key, ended.record.reason) for ended in await house.records()}
    reference = tables(config)
    expected = {}
    for text in dialled:
        decision = decide(reference, "peer", text)
        expected[text[:80]] = f"{decision.gate.rule.name}:{decision.number}" if decision.gate else str(decision.refusal)
    assert got == expected
    assert len({word.partition(":")[0] for word in got.values()}) == 5  # all rules, and two refusals


async def test_phones_decide_as_the_reference_does(house: House) -> None:
    config = await house.use(RULES.format(first="CH", second="GB"))
    reference = tables(config)
    for text in ("bob", "24", "Bob", "112", "0441112233", "25", "bobby", "0900123456"):
        decision = decide(reference, "alice", text)
        caller = await house.dial("phone-alice", text)
        if decision.refusal:
            await caller.ended(15)
            (one,) = await house.records()
            assert one.record.reason == decision.refusal
            await house.asterisk.cli("database deltree homeline-call")
            continue
        called = await (house.peer.incoming() if decision.phone else house.gsm())
        assert called.to == (decision.phone or decision.number)
        await caller.hang_up()
        await house.record()
        await house.asterisk.cli("database deltree homeline-call")
