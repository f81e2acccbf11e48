"""`make demo`: a simulated dongle, the real daemon, an inbox, an e-mail and a chat, in one terminal, and LuCI's pages.

A short tour texts the dongle and shows what becomes of it. On a terminal a prompt follows; elsewhere the tour is all.
Everything lies in one temporary folder, listens on loopback, and is gone at the end.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import os
import shlex
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from homeline import tables
from homeline.adapters.bus import Bus
from homeline.errors import BusError, HomelineError
from homeline_lab.house import OWNER, House
from homeline_lab.pages.host import LOGINS, PageHost
from homeline_lab.screen import Screen
from homeline_lab.smtp import Received
from homeline_lab.telegram import TOKEN, Telegram
from homeline_lab.uci import COMMANDS, Uci

CHAT = 123456789
BANK, FRIEND = "+41791112233", "+41795556677"
TOUR_TEXT = "Your code is 482913. Do not share it. Grüezi, नमस्ते, 你好"
STEP_TIMEOUT = 20.0  # seconds that a step of the tour may take

FOREVER = 1e9  # seconds
PATIENCE = 7.0  # seconds that a caller lets it ring
FORWARDING = """
config rule 'calls'
	list events 'call'
	list channels 'owner'

config rule 'chat'
	list events 'message'
	list channels 'telegram'
	option template '{{?code}}{{code}}  {{/}}{{who}}: {{text}}'

config telegram 'telegram'
	list chats '{chat}'
	option replies '1'
	option api '{api}'
	option allow_local '1'
"""
SECRET = f"config telegram 'telegram'\n\toption token '{TOKEN}'\n"
HELP = """\
  text WORDS            a stranger texts the home number      text -f +41791234567 WORDS   from this number
  ussd CODE             ask the network, such as *100#        send NUMBER WORDS            the owner texts from home
  reply WORDS           the owner answers in the chat         mail                         the last e-mail in full
  inbox, status         what the daemon says                  crash                        kill -9 it (it comes back)
  call METHOD [JSON]    any method of the ubus object         uci COMMAND …                set, commit, show
  unplug, plug          pull the dongle, put it back          mute, speak                  it stops answering, and again
  ring                  someone calls                         full                         fill the SIM behind its back
  help, quit"""

Command = Callable[[str], Awaitable[None]]


class Demo:
    """One visit."""

    def __init__(self, house: House, pages: PageHost, chat: Telegram) -> None:
        self.house, self.pages, self.chat = house, pages, chat
        self.screen = Screen(self._typed, self._finish)
        self.watch = Bus(house.router.paths.bus)
        self._end = asyncio.Event()
        self._begun = time.monotonic()
        self._tasks: set[asyncio.Task[None]] = set()
        self._commands: dict[str, Command] = {
            name.removeprefix("do_"): getattr(self, name) for name in dir(self) if name.startswith("do_")
        }
        house.mail.on_mail = self._mailed
        self.watch.listen("homeline.*", self._happened)

    # -- what is shown ------------------------------------------------------------------------------------------------

    def note(self, kind: str, text: str, colour: int = 37) -> None:
        """A line of what happens: when, who says it, and what."""
        at = time.monotonic() - self._begun
        mark = f"\x1b[{colour}m{kind:<8}\x1b[0m" if self.screen.interactive else f"{kind:<8}"
        self.screen.say(f"{at:7.2f}  {mark} {text}")

    def _happened(self, name: str, data: dict[str, Any]) -> None:
        line = tables.event(name, data).split("  ", 1)[1]
        self.note("bus", line, 36)

    def _mailed(self, mail: Received) -> None:
        parsed = email.message_from_bytes(mail.content, policy=email.policy.default)
        self.note("e-mail", f"to {', '.join(mail.recipients)}: {tables.plain(parsed['Subject'])}", 32)

    async def _chat(self) -> None:
        """Shows what the bot writes."""
        shown = 0
        while True:
            await self.chat.until(lambda known=shown: len(self.chat.sent) > known, FOREVER)
            for sent in self.chat.sent[shown:]:
                self.note("telegram", tables.plain(sent.text), 32)
            shown = len(self.chat.sent)

    # -- the course ---------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._finish)
        async with self.screen, self.watch:
            tour, chat = asyncio.create_task(self._tour()), asyncio.create_task(self._chat())
            ended = asyncio.create_task(self._end.wait())
            await asyncio.wait([tour, ended], return_when=asyncio.FIRST_COMPLETED)
            if tour.done():
                tour.result()
                if self.screen.interactive:
                    await self._prompt()
            tasks = (tour, chat, ended, *self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _prompt(self) -> None:
        self.screen.say(f"\nNow you. Try: text Hello from the train\n{HELP}\n")
        self.note("pages", self._pages(), 33)
        guard = asyncio.create_task(self._keep_alive())
        await self._end.wait()
        guard.cancel()

    def _pages(self) -> str:
        return f"{self.pages.url}/ (log in as root, {LOGINS['root'].password})"

    async def _keep_alive(self) -> None:
        """What procd does: a daemon that ended is started again."""
        while True:
            daemon = self.house.router.daemon
            if daemon is not None and await daemon.wait() is not None and daemon is self.house.router.daemon:
                self.note("procd", f"the daemon ended ({daemon.returncode}) and is started again", 33)
                await self.house.router.start()
            await asyncio.sleep(0.2)

    def _finish(self) -> None:
        self._end.set()

    async def _tour(self) -> None:
        house, say = self.house, self.screen.say
        kind = f"{house.dongle.model.manufacturer} {house.dongle.model.model}"
        say(f"A router in {house.root}, with a simulated {kind} on {house.dongle.port}.\n")
        self.note("lab", "starting the daemon: homeline run", 33)
        await house.start(timeout=STEP_TIMEOUT)
        status = await house.until_dongle("ready", STEP_TIMEOUT, knows="operator")
        self.note("dongle", f"ready on {status['operator']}, {status.get('signal_dbm', '?')} dBm", 33)
        self.note("pages", self._pages(), 33)
        self.note("network", f"{BANK} texts: {TOUR_TEXT}", 35)
        house.dongle.deliver(TOUR_TEXT, BANK)
        await house.mail.wait_for(1, STEP_TIMEOUT)
        await self.chat.wait_for(1, STEP_TIMEOUT)
        say("\n$ ubus call homeline list_messages '{\"limit\": 1}'")
        say(_json(await house.call("list_messages", limit=1)))
        say(f"\nThe e-mail to {OWNER}:\n")
        say(_mail(house.mail.mails[-1]))

    # -- commands -----------------------------------------------------------------------------------------------------

    def _typed(self, line: str) -> None:
        word, _, rest = line.strip().partition(" ")
        if not word:
            return
        command = self._commands.get(word)
        if command is None:
            self.screen.say(f"There is no command '{tables.plain(word)}'.\n{HELP}")
            return
        task = asyncio.get_running_loop().create_task(self._carry_out(command, rest.strip()))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, command: Command, rest: str) -> None:
        try:
            await command(rest)
        except (HomelineError, ValueError, LookupError, OSError) as error:
            advice = " (the daemon's log has the words)" if isinstance(error, BusError) else ""
            self.screen.say(f"  {tables.plain(str(error) or 'something is missing')}{advice}")

    async def do_help(self, _rest: str) -> None:
        self.screen.say(HELP)

    async def do_quit(self, _rest: str) -> None:
        self._finish()

    async def do_text(self, rest: str) -> None:
        sender, text = FRIEND, rest
        if rest.startswith("-f "):
            sender, _, text = rest[3:].strip().partition(" ")
        self.note("network", f"{tables.plain(sender)} texts: {tables.plain(text)}", 35)
        self.house.dongle.deliver(text or "Hello", sender)

    async def do_send(self, rest: str) -> None:
        number, _, text = rest.partition(" ")
        if not text:
            raise ValueError("send NUMBER WORDS: something is missing")
        reply = await self.house.call("send_message", to=number, text=text, wait=15)
        self.screen.say(f"  {tables.sent(reply)}")

    async def do_ussd(self, rest: str) -> None:
        self.screen.say("  " + tables.ussd(await self.house.call("send_ussd", code=rest)))

    async def do_inbox(self, _rest: str) -> None:
        self.screen.say(tables.inbox(await self.house.call("list_messages", limit=20)))

    async def do_status(self, _rest: str) -> None:
        self.screen.say(tables.status(await self.house.call("status")))

    async def do_mail(self, _rest: str) -> None:
        self.screen.say(_mail(self.house.mail.mails[-1]))

    async def do_reply(self, rest: str) -> None:
        self.note("telegram", f"the owner answers: {tables.plain(rest)}", 35)
        self.chat.say(CHAT, rest or "Thank you", reply_to=self.chat.sent[-1].message)

    async def do_call(self, rest: str) -> None:
        method, _, arguments = rest.partition(" ")
        given = json.loads(arguments.strip().strip("'") or "{}")  # quotes as a shell would need them are welcome
        if not method or not isinstance(given, dict):
            raise ValueError('call METHOD {"name": value, …}')
        self.screen.say(_json(await self.house.bus.call("homeline", method, given, 20)))

    async def do_uci(self, rest: str) -> None:
        words = shlex.split(rest)
        work, least = COMMANDS.get(words[0] if words else "", (None, 0))
        if work is None or len(words) <= least:
            raise ValueError(f"uci COMMAND …, with one of {', '.join(COMMANDS)}")
        for line in work(Uci(self.house.root), words[1:]):
            self.screen.say(f"  {tables.plain(line)}")

    async def do_unplug(self, _rest: str) -> None:
        self.note("lab", "the dongle is pulled out", 33)
        self.house.dongle.unplug()

    async def do_plug(self, _rest: str) -> None:
        name = "ttyUSB1" if self.house.dongle.name == "ttyUSB0" else "ttyUSB0"
        self.note("lab", f"the dongle is plugged in, now as {name}", 33)
        self.house.dongle.plug(name)

    async def do_mute(self, _rest: str) -> None:
        self.note("lab", "the dongle does not answer any more", 33)
        self.house.dongle.faults.mute = True

    async def do_speak(self, _rest: str) -> None:
        self.note("lab", "the dongle answers again", 33)
        self.house.dongle.faults.mute = False

    async def do_ring(self, _rest: str) -> None:
        self.note("network", f"{FRIEND} calls (this dongle has no way to Asterisk, so nobody can answer)", 35)
        self.house.dongle.network.ring(FRIEND)
        await asyncio.sleep(PATIENCE)
        self.note("network", f"{FRIEND} gives up", 35)
        self.house.dongle.network.hang_up()

    async def do_full(self, _rest: str) -> None:
        count = 0
        (old,) = self.house.dongle.network.encode("See you on Sunday", FRIEND)
        try:
            while True:
                self.house.dongle.store([old.hex()])
                count += 1
        except ValueError:
            self.note("lab", f"{count} messages were put on the SIM in silence: it is full", 33)

    async def do_crash(self, _rest: str) -> None:
        daemon = self.house.router.daemon
        if daemon is not None:
            self.note("lab", "kill -9", 31)
            daemon.kill()


def _json(table: Any) -> str:
    return json.dumps(table, ensure_ascii=False, indent=2)


def _mail(mail: Received) -> str:
    """Headers and decoded text of a mail, safe for a terminal."""
    parsed = email.message_from_bytes(mail.content, policy=email.policy.default)
    shown = [f"  {name}: {tables.plain(value)}" for name, value in parsed.items()]
    body = parsed.get_content() if isinstance(parsed, email.message.EmailMessage) else ""
    return "\n".join([*shown, "", *("  " + tables.plain(line) for line in body.splitlines())])


def main(arguments: Sequence[str]) -> int:
    """Run the demo; an argument names another model of dongle."""
    model = arguments[0] if arguments else "e1750"

    async def visit() -> None:
        with tempfile.TemporaryDirectory(prefix="homeline-demo-") as folder:
            root, luci = Path(folder), os.environ.get("LUCI")
            async with (
                Telegram(chats={CHAT: "private"}) as chat,
                House(
                    root, model, level="warning", secret=SECRET, extra=FORWARDING.format(chat=CHAT, api=chat.url)
                ) as house,
                PageHost(house.router, luci=Path(luci) if luci else None) as pages,
            ):
                await Demo(house, pages, chat).run()

    asyncio.run(visit())
    print("\nAll of it is ended and its folder removed.")
    return 0
