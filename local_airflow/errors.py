"""Errors for people."""


class DemoError(Exception):
    """A failure that a person can act on: one line saying what is wrong and what to do."""
