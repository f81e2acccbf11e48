"""The channel of a `telegram` section: a bot that writes to chats and, where its owner wants that, hears replies."""

from __future__ import annotations

from homeline.adapters.http import Client, parse
from homeline.adapters.resolve import Resolver
from homeline.config_channels import Telegram
from homeline.errors import ConfigError
from homeline.service.channels import World
from homeline.service.channels.telegram_api import Bot
from homeline.service.channels.telegram_chats import TelegramChannel

SLOTS = 2  # a delivery, and the answer to a reply


def build(section: Telegram, world: World) -> TelegramChannel:
    """Raises ConfigError."""
    try:
        parse(section.api)
    except ValueError as error:
        raise ConfigError(section.name, "api", section.api, str(error)) from None
    resolve = Resolver().resolve
    bot = Bot(section, world.paths, Client(resolve, SLOTS))
    if not section.replies:
        return TelegramChannel(section, world, bot)
    from homeline.service.channels.telegram_replies import TelegramWithReplies

    return TelegramWithReplies(section, world, bot, Bot(section, world.paths, Client(resolve, 1)))
