"""Decisions without I/O: events and `now` in, actions out. The adapters carry them out."""
