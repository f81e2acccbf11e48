"""What an `mqtt` section owes beyond the kinds of its options."""

from __future__ import annotations

import pytest

from homeline import config
from homeline.config_channels import Mqtt

MAIN = "config homeline 'main'\n\toption enabled '1'\n\nconfig mqtt 'home'\n\toption host 'broker.lan'\n"
SECRET = "config mqtt 'home'\n\toption password 'secret'\n"


def read(*lines: str, secret: str = "") -> config.Config:
    return config.read(MAIN + "".join(f"\t{line}\n" for line in lines), secret)


@pytest.mark.parametrize(
    ("lines", "secret", "where"),
    [
        (["option key_file '/etc/ssl/key.pem'"], "", "home.cert_file"),
        (["option cert_file '/etc/ssl/cert.pem'"], "", "home.tls"),
        ([], SECRET, "home.user"),
        (["list commands 'send'"], "", "home.sms_to"),
        (["list commands 'ussd'"], "", "home.ussd_codes"),
        (["list commands 'reboot'"], "", "home.commands"),
        (["option prefix 'a/#'"], "", "home.prefix"),
        (["option prefix '/a'"], "", "home.prefix"),
        (["option client_id 'a b'"], "", "home.client_id"),
        (["option discovery_prefix '+'"], "", "home.discovery_prefix"),
        (["list ussd_codes '100'"], "", "home.ussd_codes"),
    ],
)
def test_a_mistake_is_named_and_the_section_left_out(lines: list[str], secret: str, where: str) -> None:
    found = read(*lines, secret=secret)
    assert found.accounts == ()
    assert [problem.where for problem in found.problems] == [where]
    assert "secret" not in found.problems[0].text


def test_a_section_with_everything() -> None:
    lines = ["tls '1'", "user 'me'", "cert_file '/etc/ssl/cert.pem'", "key_file '/etc/ssl/key.pem'", "discovery '1'"]
    lists = ["commands 'send'", "commands 'ussd'", "sms_to '+4179*'", "ussd_codes '*100#'"]
    found = read(*(f"option {line}" for line in lines), *(f"list {line}" for line in lists), secret=SECRET)
    assert found.problems == ()
    (section,) = found.accounts
    assert isinstance(section, Mqtt) and section.remote_port == 8883 and "secret" not in repr(section)


@pytest.mark.parametrize(
    ("one", "other", "where"),
    [
        ("", "", "away.prefix"),
        ("option client_id 'a'", "option client_id 'a'", "away.client_id"),
        ("option client_id 'a'", "option client_id 'a'\n\toption prefix 'other'", "away.client_id"),
        ("option tls '1'", "option port '8883'", "away.prefix"),
        ("", "option prefix 'other'", ""),
        ("option client_id 'a'", "option client_id 'b'", ""),
        ("option client_id 'a'", "", ""),
        ("", "option port '1884'", ""),
    ],
)
def test_two_sections_at_one_broker(one: str, other: str, where: str) -> None:
    found = config.read(f"{MAIN}\t{one}\n\nconfig mqtt 'away'\n\toption host 'broker.lan'\n\t{other}\n")
    assert [problem.where for problem in found.problems] == ([where] if where else [])
    assert [account.name for account in found.accounts] == (["home"] if where else ["home", "away"])
