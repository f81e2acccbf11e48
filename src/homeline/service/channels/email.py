"""The channel of an `email` section."""

from __future__ import annotations

from homeline.adapters.mail import Mailer
from homeline.config import Email
from homeline.service.channels import World
from homeline.service.mailtext import MailChannel


def build(account: Email, world: World) -> MailChannel:
    """Raises ConfigError for what msmtp's configuration or a mail's header cannot express."""
    context, paths = world.context, world.paths
    return MailChannel(
        account, Mailer(account, paths), world.wording, lambda: paths.inside(context.config.sip.voicemail_folder)
    )
