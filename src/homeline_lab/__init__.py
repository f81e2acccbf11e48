"""A laptop's stand-in for what a router has: a dongle and its network, bus and mail server. Not shipped to routers."""
