"""A laptop's stand-in for what a router has: a dongle and its network, the bus, a mail server. Not shipped to routers."""
