"""Homeline: keeps a phone number at home while its owner travels."""

__version__ = "0.1.0"
