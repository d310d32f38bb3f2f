"""Folkmoot gives an AI model the values of the people it serves, and measures how far it keeps them."""

__version__ = "0.1.0"
