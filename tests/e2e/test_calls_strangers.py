"""Who is not let in: strangers at the door, the provider's other customers, and those who dial what is no number.

No call leaves, and the log says why.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from asterisk_kit import asterisk_programs as asterisk_programs
from e2e.calls_kit import ACCOUNT, DID, OTHER_ACCOUNT, OURS, SID, CallHome, calling, phone, talk, uci
from homeline_lab.asterisk import Asterisk, free_port, own_address
from homeline_lab.sip_calls import DIALPLAN, MANAGER
from homeline_lab.sip_peer import Account, Phone, Provider
from homeline_lab.sip_raw import DIALLED, Stranger, hostile, request
from homeline_lab.sipp import Sipp, refused

pytestmark = pytest.mark.usefixtures("asterisk_programs")

NUMBER = "+41441112233"


def refusals(home: CallHome) -> list[str]:
    return [line for line in home.pbx.log.splitlines() if "NOTICE[" in line and "refused" in line]


async def test_twilio_is_let_in_by_our_accounts_header_alone(tmp_path: Path) -> None:
    address = own_address()
    async with (
        calling(tmp_path, "phones", "line", "outbound", "twilio", sip=uci(external_address="198.51.100.7"),
                provider=address, outbound=uci(sources=["byoc"])) as home,
        Provider(tmp_path / "p", home.calls.at(), name="p", address=address) as twilio,
    ):  # fmt: skip
        call = await twilio.call(NUMBER, shows="+441632960000", headers=OURS)
        far = await home.calls.gsm_incoming()
        await far.answer()
        await talk(call, far)
        await call.hang_up()
        wrong = [
            (),
            ((SID, OTHER_ACCOUNT),),
            ((SID, ACCOUNT), (SID, OTHER_ACCOUNT)),
            ((SID, OTHER_ACCOUNT), (SID, ACCOUNT)),
            ((SID, ACCOUNT), (SID, ACCOUNT)),
            ((SID, ""),),
            ((SID, ACCOUNT.lower()),),
            ((SID, f"{ACCOUNT}0"),),
            (("X-Twilio-AccountSid-2", ACCOUNT),),
        ]
        for headers in wrong:
            end = await (await twilio.call(NUMBER, shows=DID, headers=headers)).ended()
            assert end.sip == "SIP 403 Forbidden", headers
        assert len(refusals(home)) == len(wrong)
        assert len(home.gsm) == 1

        sipp, target = Sipp(tmp_path / "sipp"), (home.calls.address, 5060)
        odd = (((SID, f"{ACCOUNT}, {OTHER_ACCOUNT}"),), ((SID, ACCOUNT), (SID.lower(), ACCOUNT)))
        for headers in odd:
            done = await sipp.run(refused(403, to=NUMBER, headers=headers), target, source=address)
            assert (done.good, done.bad) == (1, 0), done.text
        done = await sipp.run(refused(401, to=NUMBER, headers=OURS), target, source=own_address(), calls=20)
        assert (done.good, done.bad) == (20, 0), done.text  # right, and from elsewhere
        assert len(refusals(home)) == len(wrong) + len(odd)
        assert len(home.gsm) == 1


async def test_a_thousand_requests_from_strangers_make_no_call(tmp_path: Path) -> None:
    """Beside a call that goes on, with names, numbers and the header that would be right from elsewhere."""
    provider = own_address()
    gaps = {"provider": provider, "outbound": uci(sources=["byoc", "peer"]), "line": uci(ring=["desk"])}
    parts = ("phones", "line", "outbound", "twilio", "peer", "registered")
    async with (
        calling(tmp_path, *parts, sip=uci(external_address="198.51.100.7"), **gaps) as home,
        phone(home, "desk") as desk,
        Stranger(own_address()) as one,
        Stranger(own_address()) as two,
    ):
        call = await home.calls.gsm_call("+441632960000")
        inside = await desk.incoming()
        await inside.answer()
        before = await home.processed()
        target = (home.calls.address, 5060)
        names = ("desk", "mobile", "byoc", "peer", "registered", "home", "stick", "homeline41", DID, "11", "homeline")
        sent = 0
        for seed, stranger in enumerate((one, two)):
            packets = hostile(500, target, source=stranger.source, names=names, headers=OURS, seed=seed)
            sent += await stranger.send(packets, target)
        assert sent == 1000
        last = request("INVITE", NUMBER, target, source=one.source, from_user="byoc", headers=OURS)
        assert await one.ask(last, target) in ("INVITE 401", "INVITE 403")
        assert await home.processed() == before
        assert home.gsm == []
        assert not [answer for answer in one.answers | two.answers if answer.split()[1] in ("180", "183", "200")
                    and answer.startswith("INVITE")]  # fmt: skip
        assert "No matching endpoint found" in home.pbx.log
        await talk(call, inside)
        assert len(await desk.asterisk.channels()) == 1


async def test_what_is_no_number_is_not_dialled(tmp_path: Path) -> None:
    """By a phone of ours, whose password a stranger may have got."""
    dialled = [what for what in DIALLED if what not in (NUMBER, "00441632960000", "+41791234567")]
    async with calling(tmp_path, "phones", "line", "outbound", "peer", provider=own_address()) as home:
        target = (home.calls.address, 5060)
        async with phone(home, "desk") as desk:
            mine = [what for what in dialled if not set('&,$()[]{}\\"; ?٣') & set(what)]  # what Dial itself can send
            calls = [await desk.call(what) for what in mine]
            for end in await asyncio.gather(*(call.ended() for call in calls)):
                assert end.status in ("CONGESTION", "CHANUNAVAIL", "BUSY"), end
            assert home.gsm == []
            assert len(refusals(home)) > 5
            done = await Sipp(tmp_path / "sipp").run(
                refused(401, to="1%26Local%2F112%40default", who="desk"), target, source=own_address(), calls=5
            )
            assert done.good == 5, done.text
            good = await desk.call(NUMBER)
            await (await home.calls.gsm_incoming()).refuse(17)
            await good.ended()
            assert len(home.gsm) == 1


async def test_a_wrong_password_registers_nobody(tmp_path: Path) -> None:
    async with calling(tmp_path, "phones", "line", "outbound") as home:
        wrong = Account("desk", "a-guess-that-is-wrong")
        async with Phone(tmp_path / "m", home.calls.at(), name="desk", password=wrong.password) as stranger:
            with pytest.raises(TimeoutError):
                await stranger.registered(2.0)
            call = await stranger.call(NUMBER)
            assert (await call.ended()).sip.startswith(("SIP 401", "SIP 403"))
            assert home.gsm == []
            await home.pbx.wait_log("desk")


async def test_nothing_is_allowed_that_the_owner_has_not_allowed(tmp_path: Path) -> None:
    async with calling(tmp_path, "phones", "line") as home, phone(home, "desk") as desk:
        calls = [await desk.call(number) for number in (NUMBER, "112", "0900123456")]
        for end in await asyncio.gather(*(call.ended() for call in calls)):
            assert end.status != "ANSWER"
        assert home.gsm == []
        assert len(refusals(home)) == 3


async def test_from_the_providers_own_address_only_allowed_numbers_leave(tmp_path: Path) -> None:
    """First with headers of another account, or none; then as somebody who knows ours and may write it."""
    address, house = own_address(), own_address()
    gaps = {"provider": address, "outbound": uci(sources=["byoc"], concurrent="20")}
    sip = uci(external_address="198.51.100.7")
    async with (
        calling(tmp_path, "phones", "line", "outbound", "twilio", sip=sip, address=house, **gaps) as home,
        Stranger(address) as customer,
    ):
        target, names = (house, 5060), ("byoc", "home", "stick", "desk", DID)
        for seed, headers in enumerate((((SID, OTHER_ACCOUNT),), ((SID, OTHER_ACCOUNT), (SID, ACCOUNT)))):
            packets = hostile(200, target, source=customer.source, names=names, headers=headers, seed=seed)
            await customer.send(packets, target, a_second=400)
        end = request("INVITE", NUMBER, target, source=customer.source, from_user=DID)
        assert await customer.ask(end, target) == "INVITE 403"
        assert home.gsm == []
        assert len(refusals(home)) > 50

        packets = hostile(200, target, source=customer.source, names=names, headers=OURS, seed=7)
        await customer.send(packets, target, a_second=400)
        good = request("INVITE", NUMBER, target, source=customer.source, headers=OURS)
        await customer.send([good], target)
        async with asyncio.timeout(10):
            while (await home.calls.gsm_incoming()).to != NUMBER:
                pass
        assert {call.to for call in home.gsm} <= {NUMBER, "+41791234567", "+441632960000", DID}


async def test_a_flood_of_registrations_keeps_nobody_out(tmp_path: Path) -> None:
    async with calling(tmp_path, "phones", "line", "outbound") as home, Stranger(own_address()) as stranger:
        target = (home.calls.address, 5060)
        flood = [
            request("REGISTER", "", target, source=stranger.source, from_user=("desk", "mobile", "nobody")[i % 3])
            for i in range(2000)
        ]
        sending = asyncio.ensure_future(stranger.send(flood, target, a_second=1000))
        async with phone(home, "desk") as desk:
            call = await desk.call(NUMBER)
            far = await home.calls.gsm_incoming()
            await far.answer()
            await talk(call, far)
            assert await sending == 2000
            await talk(call, far)
            await call.hang_up()
        assert not [answer for answer in stranger.answers if answer == "REGISTER 200"]


def recipe(address: str, provider: str) -> dict[str, str]:
    """The hand-made recipe at an address of its own; its dongle is the lab's."""
    folder = Path(__file__).parents[1] / "asterisk_recipe"
    files = {path.name: path.read_text() for path in folder.glob("*.conf")}
    files["pjsip.conf"] = files["pjsip.conf"].replace("0.0.0.0:5060", f"{address}:5080")
    files["pjsip_wizard.conf"] = files["pjsip_wizard.conf"].replace("REMOTE", provider)
    for dongle in ("${GSM}/", "Dongle/dongle0/"):
        files["extensions.conf"] = files["extensions.conf"].replace(
            f"Dial({dongle}${{EXTEN}})", "Goto(lab-in,${EXTEN},1)"
        )
    files["extensions.conf"] += DIALPLAN
    files["manager.conf"] = (
        files["manager.conf"].replace("5038", str(free_port())).replace("0.0.0.0", address) + MANAGER
    )
    return files


async def test_strangers_get_no_call_from_the_hand_made_recipe_beside_ours(tmp_path: Path) -> None:
    alone, house, provider = own_address(), own_address(), own_address()
    names = ("byoc", "twilio", "6001", "desk", "gsm-out", "from-twilio", "0900123456", "+41900123456")
    async with (
        Asterisk(tmp_path / "alone", files=recipe(alone, provider)) as without,
        Stranger(own_address()) as stranger,
    ):
        tried = request("INVITE", "0900123456", (alone, 5080), source=stranger.source, from_user="byoc")
        await stranger.send([tried], (alone, 5080))
        await without.wait_log("Executing [0900123456@lab-in:1]")  # which is why it must not be left as it is

    sip = uci(local_networks=["192.168.1.0/24"])
    async with (
        calling(tmp_path, "phones", sip=sip, address=house, files=recipe(house, provider)) as home,
        Stranger(own_address()) as stranger,
    ):
        for port in (5060, 5080):
            packets = hostile(200, (house, port), source=stranger.source, names=names, seed=port)
            await stranger.send(packets, (house, port))
            for name in names:
                await stranger.send(
                    [request("INVITE", "0900123456", (house, port), source=stranger.source, from_user=name)],
                    (house, port),
                )
            last = request("INVITE", "0900123456", (house, port), source=stranger.source, from_user="byoc")
            assert await stranger.ask(last, (house, port)) in ("INVITE 401", "INVITE 403")
        assert await home.processed() == 0
        assert home.gsm == []
        where = set(await home.problems())
        assert any("pjsip.conf" in place for place in where) and any("extensions.conf" in place for place in where)
