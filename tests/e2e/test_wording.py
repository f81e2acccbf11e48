"""Rules' words through the real daemon: codes first or hidden, templates, patterns; hidden but in the inbox."""

from __future__ import annotations

import json
from pathlib import Path

from e2e.kit import Home, body, living, parsed
from homeline_lab.smtp import Received

ANN, BANK = "+41791112233", "MyBank"
CODE = "Your code is 482-913. Never share it."
MAILBOX = """
config email '{name}'
	list to '{name}@home.lab'
	option from 'homeline@router.lab'
	option host '127.0.0.1'
	option port '{port}'
	option tls 'none'
"""
RULES = """
config rule 'urgent'
	list events 'code'
	list channels 'codes'
	option priority 'high'
	option subject '{code} from {who}'
	option template '{who}\\n{text|last 15}'

config rule 'discreet'
	list events 'message'
	option codes 'redact'
	list channels 'hidden'

config rule 'money'
	list events 'message'
	list senders 'mybank'
	list patterns '(\\d+[.,]?)+ ?chf'
	list not_patterns '^advert'
	list channels 'bank'
"""


async def house(home: Home) -> None:
    """Give every rule a mailbox of its own, then start."""
    boxes = "".join(MAILBOX.format(name=name, port=home.mail.port) for name in ("codes", "hidden", "bank"))
    home.router.configure(home.configuration(boxes + RULES), "")
    await home.run()


def to(mails: list[Received], name: str) -> list[Received]:
    return [mail for mail in mails if mail.recipients == (f"{name}@home.lab",)]


async def test_a_code_goes_to_each_rules_channel_in_that_rules_words(tmp_path: Path) -> None:
    async with living(tmp_path, start=False) as home:
        await house(home)
        home.dongle.deliver(CODE, BANK)
        mails = await home.mail.wait_for(3)
        (plain,), (code,), (hidden,) = (to(mails, name) for name in ("owner", "codes", "hidden"))
        assert parsed(plain)["Subject"].startswith("Code 482913: SMS from MyBank, ")
        assert body(parsed(plain)) == f"Code: 482913\n\n{CODE}"
        assert parsed(plain)["X-Priority"] is None
        mail = parsed(code)
        assert (mail["Subject"], mail["X-Priority"], mail["Importance"]) == ("482913 from MyBank", "1", "high")
        assert mail.get_content() == "MyBank\r\n…ever share it.\r\n"
        assert "***-***" in parsed(hidden).get_content()
        for form in (b"482913", b"482-913"):
            assert form not in hidden.content
        assert "SMS from MyBank" in parsed(hidden)["Subject"]
        (message,) = await home.messages()
        assert message["text"] == CODE
        (asked,) = (await home.call("explain_rule", rule="discreet", event=message["id"]))["rules"]
        assert asked["matches"]
        assert "482" not in json.dumps(asked["text"] + asked["subject"])
        assert "482913" not in home.log.replace("-", "")


async def test_patterns_decide_and_a_strangers_text_cannot_hold_them_up(tmp_path: Path) -> None:
    async with living(tmp_path, start=False) as home:
        await house(home)
        texts = ["Paid 12.50 CHF", "no amount", "ADVERT: win 100 CHF", "1" * 3000 + "!"]
        for text in texts:
            home.dongle.deliver(text, BANK)
        home.dongle.deliver("Paid 12.50 CHF", ANN)
        mails = await home.mail.wait_for(2 * (len(texts) + 1) + 1, timeout=30)
        assert [parsed(mail).get_content().splitlines()[0] for mail in to(mails, "bank")] == ["Paid 12.50 CHF"]
        assert to(mails, "codes") == []
