"""The channel of an `email` section."""

from __future__ import annotations

from homeline.adapters.mail import Mailer
from homeline.config import Email
from homeline.errors import DeliveryError, StoreError
from homeline.model import Event
from homeline.service.channels import Invitation, World
from homeline.service.mailtext import MailChannel


def build(account: Email, world: World) -> MailChannel:
    """Raises ConfigError for what msmtp's configuration or a mail's header cannot express."""
    context, paths = world.context, world.paths

    async def invite(event: Event) -> Invitation | None:
        mailbox = world.replies.get(account.replies)
        try:
            return await mailbox(event) if mailbox else None
        except StoreError as error:
            raise DeliveryError(str(error)) from None

    return MailChannel(
        account,
        Mailer(account, paths),
        world.wording,
        lambda: paths.inside(context.config.sip.voicemail_folder),
        invite if account.replies else None,
    )
