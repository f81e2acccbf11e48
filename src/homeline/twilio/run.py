"""One question answered: the configuration read, the account looked at, a plan made, and carried out where asked."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from homeline.config_options import Config
from homeline.errors import DecodeError
from homeline.twilio import wanted as wanting
from homeline.twilio.account import Account
from homeline.twilio.carry import Carrier, Tell
from homeline.twilio.filling import Filled, filled
from homeline.twilio.memory import Memory, digest
from homeline.twilio.owned import Owned
from homeline.twilio.plan import Plan, Ways, planned
from homeline.twilio.shapes import Answer, Failure, Question, Results, What
from homeline.twilio.survey import Survey, survey
from homeline.twilio.transport import Transport
from homeline.twilio.trouble import Trouble
from homeline.twilio.wanted import Wanted

_SUBACCOUNT = (
    "Twilio's limits, permissions and bill are one for the whole account. In a subaccount of its own, Homeline cannot"
    " touch anything else: make one in the console, and put its SID and a key of it here."
)
_TRIAL = (
    "This is a trial account: it calls verified numbers only, says so to whom you call, and has few of everything."
    " Upgrade it in the console."
)


def answered(question: Question, tell: Tell, transport: Transport | None = None) -> Answer:
    """The answer, whatever happens. `transport` is the tests'."""
    try:
        ready = filled(question.main, question.secrets, question.public_address)
    except DecodeError as error:
        return Answer(error=Failure(f"The configuration cannot be read: {error}"))
    answer = Answer(results=Results(made=list(ready.config.twilio.made)))
    try:
        _answer(question, ready, tell, answer, transport)
    except MemoryError:
        answer.error = Failure("Twilio sends more than can be held.")
    except Trouble as error:
        answer.error = answer.error or Failure(str(error), error.code)
    return answer


def _answer(question: Question, ready: Filled, tell: Tell, answer: Answer, transport: Transport | None) -> None:
    config = ready.config
    wanted = _wanted(question, ready)
    answer.advice += [*ready.advice, *wanted.advice]
    if wanted.mistakes:
        raise Trouble("; ".join(wanted.mistakes))
    account = Account(config.twilio, _bases(question.base), transport)
    for password in (*(trunk.password for trunk in config.trunks), *(phone.password for phone in config.phones)):
        account.keep_secret(password)
    key = functools.partial(digest, config.twilio.api_secret)
    owned = Owned(wanting.mark(config), Memory.of(config.twilio.made), config.twilio.adopt)
    try:
        found = survey(account, wanted.items, owned, wanted.countries)
        ways = Ways(key, question.account_wide, wanting.places(config))
        plan = planned(wanted.items, found, owned, wanted.countries, ways)
        answer.advice += _advice(found, config)
        if plan.mistakes:
            answer.steps = [action.step for action in plan.actions]
            raise Trouble("; ".join(plan.mistakes))
        _finish(question, ready, plan, Carrier(account, owned, ways, tell), answer)
    finally:
        account.close()


def _wanted(question: Question, ready: Filled) -> Wanted:
    """What is wanted: nothing, where all is to go."""
    if question.what is What.DESTROY:
        return Wanted()
    wanted = wanting.wanted(ready.config, question.public_address)
    wanted.mistakes[:0] = ready.mistakes
    return wanted


def _finish(question: Question, ready: Filled, plan: Plan, carrier: Carrier, answer: Answer) -> None:
    """Carries out, or only tells; fills the answer in also where a step fails."""
    if question.what in (What.PLAN, What.APPLY):
        answer.results.options = ready.options
    if question.what in (What.PLAN, What.STATUS):
        answer.steps = [action.step for action in plan.actions]
        return
    if question.what is What.APPLY:
        answer.results.secrets = ready.secrets
    if not set(plan.memory.lines()) <= set(carrier.owned.memory.lines()):
        answer.again, answer.results.made = True, plan.memory.lines()
        return
    try:
        carrier.carry(plan)
    except Trouble as error:
        doing = carrier.doing
        answer.error = Failure(str(error), error.code, f"{doing.action} {doing.kind} {doing.name}" if doing else "")
    answer.steps = carrier.done
    answer.results.made = carrier.owned.memory.lines()


def _advice(found: Survey, config: Config) -> list[str]:
    about = found.about
    advice = []
    if about.get("type") == "Trial":
        advice.append(_TRIAL)
    if about.get("status") not in (None, "", "active"):
        advice.append(f"The account is {about['status']}: calls do not work until Twilio lifts that.")
    if about.get("owner") == config.twilio.account_sid:
        advice.append(_SUBACCOUNT)
    if found.dialing.inherited:
        advice.append("The countries that may be called are those of the main account, which this one inherits.")
    return advice


def _bases(base: str) -> Mapping[str, str]:
    """Where the lab's server is. Trouble for another machine: nobody but Twilio gets the key."""
    if not base:
        return {}
    try:
        host = ipaddress.ip_address(urlsplit(base).hostname or "")
    except ValueError:
        host = None
    if host is None or not host.is_loopback:
        raise Trouble("Requests can be sent to Twilio, or to a server on this machine by its address.")
    return {"": base}
