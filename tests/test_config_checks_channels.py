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


FORWARDING = """
config homeline 'main'
	option enabled '1'

config dongle 'stick'

config email 'me'
	list to 'me@example.org'
	option from 'line@example.org'
	option host 'mail.example.org'
	option replies '{replies}'

config mailbox 'answers'
	option enabled '{enabled}'
	option host 'mail.example.org'
	option user 'line'
	option address 'line@example.org'
	list senders 'me@example.org'
{mailbox}

config sms 'abroad'
	list to '+447700900123'
{sms}
"""
MAIL_SECRET = "config mailbox 'answers'\n\toption password 'x'\n"


def forwarding(replies: str = "answers", enabled: str = "1", mailbox: str = "", sms: str = "") -> Config:
    text = FORWARDING.format(replies=replies, enabled=enabled, mailbox=mailbox, sms=sms)
    return config.read(text, MAIL_SECRET)


def test_answers_that_are_taken() -> None:
    found = forwarding()
    assert said(found) == {}
    assert (found.mailboxes[0].port, found.accounts[0].daily) == (993, 50)


def test_answers_that_nobody_takes_are_said() -> None:
    assert said(forwarding("nothing")) == {
        "me.replies": "there is no mailbox 'nothing'",
        "answers": "no email section names it in `replies`",
    }
    assert said(forwarding(enabled="0")) == {"me.replies": "the mailbox 'answers' is not read"}
    alone = FORWARDING.partition("config mailbox")[0].format(replies="answers")
    assert said(config.read(alone)) == {"me.replies": "there is no mailbox 'answers'"}


def test_what_a_mailbox_needs() -> None:
    assert said(forwarding(mailbox="\toption type 'maildir'"))["answers.path"] == "is required for a maildir"
    text = FORWARDING.format(replies="answers", enabled="1", mailbox="", sms="")
    nobody = text.replace("\toption user 'line'\n", "")
    assert said(config.read(nobody, MAIL_SECRET))["answers.user"] == "is required for IMAP"
    assert "homeline_secret" in said(config.read(text))["answers.password"]
    assert forwarding(mailbox="\toption tls 'starttls'").mailboxes[0].port == 143


def test_a_limit_that_no_message_fits_in() -> None:
    found = forwarding(sms="\toption daily '2'")
    assert said(found)["abroad.daily"] == "is fewer than one message may have (max_parts) (is '2')"
    assert found.accounts == ()
    assert said(forwarding(sms="\toption daily '2'\n\toption max_parts '2'")) == {}


def test_a_dongle_that_is_not_there_is_said() -> None:
    found = forwarding(sms="\toption dongle 'stock'", mailbox="\toption dongle 'me'")
    assert said(found) == {"abroad.dongle": "there is no dongle 'stock'", "answers.dongle": "there is no dongle 'me'"}
