"""The commands that ask a running service over the bus, and those that need none (doctor, decode-pdu, encode-pdu)."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from homeline import __version__, doctor, pdu_tool, tables, tables_twilio
from homeline.adapters.bus import Bus
from homeline.errors import BusError, ConnectionLost, HomelineError, TimedOut
from homeline.paths import Paths

FAILED, USAGE, ABSENT, TIMEOUT = 1, 2, 3, 4
CONNECT_TIMEOUT = 3.0  # seconds to reach ubusd
CALL_TIMEOUT = 20.0  # seconds: no method of ours holds a call for longer than 15
USSD_TIMEOUT = 120.0  # seconds: networks take their time
TEST_TIMEOUT = 660.0  # seconds: the longest that a section's `timeout` allows, and a little
TWILIO_TIMEOUT = 720.0  # seconds: two such jobs, one after the other
RENDER_TIMEOUT = 120.0  # seconds: rendering, and Asterisk's reading of it, on a slow router

Table = dict[str, Any]

EPILOG = """\
exit codes: 0 done; 1 refused or failed, with the reason on standard error; 2 wrong usage;
3 the service is not there; 4 a wait ran out. `homeline COMMAND --help` tells more."""

COMPLETION = """\
_homeline() {{
  local words=
  case "$COMP_CWORD:${{COMP_WORDS[1]}}" in
    {cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -F _homeline homeline"""


def main(argv: Sequence[str]) -> int:
    """Run one command; its exit code."""
    logging.getLogger().addHandler(logging.NullHandler())  # what the bus logs is said once, by the error
    parser = _parser()
    options = parser.parse_args(argv)
    if not hasattr(options, "work"):
        parser.print_help()
        return USAGE
    try:
        return int(options.work(options))
    except TimedOut as error:
        return _complain(str(error), TIMEOUT)
    except ConnectionLost as error:
        return _complain(f"{error} (does the service run? /etc/init.d/homeline status)", ABSENT)
    except BusError as error:
        if _absent(error):
            who = "" if os.geteuid() == 0 else ", or only root may call it"
            return _complain(f"{error}: the service does not run (/etc/init.d/homeline start){who}", ABSENT)
        # A status is all that the bus carries.
        words = f"{error} (the log says why: logread -e homeline)"
        return _complain(words, TIMEOUT if error.status == TimedOut.status else FAILED)
    except HomelineError as error:
        return _complain(str(error), FAILED)


def _absent(error: BusError) -> bool:
    return error.status == 4 and "object" in str(error)


def _complain(text: str, code: int) -> int:
    print(f"homeline: {tables.plain(text)}", file=sys.stderr)
    return code


# -- the command line ----------------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="homeline",
        description="The home phone number, from anywhere.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"homeline {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    commands.add_parser("run", help="run the service (what the init script starts)")
    commands.add_parser("webhook", help="answer Twilio's requests (what the init script starts where it is wanted)")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="JSON for scripts instead of a table")
    shared.add_argument("--root", type=Path, default=Path(os.environ.get("HOMELINE_ROOT", "/")), help=argparse.SUPPRESS)

    def command(name: str, work: Callable[[argparse.Namespace], int], words: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=words, description=words, parents=[shared])
        added.set_defaults(work=work)
        return added

    added = command("status", _over_bus(_status), "dongles, rules, channels and problems")
    added.add_argument("dongle", nargs="?", default="", help="only this one")
    added = command("inbox", _over_bus(_inbox), "messages, newest first")
    added.add_argument("-n", "--limit", type=int, default=20, metavar="N", help="how many (at most 500)")
    added.add_argument("--before", type=int, metavar="ID", help="only those older than this id")
    added.add_argument("--peer", metavar="NUMBER", help="only those from or to this number")
    added.add_argument("--text", metavar="WORDS", help="only those with this text in them")
    added.add_argument("--unread", action="store_true", help="only unread ones")
    added.add_argument("--direction", choices=["in", "out"], help="only received or only sent ones")
    added.add_argument("--id", type=int, metavar="ID", help="one message, with its parts and deliveries")
    added = command("calls", _over_bus(_calls), "the call log, newest first")
    added.add_argument("-n", "--limit", type=int, default=20, metavar="N", help="how many (at most 500)")
    added.add_argument("--before", type=int, metavar="ID", help="only those older than this id")
    added.add_argument("--peer", metavar="NUMBER", help="only those from or to this number")
    added.add_argument("--unread", action="store_true", help="only missed ones and messages not yet looked at")
    added.add_argument("--direction", choices=["in", "out", "internal"], help="only of this direction")
    added.add_argument("--state", choices=["answered", "missed", "voicemail", "failed", "refused"], help="only those")
    added = command("send", _over_bus(_send), "send an SMS")
    added.add_argument("to", help="a number, national or international, or a short code")
    added.add_argument("text", help="the text; - reads it from standard input")
    added.add_argument("--dongle", default="", metavar="NAME", help="through this one")
    added.add_argument("--flash", action="store_true", help="show it at once, without storing it")
    words = "ask for a delivery report, or not; else as the dongle's section says"
    added.add_argument("--report", action=argparse.BooleanOptionalAction, help=words)
    added.add_argument(
        "--wait", type=int, default=15, metavar="SECONDS", help="seconds to wait for the network (at most 15)"
    )
    added = command("ussd", _over_bus(_ussd), "send a USSD code, or an answer to an open menu")
    added.add_argument("code", help="such as *100#; `cancel` ends an open menu")
    added.add_argument("--dongle", default="", metavar="NAME", help="through this one")
    added = command("render", _over_bus(_render), "make Asterisk's files anew and apply them, or see what that changes")
    added.add_argument("--diff", action="store_true", help="change nothing; show what would change, without secrets")
    added.add_argument(
        "--restart", action="store_true", help="start Asterisk again now where that is needed: calls end"
    )
    _forwarding(command)
    added = command("twilio", _over_bus(_twilio), "set up the account at Twilio, see what that would do, or undo it")
    added.add_argument("what", choices=["plan", "apply", "destroy", "status"], help="plan and status change nothing")
    words = "also change what counts for the whole account: which countries may be called"
    added.add_argument("--account-wide", action="store_true", help=words)
    command("watch", _over_bus(_watch), "events as they come, until Ctrl-C")
    command("doctor", doctor.run, "check everything and say what to do")
    pdu_tool.add_arguments(commands)
    _completion(commands)
    return parser


def _forwarding(command: Callable[..., argparse.ArgumentParser]) -> None:
    """What asks about rules, deliveries and alerts."""
    added = command("explain", _over_bus(_explain), "which rules match, why others do not, and what would go out")
    added.add_argument(
        "event", nargs="?", type=int, help="the id of a message, call or other event; else one is made up"
    )
    added.add_argument("--rule", metavar="NAME", help="only this rule; and what all of its criteria found")
    added.add_argument("--from", metavar="NUMBER", help="made up: from this number or name")
    added.add_argument("--text", metavar="WORDS", help="made up: with this text")
    added.add_argument("--dongle", metavar="NAME", help="made up: through this one")
    kinds = ["message", "report", "ussd", "alert", "call", "voicemail"]
    added.add_argument("--kind", choices=kinds, help="made up: of this kind; else a message")
    added.add_argument("--state", metavar="STATE", help="made up: of a call or report, such as missed or failed")
    added.add_argument("--key", metavar="KEY", help="made up: of an alert, such as sim.stick")
    added.add_argument("--template", metavar="TEXT", help="say it by this template, which need not be saved")
    added = command("test", _over_bus(_test), "send a sample through the channels of a rule")
    added.add_argument("rule", help="its name")
    added = command("deliveries", _over_bus(_deliveries), "what became of what was forwarded, newest first")
    added.add_argument("-n", "--limit", type=int, default=20, metavar="N", help="how many (at most 500)")
    added.add_argument("--before", type=int, metavar="ID", help="only those older than this id")
    added.add_argument("--event", type=int, metavar="ID", help="only those of this message, call or other event")
    added.add_argument("--rule", metavar="NAME", help="only those by this rule")
    added.add_argument("--channel", metavar="NAME", help="only those through this channel")
    added.add_argument("--state", choices=["pending", "sending", "done", "failed"], help="only those")
    added.add_argument("--retry", type=int, metavar="ID", help="try this one again now")
    added = command("alerts", _over_bus(_alerts), "what the owner should know, newest first")
    added.add_argument("-n", "--limit", type=int, default=20, metavar="N", help="how many (at most 500)")
    added.add_argument("--before", type=int, metavar="ID", help="only those older than this id")
    added.add_argument("--all", action="store_true", help="also those whose cause is gone")
    added.add_argument("--acknowledge", type=int, metavar="ID", help="mark this one as seen")


def _completion(commands: Any) -> None:
    added = commands.add_parser("completion", help='a completion script for bash: eval "$(homeline completion)"')
    cases = [f"1:*) words='{' '.join(sorted(commands.choices))} --version --help' ;;"]
    cases += [f"*:{name}) words='{' '.join(_options(parser))}' ;;" for name, parser in commands.choices.items()]
    script = COMPLETION.format(cases="\n    ".join(cases))
    added.set_defaults(work=lambda _options: print(script) or 0)


def _options(parser: argparse.ArgumentParser) -> list[str]:
    """The long options that a command's help shows."""
    shown = [action.option_strings for action in parser._actions if action.help is not argparse.SUPPRESS]
    return [option for options in shown for option in options if option.startswith("--")]


def _over_bus(work: Callable[[argparse.Namespace, Bus], Awaitable[int]]) -> Callable[[argparse.Namespace], int]:
    async def connected(options: argparse.Namespace) -> int:
        bus = Bus(Paths(options.root).bus)
        async with bus:
            try:
                await bus.wait_ready(CONNECT_TIMEOUT)
            except TimedOut as error:
                raise ConnectionLost(str(error)) from error
            return await work(options, bus)

    return lambda options: asyncio.run(connected(options))


async def _call(bus: Bus, method: str, arguments: Table, timeout: float = CALL_TIMEOUT) -> Table:
    given = {key: value for key, value in arguments.items() if value is not None and value != ""}
    return await bus.call("homeline", method, given, timeout)


def _print_json(table: Any) -> None:
    print(tables.as_json(table, indent=2), flush=True)


async def _asked(
    options: argparse.Namespace, bus: Bus, method: str, names: Iterable[str], shown: Callable[[Table], str]
) -> int:
    """Call a method with the options of these names, and print its reply: as JSON, or as `shown` makes it."""
    reply = await _call(bus, method, {name: getattr(options, name) for name in names})
    _print_json(reply) if options.json else print(shown(reply))
    return 0


# -- the commands --------------------------------------------------------------------------------------------------


async def _status(options: argparse.Namespace, bus: Bus) -> int:
    return await _asked(options, bus, "status", ("dongle",), tables.status)


async def _inbox(options: argparse.Namespace, bus: Bus) -> int:
    if options.id is not None:
        reply = await _call(bus, "get_message", {"id": options.id})
        _print_json(reply) if options.json else print(tables.one_message(reply))
        return 0
    names = ("limit", "before", "peer", "text", "unread", "direction")
    return await _asked(options, bus, "list_messages", names, tables.inbox)


async def _calls(options: argparse.Namespace, bus: Bus) -> int:
    names = ("limit", "before", "peer", "unread", "direction", "state")
    return await _asked(options, bus, "list_calls", names, tables.calls)


async def _send(options: argparse.Namespace, bus: Bus) -> int:
    text = sys.stdin.read() if options.text == "-" else options.text
    names = ("to", "dongle", "flash", "report", "wait")
    reply = await _call(bus, "send_message", {name: getattr(options, name) for name in names} | {"text": text})
    _print_json(reply) if options.json else print(tables.sent(reply))
    return FAILED if reply.get("state") in ("failed", "unknown") else 0


async def _ussd(options: argparse.Namespace, bus: Bus) -> int:
    if options.code == "cancel":
        await _call(bus, "cancel_ussd", {"dongle": options.dongle})
        return 0
    reply = await _call(bus, "send_ussd", {"code": options.code, "dongle": options.dongle})
    if reply.get("pending"):
        reply = await _job(bus, int(reply["job"]), USSD_TIMEOUT)
    _print_json(reply) if options.json else print(tables.ussd(reply))
    return 0


async def _job(bus: Bus, job: int, timeout: float, tell: Callable[[Table], None] = lambda _: None) -> Table:
    """Wait for a job's end; `tell` hears how far it is. Raises TimedOut, or HomelineError with why it failed."""
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout
    while loop.time() < end:
        reply = await _call(bus, "get_job", {"job": job})
        if reply["state"] == "done":
            return dict(reply["result"])
        if reply["state"] == "failed":
            raise HomelineError(str(reply.get("error", "failed")))
        if "progress" in reply:
            tell(reply["progress"])
        await asyncio.sleep(0.5)
    raise TimedOut(f"There was no answer within {timeout:.0f} s.")


async def _render(options: argparse.Namespace, bus: Bus) -> int:
    reply = await _call(bus, "render_config", {"dry_run": options.diff, "restart": options.restart})
    if reply.get("pending"):
        reply = await _job(bus, int(reply["job"]), RENDER_TIMEOUT)
    _print_json(reply) if options.json else print(tables.rendered(reply))
    return FAILED if reply.get("error") else 0


async def _twilio(options: argparse.Namespace, bus: Bus) -> int:
    def tell(words: str) -> None:
        if sys.stderr.isatty():  # in one line, which is gone in the end
            print(f"\r\x1b[K{words[:78]}", end="", file=sys.stderr, flush=True)

    wide = {} if options.what == "status" else {"account_wide": options.account_wide}
    reply = await _call(bus, f"twilio_{options.what}", wide)
    if reply.get("pending"):
        reply = await _job(bus, int(reply["job"]), TWILIO_TIMEOUT, lambda told: tell(tables_twilio.progress(told)))
        tell("")
    _print_json(reply) if options.json else print(tables_twilio.steps(reply, options.what))
    return FAILED if "error" in reply or "problem" in reply else 0


async def _explain(options: argparse.Namespace, bus: Bus) -> int:
    names = ("event", "rule", "from", "text", "dongle", "kind", "state", "key", "template")
    reply = await _call(bus, "explain_rule", {name: getattr(options, name) for name in names})
    _print_json(reply) if options.json else print(tables.explained(reply, whole=bool(options.rule)))
    return 0


async def _test(options: argparse.Namespace, bus: Bus) -> int:
    reply = await _call(bus, "test_rule", {"rule": options.rule})
    if reply.get("pending"):
        reply = await _job(bus, int(reply["job"]), TEST_TIMEOUT)
    _print_json(reply) if options.json else print(tables.tested(reply))
    return 0 if all(result["ok"] for result in reply["results"]) else FAILED


async def _deliveries(options: argparse.Namespace, bus: Bus) -> int:
    if options.retry is not None:
        reply = await _call(bus, "retry_delivery", {"id": options.retry})
        _print_json(reply) if options.json else print(tables.retried(reply))
        return 0
    names = ("limit", "before", "event", "rule", "channel", "state")
    return await _asked(options, bus, "list_deliveries", names, tables.deliveries)


async def _alerts(options: argparse.Namespace, bus: Bus) -> int:
    if options.acknowledge is not None:
        await _call(bus, "acknowledge_alert", {"id": options.acknowledge})
        return 0
    return await _asked(options, bus, "list_alerts", ("limit", "before", "all"), tables.alerts)


async def _watch(options: argparse.Namespace, bus: Bus) -> int:
    def show(name: str, data: Table) -> None:
        if options.json:
            print(tables.as_json({"event": name, "data": data}), flush=True)
        else:
            print(tables.event(name, data), flush=True)

    bus.listen("homeline.*", show)
    await asyncio.Event().wait()
    return 0
