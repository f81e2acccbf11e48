"""The channels by which messages go out, as the configuration has them."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from homeline.adapters.mail import Mailer, remove_other_settings
from homeline.config import Email
from homeline.errors import ConfigError
from homeline.paths import Paths
from homeline.service.context import Context
from homeline.service.deliveries import Channel
from homeline.service.mailtext import MailChannel
from homeline.service.troubles import Troubles

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Accounts:
    """`channels` makes them anew, after each change."""

    context: Context
    paths: Paths
    troubles: Troubles

    def channels(self) -> dict[str, Channel]:
        """By name. One that cannot be is left out and said; what was kept for those that are gone is deleted."""
        emails = self.context.config.emails
        made: dict[str, Channel] = {}
        self.troubles.forget("email ")
        for account in emails:
            try:
                made[account.name] = self._mail(account)
            except (ConfigError, OSError) as error:
                self.troubles.say(f"email {account.name}", str(error))
        try:
            remove_other_settings(self.paths, [account.name for account in emails if not account.command])
        except OSError as error:
            log.warning("Settings of removed mail accounts could not be deleted: %s", error)
        return made

    def _mail(self, account: Email) -> MailChannel:
        return MailChannel(
            account,
            Mailer(account, self.paths),
            lambda: self.context.database.instance,
            lambda: self.paths.inside(self.context.config.sip.voicemail_folder),
        )
