"""The composition root of the webhook's process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from homeline import config
from homeline.adapters.http import Client
from homeline.adapters.resolve import Resolver
from homeline.config import Config
from homeline.config_sip import Twilio
from homeline.core import twilio_events
from homeline.core.twilio_events import Trouble
from homeline.paths import Paths
from homeline.service import logs
from homeline.service.keeping import keep
from homeline.webhook.carrier import Carrier
from homeline.webhook.daemon import NotTaken, tell
from homeline.webhook.endpoints import Endpoints, House
from homeline.webhook.limits import Limits
from homeline.webhook.recordings import Recordings
from homeline.webhook.server import Server

if TYPE_CHECKING:
    import ssl

log = logging.getLogger(__name__)

RETRY = 30.0  # seconds until a port that is taken, or a certificate that cannot be read, is tried again
REQUESTS_AT_ONCE = 2  # to Twilio
BEGIN_ANEW = 3  # exit code: procd starts the process again, with TLS
DESCRIPTORS = 256  # files and connections: what strangers begin and leave is bounded


class Webhook:
    """`run` it once. `base` is another address of Twilio's REST API, for tests."""

    def __init__(
        self, paths: Paths, loaded: Config, clock: Callable[[], int], base: str = "", limits: Limits | None = None
    ) -> None:
        self._paths, self._config, self._limits = paths, loaded, limits
        self.port = 0  # where it listens; 0 while it does not
        self.listening = asyncio.Event()
        folder = paths.webhook_files
        client = Client(Resolver().resolve, REQUESTS_AT_ONCE)
        recordings = Recordings(client, folder, self._twilio, base)
        self._carrier = Carrier(folder, partial(self._tell), recordings, self._twilio, clock)
        self._endpoints = Endpoints(House.of(loaded), self._carrier, clock)
        self._server: Server | None = None
        self._tls: ssl.SSLContext | None = None
        self._bound: tuple[object, ...] = ()
        self._changed = asyncio.Event()
        self._stopped = False
        self._said = ""

    def stop(self) -> None:
        self._stopped = True
        self._changed.set()

    def reload(self) -> None:
        """Read the configuration again; what does not change goes on."""
        self._config = config.load(self._paths.config)
        self._endpoints.house = House.of(self._config)
        self._changed.set()

    async def run(self) -> int:
        """Serve until `stop`; the exit code."""
        _bound_descriptors()
        self._paths.webhook_files.mkdir(mode=0o700, parents=True, exist_ok=True)
        carrying = asyncio.get_running_loop().create_task(keep("carrier of events", self._carrier.run, _log_only))
        try:
            while not self._stopped:
                self._changed.clear()
                logging.getLogger().setLevel(logs.LEVELS[self._config.main.log_level])
                if self._config.twilio.certificate and not _has_tls():
                    log.info("It begins anew, since it serves by TLS from now on")
                    return BEGIN_ANEW
                wait = await self._apply()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), wait)
            return 0
        finally:
            await self._listen_no_more()
            carrying.cancel()
            await asyncio.gather(carrying, return_exceptions=True)
            await self._carrier.close()

    def _twilio(self) -> Twilio:
        return self._config.twilio

    async def _tell(self, event: Mapping[str, Any]) -> None:
        await tell(self._paths.webhook_socket, event)

    async def _apply(self) -> float | None:
        """Listen as the configuration wants it; in how many seconds to look again, None for not before it changes."""
        twilio = self._config.twilio
        wanted = (twilio.bind, twilio.port, twilio.certificate, twilio.key) if not _lacking(self._config) else ()
        if wanted != self._bound:
            await self._listen_no_more()
        if not wanted:
            self._log(f"The webhook does not serve: {_lacking(self._config)}")  # the daemon says so too
            return None
        try:
            self._load_certificate(twilio)
            if self._server is None:
                await self._listen(twilio)
        except OSError as error:  # with those of `ssl`
            words = f"The webhook cannot serve at {twilio.bind} port {twilio.port}: {_words(error)}"
            self._log(words)
            await self._show(f"{words}.", "See twilio.bind, port, certificate and key.")
            return RETRY
        self._bound = wanted
        self._said = ""
        return None if await self._show("", "") else RETRY

    async def _listen(self, twilio: Twilio) -> None:
        server = Server(self._endpoints.answer, self._limits)
        self.port = await server.listen(twilio.bind, twilio.port, self._tls)
        self._server = server
        log.info("The webhook serves at %s port %d%s", twilio.bind, self.port, " by TLS" if self._tls else "")
        self.listening.set()

    async def _listen_no_more(self) -> None:
        server, self._server, self._tls, self._bound, self.port = self._server, None, None, (), 0
        self.listening.clear()
        if server is not None:
            await server.close()

    def _load_certificate(self, twilio: Twilio) -> None:
        """Into the context in use: one that was renewed counts from the next connection on. Raises OSError."""
        if not twilio.certificate:
            return
        import ssl

        context = self._tls or ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(
            self._paths.inside(twilio.certificate), self._paths.inside(twilio.key) if twilio.key else None, lambda: ""
        )
        self._tls = context

    async def _show(self, words: str, advice: str) -> bool:
        """Have the daemon show in `status` what is wrong, or that nothing is. False while it is not there."""
        try:
            await self._tell(twilio_events.to_json(Trouble(words, advice)))
        except NotTaken:
            return False
        return True

    def _log(self, words: str) -> None:
        if words != self._said:
            log.error("%s", words)
        self._said = words


def _lacking(loaded: Config) -> str:
    """What is missing before it can serve; "" for nothing."""
    twilio = loaded.twilio
    if not (loaded.main.enabled and twilio.webhook):
        return "homeline.main.enabled or twilio.webhook is off"
    if not twilio.public_url:
        return "twilio.public_url is not set"
    if not twilio.auth_token:
        return "twilio.auth_token is not set"
    if bool(twilio.certificate) != bool(twilio.key):
        return "twilio.certificate and key go together"
    return ""


def _log_only(_where: str, _text: str, _advice: str) -> None:
    """`keep` has logged it already."""


def _words(error: OSError) -> str:
    """Why it cannot listen. asyncio wraps the system's words in its own; an error of TLS has another kind of number."""
    if type(error).__module__ == "ssl":
        return "certificate and key cannot be used"
    return os.strerror(error.errno) if error.errno else type(error).__name__


def _has_tls() -> bool:
    """Whether asyncio was loaded with TLS (`footprint`)."""
    return getattr(sys.modules.get("asyncio.sslproto"), "ssl", None) is not None


def _bound_descriptors() -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):  # a guard, not needed to work
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(DESCRIPTORS, hard), hard))
