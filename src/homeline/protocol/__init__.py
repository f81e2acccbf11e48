"""Protocols without I/O: bytes in, typed values out. Nothing here knows a clock, a socket, a thread or a file."""
