"""What channels owe other sections."""

from __future__ import annotations

from homeline import config
from homeline.config import Config

BASE = """
config homeline 'main'
	option enabled '1'

config sip 'sip'
	option enabled '{enabled}'

config phone 'desk'

config phone 'weak'

config phone 'off'
	option enabled '0'

config phone 'far'
	option where 'twilio'
	option sms '1'

config dongle 'stick'

config sip_message 'softphones'
{phones}

config rule 'all'
	list events 'message'
	list channels 'softphones'
"""
SECRETS = "config phone 'desk'\n\toption password 'desk-correct-horse'\n"


def read(*phones: str, enabled: str = "1") -> Config:
    return config.read(
        BASE.format(enabled=enabled, phones="".join(f"\tlist phones '{name}'\n" for name in phones)), SECRETS
    )


def said(found: Config) -> dict[str, str]:
    return {problem.where: problem.text for problem in found.problems}


def test_phones_that_are_there_get_messages() -> None:
    found = read("desk")
    assert [account.phones for account in found.accounts] == [("desk",)]
    assert not any(where.startswith("softphones") for where in said(found))


def test_each_phone_that_gets_none_is_said() -> None:
    found = read("desk", "weak", "off", "far", "stick", "nobody")
    assert [account.phones for account in found.accounts] == [("desk",)]
    texts = [problem.text for problem in found.problems if problem.where == "softphones.phones"]
    assert texts == [
        "the phone 'weak' is left out for a mistake",
        "the phone 'off' is switched off",
        "the phone 'far' is not at the router",
        "there is no phone 'stick'",
        "there is no phone 'nobody'",
    ]


def test_without_a_phone_the_channel_waits() -> None:
    """It stays in its rule, as what waits for it goes out once a phone is there."""
    found = read("nobody")
    assert found.accounts == ()
    assert "names no phone" in [p.text for p in found.problems if p.where == "softphones.phones"][-1]
    assert [rule.channels for rule in found.rules] == [("softphones",)]


def test_without_asterisk_nothing_works() -> None:
    assert "softphones" in [p.text for p in read("desk", enabled="0").problems if p.where == "sip.enabled"][-1]


def test_what_a_phone_cannot_send_is_said() -> None:
    assert "not at the router" in said(read("desk"))["far.sms"]
    more = "\nconfig phone 'texter'\n\toption sms '1'\n\toption sms_dongle 'stock'\n"
    secrets = SECRETS + "config phone 'texter'\n\toption password 'texts-correct-horse'\n"
    found = config.read(BASE.format(enabled="1", phones="\tlist phones 'desk'") + more, secrets)
    assert said(found)["texter.sms_dongle"] == "there is no dongle 'stock'"
