"""An account at the double of Twilio, configurations for it, and questions to the process that sets it up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import twilio_openapi
from homeline.protocol import uci
from homeline.twilio.run import answered
from homeline.twilio.shapes import Answer, Do, Question, Step, What
from homeline.twilio.transport import Transport
from homeline_lab.twilio_api import Twilio
from homeline_lab.twilio_api_server import Server

ACCOUNT, KEY, SECRET = "AC" + "1" * 32, "SK" + "2" * 32, "s3cr3t" * 5
DOMAIN = "homeline-aa54301b"  # derived of ACCOUNT
PUBLIC = "93.184.216.34"

OWN = f"""
config sip 'sip'
	option enabled '1'
	list transports 'udp'
	list transports 'tls'

config twilio 'twilio'
	option account_sid '{ACCOUNT}'
	option api_key '{KEY}'
"""  # an account at Twilio and what it takes at the router
MAIN = f"""
config homeline 'main'
	option enabled '1'
	option country 'CH'
{OWN}
config dongle 'stick'
	option driver 'chan_dongle'
	option imei '356938035643809'
	option number '+41791112233'

config phone 'anna'
	option where 'twilio'
	option number '10'

config phone 'ben'
	option where 'twilio'

config trunk 'cloud'
	option type 'twilio'
	option secure '1'

config line 'home'
	option dongle 'stick'
	list ring 'cloud/anna'

config outbound 'swiss'
	option via 'home'
	list countries 'CH'
	list sources 'cloud'
"""

SECRETS = f"""
config twilio 'twilio'
	option api_secret '{SECRET}'
	option auth_token '{"a7" * 16}'
"""


@dataclass(slots=True)
class House:
    """UCI's two files, and what comes back into them as root's helper would write it."""

    main: str = MAIN
    secrets: str = SECRETS
    public_address: str = ""

    def set(self, section: str, **options: str | list[str] | None) -> House:
        """Sets or (None) removes options; makes a section where `type` is given."""
        kind = options.pop("type_", None)
        sections = {each.name: each for each in uci.parse(self.main)}
        if isinstance(kind, str):
            sections[section] = uci.Section(kind, section)
        for name, value in options.items():
            if value is None:
                sections[section].options.pop(name, None)
            else:
                sections[section].options[name] = value
        self.main = uci.dump(sections.values())
        return self

    def drop(self, section: str) -> House:
        self.main = uci.dump(each for each in uci.parse(self.main) if each.name != section)
        return self

    def write_back(self, answer: Answer) -> None:
        for section, options in answer.results.options.items():
            self.set(section, **options)
        self.set("twilio", made=answer.results.made or None)
        kept = {each.name: each for each in uci.parse(self.secrets)}
        types = {each.name: each.type for each in uci.parse(self.main)}
        for section, options in answer.results.secrets.items():
            kept.setdefault(section, uci.Section(types[section], section)).options.update(options)
        self.secrets = uci.dump(kept.values())

    def byoc(self, **more: str) -> House:
        """The same house with a public address."""
        self.public_address = PUBLIC
        self.set("sip", external_address="home.example.org", certificate="/etc/ssl/a.crt", key="/etc/ssl/a.key")
        return self.set("cloud", secure=None, **more)


@dataclass(slots=True)
class Rig:
    """The double, running, and a house."""

    server: Server
    house: House = field(default_factory=House)
    told: list[tuple[str, int, int]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    @property
    def twilio(self) -> Twilio:
        return self.server.twilio

    def ask(self, what: str, *, write: bool = True, account_wide: bool = False) -> Answer:
        """Asks, and writes back what comes of apply and destroy. What does not fit the documents fails here."""
        answer = self._answer(what, account_wide)
        if answer.again:
            assert answer.steps == [] and what in ("apply", "destroy")
            self.house.write_back(answer)
            answer = self._answer(what, account_wide)
            assert not answer.again
        if write and what in ("apply", "destroy"):
            self.house.write_back(answer)
        return answer

    def _answer(self, what: str, account_wide: bool) -> Answer:
        question = Question(What(what), self.house.main, self.house.secrets, account_wide, self.house.public_address)
        answer = answered(question, self._tell, Transport({"": self.server.url}, sleep=self.waits.append))
        assert not self.server.wrong, self.server.wrong
        return answer

    def _tell(self, step: Step, done: int, of: int) -> None:
        self.told.append((step.kind, done, of))

    def state(self) -> list[tuple[str, ...]]:
        """What is there, by what it is and not by its SIDs; passwords are not compared."""
        names = {each.sid: each.row.kind for each in self.twilio.resources if not each.row.maps}

        def shown(value: object) -> str:
            return names.get(value, str(value)) if isinstance(value, str) else str(value)

        kept = [each for each in self.twilio.resources if each.row.kind not in ("version", "build", "deployment")]
        return sorted(
            (each.row.kind, *map(shown, each.parents), *(shown(value) for value in _public(each.fields)))
            for each in kept
        )

    def again(self) -> Rig:
        """The same house with an account that is empty."""
        self.server.twilio = Twilio(ACCOUNT, KEY, SECRET, self.twilio.check)
        self.server.asked.clear()
        self.house.set("twilio", made=None)
        return self


def _public(fields: dict[str, object]) -> list[object]:
    return [value for name, value in sorted(fields.items()) if name != "password"]


def rig() -> Iterator[Rig]:
    check = twilio_openapi.check if twilio_openapi.there() else None  # else all but that is tested
    with Server(Twilio(ACCOUNT, KEY, SECRET, check)).running() as server:
        yield Rig(server)


def doing(answer: Answer) -> list[tuple[str, str]]:
    """Steps that do something, by action and kind."""
    return [(str(step.action), step.kind) for step in answer.steps if step.action not in (Do.KEEP, Do.REPORT)]
