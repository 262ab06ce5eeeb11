"""Counterfeit detection and authenticity verification: see README.md."""

__version__ = "0.1.0"
