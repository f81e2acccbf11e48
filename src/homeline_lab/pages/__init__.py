"""The LuCI application's host in the lab: the shipped files as they are, on a router of the lab (docs/lab.md)."""
